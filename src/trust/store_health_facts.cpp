// Reads what is known of the subjects that a scope depends on. Everything is read by index, or of tables that
// have a row for each definition.
#include <algorithm>
#include <map>
#include <tuple>

#include "pulse/pg/array.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_health.hpp"
#include "pulse/trust/store_signal.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr int64_t kEvidenceLife = 7 * kDay;     // of a platform's figures
constexpr int64_t kOwnEvidenceLife = 2 * kDay;  // of what Pulse measures every hour
constexpr int64_t kHistoryOfVariance = 30 * kDay;

bool IsAdPlatform(const std::string& platform) {
    return platform == "meta" || platform == "google" || platform == "tiktok" || platform == "snapchat";
}

// The subjects by kind, as the queries need them.
struct ScopeNames {
    bool everything = false, people = false, any_event = false;
    std::vector<std::string> segments, tables, events;
    std::vector<std::string> sources;   // of signals: sources, destinations and their platforms
    std::vector<std::string> entities;  // of signals: the subjects themselves
    bool ad_platform = false;
};

void AddDestination(const std::string& name, ScopeNames& names) {
    names.sources.push_back(name);
    const auto server = pg::FindServer("pulse_destination", name);
    if (!server) return;
    const auto platform = options::Value(server->options, "platform");
    if (!platform || !IsAdPlatform(*platform)) return;
    names.sources.push_back(*platform);
    names.ad_platform = true;
}

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

// ---- platforms ----

// What a part of the score wants to know of signals.
struct Wanted {
    const char* part;
    std::vector<std::string> names;
    int64_t within;
};

// The newest of each series of the scope, at most 200 for each part: part, name, source, entity, value, time.
pg::Result ReadSeries(const ScopeNames& names, const std::vector<Wanted>& wanted, Moment now) {
#define PULSE_EACH_PART                                                                                     \
    "SELECT w.part, n.* FROM (SELECT u.part, string_to_array(u.names, ',') COLLATE \"C\" AS names, u.since" \
    " FROM unnest($1, $2, $3) AS u (part, names, since) OFFSET 0) AS w CROSS JOIN LATERAL (SELECT s.name,"  \
    " s.source, s.entity, s.last_value, s.last_at FROM "
#define PULSE_NEWEST_FIRST                                                                                   \
    " AS s WHERE s.name = ANY (w.names) AND s.last_at > w.since AND s.last_at <= $4 AND s.source <> 'pulse'" \
    " ORDER BY s.last_at DESC, s.name, s.source, s.entity LIMIT 200) AS n"
    static pg::Statement all(PULSE_EACH_PART "pulse.signal_series" PULSE_NEWEST_FIRST,
                             {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID});
    static pg::Statement some(
        PULSE_EACH_PART
        "(SELECT r.* FROM pulse.signal_series AS r WHERE r.source = ANY ($5) UNION SELECT r.*"
        " FROM pulse.signal_series AS r WHERE r.entity = ANY ($6))" PULSE_NEWEST_FIRST,
        {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID, TEXTARRAYOID});
    std::vector<std::string> parts, lists;
    std::vector<Moment> since;
    for (const Wanted& one : wanted) {
        std::string list;
        for (const std::string& name : one.names) list += (list.empty() ? "" : ",") + name;
        parts.emplace_back(one.part);
        lists.push_back(list);
        since.push_back(now - one.within);
    }
    std::vector<Value> parameters{Value::Texts(parts), Value::Texts(lists), pg::Times(since),
                                  Value::Time(now)};
    if (names.everything) return all.Execute(parameters);
    parameters.push_back(Value::Texts(names.sources));
    parameters.push_back(Value::Texts(names.entities));
    return some.Execute(parameters);
}

void AddEmq(const pg::Row& row, Moment now, HealthFacts& facts) {
    facts.emq.push_back({row.Text(2), row.Text(3), row.Float8(4), now - row.Time(5)});
}

// The figures of platforms and of analytics for the same account, side by side.
class AttributionPairs {
  public:
    void Add(const pg::Row& row) {
        const std::string name = row.Text(1);
        Pair& pair = pairs_[{row.Text(2), row.Text(3), name.substr(name.find('_') + 1)}];
        (name.starts_with("platform") ? pair.platform : pair.analytics) = row.Float8(4);
        pair.at = std::min(pair.at, row.Time(5));
    }

