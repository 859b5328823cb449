#include "pulse/audit/store.hpp"

#include <nlohmann/json.hpp>

#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::audit {

namespace {

using pg::Value;

[[maybe_unused]] const bool retention_registered = pg::RegisterRetention(
    {{.order = 160,
      .what = "audit entries",
      .minutes = &pg::settings::audit_retention,
      .sql = "DELETE FROM pulse.audit WHERE id = ANY (ARRAY(SELECT a.id FROM pulse.audit AS a"
             " WHERE a.at < $1 ORDER BY a.at LIMIT $2))"}});

}  // namespace

void Write(const char* action, const std::string& subject, const pg::Json& details) {
    const pg::OwnerSession session;
    pg::Execute(
        "INSERT INTO pulse.audit (actor, actor_kind, login, action, subject, details)"
        " VALUES ($1, $2, session_user, $3, $4, $5)",
        {Value::Text(pg::ActorName(pg::OriginalCaller())), Value::Text(pg::Actor::Current() ? "key" : "role"),
         Value::Text(action), Value::Text(subject), Value::Jsonb(details)});
}

void Write(const char* action, const std::string& subject) {
    Write(action, subject, pg::Json::object());
}

}  // namespace pulse::audit
