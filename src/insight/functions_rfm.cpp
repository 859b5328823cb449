// SQL functions for recency, frequency and monetary value.
#include "pulse/base/error.hpp"
#include "pulse/insight/store_rfm.hpp"
#include "pulse/insight/store_rule.hpp"
#include "pulse/insight/store_question.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/trait/store_program.hpp"

namespace pg = pulse::pg;
namespace insight = pulse::insight;
namespace trait = pulse::trait;
namespace rule = pulse::rule;
using pg::Value;

PULSE_WRITING_FUNCTION(pulse_enable_rfm) {
    const pg::Args args(fcinfo);
    insight::RfmInput input;
    input.event = args.Text(0);
    input.property = args.Text(1);
    input.window_days = args.Int8(2);
    input.cuts = args.Jsonb(3);
    input.grouping = args.Text(4);
    return Int32GetDatum(insight::EnableRfm(input));
}

PULSE_WRITING_FUNCTION(pulse_disable_rfm) {
    insight::DisableRfm();
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_refresh_rfm) {
    return BoolGetDatum(insight::RefreshRfm());
}

PULSE_FUNCTION(pulse_rfm_groups) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "groups");
    const auto grouping = insight::FindRfmGrouping(name);
    if (!grouping)
        pulse::ThrowInvalid("there are no such groups", "It is \"" + name + "\".",
                            "Give rules or published.");
    pg::ResultSet rows(fcinfo);
    for (int r = insight::kScores; r >= 1; --r)
        for (int f = insight::kScores; f >= 1; --f)
            for (int m = insight::kScores; m >= 1; --m) {
                const insight::RfmGroup& group = insight::RfmGroups()[insight::GroupOf(*grouping, r, f, m)];
                rows.Add(
                    {Value::Int4(r * 100 + f * 10 + m), Value::Text(group.name), Value::Text(group.advice)});
            }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_rfm) {
    const std::string by = pg::Args(fcinfo).Text(0).value_or("group");
    pg::ResultSet rows(fcinfo);
    const pulse::Moment now = pg::Now();
    const insight::RfmVersion version = insight::RequireRfm(now);
    const bool sees_people = insight::SeesPeople();
    const pg::OwnerSession session;
    pg::AddRows(rows, insight::ReadRfm(version, by, now, sees_people));
    return pg::ResultSet::Done();
}

namespace {

Value ToInt4(const Value& number) {
    return number.null
               ? Value::Null(INT4OID)
               : Value::Int4(static_cast<int32_t>(std::stol(pg::ToOutput(number.datum, number.type))));
}

}  // namespace

PULSE_FUNCTION(pulse_rfm_of) {
    const pulse::profile::Person person =
        pulse::profile::RequirePerson(pg::Args(fcinfo).RequireText(0, "user"));
    pg::ResultSet rows(fcinfo);
    const pulse::Moment now = pg::Now();
    const insight::RfmVersion version = insight::RequireRfm(now);
    const insight::RfmMetrics metrics = insight::MetricsOf(version.settings);
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(now);
    trait::Subject subject(person, now, program);
    std::optional<pulse::Moment> until;
    const auto value = [&](const std::string& text) {
        const trait::Subject::Answer answer = subject.Evaluate(insight::CompiledRule(text, program->number));
        if (text.starts_with("rfm.") && answer.until && (!until || *answer.until < *until))
            until = answer.until;
        return answer.value;
    };
    const Value recency = ToInt4(value("rfm.recency")), frequency = ToInt4(value("rfm.frequency")),
                monetary = ToInt4(value("rfm.monetary")), score = ToInt4(value("rfm.score"));
    Value group = value("rfm.group");
    group.type = TEXTOID;
    Value last = value(rule::Print(metrics.last)), count = value(rule::Print(metrics.count)),
          sum = value(rule::Print(metrics.sum));
    rows.Add({recency, frequency, monetary, score, group, last,
              count.null
                  ? Value::Null(INT8OID)
                  : Value::Int8(static_cast<int64_t>(std::stoll(pg::ToOutput(count.datum, count.type)))),
              sum, Value::Time(until), Value::Int4(version.version)});
    return pg::ResultSet::Done();
}
