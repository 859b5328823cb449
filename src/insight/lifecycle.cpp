#include "pulse/insight/lifecycle.hpp"

#include "pulse/rule/metric.hpp"

namespace pulse::insight {

std::string LifecycleRule(const LifecycleSettings& settings) {
    std::string bought;
    for (const std::string& event : settings.purchase_events) {
        rule::Metric metric;
        metric.aggregate = rule::Aggregate::kExists;
        metric.event = event;
        bought += (bought.empty() ? "" : " || ") + rule::Print(metric);
    }
    const std::string known = "(" + settings.known + ")", customer = "(" + bought + ")";
    return "if((" + known + " || " + customer + ") && events.*.last_seen before last " +
           std::to_string(settings.inactive_days) + "d, \"churned\", if(" + customer + ", \"customer\", if(" +
           known + ", \"known\", \"anonymous\")))";
}

std::string StageSegment(size_t stage) {
    return std::string("lifecycle_") + kStageNames[stage];
}

}  // namespace pulse::insight
