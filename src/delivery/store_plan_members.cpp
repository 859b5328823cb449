// Messages to subscriptions about people who entered or left a segment, written in the transaction that marks
// the change as taken.
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

// Maximum number of messages per transaction, for all subscriptions together.
constexpr int64_t kMostTold = 1000;
// Maximum number of pending messages per channel. Further changes stay in pulse.membership_change, so that a
// slow or unavailable receiver does not fill the outbox.
constexpr int64_t kMostWaiting = 10'000;

// The subscriptions to segment.entered or segment.exited.
std::vector<Subscription> LoadMemberSubscriptions() {
    std::vector<Subscription> subscriptions = LoadSubscriptions();
    std::erase_if(subscriptions, [](const Subscription& each) { return !WantsMembers(each.events); });
    return subscriptions;
}

// How many more messages may be pending in a channel.
int64_t Room(const std::string& channel) {
    static pg::Statement statement(
        "SELECT count(*) FROM (SELECT FROM pulse.outbox WHERE channel = $1"
        " AND status IN ('pending', 'sending') LIMIT $2) AS o",
        {TEXTOID, INT8OID});
    const ByIndex by_index;
    return kMostWaiting - statement.Execute({Value::Text(channel), Value::Int8(kMostWaiting)})[0].Int8(0);
}

// Nothing is kept for a channel that was dropped or is disabled: once it is back, it starts with new changes.
void EndUnsubscribed(const std::vector<std::string>& begun, const std::vector<Subscription>& subscriptions) {
    for (const std::string& name : begun)
        if (std::none_of(subscriptions.begin(), subscriptions.end(),
                         [&](const Subscription& each) { return each.channel == name; }))
            Members().end(name);
}

EventMessage MakeMessage(const std::string& channel, MemberChange change) {
    const std::string at = IsoTime(change.at);
    change.data["at"] = at;
    // Messages about one person are sent in order; those about different people do not wait for each other.
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
