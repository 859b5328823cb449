// Taking messages whose turn it is: by channel, in order, within limits.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

constexpr int64_t kLease = 10 * kMinute;
// An ALTER SERVER takes effect within this time.
constexpr int64_t kKeepChannel = kSecond;
// Messages of one channel that are looked at in one transaction, and those that are composed.
constexpr int64_t kMostRows = 1000;
constexpr int kMostComposed = 20;

// What was not to be had now, and when somebody else's lock was in the way.
constexpr int64_t kPostponed = 5 * kSecond;
constexpr int64_t kLocked = kSecond;

// Whether the same may succeed later: somebody's lock, a disk or a memory that is full, a server that stops.
bool IsTransient(const pg::Error& error) {
    const std::string state = error.State();
    for (const char* of : {"08", "40", "53", "55", "57", "58"})
        if (state.starts_with(of)) return true;
    return false;
}

struct Candidate {
    Message message;
    int64_t after = 0;  // the message that comes first
};

// One channel's share of a claim.
class Share {
  public:
    Share(const std::string& name, ChannelState& channel_state, int room, Moment now, int& composable,
          Claimed& claimed)
        : name_(name),
          state_(channel_state),
          room_(room),
          now_(now),
          composable_(composable),
          claimed_(claimed) {}

    void Take() {
        const size_t before = claimed_.messages.size();
        for (int64_t limit = room_; room_ > 0; limit = std::min(limit * 4, kMostRows)) {
            std::vector<Candidate> candidates = Fetch(limit);
            const bool more = static_cast<int64_t>(candidates.size()) == limit;
            FindPredecessors(candidates);
            MarkWaiting(candidates);
            for (Candidate& candidate : candidates) {
                if (candidate.after != 0 || seen_[candidate.message.id]) continue;
                if (room_ > 0)
                    Process(candidate.message);
                else
                    claimed_.full = true;
            }
            all_seen_ = !more;
            if (!more) break;
            if (room_ <= 0) {
                claimed_.full = true;
            } else if (limit == kMostRows || composable_ <= 0) {
                claimed_.again = true;
                break;
            }
        }
        End(dead_, "dead");
        End(dropped_, "cancelled");
        Postpone();
        Send(before);
        if (all_seen_) NoteNextDue();
    }

