#include "pulse/segment/member_query_profile.hpp"

#include <algorithm>
#include <map>

#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile.hpp"
#include "pulse/segment/member_query.hpp"

namespace pulse::segment {

namespace {

const char* SqlType(AttributeKind kind) {
    switch (kind) {
        case AttributeKind::kCategorical: return "text";
        case AttributeKind::kBoolean: return "boolean";
        case AttributeKind::kNumeric: return "double precision";
        case AttributeKind::kTimestamp: return "timestamp with time zone";
    }
    return "text";
}

// A path for the operators #> and #>>: address.city becomes '{"address","city"}'.
std::string PathLiteral(const std::string& name) {
    std::string path, part;
    const auto add = [&] {
        path += path.empty() ? "{\"" : ",\"";
        for (const char c : part) path += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        path += '"';
        part.clear();
    };
    for (const char c : name) {
        if (c == '.')
            add();
        else
            part += c;
    }
    add();
    return rule::QuoteText(path + "}");
}

// The planner assumes that a comparison with JSON or an aggregate is true for 0.5 % of the rows. Two of them
// would leave one person, for whom it would join the aggregates by a nested loop, computing them again for
// each person that there really is. Of this form it assumes a half.
std::string WithoutEstimate(const std::string& condition) {
    return "COALESCE(" + condition + ", false)";
}

// Builds the FROM item of people: each metric of a definition's rules once, as columns m0, m1, …
class PeopleQuery {
  public:
    PeopleQuery(const std::string& now_sql, const std::string& time_zone)
        : now_sql_(now_sql), time_zone_(time_zone) {}

    // Whether a condition is never true for a person without events. Known if it compares one metric with a
    // number. The compiled condition then also requires events, so that the planner can leave out everybody
    // else.
    bool NeedsEvents(const rule::Expr& expr) const {
        const rule::Operation* comparison = rule::As<rule::Operation>(expr);
        if (!comparison || comparison->operands.size() != 2) return false;
        const rule::Metric* metric = rule::As<rule::Metric>(*comparison->operands[0]);
        const rule::Number* number = rule::As<rule::Number>(*comparison->operands[1]);
        if (!metric || !number ||
            rule::CompileMetric(*metric, now_sql_, time_zone_, "p.id").empty != "0::numeric")
            return false;
        const bool negative = number->digits.front() == '-', zero = number->digits == "0";
        switch (comparison->op) {
            case rule::Op::kEqual: return !zero;
            case rule::Op::kNotEqual: return zero;
            case rule::Op::kGreater: return !negative;
            case rule::Op::kGreaterEqual: return !negative && !zero;
            case rule::Op::kLess: return negative || zero;
            case rule::Op::kLessEqual: return negative;
            default: return false;
        }
    }

    rule::ProfileRule Compile(const rule::Expr& expr, rule::Expect expect = rule::Expect::kBoolean) {
        // The positions of this rule's metrics in the list; the compiler numbers them in the order of first
        // use.
        std::vector<size_t> places;
        const rule::ProfileRule first = rule::CompileProfile(expr, Names({}), expect, now_sql_);
        for (const rule::Metric& metric : first.metrics) places.push_back(Place(metric));
        return rule::CompileProfile(expr, Names(places), expect, now_sql_);
    }

    // A condition that uses only attributes, as SQL for the people c of the event scan; empty if it uses
    // more.
    std::string AttributeCondition(const rule::Expr& expr) const {
        rule::ProfileNames names;
        names.attributes = "c.attributes";
        names.account = "NULL::jsonb";
        names.metric = [](size_t) { return "NULL"; };
        const rule::ProfileRule rule = rule::CompileProfile(expr, names, rule::Expect::kBoolean, now_sql_);
        return rule.metrics.empty() && rule.account_attributes.empty() ? rule.sql : "";
    }

    bool UsesStaticSegment() const { return static_; }

    // Who was active before is as inactive as somebody who never was: older events need not be read.
    void BoundActivity(int64_t inactive_after) {
        if (inactive_after > 0)
            active_ = " AND e.time >= " + now_sql_ + " - interval '" +
                      std::to_string(inactive_after / kMinute) + " minutes'";
    }

    void AddBucketingId() { more_columns_ = ", p.bucketing_id"; }

