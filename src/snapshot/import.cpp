#include "pulse/snapshot/import.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"

namespace pulse::snapshot {

namespace {

using Json = nlohmann::json;
using segment::AttributeKind;

constexpr size_t kMostEdges = 1000;
constexpr const char* kNull = "__null__";
constexpr const char* kOther = "__other__";
constexpr const char* kForms =
    "Give values with their members, as {\"ios\": 4500, \"android\": 4000, \"__null__\": 20}, or intervals, "
    "as "
    "{\"edges\": [10, 100], \"counts\": [3, 5, 2], \"nulls\": 0}.";

[[noreturn]] void Refuse(const std::string& attribute, const std::string& fault) {
    throw UserError(sqlstate::kInvalidParameter, "cannot read the distribution of \"" + attribute + "\"",
                    fault, kForms);
}

int64_t ReadCount(const Json& json, const std::string& attribute, const std::string& what) {
    // Beyond 2^53 a count in JSON is no longer exact.
    constexpr double kMost = 9007199254740992.0;
    const double number = json.is_number() ? json.get<double>() : -1;
    if (!(number >= 0 && number <= kMost) || std::floor(number) != number)
        Refuse(attribute, what + " is " + DumpJson(json) + ", not a number of members.");
    return static_cast<int64_t>(number);
}

std::optional<double> ReadNumber(const Json& json, const char* key, const std::string& attribute) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) return std::nullopt;
    if (!found->is_number())
        Refuse(attribute, std::string("\"") + key + "\" is " + found->dump() + ", not a number.");
    return found->get<double>();
}

// Adds up; counts that exceed the segment are refused before they can overflow.
void AddTo(int64_t& sum, int64_t members, const Distribution& result) {
    if (members > result.total - sum)
        Refuse(result.attribute, "Its values have more members than the segment, which has " +
                                     std::to_string(result.total) + ".");
    sum += members;
}

// Returns how many members have a value.
int64_t ReadLabels(const Json& json, size_t max_values, Distribution& result) {
    std::vector<std::pair<std::string, int64_t>> values;
    int64_t valued = 0;
    for (const auto& [label, count] : json.items()) {
        const int64_t members = ReadCount(count, result.attribute, "\"" + label + "\"");
        if (label == kNull) {
            result.nulls = members;
            continue;
        }
        AddTo(valued, members, result);
        if (label != kOther && members > 0) values.emplace_back(label, members);
    }
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    result.distinct_values = static_cast<int64_t>(values.size());
    if (values.size() > max_values) values.resize(max_values);
    const bool boolean = !values.empty() && std::all_of(values.begin(), values.end(), [](const auto& value) {
        return value.first == "true" || value.first == "false";
    });
    result.kind = boolean ? AttributeKind::kBoolean : AttributeKind::kCategorical;
    for (auto& [label, members] : values) {
        result.labels.push_back(label);
        result.counts.push_back(members);
    }
    return valued;
}

void ReadEdges(const Json& edges, Distribution& result) {
    if (edges.size() > kMostEdges)
        Refuse(result.attribute, "It has " + std::to_string(edges.size()) + " edges; at most 1000 are kept.");
    for (const Json& edge : edges) {
        if (!edge.is_number())
            Refuse(result.attribute, "\"edges\" holds " + DumpJson(edge) + ", not a number.");
        if (!result.edges.empty() && edge.get<double>() <= result.edges.back())
            Refuse(result.attribute, "\"edges\" must ascend, but " + DumpJson(edge) + " does not.");
        result.edges.push_back(edge.get<double>());
    }
}

int64_t ReadIntervals(const Json& json, Distribution& result) {
    constexpr const char* kKeys[] = {"edges", "counts", "nulls",   "nans",   "kind",
                                     "mean",  "stddev", "minimum", "maximum"};
    for (const auto& [key, value] : json.items())
        if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys))
            Refuse(result.attribute,
                   "\"" + key +
                       "\" is not known beside \"edges\"; there are counts, nulls, nans, kind, "
                       "mean, stddev, minimum, maximum.");
    const std::string kind = json.contains("kind") ? DumpJson(json["kind"]) : "\"numeric\"";
    if (kind != "\"numeric\"" && kind != "\"timestamp\"")
        Refuse(result.attribute, "\"kind\" is " + kind + ", neither \"numeric\" nor \"timestamp\".");
    result.kind = kind == "\"numeric\"" ? AttributeKind::kNumeric : AttributeKind::kTimestamp;
    ReadEdges(json["edges"], result);
    const auto counts = json.find("counts");
    if (counts == json.end() || !counts->is_array() || counts->size() != result.edges.size() + 1)
        Refuse(result.attribute, std::to_string(result.edges.size()) + " edges need " +
                                     std::to_string(result.edges.size() + 1) + " counts.");
    int64_t valued = 0;
    for (const Json& count : *counts) {
        result.counts.push_back(ReadCount(count, result.attribute, "\"counts\""));
        AddTo(valued, result.counts.back(), result);
    }
    if (json.contains("nulls")) result.nulls = ReadCount(json["nulls"], result.attribute, "\"nulls\"");
    if (json.contains("nans")) result.nans = ReadCount(json["nans"], result.attribute, "\"nans\"");
    result.mean = ReadNumber(json, "mean", result.attribute);
    result.stddev = ReadNumber(json, "stddev", result.attribute);
    result.minimum = ReadNumber(json, "minimum", result.attribute);
    result.maximum = ReadNumber(json, "maximum", result.attribute);
    return valued;
}

Distribution ReadOne(const std::string& attribute, const Json& json, int64_t size, size_t max_values) {
    Distribution result;
    result.attribute = attribute;
    result.total = size;
    if (attribute.empty() || !json.is_object())
        Refuse(attribute, "It is " + DumpJson(json).substr(0, 200) + ".");
    const auto edges = json.find("edges");
    const int64_t valued = edges != json.end() && edges->is_array() ? ReadIntervals(json, result)
                                                                    : ReadLabels(json, max_values, result);
    if (valued > result.known())
        Refuse(attribute,
               "Its values have more members than the segment, which has " + std::to_string(size) + ".");
    // Members without a named value: __other__, the remaining values, and members missing from the counts.
    result.other = result.known();
    for (const int64_t count : result.counts) result.other -= count;
    return result;
}

}  // namespace

std::vector<Distribution> ParseDistributions(const nlohmann::json& json, int64_t size, size_t max_values) {
    constexpr size_t kMostAttributes = 100;
    constexpr size_t kMostValues = 100'000;
    if (!json.is_object())
        throw UserError(sqlstate::kInvalidParameter, "\"distributions\" must be an object of attributes",
                        "It is " + DumpJson(json).substr(0, 200) + ".",
                        "For example {\"platform\": {\"ios\": 4500, \"android\": 4000}}.");
    if (json.size() > kMostAttributes)
        throw UserError(sqlstate::kProgramLimit, "too many attributes",
                        "There are " + std::to_string(json.size()) + "; at most 100 can be kept.",
                        "Import the ones that matter.");
    std::vector<Distribution> distributions;
    for (const auto& [attribute, values] : json.items()) {
        if (values.size() > kMostValues)
            throw UserError(sqlstate::kProgramLimit, "too many values of \"" + attribute + "\"",
                            "There are " + std::to_string(values.size()) + "; at most 100000 are read.",
                            "Sum the rare ones up as \"__other__\".");
        distributions.push_back(ReadOne(attribute, values, size, max_values));
    }
    return distributions;
}

}  // namespace pulse::snapshot
