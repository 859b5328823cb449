#include "pulse/segment/misplaced_keys.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::segment {

const std::vector<std::string> kDefinitionKeys = {
    "from",       "query",     "key",         "where",  "rules",   "logicalOperator",  "groups",
    "attributes", "converted", "last_active", "source", "cadence", "include_anonymous"};
const std::vector<std::string> kBaselineKeys = {"expectedSize", "expectedConversionRate",
                                                "criticalAttributes", "monitoringEnabled", "alertThresholds"};
const std::vector<std::string> kThresholdKeys = {"sizeChangePercent",
                                                 "distributionShift",
                                                 "conversionAnomaly",
                                                 "inactivityCreep",
                                                 "membershipChurn",
                                                 "nullSpike",
                                                 "value",
                                                 "slowErosion",
                                                 "slowGrowth"};

namespace {

bool Has(const std::vector<std::string>& keys, const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Where a key belongs; empty if nowhere.
std::string HomeOf(const std::string& key) {
    static const std::vector<std::string> arguments = {"name", "owner", "description", "tags", "baseline"};
    if (Has(kBaselineKeys, key))
        return "It belongs to the baseline, an argument of its own: baseline => '{\"" + key + "\": ...}'.";
    if (Has(kThresholdKeys, key) && key != "value")
        return "It belongs to the baseline: baseline => '{\"alertThresholds\": {\"" + key + "\": ...}}'.";
    if (Has(kDefinitionKeys, key))
        return "It belongs to the definition: definition => '{\"" + key + "\": ...}'.";
    if (Has(arguments, key)) return "It is an argument of the function: " + key + " => ...";
    return "";
}

}  // namespace

void RefuseMisplacedKeys(const nlohmann::json& object, const std::string& here,
                         const std::vector<std::string>& valid) {
    if (!object.is_object()) return;
    for (const auto& [key, value] : object.items()) {
        if (Has(valid, key)) continue;
        if (const std::string home = HomeOf(key); !home.empty())
            throw UserError(sqlstate::kInvalidParameter, InQuotes(key) + " is not a key of " + here, "",
                            home);
    }
}

}  // namespace pulse::segment
