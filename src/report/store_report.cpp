// The figures of a report, and those of segments and incidents.
#include "pulse/report/store_report.hpp"

#include <algorithm>
#include <map>

#include "pulse/delivery/store.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {

namespace {

using pg::Value;

constexpr size_t kMostExplained = 10;
// Points of a line; more could not be told apart.
constexpr int kPoints = 90;

std::optional<Band> ReadBand(const pg::Row& row, int column) {
    const auto low = row.Float8OrNull(column), high = row.Float8OrNull(column + 1);
    if (!low || !high) return std::nullopt;
    return Band{*low, *high};
}

SegmentFigures ReadSegment(const pg::Row& row) {
    SegmentFigures segment;
    segment.name = row.Text(0);
    segment.owner = row.Text(1);
    segment.state = row.Text(2);
    segment.size = row.Int8OrNull(3);
    segment.size_before = row.Int8OrNull(4);
    segment.band = ReadBand(row, 5);
    segment.incidents = row.Int8(7);
    segment.worst = row.Text(8);
    return segment;
}

// The sizes of the segments shown: the last one of each part of the time.
void ReadSizes(Figures& figures) {
    std::vector<std::string> names;
    std::map<std::string, SegmentFigures*> by_name;
    for (SegmentFigures& segment : figures.segments.rows) {
        names.push_back(segment.name);
        by_name[segment.name] = &segment;
    }
    const pg::Result rows = pg::Execute(
        "SELECT s.name, p.taken_at, p.size FROM pulse.segment AS s CROSS JOIN LATERAL ("
        "SELECT DISTINCT ON (x.part) x.taken_at, x.size FROM (SELECT n.taken_at, n.size, width_bucket("
        "extract(epoch FROM n.taken_at)::float8, extract(epoch FROM $2::timestamptz)::float8,"
        " extract(epoch FROM $3::timestamptz)::float8, $4) AS part"
        " FROM pulse.snapshot AS n WHERE n.segment_id = s.id AND n.status = 'ok' AND n.size IS NOT NULL"
        " AND n.taken_at > $2 AND n.taken_at <= $3) AS x ORDER BY x.part, x.taken_at DESC) AS p"
        " WHERE s.name = ANY ($1) ORDER BY s.name, p.taken_at",
        {Value::Texts(names), Value::Time(figures.period.before()), Value::Time(figures.period.until),
         Value::Int4(kPoints)},
        true);
    for (uint64_t i = 0; i < rows.size(); ++i)
        by_name[rows[i].Text(0)]->sizes.push_back({rows[i].Time(1), static_cast<double>(rows[i].Int8(2))});
}

std::string CauseKey(const delivery::IncidentSummary& summary, const IncidentFigures& incident) {
    if (!incident.live()) return "id " + std::to_string(incident.id);
    if (!summary.shared_cause.empty()) return "cause " + summary.shared_cause;
    return incident.kind + " " + incident.subject;
}

// Names of the segments chosen by the options.
ChosenNames ChosenSegments(const ReportOptions& options) {
    if (!options.chosen) return std::nullopt;
    const pg::Result rows =
        pg::Execute("SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM pulse.segment", {}, true);
    return ChooseSegments(options.segments, rows[0].Texts(0));
}

void ReadCaller(Figures& figures) {
    const pg::Result rows = pg::Execute(
        "SELECT current_database()::text, current_user::text, pulse.sees_people(),"
        " (SELECT extversion FROM pg_extension WHERE extname = 'pulse')",
        {}, true);
    figures.database = rows[0].Text(0);
    figures.role = rows[0].Text(1);
    figures.sees_people = rows[0].Bool(2);
    figures.version = rows[0].Text(3);
    const std::string verbs = pg::VerbSchema();
    figures.verbs = verbs == "public" ? "" : verbs + ".";
}

}  // namespace

pg::Value NamesOrNull(const ChosenNames& chosen) {
    return chosen ? Value::Texts(*chosen) : Value::Null(TEXTARRAYOID);
}

std::string WhyHidden(const std::string& relation) {
    const pg::Result rows =
        pg::Execute("SELECT has_any_column_privilege($1::text, 'SELECT')", {Value::Text(relation)}, true);
    return rows[0].Bool(0) ? "" : "Not shown: this role may not read " + relation + ".";
}

