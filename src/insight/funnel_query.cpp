#include "pulse/insight/funnel_query.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/insight/small_group.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::insight {

namespace {

using Kind = FunnelBreakdown::Kind;

constexpr size_t kMaxValueLength = 200;  // characters

// An event: names are its properties, also as properties.x; context.x is its context.
class FunnelEventScope : public rule::Scope {
  public:
    rule::Resolved Resolve(const rule::Reference& reference, size_t position) const override {
        if (reference.kind != rule::Reference::Kind::kPath) Refuse(rule::Expr{reference, position, 1});
        const bool root = reference.path.size() > 1, context = root && reference.path[0] == "context",
                   properties = root && reference.path[0] == "properties";
        return {.sql = rule::JsonPath(context ? "e.context" : "e.properties", reference.path,
                                      context || properties ? 1 : 0),
                .type = rule::ValueType::kJson,
                .sql_type = "jsonb",
                .dynamic = true};
    }
    rule::Resolved ResolveMetric(const rule::Expr& expr) const override { Refuse(expr); }

  private:
    [[noreturn]] static void Refuse(const rule::Expr& expr) {
        throw UserError(sqlstate::kNotSupported,
                        rule::PrintShort(expr) + " is not available in the rule of a step",
                        "Such a rule is about one event.",
                        "Compare its properties with values, as in amount > 100, or its context, as in "
                        "context.app.version == \"5.2\".");
    }
};

// No event is before or after the years 1 to 9999, which can be written.
std::string Literal(Moment moment) {
    constexpr Moment kFirst = -730'119 * kDay, kLast = 2'921'939 * kDay;
    return "'" + FormatMoment(std::clamp(moment, kFirst, kLast)) + "'::timestamptz";
}

std::string WhereSql(const FunnelCondition& condition, const std::string& now) {
    if (!condition.where) return "";
    return "COALESCE(" +
           rule::Compile(*condition.where, FunnelEventScope(), rule::Expect::kBoolean, now).sql + ", false)";
}

// What happens at one name of event: bits that are always set, and bits with a condition.
struct NamedEvent {
    std::string name;
    uint32_t always = 0;
    std::vector<std::pair<uint32_t, std::string>> sometimes;  // bit, condition
};

std::vector<NamedEvent> EventsByName(const FunnelDefinition& funnel, const std::string& now) {
    std::vector<NamedEvent> events;
    const auto add = [&](const FunnelCondition& condition, size_t bit, const std::string& also) {
        auto found = std::find_if(events.begin(), events.end(),
                                  [&](const NamedEvent& event) { return event.name == condition.event; });
        if (found == events.end()) {
            events.push_back({condition.event, 0, {}});
            found = events.end() - 1;
        }
        const std::string where = WhereSql(condition, now);
        const std::string both = where.empty() || also.empty() ? where + also : where + " AND " + also;
        if (both.empty())
            found->always |= uint32_t{1} << bit;
        else
            found->sometimes.emplace_back(uint32_t{1} << bit, both);
    };
    for (size_t i = 0; i < funnel.steps.size(); ++i)
        add(funnel.steps[i], i, i == 0 && funnel.until ? "e.time < " + Literal(*funnel.until) : "");
    for (size_t i = 0; i < funnel.exclude.size(); ++i) add(funnel.exclude[i], funnel.steps.size() + i, "");
    return events;
}

std::string MaskSql(const std::vector<NamedEvent>& events) {
    std::string sql = "CASE e.name";
    for (const NamedEvent& event : events) {
        std::string bits = event.always != 0 ? std::to_string(event.always) : "";
        for (const auto& [bit, condition] : event.sometimes)
            bits += (bits.empty() ? "" : " | ") +
                    ("CASE WHEN " + condition + " THEN " + std::to_string(bit) + " ELSE 0 END");
        sql += " WHEN " + rule::QuoteText(event.name) + " THEN " + bits;
    }
    return sql + " ELSE 0 END";
}

// Which events have any bit.
std::string NamesSql(const std::vector<NamedEvent>& events) {
    std::string names, sql;
    const auto either = [&](const std::string& part) { sql += (sql.empty() ? "" : " OR ") + part; };
    for (const NamedEvent& event : events) {
        if (event.always != 0) {
            names += (names.empty() ? "" : ", ") + rule::QuoteText(event.name);
            continue;
        }
        std::string conditions;
        for (const auto& [bit, condition] : event.sometimes)
            conditions += (conditions.empty() ? "" : " OR ") + ("(" + condition + ")");
        either("e.name = " + rule::QuoteText(event.name) + " AND (" + conditions + ")");
    }
    if (!names.empty()) either("e.name IN (" + names + ")");
    return "(" + sql + ")";
}

std::string TextAt(const std::string& json, const std::vector<std::string>& path) {
    return "(" + rule::JsonPath(json, path) + " #>> '{}')";
}

// The value that must stay the same. Of a long one its digest, so that the events of a person stay small.
std::string HeldSql(const FunnelDefinition& funnel) {
    if (funnel.hold.empty()) return "NULL::text";
    const std::string text = TextAt("e.properties", funnel.hold_path);
    return "CASE WHEN octet_length(" + text + ") > 100 THEN encode(sha256(convert_to(" + text +
           ", 'UTF8')), 'base64') ELSE " + text + " END";
}

// What an event has.
std::string OfEventSql(const FunnelBreakdown& by) {
    switch (by.kind) {
        case Kind::kProperty: return TextAt("e.properties", by.path);
        case Kind::kContext: return TextAt("e.context", by.path);
        default: return "e.source::text";
    }
}

// The value of an event.
std::string EventValueSql(const FunnelDefinition& funnel) {
    if (!funnel.by.OfEvent()) return "NULL::text";
    const std::string sql = OfEventSql(funnel.by);
    return "CASE WHEN e.name = " + rule::QuoteText(funnel.steps[funnel.by_step - 1].event) + " THEN left(" +
           sql + ", " + std::to_string(kMaxValueLength) + ") END";
}

// The value of a path: of its event, or of the person p with the account a.
std::string ValueSql(const FunnelDefinition& funnel) {
    const std::string left = "left(", most = ", " + std::to_string(kMaxValueLength) + ")";
    switch (funnel.by.kind) {
        case Kind::kNone: return "NULL::text";
        case Kind::kProfile: return left + TextAt("p.attributes", funnel.by.path) + most;
        case Kind::kAccount: return left + TextAt("a.attributes", funnel.by.path) + most;
        case Kind::kSegment: return "CASE WHEN g.id IS NULL THEN 'not a member' ELSE 'member' END";
        default: return "(f.path).value";
    }
}

std::string JoinsSql(const FunnelDefinition& funnel, const FunnelQuery& query) {
    switch (funnel.by.kind) {
        case Kind::kProfile: return " LEFT JOIN pulse.profile AS p ON p.id = f.person";
        case Kind::kAccount:
            return " LEFT JOIN pulse.profile AS p ON p.id = f.person LEFT JOIN pulse.account AS a ON a.id ="
                   " p.account_id";
        case Kind::kSegment: return " LEFT JOIN (" + query.by_members + ") AS g (id) ON g.id = f.person";
        default: return "";
    }
}

// The values that are shown by themselves. If few people have the others, one more value is left to them:
// what the funnel has without a breakdown, less what is shown, would tell of those few.
std::string KeptValuesSql(bool all_values) {
    const std::string most = std::to_string(kMaxFunnelValues), few = std::to_string(kSmallestGroup);
    if (all_values)
        return "kept AS MATERIALIZED (SELECT v.value FROM path AS v GROUP BY v.value ORDER BY count(*) DESC,"
               " v.value LIMIT " +
               most + ")";
    return "counted AS MATERIALIZED (SELECT v.value, count(*) AS entries, count(DISTINCT v.person) AS people FROM"
           " path AS v GROUP BY v.value), large AS MATERIALIZED (SELECT c.value, c.people, row_number() OVER (ORDER"
           " BY c.entries DESC, c.value) AS place FROM counted AS c WHERE c.people >= " +
           few + " ORDER BY place LIMIT " + most +
           "), rest AS (SELECT (SELECT sum(c.people) FROM counted AS c) - (SELECT coalesce(sum(l.people), 0) FROM"
           " large AS l) AS people), kept AS MATERIALIZED (SELECT l.value FROM large AS l CROSS JOIN rest AS r"
           " WHERE l.place < (SELECT count(*) FROM large) OR r.people = 0 OR r.people >= " +
           few + ")";
}

// Whether a person has at most one path.
bool OncePerPerson(const FunnelDefinition& funnel) {
    return funnel.entry != FunnelEntry::kEvery && !funnel.per_session;
}

}  // namespace