  private:
    std::vector<Candidate> Fetch(int64_t limit) {
        static pg::Statement statement(
            "SELECT id, key, kind, event, incident_id, route_id, coalesce(order_key, ''),"
            " coalesce(fold_key, ''), payload,"
            " coalesce(state, ''), coalesce(thread, ''), attempts, created_at FROM pulse.outbox"
            " WHERE channel = $1 AND status = 'pending' AND NOT waits AND send_at <= $2 AND NOT id = ANY ($4)"
            " ORDER BY send_at, id LIMIT $3 FOR UPDATE SKIP LOCKED",
            {TEXTOID, TIMESTAMPTZOID, INT8OID, INT8ARRAYOID});
        std::vector<int64_t> seen;
        for (const auto& [id, settled] : seen_)
            if (settled) seen.push_back(id);
        const pg::Result rows = [&] {
            const ByIndex by_index;
            return statement.Execute(
                {Value::Text(name_), Value::Time(now_), Value::Int8(limit), Value::Int8s(seen)});
        }();
        std::vector<Candidate> found;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            pg::CheckInterrupts();
            const pg::Row row = rows[i];
            Message m;
            m.id = row.Int8(0);
            m.key = row.Text(1);
            m.channel = name_;
            m.kind = row.Text(2);
            m.event = row.Text(3);
            m.incident = row.Int8OrNull(4);
            m.route = row.Int8OrNull(5);
            m.order_key = row.Text(6);
            m.fold_key = row.Text(7);
            if (!row.IsNull(8)) m.payload = row.Jsonb(8);
            m.state = row.Text(9);
            m.thread = row.Text(10);
            m.attempts = row.Int4(11);
            m.created_at = row.Time(12);
            found.push_back({std::move(m)});
        }
        return found;
    }

    // One under way, or an earlier one whose time has come or that was tried before.
    void FindPredecessors(std::vector<Candidate>& candidates) {
        static pg::Statement statement(
            "SELECT o.id, p.id FROM unnest($1::bigint[]) AS c(id) JOIN pulse.outbox AS o ON o.id = c.id"
            " CROSS JOIN LATERAL ("
            "(SELECT s.id FROM pulse.outbox AS s WHERE s.channel = o.channel AND s.order_key = o.order_key"
            " AND s.status = 'sending' LIMIT 1)"
            " UNION ALL"
            " (SELECT e.id FROM pulse.outbox AS e WHERE e.channel = o.channel AND e.order_key = o.order_key"
            " AND e.id < o.id"
            " AND e.status = 'pending' AND (e.first_sent_at IS NOT NULL OR e.send_at <= $2) ORDER BY e.id"
            " LIMIT 1) LIMIT 1) AS p",
            {INT8ARRAYOID, TIMESTAMPTZOID});
        std::vector<int64_t> ids;
        for (const Candidate& candidate : candidates)
            if (!candidate.message.order_key.empty()) ids.push_back(candidate.message.id);
        if (ids.empty()) return;
        const pg::Result rows = [&] {
            const ByIndex by_index;
            return statement.Execute({Value::Int8s(ids), Value::Time(now_)});
        }();
        std::map<int64_t, int64_t> firsts;
        for (uint64_t i = 0; i < rows.size(); ++i) firsts[rows[i].Int8(0)] = rows[i].Int8(1);
        for (Candidate& candidate : candidates)
            if (const auto first = firsts.find(candidate.message.id); first != firsts.end())
                candidate.after = first->second;
    }

    // Nobody looks at them again until the one before has ended. Whoever ends that one in a session holds its
    // lock: what is being ended at this moment is left for the next look, which its end causes.
    void MarkWaiting(const std::vector<Candidate>& candidates) {
        static pg::Statement statement(
            "WITH b AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS b (id, first)),"
            " f AS (SELECT o.id FROM pulse.outbox AS o WHERE o.id IN (SELECT b.first FROM b)"
            " AND o.status IN ('pending', 'sending') FOR SHARE SKIP LOCKED)"
            " UPDATE pulse.outbox AS o SET waits = true FROM b JOIN f ON f.id = b.first WHERE o.id = b.id",
            {INT8ARRAYOID, INT8ARRAYOID});
        std::vector<int64_t> ids, firsts;
        for (const Candidate& candidate : candidates) {
            if (candidate.after == 0) continue;
            ids.push_back(candidate.message.id);
            firsts.push_back(candidate.after);
        }
        if (ids.empty()) return;
        const ByIndex by_index;
        statement.Execute({Value::Int8s(ids), Value::Int8s(firsts)});
    }

    // One message: composed if it is not yet, then taken or ended.
    void Process(Message& message) {
        if (!state_.channel) {
            dead_.emplace_back(message.id, state_.problem);
        } else if (message.attempts >= MaxAttempts(*state_.channel)) {
            dead_.emplace_back(message.id, "given up after " + std::to_string(message.attempts) +
                                               " tries; the last one never ended");
        } else if (message.payload.is_null()) {
            if (composable_-- <= 0) {
                claimed_.again = true;
                return;
            }
            if (!ComposeMessage(message)) return;
        }
        seen_[message.id] = true;
        if (!dead_.empty() && dead_.back().first == message.id) return;
        --room_;
        claimed_.messages.push_back(std::move(message));
    }

    // False when there is nothing to send. What fails here never stops the others.
    bool ComposeMessage(Message& message) {
        const int64_t id = message.id;
        seen_[id] = true;
        try {
            pg::Subtransaction subtransaction;
            std::optional<std::string> reason;
            {
                const pg::Session session;
                reason = Compose(message, *state_.channel);
                if (reason) dropped_.emplace_back(id, *reason);
                const pg::Result folded =
                    pg::Execute("SELECT id FROM pulse.outbox WHERE folded_into = $1", {Value::Int8(id)});
                for (uint64_t i = 0; i < folded.size(); ++i) seen_[folded[i].Int8(0)] = true;
            }
            subtransaction.Commit();
            if (!reason && message.payload.is_null())
                dead_.emplace_back(id, "there is nothing to send in it");
            return !reason;
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            if (IsTransient(error)) {
                postponed_.emplace_back(id, error.message);
                composable_ = 0;  // the others' turn, before the same stops the next one
            } else {
                dead_.emplace_back(id, error.message);
            }
        } catch (const UserError& error) {
            dead_.emplace_back(id, error.message());
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception& error) {
            dead_.emplace_back(id, error.what());
        }
        return false;
    }

    // They keep their place in the order.
    void Postpone() {
        static pg::Statement statement(
            "UPDATE pulse.outbox AS o SET send_at = $3, error = e.reason, first_sent_at ="
            " coalesce(o.first_sent_at, $4)"
            " FROM unnest($1::bigint[], $2::text[]) AS e (id, reason) WHERE o.id = e.id",
            {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID});
        if (postponed_.empty()) return;
        std::vector<int64_t> ids;
        std::vector<std::string> reasons;
        for (const auto& [id, reason] : postponed_) {
            ids.push_back(id);
            reasons.push_back(reason);
        }
        const ByIndex by_index;
        statement.Execute(
            {Value::Int8s(ids), Value::Texts(reasons), Value::Time(now_ + kPostponed), Value::Time(now_)});
        claimed_.next_due = std::min(claimed_.next_due, now_ + kPostponed);
    }

    // What is due and still there is held by somebody, whose end nobody tells us: ROLLBACK wakes no worker.
    void NoteNextDue() {
        static pg::Statement statement(
            "SELECT send_at FROM pulse.outbox WHERE channel = $1 AND status = 'pending' AND NOT waits"
            " ORDER BY send_at LIMIT 1",
            {TEXTOID});
        const ByIndex by_index;
        const pg::Result rows = statement.Execute({Value::Text(name_)});
        if (rows.empty()) return;
        const Moment at = rows[0].Time(0);
        if (at > now_ || room_ > 0)
            claimed_.next_due = std::min(claimed_.next_due, at > now_ ? at : now_ + kLocked);
    }

    void End(const std::vector<std::pair<int64_t, std::string>>& ended, const char* status) {
        static pg::Statement statement(
            "UPDATE pulse.outbox AS o SET status = $3, error = e.reason, lease_until = NULL, waits = false,"
            " finished_at = clock_timestamp() FROM unnest($1::bigint[], $2::text[]) AS e (id, reason)"
            " WHERE o.id = e.id",
            {INT8ARRAYOID, TEXTARRAYOID, TEXTOID});
        if (ended.empty()) return;
        std::vector<int64_t> ids;
        std::vector<std::string> reasons;
        for (const auto& [id, reason] : ended) {
            ids.push_back(id);
            reasons.push_back(reason);
        }
        const ByIndex by_index;
        statement.Execute({Value::Int8s(ids), Value::Texts(reasons), Value::Text(status)});
        EndFolded(ids);
        claimed_.dropped += static_cast<int64_t>(ids.size());
        claimed_.again |= Release(ids, true);
    }

    void Send(size_t begin) {
        static pg::Statement statement(
            "UPDATE pulse.outbox SET status = 'sending', attempts = attempts + 1, lease_until = $2,"
            " first_sent_at = coalesce(first_sent_at, $3) WHERE id = ANY ($1)",
            {INT8ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID});
        std::vector<int64_t> ids;
        for (size_t i = begin; i < claimed_.messages.size(); ++i) {
            ++claimed_.messages[i].attempts;
            ids.push_back(claimed_.messages[i].id);
        }
        if (ids.empty()) return;
        const ByIndex by_index;
        statement.Execute({Value::Int8s(ids), Value::Time(now_ + kLease), Value::Time(now_)});
    }

    const std::string& name_;
    ChannelState& state_;
    int room_;
    Moment now_;
    int& composable_;
    Claimed& claimed_;
    std::map<int64_t, bool> seen_;
    std::vector<std::pair<int64_t, std::string>> dead_, dropped_, postponed_;
    bool all_seen_ = false;  // that nobody holds
};

