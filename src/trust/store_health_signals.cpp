// The signals that the score of a scope reads: figures of platforms and analytics, match rates, and the past
// of each series.
#include <algorithm>
#include <map>
#include <tuple>

#include "pulse/pg/array.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_health.hpp"
#include "pulse/trust/store_signal.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr int64_t kEvidenceLife = 7 * kDay;  // of a platform's figures

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

}  // namespace

void ReadSignalsOfScope(const ScopeNames& names, Moment now, HealthFacts& facts) {
    std::vector<Wanted> wanted{{"metric", {"spend", "conversions", "cpa", "roas"}, kEvidenceLife},
                               {"match", {"match_rate"}, kEvidenceLife}};
    if (facts.ad_platform) {
        wanted.push_back({"emq", {"emq"}, kEvidenceLife});
        wanted.push_back({"attribution", AttributionNames(), kAttributionHistory});
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

std::vector<AttributionReading> ReadAttributions(const Dependencies& scope, Moment now) {
    HealthFacts facts;
    const pg::Result rows =
        ReadSeries(NamesOf(scope), {{"attribution", AttributionNames(), kAttributionHistory}}, now);
    AttributionPairs pairs;
    for (uint64_t i = 0; i < rows.size(); ++i) pairs.Add(rows[i]);
    pairs.Give(now, facts);
    return facts.attribution;
}

}  // namespace pulse::trust
