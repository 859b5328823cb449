// Calendars and cohorts.
#include <gtest/gtest.h>

#include <random>

#include "pulse/base/error.hpp"
#include "pulse/insight/calendar.hpp"
#include "pulse/insight/event_condition.hpp"
#include "pulse/insight/retention.hpp"

namespace pulse::insight {
namespace {

TEST(InsightCalendar, WeeksBeginOnMonday) {
    EXPECT_EQ(PeriodOf(2, CalendarPeriod::kWeek), 0);  // 2000-01-03, a Monday
    EXPECT_EQ(PeriodOf(8, CalendarPeriod::kWeek), 0);
    EXPECT_EQ(PeriodOf(9, CalendarPeriod::kWeek), 1);
    EXPECT_EQ(PeriodOf(1, CalendarPeriod::kWeek), -1);
    EXPECT_EQ(PeriodOf(-5, CalendarPeriod::kWeek), -1);
    EXPECT_EQ(PeriodOf(-6, CalendarPeriod::kWeek), -2);
}

TEST(InsightCalendar, MonthsHaveTheirLengths) {
    EXPECT_EQ(PeriodOf(0, CalendarPeriod::kMonth), 24'000);
    EXPECT_EQ(PeriodOf(-1, CalendarPeriod::kMonth), 23'999);
    EXPECT_EQ(FirstDayOf(24'001, CalendarPeriod::kMonth), 31);
    EXPECT_EQ(DaysIn(24'001, CalendarPeriod::kMonth), 29);         // February 2000
    EXPECT_EQ(DaysIn(1900 * 12 + 1, CalendarPeriod::kMonth), 28);  // and 1900
    EXPECT_EQ(FirstDayOf(-1, CalendarPeriod::kMonth), -730'516);   // December of the year before 0
    EXPECT_EQ(PeriodOf(-730'516, CalendarPeriod::kMonth), -1);
}

TEST(InsightCalendar, EveryDayIsInItsPeriod) {
    for (const CalendarPeriod period :
         {CalendarPeriod::kDay, CalendarPeriod::kWeek, CalendarPeriod::kMonth}) {
        int64_t before = PeriodOf(-800'001, period);
        for (int64_t day = -800'000; day < 800'000; ++day) {
            const int64_t number = PeriodOf(day, period);
            ASSERT_LE(FirstDayOf(number, period), day);
            ASSERT_GT(FirstDayOf(number + 1, period), day);
            ASSERT_TRUE(number == before || number == before + 1);
            before = number;
        }
    }
}

TEST(InsightCalendar, NamesArePeriods) {
    EXPECT_EQ(ParsePeriod("week", "period"), CalendarPeriod::kWeek);
    EXPECT_THROW(ParsePeriod("Week", "period"), UserError);
    EXPECT_THROW(ParsePeriod("", "period"), UserError);
}

TEST(InsightEvent, ConditionsAreNeverNull) {
    EXPECT_EQ(ConditionSql(ReadEventCondition(std::nullopt, std::nullopt), "now()"), "true");
    EXPECT_EQ(ConditionSql(ReadEventCondition("it's", std::nullopt), "now()"), "e.name = 'it''s'");
    const EventCondition rule = ReadEventCondition("buy", "amount>10");
    EXPECT_TRUE(ConditionSql(rule, "now()").starts_with("e.name = 'buy' AND COALESCE("));
    EXPECT_TRUE(ConditionSql(rule, "now()").ends_with(", false)"));
    EXPECT_EQ(Describe(rule), "buy where amount > 10");
    EXPECT_EQ(Describe({}), "any event");
    for (const char* name : {"profile.plan", "trait(\"x\")", "segment(\"y\")", "spent"})
        EXPECT_TRUE(IsName(name)) << name;
    for (const char* rule : {"profile.plan == \"pro\"", "events.buy.count", "lower(profile.plan)", "1"})
        EXPECT_FALSE(IsName(rule)) << rule;
    EXPECT_THROW(ReadEventCondition("buy", "amount >"), UserError);
    EXPECT_THROW(ConditionSql(ReadEventCondition("buy", "amount + 1"), "now()"), UserError);
    EXPECT_THROW(ConditionSql(ReadEventCondition("buy", "events.open.count > 1"), "now()"), UserError);
}

// Each cell from the definition.
int64_t CountByDefinition(const std::vector<std::vector<ActivePeriod>>& people, const RetentionRules& rules,
                          int64_t cohort, std::optional<int64_t> after) {
    int64_t count = 0;
    for (const auto& periods : people) {
        const ActivePeriod* start = nullptr;
        for (const ActivePeriod& period : periods) {
            if (!period.start) continue;
            if (period.number == cohort) start = &period;
            if (!rules.recurring) break;
        }
        if (!start) continue;
        bool returned = !after;
        for (const ActivePeriod& period : periods)
            if (after && period.again && *period.again >= *start->start)
                returned |=
                    period.number == cohort + *after || (rules.unbounded && period.number > cohort + *after);
        count += returned;
    }
    return count;
}

TEST(InsightRetention, EqualsTheDefinition) {
    std::mt19937 random(7);
    const auto below = [&](int n) { return static_cast<int64_t>(random() % n); };
    for (int round = 0; round < 400; ++round) {
        RetentionRules rules{.first_cohort = below(4),
                             .periods = below(6),
                             .recurring = below(2) == 1,
                             .unbounded = below(2) == 1};
        rules.last_cohort = rules.first_cohort + below(8);
        std::vector<std::vector<ActivePeriod>> people(1 + below(20));
        for (auto& periods : people)
            for (int64_t number = 0; number < 14; ++number) {
                ActivePeriod period;
                period.number = number;
                if (below(4) == 0) period.start = number * 10 + below(10);
                if (below(3) == 0) period.again = number * 10 + below(10);
                if (period.start || period.again) periods.push_back(period);
            }
        RetentionTally tally(rules), half(rules);
        for (size_t i = 0; i < people.size(); ++i) (i % 2 ? tally : half).Add(people[i]);
        tally.Add(half);
        for (int64_t cohort = rules.first_cohort; cohort <= rules.last_cohort; ++cohort) {
            ASSERT_EQ(tally.People(cohort), CountByDefinition(people, rules, cohort, std::nullopt));
            for (int64_t after = 0; after <= rules.periods; ++after) {
                ASSERT_EQ(tally.Returned(cohort, after), CountByDefinition(people, rules, cohort, after));
                if (rules.unbounded && after) {
                    ASSERT_LE(tally.Returned(cohort, after), tally.Returned(cohort, after - 1));
                }
            }
        }
    }
}

TEST(InsightRetention, PeopleAreCountedOnce) {
    const RetentionRules rules{.first_cohort = 0, .last_cohort = 3, .periods = 1, .recurring = true};
    RetentionTally tally(rules);
    tally.Add(std::vector<ActivePeriod>{{0, 1, 1}, {1, 11, 11}, {2, 21, 21}});
    tally.Add(std::vector<ActivePeriod>{{7, 71, 71}});
    EXPECT_EQ(tally.AllPeople(), 1);
    EXPECT_EQ(tally.People(2), 1);
    EXPECT_EQ(tally.Returned(1, 1), 1);
    EXPECT_EQ(tally.Returned(2, 1), 0);
}

}  // namespace
}  // namespace pulse::insight
