#include "pulse/drift/store.hpp"

#include <algorithm>

#include "pulse/pg/settings.hpp"
#include "pulse/segment/member_words.hpp"
#include "pulse/snapshot/store.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::drift {

namespace {

using pg::Row;
using pg::Value;

std::vector<int64_t> Ids(const std::vector<CheckedSegment>& segments) {
    std::vector<int64_t> ids;
    for (const CheckedSegment& segment : segments) ids.push_back(segment.id);
    return ids;
}

std::unordered_map<int64_t, size_t> Places(const std::vector<CheckedSegment>& segments) {
    std::unordered_map<int64_t, size_t> places;
    for (size_t i = 0; i < segments.size(); ++i) places[segments[i].id] = i;
    return places;
}

// Columns: segment, id, taken_at, version, status, size, converted, inactive, entered, exited, flow_error,
// columns, error_state, error, missing.
Point ReadPoint(const Row& row) {
    Point point;
    point.snapshot = row.Int8(1);
    point.moment = row.Time(2);
    point.version = row.Int4(3);
    point.ok = row.Bool(4);
    point.size = row.Int8OrNull(5).value_or(0);
    point.converted = row.Int8OrNull(6);
    point.inactive = row.Int8OrNull(7);
    point.entered = row.Int8OrNull(8);
    point.exited = row.Int8OrNull(9);
    point.flow_error = row.Float8OrNull(10).value_or(0);
    const Json columns = row.IsNull(11) ? Json::object() : row.Jsonb(11);
    if (columns.is_object())
        for (const auto& [name, type] : columns.items())
            if (type.is_string()) point.columns[name] = type.get<std::string>();
    point.error_state = row.TextOrNull(12).value_or("");
    point.error = row.TextOrNull(13).value_or("");
    if (!row.IsNull(14)) point.missing = row.Texts(14);
    return point;
}

}  // namespace

Thresholds ThresholdsFromSettings() {
    namespace settings = pg::settings;
    Thresholds thresholds;
    thresholds.size_change = settings::size_change_threshold;
    thresholds.distribution_shift = settings::distribution_shift_threshold;
    thresholds.conversion_anomaly = settings::conversion_anomaly_threshold;
    thresholds.inactivity_creep = settings::inactivity_creep_threshold;
    thresholds.membership_churn = settings::membership_churn_threshold;
    thresholds.null_spike = settings::null_spike_threshold;
    thresholds.value = settings::value_threshold;
    thresholds.slow_erosion = settings::slow_erosion_threshold;
    thresholds.slow_growth = settings::slow_growth_threshold;
    thresholds.p_value = settings::p_value;
    thresholds.false_discovery_rate = settings::false_discovery_rate;
    thresholds.baseline_window = settings::baseline_window;
    thresholds.min_history = settings::min_history;
    thresholds.resolve_after = settings::resolve_after;
    thresholds.settle_after = settings::settle_after;
    thresholds.reopen_within = settings::reopen_within * kMinute;
    return thresholds;
}

std::vector<CheckedSegment> LockSegments(int64_t after, const std::optional<std::string>& name, Moment now,
                                         int limit) {
    static pg::Statement statement(
        "SELECT s.id, s.name, s.baseline, (extract(epoch FROM s.cadence) * 1000000)::bigint, "
        "s.baseline_from, s.checked_at,"
        " s.pinned_snapshot, (SELECT max(p.taken_at) FROM pulse.snapshot p WHERE p.segment_id = s.id AND "
        "p.taken_at <= $3), s.definition -> 'source', s.kind = 'profile', s.definition ->> 'members'"
        " FROM pulse.segment s WHERE s.id > $1 AND s.status = 'active' AND ($2 IS NULL OR s.name = $2)"
        " ORDER BY s.id LIMIT $4 FOR NO KEY UPDATE OF s SKIP LOCKED",
        {INT8OID, TEXTOID, TIMESTAMPTZOID, INT4OID});
    const pg::Result rows =
        statement.Execute({Value::Int8(after), Value::Text(name), Value::Time(now), Value::Int4(limit)});
    std::vector<CheckedSegment> segments;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        const Row row = rows[i];
        CheckedSegment& segment = segments.emplace_back();
        segment.id = row.Int8(0);
        segment.name = row.Text(1);
        segment.baseline = row.Jsonb(2);
        segment.cadence = std::max<int64_t>(row.Int8(3), kSecond);
        segment.baseline_from = row.TimeOrNull(4);
        segment.checked_at = row.TimeOrNull(5);
        segment.pinned_snapshot = row.Int8OrNull(6);
        segment.newest = row.TimeOrNull(7);
        if (!row.IsNull(8)) segment.sources = segment::SourcesOf(Json{{"source", row.Jsonb(8)}});
        segment.members = segment::MakeMemberWords(row.Bool(9), row.TextOrNull(10).value_or("")).members;
    }
    return segments;
}

int64_t CountSegments(const std::optional<std::string>& name) {
    static pg::Statement statement(
        "SELECT count(*) FROM pulse.segment WHERE status = 'active' AND ($1 IS NULL OR name = $1)",
        {TEXTOID});
    return statement.Execute({Value::Text(name)}, true)[0].Int8(0);
}

