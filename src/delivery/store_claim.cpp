// Claims due messages: which channels have room, and how much of it each gets.
#include <algorithm>

#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_claim_channel.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

// How long a channel's options are cached: ALTER SERVER takes effect within this time.
constexpr int64_t kKeepChannel = kSecond;
// The maximum number of messages composed per transaction.
constexpr int kMostComposed = 20;

// Reads a channel's options. An error is kept as the channel's problem and does not fail the round. False if
// they cannot be read at the moment.
bool LoadChannelState(const std::string& name, ChannelState& channel_state, Moment now) {
    if (channel_state.loaded_at != 0 && now - channel_state.loaded_at < kKeepChannel) return true;
    channel_state.channel.reset();
    channel_state.loaded_at = now;
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            channel_state.channel = LoadChannel(name);
        }
        subtransaction.Commit();
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        if (IsTransient(error)) channel_state.loaded_at = 0;
        channel_state.problem = error.message;
    } catch (const UserError& error) {
        channel_state.problem = error.message();
    }
    return channel_state.loaded_at != 0;
}

// Whether the channel was dropped; deletes its state, which a new channel of that name must not inherit.
bool Dropped(const std::string& name, ChannelState& channel_state, Moment now) {
    static pg::Statement forget(
        "DELETE FROM pulse.channel_state WHERE channel IN (SELECT s.channel FROM pulse.channel_state AS s"
        " WHERE s.channel = $1"
        " FOR UPDATE SKIP LOCKED)",
        {TEXTOID});
    if (now - channel_state.looked_at < kKeepChannel) return false;
    channel_state.looked_at = now;
    if (pg::FindServer("pulse_channel", name)) return false;
    forget.Execute({Value::Text(name)});
    const int in_flight = channel_state.in_flight;
    channel_state = ChannelState();
    channel_state.in_flight = in_flight;
    return true;
}

// A channel with due messages.
struct DueChannel {
    std::string channel;
    int room = 0;  // messages that it may have in flight besides
};

// The channels whose first message is due and that are not closed by their circuit breaker.
std::vector<DueChannel> FindDue(ChannelStates& channels, Moment now, Claimed& claimed) {
    static pg::Statement survey(
        PULSE_DUE_CHANNELS
        "SELECT l.channel, l.send_at, coalesce(s.failures, 0), s.open_until, s.disabled_at IS NOT NULL"
        " FROM line AS l LEFT JOIN pulse.channel_state AS s ON s.channel = l.channel",
        {});
    std::vector<DueChannel> due;
    const ByIndex by_index;
    const pg::Result rows = survey.Execute({});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        ChannelState& channel_state = channels[rows[i].Text(0)];
        // A state that could not be saved yet is newer than the table's.
        if (!channel_state.changed) {
            channel_state.known = {rows[i].Int4(2), rows[i].TimeOrNull(3), rows[i].Bool(4)};
            channel_state.breaker.Load(channel_state.known);
        }
        const bool closed = channel_state.breaker.state().disabled ||
                            channel_state.breaker.state().open_until.value_or(INT64_MIN) > now;
        if (closed && !Dropped(rows[i].Text(0), channel_state, now) && channel_state.breaker.state().disabled)
            continue;
        const Moment at =
            std::max(rows[i].Time(1), channel_state.breaker.state().open_until.value_or(INT64_MIN));
        if (at > now)
            claimed.next_due = std::min(claimed.next_due, at);
        else
            due.push_back({rows[i].Text(0), 0});
    }
    return due;
}

// Sets the room of each channel, and leaves out those without.
void FindRoom(std::vector<DueChannel>& due, ChannelStates& channels, Moment now, Claimed& claimed) {
    for (DueChannel& share : due) {
        ChannelState& channel_state = channels[share.channel];
        if (!LoadChannelState(share.channel, channel_state, now)) {
            claimed.next_due = std::min(claimed.next_due, now + kLocked);
            continue;
        }
        share.room = channel_state.breaker.Room(
            now, channel_state.in_flight, channel_state.channel ? MaxInFlight(*channel_state.channel) : 1000);
        claimed.full |= share.room == 0;
    }
    std::erase_if(due, [](const DueChannel& share) { return share.room == 0; });
}

}  // namespace

Claimed Claim(ChannelStates& channels, int room) {
    Claimed claimed;
    const Moment now = pg::WallClock();
    if (HasUnreleased() && !ReleaseAll()) claimed.next_due = now + kLocked;
    std::vector<DueChannel> due = FindDue(channels, now, claimed);
    FindRoom(due, channels, now, claimed);
    // If there is not enough room for all, channels with the fewest requests in flight come first, and each
    // gets an equal share.
    std::stable_sort(due.begin(), due.end(), [&](const DueChannel& a, const DueChannel& b) {
        return channels[a.channel].in_flight < channels[b.channel].in_flight;
    });
    int composable = kMostComposed;
    for (size_t i = 0; i < due.size(); ++i) {
        const int others = static_cast<int>(due.size() - i);
        const int part = room <= 0 ? 0 : std::max(1, room / others);
        if (part == 0) claimed.full = true;
        if (part == 0) break;
        const size_t before = claimed.messages.size();
        ClaimOfChannel(due[i].channel, channels[due[i].channel], std::min(due[i].room, part), now, composable,
                       claimed);
        room -= static_cast<int>(claimed.messages.size() - before);
    }
    return claimed;
}

}  // namespace pulse::delivery