// Nothing is sent to a channel that cannot be read; what fails is the channel's, not the round's. False: it
// cannot be read now.
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

// A channel that was dropped: its state is not the next one's of that name, and what waits for it is dead.
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

}  // namespace

Claimed Claim(ChannelStates& channels, int room) {
    static pg::Statement survey(
        PULSE_DUE_CHANNELS
        "SELECT l.channel, l.send_at, coalesce(s.failures, 0), s.open_until, s.disabled_at IS NOT NULL"
        " FROM line AS l LEFT JOIN pulse.channel_state AS s ON s.channel = l.channel",
        {});
    Claimed claimed;
    const Moment now = pg::WallClock();
    if (HasUnreleased() && !ReleaseAll()) claimed.next_due = now + kLocked;
    struct Due {
        std::string channel;
        int room;
    };
    std::vector<Due> due;
    {
        const ByIndex by_index;
        const pg::Result rows = survey.Execute({});
        for (uint64_t i = 0; i < rows.size(); ++i) {
            ChannelState& channel_state = channels[rows[i].Text(0)];
            // What could not be written down yet is newer.
            if (!channel_state.changed) {
                channel_state.known = {rows[i].Int4(2), rows[i].TimeOrNull(3), rows[i].Bool(4)};
                channel_state.breaker.Load(channel_state.known);
            }
            const bool closed = channel_state.breaker.state().disabled ||
                                channel_state.breaker.state().open_until.value_or(INT64_MIN) > now;
            if (closed && !Dropped(rows[i].Text(0), channel_state, now) &&
                channel_state.breaker.state().disabled)
                continue;
            const Moment at =
                std::max(rows[i].Time(1), channel_state.breaker.state().open_until.value_or(INT64_MIN));
            if (at > now)
                claimed.next_due = std::min(claimed.next_due, at);
            else
                due.push_back({rows[i].Text(0), 0});
        }
    }
    for (Due& share : due) {
        ChannelState& channel_state = channels[share.channel];
        if (!LoadChannelState(share.channel, channel_state, now)) {
            claimed.next_due = std::min(claimed.next_due, now + kLocked);
            continue;
        }
        share.room = channel_state.breaker.Room(
            now, channel_state.in_flight, channel_state.channel ? MaxInFlight(*channel_state.channel) : 1000);
        claimed.full |= share.room == 0;
    }
    std::erase_if(due, [](const Due& share) { return share.room == 0; });
    // Where there is not room for all, those with the fewest under way come first, and each gets an equal
    // part.
    std::stable_sort(due.begin(), due.end(), [&](const Due& a, const Due& b) {
        return channels[a.channel].in_flight < channels[b.channel].in_flight;
    });
    int composable = kMostComposed;
    for (size_t i = 0; i < due.size(); ++i) {
        const int others = static_cast<int>(due.size() - i);
        const int part = room <= 0 ? 0 : std::max(1, room / others);
        if (part == 0) claimed.full = true;
        if (part == 0) break;
        const size_t before = claimed.messages.size();
        Share(due[i].channel, channels[due[i].channel], std::min(due[i].room, part), now, composable, claimed)
            .Take();
        room -= static_cast<int>(claimed.messages.size() - before);
    }
    return claimed;
}

}  // namespace pulse::delivery