    // (SELECT id, attributes, account, last_active, m0, m1, …) AS s. Metrics may be wrong for people that do
    // not meet the conditions of `narrow`.
    std::string From(const std::vector<std::string>& narrow = {}) const {
        std::string columns = more_columns_;
        size_t at = 0;
        std::string joins;
        for (const auto& [text, sql] : metrics_) {
            const std::string name = "m" + std::to_string(at++);
            if (!sql.people.empty()) {
                // A condition on the column turns it into an inner join: the query begins with the members.
                columns += ", t" + name + ".id IS NOT NULL AS " + name;
                joins += "LEFT JOIN (" + sql.people + ") AS t" + name + " ON t" + name + ".id = p.id\n";
            } else if (sql.correlated) {
                columns += ",\n  " + sql.value + " AS " + name;
            } else if (sql.empty.starts_with("NULL")) {
                columns += ", x." + name;
            } else {
                columns += ", coalesce(x." + name + ", " + sql.empty + ") AS " + name;
            }
        }
        const std::string pass = EventScan(narrow);
        if (!pass.empty()) columns += ", x.id AS with_events";
        return "(SELECT p.id, p.attributes, coalesce(a.attributes, '{}'::jsonb) AS account, y.last_active" +
               columns +
               "\nFROM pulse.profile AS p LEFT JOIN pulse.account AS a ON a.id = p.account_id\n"
               "LEFT JOIN (SELECT o.canonical_id AS id, pg_catalog.max(e.time) AS last_active"
               " FROM pulse.event AS e "
               "JOIN pulse.profile AS o ON o.id = e.profile_id WHERE e.time <= " +
               now_sql_ + active_ + " GROUP BY o.canonical_id) AS y ON y.id = p.id\n" + joins + pass +
               ExistedBefore() + "WHERE " + WithoutEstimate("p.canonical_id = p.id") +
               " AND (p.first_seen_at <= " + now_sql_ + " OR z.id IS NOT NULL)) AS s";
    }

  private:
    // People whose row was created after the moment but who existed before: an older event arrived later, or
    // a person seen before was merged into them. A join instead of a condition per row: there are few as of
    // now, many as of long ago.
    std::string ExistedBefore() const {
        return "LEFT JOIN (SELECT c.id FROM pulse.profile AS c JOIN pulse.profile AS o"
               " ON o.canonical_id = c.id"
               " WHERE c.first_seen_at > " +
               now_sql_ + " AND (o.first_seen_at <= " + now_sql_ +
               " OR EXISTS (SELECT FROM pulse.event AS e WHERE e.profile_id = o.id AND e.time <= " +
               now_sql_ + ")) GROUP BY c.id) AS z ON z.id = p.id\n";
    }

    rule::ProfileNames Names(std::vector<size_t> places) const {
        rule::ProfileNames names;
        names.attributes = "s.attributes";
        names.account = "s.account";
        names.metric = [places = std::move(places)](size_t n) {
            return "s.m" + std::to_string(n < places.size() ? places[n] : n);
        };
        return names;
    }

    size_t Place(const rule::Metric& metric) {
        const std::string text = rule::Print(metric);
        static_ |= metric.aggregate == rule::Aggregate::kStatic;
        for (size_t i = 0; i < metrics_.size(); ++i)
            if (metrics_[i].first == text) return i;
        metrics_.emplace_back(text, rule::CompileMetric(metric, now_sql_, time_zone_, "p.id"));
        return metrics_.size() - 1;
    }

    // Reads each event once for all metrics.
    std::string EventScan(const std::vector<std::string>& narrow) const {
        std::string columns;
        // Lower bound of the time -> names of events. An empty name: any event.
        std::map<std::string, std::vector<std::string>> names;
        size_t at = 0;
        const rule::MetricSql* same = SameEvents();
        for (const auto& [text, sql] : metrics_) {
            const std::string name = "m" + std::to_string(at++);
            if (sql.correlated) continue;
            columns += ",\n    " + (same ? sql.bare : sql.value) + " AS " + name;
            auto& list = names[sql.oldest];
            if (sql.events.empty()) list.push_back("");
            for (const std::string& event : sql.events)
                if (std::find(list.begin(), list.end(), event) == list.end()) list.push_back(event);
        }
        if (columns.empty()) return "";
        return "LEFT JOIN (SELECT o.canonical_id AS id" + columns +
               "\n  FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id" +
               NarrowedJoin(narrow) + "\n  WHERE " +
               (same ? Counted(*same) : "e.time <= " + now_sql_ + " AND " + Condition(names)) +
               "\n  GROUP BY o.canonical_id) AS x ON x.id = p.id\n";
    }

