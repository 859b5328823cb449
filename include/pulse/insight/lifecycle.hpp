// The stages of a person: anonymous, known, customer, churned. Pure C++.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace pulse::insight {

inline constexpr size_t kStages = 4;
inline constexpr std::array<const char*, kStages> kStageNames{"anonymous", "known", "customer", "churned"};

struct LifecycleSettings {
    std::string known = "exists (profile.email ?? profile.phone)";  // a rule, canonical
    std::vector<std::string> purchase_events = {"Purchase", "purchase", "Order Completed"};
    int inactive_days = 90;

    bool operator==(const LifecycleSettings&) const = default;
};

// The rule that `lifecycle` stands for.
std::string LifecycleRule(const LifecycleSettings& settings);

// The name of the segment of a stage.
std::string StageSegment(size_t stage);

}  // namespace pulse::insight
