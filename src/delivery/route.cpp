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

bool AllowsSubject(const Route& route, const IncidentEvent& incident_event) {
    if (route.segments.empty() && route.tables.empty()) return true;
    if (!incident_event.table.empty()) return Has(route.tables, incident_event.table);
    return !incident_event.segment.empty() && Has(route.segments, incident_event.segment);
}

}  // namespace

const char* IncidentEvent::Family() const {
    if (!table.empty()) return "table";
    return subject.starts_with("event:") ? "event" : "segment";
}

int Rank(const std::string& severity) {
    static const std::vector<std::string> order{"low", "medium", "high", "critical"};
    const auto found = std::find(order.begin(), order.end(), severity);
    return found == order.end() ? -1 : static_cast<int>(found - order.begin());
}

const std::vector<std::string>& RouteEvents() {
    static const std::vector<std::string> events{"opened",   "reopened", "worsened", "eased", "acknowledged",
                                                 "resolved", "ignored",  "health",   "action"};
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
                                      "event",
                                      detector::kSizeChange,
                                      detector::kDistributionShift,
                                      detector::kConversionAnomaly,
                                      detector::kInactivityCreep,
                                      detector::kExpectedRange,
                                      detector::kMembershipChurn,
                                      detector::kNullSpike,
                                      detector::kNanSpike,
                                      detector::kNewValue,
                                      detector::kVanishedValue,
                                      detector::kSchemaChange,
                                      detector::kSlowErosion,
                                      detector::kSlowGrowth,
                                      detector::kEventVolume,
                                      detector::kEventRate,
                                      detector::kEventVanished,
                                      detector::kEventNew,
                                      detector::kPropertyNulls,
                                      detector::kPropertyType};
        for (const CheckType type :
             {CheckType::kFreshness, CheckType::kVolume, CheckType::kNullRate, CheckType::kUnique,
              CheckType::kAcceptedValues, CheckType::kRange, CheckType::kReferences, CheckType::kSchema,
              CheckType::kReplicationLag, CheckType::kSql})
            list.push_back(Detector(type));
        return list;
    }();
    return names;
}

bool IsAbout(const Route& route, const IncidentEvent& incident_event) {
    // Later events go where the alarm may have gone, even if the incident has become mild.
    const std::string& severity =
        IsAlarm(incident_event.event) ? incident_event.severity : incident_event.worst;
    if (Rank(severity) < route.min_severity) return false;
    if (!AllowsSubject(route, incident_event) || !Allows(route.owners, incident_event.owner)) return false;
    const bool tagged =
        route.tags.empty() || std::any_of(incident_event.tags.begin(), incident_event.tags.end(),
                                          [&](const std::string& tag) { return Has(route.tags, tag); });
    return tagged && (Allows(route.detectors, incident_event.detector) ||
                      Has(route.detectors, incident_event.Family()));
}

bool Wants(const Route& route, const IncidentEvent& incident_event, bool follows) {
    if (!IsAbout(route, incident_event)) return false;
    return Has(route.events, incident_event.event) ||
           (follows && (incident_event.event == "acknowledged" || IsClosing(incident_event.event)));
}

}  // namespace pulse::delivery