    static std::string NarrowedJoin(const std::vector<std::string>& narrow) {
        std::string join;
        for (const std::string& condition : narrow)
            join += (join.empty() ? " JOIN pulse.profile AS c ON c.id = o.canonical_id AND " : " AND ") +
                    condition;
        return join;
    }

    // Any of the metrics if all of them use the same events.
    const rule::MetricSql* SameEvents() const {
        const rule::MetricSql* same = nullptr;
        for (const auto& [text, sql] : metrics_) {
            if (sql.correlated) continue;
            if (same && same->counted != sql.counted) return nullptr;
            same = &sql;
        }
        return same;
    }

    static std::string Counted(const rule::MetricSql& sql) {
        const std::string bound = sql.oldest.empty() ? "" : "e.time > " + sql.oldest;
        // As a condition of its own, even if the window implies it, so that the planner can prune partitions.
        return bound.empty() || sql.counted.find(bound) != std::string::npos ? sql.counted
                                                                             : bound + " AND " + sql.counted;
    }

    static std::string Condition(const std::map<std::string, std::vector<std::string>>& names) {
        std::string condition, oldest;
        bool bounded = true;
        for (const auto& [bound, events] : names) {
            std::string list;
            for (const std::string& event : events)
                list += (list.empty() ? "" : ", ") + rule::QuoteText(event);
            const bool any = std::find(events.begin(), events.end(), "") != events.end();
            std::string part = any ? "" : "e.name IN (" + list + ")";
            if (!bound.empty()) part += (part.empty() ? "" : " AND ") + std::string("e.time > ") + bound;
            if (part.empty()) part = "true";
            condition += (condition.empty() ? "" : " OR ") + ("(" + part + ")");
            bounded = bounded && !bound.empty();
            oldest += (oldest.empty() ? "" : ", ") + bound;
        }
        if (names.size() == 1) return condition;
        condition = "(" + condition + ")";
        // As a condition of its own, so that the planner can prune partitions.
        return bounded ? "e.time > LEAST(" + oldest + ") AND " + condition : condition;
    }

