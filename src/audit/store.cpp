#include "pulse/audit/store.hpp"

#include <nlohmann/json.hpp>

#include "pulse/audit/store_chain.hpp"
#include "pulse/pg/random.hpp"

namespace pulse::audit {

namespace {

using pg::Value;

// 128 bits: nobody can try all values of a field together with them.
constexpr size_t kSaltSize = 16;

std::vector<Value> Columns(const char* action, const std::string& subject, const pg::Json& details) {
    return {Value::Text(pg::ActorName(pg::OriginalCaller())),
            Value::Text(pg::Actor::Current() ? "key" : "role"), Value::Text(action), Value::Text(subject),
            Value::Jsonb(details)};
}

}  // namespace

void Write(const char* action, const std::string& subject, const pg::Json& details) {
    static pg::Statement statement(
        "WITH written AS (INSERT INTO pulse.audit (actor, actor_kind, login, action, subject, details)"
        " VALUES ($1, $2, session_user, $3, $4, $5) RETURNING id)"
        " INSERT INTO pulse.audit_unsealed (audit_id) SELECT id FROM written",
        {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID});
    const pg::OwnerSession session;
    statement.Execute(Columns(action, subject, details));
    WakeSealing();
}

void Write(const char* action, const std::string& subject) {
    Write(action, subject, pg::Json::object());
}

// The digest is of the fields as PostgreSQL writes them.
void Write(const char* action, const std::string& subject, const pg::Json& details,
           const Personal& personal) {
    static pg::Statement print("SELECT $1::text", {JSONBOID});
    static pg::Statement statement(
        "WITH written AS (INSERT INTO pulse.audit (actor, actor_kind, login, action, subject, details,"
        " personal_digest) VALUES ($1, $2, session_user, $3, $4, $5, $6) RETURNING id),"
        " apart AS (INSERT INTO pulse.audit_personal (audit_id, person, salt, fields)"
        " SELECT id, $7, $8, $9 FROM written)"
        " INSERT INTO pulse.audit_unsealed (audit_id) SELECT id FROM written",
        {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BYTEAOID, INT8OID, BYTEAOID, JSONBOID});
    const std::string salt = pg::RandomBytes(kSaltSize);
    const pg::OwnerSession session;
    const Value fields = Value::Jsonb(personal.fields);
    const std::string text = print.Execute({fields}, true)[0].Text(0);
    std::vector<Value> columns = Columns(action, subject, details);
    columns.push_back(BytesValue(PersonalDigest(salt, personal.person, text)));
    columns.push_back(Value::Int8(personal.person));
    columns.push_back(BytesValue(salt));
    columns.push_back(fields);
    statement.Execute(columns);
    WakeSealing();
}

int64_t ErasePersonal(const std::vector<int64_t>& profiles) {
    const Permission permission;
    return static_cast<int64_t>(
        pg::Execute("DELETE FROM pulse.audit_personal WHERE person = ANY ($1)", {Value::Int8s(profiles)})
            .processed());
}

void ExportPersonal(const std::vector<int64_t>& profiles, pg::Json& rows) {
    const pg::Result found = pg::Execute(
        "SELECT jsonb_build_object('at', a.at, 'action', a.action, 'subject', a.subject, 'personal', p.fields)"
        " FROM pulse.audit_personal AS p JOIN pulse.audit AS a ON a.id = p.audit_id"
        " WHERE p.person = ANY ($1) ORDER BY a.id",
        {Value::Int8s(profiles)}, true);
    for (uint64_t i = 0; i < found.size(); ++i) rows.push_back(found[i].Jsonb(0));
}

}  // namespace pulse::audit
