// RFM of everybody: one grouped scan of the events, scored by set-based SQL.
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/insight/small_group.hpp"
#include "pulse/insight/store_rfm.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

// A border of a quintile is the value of one person: at least 10 must be on each side of it.
constexpr int64_t kFewestPeople = 50;

// A score from 1 to 5 as SQL: `border(cut)` is true from that cut on.
template <typename Border>
std::string ScoreSql(const RfmCuts& cuts, Border border) {
    std::string sql = "CASE";
    for (size_t i = 0; i < cuts.size(); ++i)
        if (cuts[i])
            sql += " WHEN " + border(*cuts[i]) + " THEN " + std::to_string(kScores - static_cast<int>(i));
    return sql == "CASE" ? "1" : sql + " ELSE 1 END";
}

// SELECT r, f, m, purchases, money of each person.
std::string ScoredSql(const RfmSettings& settings) {
    // Whole days are at most `cut` until one day more has passed.
    const std::string recency = ScoreSql(settings.recency, [](const std::string& cut) {
        return "p.last > $1 - interval '" + std::to_string((std::stoll(cut) + 1) * 24) + ":00:00'";
    });
    const auto at_least = [](const char* column) {
        return [column](const std::string& cut) { return std::string(column) + " >= " + cut; };
    };
    return "SELECT " + recency + " AS r, " + ScoreSql(settings.frequency, at_least("p.purchases")) +
           " AS f, " + ScoreSql(settings.monetary, at_least("p.money")) +
           " AS m, p.purchases, p.money FROM (" + RfmScan(settings) + ") AS p";
}

// By what pulse_rfm() divides people.
struct Division {
    const char* name;
    const char* key;         // integer, of the scores r, f, m
    int low = 0, high = -1;  // keys that are shown also without people
};
constexpr Division kDivisions[] = {{"group", "", 0, static_cast<int>(kRfmGroups) - 1},
                                   {"recency", "s.r", 1, kScores},
                                   {"frequency", "s.f", 1, kScores},
                                   {"monetary", "s.m", 1, kScores},
                                   {"score", "round((s.r + s.f + s.m) / 3.0)::int", 1, kScores},
                                   {"code", "s.r * 100 + s.f * 10 + s.m"}};

const Division& RequireDivision(const std::string& by) {
    std::vector<std::string> names;
    for (const Division& division : kDivisions) {
        if (by == division.name) return division;
        names.push_back(division.name);
    }
    ThrowInvalid("RFM cannot be divided by " + InQuotes(Shorten(by, 80)), "",
                 SuggestName(by, names, "Divisions"));
}

// The groups of all codes as an array, by (r - 1) * 25 + (f - 1) * 5 + m.
std::string GroupKey(RfmGrouping grouping) {
    std::string groups;
    for (int r = 1; r <= kScores; ++r)
        for (int f = 1; f <= kScores; ++f)
            for (int m = 1; m <= kScores; ++m)
                groups += (groups.empty() ? "" : ",") + std::to_string(GroupOf(grouping, r, f, m));
    return "('{" + groups + "}'::int[])[(s.r - 1) * 25 + (s.f - 1) * 5 + s.m]";
}

std::string TextArray(const char* RfmGroup::*member) {
    std::string list;
    for (const RfmGroup& group : RfmGroups())
        list += (list.empty() ? "" : ", ") + pg::QuoteLiteral(group.*member);
    return "(ARRAY[" + list + "])";
}

}  // namespace

std::string RfmScan(const RfmSettings& settings) {
    const RfmMetrics metrics = MetricsOf(settings);
    const auto compiled = [](const rule::Metric& metric) {
        return rule::CompileMetric(metric, "$1", pg::settings::TimeZone(), "o.canonical_id");
    };
    const rule::MetricSql last = compiled(metrics.last), count = compiled(metrics.count),
                          sum = compiled(metrics.sum);
    return "SELECT o.canonical_id AS id, " + last.bare + " AS last, " + count.bare + " AS purchases, " +
           sum.bare +
           " AS money FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id WHERE " +
           count.counted + " GROUP BY o.canonical_id";
}

