// Checks the plan of a statement before it runs: a monitor must never scan a huge table.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/ascii.hpp"
#include "pulse/base/json.hpp"
#include "pulse/health/measure.hpp"

namespace pulse::health {

namespace {

void Walk(const Json& node, PlanSummary& reading) {
    const std::string type = node.value("Node Type", "");
    if (type == "Seq Scan" && node.contains("Relation Name"))
        reading.scanned.push_back(Quoted(node.value("Schema", "")) + "." +
                                  Quoted(node.value("Relation Name", "")));
    if (type == "Foreign Scan")
        reading.foreign_rows = std::max(reading.foreign_rows, node.value("Plan Rows", 0.0));
    const auto plans = node.find("Plans");
    if (plans == node.end()) return;
    for (const Json& child : *plans) Walk(child, reading);
}

// Removes quotes that are not needed.
std::string Plain(const std::string& relation) {
    const bool simple = std::all_of(relation.begin(), relation.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '_' || c == '.' || c == '"';
    });
    std::string plain = relation;
    if (simple) std::erase(plain, '"');
    return plain;
}

}  // namespace

PlanSummary SummarizePlan(const std::string& json) {
    const Json document = ParseJsonOrDiscard(json);
    if (!document.is_array() || document.empty() || !document[0].contains("Plan"))
        throw UserError(sqlstate::kDataCorrupted, "could not parse the output of EXPLAIN", "It is: " + json);
    PlanSummary reading;
    reading.cost = document[0]["Plan"].value("Total Cost", 0.0);
    Walk(document[0]["Plan"], reading);
    std::sort(reading.scanned.begin(), reading.scanned.end());
    reading.scanned.erase(std::unique(reading.scanned.begin(), reading.scanned.end()), reading.scanned.end());
    return reading;
}

source::Rows PlanGuard::Query(const std::string& sql, const std::string& help) {
    const source::Rows plan = reader_.Query("EXPLAIN (FORMAT JSON, VERBOSE) " + sql);
    const PlanSummary reading = SummarizePlan(plan.values.at(0).at(0).value_or(""));
    cost_ = std::max(cost_, reading.cost);
    double rows = 0;
    for (const std::string& relation : reading.scanned)
        rows += reader_.Estimate("SELECT FROM " + relation).rows;
    if (rows > limits_.row_limit)
        throw TooLarge("it would read all of about " + Count(rows) + " rows of " +
                           Plain(reading.scanned.front()) +
                           (reading.scanned.size() > 1 ? " and others" : "") +
                           ", more than pulse.row_limit (" + Count(limits_.row_limit) + ")",
                       help);
    if (reading.foreign_rows > limits_.row_limit)
        throw TooLarge("it would fetch about " + Count(reading.foreign_rows) +
                           " rows from a foreign server, more than " + "pulse.row_limit (" +
                           Count(limits_.row_limit) + ")",
                       help);
    return reader_.Query(sql);
}

}  // namespace pulse::health