namespace {

// The events with a value of each. Of everybody: also those of people who were deleted since. Joining only
// the profiles that were merged into others is cheaper than joining all; of their number the planner assumes
// a half in this form.
std::string EventsSql(const FunnelDefinition& funnel, const FunnelQuery& query, const std::string& value) {
    const std::string person = query.person ? "o.canonical_id" : "coalesce(o.canonical_id, e.profile_id)";
    const std::string now = Literal(query.now);
    const std::vector<NamedEvent> events = EventsByName(funnel, now);
    std::string sql = "SELECT " + person + " AS person, e.time AS at, " + MaskSql(events) + " AS mask, " +
                      HeldSql(funnel) + " AS key, " + value + " AS value FROM pulse.event AS e" +
                      (query.person ? " JOIN pulse.profile AS o"
                                    : " LEFT JOIN (SELECT m.id, m.canonical_id FROM pulse.profile AS m WHERE"
                                      " coalesce(m.canonical_id <> m.id, false)) AS o") +
                      " ON o.id = e.profile_id WHERE e.time <= " + now;
    if (funnel.since) sql += " AND e.time >= " + Literal(*funnel.since);
    if (funnel.until) sql += " AND e.time < " + Literal(*funnel.until + funnel.window.length + 1);
    // Any event belongs to a session.
    if (!funnel.per_session) sql += " AND " + NamesSql(events);
    if (query.person) sql += " AND " + person + " = " + std::to_string(*query.person);
    if (query.after) sql += " AND " + person + " > " + std::to_string(*query.after);
    if (!query.members.empty()) sql += " AND " + person + " IN (" + query.members + ")";
    return sql;
}

std::string PathsSql(const FunnelDefinition& funnel, const FunnelQuery& query, const std::string& event_value,
                     const std::string& value, const std::string& joins) {
    return "SELECT f.person, " + value +
           " AS value, (f.path).reached, (f.path).waiting, (f.path).times FROM (SELECT r.person,"
           " unnest(pulse.follow_funnel(" +
           rule::QuoteText(WritePlan(PlanOf(funnel, query.now))) + ", " + std::to_string(funnel.by_step) +
           ", r.person, r.at, r.mask, r.key, r.value)) AS path FROM (" +
           EventsSql(funnel, query, event_value) + ") AS r GROUP BY r.person) AS f" + joins +
           (query.person ? ""
                         : " WHERE EXISTS (SELECT FROM pulse.profile AS x WHERE x.canonical_id = f.person)");
}

}  // namespace

