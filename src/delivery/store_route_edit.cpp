// Creates and changes routes; checks every name that they refer to.
#include <algorithm>

#include "pulse/base/suggest.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/delivery/store_route_edit.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/timezone.hpp"

namespace pulse::delivery {

namespace {

using Names = std::optional<std::vector<std::string>>;
using pg::Value;

constexpr size_t kMostNames = 1000;
constexpr int64_t kLongest = 366 * kDay;
constexpr int64_t kLongestWait = kHour;

void RequireNames(const Names& names, const char* what) {
    if (!names) return;
    if (names->size() > kMostNames)
        throw UserError(sqlstate::kProgramLimit, std::string("too many ") + what,
                        "There are " + std::to_string(names->size()) + ".", "Give at most 1000.");
    for (const std::string& name : *names)
        if (name.empty())
            throw UserError(sqlstate::kInvalidParameter, std::string("empty name among \"") + what + "\"", "",
                            "Remove it, or give '{}' for any.");
}

// Every name is one of `valid`.
void RequireKnown(const Names& names, const char* what, const std::vector<std::string>& valid,
                  const char* state, const char* singular, const char* plural) {
    RequireNames(names, what);
    if (!names) return;
    for (const std::string& name : *names)
        if (std::find(valid.begin(), valid.end(), name) == valid.end()) {
            const bool object = std::string_view(state) == sqlstate::kUndefinedObject;
            const std::string message = object ? std::string(singular) + " \"" + name + "\" does not exist"
                                               : std::string("unknown ") + singular + " \"" + name + "\"";
            throw UserError(state, message, "",
                            valid.empty() ? std::string("There are no ") + singular + "s yet."
                                          : SuggestName(name, valid, plural));
        }
}

std::vector<std::string> NamesIn(const char* sql) {
    return pg::Execute(sql, {}, true)[0].Texts(0);
}

void RequireSpan(const std::optional<pg::Value>& value, int64_t length, const char* what, int64_t longest) {
    if (!value) return;
    if (length < 0 || length > longest)
        throw UserError(sqlstate::kInvalidParameter, std::string("\"") + what + "\" is out of range", "",
                        longest == kLongest ? "Give an interval of 0 (none) to 366 days."
                                            : "Give an interval of 0 to 1 hour.");
}

void CheckChannels(const Names& names, const char* what) {
    RequireNames(names, what);
    if (!names || names->empty()) return;
    const std::vector<std::string> valid = pg::ServerNames("pulse_channel");
    if (valid.empty())
        throw UserError(sqlstate::kUndefinedObject, "channel \"" + names->front() + "\" does not exist",
                        "There are no channels yet.", "Create one with pulse_create_channel().");
    RequireKnown(names, what, valid, sqlstate::kUndefinedObject, "channel", "Channels");
}

void CheckSubjects(const RouteRequest& request) {
    RequireSegments(request.segments);
    if (request.tables && !request.tables->empty())
        RequireKnown(
            request.tables, "tables",
            NamesIn(
                "SELECT coalesce(array_agg(DISTINCT relation ORDER BY relation), '{}') FROM pulse.monitor"),
            sqlstate::kUndefinedObject, "monitored table", "Monitored tables");
    RequireNames(request.owners, "owners");
    RequireNames(request.tags, "tags");
}

void CheckReport(const RouteRequest& request) {
    if (request.report && !request.report->empty() && *request.report != "daily" &&
        *request.report != "weekly")
        throw UserError(sqlstate::kInvalidParameter, "unknown report \"" + *request.report + "\"", "",
                        "Reports are daily and weekly; '' means none.");
    static const std::vector<std::string> days = {"monday", "tuesday",  "wednesday", "thursday",
                                                  "friday", "saturday", "sunday"};
    if (request.report_day && std::find(days.begin(), days.end(), *request.report_day) == days.end())
        throw UserError(sqlstate::kInvalidParameter,
                        "unknown day \"" + *request.report_day + "\" of a report", "",
                        SuggestName(*request.report_day, days, "Days"));
    if (request.report_at && (DatumGetTimeADT(request.report_at->datum) % kMinute != 0 ||
                              DatumGetTimeADT(request.report_at->datum) >= kDay))
        throw UserError(sqlstate::kInvalidParameter, "\"report_at\" must be a whole minute of a day",
                        "It is " + pg::ToOutput(request.report_at->datum, TIMEOID) + ".",
                        "Give 00:00 to 23:59, such as '08:00'.");
}

void Check(const RouteRequest& request) {
    CheckChannels(request.channels, "channels");
    if (request.channels && request.channels->empty())
        throw UserError(sqlstate::kInvalidParameter, "a route needs a channel", "",
                        "Give one or several in \"channels\".");
    CheckChannels(request.escalate_to, "escalate_to");
    CheckSubjects(request);
    RequireKnown(request.detectors, "detectors", DetectorNames(), sqlstate::kInvalidParameter, "detector",
                 "Detectors");
    RequireKnown(request.events, "events", RouteEvents(), sqlstate::kInvalidParameter, "event", "Events");
    if (request.min_severity && Rank(*request.min_severity) < 0)
        throw UserError(sqlstate::kInvalidParameter, "unknown severity \"" + *request.min_severity + "\"", "",
                        "Severities are low, medium, high, critical.");
    if (request.quiet_hours && !request.quiet_hours->empty()) ParseQuietHours(*request.quiet_hours);
    if (request.time_zone) pg::TimeZone zone(*request.time_zone);
    if (request.digest && !request.digest->empty() && *request.digest != "hourly" &&
        *request.digest != "daily")
        throw UserError(sqlstate::kInvalidParameter, "unknown digest \"" + *request.digest + "\"", "",
                        "Digests are hourly and daily; '' means none.");
    CheckReport(request);
    RequireSpan(request.cool_down, request.cool_down_length, "cool_down", kLongest);
    RequireSpan(request.group_wait, request.group_wait_length, "group_wait", kLongestWait);
    RequireSpan(request.escalate_after, request.escalate_after_length, "escalate_after", kLongest);
}

// Each name once.
Value TextsOrNull(const Names& names) {
    if (!names) return Value::Null(TEXTARRAYOID);
    std::vector<std::string> once;
    for (const std::string& name : *names)
        if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(name);
    return Value::Texts(once);
}

Value TextOrNull(const std::optional<Value>& value, Oid type) {
    return value ? *value : Value::Null(type);
}

// The parameters of kAssignments: $1 is the name, the others have the order of RouteRequest.
std::vector<Value> Parameters(const std::string& name, const RouteRequest& request) {
    Value from = Value::Null(INT8OID), until = Value::Null(INT8OID);
    if (request.quiet_hours && !request.quiet_hours->empty()) {
        const QuietHours quiet = ParseQuietHours(*request.quiet_hours);
        from = Value::Int8(quiet.from);
        until = Value::Int8(quiet.until);
    }
    return {Value::Text(name),
            TextsOrNull(request.channels),
            Value::Text(request.min_severity),
            TextsOrNull(request.segments),
            TextsOrNull(request.tables),
            TextsOrNull(request.owners),
            TextsOrNull(request.tags),
            TextsOrNull(request.detectors),
            TextsOrNull(request.events),
            Value::Text(request.quiet_hours),
            from,
            until,
            Value::Text(request.time_zone),
            TextOrNull(request.cool_down, INTERVALOID),
            Value::Text(request.digest),
            TextOrNull(request.digest_at, TIMEOID),
            TextOrNull(request.group_wait, INTERVALOID),
            TextOrNull(request.escalate_after, INTERVALOID),
            TextsOrNull(request.escalate_to),
            Value::Text(request.report),
            Value::Text(request.report_day),
            TextOrNull(request.report_at, TIMEOID),
            Value::Name(request.role),
            Value::Time(pg::Now())};
}

// Each column's new value; the old one if the argument is null. Empty lists and texts and intervals of 0
// become null.
constexpr const char* kAssignments =
    "channels = coalesce($2, channels), min_severity = coalesce($3, min_severity), "
    "segments = nullif(coalesce($4, segments), '{}'), tables = nullif(coalesce($5, tables), '{}'), "
    "owners = nullif(coalesce($6, owners), '{}'), tags = nullif(coalesce($7, tags), '{}'), "
    "detectors = nullif(coalesce($8, detectors), '{}'), "
    "events = CASE WHEN $9 = '{}' AND coalesce($20, report, '') = '' THEN '{opened,reopened,worsened,resolved}' "
    "ELSE coalesce($9, events) END, "
    "report = nullif(coalesce($20, report), ''), report_day = coalesce($21, report_day), "
    "report_at = coalesce($22, report_at), runs_as = $23, "
    "report_since = CASE WHEN $20::text IS NULL AND $21::text IS NULL AND $22::time IS NULL THEN report_since "
    "ELSE $24 END, "
    "quiet_from = CASE WHEN $10::text IS NULL THEN quiet_from "
    "ELSE time '00:00' + $11::bigint * interval '1 microsecond' END, "
    "quiet_until = CASE WHEN $10::text IS NULL THEN quiet_until "
    "ELSE time '00:00' + $12::bigint * interval '1 microsecond' END, "
    "time_zone = coalesce($13, time_zone), cool_down = nullif(coalesce($14, cool_down), '0'), "
    "digest = nullif(coalesce($15, digest), ''), digest_at = coalesce($16, digest_at), group_wait = "
    "coalesce($17, group_wait), "
    "escalate_after = nullif(coalesce($18, escalate_after), '0'), escalate_to = nullif(coalesce($19, "
    "escalate_to), '{}'), "
    "updated_at = now()";

void RequireEscalation(const pg::Row& row) {
    if (row.Bool(1)) return;
    throw UserError(
        sqlstate::kInvalidParameter, "an escalation needs both \"escalate_after\" and \"escalate_to\"", "",
        "Give for example escalate_after => '30 minutes', escalate_to => '{oncall}'; '0' and '{}' "
        "remove it.");
}

// Cancels the pending messages of a deleted or disabled route, except those that have been composed.
void CancelWaiting(int64_t route, const char* reason) {
    ReleaseAfter(pg::Execute(
        "UPDATE pulse.outbox SET status = 'cancelled', error = $2, finished_at = clock_timestamp(), waits ="
        " false "
        "WHERE route_id = $1 AND status = 'pending' AND payload IS NULL RETURNING id",
        {Value::Int8(route), Value::Text(reason)}));
}

// A route that carries nothing is a mistake; one to PagerDuty cannot carry a report.
void RequireContent(const pg::Row& row) {
    if (row.Bool(2))
        throw UserError(
            sqlstate::kInvalidParameter, "the route would carry neither events nor a report", "",
            "Give \"events\", such as '{opened,resolved}', or delete it with pulse_delete_route().");
    if (!row.Bool(3)) return;
    const std::set<std::string> followers = Followers();
    for (const std::string& channel : row.Texts(4))
        if (followers.contains(channel))
            throw UserError(sqlstate::kInvalidParameter, "PagerDuty takes no reports",
                            "Channel \"" + channel + "\" is one of PagerDuty.",
                            "Give channels of another kind: email, slack, teams or webhook.");
}

int64_t RequireRoute(const std::string& name) {
    const pg::Result rows =
        pg::Execute("SELECT id FROM pulse.route WHERE name = $1 FOR UPDATE", {Value::Text(name)});
    if (!rows.empty()) return rows[0].Int8(0);
    const std::vector<std::string> names =
        NamesIn("SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM pulse.route");
    throw UserError(sqlstate::kUndefinedObject, "route \"" + name + "\" does not exist", "",
                    names.empty()
                        ? std::string("There are no routes yet; create one with pulse_create_route().")
                        : SuggestName(name, names, "Routes"));
}

}  // namespace

void RequireSegments(const Names& segments) {
    if (segments && !segments->empty())
        RequireKnown(segments, "segments",
                     NamesIn("SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM pulse.segment"),
                     sqlstate::kUndefinedObject, "segment", "Segments");
}

int64_t CreateRoute(const std::string& name, const RouteRequest& request, const std::string& creator) {
    const std::string shown = name.substr(0, 100);
    if (name.empty() || name.size() > 255)
        throw UserError(sqlstate::kInvalidParameter, "invalid name of a route",
                        "It has " + std::to_string(name.size()) + " bytes.",
                        "Give a name of 1 to 255 bytes.");
    Check(request);
    const pg::Result made = pg::Execute(
        "INSERT INTO pulse.route (name, channels, created_by) VALUES ($1, $2, $3) ON CONFLICT (name)"
        " DO NOTHING RETURNING id",
        {Value::Text(name), TextsOrNull(request.channels), Value::Text(creator)});
    if (made.empty())
        throw UserError(sqlstate::kDuplicateObject, "route \"" + shown + "\" already exists", "",
                        "Change it with pulse_update_route(), or give another name.");
    RouteRequest whole = request;
    if (whole.report && !whole.report->empty() && !whole.events) whole.events.emplace();
    UpdateRoute(name, whole, std::nullopt);
    return made[0].Int8(0);
}

void UpdateRoute(const std::string& name, const RouteRequest& request, const std::optional<bool>& enabled) {
    const int64_t id = RequireRoute(name);
    Check(request);
    const pg::Result rows =
        pg::Execute(std::string("UPDATE pulse.route SET ") + kAssignments +
                        " WHERE name = $1 RETURNING id, (escalate_after IS NULL) = (escalate_to IS NULL),"
                        " report IS NULL AND events = '{}', report IS NOT NULL, channels",
                    Parameters(name, request));
    RequireEscalation(rows[0]);
    RequireContent(rows[0]);
    pg::NotifyLauncher();  // a report may be due earlier now
    if (!enabled) return;
    pg::Execute(
        "UPDATE pulse.route SET enabled = $2, report_since = CASE WHEN $2 AND NOT enabled AND report IS NOT NULL"
        " THEN $3 ELSE report_since END WHERE id = $1",
        {Value::Int8(id), Value::Bool(*enabled), Value::Time(pg::Now())});
    if (!*enabled) CancelWaiting(id, "the route was disabled");
}

void DeleteRoute(const std::string& name) {
    const int64_t id = RequireRoute(name);
    CancelWaiting(id, "the route was deleted");
    pg::Execute("DELETE FROM pulse.route WHERE id = $1", {Value::Int8(id)});
}

}  // namespace pulse::delivery
