#include <nlohmann/json.hpp>

#include "pulse/base/listeners.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/store.hpp"

namespace {

using pulse::UserError;
using namespace std::string_literals;
namespace pg = pulse::pg;
namespace rule = pulse::rule;

// "app"."users" of a relation that the caller may read.
std::string ReadableRelation(Oid relation) {
    const AclResult access = pg::Call([&] { return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT); });
    const pg::Result names = pg::Execute(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1",
        {{OIDOID, ObjectIdGetDatum(relation), false}}, true);
    const std::string name = names[0].Text(0);
    if (access != ACLCHECK_OK)
        throw UserError(pulse::sqlstate::kInsufficientPrivilege, "permission denied for relation " + name,
                        "A rule over a relation needs the privilege SELECT on it.",
                        "GRANT SELECT ON " + name + " TO " + pg::CallerName() + ";");
    return name;
}

rule::Compiled Validate(const rule::Expr& expr, Oid relation) {
    const rule::RelationScope scope(rule::ReadColumns(relation));
    pg::Session session;
    const std::string from = ReadableRelation(relation);
    rule::Compiled compiled =
        rule::Compile(expr, scope, rule::Expect::kBoolean, pg::VerbSchema() + ".pulse_now()");
    rule::CheckPatterns(expr);
    // Planning detects what only PostgreSQL knows: an invalid uuid, a type without an order. The query is
    // ours, so it is not shown.
    try {
        pg::Subtransaction apart;
        pg::Execute("SELECT FROM " + from + " AS s WHERE " + compiled.sql + " LIMIT 0", {}, true);
        apart.Commit();
    } catch (const pg::Error& error) {
        throw UserError(error.State().c_str(), error.message, error.detail, error.hint);
    }
    return compiled;
}

Datum Answer(FunctionCallInfo fcinfo, const rule::Compiled& compiled) {
    std::vector<std::string> clauses;
    for (const rule::Clause& clause : compiled.clauses) clauses.push_back(clause.text);
    pg::ResultSet rows(fcinfo);
    rows.Add({pg::Value::Text(compiled.text), pg::Value::Texts(compiled.columns),
              pg::Value::Text(compiled.sql), pg::Value::Texts(clauses)});
    return pg::ResultSet::Done();
}

// Rule text cannot begin with a brace, so '{"rules": …}' in quotes is a JSON rule as well.
rule::ExprPtr ParseEither(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || text[first] != '{') return rule::Parse(text);
    return rule::FromJson(rule::ReadJson(text, "rule", "A rule that begins with { must be valid JSON."));
}

Oid RelationArgument(const pg::Args& arguments) {
    if (arguments.IsNull(1))
        throw UserError(pulse::sqlstate::kNullValue, "argument \"relation\" must not be null", "",
                        "Name a table or a view.");
    return DatumGetObjectId(arguments.Raw(1));
}

constinit pulse::Implementation<const rule::Definitions& (*)()> saved_definitions;

rule::ProfileNames ColumnsOfPeople() {
    return {"s.attributes", "s.account", "s.context",
            [](size_t metric) { return "s.metric_" + std::to_string(metric + 1); }};
}

// PostgreSQL must accept the SQL.
void TryCompile(const rule::ProfileRule& compiled) {
    std::string columns = "NULL::jsonb AS attributes, NULL::jsonb AS account, NULL::jsonb AS context";
    for (size_t i = 0; i < compiled.metrics.size(); ++i)
        columns += ", NULL::"s + rule::SqlTypeOf(compiled.metrics[i]) + " AS metric_" + std::to_string(i + 1);
    pg::Execute(
        "SELECT " + compiled.sql + ", " + compiled.until + " FROM (SELECT " + columns + ") AS s LIMIT 0", {},
        true);
}

Datum AnswerForPeople(FunctionCallInfo fcinfo, const rule::Expr& expr) {
    const rule::ReferencedNames mentions = rule::FindReferencedNames(expr);
    const bool whole = saved_definitions.Get() || (mentions.traits.empty() && mentions.segments.empty());
    const pg::Value none = pg::Value::Null(TEXTOID), no_list = pg::Value::Null(TEXTARRAYOID);
    pg::ResultSet rows(fcinfo);
    if (!whole) {
        rows.Add({pg::Value::Text(rule::Print(expr)), none, no_list, pg::Value::Texts(mentions.traits),
                  pg::Value::Texts(mentions.segments), no_list, no_list, no_list, none, none, no_list,
                  no_list});
        return pg::ResultSet::Done();
    }
    const rule::ExprPtr expanded = saved_definitions.Get() ? rule::Expand(expr, saved_definitions.Get()())
                                                           : std::make_shared<const rule::Expr>(expr);
    const std::string now = pg::VerbSchema() + ".pulse_now()";
    const rule::ProfileRule compiled =
        rule::CompileProfile(*expanded, ColumnsOfPeople(), rule::Expect::kAny, now);
    const pg::Session session;
    rule::CheckPatterns(*expanded);
    TryCompile(compiled);
    std::vector<std::string> clauses, metrics, metric_sql, metric_until;
    for (const rule::Clause& clause : compiled.clauses) clauses.push_back(clause.text);
    for (const rule::Metric& metric : compiled.metrics) {
        const rule::MetricSql sql = rule::CompileMetric(metric, now, pg::settings::TimeZone(), "s.id");
        metrics.push_back(rule::Print(metric));
        metric_sql.push_back(sql.value);
        metric_until.push_back(sql.until);
    }
    rows.Add({pg::Value::Text(rule::Print(expr)), pg::Value::Text(compiled.sql_type),
              pg::Value::Texts(clauses), pg::Value::Texts(mentions.traits),
              pg::Value::Texts(mentions.segments), pg::Value::Texts(compiled.attributes),
              pg::Value::Texts(compiled.account_attributes), pg::Value::Texts(metrics),
              pg::Value::Text(compiled.sql), pg::Value::Text(compiled.until), pg::Value::Texts(metric_sql),
              pg::Value::Texts(metric_until)});
    return pg::ResultSet::Done();
}

}  // namespace

namespace pulse::rule {

bool RegisterDefinitions(const Definitions& (*saved)()) {
    return saved_definitions.Set(saved);
}

}  // namespace pulse::rule

PULSE_FUNCTION(pulse_validate_profile_rule_text) {
    const rule::ExprPtr expr = ParseEither(pg::Args(fcinfo).RequireText(0, "rule"));
    return AnswerForPeople(fcinfo, *expr);
}

PULSE_FUNCTION(pulse_validate_profile_rule_jsonb) {
    const rule::ExprPtr expr = rule::FromJson(pg::Args(fcinfo).RequireJsonb(0, "rule"));
    return AnswerForPeople(fcinfo, *expr);
}

PULSE_FUNCTION(pulse_validate_rule_text) {
    const pg::Args arguments(fcinfo);
    const rule::ExprPtr expr = ParseEither(arguments.RequireText(0, "rule"));
    return Answer(fcinfo, Validate(*expr, RelationArgument(arguments)));
}

PULSE_FUNCTION(pulse_validate_rule_jsonb) {
    const pg::Args arguments(fcinfo);
    const rule::ExprPtr expr = rule::FromJson(arguments.RequireJsonb(0, "rule"));
    return Answer(fcinfo, Validate(*expr, RelationArgument(arguments)));
}
