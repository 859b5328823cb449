// What questions about people over time share: arguments, time zones, conditions, small groups. For entry
// code of this room; needs an open pg::Session as pg::Identity::Owner() unless it says otherwise.
#pragma once

#include "pulse/insight/calendar.hpp"
#include "pulse/insight/event_condition.hpp"
#include "pulse/insight/small_group.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::insight {

inline constexpr const char* kOther = "(other)";
inline constexpr const char* kNoValue = "(none)";

// Whether the calling role may see people, and so groups of any size. To be called before an Identity.
bool SeesPeople();
// A number of people as the calling role may see it: null for a small group.
pg::Value PeopleValue(int64_t people, bool sees_people);

// Throws UserError 42501 for a rule or an expression of a role that may not see people: with the right ones,
// the difference of two numbers would tell about a single person.
void RequireNoRule(const EventCondition& condition);
void RequireName(const std::string& expression, const char* argument);

// The argument; throws UserError 22023 if it is empty.
std::optional<std::string> TextArgument(const pg::Args& args, int i, const char* name);
// A moment of the years 1 to 9999; throws UserError 22023 for another one.
std::optional<Moment> TimeArgument(const pg::Args& args, int i, const char* name);
// Arguments 0 and 1: pulse_now() and 7 days before `until` unless given. Throws UserError 22023 if `since` is
// after `until`.
struct TimeRange {
    Moment since, until;
};
TimeRange LastDays(const pg::Args& args);
// Throws UserError 22023: since is not before until.
[[noreturn]] void RefuseRange(Moment since, Moment until);
int64_t Between(const pg::Args& args, int i, const char* name, int64_t otherwise, int64_t low, int64_t high);

// The clock of a calendar: the argument, or pulse.timezone. Throws UserError 22023.
class Clock {
  public:
    explicit Clock(const std::optional<std::string>& zone);

    std::string ZoneSql() const;
    const std::string& zone() const { return zone_; }
    int64_t DayOf(Moment moment) const;
    int64_t PeriodOf(Moment moment, CalendarPeriod period) const {
        return insight::PeriodOf(DayOf(moment), period);
    }

  private:
    std::string zone_;
};

// Run the statements of this session without JIT: with their many partitions and expressions, compiling takes
// longer than it saves.
void SpareJit();

// A moment as SQL; before the year 1 and after 9999, where no events are, the nearest one in them.
std::string MomentSql(Moment moment);
pg::Value DateValue(int64_t day);

// Raise notices for events and properties that were never received, and an error for a pattern that is none.
void CheckCondition(const EventCondition& condition);

// The value by which people are divided: an expression over people such as profile.plan or segment("x"), as
// a query with the columns id and value (text, at most 200 characters).
std::string DivideSql(const std::string& expression, const std::string& now_sql);

}  // namespace pulse::insight
