#include "pulse/segment/keys.hpp"

namespace pulse::segment {

const std::vector<std::string> kDefinitionKeys = {
    "from",       "query",      "key",         "where",           "rules",   "logicalOperator",   "groups",
    "attributes", "converted",  "last_active", "source",          "cadence", "include_anonymous", "members",
    "static",     "conditions", "logic",       "allow_incomplete"};
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

const std::vector<Elsewhere>& KeysElsewhere() {
    static const std::vector<Elsewhere> places = {
        // "value" has other meanings, too.
        {{"value"}, ""},
        {kBaselineKeys, "It belongs to the baseline, an argument of its own: baseline => '{\"%\": ...}'."},
        {kThresholdKeys, "It belongs to the baseline: baseline => '{\"alertThresholds\": {\"%\": ...}}'."},
        {kDefinitionKeys, "It belongs to the definition: definition => '{\"%\": ...}'."},
        {{"min", "max"},
         "It belongs to \"expectedSize\" or \"expectedConversionRate\" of the baseline: baseline => "
         "'{\"expectedSize\": {\"%\": ...}}'."},
        {{"name", "owner", "description", "tags", "baseline"}, "It is an argument of the function: % => ..."},
        {{"schedule", "every"}, "How often a segment is measured is the \"cadence\" of its definition."},
        {{"host", "port", "dbname"},
         "It is an option of pulse_create_source(); \"source\" in the definition is the name of the source."}};
    return places;
}

}  // namespace pulse::segment
