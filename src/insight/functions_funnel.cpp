// SQL functions for funnels. A funnel is given by its name, or as a definition: text that begins with a
// brace, or jsonb.
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/insight/store_funnel.hpp"
#include "pulse/insight/store_question.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/rule/json.hpp"

namespace pg = pulse::pg;
namespace insight = pulse::insight;
using insight::FunnelDefinition;
using pg::Value;

namespace {

// A definition can ask for anything, so also for one person.
void RequireSightForDefinitions(bool sees_people) {
    if (!sees_people)
        throw pulse::UserError(
            pulse::sqlstate::kInsufficientPrivilege, "permission denied for definitions of funnels",
            "A rule can be true for single people, whom this role may not see.",
            "Give the name of a funnel that pulse_list_funnels() shows, or ask for the level "
            "people_reader.");
}

// The funnel of argument 0 with its own dates and breakdown. Null arguments keep those of the funnel.
struct GivenFunnel {
    std::optional<std::string> name;
    std::optional<pg::Json> json;

    GivenFunnel(FunctionCallInfo fcinfo, bool sees_people) {
        const pg::Args args(fcinfo);
        if (get_fn_expr_argtype(fcinfo->flinfo, 0) == JSONBOID) {
            json = args.RequireJsonb(0, "definition");
        } else {
            const std::string text = args.RequireText(0, "funnel");
            const size_t first = text.find_first_not_of(" \t\r\n");
            if (first != std::string::npos && text[first] == '{')
                json = pulse::rule::ReadJson(text, "the funnel",
                                             "A funnel that begins with { must be valid JSON.");
            else
                name = text;
        }
        if (json) RequireSightForDefinitions(sees_people);
    }

