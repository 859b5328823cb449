// What a change of events concentrates in, and who uses the events.
#include "pulse/base/utf8.hpp"
#include "pulse/insight/event_blame.hpp"
#include "pulse/insight/store_event_check.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::insight {

namespace {

namespace detector = drift::detector;
using pg::Value;

constexpr int64_t kSevenDays = 7 * kDay;

// "a number" as jsonb_typeof() calls it.
std::string JsonTypeOf(const std::string& type) {
    const std::string name = type.substr(type.find(' ') + 1);
    return name == "text" || name == "timestamp" ? "string" : name;
}

// The events of the period of a finding and those a week before, by each value of their context. Reads the
// partitions of those times.
std::vector<ContextCount> ReadContext(const std::string& event, const std::optional<std::string>& source,
                                      const std::optional<std::string>& property,
                                      const std::optional<std::string>& type, Moment from, Moment to) {
    static pg::Statement statement(
        "SELECT d.dimension, d.value, count(*) FILTER (WHERE NOT e.now), count(*) FILTER (WHERE e.now),"
        " count(*) FILTER (WHERE e.now AND e.bad), count(DISTINCT e.profile_id) FROM (SELECT v.time >= $5 AS"
        " now, v.profile_id, v.source, v.context, CASE WHEN $4 IS NULL THEN"
        " coalesce(jsonb_typeof(v.properties -> $3), 'null') = 'null' ELSE"
        " coalesce(jsonb_typeof(v.properties -> $3), $4) NOT IN ($4, 'null') END AS bad FROM pulse.event AS v"
        " WHERE v.name = $1 AND ($2 IS NULL OR v.source = $2) AND v.received_at <= v.time + interval '25 hours'"
        " AND (v.time >= $5 AND v.time < $6 OR v.time >= $7 AND v.time < $8)) AS e CROSS JOIN LATERAL"
        " (VALUES ('app', e.context #>> '{app,version}'), ('platform', e.context #>> '{os,name}'),"
        " ('library', (e.context #>> '{library,name}') || ' ' || (e.context #>> '{library,version}')),"
        " ('device', e.context #>> '{device,type}'), ('source', CASE WHEN $2 IS NULL THEN e.source END))"
        " AS d (dimension, value) WHERE d.value IS NOT NULL GROUP BY 1, 2",
        {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Text(event), Value::Text(source), Value::Text(property),
                                               Value::Text(type), Value::Time(from), Value::Time(to),
                                               Value::Time(from - kSevenDays), Value::Time(to - kSevenDays)});
    std::vector<ContextCount> counts;
    for (uint64_t i = 0; i < rows.size(); ++i)
        counts.push_back({rows[i].Text(0), Shorten(rows[i].Text(1), 100), rows[i].Int8(2), rows[i].Int8(3),
                          rows[i].Int8(4), rows[i].Int8(5)});
    return counts;
}

std::optional<Moment> MomentOf(const drift::Json& details, const char* key) {
    const auto found = details.find(key);
    return found != details.end() && found->is_string() ? ParseMoment(found->get<std::string>())
                                                        : std::nullopt;
}

std::optional<Blame> BlameFor(const std::string& event, const drift::Finding& finding) {
    const auto from = MomentOf(finding.details, "from"), to = MomentOf(finding.details, "to");
    if (!from || !to) return std::nullopt;
    const std::string& name = finding.fingerprint.detector;
    BlamedChange change{event, "", "", finding.baseline.value_or(0), finding.observed.value_or(0)};
    std::optional<std::string> source, property, type;
    if (name == detector::kPropertyNulls || name == detector::kPropertyType) {
        change.property = finding.fingerprint.attribute;
        property = change.property;
    } else {
        source = finding.fingerprint.attribute;
    }
    if (name == detector::kPropertyType) {
        change.type = finding.details.value("type", "");
        type = JsonTypeOf(finding.details.value("was", ""));
        // Texts and times are one type of JSON: their context tells nothing apart.
        if (JsonTypeOf(change.type) == *type) return std::nullopt;
    }
    return FindBlame(change, ReadContext(event, source, property, type, *from, *to));
}

}  // namespace

void AddBlame(const std::string& event, drift::Finding& finding) {
    if (finding.fingerprint.detector == detector::kEventNew || finding.details.contains("silentHours"))
        return;
    // A finding without its cause is better than none.
    try {
        pg::Subtransaction subtransaction;
        std::optional<Blame> blame;
        {
            const pg::Session session;
            const pg::Deadline deadline(pg::settings::check_timeout);
            blame = BlameFor(event, finding);
        }
        subtransaction.Commit();
        if (!blame) return;
        finding.summary += "; " + blame->sentence;
        finding.details["concentratesIn"] = blame->Json();
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error) && !pg::Deadline::Expired()) throw;
    }
}

std::map<std::string, drift::Json> UsersOf(const std::vector<std::string>& events) {
    static pg::Statement statement(
        "WITH RECURSIVE d AS MATERIALIZED (SELECT kind, name, uses_kind, uses FROM pulse.dependency),"
        " users AS (SELECT d.uses AS event, d.kind, d.name FROM d WHERE d.uses_kind = 'event'"
        " UNION SELECT u.event, d.kind, d.name FROM users AS u JOIN d ON d.uses_kind = u.kind AND d.uses = u.name)"
        " SELECT e.event, u.kind || 's', array_agg(DISTINCT u.name ORDER BY u.name) FROM unnest($1) AS e (event)"
        " JOIN users AS u ON u.event IN (e.event, '*') GROUP BY e.event, u.kind",
        {TEXTARRAYOID});
    std::map<std::string, drift::Json> users;
    if (events.empty()) return users;
    const pg::Result rows = statement.Execute({Value::Texts(events)});
    for (uint64_t i = 0; i < rows.size(); ++i) users[rows[i].Text(0)][rows[i].Text(1)] = rows[i].Texts(2);
    return users;
}

}  // namespace pulse::insight
