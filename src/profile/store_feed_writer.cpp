// Writing what happens to people, while somebody subscribes to it.
#include "pulse/profile/store_feed_writer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Kept per backend until a subscription begins or ends.
const std::vector<std::string>& SubscribedEvents() {
    static pg::Statement events(
        "SELECT coalesce(array_agg(DISTINCT e.event), '{}') FROM pulse.feed_consumer AS c"
        " JOIN pulse.subscription AS s ON s.channel = c.subscription CROSS JOIN unnest(s.events) AS e (event)",
        {});
    static pg::Cached<std::vector<std::string>> subscribed(
        "feed_consumer", [] { return events.Execute({}, true)[0].Texts(0); });
    return subscribed.Get();
}

}  // namespace

bool IsSubscribed(const char* kind) {
    const std::vector<std::string>& events = SubscribedEvents();
    return !events.empty() && std::find(events.begin(), events.end(), kind) != events.end();
}

void FeedWriter::Add(const char* kind, int64_t person, const nlohmann::json& data) {
    kinds_.emplace_back(kind);
    people_.push_back(person);
    data_.push_back(DumpJson(data));
}

void FeedWriter::AddEvent(int64_t person, int64_t id, const Event& event, const std::string& source) {
    if (!IsSubscribed(kEventReceived)) return;
    nlohmann::json data = {{"event_id", id},
                           {"event", event.name},
                           {"type", NameOf(event.type)},
                           {"time", delivery::IsoTime(event.time)},
                           {"source", source},
                           {"message_id", nullptr}};
    if (!event.message_id.empty()) data["message_id"] = event.message_id;
    Add(kEventReceived, person, data);
}

void FeedWriter::AddCreated(int64_t person, Moment first_seen_at) {
    if (IsSubscribed(kProfileCreated))
        Add(kProfileCreated, person, {{"first_seen_at", delivery::IsoTime(first_seen_at)}});
}

void FeedWriter::AddUpdate(int64_t person, const std::vector<std::string>& attributes) {
    if (IsSubscribed(kProfileUpdated)) Add(kProfileUpdated, person, {{"changed", attributes}});
}

void FeedWriter::AddConsent(int64_t person, const std::map<std::string, ConsentState>& states) {
    if (!IsSubscribed(kConsentUpdated)) return;
    nlohmann::json consents = nlohmann::json::object();
    for (const auto& [purpose, state] : states) {
        nlohmann::json& one = consents[purpose];
        one = {
            {"status", NameOf(state.status)}, {"at", delivery::IsoTime(state.at)}, {"expires_at", nullptr}};
        if (state.expires_at) one["expires_at"] = delivery::IsoTime(*state.expires_at);
    }
    Add(kConsentUpdated, person, {{"consents", consents}});
}

void FeedWriter::AddMerge(const ResolutionPlan::Merge& merge, const std::string& reason) {
    if (IsSubscribed(kProfileMerged))
        Add(kProfileMerged, merge.survivor,
            {{"merge", merge.history},
             {"survivor_id", merge.survivor},
             {"merged_id", merge.merged},
             {"reason", reason}});
}

void FeedWriter::Write() const {
    static pg::Statement statement(
        "INSERT INTO pulse.feed_item (kind, profile_id, at, data)"
        " SELECT a.kind, a.person, $4, a.data::jsonb FROM unnest($1, $2, $3)"
        " WITH ORDINALITY AS a (kind, person, data, place) ORDER BY a.place",
        {TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID});
    if (kinds_.empty()) return;
    statement.Execute({Value::Texts(kinds_), Value::Int8s(people_), Value::Texts(data_), Value::Time(at_)});
    delivery::WakeDelivery();
}

}  // namespace pulse::profile
