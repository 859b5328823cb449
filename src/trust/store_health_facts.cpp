// Reads what is known of the subjects that a scope depends on. Everything is read by index, or of tables that
// have a row for each definition.
#include <algorithm>

#include "pulse/pg/foreign.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_health.hpp"
#include "pulse/trust/store_signal.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr int64_t kOwnEvidenceLife = 2 * kDay;  // of what Pulse measures every hour

bool IsAdPlatform(const std::string& platform) {
    return platform == "meta" || platform == "google" || platform == "tiktok" || platform == "snapchat";
}

void AddDestination(const std::string& name, ScopeNames& names) {
    names.sources.push_back(name);
    const auto server = pg::FindServer("pulse_destination", name);
    if (!server) return;
    const auto platform = options::Value(server->options, "platform");
    if (!platform || !IsAdPlatform(*platform)) return;
    names.sources.push_back(*platform);
    names.ad_platform = true;
}

void AddIncidents(const pg::Result& rows, HealthFacts& facts) {
    for (uint64_t i = 0; i < rows.size(); ++i)
        facts.incidents.push_back({rows[i].Int8(0), rows[i].Text(1), rows[i].Text(2), rows[i].Text(3)});
}

#define PULSE_OPEN_INCIDENTS                                                                                  \
    "SELECT r.id, CASE WHEN r.segment_id IS NOT NULL THEN 'segment:' || g.name WHEN r.event IS NOT NULL THEN" \
    " 'event:' || r.event ELSE 'table:' || coalesce(r.source || ':', '') || r.relation END, r.detector,"      \
    " r.severity FROM pulse.incident_record AS r LEFT JOIN pulse.segment AS g ON g.id = r.segment_id"         \
    " WHERE r.status IN ('open', 'acknowledged') AND r.opened_at <= $1"

// The worst first.
#define PULSE_WORST_FIRST \
    " ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], r.severity), r.id LIMIT 200"

