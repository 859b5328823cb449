// The gate: everything that acts asks here, and there is no other way.
#include "pulse/trust/store_gate.hpp"

#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/trust/store_action_type.hpp"
#include "pulse/trust/store_gate_detail.hpp"
#include "pulse/trust/store_health.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr int64_t kBetweenUses = kHour;
constexpr size_t kLongestAsked = 300;

// Runs a part of the work; what fails leaves nothing behind, and its SQLSTATE is returned.
template <typename Body>
std::string Attempt(Body body) {
    std::string state, message;
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            body();
        }
        subtransaction.Commit();
        return "";
    } catch (const UserError& error) {
        state = error.state();
        message = error.message();
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        state = error.State();
        message = error.message;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        state = sqlstate::kInternalError;
        message = error.what();
    }
    // The text can quote data: only the log has it.
    pg::Call([&] { ereport(LOG, (errmsg("the gate refuses because of an error: %s", message.c_str()))); });
    return state;
}

void TakeScore(const std::string& subject, const StoredTrustSettings& settings, bool may_write,
               GateFacts& facts, pg::Json& parts) {
    StoredScope stored = FindStored(subject, facts.now);
    // A state from the future is as suspicious as such a history.
    if (stored.as_of && *stored.as_of > facts.now) facts.last_history = stored.as_of;
    if (stored.holds) {
        facts.score = stored.holds->score;
        facts.status = stored.holds->status;
        facts.issues = std::move(stored.holds->issues);
        facts.as_of = stored.as_of;
        parts = std::move(stored.holds->parts);
    } else {
        std::optional<ScopeHealth> result;
        // The state falls at once, and another transaction sees it.
        if (may_write) result = UpdateHealth(subject, facts.now, settings, false, false);
        if (!result) result = ComputeHealth(subject, facts.now, settings);
        facts.score = result->score;
        facts.status = result->status;
        facts.issues = result->health.issues;
        facts.as_of = result->as_of;
        parts = Json(result->health.parts);
    }
    const std::optional<Moment> used_at = stored.used_at;
    if (may_write && used_at && facts.now - *used_at > kBetweenUses)
        pg::Execute(
            "UPDATE pulse.signal_health_state SET used_at = $2 WHERE scope = (SELECT scope FROM"
            " pulse.signal_health_state WHERE scope = $1 FOR NO KEY UPDATE SKIP LOCKED)",
            {Value::Text(subject), Value::Time(facts.now)});
}

void ReadFreeze(GateFacts& facts) {
    static pg::Statement statement("SELECT frozen, reason FROM pulse.freeze WHERE singleton", {});
    const pg::LatestSnapshot latest;
    const pg::Result rows = statement.Execute({}, true);
    facts.frozen = !rows.empty() && rows[0].Bool(0);
    if (!rows.empty()) facts.frozen_why = rows[0].TextOrNull(1).value_or("");
}

// When the health of a scope and of everything was kept last.
struct LastKept {
    std::optional<Moment> scope, all;
};

LastKept FindLastKept(const std::string& scope) {
    static pg::Statement statement(
        "SELECT (SELECT h.as_of FROM pulse.signal_health_history AS h WHERE h.scope = $1 ORDER BY h.hour DESC LIMIT 1),"
        " (SELECT h.as_of FROM pulse.signal_health_history AS h WHERE h.scope = 'all' ORDER BY h.hour DESC LIMIT 1)",
        {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(scope)});
    return {rows[0].TimeOrNull(0), rows[0].TimeOrNull(1)};
}

std::string ProblemOf(const std::string& what, const std::string& state) {
    return state.empty() ? "" : what + " (error " + state + ").";
}

// Everything that the judgement needs. What fails stays unknown.
void Gather(FullDecision& full, bool dry_run) {
    GateFacts& facts = full.facts;
    facts.now = pg::Now();
    facts.latest = pg::LatestNow();
    facts.clock_ahead = facts.now > pg::WallClock();
    facts.writable = !pg::OnStandby() && (dry_run || !pg::ReadOnly());
    facts.old_snapshot = !dry_run && IsolationUsesXactSnapshot();
    StoredTrustSettings settings;
    facts.problem = ProblemOf("The settings could not be read", Attempt([&] {
                                  settings = TrustSettingsAt(facts.now);
                                  facts.risk = FindRisk(facts.action);
                                  ReadFreeze(facts);
                              }));
    full.settings = settings.settings;
    if (!facts.problem.empty()) return;
    bool unknown = false;
    const std::string state = Attempt([&] {
        try {
            facts.subject = Write(ReadSubject(facts.subject));
            TakeScore(facts.subject, settings, !dry_run && facts.writable && !facts.clock_ahead, facts,
                      full.parts);
            const LastKept kept = FindLastKept(facts.subject);
            if (!facts.last_history) facts.last_history = kept.scope;
            // A scope that is not kept up says nothing about the clock; that of everything always does.
            if (kept.all && *kept.all > facts.latest) {
                facts.last_history = kept.all;
                facts.everything_later = true;
            }
        } catch (const UserError& error) {
            // Only the subject itself is looked for by name.
            unknown =
                error.state() == sqlstate::kUndefinedObject || error.state() == sqlstate::kInvalidParameter;
            if (!unknown) throw;
        }
    });
    facts.subject_exists = !unknown;
    facts.problem = ProblemOf("The score of " + facts.subject + " could not be computed", state);
    if (!state.empty()) facts.score.reset();
}

