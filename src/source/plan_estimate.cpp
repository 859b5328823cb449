#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/source/local.hpp"

namespace pulse::source {

namespace {

using Json = nlohmann::json;

// The only input of a node, ignoring subqueries in expressions; null if there is none or several.
const Json* OnlyInput(const Json& node) {
    const Json* input = nullptr;
    const auto plans = node.find("Plans");
    if (plans == node.end()) return nullptr;
    for (const Json& child : *plans) {
        const std::string relationship = child.value("Parent Relationship", "");
        if (relationship == "InitPlan" || relationship == "SubPlan") continue;
        if (input) return nullptr;
        input = &child;
    }
    return input;
}

// Nodes that read all of their single input.
bool PassesThrough(const std::string& type) {
    return type == "Aggregate" || type == "Gather" || type == "Gather Merge" || type == "Sort" ||
           type == "Result";
}

}  // namespace

PlanEstimate ReadPlan(const std::string& json) {
    const Json document = ParseJsonOrDiscard(json);
    if (!document.is_array() || document.empty() || !document[0].contains("Plan") ||
        !document[0]["Plan"].is_object())
        throw UserError(sqlstate::kDataCorrupted, "could not parse the output of EXPLAIN", "It is: " + json);
    const Json& top = document[0]["Plan"];
    PlanEstimate estimate;
    estimate.cost = top.value("Total Cost", 0.0);
    estimate.rows = top.value("Plan Rows", 0.0);
    for (const Json* node = &top; node; node = OnlyInput(*node)) {
        const std::string type = node->value("Node Type", "");
        if (node->value("Custom Plan Provider", "").starts_with("Citus")) estimate.distributed = true;
        if (type == "Seq Scan") estimate.reads_whole_relation = true;
        if (!PassesThrough(type)) break;
    }
    return estimate;
}

}  // namespace pulse::source
