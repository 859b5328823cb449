// Plans the reports of routes: each once, however often the job runs and wherever it is interrupted.
#include "pulse/report/store_schedule.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/delivery/quiet_hours.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/report/mail.hpp"
#include "pulse/report/page.hpp"
#include "pulse/report/store_report.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {

namespace {

using pg::Json;
using pg::Value;

// A route with a report, and when it asked for it.
struct ReportRoute {
    PlannedReport planned;
    ReportSchedule schedule;
    Moment since = 0;
    std::optional<delivery::QuietHours> quiet;
    bool filtered = false;
};

// UTC if the zone is unknown, as after a restore on another system; the report itself says so then.
OffsetAt OffsetOf(const std::string& zone) {
    try {
        return [known = pg::TimeZone(zone)](Moment moment) { return known.OffsetAt(moment); };
    } catch (const UserError&) {
        return [](Moment) { return int64_t{0}; };
    }
}

std::vector<ReportRoute> LoadReportRoutes() {
    static pg::Statement statement(
        "SELECT id, name, coalesce(pulse.role_name(runs_as, role_oid), ''), time_zone, channels, report = 'weekly',"
        " report_day, (extract(epoch FROM report_at) * 1e6)::bigint, coalesce(report_since, created_at),"
        " (extract(epoch FROM quiet_from) * 1e6)::bigint, (extract(epoch FROM quiet_until) * 1e6)::bigint,"
        " segments IS NOT NULL OR owners IS NOT NULL OR tags IS NOT NULL"
        " FROM pulse.route WHERE report IS NOT NULL AND enabled ORDER BY id",
        {});
    const pg::Result rows = statement.Execute({});
    std::vector<ReportRoute> routes;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        ReportRoute route;
        route.planned.route = row.Int8(0);
        route.planned.name = row.Text(1);
        route.planned.role = row.Text(2);
        route.planned.zone = row.Text(3);
        route.planned.channels = row.Texts(4);
        route.planned.weekly = route.schedule.weekly = row.Bool(5);
        route.schedule.day = DayNumber(row.Text(6));
        route.schedule.at = row.Int8(7);
        route.schedule.offset = OffsetOf(route.planned.zone);
        route.since = row.Time(8);
        const auto from = row.Int8OrNull(9), until = row.Int8OrNull(10);
        if (from && until) route.quiet = delivery::QuietHours{*from, *until};
        route.filtered = row.Bool(11);
        routes.push_back(std::move(route));
    }
    return routes;
}

bool IsMade(int64_t route, Moment until) {
    static pg::Statement statement("SELECT FROM pulse.report WHERE route_id = $1 AND until = $2",
                                   {INT8OID, TIMESTAMPTZOID});
    return !statement.Execute({Value::Int8(route), Value::Time(until)}).empty();
}

// The segments that the filters of a route choose.
std::vector<std::string> SegmentsOfRoute(int64_t route) {
    static pg::Statement statement(
        "SELECT coalesce(array_agg(s.name ORDER BY s.name), '{}') FROM pulse.segment AS s JOIN pulse.route AS r"
        " ON r.id = $1 WHERE (r.segments IS NULL OR s.name = ANY (r.segments))"
        " AND (r.owners IS NULL OR s.owner = ANY (r.owners)) AND (r.tags IS NULL OR s.tags && r.tags)",
        {INT8OID});
    return statement.Execute({Value::Int8(route)})[0].Texts(0);
}

Json OptionsOf(const PlannedReport& planned) {
    Json options = {{"time_zone", planned.zone}};
    if (planned.segments) options["segments"] = *planned.segments;
    return options;
}

// Empty if another session was faster.
std::optional<int64_t> Save(const PlannedReport& planned, const Figures& figures, const std::string& page) {
    static pg::Statement statement(
        "INSERT INTO pulse.report (route_id, route, kind, since, until, options, runs_as, made_at, file_name, bytes,"
        " attached, subject, summary, mail_text, mail_html, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (route_id, until) DO NOTHING RETURNING id",
        {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID, NAMEOID, TIMESTAMPTZOID,
         TEXTOID, INT8OID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    const bool attached = page.size() <= static_cast<size_t>(pg::settings::max_attachment) * 1024;
    const std::string file = FileName(figures, planned.weekly);
    const MailBody body = MakeMailBody(figures, attached ? file : "", page.size());
    const pg::Result rows =
        statement.Execute({Value::Int8(planned.route), Value::Text(planned.name),
                           Value::Text(planned.weekly ? "weekly" : "daily"), Value::Time(planned.period.from),
                           Value::Time(planned.period.until), Value::Jsonb(OptionsOf(planned)),
                           Value::Name(planned.role), Value::Time(figures.made_at), Value::Text(file),
                           Value::Int8(static_cast<int64_t>(page.size())), Value::Bool(attached),
                           Value::Text(body.subject), Value::Text(ShortText(figures)), Value::Text(body.text),
                           Value::Text(body.html), attached ? Value::Text(page) : Value::Null(TEXTOID)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

void WriteMessages(const PlannedReport& planned, int64_t id) {
    static pg::Statement statement(
        "WITH m AS (INSERT INTO pulse.outbox (channel, kind, event, route_id, order_key, send_at)"
        " SELECT c.name, 'report', $2, $3, 'report:' || $4::text, $5 FROM unnest($1) AS c (name) RETURNING id)"
        " UPDATE pulse.report SET messages = (SELECT array_agg(m.id ORDER BY m.id) FROM m) WHERE id = $4",
        {TEXTARRAYOID, TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID});
    statement.Execute({Value::Texts(planned.channels),
                       Value::Text(planned.weekly ? "report.weekly" : "report.daily"),
                       Value::Int8(planned.route), Value::Int8(id), Value::Time(planned.send_at)});
    delivery::WakeDelivery();
}

}  // namespace

std::vector<PlannedReport> DueReports(Moment now) {
    std::vector<PlannedReport> due;
    for (ReportRoute& route : LoadReportRoutes()) {
        const DueReport newest = NewestDue(route.schedule, now);
        if (newest.at <= route.since || IsMade(route.planned.route, newest.period.until)) continue;
        route.planned.period = newest.period;
        route.planned.send_at = pg::WallClock();
        if (route.quiet)
            route.planned.send_at =
                delivery::QuietUntil(*route.quiet, route.planned.send_at, route.schedule.offset)
                    .value_or(route.planned.send_at);
        if (route.filtered) route.planned.segments = SegmentsOfRoute(route.planned.route);
        due.push_back(std::move(route.planned));
    }
    return due;
}

Moment NextReportDue() {
    const Moment now = pg::Now();
    Moment next = pg::kNever;
    for (const ReportRoute& route : LoadReportRoutes()) {
        const DueReport newest = NewestDue(route.schedule, now);
        if (newest.at > route.since && !IsMade(route.planned.route, newest.period.until)) return now;
        next = std::min(next, NextReport(route.schedule, now));
    }
    return next;
}

bool MakeReport(const PlannedReport& planned) {
    const Figures figures = [&] {
        const pg::Identity role = pg::Identity::Definer(planned.role, "pg_catalog");
        ReportOptions options;
        options.time_zone = planned.zone;
        options.chosen = planned.segments.has_value();
        if (planned.segments) options.segments = *planned.segments;
        return ReadFigures(options, planned.period.from, planned.period.until);
    }();
    const std::string page = MakePage(figures);
    const pg::OwnerSession session;
    const std::optional<int64_t> id = Save(planned, figures, page);
    if (!id) return false;
    WriteMessages(planned, *id);
    return true;
}

}  // namespace pulse::report
