// SQL functions of the gate and of freezing.
#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_action_type.hpp"
#include "pulse/trust/store_gate_detail.hpp"
#include "pulse/trust/store_trust_settings.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr size_t kLongestReason = 1000;

struct Allowance {
    std::vector<std::string> allowed, restricted;
};

// Which actions the score alone permits.
Allowance AllowanceOf(const FullDecision& full, const std::vector<ActionType>& types) {
    Allowance allowance;
    const GateFacts& facts = full.facts;
    for (const ActionType& type : types) {
        GateFacts asked = facts;
        asked.action = type.name;
        asked.risk = type.risk;
        const bool passes = Judge(asked, full.settings).verdict == Verdict::kPass;
        (passes ? allowance.allowed : allowance.restricted).push_back(type.name);
    }
    return allowance;
}

std::vector<Value> GateValues(const FullDecision& full, const Allowance& allowance) {
    const GateFacts& facts = full.facts;
    return {Value::Text(Name(full.decision.verdict)),
            Value::Float8(facts.score),
            Value::Text(Name(facts.status)),
            Value::Texts(full.judgement.reasons),
            Value::Texts(full.judgement.lifts),
            Value::Text(ModeOf(facts.score, facts.status, facts.frozen.value_or(true), full.settings)),
            Value::Texts(allowance.allowed),
            Value::Texts(allowance.restricted),
            Value::Jsonb(full.parts),
            Value::Jsonb({{"pass", full.judgement.threshold},
                          {"hold", full.settings.hold},
                          {"healthy", full.settings.healthy},
                          {"degraded", full.settings.degraded}}),
            Value::Time(facts.now),
            Value::Time(facts.as_of),
            full.decision.id > 0 ? Value::Int8(full.decision.id) : Value::Null(INT8OID)};
}

// Returns whether it was not so before.
bool SetFrozen(bool frozen, const std::optional<std::string>& reason) {
    if (reason && reason->size() > kLongestReason)
        ThrowInvalid("\"reason\" is too long", "It has " + std::to_string(reason->size()) + " bytes.",
                     "Give at most 1,000.");
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    const Moment now = pg::Now();
    const pg::Result before = pg::Execute("SELECT frozen FROM pulse.freeze WHERE singleton FOR UPDATE");
    const bool was = !before.empty() && before[0].Bool(0);
    if (!frozen && !was) return false;
    pg::Execute(
        "INSERT INTO pulse.freeze AS f (frozen, reason, by, at) VALUES ($1, $2, $3, $4) ON CONFLICT (singleton)"
        " DO UPDATE SET frozen = excluded.frozen, reason = excluded.reason, by = excluded.by, at = CASE WHEN"
        " f.frozen = excluded.frozen THEN f.at ELSE excluded.at END",
        {Value::Bool(frozen), Value::Text(reason), Value::Text(actor), Value::Time(now)});
    audit::Write(frozen ? "trust.frozen" : "trust.unfrozen", "all",
                 {{"reason", reason ? pg::Json(*reason) : pg::Json()}});
    return was != frozen;
}

}  // namespace

}  // namespace pulse::trust

namespace pg = pulse::pg;
namespace trust = pulse::trust;
using pg::Value;

PULSE_FUNCTION(pulse_evaluate_gate) {
    static const pg::RecordType record({{"decision", TEXTOID},
                                        {"score", FLOAT8OID},
                                        {"status", TEXTOID},
                                        {"reasons", TEXTARRAYOID},
                                        {"lifts", TEXTARRAYOID},
                                        {"mode", TEXTOID},
                                        {"allowed", TEXTARRAYOID},
                                        {"restricted", TEXTARRAYOID},
                                        {"parts", JSONBOID},
                                        {"thresholds", JSONBOID},
                                        {"evaluated_at", TIMESTAMPTZOID},
                                        {"as_of", TIMESTAMPTZOID},
                                        {"id", INT8OID}});
    const pg::Args args(fcinfo);
    const std::string action = args.RequireText(0, "action"), subject = args.RequireText(1, "subject");
    const bool dry_run = args.RequireBool(2, "dry_run");
    trust::FullDecision full;
    trust::Allowance allowance;
    {
        const pg::OwnerSession session;
        full = trust::EvaluateGateFully(action, subject, dry_run);
        allowance = trust::AllowanceOf(full, trust::ActionTypes());
    }
    return record.Make(trust::GateValues(full, allowance));
}

PULSE_FUNCTION(pulse_list_action_types) {
    pg::ResultSet rows(fcinfo);
    const pg::OwnerSession session;
    const trust::TrustSettings settings = trust::TrustSettingsAt(pg::Now()).settings;
    for (const trust::ActionType& type : trust::ActionTypes())
        rows.Add({Value::Text(type.name), Value::Text(trust::Name(type.risk)),
                  Value::Float8(settings.Threshold(type.risk)), Value::Text(type.description),
                  Value::Bool(type.built_in)});
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_set_action_type) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "action");
    const trust::Risk risk = trust::ReadRisk(args.RequireText(1, "risk"));
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    trust::SetActionType(name, risk, args.Text(2), actor);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_delete_action_type) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "action");
    const pg::OwnerSession session;
    trust::DeleteActionType(name);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_freeze) {
    return BoolGetDatum(trust::SetFrozen(true, pg::Args(fcinfo).Text(0)));
}

PULSE_WRITING_FUNCTION(pulse_unfreeze) {
    return BoolGetDatum(trust::SetFrozen(false, {}));
}
