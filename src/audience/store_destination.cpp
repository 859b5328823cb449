// Destinations as servers of pulse_destination, and what the last requests to them came to.
#include <algorithm>

#include "pulse/audience/store_alarm.hpp"
#include "pulse/audience/store_audience.hpp"
#include "pulse/audit/store.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr const char* kWrapper = "pulse_destination";

}  // namespace

pg::ForeignServer FindDestination(const std::string& name) {
    if (auto server = pg::FindServer(kWrapper, name)) return *server;
    const std::vector<std::string> names = pg::ServerNames(kWrapper);
    throw UserError(
        sqlstate::kUndefinedObject, "destination \"" + name.substr(0, 200) + "\" does not exist", "",
        names.empty()
            ? std::string("There are no destinations yet; create one with pulse_create_destination().")
            : SuggestName(name.substr(0, 200), names, "Destinations"));
}

Destination LoadDestination(const std::string& name) {
    const pg::ForeignServer server = FindDestination(name);
    return MakeDestination(name, server.options, server.mapping);
}

Destination DestinationOf(const Audience& audience) {
    Destination destination = LoadDestination(audience.destination);
    std::erase_if(destination.identifiers, [&](IdentifierKind kind) {
        return std::find(audience.identifiers.begin(), audience.identifiers.end(), Name(kind)) ==
               audience.identifiers.end();
    });
    return destination;
}

void NoteSuccess(const std::string& destination) {
    const bool failed = !pg::Execute(
                             "SELECT FROM pulse.destination_state WHERE destination = $1"
                             " AND (login_failed_at IS NOT NULL OR blocked_at IS NOT NULL)",
                             {Value::Text(destination)})
                             .empty();
    // Only a change of state is written at once; the time of the last success once a minute. What it said of
    // the end of a login was wrong if that is over.
    pg::Execute(
        "INSERT INTO pulse.destination_state AS d (destination, last_ok_at) VALUES ($1, $2)"
        " ON CONFLICT (destination) DO UPDATE SET last_ok_at = excluded.last_ok_at,"
        " login_failed_at = NULL, login_error = NULL, busy_until = NULL, blocked_at = NULL,"
        " blocked_error = NULL, blocked_advice = NULL, login_expires_at = CASE WHEN d.login_expires_at >"
        " excluded.last_ok_at THEN d.login_expires_at END"
        " WHERE d.last_ok_at IS NULL OR d.last_ok_at < excluded.last_ok_at - interval '1 minute'"
        " OR d.login_failed_at IS NOT NULL OR d.busy_until IS NOT NULL OR d.blocked_at IS NOT NULL"
        " OR d.login_expires_at <= excluded.last_ok_at",
        {Value::Text(destination), Value::Time(pg::WallClock())});
    if (failed) EndAlarms(destination);
}

void NoteFailure(const std::string& destination, const std::string& error, bool login) {
    pg::Execute(
        "INSERT INTO pulse.destination_state AS d (destination, last_error_at, last_error,"
        " login_failed_at, login_error) VALUES ($1, $2, $3, CASE WHEN $4 THEN $2 END,"
        " CASE WHEN $4 THEN $3 END) ON CONFLICT (destination) DO UPDATE"
        " SET last_error_at = excluded.last_error_at, last_error = excluded.last_error,"
        " login_failed_at = CASE WHEN $4 THEN coalesce(d.login_failed_at, $2) ELSE d.login_failed_at"
        " END, login_error = CASE WHEN $4 THEN $3 ELSE d.login_error END",
        {Value::Text(destination), Value::Time(pg::WallClock()), Value::Text(error), Value::Bool(login)});
}

void NoteBusy(const std::string& destination, Moment until) {
    pg::Execute(
        "INSERT INTO pulse.destination_state AS d (destination, busy_until) VALUES ($1, $2)"
        " ON CONFLICT (destination) DO UPDATE SET busy_until = excluded.busy_until",
        {Value::Text(destination), Value::Time(until)});
}

void NoteWithoutConsent(const std::string& destination, bool sends) {
    const pg::Result changed = pg::Execute(
        sends ? "INSERT INTO pulse.destination_state AS d (destination, without_consent) VALUES ($1, true)"
                " ON CONFLICT (destination) DO UPDATE SET without_consent = true WHERE NOT d.without_consent"
                " RETURNING d.destination"
              : "UPDATE pulse.destination_state SET without_consent = false WHERE destination = $1"
                " AND without_consent RETURNING destination",
        {Value::Text(destination)});
    if (changed.empty()) return;
    audit::Write("destination.without_consent", destination,
                 {{"without_consent", sends ? "send" : "leave_out"}});
}

bool LoginFailed(const std::string& destination) {
    return !pg::Execute(
                "SELECT FROM pulse.destination_state WHERE destination = $1"
                " AND login_failed_at IS NOT NULL",
                {Value::Text(destination)})
                .empty();
}

void KeepRefreshToken(const std::string& destination, const std::string& refresh_token) {
    const pg::ForeignServer server = FindDestination(destination);
    options::List mapping = server.mapping;
    std::erase_if(mapping, [](const auto& option) { return option.first == "refresh_token"; });
    mapping.emplace_back("refresh_token", refresh_token);
    pg::SetMapping(server, mapping);
}

}  // namespace pulse::audience
