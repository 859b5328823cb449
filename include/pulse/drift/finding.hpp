// Types that the whole room uses: severity, direction, finding, detector result. Pure C++.
#pragma once

#include <compare>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::drift {

using Json = nlohmann::json;

// The detectors' names, as users see them.
namespace detector {
inline constexpr const char* kSizeChange = "size_change";
inline constexpr const char* kDistributionShift = "distribution_shift";
inline constexpr const char* kConversionAnomaly = "conversion_anomaly";
inline constexpr const char* kInactivityCreep = "inactivity_creep";
inline constexpr const char* kExpectedRange = "expected_range";
inline constexpr const char* kMembershipChurn = "membership_churn";
inline constexpr const char* kNullSpike = "null_spike";
inline constexpr const char* kNanSpike = "nan_spike";
inline constexpr const char* kNewValue = "new_value";
inline constexpr const char* kVanishedValue = "vanished_value";
inline constexpr const char* kSchemaChange = "schema_change";
inline constexpr const char* kSlowErosion = "slow_erosion";
inline constexpr const char* kSlowGrowth = "slow_growth";
// Of events; room insight finds them.
inline constexpr const char* kEventVolume = "event_volume";
inline constexpr const char* kEventRate = "event_rate";
inline constexpr const char* kEventVanished = "event_vanished";
inline constexpr const char* kEventNew = "event_new";
inline constexpr const char* kPropertyNulls = "property_nulls";
inline constexpr const char* kPropertyType = "property_type";
}  // namespace detector

enum class Severity { kLow, kMedium, kHigh, kCritical };
enum class Direction { kUp, kDown, kChanged };
enum class BaselineKind { kPinned, kRolling, kSeasonal, kPrevious, kExpected };

// "low" … "critical"; "up", "down", "changed"; "pinned", "rolling", "seasonal", "previous", "expected".
const char* Name(Severity severity);
const char* Name(Direction direction);
const char* Name(BaselineKind kind);
Severity ParseSeverity(const std::string& name);
Direction ParseDirection(const std::string& name);
BaselineKind ParseBaselineKind(const std::string& name);

// Severity by change ÷ threshold: from 3 on critical, 2 high, 1.5 medium, else low.
Severity SeverityOf(double ratio);

// Identifies an incident: a segment has at most one live incident per fingerprint.
struct Fingerprint {
    std::string detector;
    std::string attribute;  // empty for the segment as a whole
    auto operator<=>(const Fingerprint&) const = default;
};

// A drift that a detector found in one snapshot.
struct Finding {
    Fingerprint fingerprint;
    Direction direction = Direction::kChanged;
    std::optional<double> baseline, observed;  // sizes, rates or shares
    double change = 0;  // signed and relative to the baseline; TVD for shifts; the difference for shares
    double threshold = 0;
    std::optional<double> p_value;  // empty: no test needed
    BaselineKind baseline_kind = BaselineKind::kPrevious;
    Severity severity = Severity::kLow;
    std::optional<Moment> onset;               // when the drift began, if the detector knows it
    std::optional<int64_t> baseline_snapshot;  // the newest normal snapshot before it
    Json details;                              // an object, or null for nothing to say
    std::string summary;
};

// The result of one detector's test, with or without a finding.
struct DetectorResult {
    Finding finding;   // details and summary are filled only if material
    double ratio = 0;  // change ÷ threshold in the relevant direction; material from 1 on
    bool material = false;
    bool supported = false;  // p below the limit of one finding, or no test needed
};

}  // namespace pulse::drift
