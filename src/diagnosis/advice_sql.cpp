#include "pulse/diagnosis/advice_sql.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/diagnosis/rewrite.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::diagnosis {

namespace {

using nlohmann::json;

}  // namespace

std::string AdviceSql::Segment() const {
    return rule::QuoteText(input_.segment);
}

// Dollar quotes keep JSON readable; JSON that contains the mark itself is quoted.
std::string AdviceSql::Jsonb(const json& value) const {
    const std::string text = DumpJson(value);
    return text.find("$json") == std::string::npos ? "$json$" + text + "$json$" : rule::QuoteText(text);
}

std::string AdviceSql::Verb(const std::string& call) const {
    return "SELECT " + input_.verbs + call + ";";
}

bool AdviceSql::OfPeople() const {
    return input_.relation.empty() && input_.source.starts_with(kPeople);
}

bool AdviceSql::IsColumn(const std::string& name) const {
    if (input_.source.empty() || name.empty()) return false;
    if (!OfPeople()) return name.find('.') == std::string::npos;
    const json attributes = input_.definition.value("attributes", json::array());
    return std::any_of(attributes.begin(), attributes.end(),
                       [&](const json& one) { return one.value("name", "") == name; });
}

std::string AdviceSql::ShowValues(const std::string& column) const {
    if (!IsColumn(column)) return "";
    return "SELECT s." + rule::QuoteName(column) + "::text AS value, " + Counted() + " FROM " +
           input_.source + " GROUP BY 1 ORDER BY 2 DESC LIMIT 20;";
}

std::string AdviceSql::ShowFilled(const std::string& column) const {
    if (!IsColumn(column)) return "";
    return "SELECT " + Counted() + ", count(s." + rule::QuoteName(column) + ") AS filled FROM " +
           input_.source + ";";
}

std::string AdviceSql::ShowValue(const std::string& column, const std::vector<std::string>& values) const {
    if (values.empty() || !IsColumn(column)) return "";
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "" : ", ") + rule::QuoteText(value);
    return "SELECT s." + rule::QuoteName(column) + "::text AS value, " + Counted() + " FROM " +
           input_.source + " WHERE s." + rule::QuoteName(column) + "::text IN (" + list +
           ") GROUP BY 1 ORDER BY 1;";
}

std::string AdviceSql::ShowCombination(const std::vector<Condition>& conditions) const {
    std::string where;
    for (const Condition& condition : conditions) {
        if (!IsColumn(condition.attribute)) return "";
        std::string list;
        for (const std::string& value : condition.values)
            list += (list.empty() ? "" : ", ") + rule::QuoteText(value);
        where += (where.empty() ? " WHERE s." : " AND s.") + rule::QuoteName(condition.attribute) +
                 "::text IN (" + list + ")";
    }
    return "SELECT " + Counted() + " FROM " + input_.source + where + ";";
}

std::string AdviceSql::UpdateDefinition(const json& definition) const {
    return UpdateDefinition(definition, input_.expectations);
}

std::string AdviceSql::UpdateDefinition(const json& definition, const json& expectations) const {
    const json baseline = WithoutUnmeasured(expectations, definition);
    return Verb("pulse_update_segment(" + Segment() + ", definition => " + Jsonb(definition) +
                (baseline == input_.expectations ? "" : ", baseline => " + Jsonb(baseline)) + ")");
}

std::string AdviceSql::UpdateBaseline(const json& baseline) const {
    return Verb("pulse_update_segment(" + Segment() + ", baseline => " + Jsonb(baseline) + ")");
}

std::string AdviceSql::NewNormal() const {
    return Verb("pulse_resolve_incident(" + std::to_string(input_.incident) + ", new_normal => true)");
}

std::string AdviceSql::Counted() const {
    return input_.words.people() ? "count(*) AS people" : "count(*) AS rows";
}

}  // namespace pulse::diagnosis