RfmQuintiles ComputeQuintiles(const RfmSettings& settings, Moment now) {
    // A score begins above a border, so people with the same value have the same score.
    const auto above = [](const char* edges, const char* column) {
        return std::string("(SELECT jsonb_agg((SELECT min(v.") + column + ")::text FROM value AS v WHERE v." +
               column + " > b.edge) ORDER BY b.place DESC) FROM unnest(" + edges +
               ") WITH ORDINALITY AS b (edge, place))";
    };
    const pg::Result rows = pg::Execute(
        "WITH value AS MATERIALIZED (SELECT floor(date_part('epoch', $1 - p.last) / 86400)::int AS days,"
        " p.purchases, p.money FROM (" +
            RfmScan(settings) +
            ") AS p), edge AS (SELECT count(*) AS people, percentile_disc('{0.2,0.4,0.6,0.8}'::float8[]) WITHIN"
            " GROUP (ORDER BY v.days) AS days, percentile_disc('{0.2,0.4,0.6,0.8}'::float8[]) WITHIN GROUP"
            " (ORDER BY v.purchases) AS purchases, percentile_disc('{0.2,0.4,0.6,0.8}'::float8[]) WITHIN GROUP"
            " (ORDER BY v.money) AS money FROM value AS v)"
            " SELECT e.people, to_jsonb(e.days::text[]), " +
            above("e.purchases", "purchases") + ", " + above("e.money", "money") + " FROM edge AS e",
        {Value::Time(now)}, true);
    RfmQuintiles result{settings, rows[0].Int8(0), {}};
    if (result.people < kFewestPeople)
        throw UserError(sqlstate::kNotReady, "too few people for quintiles",
                        std::to_string(result.people) + " have an event " + InQuotes(settings.event) +
                            " in the last " + std::to_string(settings.window_days) + " days.",
                        "Use fixed cuts until there are " + std::to_string(kFewestPeople) + ".");
    const auto read = [&](int column, RfmCuts& cuts) {
        const pg::Json texts = rows[0].Jsonb(column);
        for (size_t i = 0; i < cuts.size(); ++i)
            cuts[i] = texts.at(i).is_null() ? std::nullopt : std::optional(texts.at(i).get<std::string>());
    };
    read(1, result.settings.recency);
    read(2, result.settings.frequency);
    read(3, result.settings.monetary);
    const auto shares = [](const char* column) {
        return "(SELECT jsonb_agg(CASE WHEN NOT n.hidden THEN round(n.people::numeric / c.people, 4) END"
               " ORDER BY n.score) FROM (SELECT s.score, s.people, " +
               HiddenGroupSql("s.people", "s.score") +
               " AS hidden FROM (SELECT g.score, coalesce(sum(c.n) FILTER (WHERE c." + column +
               " = g.score), 0) AS people FROM generate_series(1, 5) AS g (score) CROSS JOIN cell AS c"
               " GROUP BY g.score) AS s) AS n)";
    };
    result.shares = pg::Execute("WITH cell AS MATERIALIZED (SELECT s.r, s.f, s.m, count(*) AS n FROM (" +
                                    ScoredSql(result.settings) +
                                    ") AS s GROUP BY s.r, s.f, s.m), c AS (SELECT sum(n) AS people FROM cell)"
                                    " SELECT jsonb_build_object('recency', " +
                                    shares("r") + ", 'frequency', " + shares("f") + ", 'monetary', " +
                                    shares("m") + ") FROM c",
                                {Value::Time(now)}, true)[0]
                        .Jsonb(0);
    return result;
}

pg::Result ReadRfm(const RfmVersion& version, const std::string& by, Moment now, bool sees_people) {
    const Division& division = RequireDivision(by);
    const bool groups = by == "group";
    const std::string key = groups ? GroupKey(version.settings.grouping) : division.key;
    return pg::Execute(
        "WITH cell AS (SELECT " + key +
            " AS key, count(*) AS people, sum(s.purchases)::bigint AS purchases, sum(s.money) AS money FROM (" +
            ScoredSql(version.settings) +
            ") AS s GROUP BY 1), figure AS (SELECT coalesce(c.key, k.key) AS key, coalesce(c.people, 0) AS people,"
            " coalesce(c.purchases, 0) AS purchases, coalesce(c.money, 0) AS money FROM cell AS c FULL JOIN"
            " generate_series(" +
            std::to_string(division.low) + ", " + std::to_string(division.high) +
            ") AS k (key) ON k.key = c.key), total AS (SELECT sum(f.people) AS scored, sum(f.money) AS money FROM figure AS f),"
            " everybody AS (SELECT count(*) AS people FROM pulse.profile AS p WHERE p.canonical_id = p.id"
            " AND p.first_seen_at <= $1),"
            " shown AS (SELECT f.*, NOT $2 AND " +
            HiddenGroupSql("f.people", "f.key") + " AS hidden FROM figure AS f) SELECT " +
            (groups ? TextArray(&RfmGroup::name) + "[s.key + 1]" : std::string("s.key::text")) +
            ", CASE WHEN NOT s.hidden THEN s.people END,"
            " CASE WHEN NOT s.hidden THEN round(s.people::numeric / nullif(t.scored, 0), 4) END,"
            " CASE WHEN NOT s.hidden THEN s.purchases END, CASE WHEN NOT s.hidden THEN s.money END,"
            " CASE WHEN NOT s.hidden THEN round(s.money / nullif(t.money, 0), 4) END, " +
            (groups ? TextArray(&RfmGroup::advice) + "[s.key + 1]" : std::string("NULL::text")) +
            ", round(t.scored / nullif(greatest(e.people, t.scored), 0), 4)"
            " FROM shown AS s CROSS JOIN total AS t CROSS JOIN everybody AS e ORDER BY s.key" +
            (groups ? "" : " DESC"),
        {Value::Time(now), Value::Bool(sees_people)}, true);
}

}  // namespace pulse::insight
