// SQL functions for lifecycle stages and growth.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/insight/store_lifecycle.hpp"
#include "pulse/insight/store_rule.hpp"
#include "pulse/insight/store_question.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trait/store_problem.hpp"
#include "pulse/trait/store_read_ahead.hpp"

namespace pg = pulse::pg;
namespace insight = pulse::insight;
namespace trait = pulse::trait;
using pg::Value;

namespace {

// The last `days` days unless given; at most until now.
insight::LifecyclePeriod PeriodOf(const pg::Args& args, int days) {
    const pulse::Moment now = pg::Now();
    insight::LifecyclePeriod period;
    period.until = args.Time(1).value_or(now + 1);  // what happens now counts
    period.since = args.Time(0).value_or(period.until - days * pulse::kDay);
    constexpr pulse::Moment kMost = 3700 * pulse::kDay;
    // Infinite ones overflow a subtraction.
    if (TIMESTAMP_NOT_FINITE(period.since) || TIMESTAMP_NOT_FINITE(period.until))
        pulse::ThrowInvalid("\"since\" and \"until\" must be finite", "",
                            "Give times at most ten years apart.");
    if (period.since >= period.until) insight::RefuseRange(period.since, period.until);
    if (period.until - period.since > kMost)
        pulse::ThrowInvalid("the range is longer than ten years",
                            "Since is " + pulse::FormatMoment(period.since) + ", until " +
                                pulse::FormatMoment(period.until) + ".",
                            "Ask for less.");
    period.until = std::min(period.until, now + 1);
    period.sees_people = insight::SeesPeople();
    return period;
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_enable_lifecycle) {
    const pg::Args args(fcinfo);
    insight::LifecycleInput input;
    input.purchase_events = args.Texts(0);
    input.inactive_days = args.Int8(1);
    input.known = args.Text(2);
    return Int32GetDatum(insight::EnableLifecycle(input));
}

PULSE_WRITING_FUNCTION(pulse_disable_lifecycle) {
    insight::DisableLifecycle();
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_lifecycle) {
    const insight::LifecyclePeriod period = PeriodOf(pg::Args(fcinfo), 30);
    insight::RequireLifecycle(pg::Now());
    pg::ResultSet rows(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(rows, insight::ReadTransitions(period));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_lifecycle_weeks) {
    const insight::LifecyclePeriod period = PeriodOf(pg::Args(fcinfo), 84);
    insight::RequireLifecycle(pg::Now());
    pg::ResultSet rows(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(rows, insight::ReadWeeks(period));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_lifecycle_stages) {
    const insight::LifecycleVersion version = insight::RequireLifecycle(pg::Now());
    const bool sees_people = insight::SeesPeople();
    pg::ResultSet rows(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(rows, insight::ReadStages(version, sees_people));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_growth) {
    const pg::Args args(fcinfo);
    const insight::LifecyclePeriod period = PeriodOf(args, 84);
    const auto each = insight::ParsePeriod(args.Text(2).value_or("week"), "period");
    pg::ResultSet rows(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(rows, insight::ReadGrowth(period, each));
    return pg::ResultSet::Done();
}

// For pulse.person, person by person.
PULSE_FUNCTION(pulse_evaluate_lifecycle) {
    const auto profile = pg::Args(fcinfo).Int8(0);
    pg::ResultSet rows(fcinfo);
    const pulse::Moment now = pg::Now();
    if (!profile || !insight::LifecycleIsOn(now)) return pg::ResultSet::Done();
    const auto person = pulse::profile::FindPerson(*profile);
    if (!person || person->id != *profile) return pg::ResultSet::Done();
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(now);
    const trait::Rule& rule = insight::CompiledRule("lifecycle", program->number);
    trait::Subject subject(*person, now, program,
                           trait::ReadAhead::Of(fcinfo).BlockOf(*profile, now, *program));
    Value value = Value::Null(TEXTOID);
    trait::ProblemOf(*profile, rule.rule().can_fail, [&] { value = subject.Value(rule); });
    value.type = TEXTOID;
    if (!value.null) rows.Add({value});
    return pg::ResultSet::Done();
}
