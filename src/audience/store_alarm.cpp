// Alarms of destinations: each at most once a day, to subscriptions and to the channels of routes.
#include "pulse/audience/store_alarm.hpp"

#include <nlohmann/json.hpp>

#include "pulse/audience/advice.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/store_alert.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr const char* kEnding = "destination.login_ending";
constexpr const char* kEnded = "destination.login_ended";
constexpr const char* kBlocked = "destination.blocked";
constexpr const char* kWorks = "destination.works";

[[maybe_unused]] const bool alarm_events_registered =
    delivery::RegisterEventNames({kEnding, kEnded, kBlocked, kWorks, "audience.flagged"});

// Whether the alarm was not sent within a day; it counts as sent now.
bool ClaimAlarm(const std::string& destination, const std::string& event) {
    return !pg::Execute(
                "INSERT INTO pulse.destination_state AS d (destination, alarms_sent)"
                " VALUES ($1, jsonb_build_object($2::text, $3::timestamptz)) ON CONFLICT (destination)"
                " DO UPDATE SET alarms_sent = d.alarms_sent || excluded.alarms_sent WHERE coalesce((d.alarms_sent ->> $2)::timestamptz,"
                " '-infinity') <= $3 - interval '1 day' RETURNING d.destination",
                {Value::Text(destination), Value::Text(event), Value::Time(pg::Now())})
                .empty();
}

struct DestinationAlarm {
    const char* event;
    const char* headline;
    const char* severity;
    std::string sentence, advice;
    std::optional<Moment> at = {};
    bool over = false;
};

std::string PlatformOf(const std::string& destination) {
    const pg::Result rows = pg::Execute(
        "SELECT coalesce((SELECT o.option_value FROM pg_foreign_server AS s CROSS JOIN LATERAL"
        " pg_options_to_table(s.srvoptions) AS o WHERE s.srvname = $1 AND o.option_name = 'platform'), '')",
        {Value::Text(destination)});
    return rows[0].Text(0);
}

void RaiseAlarm(const std::string& destination, const DestinationAlarm& alarm) {
    nlohmann::json data = {{"destination", destination},
                           {"platform", PlatformOf(destination)},
                           {"reason", alarm.sentence},
                           {"advice", alarm.advice}};
    if (alarm.at) data["at"] = delivery::IsoTime(*alarm.at);
    const std::string order = "destination:" + destination;
    delivery::PublishEvent(alarm.event, order, data);
    delivery::Alert alert;
    alert.route_event = "action";
    alert.event = alarm.event;
    alert.order_key = order;
    alert.severity = alarm.severity;
    alert.over = alarm.over;
    alert.subject = "destination " + destination;
    alert.headline = alarm.headline;
    alert.sentences = {alarm.sentence};
    alert.advice = alarm.advice;
    alert.data = std::move(data);
    delivery::RouteAlert(alert);
}

std::string AdviceOfLogin(const std::string& destination) {
    const auto platform = FindPlatform(PlatformOf(destination));
    return platform ? LoginAdvice(*platform) : "";
}

void AlarmLoginEnded(const std::string& destination, std::optional<Moment> at, const std::string& error) {
    RaiseAlarm(destination, {kEnded, "login ended", "high",
                             error.empty() ? "Its login has ended; nothing is sent." : error,
                             AdviceOfLogin(destination), at});
}

void AlarmLoginEnding(const std::string& destination, Moment at) {
    RaiseAlarm(destination, {kEnding, "login ends", "medium",
                             "Its login ends on " + FormatDate(at) + "; then nothing is sent any more.",
                             AdviceOfLogin(destination), at});
}

// Destinations that audiences use and whose login ends within a week, or has ended.
#define PULSE_ENDING_LOGINS                                                                          \
    " FROM pulse.destination_state AS d WHERE EXISTS (SELECT FROM pulse.audience AS a WHERE"         \
    " a.destination = d.destination) AND EXISTS (SELECT FROM pg_foreign_server AS s WHERE s.srvname" \
    " = d.destination)"

void ReportDestinations(pg::MetricReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT d.name, extract(epoch FROM d.login_expires_at - clock_timestamp())::float8,"
        " (d.state = 'login ended')::int::float8, (d.blocked_at IS NOT NULL)::int::float8"
        " FROM pulse.destination AS d ORDER BY d.name LIMIT $1",
        {Value::Int8(pg::settings::metrics_limit)}, true);
    report.Family(MetricType::kGauge, "pulse_destination_login_ends_seconds",
                  "Time until the login of a destination ends, where the platform says it; negative: since "
                  "then.",
                  "seconds");
    report.AddRows(rows, {"destination"}, 1);
    report.Family(MetricType::kGauge, "pulse_destination_login_ended",
                  "Whether the login of a destination does not work any more.");
    report.AddRows(rows, {"destination"}, 2);
    report.Family(MetricType::kGauge, "pulse_destination_blocked",
                  "Whether a platform takes nothing before a person has done something there.");
    report.AddRows(rows, {"destination"}, 3);
}

[[maybe_unused]] const bool destination_metrics_registered = pg::RegisterMetrics(121, ReportDestinations);

}  // namespace

void SetWarning(int64_t audience, const char* warning, bool raised) {
    pg::Execute(
        "UPDATE pulse.audience SET warned = CASE WHEN $3 THEN array_append(warned, $2)"
        " ELSE array_remove(warned, $2) END WHERE id = $1 AND ($2 = ANY (warned)) <> $3",
        {Value::Int8(audience), Value::Text(warning), Value::Bool(raised)});
}

