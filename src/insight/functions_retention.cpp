// SQL functions: who comes back, and how often.
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/insight/store_retention.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"

namespace insight = pulse::insight;
namespace pg = pulse::pg;

namespace {

constexpr int64_t kMostCells = 100'000;

// Periods from `since` to `until`; without `since`, the last twelve.
struct PeriodRange {
    int64_t first, last;
};
PeriodRange ReadRange(const pg::Args& args, int since, int until, const insight::Clock& clock,
                      insight::CalendarPeriod period, pulse::Moment now) {
    constexpr int64_t kDefault = 12;
    const auto from = insight::TimeArgument(args, since, "since"),
               to = insight::TimeArgument(args, until, "until");
    const pulse::Moment end = std::min(to.value_or(now), now);
    PeriodRange range{};
    range.last = clock.PeriodOf(to && *to <= now ? end - 1 : end, period);
    range.first = from ? clock.PeriodOf(*from, period) : range.last - kDefault + 1;
    if ((from && *from >= end) || range.first > range.last) insight::RefuseRange(from.value_or(end), end);
    return range;
}

}  // namespace

PULSE_FUNCTION(pulse_retention) {
    const pg::Args args(fcinfo);
    const pulse::Moment now = pg::Now();
    const auto period = insight::ParsePeriod(args.Text(2).value_or("week"), "period");
    const std::string mode = args.Text(4).value_or("exact");
    if (mode != "exact" && mode != "unbounded")
        pulse::ThrowInvalid("\"mode\" is unknown", "It is " + pulse::InQuotes(pulse::Shorten(mode, 80)) + ".",
                            "Give 'exact' (active in that period) or 'unbounded' (in it or later).");
    insight::RetentionQuestion question{
        .first = insight::ReadEventCondition(insight::TextArgument(args, 0, "first"),
                                             insight::TextArgument(args, 10, "first_where")),
        .again = insight::ReadEventCondition(insight::TextArgument(args, 1, "again"),
                                             insight::TextArgument(args, 11, "again_where")),
        .period = period,
        .rules = {.periods = insight::Between(args, 3, "periods", 12, 0, 400),
                  .recurring = args.Bool(5).value_or(false),
                  .unbounded = mode == "unbounded"},
        .by = insight::TextArgument(args, 9, "by"),
        .clock = insight::Clock(insight::TextArgument(args, 8, "time_zone")),
        .now = now,
        .sees_people = insight::SeesPeople()};
    if (!question.sees_people) {
        insight::RequireNoRule(question.first);
        insight::RequireNoRule(question.again);
        if (question.by) insight::RequireName(*question.by, "by");
    }
    const PeriodRange range = ReadRange(args, 6, 7, question.clock, period, now);
    question.rules.first_cohort = range.first;
    question.rules.last_cohort = range.last;
    const int64_t cells = (range.last - range.first + 1) * (question.rules.periods + 2);
    if (cells > kMostCells)
        throw pulse::UserError(pulse::sqlstate::kProgramLimit, "there are too many cohorts",
                               std::to_string(range.last - range.first + 1) + " cohorts with " +
                                   std::to_string(question.rules.periods + 1) + " periods each.",
                               "Ask for a shorter time, longer periods or fewer of them.");
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    insight::CheckCondition(question.first);
    insight::CheckCondition(question.again);
    insight::CountRetention(question, result);
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_stickiness) {
    const pg::Args args(fcinfo);
    const auto period = insight::ParsePeriod(args.Text(1).value_or("month"), "period");
    if (period == insight::CalendarPeriod::kDay)
        pulse::ThrowInvalid("\"period\" is a day", "", "Give 'week' or 'month': days are counted in it.");
    insight::StickinessQuestion question{
        .event = insight::ReadEventCondition(insight::TextArgument(args, 0, "event"),
                                             insight::TextArgument(args, 5, "event_where")),
        .period = period,
        .clock = insight::Clock(insight::TextArgument(args, 4, "time_zone")),
        .now = pg::Now(),
        .sees_people = insight::SeesPeople()};
    if (!question.sees_people) insight::RequireNoRule(question.event);
    const PeriodRange range = ReadRange(args, 2, 3, question.clock, period, question.now);
    question.first_period = range.first;
    question.last_period = range.last;
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    insight::CheckCondition(question.event);
    insight::CountStickiness(question, result);
    return pg::ResultSet::Done();
}
