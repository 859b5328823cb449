#include "pulse/insight/event_condition.hpp"

#include "pulse/rule/compile.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile_scope.hpp"

namespace pulse::insight {

EventCondition ReadEventCondition(const std::optional<std::string>& event,
                                  const std::optional<std::string>& where) {
    return {event, where ? rule::Parse(*where) : nullptr};
}

std::string ConditionSql(const EventCondition& condition, const std::string& now_sql) {
    std::string sql = condition.event ? "e.name = " + rule::QuoteText(*condition.event) : "";
    if (condition.where)
        sql += (sql.empty() ? "" : " AND ") + std::string("COALESCE(") +
               rule::Compile(*condition.where, rule::PropertyScope("e.properties"), rule::Expect::kBoolean,
                             now_sql)
                   .sql +
               ", false)";
    return sql.empty() ? "true" : sql;
}

bool IsName(const std::string& expression) {
    return rule::As<rule::Reference>(*rule::Parse(expression)) != nullptr;
}

std::string Describe(const EventCondition& condition) {
    return condition.event.value_or("any event") +
           (condition.where ? " where " + rule::Print(*condition.where) : "");
}

}  // namespace pulse::insight