pg::Json ShortParts(const pg::Json& parts) {
    pg::Json list = pg::Json::array();
    for (const pg::Json& part : parts) {
        if (!part.value("applies", false)) continue;
        list.push_back({{"part", part["part"]},
                        {"value", part["value"]},
                        {"weight", part["weight"]},
                        {"assumed", part["assumed"]}});
    }
    return list;
}

// Looking for all subscriptions would cost as much as the decision.
void Publish(const FullDecision& full) {
    static pg::Statement wanted(
        "SELECT EXISTS (SELECT FROM pulse.subscription WHERE 'trust_gate.decision' = ANY (events))", {});
    if (!wanted.Execute({})[0].Bool(0)) return;
    const GateFacts& facts = full.facts;
    delivery::PublishEvent("trust_gate.decision", "trust_gate:" + facts.subject,
                           {{"decision_id", full.decision.id},
                            {"decision", Name(full.judgement.verdict)},
                            {"action", facts.action},
                            {"subject", facts.subject},
                            {"score", facts.score ? pg::Json(*facts.score) : pg::Json()},
                            {"status", Name(facts.status)},
                            {"threshold", full.judgement.threshold},
                            {"reasons", full.judgement.reasons},
                            {"lifts", full.judgement.lifts}});
}

void Record(FullDecision& full, const std::string& asker) {
    static pg::Statement statement(
        "INSERT INTO pulse.gate_decision (at, action, subject, risk, decision, score, status, threshold,"
        " hold_threshold, reasons, lifts, parts, as_of, decided_for) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, $12, $13, $14) RETURNING id",
        {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, TEXTOID, FLOAT8OID, FLOAT8OID,
         TEXTARRAYOID, TEXTARRAYOID, JSONBOID, TIMESTAMPTZOID, TEXTOID});
    const GateFacts& facts = full.facts;
    const char* verdict = Name(full.judgement.verdict);
    const pg::Result rows = statement.Execute(
        {Value::Time(facts.now), Value::Text(facts.action), Value::Text(facts.subject),
         facts.risk ? Value::Text(Name(*facts.risk)) : Value::Null(TEXTOID), Value::Text(verdict),
         Value::Float8(facts.score), Value::Text(Name(facts.status)), Value::Float8(full.judgement.threshold),
         Value::Float8(full.settings.hold), Value::Texts(full.judgement.reasons),
         Value::Texts(full.judgement.lifts), Value::Jsonb(ShortParts(full.parts)), Value::Time(facts.as_of),
         Value::Text(asker)});
    full.decision.id = rows[0].Int8(0);
    audit::Write("gate.decided", facts.subject,
                 {{"decision", full.decision.id},
                  {"action", facts.action},
                  {"verdict", verdict},
                  {"score", facts.score ? PlainNumber(*facts.score) : pg::Json()},
                  {"threshold", PlainNumber(full.judgement.threshold)}});
    Publish(full);
}

}  // namespace

FullDecision EvaluateGateFully(const std::string& action, const std::string& subject, bool dry_run) {
    FullDecision full;
    full.facts.action = Shorten(action, kLongestAsked);
    full.facts.subject = Shorten(subject, kLongestAsked);
    Gather(full, dry_run);
    full.judgement = Judge(full.facts, full.settings);
    if (!dry_run && full.facts.writable) {
        const std::string asker = pg::ActorName(pg::OriginalCaller());
        const std::string state = Attempt([&] { Record(full, asker); });
        // What is not on record did not pass.
        if (!state.empty()) {
            full.decision.id = 0;
            full.judgement.verdict = Verdict::kBlock;
            full.judgement.reasons.push_back("The decision could not be recorded (error " + state + ").");
        }
    }
    GateDecision& decision = full.decision;
    decision.verdict = full.judgement.verdict;
    decision.score = full.facts.score;
    decision.reasons = full.judgement.reasons;
    decision.as_of = full.facts.as_of.value_or(full.facts.now);
    return full;
}

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

GateDecision EvaluateGate(const std::string& action, const std::string& subject, bool dry_run) {
    return EvaluateGateFully(action, subject, dry_run).decision;
}

}  // namespace pulse::trust