std::string FunnelPathsSql(const FunnelDefinition& funnel, const FunnelQuery& query) {
    return PathsSql(funnel, query, EventValueSql(funnel), ValueSql(funnel), JoinsSql(funnel, query));
}

std::string FunnelCohortSql(const FunnelDefinition& funnel, const FunnelQuery& query, size_t step,
                            const std::vector<FunnelBreakdown>& attributes) {
    // The attributes of the first event travel as one value.
    std::string of_event, values;
    size_t events = 0;
    for (const FunnelBreakdown& attribute : attributes) {
        std::string value;
        if (attribute.OfEvent()) {
            of_event += (of_event.empty() ? "" : ", ") + OfEventSql(attribute);
            value = "((f.path).value::jsonb ->> " + std::to_string(events++) + ")";
        } else {
            value = attribute.kind == Kind::kProfile ? TextAt("p.attributes", attribute.path)
                                                     : TextAt("a.attributes", attribute.path);
        }
        values += (values.empty() ? "" : ", ") +
                  ("coalesce(left(" + value + ", " + std::to_string(kMaxValueLength) + "), '(none)')");
    }
    if (!of_event.empty())
        of_event = "CASE WHEN e.name = " + rule::QuoteText(funnel.steps[0].event) +
                   " THEN jsonb_build_array(" + of_event + ")::text END";
    return "SELECT q.person || ' ' || q.times[1] AS member, q.reached > " + std::to_string(step) +
           " AS converted, q.value FROM (" +
           PathsSql(funnel, query, of_event.empty() ? "NULL::text" : of_event,
                    "ARRAY[" + values + "]::text[]",
                    " LEFT JOIN pulse.profile AS p ON p.id = f.person LEFT JOIN pulse.account AS a ON a.id ="
                    " p.account_id") +
           ") AS q WHERE q.reached >= " + std::to_string(step);
}

std::string FunnelSummarySql(const FunnelDefinition& funnel, const FunnelQuery& query, bool all_values) {
    std::string columns;
    for (size_t step = 1; step <= funnel.steps.size(); ++step) {
        const std::string n = std::to_string(step);
        columns += ", count(*) FILTER (WHERE e.reached = " + n +
                   "), count(*) FILTER (WHERE e.reached = " + n + " AND e.waiting), ";
        columns += step == 1 ? "NULL::bigint[]"
                             : "percentile_disc('{0.5,0.9}'::float8[]) WITHIN GROUP (ORDER BY e.times[" + n +
                                   "] - e.times[" + std::to_string(step - 1) + "])";
    }
    columns += all_values
                   ? ", NULL::boolean"
                   : std::string(", ") + (OncePerPerson(funnel) ? "count(*)" : "count(DISTINCT e.person)") +
                         " BETWEEN 1 AND " + std::to_string(kSmallestGroup - 1);
    const std::string paths = FunnelPathsSql(funnel, query);
    if (funnel.by.kind == Kind::kNone) return "SELECT NULL::text" + columns + " FROM (" + paths + ") AS e";
    return "WITH path AS MATERIALIZED (SELECT q.person, coalesce(q.value, '(none)') AS value, q.reached, q.waiting,"
           " q.times FROM (" +
           paths + ") AS q), " + KeptValuesSql(all_values) + " SELECT e.value" + columns +
           " FROM (SELECT e.person, coalesce(k.value, '(other)') AS value, e.reached, e.waiting, e.times FROM path AS e"
           " LEFT JOIN kept AS k ON k.value = e.value) AS e GROUP BY e.value ORDER BY e.value = '(other)',"
           " count(*) DESC, e.value";
}

}  // namespace pulse::insight
