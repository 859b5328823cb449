#include "pulse/delivery/route.hpp"

#include <algorithm>

#include "pulse/drift/finding.hpp"
#include "pulse/health/check.hpp"

namespace pulse::delivery {

namespace {

bool Has(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool Allows(const std::vector<std::string>& filter, const std::string& name) {
    return filter.empty() || Has(filter, name);
}

bool AllowsSubject(const Route& route, const Happening& happening) {
    if (route.segments.empty() && route.tables.empty()) return true;
    return happening.table.empty() ? Has(route.segments, happening.segment)
                                   : Has(route.tables, happening.table);
}

}  // namespace

int Rank(const std::string& severity) {
    static const std::vector<std::string> order{"low", "medium", "high", "critical"};
    const auto found = std::find(order.begin(), order.end(), severity);
    return found == order.end() ? -1 : static_cast<int>(found - order.begin());
}

const std::vector<std::string>& RouteEvents() {
    static const std::vector<std::string> events{"opened",       "reopened", "worsened", "eased",
                                                 "acknowledged", "resolved", "ignored"};
    return events;
}

bool IsAlarm(const std::string& event) {
    return event == "opened" || event == "reopened" || event == "worsened";
}

bool IsClosing(const std::string& event) {
    return event == "resolved" || event == "ignored";
}

const std::vector<std::string>& DetectorNames() {
    namespace detector = drift::detector;
    using health::CheckType;
    using health::Detector;
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list{"segment",
                                      "table",
                                      detector::kSizeChange,
                                      detector::kDistributionShift,
                                      detector::kConversionAnomaly,
                                      detector::kInactivityCreep,
                                      detector::kExpectedRange,
                                      detector::kMembershipChurn,
                                      detector::kNullSpike,
                                      detector::kNewValue,
                                      detector::kVanishedValue,
                                      detector::kSchemaChange,
                                      detector::kSlowErosion};
        for (const CheckType type :
             {CheckType::kFreshness, CheckType::kVolume, CheckType::kNullRate, CheckType::kUnique,
              CheckType::kAcceptedValues, CheckType::kRange, CheckType::kReferences, CheckType::kSchema,
              CheckType::kReplicationLag, CheckType::kSql})
            list.push_back(Detector(type));
        return list;
    }();
    return names;
}

bool IsAbout(const Route& route, const Happening& happening) {
    // What follows an alarm goes where the alarm may have gone, however mild the incident is by now.
    const std::string& severity = IsAlarm(happening.event) ? happening.severity : happening.worst;
    if (Rank(severity) < route.min_severity) return false;
    if (!AllowsSubject(route, happening) || !Allows(route.owners, happening.owner)) return false;
    const bool tagged =
        route.tags.empty() || std::any_of(happening.tags.begin(), happening.tags.end(),
                                          [&](const std::string& tag) { return Has(route.tags, tag); });
    return tagged && (Allows(route.detectors, happening.detector) ||
                      Has(route.detectors, happening.table.empty() ? "segment" : "table"));
}

bool Wants(const Route& route, const Happening& happening, bool follows) {
    if (!IsAbout(route, happening)) return false;
    return Has(route.events, happening.event) ||
           (follows && (happening.event == "acknowledged" || IsClosing(happening.event)));
}

}  // namespace pulse::delivery