    // Needs the owner's session for a saved one.
    FunnelDefinition Get(const std::optional<pulse::Moment>& since, const std::optional<pulse::Moment>& until,
                         const std::optional<std::string>& by) const {
        FunnelDefinition funnel = json ? insight::ReadFunnel(*json) : insight::LoadFunnel(*name).definition;
        if (since) funnel.since = since;
        if (until) funnel.until = until;
        insight::CheckDates(funnel);
        if (by && by->empty()) funnel.by = {};
        if (by && !by->empty()) funnel.by = insight::ReadBreakdown(*by);
        if (!funnel.by.OfEvent()) funnel.by_step = 1;
        return funnel;
    }
};

// Days are shown as such: 1 day 02:00:00.
Value SpanValue(const std::optional<int64_t>& span) {
    if (!span) return Value::Null(INTERVALOID);
    auto* interval = pg::Call([] { return static_cast<Interval*>(palloc0(sizeof(Interval))); });
    interval->day = static_cast<int32_t>(*span / pulse::kDay);
    interval->time = *span % pulse::kDay;
    return {INTERVALOID, PointerGetDatum(interval), false};
}

void CheckPage(int64_t max) {
    if (max < 1 || max > 10'000)
        pulse::ThrowInvalid(
            "\"max\" is out of range", "It is " + std::to_string(max) + ".",
            "Give a number from 1 to 10000, and for the next page the last profile_id as after.");
}

}  // namespace

PULSE_FUNCTION(pulse_funnel) {
    const pg::Args args(fcinfo);
    const bool sees_people = insight::SeesPeople();
    const GivenFunnel given(fcinfo, sees_people);
    const auto since = insight::TimeArgument(args, 1, "since"),
               until = insight::TimeArgument(args, 2, "until");
    pg::ResultSet results(fcinfo);
    std::vector<insight::FunnelStepRow> rows;
    {
        const pg::OwnerSession session;
        rows = insight::SummarizeFunnel(given.Get(since, until, args.Text(3)), sees_people);
    }
    for (const insight::FunnelStepRow& row : rows) {
        if (row.hidden) {
            std::vector<Value> values{Value::Text(row.value), Value::Int4(static_cast<int32_t>(row.step)),
                                      Value::Text(row.name), Value::Null(INT8OID)};
            values.insert(values.end(), 6, Value::Null(FLOAT8OID));
            values.insert(values.end(), 2, Value::Null(INTERVALOID));
            values.insert(values.end(), 2, Value::Null(INT8OID));
            results.Add(values);
            continue;
        }
        results.Add({Value::Text(row.value), Value::Int4(static_cast<int32_t>(row.step)),
                     Value::Text(row.name), Value::Int8(row.people), Value::Float8(row.from_start.rate),
                     Value::Float8(row.from_start.low), Value::Float8(row.from_start.high),
                     Value::Float8(row.from_previous.rate), Value::Float8(row.from_previous.low),
                     Value::Float8(row.from_previous.high), SpanValue(row.median), SpanValue(row.p90),
                     Value::Int8(row.dropped), Value::Int8(row.waiting)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_funnel_people) {
    const pg::Args args(fcinfo);
    const GivenFunnel given(fcinfo, true);
    insight::FunnelPeople which;
    const int64_t step = args.RequireInt8(1, "step");
    which.dropped = args.RequireBool(2, "dropped");
    const auto since = insight::TimeArgument(args, 3, "since"),
               until = insight::TimeArgument(args, 4, "until");
    which.value = args.Text(6);
    which.max = args.Int8(7).value_or(100);
    CheckPage(which.max);
    which.after = args.Int8(8);
    pg::ResultSet results(fcinfo);
    std::vector<insight::FunnelPersonRow> rows;
    {
        const pg::OwnerSession session;
        const FunnelDefinition funnel = given.Get(since, until, args.Text(5));
        const auto steps = static_cast<int64_t>(funnel.steps.size());
        if (step < 1 || step > steps)
            pulse::ThrowInvalid("the funnel has no step " + std::to_string(step), "",
                                "Steps are counted from 1 to " + std::to_string(steps) + ".");
        if (which.value && funnel.by.kind == insight::FunnelBreakdown::Kind::kNone)
            pulse::ThrowInvalid("\"value\" needs a breakdown", "The funnel is not divided by anything.",
                                "Give \"by\", too, such as profile.country.");
        which.step = static_cast<size_t>(step);
        rows = insight::ListFunnelPeople(funnel, which);
    }
    for (const insight::FunnelPersonRow& row : rows)
        results.Add({Value::Int8(row.profile), Value::Text(row.user_id), Value::Text(row.value),
                     Value::Int4(static_cast<int32_t>(row.reached)), Value::Bool(row.waiting),
                     Value::Time(row.entered_at), Value::Time(row.reached_at)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_funnel_journeys) {
    const pg::Args args(fcinfo);
    const GivenFunnel given(fcinfo, true);
    const int64_t person = pulse::profile::RequirePerson(args.RequireText(1, "user")).id;
    pg::ResultSet results(fcinfo);
    FunnelDefinition funnel;
    std::vector<insight::FunnelJourney> journeys;
    {
        const pg::OwnerSession session;
        funnel = given.Get(std::nullopt, std::nullopt, std::nullopt);
        journeys = insight::FunnelJourneys(funnel, person);
    }
    int32_t entry = 0;
    for (const insight::FunnelJourney& journey : journeys) {
        ++entry;
        for (size_t i = 0; i < funnel.steps.size(); ++i) {
            const bool reached = i < journey.reached;
            const char* state = reached                                   ? "reached"
                                : i == journey.reached && journey.waiting ? "waiting"
                                                                          : "not reached";
            results.Add({Value::Int4(entry), Value::Int4(static_cast<int32_t>(i + 1)),
                         Value::Text(funnel.steps[i].name), Value::Text(state),
                         reached ? Value::Time(journey.times[i]) : Value::Null(TIMESTAMPTZOID),
                         SpanValue(reached && i > 0 ? std::optional(journey.times[i] - journey.times[i - 1])
                                                    : std::nullopt)});
        }
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_funnels_of) {
    const int64_t person = pulse::profile::RequirePerson(pg::Args(fcinfo).RequireText(0, "user")).id;
    pg::ResultSet results(fcinfo);
    std::vector<insight::SavedFunnel> funnels;
    std::vector<std::vector<insight::FunnelJourney>> journeys;
    {
        const pg::OwnerSession session;
        funnels = insight::ListFunnels();
        for (const insight::SavedFunnel& funnel : funnels)
            journeys.push_back(insight::FunnelJourneys(funnel.definition, person));
    }
    for (size_t i = 0; i < funnels.size(); ++i)
        for (const insight::FunnelJourney& journey : journeys[i]) {
            const size_t steps = funnels[i].definition.steps.size();
            results.Add({Value::Text(funnels[i].name), Value::Int4(static_cast<int32_t>(journey.reached)),
                         Value::Int4(static_cast<int32_t>(steps)), Value::Time(journey.times.front()),
                         Value::Time(journey.times.back()), Value::Bool(journey.reached == steps),
                         Value::Bool(journey.waiting)});
        }
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_create_funnel) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name"), actor = pg::ActorName();
    const FunnelDefinition definition = insight::ReadFunnel(args.RequireJsonb(1, "definition"));
    const std::optional<std::string> description = args.Text(2);
    const pg::OwnerSession session;
    return Int64GetDatum(insight::CreateFunnel(name, definition, description, actor));
}

PULSE_WRITING_FUNCTION(pulse_update_funnel) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name"), actor = pg::ActorName();
    insight::FunnelChange change;
    if (const auto json = args.Jsonb(1)) change.definition = insight::ReadFunnel(*json);
    change.description = args.Text(2);
    change.name = args.Text(3);
    const pg::OwnerSession session;
    return Int32GetDatum(insight::UpdateFunnel(name, change, actor));
}

PULSE_WRITING_FUNCTION(pulse_delete_funnel) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    const pg::OwnerSession session;
    insight::DeleteFunnel(name);
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_list_funnels) {
    pg::ResultSet results(fcinfo);
    std::vector<insight::SavedFunnel> funnels;
    {
        const pg::OwnerSession session;
        funnels = insight::ListFunnels();
    }
    for (const insight::SavedFunnel& funnel : funnels)
        results.Add({Value::Int8(funnel.id), Value::Text(funnel.name),
                     Value::Jsonb(insight::FunnelToJson(funnel.definition)), Value::Int4(funnel.version),
                     Value::Text(funnel.description), Value::Text(funnel.created_by),
                     Value::Time(funnel.created_at), Value::Time(funnel.updated_at),
                     Value::Bool(funnel.monitored)});
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_monitor_funnel) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const int64_t within = args.IsNull(2) ? pulse::kDay : pg::IntervalArgument(args.Raw(2));
    return Int32GetDatum(insight::MonitorFunnel(name, args.Texts(1), within));
}

PULSE_WRITING_FUNCTION(pulse_unmonitor_funnel) {
    return Int32GetDatum(insight::UnmonitorFunnel(pg::Args(fcinfo).RequireText(0, "name")));
}

PULSE_FUNCTION(pulse_funnel_cohort) {
    const pg::Args args(fcinfo);
    const int64_t funnel = args.RequireInt8(0, "funnel"), step = args.RequireInt8(1, "step");
    const std::vector<std::string> attributes = args.RequireTexts(2, "attributes");
    const int64_t within = args.IsNull(3) ? pulse::kDay : pg::IntervalArgument(args.Raw(3));
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    insight::ReadFunnelCohort(funnel, step, attributes, within, [&](const insight::FunnelMember& member) {
        results.Add({Value::Text(member.member), Value::Bool(member.converted), Value::Texts(member.values)});
    });
    return pg::ResultSet::Done();
}
