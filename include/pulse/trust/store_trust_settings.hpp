// The stored settings of room trust. For entry code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <string>

#include "pulse/base/time.hpp"
#include "pulse/trust/trust_settings.hpp"

namespace pulse::trust {

struct StoredTrustSettings {
    TrustSettings settings;
    Moment from = 0;  // of their row; 0: the defaults
};
StoredTrustSettings TrustSettingsAt(Moment now);
void SaveTrustSettings(const TrustSettings& settings, const std::string& actor, Moment now);

}  // namespace pulse::trust
