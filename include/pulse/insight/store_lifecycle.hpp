// The settings of lifecycle stages, kept with versions, and figures of stages. For entry code of this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/insight/calendar.hpp"
#include "pulse/insight/lifecycle.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::insight {

// ---- store_lifecycle.cpp ----

// A row of pulse.lifecycle_version.
struct LifecycleVersion {
    int version = 0;
    Moment at = 0;
    bool enabled = false;
    LifecycleSettings settings;
    std::vector<int64_t> segments;  // of the stages, in their order
};

bool LifecycleIsOn(Moment at);
// The settings that hold at a moment; before the first ones, those. Throws UserError 55000 while it is off.
LifecycleVersion RequireLifecycle(Moment at);

// Arguments of pulse_enable_lifecycle(); unset: unchanged, or as by default.
struct LifecycleInput {
    std::optional<std::vector<std::string>> purchase_events;
    std::optional<int64_t> inactive_days;
    std::optional<std::string> known;
};
// Switch it on, or change its settings. Returns the version. Throws UserError.
int EnableLifecycle(const LifecycleInput& input);
// Throws UserError 2BP01 while a definition uses one of its segments.
void DisableLifecycle();

// ---- store_lifecycle_report.cpp; these need a pg::Session as pg::Identity::Owner() ----

// `sees_people`: shows figures of fewer than 10 people, too.
struct LifecyclePeriod {
    Moment since = 0, until = 0;
    bool sees_people = false;
};
// The rows of pulse_lifecycle(), pulse_lifecycle_weeks() and pulse_lifecycle_stages().
pg::Result ReadTransitions(const LifecyclePeriod& period);
pg::Result ReadWeeks(const LifecyclePeriod& period);
pg::Result ReadStages(const LifecycleVersion& version, bool sees_people);
// The rows of pulse_growth().
pg::Result ReadGrowth(const LifecyclePeriod& period, CalendarPeriod each);

}  // namespace pulse::insight