void ReadSegments(Figures& figures, const ChosenNames& chosen) {
    ReadList(
        figures.segments, "pulse.segment_overview",
        "WITH f AS (SELECT o.segment, coalesce(o.owner, '') AS owner, o.state, z.size, b.size AS before,"
        " coalesce(e.low, CASE WHEN e.high IS NULL THEN v.level * (1 - t.part) ELSE 0 END) AS low,"
        " coalesce(e.high, CASE WHEN e.low IS NULL THEN v.level * (1 + t.part)"
        " ELSE greatest(e.low, v.level * (1 + t.part), z.size) END) AS high,"
        " o.incidents, coalesce(o.worst, '') AS worst"
        " FROM pulse.segment_overview AS o JOIN pulse.segment AS s ON s.name = o.segment"
        " LEFT JOIN LATERAL (SELECT p.size FROM pulse.snapshot AS p WHERE p.segment_id = s.id"
        " AND p.status = 'ok' AND p.taken_at <= $2 ORDER BY p.taken_at DESC LIMIT 1) AS z ON true"
        " LEFT JOIN LATERAL (SELECT p.size FROM pulse.snapshot AS p WHERE p.segment_id = s.id"
        " AND p.status = 'ok' AND p.taken_at <= $1 ORDER BY p.taken_at DESC LIMIT 1) AS b ON true"
        " LEFT JOIN LATERAL (SELECT r.baseline FROM pulse.incident_record AS r WHERE r.segment_id = s.id"
        " AND r.detector = 'size_change' AND r.status IN ('open', 'acknowledged')) AS d ON true"
        " CROSS JOIN LATERAL (SELECT coalesce(d.baseline, percentile_cont(0.5) WITHIN GROUP (ORDER BY w.size))"
        " AS level FROM (SELECT p.size FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND p.status = 'ok'"
        " AND p.taken_at <= $1 AND p.taken_at >= coalesce(s.baseline_from, '-infinity')"
        " ORDER BY p.taken_at DESC LIMIT current_setting('pulse.baseline_window')::int) AS w) AS v"
        " CROSS JOIN LATERAL (SELECT coalesce((s.baseline #>> '{alertThresholds,sizeChangePercent}')::float8,"
        " current_setting('pulse.size_change_threshold')::float8) AS part) AS t"
        " CROSS JOIN LATERAL (SELECT (s.baseline #>> '{expectedSize,min}')::float8 AS low,"
        " (s.baseline #>> '{expectedSize,max}')::float8 AS high) AS e"
        " WHERE s.status <> 'archived' AND ($3::text[] IS NULL OR s.name = ANY ($3))),"
        " g AS (SELECT f.*, coalesce(f.size < f.low OR f.size > f.high, false) AS outside FROM f)"
        " SELECT g.segment, g.owner, g.state, g.size, g.before, g.low, g.high, g.incidents,"
        " g.worst, count(*) FILTER (WHERE g.outside) OVER (), count(*) OVER () FROM g"
        " ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], g.worst) NULLS LAST, g.outside DESC,"
        " abs(g.size::float8 / nullif(g.before, 0) - 1) DESC NULLS LAST, g.segment LIMIT $4",
        {Value::Time(figures.period.from), Value::Time(figures.period.until), NamesOrNull(chosen),
         Value::Int8(figures.options.limit)},
        [&](const pg::Row& row) {
            figures.outside = row.Int8(9);
            return ReadSegment(row);
        });
    if (!figures.segments.rows.empty()) ReadSizes(figures);
}

namespace {

void ReadIncidentCounts(Figures& figures, const ChosenNames& chosen) {
    const pg::Result rows = pg::Execute(
        "SELECT count(*) FILTER (WHERE l.live), count(*) FILTER (WHERE l.live AND i.severity = 'critical'),"
        " count(*) FILTER (WHERE l.live AND i.severity = 'high'), count(*) FILTER (WHERE l.live AND i.severity ="
        " 'medium'), count(*) FILTER (WHERE l.live AND i.severity = 'low'),"
        " count(*) FILTER (WHERE i.opened_at > $2 AND i.opened_at <= $3),"
        " count(*) FILTER (WHERE i.opened_at > $1 AND i.opened_at <= $2),"
        " count(*) FILTER (WHERE i.closed_at > $2 AND i.closed_at <= $3) FROM pulse.incident AS i"
        " CROSS JOIN LATERAL (SELECT i.status IN ('open', 'acknowledged') AS live) AS l"
        " WHERE $4::text[] IS NULL OR i.segment = ANY ($4)",
        {Value::Time(figures.period.before()), Value::Time(figures.period.from),
         Value::Time(figures.period.until), NamesOrNull(chosen)},
        true);
    IncidentCounts& counts = figures.counts;
    counts.live = rows[0].Int8(0);
    for (int i = 0; i < 4; ++i) counts.live_by_severity[static_cast<size_t>(i)] = rows[0].Int8(1 + i);
    counts.opened = rows[0].Int8(5);
    counts.opened_before = rows[0].Int8(6);
    counts.closed = rows[0].Int8(7);
}

IncidentFigures ReadIncident(const pg::Row& row) {
    IncidentFigures incident;
    incident.id = row.Int8(0);
    incident.subject = row.Text(1);
    incident.kind = row.Text(2);
    incident.detector = row.Text(3);
    incident.attribute = row.TextOrNull(4).value_or("");
    incident.severity = row.Text(5);
    incident.status = row.Text(6);
    incident.direction = row.Text(7);
    incident.summary = row.TextOrNull(8).value_or("");
    incident.baseline = row.Float8OrNull(9);
    incident.observed = row.Float8OrNull(10);
    incident.change = row.Float8OrNull(11);
    incident.opened_at = row.Time(12);
    incident.closed_at = row.TimeOrNull(13);
    return incident;
}

}  // namespace

