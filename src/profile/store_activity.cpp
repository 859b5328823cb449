// Writing what happens to people, while somebody subscribes to it.
#include "pulse/profile/store_activity.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/append.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Kept per backend until a subscription begins or ends.
const std::vector<std::string>& SubscribedEvents() {
    static pg::Watch watch("activity_consumer");
    static pg::Statement events(
        "SELECT coalesce(array_agg(DISTINCT e.event), '{}') FROM pulse.activity_consumer AS c"
        " JOIN pulse.subscription AS s ON s.channel = c.subscription CROSS JOIN unnest(s.events) AS e (event)",
        {});
    static std::vector<std::string> subscribed;
    static bool stale = true;
    stale = watch.Changed() || stale;
    if (stale) {
        const pg::LatestSnapshot latest;
        subscribed = events.Execute({}, true)[0].Texts(0);
        stale = false;
    }
    return subscribed;
}

}  // namespace

bool IsSubscribed(const char* kind) {
    const std::vector<std::string>& events = SubscribedEvents();
    return !events.empty() && std::find(events.begin(), events.end(), kind) != events.end();
}

void ActivityWriter::Add(const char* kind, int64_t person, Moment at, const nlohmann::json& data) {
    if (!IsSubscribed(kind)) return;
    kinds_.emplace_back(kind);
    people_.push_back(person);
    times_.push_back(at);
    data_.push_back(DumpJson(data));
}

void ActivityWriter::AddMerge(int64_t history, int64_t survivor, int64_t merged, const std::string& reason,
                              Moment at) {
    Add(kProfileMerged, survivor, at,
        {{"merge", history}, {"survivor_id", survivor}, {"merged_id", merged}, {"reason", reason}});
}

void ActivityWriter::Write() const {
    static pg::Statement statement(
        "INSERT INTO pulse.activity (kind, profile_id, at, data)"
        " SELECT a.kind, a.person, a.at, a.data::jsonb FROM unnest($1, $2, $3, $4)"
        " WITH ORDINALITY AS a (kind, person, at, data, place) ORDER BY a.place",
        {TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID});
    if (kinds_.empty()) return;
    std::vector<Datum> times;
    for (const Moment at : times_) times.push_back(TimestampTzGetDatum(at));
    statement.Execute({Value::Texts(kinds_), Value::Int8s(people_), pg::ArrayOf(TIMESTAMPTZOID, times),
                       Value::Texts(data_)});
    delivery::WakeDelivery();
}

}  // namespace pulse::profile