// The freshness of segments; returns their ids.
std::vector<int64_t> ReadSegments(const ScopeNames& names, Moment now, HealthFacts& facts) {
    static pg::Statement segments(
        "SELECT s.id, s.name, s.kind, s.cadence, s.checked_at, (SELECT p.taken_at FROM pulse.snapshot AS p WHERE"
        " p.segment_id = s.id AND p.status = 'ok' AND p.taken_at <= $2 ORDER BY p.taken_at DESC LIMIT 1), s.status"
        " FROM pulse.segment AS s WHERE s.name = ANY ($1) ORDER BY s.name",
        {TEXTARRAYOID, TIMESTAMPTZOID});
    std::vector<int64_t> ids;
    if (names.segments.empty()) return ids;
    const pg::Result rows = segments.Execute({Value::Texts(names.segments), Value::Time(now)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string subject = "segment:" + rows[i].Text(1);
        ids.push_back(rows[i].Int8(0));
        rows[i].IsNull(4) ? facts.unwatched.push_back(subject) : void(++facts.watched);
        if (rows[i].Text(6) != "active") facts.notes.push_back(subject + " is " + rows[i].Text(6) + ".");
        if (rows[i].Text(2) == "profile") {
            facts.people = true;
            continue;
        }
        FreshnessInput input{"the newest snapshot of " + subject, {}, subject + " was never measured."};
        // A weekly segment is as fresh after a week as a daily one after a day.
        const int64_t cadence = std::max(pg::IntervalLength(rows[i].Raw(3)), kDay);
        if (const auto taken = rows[i].TimeOrNull(5)) {
            input.age = static_cast<int64_t>(static_cast<double>(now - *taken) *
                                             (static_cast<double>(kDay) / static_cast<double>(cadence)));
        }
        facts.freshness.push_back(std::move(input));
    }
    return ids;
}

// The freshness of tables; returns the ids of their monitors.
std::vector<int64_t> ReadTables(const ScopeNames& names, Moment now, HealthFacts& facts) {
    static pg::Statement tables(
        "SELECT g.name, m.id, m.checked_at, m.every FROM unnest($1) AS g (name) LEFT JOIN pulse.monitor AS m ON"
        " m.status = 'active' AND (m.relation IN (g.name, 'public.' || g.name) AND m.source IS NULL OR"
        " m.source || ':' || m.relation = g.name) ORDER BY g.name, m.id",
        {TEXTARRAYOID});
    std::vector<int64_t> ids;
    if (names.tables.empty()) return ids;
    const pg::Result rows = tables.Execute({Value::Texts(names.tables)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string subject = "table:" + rows[i].Text(0);
        if (rows[i].IsNull(1) || rows[i].IsNull(2)) {
            facts.unwatched.push_back(subject);
            continue;
        }
        ids.push_back(rows[i].Int8(1));
        ++facts.watched;
        facts.freshness.push_back({"the last check of " + subject, now - rows[i].Time(2), ""});
    }
    return ids;
}

// Whether events are checked.
void ReadEventChecks(const ScopeNames& names, HealthFacts& facts) {
    static pg::Statement events("SELECT checked_at FROM pulse.event_check", {});
    if (names.events.empty() && !names.any_event) return;
    const bool checked = !events.Execute({}).empty();
    for (const std::string& event : names.events)
        checked ? void(++facts.watched) : facts.unwatched.push_back("event:" + event);
    if (names.any_event) checked ? void(++facts.watched) : facts.unwatched.push_back("event:*");
}

// Subjects that are watched, and those with incidents.
void ReadWatched(const ScopeNames& names, Moment now, HealthFacts& facts) {
    static pg::Statement incidents(
        PULSE_OPEN_INCIDENTS
        " AND (r.segment_id = ANY ($2) OR r.monitor_id = ANY ($3) OR r.event = ANY ($4))" PULSE_WORST_FIRST,
        {TIMESTAMPTZOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID});
    static pg::Statement of_any_event(
        PULSE_OPEN_INCIDENTS
        " AND (r.segment_id = ANY ($2) OR r.monitor_id = ANY ($3) OR r.event IS NOT NULL)" PULSE_WORST_FIRST,
        {TIMESTAMPTZOID, INT8ARRAYOID, INT8ARRAYOID});
    const std::vector<int64_t> segment_ids = ReadSegments(names, now, facts);
    const std::vector<int64_t> monitor_ids = ReadTables(names, now, facts);
    ReadEventChecks(names, facts);
    if (names.any_event)
        AddIncidents(
            of_any_event.Execute({Value::Time(now), Value::Int8s(segment_ids), Value::Int8s(monitor_ids)}),
            facts);
    else if (!segment_ids.empty() || !monitor_ids.empty() || !names.events.empty())
        AddIncidents(incidents.Execute({Value::Time(now), Value::Int8s(segment_ids),
                                        Value::Int8s(monitor_ids), Value::Texts(names.events)}),
                     facts);
}

void ReadWatchedOfAll(Moment now, HealthFacts& facts) {
    static pg::Statement incidents(PULSE_OPEN_INCIDENTS PULSE_WORST_FIRST, {TIMESTAMPTZOID});
    static pg::Statement watched(
        "SELECT (SELECT count(*) FROM pulse.segment WHERE status = 'active' AND checked_at IS NOT NULL)"
        " + (SELECT count(*) FROM pulse.monitor WHERE status = 'active' AND checked_at IS NOT NULL)"
        " + (SELECT count(*) FROM pulse.event_kind WHERE EXISTS (SELECT FROM pulse.event_check))",
        {});
    static pg::Statement newest(
        "SELECT (SELECT max(checked_at) FROM pulse.monitor WHERE status = 'active' AND checked_at <= $1),"
        " (SELECT max(checked_at) FROM pulse.segment WHERE status = 'active' AND checked_at <= $1),"
        " (SELECT max(last_at) FROM pulse.signal_series WHERE source <> 'pulse' AND last_at <= $1)",
        {TIMESTAMPTZOID});
    AddIncidents(incidents.Execute({Value::Time(now)}), facts);
    facts.watched = watched.Execute({})[0].Int8(0);
    const pg::Result rows = newest.Execute({Value::Time(now)});
    const char* what[] = {"the newest check of a table", "the newest checked snapshot", "the newest signal"};
    for (int i = 0; i < 3; ++i)
        if (const auto at = rows[0].TimeOrNull(i)) facts.freshness.push_back({what[i], now - *at, ""});
}

// ---- people ----

void ReadPeople(Moment now, HealthFacts& facts) {
    static pg::Statement newest(
        "SELECT greatest((SELECT max(k.last_seen_at) FROM pulse.event_kind AS k WHERE k.last_seen_at <= $1),"
        " (SELECT t.at FROM pulse.ingest_tally AS t WHERE t.at <= $1 AND t.accepted > 0 ORDER BY t.id DESC LIMIT 1)),"
        " (SELECT clock_timestamp() - d.at FROM pulse.dirty AS d ORDER BY d.id LIMIT 1)",
        {TIMESTAMPTZOID});
    const pg::Result rows = newest.Execute({Value::Time(now)});
    FreshnessInput events{"the newest event", {}, "No event was received yet."};
    if (const auto at = rows[0].TimeOrNull(0)) events.age = now - *at;
    facts.freshness.push_back(std::move(events));
    if (!rows[0].IsNull(1))
        facts.freshness.push_back({"the first person in the queue", pg::IntervalLength(rows[0].Raw(1)), ""});
}

bool HasPeople() {
    static pg::Statement any(
        "SELECT EXISTS (SELECT FROM pulse.event_kind) OR EXISTS (SELECT FROM pulse.ingest_tally)", {});
    return any.Execute({})[0].Bool(0);
}

// What the job measured: of the events of the scope, or of all.
void ReadCdp(const ScopeNames& names, Moment now, HealthFacts& facts) {
    static pg::Statement own(
        "SELECT s.name, s.last_value, s.last_at FROM pulse.signal_series AS s WHERE s.source = 'pulse' AND"
        " s.entity = 'all' AND s.name IN ('known_share', 'consent_share', 'events_in_a_day') AND s.last_at > $1"
        " AND s.last_at <= $2",
        {TIMESTAMPTZOID, TIMESTAMPTZOID});
    static pg::Statement quality(
        "SELECT sum(q.last_value * n.last_value) / sum(n.last_value), min(q.last_value),"
        " stddev_pop(q.last_value), count(*) FROM pulse.signal_series AS q JOIN pulse.signal_series AS n ON"
        " n.name = 'event_count' AND n.source = 'pulse' AND n.entity = q.entity AND n.last_value > 0 WHERE"
        " q.name = 'event_emq' AND q.source = 'pulse' AND q.entity LIKE 'event:%' AND ($3 OR q.entity = ANY"
        " ($4)) AND q.last_at > $1 AND q.last_at <= $2",
        {TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, TEXTARRAYOID});
    const pg::Result rows = own.Execute({Value::Time(now - kOwnEvidenceLife), Value::Time(now)});
    if (rows.empty()) return;
    CdpFacts cdp;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string name = rows[i].Text(0);
        const double value = rows[i].Float8(1);
        if (name == "known_share") cdp.known_share = value;
        if (name == "consent_share") cdp.consent_share = value;
        if (name == "events_in_a_day") cdp.events_in_a_day = static_cast<int64_t>(value);
        cdp.age = std::max(cdp.age, now - rows[i].Time(2));
    }
    std::vector<std::string> events;
    for (const std::string& event : names.events) events.push_back("event:" + event);
    const bool all = names.everything || names.any_event || events.empty();
    const pg::Result of_events = quality.Execute(
        {Value::Time(now - kOwnEvidenceLife), Value::Time(now), Value::Bool(all), Value::Texts(events)});
    cdp.emq = of_events[0].Float8OrNull(0);
    cdp.emq_least = of_events[0].Float8OrNull(1);
    cdp.emq_deviation = of_events[0].Float8OrNull(2);
    facts.cdp = cdp;
}

// ---- sources ----

void ReadSources(const ScopeNames& names, Moment now, HealthFacts& facts) {
    static pg::Statement newest(
        "SELECT g.source, (SELECT s.last_at FROM pulse.signal_series AS s WHERE s.source = g.source COLLATE"
        " \"C\" AND s.last_at <= $2 ORDER BY s.last_at DESC LIMIT 1), (SELECT u.at FROM pulse.source_usage AS u"
        " WHERE u.source = g.source AND u.status = 'ok' AND u.at <= $2 ORDER BY u.at DESC LIMIT 1), (SELECT"
        " u.replay_lag_ms FROM pulse.source_usage AS u WHERE u.source = g.source AND u.version IS NOT NULL ORDER"
        " BY u.at DESC LIMIT 1) FROM unnest($1) AS g (source)",
        {TEXTARRAYOID, TIMESTAMPTZOID});
    if (names.sources.empty()) return;
    const pg::Result rows = newest.Execute({Value::Texts(names.sources), Value::Time(now)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string source = rows[i].Text(0);
        if (const auto at = rows[i].TimeOrNull(1))
            facts.freshness.push_back({"the newest signal of " + source, now - *at, ""});
        if (const auto at = rows[i].TimeOrNull(2))
            facts.freshness.push_back({"the last visit to " + source, now - *at, ""});
        if (const auto lag = rows[i].Float8OrNull(3))
            facts.freshness.push_back(
                {"the replay lag of " + source, static_cast<int64_t>(std::min(*lag, 1e12) * 1000), ""});
    }
}

bool HasAdPlatform(Moment now) {
    static pg::Statement reported(
        "SELECT EXISTS (SELECT FROM pulse.signal_series WHERE name IN ('emq', 'platform_revenue',"
        " 'platform_conversions') AND source <> 'pulse' AND last_at > $1)",
        {TIMESTAMPTZOID});
    for (const std::string& name : pg::ServerNames("pulse_destination")) {
        const auto server = pg::FindServer("pulse_destination", name);
        const auto platform = server ? options::Value(server->options, "platform") : std::nullopt;
        if (platform && IsAdPlatform(*platform)) return true;
    }
    return reported.Execute({Value::Time(now - kAttributionHistory)})[0].Bool(0);
}

}  // namespace

ScopeNames NamesOf(const Dependencies& scope) {
    ScopeNames names;
    for (const Subject& one : scope.subjects) {
        names.entities.push_back(Write(one));
        if (one.kind == "all") names.everything = true;
        if (one.kind == "segment") names.segments.push_back(one.name);
        if (one.kind == "table") names.tables.push_back(one.name);
        if (one.kind == "event" && one.name == "*") names.any_event = true;
        if (one.kind == "event" && one.name != "*") names.events.push_back(one.name);
        if (one.kind == "event" || one.kind == "trait") names.people = true;
        if (one.kind == "source") {
            names.sources.push_back(one.name);
            names.ad_platform = names.ad_platform || IsAdPlatform(one.name);
        }
        if (one.kind == "destination") AddDestination(one.name, names);
    }
    return names;
}

HealthFacts ReadHealthFacts(const Dependencies& scope, Moment now) {
    const ScopeNames names = NamesOf(scope);
    HealthFacts facts;
    facts.everything = names.everything;
    facts.ad_platform = names.everything ? HasAdPlatform(now) : names.ad_platform;
    ReadSignalsOfScope(names, now, facts);
    names.everything ? ReadWatchedOfAll(now, facts) : ReadWatched(names, now, facts);
    facts.people = names.everything ? HasPeople() : facts.people || names.people;
    if (facts.people) {
        ReadPeople(now, facts);
        ReadCdp(names, now, facts);
    }
    ReadSources(names, now, facts);
    for (const Subject& one : scope.missing)
        // Names without a schema stand for each schema of the search_path: most of them are none.
        if (one.kind != "table") facts.notes.push_back("There is no " + Write(one) + ", which it names.");
    return facts;
}

}  // namespace pulse::trust
