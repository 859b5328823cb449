#include "pulse/delivery/store_claim_channel.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

constexpr int64_t kLease = 10 * kMinute;
// The maximum number of messages read per transaction from one channel.
constexpr int64_t kMostRows = 1000;
// Delay after a transient error.
constexpr int64_t kPostponed = 5 * kSecond;

// Messages that are not sent now, and why.
using Reasons = std::vector<std::pair<int64_t, std::string>>;

std::pair<std::vector<int64_t>, std::vector<std::string>> Unzip(const Reasons& reasons) {
    std::pair<std::vector<int64_t>, std::vector<std::string>> lists;
    for (const auto& [id, reason] : reasons) {
        lists.first.push_back(id);
        lists.second.push_back(reason);
    }
    return lists;
}

struct Candidate {
    Message message;
    int64_t after = 0;  // an earlier message that it waits for
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

    // A message that is being sent, or an earlier one that is due or was attempted before.
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

    // Skipped from now on until the predecessor has ended. A session that is ending the predecessor holds its
    // lock: then the mark is left to the next round, which the end of that transaction causes.
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

    // Composes a message if necessary, then claims or ends it.
    void Process(Message& message) {
        if (!state_.channel) {
            dead_.emplace_back(message.id, state_.problem);
        } else if (message.attempts >= MaxAttempts(*state_.channel)) {
            dead_.emplace_back(message.id, "gave up after " + std::to_string(message.attempts) +
                                               " attempts; the last one did not finish");
        } else if (message.payload.is_null()) {
            if (composable_-- <= 0) {
                claimed_.again = true;
                return;
            }
            if (!ComposeMessage(message)) return;
        }
        seen_[message.id] = true;
        if (!dead_.empty() && dead_.back().first == message.id) return;
        if (!Attach(message)) return;
        --room_;
        claimed_.messages.push_back(std::move(message));
    }

    // Attachments are in no row of the outbox. False if they cannot be read: the message is not sent without.
    bool Attach(Message& message) {
        const MessageKind* kind = FindMessageKind(message.kind);
        if (!kind || !kind->attach) return true;
        --composable_;
        try {
            pg::Subtransaction subtransaction;
            {
                const pg::Session session;
                kind->attach(message, *state_.channel);
            }
            subtransaction.Commit();
            return true;
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            if (IsTransient(error))
                postponed_.emplace_back(message.id, error.message);
            else
                dead_.emplace_back(message.id, error.message);
        } catch (const UserError& error) {
            dead_.emplace_back(message.id, error.message());
        }
        return false;
    }

    // False if there is nothing to send. A failure here does not affect other messages.
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
            if (!reason && message.payload.is_null()) dead_.emplace_back(id, "the message has no content");
            return !reason;
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            if (IsTransient(error)) {
                postponed_.emplace_back(id, error.message);
                composable_ = 0;  // the next message would probably fail, too: send the others first
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

    // Postponed messages keep their place in the order.
    void Postpone() {
        static pg::Statement statement(
            "UPDATE pulse.outbox AS o SET send_at = $3, error = e.reason, first_sent_at ="
            " coalesce(o.first_sent_at, $4)"
            " FROM unnest($1::bigint[], $2::text[]) AS e (id, reason) WHERE o.id = e.id",
            {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID});
        if (postponed_.empty()) return;
        const auto [ids, reasons] = Unzip(postponed_);
        const ByIndex by_index;
        statement.Execute(
            {Value::Int8s(ids), Value::Texts(reasons), Value::Time(now_ + kPostponed), Value::Time(now_)});
        claimed_.next_due = std::min(claimed_.next_due, now_ + kPostponed);
    }

    // A message that is due and was not claimed is locked by another session. Poll for it: a ROLLBACK wakes
    // no worker.
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

    void End(const Reasons& ended, const char* status) {
        static pg::Statement statement(
            "UPDATE pulse.outbox AS o SET status = $3, error = e.reason, lease_until = NULL, waits = false,"
            " finished_at = clock_timestamp() FROM unnest($1::bigint[], $2::text[]) AS e (id, reason)"
            " WHERE o.id = e.id",
            {INT8ARRAYOID, TEXTARRAYOID, TEXTOID});
        if (ended.empty()) return;
        auto [ids, reasons] = Unzip(ended);
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
    Reasons dead_, dropped_, postponed_;
    bool all_seen_ = false;  // all due messages that are not locked
};

}  // namespace

bool IsTransient(const pg::Error& error) {
    const std::string state = error.State();
    for (const char* of : {"08", "40", "53", "55", "57", "58"})
        if (state.starts_with(of)) return true;
    return false;
}

void ClaimOfChannel(const std::string& name, ChannelState& channel_state, int room, Moment now,
                    int& composable, Claimed& claimed) {
    Share(name, channel_state, room, now, composable, claimed).Take();
}

}  // namespace pulse::delivery
