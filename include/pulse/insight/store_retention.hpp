// Retention and stickiness. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/insight/retention.hpp"
#include "pulse/insight/store_question.hpp"

namespace pulse::insight {

struct RetentionQuestion {
    EventCondition first, again;
    CalendarPeriod period = CalendarPeriod::kWeek;
    RetentionRules rules;
    std::optional<std::string> by;
    Clock clock;
    Moment now = 0;
    bool sees_people = false;
};

// The rows of pulse_retention().
void CountRetention(const RetentionQuestion& question, pg::ResultSet& rows);

struct StickinessQuestion {
    EventCondition event;
    CalendarPeriod period = CalendarPeriod::kMonth;  // kWeek, kMonth
    int64_t first_period = 0, last_period = 0;
    Clock clock;
    Moment now = 0;
    bool sees_people = false;
};

// The rows of pulse_stickiness().
void CountStickiness(const StickinessQuestion& question, pg::ResultSet& rows);

}  // namespace pulse::insight
