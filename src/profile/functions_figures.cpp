// SQL functions for figures about people and events.
#include "pulse/base/error.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_figures.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;

namespace {

int RequireBetween(const pg::Args& args, int i, const char* name, int otherwise, int low, int high) {
    const int value = args.Int4(i).value_or(otherwise);
    if (value < low || value > high)
        pulse::ThrowInvalid(
            std::string("\"") + name + "\" is out of range", "It is " + std::to_string(value) + ".",
            std::string(name) + " is from " + std::to_string(low) + " to " + std::to_string(high) + ".");
    return value;
}

constexpr int kMostDays = 1000;

}  // namespace

PULSE_FUNCTION(pulse_people_statistics) {
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    for (const profile::Figure& figure : profile::PeopleFigures(pg::Now()))
        result.Add({pg::Value::Text(figure.name), pg::Value::Int8(figure.count.rows),
                    pg::Value::Bool(figure.count.exact)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_event_totals) {
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, profile::EventTotals(pg::Now()));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_event_statistics) {
    const pg::Args args(fcinfo);
    const int days = RequireBetween(args, 0, "days", 30, 1, kMostDays);
    const int max = RequireBetween(args, 1, "max", 100, 1, 10'000);
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, profile::EventStatistics(pg::Now(), days, max));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_event_trend) {
    const pg::Args args(fcinfo);
    const int days = RequireBetween(args, 0, "days", 14, 1, kMostDays);
    const auto event = args.Text(1);
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, profile::EventTrend(pg::Now(), days, event));
    return pg::ResultSet::Done();
}
