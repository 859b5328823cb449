// pulse_event_quality() and its settings.
#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/insight/store_event_quality.hpp"
#include "pulse/insight/store_question.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr int64_t kLongestRange = 400 * kDay;

TimeRange QualityRangeOf(const pg::Args& args) {
    const auto [since, until] = LastDays(args);
    if (TIMESTAMP_NOT_FINITE(until) || TIMESTAMP_NOT_FINITE(since))
        ThrowInvalid("\"since\" and \"until\" must be finite", "",
                     "All events of the range are read: give moments at most 400 days apart.");
    if (static_cast<uint64_t>(until) - static_cast<uint64_t>(since) > static_cast<uint64_t>(kLongestRange))
        ThrowInvalid("the range is longer than 400 days",
                     "Since is " + FormatMoment(since) + ", until " + FormatMoment(until) + ".",
                     "All events of the range are read: ask for less.");
    return {since, until};
}

double Hundredths(double points) {
    return std::round(points * 100) / 100;
}

void AddQuality(pg::ResultSet& results, const EventQuality& one, const QualitySettings& settings) {
    const double score = Hundredths(one.parts.score());
    const Value day = one.day ? Value{DATEOID, Int32GetDatum(*one.day), false} : Value::Null(DATEOID);
    results.Add({Value::Text(one.event), Value::Text(one.source), day, Value::Text(one.app_version),
                 Value::Int8(one.events), Value::Float8(score), Value::Text(BandOf(score, settings)),
                 Value::Float8(Hundredths(one.parts.identifiers)),
                 Value::Float8(Hundredths(one.parts.properties)), Value::Float8(Hundredths(one.parts.delay)),
                 Value::Float8(Hundredths(one.parts.context)), Value::Int8(one.excellent),
                 Value::Int8(one.good), Value::Int8(one.fair), Value::Int8(one.poor),
                 Value::Jsonb(GainsOf(one.parts, settings))});
}

}  // namespace

}  // namespace pulse::insight

namespace pg = pulse::pg;
namespace insight = pulse::insight;

PULSE_FUNCTION(pulse_event_quality) {
    const pg::Args args(fcinfo);
    const insight::TimeRange range = insight::QualityRangeOf(args);
    const insight::QualityGrouping by = insight::ParseGrouping(args.Text(2).value_or(""));
    pg::ResultSet results(fcinfo);
    const bool sees_people = insight::SeesPeople();
    const pg::OwnerSession session;
    const insight::QualitySettings settings = insight::SettingsAt(pg::Now());
    for (const insight::EventQuality& one :
         insight::ReadEventQuality(range.since, range.until, by, settings, sees_people))
        insight::AddQuality(results, one, settings);
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_event_quality_settings) {
    pg::Json json;
    {
        const pg::OwnerSession session;
        json = insight::SettingsAt(pg::Now()).Json();
    }
    return pg::FromJson(json);
}

PULSE_WRITING_FUNCTION(pulse_set_event_quality) {
    const pg::Json changes = pg::Args(fcinfo).RequireJsonb(0, "settings");
    const std::string actor = pg::ActorName();
    pg::Json json;
    {
        const pg::OwnerSession session;
        const pulse::Moment now = pg::PastNow();
        insight::QualitySettings settings = insight::SettingsAt(now);
        const pg::Json before = settings.Json();
        insight::ChangeSettings(changes, settings);
        json = settings.Json();
        insight::SaveSettings(settings, actor, now);
        pulse::audit::Write("event_quality.changed", "settings", {{"before", before}, {"after", json}});
    }
    return pg::FromJson(json);
}