    std::string now_sql_, time_zone_, more_columns_, active_;
    bool static_ = false;
    std::vector<std::pair<std::string, rule::MetricSql>> metrics_;
};

// The top-level conjuncts, in the order of the compiled clauses.
std::vector<const rule::Expr*> Conditions(const rule::Expr& expr) {
    const rule::Operation* conjunction = rule::AsOp(expr, rule::Op::kAnd);
    if (!conjunction) return {&expr};
    std::vector<const rule::Expr*> conditions;
    for (const rule::ExprPtr& operand : conjunction->operands) conditions.push_back(operand.get());
    return conditions;
}

// The conditions as written, with the names of traits and segments.
std::vector<std::string> ClausesAsWritten(const Request& request) {
    if (request.static_segment) return {kAddedByHand};
    const rule::ExprPtr tree = ReadRule(request);
    const rule::Operation* conjunction = rule::AsOp(*tree, rule::Op::kAnd);
    if (!conjunction) return {rule::Print(*tree)};
    std::vector<std::string> texts;
    for (const rule::ExprPtr& operand : conjunction->operands) texts.push_back(rule::Print(*operand));
    return texts;
}

bool IsStatic(const rule::Expr& expr) {
    const rule::Metric* metric = rule::As<rule::Metric>(expr);
    return metric &&
           (metric->aggregate == rule::Aggregate::kStatic || metric->aggregate == rule::Aggregate::kConsent);
}

rule::ProfileRule CompileConverted(PeopleQuery& people, const rule::Expr& expr) {
    try {
        return people.Compile(expr);
    } catch (const UserError& error) {
        throw UserError(error.state().c_str(), "\"converted\": " + error.message(), error.detail(),
                        error.hint());
    }
}

}  // namespace

Attribute MakeProfileAttribute(const AttributeRequest& attribute) {
    const AttributeKind kind = attribute.kind.value_or(AttributeKind::kCategorical);
    const std::string path = PathLiteral(attribute.name), value = "(s.attributes #> " + path + ")",
                      text = "(s.attributes #>> " + path + ")",
                      type = "pg_catalog.jsonb_typeof(" + value + ")";
    std::string sql;
    switch (kind) {
        case AttributeKind::kCategorical: sql = text; break;
        case AttributeKind::kBoolean:
            sql = "CASE WHEN " + type + " = 'boolean' THEN " + text + "::boolean END";
            break;
        case AttributeKind::kNumeric: {
            // JSON numbers can be out of the range of double precision, at both ends.
            const std::string number = text + "::numeric";
            sql = "CASE WHEN " + type + " = 'number' THEN CASE WHEN pg_catalog.abs(" + number +
                  ") < 1e-300 THEN 0 WHEN pg_catalog.abs(" + number + ") < 1e300 THEN " + number +
                  "::double precision END END";
            break;
        }
        case AttributeKind::kTimestamp: sql = "pulse.to_moment(" + value + ")"; break;
    }
    return {attribute.name, kind, "(" + sql + ")", "(" + sql + ")"};
}

std::vector<source::Column> ProfileColumns(const Request& request) {
    std::vector<source::Column> columns;
    for (const AttributeRequest& attribute : request.attributes.value_or(std::vector<AttributeRequest>())) {
        const char* type = SqlType(attribute.kind.value_or(AttributeKind::kCategorical));
        columns.push_back({attribute.name, type, type, false});
    }
    return columns;
}

MemberQuery CompileProfileMembers(const Request& request, const std::string& now_sql) {
    PeopleQuery people(now_sql, request.expanded->time_zone);
    people.BoundActivity(request.expanded->inactive_after);
    if (!request.sources.empty()) people.AddBucketingId();
    MemberQuery query;
    query.kind = SegmentKind::kProfile;
    // Ids of profiles are the same in all cells, for other people.
    query.key = request.sources.empty() ? "s.id" : "s.bucketing_id";
    const std::vector<std::string> texts = ClausesAsWritten(request);
    const std::vector<const rule::Expr*> conditions = Conditions(*request.expanded->rule);
    for (const rule::Clause& clause : people.Compile(*request.expanded->rule).clauses) {
        const rule::Expr* condition =
            query.clauses.size() < conditions.size() ? conditions[query.clauses.size()] : nullptr;
        std::string sql = WithoutEstimate(clause.sql);
        if (condition && people.NeedsEvents(*condition)) sql = "(" + sql + " AND s.with_events IS NOT NULL)";
        // Says which rows of a join there are: the planner knows.
        if (condition && IsStatic(*condition)) sql = clause.sql;
        query.clauses.push_back({clause.text, std::move(sql)});
    }
    // Use the text of the definition; a trait that consists of several conditions is shown in its parts.
    for (size_t i = 0; i < texts.size() && texts.size() == query.clauses.size(); ++i)
        query.clauses[i].text = texts[i];
    for (const AttributeRequest& attribute : request.attributes.value_or(std::vector<AttributeRequest>()))
        query.attributes.push_back(MakeProfileAttribute(attribute));
    if (request.expanded->converted)
        query.converted = CompileConverted(people, *request.expanded->converted).sql;
    if (!request.sources.empty() && people.UsesStaticSegment())
        throw UserError(sqlstate::kInvalidParameter,
                        "a rule that is measured on several sources cannot use a static segment",
                        "Who was added by hand is in this database.", "Leave out \"source\".");
    query.last_active = "s.last_active";
    query.from = people.From();
    std::vector<std::string> narrow;
    for (const rule::Expr* condition : conditions)
        if (const std::string sql = people.AttributeCondition(*condition); !sql.empty())
            narrow.push_back(WithoutEstimate(sql));
    if (!narrow.empty()) query.narrowed = people.From(narrow);
    return query;
}

PersonValue CompilePersonValue(const rule::Expr& expanded, const std::string& time_zone,
                               const std::string& now_sql) {
    PeopleQuery people(now_sql, time_zone);
    const rule::ProfileRule value = people.Compile(expanded, rule::Expect::kAny);
    return {"SELECT s.id, (" + value.sql + ") AS value FROM " + people.From(), value.type};
}

PersonValues CompilePersonValues(const std::vector<rule::ExprPtr>& expanded, const std::string& time_zone,
                                 const std::string& now_sql) {
    PeopleQuery people(now_sql, time_zone);
    PersonValues values;
    std::string columns;
    for (const rule::ExprPtr& expr : expanded) {
        const rule::ProfileRule value = people.Compile(*expr, rule::Expect::kAny);
        values.types.push_back(value.type);
        columns += ", (" + value.sql + ") AS value" + std::to_string(values.types.size());
    }
    values.sql = "SELECT s.id" + columns + " FROM " + people.From();
    return values;
}

}  // namespace pulse::segment