std::vector<History> ReadHistories(const std::vector<CheckedSegment>& segments, Moment now,
                                   const Thresholds& thresholds, HistoryRange range,
                                   std::optional<Moment> since) {
    // Columns are parsed only where they are compared: from the newest checked snapshot on.
    static pg::Statement statement(
        "SELECT s.id, p.id, p.taken_at, p.version, p.status = 'ok', p.size, p.converted, p.inactive, "
        "p.entered, p.exited,"
        " p.flow_error, CASE WHEN $4 OR s.checked_at IS NULL OR p.taken_at >= s.checked_at THEN p.columns "
        "END,"
        " p.error_state, p.error, p.missing"
        " FROM (SELECT w.id, w.depth, g.checked_at, CASE WHEN $4 THEN '-infinity' ELSE "
        "coalesce($5, least(g.checked_at, (SELECT min(i.since)"
        "         FROM pulse.incident_record i WHERE i.segment_id = w.id AND i.status IN ('open', "
        "'acknowledged'))),"
        "         '-infinity') END AS anchor"
        "       FROM ROWS FROM (unnest($1), unnest($2)) AS w(id, depth) JOIN pulse.segment g ON g.id = w.id) "
        "s"
        " CROSS JOIN LATERAL ("
        "   (SELECT * FROM pulse.snapshot a WHERE a.segment_id = s.id AND a.taken_at <= s.anchor AND a.status <> 'incomplete'"
        "    ORDER BY a.taken_at DESC LIMIT s.depth)"
        "   UNION ALL"
        "   SELECT * FROM pulse.snapshot b WHERE b.segment_id = s.id AND b.taken_at > s.anchor AND "
        "b.taken_at <= $3 AND b.status <> 'incomplete') p"
        " ORDER BY s.id, p.taken_at",
        {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZOID});
    static pg::Statement pinned(
        "SELECT p.segment_id, p.id, p.taken_at, p.version, p.status = 'ok', p.size, p.converted, p.inactive, "
        "p.entered,"
        " p.exited, p.flow_error, NULL::jsonb, p.error_state, p.error, p.missing FROM pulse.segment s"
        " JOIN pulse.snapshot p ON p.id = s.pinned_snapshot AND p.segment_id = s.id WHERE s.id = ANY ($1)",
        {INT8ARRAYOID});
    std::vector<History> histories(segments.size());
    std::vector<int64_t> depths;
    for (size_t i = 0; i < segments.size(); ++i) {
        histories[i].cadence = segments[i].cadence;
        histories[i].members = segments[i].members;
        histories[i].baseline_from = segments[i].baseline_from;
        depths.push_back(HistoryDepth(segments[i].cadence, thresholds));
    }
    const auto places = Places(segments);
    const pg::Result rows =
        statement.Execute({Value::Int8s(Ids(segments)), Value::Int8s(depths), Value::Time(now),
                           Value::Bool(range == HistoryRange::kWhole), Value::Time(since)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        histories[places.at(rows[i].Int8(0))].points.push_back(ReadPoint(rows[i]));
    }
    const pg::Result pins = pinned.Execute({Value::Int8s(Ids(segments))});
    for (uint64_t i = 0; i < pins.size(); ++i)
        histories[places.at(pins[i].Int8(0))].pinned = ReadPoint(pins[i]);
    return histories;
}

void DistributionCache::Fetch(std::vector<int64_t> snapshots) {
    static const std::string sql = "SELECT d.snapshot_id, " + std::string(snapshot::kDistributionColumns) +
                                   " FROM pulse.distribution AS d WHERE d.snapshot_id = ANY ($1)";
    static pg::Statement statement(sql.c_str(), {INT8ARRAYOID});
    std::sort(snapshots.begin(), snapshots.end());
    snapshots.erase(std::unique(snapshots.begin(), snapshots.end()), snapshots.end());
    std::erase_if(snapshots, [&](int64_t id) { return kept_.contains(id); });
    if (snapshots.empty()) return;
    for (const int64_t id : snapshots) kept_[id];
    size_t usual = 0;  // attributes of a snapshot
    const pg::Result rows = statement.Execute({Value::Int8s(snapshots)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        Distributions& kept = kept_[rows[i].Int8(0)];
        kept.reserve(usual);
        kept.push_back(snapshot::ReadDistribution(rows[i], 1));
        usual = std::max(usual, kept.size());
    }
    // They come by index, so nearly always in this order.
    const auto by_attribute = [](const snapshot::Distribution& a, const snapshot::Distribution& b) {
        return a.attribute < b.attribute;
    };
    for (const int64_t id : snapshots)
        if (Distributions& kept = kept_[id]; !std::is_sorted(kept.begin(), kept.end(), by_attribute))
            std::sort(kept.begin(), kept.end(), by_attribute);
}

const Distributions* DistributionCache::Get(int64_t snapshot) {
    auto found = kept_.find(snapshot);
    if (found == kept_.end()) {
        Fetch({snapshot});
        found = kept_.find(snapshot);
    }
    return &found->second;
}

void MarkChecked(const std::vector<int64_t>& segments, const std::vector<Moment>& moments) {
    // Microseconds since 2000-01-01, as in a timestamptz.
    static pg::Statement statement(
        "UPDATE pulse.segment s SET checked_at = '2000-01-01 00:00:00+00'::timestamptz + c.moment * interval "
        "'1 microsecond'"
        " FROM ROWS FROM (unnest($1), unnest($2)) AS c(id, moment) WHERE s.id = c.id",
        {INT8ARRAYOID, INT8ARRAYOID});
    if (!segments.empty()) statement.Execute({Value::Int8s(segments), Value::Int8s(moments)});
}

}  // namespace pulse::drift