void NoteBlocked(const Audience& audience, const std::string& reason, const std::string& advice) {
    pg::Execute(
        "INSERT INTO pulse.destination_state AS d (destination, blocked_at, blocked_error, blocked_advice)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (destination) DO UPDATE SET blocked_at ="
        " coalesce(d.blocked_at, $2), blocked_error = $3, blocked_advice = $4",
        {Value::Text(audience.destination), Value::Time(pg::Now()), Value::Text(reason),
         Value::Text(advice)});
    if (ClaimAlarm(audience.destination, kBlocked))
        RaiseAlarm(audience.destination, {kBlocked, "blocked", "high", reason, advice});
}

void AlarmFlagged(const Audience& audience, const std::string& reason, const std::string& advice) {
    const nlohmann::json data = {{"audience", audience.name},
                                 {"segment", audience.segment},
                                 {"destination", audience.destination},
                                 {"reason", reason},
                                 {"advice", advice}};
    const std::string order = "audience:" + audience.name;
    delivery::PublishEvent("audience.flagged", order, data);
    delivery::Alert alert;
    alert.route_event = "action";
    alert.event = "audience.flagged";
    alert.order_key = order;
    alert.severity = "high";
    alert.subject = "audience " + audience.name;
    alert.headline = "flagged";
    alert.segment = audience.segment;
    alert.sentences = {reason};
    alert.advice = advice;
    alert.data = data;
    delivery::RouteAlert(alert);
}

void NoteLoginEnd(const std::string& destination, std::optional<Moment> ends) {
    pg::Execute(
        "INSERT INTO pulse.destination_state AS d (destination, login_expires_at, login_asked_at)"
        " VALUES ($1, $2, $3) ON CONFLICT (destination) DO UPDATE SET login_expires_at ="
        " excluded.login_expires_at, login_asked_at = excluded.login_asked_at",
        {Value::Text(destination), Value::Time(ends), Value::Time(pg::Now())});
    AlarmEndingLogins();
}

std::vector<std::string> LoginsToAsk() {
    const pg::Result rows = pg::Execute(
        "SELECT DISTINCT a.destination FROM pulse.audience AS a JOIN pulse.audience_home AS h"
        " ON h.audience_id = a.id LEFT JOIN pulse.destination_state AS d ON d.destination = a.destination"
        " WHERE a.status = 'active' AND coalesce(d.login_asked_at, '-infinity') <= $1 - interval '1 day'"
        " AND EXISTS (SELECT FROM pg_foreign_server AS s CROSS JOIN LATERAL"
        " pg_options_to_table(s.srvoptions) AS o WHERE s.srvname = a.destination"
        " AND o.option_name = 'platform' AND o.option_value = 'meta') LIMIT 10",
        {Value::Time(pg::Now())});
    std::vector<std::string> names;
    for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
    return names;
}

void NoteLoginAsked(const std::string& destination) {
    pg::Execute(
        "INSERT INTO pulse.destination_state AS d (destination, login_asked_at) VALUES ($1, $2)"
        " ON CONFLICT (destination) DO UPDATE SET login_asked_at = excluded.login_asked_at",
        {Value::Text(destination), Value::Time(pg::Now())});
}

void AlarmEndingLogins() {
    const Moment now = pg::Now();
    const pg::Result rows = pg::Execute(
        "SELECT d.destination, d.login_expires_at, d.login_failed_at, coalesce(d.login_error, '')" PULSE_ENDING_LOGINS
        " AND (d.login_failed_at IS NOT NULL OR d.login_expires_at <= $1 + interval '7 days')"
        " ORDER BY d.destination",
        {Value::Time(now)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        const std::string name = row.Text(0);
        const std::optional<Moment> ends = row.TimeOrNull(1), failed = row.TimeOrNull(2);
        if (failed || *ends <= now) {
            if (ClaimAlarm(name, kEnded)) AlarmLoginEnded(name, failed ? failed : ends, row.Text(3));
        } else if (ClaimAlarm(name, kEnding)) {
            AlarmLoginEnding(name, *ends);
        }
    }
}

// Must agree with AlarmEndingLogins(): a time that has passed without an alarm would keep a worker busy.
Moment NextLoginAlarm() {
    const pg::Result rows = pg::Execute(
        "SELECT min(CASE WHEN d.login_failed_at IS NOT NULL OR d.login_expires_at <= $3"
        " THEN coalesce((d.alarms_sent ->> $2)::timestamptz + interval '1 day', $3)"
        " WHEN d.login_expires_at IS NOT NULL THEN least(d.login_expires_at,"
        " greatest(d.login_expires_at - interval '7 days', (d.alarms_sent ->> $1)::timestamptz + interval '1 day'))"
        " END)" PULSE_ENDING_LOGINS,
        {Value::Text(kEnding), Value::Text(kEnded), Value::Time(pg::Now())});
    return rows[0].TimeOrNull(0).value_or(INT64_MAX);
}

void EndAlarms(const std::string& destination) {
    // The next failure raises the alarm anew.
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.destination_state SET alarms_sent = alarms_sent - $2 - $3 WHERE destination = $1 AND alarms_sent ?| ARRAY[$2, $3]"
        " RETURNING destination",
        {Value::Text(destination), Value::Text(kEnded), Value::Text(kBlocked)});
    if (rows.empty()) return;
    RaiseAlarm(destination, {kWorks,
                             "works again",
                             "high",
                             "The platform takes requests again.",
                             "Resume audiences that were stopped: pulse_resume_audience().",
                             {},
                             true});
}

#undef PULSE_ENDING_LOGINS

}  // namespace pulse::audience
