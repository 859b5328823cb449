#include "pulse/diagnosis/agent_tools.hpp"

#include <algorithm>
#include <set>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMaxText = 2000;  // of an argument, in bytes
constexpr int64_t kMaxRows = 60;

Json Text(const char* description) {
    return {{"type", "string"}, {"description", description}};
}

Json Maybe(const char* type, const char* description) {
    return {{"type", {type, "null"}}, {"description", description}};
}

Tool Make(const char* name, const char* description, const Json& properties) {
    Json required = Json::array();
    for (const auto& [key, schema] : properties.items()) required.push_back(key);
    return {name,
            description,
            {{"type", "object"},
             {"properties", properties},
             {"required", required},
             {"additionalProperties", false}}};
}

bool OfType(const Json& value, const std::string& type) {
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    return value.is_null();
}

// Null means that an optional argument is omitted.
bool Fits(const Json& value, const Json& type) {
    if (type.is_string()) return OfType(value, type.get<std::string>());
    for (const Json& one : type)
        if (OfType(value, one.get<std::string>())) return true;
    return false;
}

std::string CheckValue(const std::string& name, const Json& value) {
    if (value.is_string()) {
        const std::string& text = value.get_ref<const std::string&>();
        if (text.empty()) return "\"" + name + "\" is empty";
        if (text.size() > kMaxText)
            return "\"" + name + "\" is longer than " + std::to_string(kMaxText) + " bytes";
        if ((name == "from" || name == "to") && !ParseMoment(text))
            return "\"" + name + "\" is not an ISO 8601 time";
    } else if (value.is_number_integer()) {
        const int64_t number = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX
                                   ? INT64_MAX
                                   : value.get<int64_t>();
        if (name == "limit" && (number < 1 || number > kMaxRows))
            return "\"limit\" is not between 1 and " + std::to_string(kMaxRows);
        if (number < 0) return "\"" + name + "\" is negative";
    }
    return "";
}

using Paths = std::set<std::vector<std::string>>;

// The columns, or paths into them, that a rule names.
void CollectPaths(const rule::Expr& expr, Paths& paths) {
    const auto all = [&](std::span<const rule::ExprPtr> list) {
        for (const rule::ExprPtr& item : list) CollectPaths(*item, paths);
    };
    if (const auto* reference = rule::As<rule::Reference>(expr)) {
        if (reference->kind != rule::Reference::Kind::kPath)
            throw UserError(sqlstate::kNotSupported, "a preview may only use columns");
        paths.insert(reference->path);
    } else if (const auto* list = rule::As<rule::List>(expr)) {
        all(list->items);
    } else {
        all(rule::OperandsOf(expr));
    }
}

std::string Joined(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& name : path) text += (text.empty() ? "" : ".") + name;
    return Short(text, 60);
}

}  // namespace

std::string CheckPreview(const segment::Request& request, const std::string& where) {
    Paths allowed, asked;
    if (request.where) CollectPaths(*rule::Parse(*request.where), allowed);
    if (request.rules) CollectPaths(*rule::FromJson(*request.rules), allowed);
    if (request.attributes)
        for (const segment::AttributeRequest& attribute : *request.attributes)
            allowed.insert({attribute.name});
    const rule::ExprPtr rule = rule::Parse(where);
    CollectPaths(*rule, asked);
    std::vector<std::string> names;
    for (const auto& path : allowed)
        if (path.front() != request.key) names.push_back(Joined(path));
    for (const auto& path : asked)
        if (path.front() == request.key || !allowed.contains(path))
            throw UserError(
                sqlstate::kInsufficientPrivilege,
                "\"" + Joined(path) + "\" is not a column that a preview may use", "",
                names.empty()
                    ? "This segment has no such columns."
                    : "A preview may use the segment's attributes and the columns of its rule, except its key: " +
                          Listed(names, 30) + ".");
    return rule::Print(*rule);
}

int64_t BlurCount(int64_t people, int64_t noise) {
    constexpr int64_t kFew = 10;
    return people < kFew ? people : std::max(kFew, (people + noise + 5) / 10 * 10);
}

const std::vector<Tool>& Tools() {
    static const std::vector<Tool> tools{
        Make("list_snapshots",
             "Size, conversions, inactive members, entries and exits of a segment over time, newest first.",
             {{"segment", Text("Name of the segment.")},
              {"limit", Maybe("integer", "Number of snapshots, 1 to 60; null means 14.")}}),
        Make("attribute_distribution",
             "Distribution of the values of one attribute among the members of a segment, over time.",
             {{"segment", Text("Name of the segment.")},
              {"attribute", Text("Name of the attribute.")},
              {"from", Maybe("string", "Start time in ISO 8601; null: as far back as the limit allows.")},
              {"to", Maybe("string", "End time in ISO 8601; null: now.")},
              {"limit", Maybe("integer", "Number of snapshots, 1 to 60; null means 6.")}}),
        Make("contributions", "How much of the change of an incident each value of one attribute explains.",
             {{"incident", {{"type", "integer"}, {"description", "Id of the incident."}}},
              {"attribute", Text("Name of the attribute.")}}),
        Make("definition_versions", "All versions of a segment's definition: when and what changed.",
             {{"segment", Text("Name of the segment.")}}),
        Make("schema_history",
             "The columns of a relation, as seen by the segments that read it, and when they changed.",
             {{"relation", Text("Name of the table or view, with its schema.")}}),
        Make("table_health",
             "The checks of a monitored table: freshness, volume, nulls and more, with their newest results "
             "and incidents.",
             {{"relation", Text("Name of the table, with its schema.")}}),
        Make("sibling_incidents", "Incidents of other segments and tables that began at about the same time.",
             {{"incident", {{"type", "integer"}, {"description", "Id of the incident."}}}}),
        Make(
            "preview_count",
            "Approximate number of members that a segment would have now under another rule, rounded to ten; at "
            "most five calls. The rule may only use attributes of the segment and columns of its own rule, "
            "never its key.",
            {{"segment", Text("Name of the segment.")},
             {"where",
              Text(
                  "The complete rule in the rule language, e.g. ltv > 1000 && plan in [\"pro\", \"team\"].")}})};
    return tools;
}

std::string CheckCall(const ToolCall& call) {
    const Tool* tool = nullptr;
    std::vector<std::string> names;
    for (const Tool& one : Tools()) {
        names.push_back(one.name);
        if (one.name == call.name) tool = &one;
    }
    if (!tool) return "there is no tool \"" + Short(call.name, 60) + "\"; tools are " + Listed(names, 20);
    if (!call.arguments.is_object()) return "the arguments are not a JSON object";
    const Json& properties = tool->schema["properties"];
    for (const auto& [name, value] : call.arguments.items())
        if (!properties.contains(name))
            return "unknown argument \"" + Short(name, 60) + "\" of " + tool->name;
    for (const auto& [name, schema] : properties.items()) {
        const Json value = call.arguments.contains(name) ? call.arguments[name] : Json();
        if (!Fits(value, schema["type"]))
            return "\"" + name + "\" " + (value.is_null() ? "is missing" : "is of the wrong type") +
                   "; its type is " + DumpJson(schema["type"]);
        if (std::string problem = CheckValue(name, value); !problem.empty()) return problem;
    }
    return "";
}

}  // namespace pulse::diagnosis
