// What subscriptions are told of people: who entered or left a segment, in the transaction that counts it as
// taken.
#include <algorithm>

#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/member_changes.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

// Messages written in one transaction, for all subscriptions together.
constexpr int64_t kMostTold = 1000;
// So many may wait in one channel. The rest stays where it happened: a receiver that is slow or down fills no
// outbox.
constexpr int64_t kMostWaiting = 10'000;

// Those that are told of people.
std::vector<Subscription> LoadMemberSubscriptions() {
    std::vector<Subscription> subscriptions = LoadSubscriptions();
    std::erase_if(subscriptions, [](const Subscription& each) { return !WantsMembers(each.events); });
    return subscriptions;
}

// How many more messages may wait in a channel.
int64_t Room(const std::string& channel) {
    static pg::Statement statement(
        "SELECT count(*) FROM (SELECT FROM pulse.outbox WHERE channel = $1"
        " AND status IN ('pending', 'sending') LIMIT $2) AS o",
        {TEXTOID, INT8OID});
    const ByIndex by_index;
    return kMostWaiting - statement.Execute({Value::Text(channel), Value::Int8(kMostWaiting)})[0].Int8(0);
}

// A channel that is gone, or says so, is told nothing of what happens meanwhile: when it comes back, it
// begins anew.
void EndUnsubscribed(const std::vector<std::string>& begun, const std::vector<Subscription>& subscriptions) {
    for (const std::string& name : begun)
        if (std::none_of(subscriptions.begin(), subscriptions.end(),
                         [&](const Subscription& each) { return each.channel == name; }))
            Members().end(name);
}

EventMessage MakeMessage(const std::string& channel, MemberChange change) {
    const std::string at = IsoTime(change.at);
    change.data["at"] = at;
    // What happens to one person is told in order; people do not wait for each other.
    return {channel,
            change.event,
            std::nullopt,
            "event:profile:" + std::to_string(change.profile),
            pg::Json{{"type", change.event}, {"timestamp", at}, {"data", std::move(change.data)}},
            std::move(change.key)};
}

}  // namespace

bool WantsMembers(const std::vector<std::string>& events) {
    return std::any_of(events.begin(), events.end(),
                       [](const std::string& event) { return event.starts_with("segment."); });
}

PlannedMembers PlanMembers() {
    PlannedMembers planned;
    const std::vector<std::string> begun = Members().begun();
    const std::vector<Subscription> subscriptions = LoadMemberSubscriptions();
    EndUnsubscribed(begun, subscriptions);
    const Moment oldest = pg::WallClock() - pg::settings::notify_within * kMinute;
    std::vector<EventMessage> messages;
    for (const Subscription& each : subscriptions) {
        const int64_t share = std::max<int64_t>(1, kMostTold / static_cast<int64_t>(subscriptions.size()));
        const int64_t room = std::min(Room(each.channel), share);
        if (room <= 0) {
            planned.full = true;
            continue;
        }
        MemberChanges taken = Members().take({each.channel, each.events, each.segments, oldest, room});
        planned.more |= taken.more;
        planned.busy |= taken.busy;
        for (MemberChange& change : taken.changes)
            messages.push_back(MakeMessage(each.channel, std::move(change)));
    }
    InsertEvents(messages);
    planned.messages = static_cast<int64_t>(messages.size());
    return planned;
}

bool MembersPending() {
    const std::vector<Subscription> subscriptions = LoadMemberSubscriptions();
    return std::any_of(subscriptions.begin(), subscriptions.end(), [](const Subscription& each) {
        return Members().waiting(each.channel) && Room(each.channel) > 0;
    });
}

}  // namespace pulse::delivery
