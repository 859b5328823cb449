// SQL functions that seal, verify and read the audit log.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/audit/store_chain.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/transaction.hpp"

namespace pg = pulse::pg;
namespace audit = pulse::audit;
using pg::Value;
using pulse::UserError;

namespace {

int64_t SealAll() {
    audit::LockChain(true);
    int64_t rows = 0;
    for (audit::Sealed sealed{0, true}; sealed.more; rows += sealed.rows) {
        pg::CheckInterrupts();
        sealed = audit::SealBatch();
    }
    return rows;
}

Value TextOrNull(const std::string& text) {
    return text.empty() ? Value::Null(TEXTOID) : Value::Text(text);
}

// Conditions only on what is asked for, so that an index of the table serves each.
std::string ListFilter(const pg::Args& args, std::vector<Value>& parameters) {
    const auto parameter = [&](int argument) -> std::string {
        const std::optional<std::string> wanted = args.Text(argument);
        if (!wanted) return "";
        parameters.push_back(Value::Text(*wanted));
        return "$" + std::to_string(parameters.size());
    };
    std::string filter;
    if (const std::string action = parameter(2); !action.empty()) filter += " AND r.action = " + action;
    if (const std::string actor = parameter(3); !actor.empty()) filter += " AND r.actor = " + actor;
    if (const std::string subject = parameter(4); !subject.empty())
        filter += " AND hashtext(r.subject) = hashtext(" + subject + ") AND r.subject = " + subject;
    return filter;
}

}  // namespace

PULSE_FUNCTION(pulse_audit_may_change) {
    PG_RETURN_BOOL(audit::Permission::Given());
}

PULSE_WRITING_FUNCTION(pulse_write_audit) {
    const pg::Args args(fcinfo);
    const std::string action = args.RequireText(0, "action"), subject = args.RequireText(1, "subject");
    const pg::Json details = args.RequireJsonb(2, "details");
    const std::optional<int64_t> person = args.Int8(3);
    const std::optional<pg::Json> personal = args.Jsonb(4);
    if (personal && !person)
        throw UserError(pulse::sqlstate::kInvalidParameter, "\"personal\" needs a person", "",
                        "Give the id of the profile.");
    if (personal)
        audit::Write(action.c_str(), subject, details, {*person, *personal});
    else
        audit::Write(action.c_str(), subject, details);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_erase_audit) {
    const pg::Args args(fcinfo);
    if (args.IsNull(0))
        throw UserError(pulse::sqlstate::kNullValue, "\"people\" must not be null", "",
                        "Give the ids of profiles.");
    const std::vector<int64_t> people = pg::ToInt64Array(args.Raw(0));
    const pg::OwnerSession session;
    return Int64GetDatum(audit::ErasePersonal(people));
}

PULSE_WRITING_FUNCTION(pulse_seal_audit) {
    const pg::OwnerSession session;
    const int64_t rows = SealAll();
    audit::WriteCheckpoint(true);
    return Int64GetDatum(rows);
}

PULSE_WRITING_FUNCTION(pulse_checkpoint_audit) {
    pg::Json json;
    {
        const pg::OwnerSession session;
        SealAll();
        audit::WriteCheckpoint(false);
        if (const auto checkpoint = audit::ReadCheckpoint())
            json = {{"seq", checkpoint->seq},
                    {"hash", audit::DigestText(checkpoint->hash)},
                    {"at", pulse::FormatMoment(checkpoint->at)}};
    }
    if (json.is_null()) {
        fcinfo->isnull = true;
        return 0;
    }
    return pg::FromJson(json);
}

PULSE_FUNCTION(pulse_verify_audit) {
    static const pg::RecordType type({{"intact", BOOLOID},
                                      {"kind", TEXTOID},
                                      {"seq", INT8OID},
                                      {"audit_id", INT8OID},
                                      {"detail", TEXTOID},
                                      {"verified", INT8OID},
                                      {"unsealed", INT8OID},
                                      {"erased", INT8OID},
                                      {"checkpoints", INT8OID},
                                      {"head_seq", INT8OID},
                                      {"head_hash", TEXTOID}});
    const std::optional<pg::Json> json = pg::Args(fcinfo).Jsonb(0);
    const std::vector<audit::Head> outside =
        json ? audit::ReadOutsideHeads(*json) : std::vector<audit::Head>();
    audit::Verdict verdict;
    {
        const pg::OwnerSession session;
        verdict = audit::Verify(outside);
    }
    const bool intact = verdict.finding.kind == audit::Break::kNone;
    return type.Make({Value::Bool(intact), TextOrNull(intact ? "" : audit::Name(verdict.finding.kind)),
                      verdict.finding.seq > 0 ? Value::Int8(verdict.finding.seq) : Value::Null(INT8OID),
                      Value::Int8(verdict.audit_id), TextOrNull(verdict.finding.detail),
                      Value::Int8(verdict.verified), Value::Int8(verdict.unsealed),
                      Value::Int8(verdict.erased), Value::Int8(verdict.checkpoints),
                      Value::Int8(verdict.head.seq),
                      TextOrNull(verdict.head.seq > 0 ? audit::DigestText(verdict.head.hash) : "")});
}

PULSE_FUNCTION(pulse_list_audit) {
    const pg::Args args(fcinfo);
    const int64_t max = args.RequireInt8(1, "max");
    if (max < 1 || max > 1000)
        throw UserError(pulse::sqlstate::kInvalidParameter, "\"max\" is out of range",
                        "It is " + std::to_string(max) + ".", "Give a number from 1 to 1000.");
    std::vector<Value> parameters{Value::Int8(args.Int8(0).value_or(INT64_MAX)), Value::Int8(max)};
    const std::string filter = ListFilter(args, parameters);
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(
        results,
        pg::Execute("SELECT a.id, a.at, a.actor, a.actor_kind, a.login::text, a.action, a.subject, a.details,"
                    " p.fields, s.seq, s.sealed_at FROM (SELECT * FROM pulse.audit AS r WHERE r.id < $1" +
                        filter +
                        " ORDER BY r.id DESC LIMIT $2) AS a"
                        " LEFT JOIN pulse.audit_personal AS p ON p.audit_id = a.id"
                        " LEFT JOIN pulse.audit_seal AS s ON s.audit_id = a.id ORDER BY a.id DESC",
                    parameters, true));
    return pg::ResultSet::Done();
}
