// Messages to subscriptions about single people, written in the transaction that marks what happened as
// taken.
#include <algorithm>

#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/feed.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

// Maximum number of messages per transaction and feed, for all subscriptions together.
constexpr int64_t kMostTold = 1000;
// Maximum number of pending messages per channel. Further events stay where their feed has them, so that a
// slow or unavailable receiver does not fill the outbox.
constexpr int64_t kMostWaiting = 10'000;

std::vector<Subscription> LoadSubscriptionsTo(const Feed& feed) {
    std::vector<Subscription> subscriptions = LoadSubscriptions();
    std::erase_if(subscriptions, [&](const Subscription& each) { return !feed.OffersAnyOf(each.events); });
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

// Nothing is kept for a channel that was dropped or is disabled: once it is back, it starts with new events.
void EndUnsubscribed(const Feed& feed, const std::vector<std::string>& begun,
                     const std::vector<Subscription>& subscriptions) {
    for (const std::string& name : begun)
        if (std::none_of(subscriptions.begin(), subscriptions.end(),
                         [&](const Subscription& each) { return each.channel == name; }))
            feed.end(name);
}

EventMessage MakeMessage(const std::string& channel, PersonEvent happened) {
    const std::string at = IsoTime(happened.at);
    happened.data["at"] = at;
    // Messages about one person are sent in order; those about different people do not wait for each other.
    return {channel,
            happened.event,
            std::nullopt,
            "event:profile:" + std::to_string(happened.profile),
            pg::Json{{"type", happened.event}, {"timestamp", at}, {"data", std::move(happened.data)}},
            std::move(happened.key)};
}

// Adds to `planned`.
void PlanFeed(const Feed& feed, PlannedFeeds& planned) {
    const std::vector<std::string> begun = feed.begun();
    const std::vector<Subscription> subscriptions = LoadSubscriptionsTo(feed);
    EndUnsubscribed(feed, begun, subscriptions);
    const Moment oldest = pg::WallClock() - pg::settings::notify_within * kMinute;
    std::vector<EventMessage> messages;
    for (const Subscription& each : subscriptions) {
        const int64_t share = std::max<int64_t>(1, kMostTold / static_cast<int64_t>(subscriptions.size()));
        const int64_t room = std::min(Room(each.channel), share);
        if (room <= 0) {
            planned.full = true;
            continue;
        }
        TakenEvents taken = feed.take({each.channel, each.events, each.segments, oldest, room});
        planned.more |= taken.more;
        planned.busy |= taken.busy;
        for (PersonEvent& happened : taken.events)
            messages.push_back(MakeMessage(each.channel, std::move(happened)));
    }
    InsertEvents(messages);
    planned.messages += static_cast<int64_t>(messages.size());
}

}  // namespace

bool AreAboutPeople(const std::vector<std::string>& events) {
    return std::ranges::any_of(Feeds(), [&](const Feed& feed) { return feed.OffersAnyOf(events); });
}

PlannedFeeds PlanFeeds() {
    PlannedFeeds planned;
    for (const Feed& feed : Feeds()) PlanFeed(feed, planned);
    return planned;
}

bool FeedsPending() {
    return std::ranges::any_of(Feeds(), [](const Feed& feed) {
        const std::vector<Subscription> subscriptions = LoadSubscriptionsTo(feed);
        return std::ranges::any_of(subscriptions, [&](const Subscription& each) {
            return feed.waiting(each.channel) && Room(each.channel) > 0;
        });
    });
}

}  // namespace pulse::delivery