void ReadIncidents(Figures& figures, const ChosenNames& chosen) {
    const bool seen = ReadList(
        figures.incidents, "pulse.incident",
        "SELECT i.id, coalesce(i.segment, i.relation, i.event, ''), CASE WHEN i.segment IS NOT NULL THEN 'segment'"
        " WHEN i.event IS NOT NULL THEN 'event' ELSE 'table' END, i.detector, i.attribute, i.severity, i.status,"
        " i.direction, i.summary, i.baseline::float8, i.observed::float8, i.change::float8, i.opened_at, i.closed_at,"
        " count(*) OVER () FROM pulse.incident AS i WHERE i.opened_at <= $2 AND coalesce(i.closed_at, 'infinity') > $1"
        " AND ($3::text[] IS NULL OR i.segment = ANY ($3)) ORDER BY i.status NOT IN ('open', 'acknowledged'),"
        " array_position(ARRAY['critical', 'high', 'medium', 'low'], i.severity),"
        " i.detector NOT IN ('size_change', 'slow_erosion', 'slow_growth'), abs(i.change) DESC NULLS LAST,"
        " i.opened_at DESC, i.id LIMIT $4",
        {Value::Time(figures.period.from), Value::Time(figures.period.until), NamesOrNull(chosen),
         Value::Int8(figures.options.limit)},
        ReadIncident);
    if (seen) ReadIncidentCounts(figures, chosen);
}

void ExplainIncidents(Figures& figures) {
    std::vector<int64_t> ids;
    std::map<int64_t, IncidentFigures*> by_id;
    for (IncidentFigures& incident : figures.incidents.rows) {
        if (ids.size() == kMostExplained) break;
        ids.push_back(incident.id);
        by_id[incident.id] = &incident;
    }
    if (ids.empty()) return;
    // One explanation for all that have a cause in common, and for all of one segment.
    std::map<std::string, IncidentFigures*> leaders;
    for (delivery::IncidentSummary& summary : delivery::LoadIncidentSummaries(ids, false)) {
        IncidentFigures& incident = *by_id[summary.incident];
        IncidentFigures*& leader = leaders[CauseKey(summary, incident)];
        if (leader) {
            leader->also.emplace_back(incident.subject, IncidentText(incident));
            continue;
        }
        leader = &incident;
        incident.diagnosed = true;
        incident.what_changed = std::move(summary.what_changed);
        incident.cause = std::move(summary.cause);
        incident.confidence = summary.confidence;
        incident.advice = std::move(summary.advice);
        incident.advice_reason = std::move(summary.advice_reason);
        incident.advice_sql = std::move(summary.advice_sql);
        for (auto& [priority, action] : summary.more_advice) incident.then.push_back(std::move(action));
    }
}

Figures ReadFigures(const ReportOptions& options, const std::optional<Moment>& since,
                    const std::optional<Moment>& until) {
    Figures figures;
    figures.options = options;
    figures.made_at = pg::Now();
    figures.period = ReportPeriod(since, until, figures.made_at);
    figures.zone = options.time_zone.empty() ? pg::settings::TimeZone() : options.time_zone;
    figures.offset = [zone = pg::TimeZone(figures.zone)](Moment moment) { return zone.OffsetAt(moment); };
    {
        const pg::Identity caller = pg::Identity::Caller();
        const pg::Session session;
        ReadCaller(figures);
        const ChosenNames chosen = ChosenSegments(options);
        if (options.Has("segments")) ReadSegments(figures, chosen);
        ReadIncidents(figures, chosen);
        if (options.Has("tables")) ReadTables(figures);
        if (options.Has("events")) ReadEvents(figures);
        if (options.Has("audiences")) ReadAudiences(figures, chosen);
        if (options.Has("trust")) ReadTrust(figures);
        if (options.Has("messages")) ReadMessages(figures);
        if (options.Has("mission")) ReadMission(figures, chosen);
    }
    if (figures.sees_people && options.Has("incidents")) {
        const pg::OwnerSession session;
        ExplainIncidents(figures);
    }
    return figures;
}

}  // namespace pulse::report