    void Give(Moment now, HealthFacts& facts) const {
        double older = 0;
        int olders = 0;
        for (const auto& [key, pair] : pairs_) {
            if (!pair.platform || !pair.analytics) continue;
            if (now - pair.at <= kEvidenceLife) {
                facts.attribution.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key),
                                             *pair.platform, *pair.analytics, now - pair.at});
                continue;
            }
            older += AttributionVariance(*pair.platform, *pair.analytics);
            ++olders;
        }
        if (olders > 0) facts.past_variance = older / olders;
    }

  private:
    struct Pair {
        std::optional<double> platform, analytics;
        Moment at = INT64_MAX;
    };
    std::map<std::tuple<std::string, std::string, std::string>, Pair> pairs_;
};

void AddMatchRate(const pg::Row& row, HealthFacts& facts) {
    if (row.Float8(4) < 0.5)
        facts.notes.push_back("The match rate of " + row.Text(3) + " at " + row.Text(2) + " is below 50 %.");
}

const std::vector<std::string>& AttributionNames() {
    static const std::vector<std::string> names{"platform_revenue", "analytics_revenue",
                                                "platform_conversions", "analytics_conversions"};
    return names;
}

// ---- anomalies ----

// The values before the newest of each series: by an index that has them, one row for each series.
void ReadPast(Moment now, HealthFacts& facts) {
    static pg::Statement past(
        "SELECT (SELECT array_agg(p.value) FROM (SELECT s.value FROM pulse.signal AS s WHERE s.name = g.name"
        " COLLATE \"C\" AND s.source = g.source COLLATE \"C\" AND s.entity = g.entity COLLATE \"C\" AND s.at <= $4"
        " AND s.at > $4 - interval '60 days' ORDER BY s.at DESC, s.id DESC OFFSET 1 LIMIT 30) AS p)"
        " FROM unnest($1, $2, $3) WITH ORDINALITY AS g (name, source, entity, place) ORDER BY g.place",
        {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID});
    if (facts.series.empty()) return;
    std::vector<std::string> series, sources, entities;
    for (const SeriesReading& one : facts.series) {
        series.push_back(one.name);
        sources.push_back(one.source);
        entities.push_back(one.entity);
    }
    const pg::Result values =
        past.Execute({Value::Texts(series), Value::Texts(sources), Value::Texts(entities), Value::Time(now)});
    for (uint64_t i = 0; i < values.size(); ++i)
        if (!values[i].IsNull(0)) facts.series.at(i).past = values[i].Float8s(0);
}

// All that the score reads of signals.
void ReadSignalsOfScope(const ScopeNames& names, Moment now, HealthFacts& facts) {
    std::vector<Wanted> wanted{{"metric", {"spend", "conversions", "cpa", "roas"}, kEvidenceLife},
                               {"match", {"match_rate"}, kEvidenceLife}};
    if (facts.ad_platform) {
        wanted.push_back({"emq", {"emq"}, kEvidenceLife});
        wanted.push_back({"attribution", AttributionNames(), kHistoryOfVariance});
    }
    const pg::Result rows = ReadSeries(names, wanted, now);
    AttributionPairs pairs;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        const std::string part = row.Text(0);
        if (part == "emq") AddEmq(row, now, facts);
        if (part == "attribution") pairs.Add(row);
        if (part == "match") AddMatchRate(row, facts);
        if (part == "metric")
            facts.series.push_back(
                {row.Text(1), row.Text(2), row.Text(3), row.Float8(4), {}, now - row.Time(5)});
    }
    pairs.Give(now, facts);
    ReadPast(now, facts);
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
    return reported.Execute({Value::Time(now - kHistoryOfVariance)})[0].Bool(0);
}

}  // namespace

std::vector<AttributionReading> ReadAttributions(const Dependencies& scope, Moment now) {
    HealthFacts facts;
    const pg::Result rows =
        ReadSeries(NamesOf(scope), {{"attribution", AttributionNames(), kHistoryOfVariance}}, now);
    AttributionPairs pairs;
    for (uint64_t i = 0; i < rows.size(); ++i) pairs.Add(rows[i]);
    pairs.Give(now, facts);
    return facts.attribution;
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
