// The quality of events, read from the events themselves. For entry code; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/insight/event_quality.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::insight {

// The events of a group, their mean points and how many are in each band.
struct EventQuality {
    std::optional<std::string> event, source, app_version;
    std::optional<int32_t> day;  // from 2000-01-01
    int64_t events = 0, excellent = 0, good = 0, fair = 0, poor = 0;
    QualityParts parts;
};

// The settings that hold at that moment.
QualitySettings SettingsAt(Moment now);
void SaveSettings(const QualitySettings& settings, const std::string& actor, Moment now);

// The quality of the events from `since` until `until`. Values of app_version with fewer than 10 people are
// one group unless `sees_people`.
std::vector<EventQuality> ReadEventQuality(Moment since, Moment until, const QualityGrouping& by,
                                           const QualitySettings& settings, bool sees_people);

}  // namespace pulse::insight
