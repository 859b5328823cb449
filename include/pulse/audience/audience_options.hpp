// The options of an audience as users give them. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/audience/platform.hpp"

namespace pulse::audience {

// When an audience is synchronised without being asked; neither: never.
struct AudienceSchedule {
    std::optional<int64_t> every;  // microseconds
    bool on_change = false;
};

struct AudienceOptions {
    std::optional<std::string> name, segment;  // of an update
    std::optional<std::vector<std::string>> purposes, identifiers;
    std::optional<AudienceSchedule> schedule;
    std::optional<int64_t> full_every;
    std::optional<double> max_share;
    std::optional<std::string> key, platform_id, platform_name, description;
};

// Read the object; throws UserError that names the key and lists what is valid.
AudienceOptions ReadAudienceOptions(const nlohmann::json& json, bool create);

// Throws UserError unless the platform takes all of them and they find people.
void CheckIdentifiers(const std::vector<std::string>& identifiers, Platform platform);

}  // namespace pulse::audience
