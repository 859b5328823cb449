// Records the results of many messages at a time.
#include <set>

#include "pulse/delivery/excerpt.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

// How stale the time of a channel's last success may be.
constexpr int64_t kKeepSuccess = kSecond;

#define PULSE_MOMENT(expression) \
    "(timestamptz '2000-01-01 00:00:00+00' + (" expression ") * interval '1 microsecond')"

// Timestamps as numbers, so that one array holds many.
Value Moments(const std::vector<int64_t>& moments) {
    return Value::Int8s(moments);
}

const char* Name(SendResult::Fate fate) {
    switch (fate) {
        case SendResult::Fate::kSent: return "sent";
        case SendResult::Fate::kRetry: return "pending";
        case SendResult::Fate::kDead: return "dead";
    }
    return "";
}

void WriteOutcomes(const std::vector<SendResult>& outcomes) {
    static pg::Statement statement(
        "UPDATE pulse.outbox AS o SET status = r.status, attempts = o.attempts - r.uncounted,"
        " send_at = CASE r.status WHEN 'pending' THEN " PULSE_MOMENT("r.retry_at") " ELSE o.send_at END,"
        " finished_at = CASE WHEN r.status <> 'pending' "
        "THEN " PULSE_MOMENT("r.at") " END, lease_until = NULL,"
        " answer_status = nullif(r.answer_status, 0), answer = nullif(r.answer, ''), error = "
        "nullif(r.error, '')"
        " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],"
        " $7::text[], $8::text[])"
        " AS r (id, status, uncounted, at, retry_at, answer_status, answer, error)"
        " WHERE o.id = r.id AND o.status = 'sending'",
        {INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID,
         TEXTARRAYOID});
    std::vector<int64_t> ids, uncounted, at, retry_at, codes;
    std::vector<std::string> fates, answers, errors;
    for (const SendResult& outcome : outcomes) {
        ids.push_back(outcome.id);
        fates.emplace_back(Name(outcome.fate));
        uncounted.push_back(outcome.counts ? 0 : 1);
        at.push_back(outcome.at);
        retry_at.push_back(outcome.retry_at);
        codes.push_back(outcome.status);
        answers.push_back(outcome.answer);
        errors.push_back(outcome.error);
    }
    statement.Execute({Value::Int8s(ids), Value::Texts(fates), Value::Int8s(uncounted), Moments(at),
                       Moments(retry_at), Value::Int8s(codes), Value::Texts(answers), Value::Texts(errors)});
}

// Locks the rows of those channels that no other session has locked, and returns their states. Creates
// missing rows, except for those that another session is creating.
std::map<std::string, http::CircuitBreaker::State> Hold(const std::vector<std::string>& channels) {
    static pg::Statement known("SELECT channel FROM pulse.channel_state WHERE channel = ANY ($1)",
                               {TEXTARRAYOID});
    static pg::Statement make("INSERT INTO pulse.channel_state (channel) VALUES ($1) ON CONFLICT DO NOTHING",
                              {TEXTOID});
    static pg::Statement hold(
        "SELECT channel, failures, open_until, disabled_at IS NOT NULL FROM pulse.channel_state"
        " WHERE channel = ANY ($1)"
        " FOR UPDATE SKIP LOCKED",
        {TEXTARRAYOID});
    std::set<std::string> missing(channels.begin(), channels.end());
    const pg::Result there = known.Execute({Value::Texts(channels)});
    for (uint64_t i = 0; i < there.size(); ++i) missing.erase(there[i].Text(0));
    for (const std::string& channel : missing) {
        try {
            pg::Subtransaction subtransaction;
            {
                const pg::Identity identity = pg::Identity::Owner();  // lock_timeout is restored at its end
                pg::SetLocally("lock_timeout", kShortLock);
                const pg::Session session;
                make.Execute({Value::Text(channel)});
            }
            subtransaction.Commit();
        } catch (const pg::Error& error) {
            if (error.State() != sqlstate::kLockNotAvailable) throw;
        }
    }
    std::map<std::string, http::CircuitBreaker::State> held;
    const pg::Result rows = hold.Execute({Value::Texts(channels)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        held[rows[i].Text(0)] = {rows[i].Int4(1), rows[i].TimeOrNull(2), rows[i].Bool(3)};
    return held;
}

void WriteChannelState(const std::string& channel, const ChannelState& channel_state) {
    static pg::Statement statement(
        "UPDATE pulse.channel_state SET failures = $2, open_until = $3,"
        " disabled_at = CASE WHEN $4 THEN coalesce(disabled_at, clock_timestamp()) END, last_ok_at = "
        "coalesce($5, last_ok_at),"
        " last_error_at = coalesce($6, last_error_at), last_error = coalesce($7, last_error)"
        " WHERE channel = $1",
        {TEXTOID, INT4OID, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID});
    const http::CircuitBreaker::State& state = channel_state.breaker.state();
    statement.Execute(
        {Value::Text(channel), Value::Int4(state.failures), Value::Time(state.open_until),
         Value::Bool(state.disabled), Value::Time(channel_state.ok_at), Value::Time(channel_state.error_at),
         channel_state.error.empty() ? Value::Null(TEXTOID) : Value::Text(channel_state.error)});
}

// Another session holds a message that should have been released: ReleaseAll() has to release it.
bool unreleased = false;
bool released_all = false;  // once this transaction is committed

// Returns how many messages were released.
int64_t LetGo(const pg::Result& rows, bool in_worker) {
    static pg::Statement update("UPDATE pulse.outbox SET waits = false WHERE id = ANY ($1) AND waits",
                                {INT8ARRAYOID});
    static pg::Statement update_free(
        "UPDATE pulse.outbox SET waits = false WHERE id = ANY (ARRAY(SELECT n.id FROM pulse.outbox AS n"
        " WHERE n.id = ANY ($1)"
        " ORDER BY n.id FOR UPDATE SKIP LOCKED)) AND waits",
        {INT8ARRAYOID});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    if (ids.empty()) return 0;
    const auto released =
        static_cast<int64_t>((in_worker ? update_free : update).Execute({Value::Int8s(ids)}).processed());
    if (in_worker && released < static_cast<int64_t>(ids.size())) {
        unreleased = true;
        released_all = false;
    }
    return released;
}

// A state that another session has set meanwhile (a successful test) is newer than what older answers gave.
void WriteChannelStates(ChannelStates& channels) {
    std::vector<std::string> changed;
    const Moment now = pg::WallClock();
    for (auto& [channel, channel_state] : channels) {
        const bool stale = channel_state.ok_at && now - channel_state.written_at > kKeepSuccess;
        channel_state.writing = (channel_state.changed || channel_state.error_at || stale) &&
                                now - channel_state.held_at > kKeepSuccess;
        if (channel_state.writing) changed.push_back(channel);
    }
    if (changed.empty()) return;
    const std::map<std::string, http::CircuitBreaker::State> held = Hold(changed);
    for (const std::string& channel : changed) {
        ChannelState& channel_state = channels[channel];
        const auto found = held.find(channel);
        channel_state.writing = found != held.end();
        if (!channel_state.writing) {
            channel_state.held_at = now;
            continue;
        }
        if (found->second != channel_state.known) channel_state.breaker.Load(found->second);
        WriteChannelState(channel, channel_state);
    }
}

}  // namespace

void EndFolded(std::vector<int64_t>& ended) {
    static pg::Statement statement(
        "UPDATE pulse.outbox AS c SET status = p.status, attempts = p.attempts, finished_at ="
        " p.finished_at, error = p.error,"
        " answer_status = p.answer_status, answer = p.answer, first_sent_at = p.first_sent_at, lease_until "
        "= NULL"
        " FROM pulse.outbox AS p WHERE p.id = ANY ($1) AND c.folded_into = p.id AND c.status = 'sending'"
        " RETURNING c.id",
        {INT8ARRAYOID});
    const pg::Result rows = statement.Execute({Value::Int8s(ended)});
    for (uint64_t i = 0; i < rows.size(); ++i) ended.push_back(rows[i].Int8(0));
}

bool Release(const std::vector<int64_t>& ended, bool in_worker) {
    static pg::Statement find(
        "SELECT f.id FROM (SELECT DISTINCT o.channel, o.order_key FROM unnest($1::bigint[]) AS e (id)"
        " JOIN pulse.outbox AS o ON o.id = e.id WHERE o.order_key IS NOT NULL) AS k"
        " CROSS JOIN LATERAL (SELECT n.id FROM pulse.outbox AS n WHERE n.channel = k.channel"
        " AND n.order_key = k.order_key"
        " AND n.status = 'pending' AND n.waits ORDER BY n.id LIMIT 1) AS f",
        {INT8ARRAYOID});
    if (ended.empty()) return false;
    const ByIndex by_index;
    return LetGo(find.Execute({Value::Int8s(ended)}), in_worker) > 0;
}

bool ReleaseAll() {
    static pg::Statement find(
        "WITH RECURSIVE first AS ("
        "(SELECT channel, order_key, id FROM pulse.outbox WHERE status = 'pending' AND waits"
        " ORDER BY channel, order_key, id LIMIT 1)"
        " UNION ALL SELECT n.channel, n.order_key, n.id FROM first AS f CROSS JOIN LATERAL"
        " (SELECT o.channel, o.order_key, o.id FROM pulse.outbox AS o WHERE o.status = 'pending' AND o.waits"
        " AND (o.channel, o.order_key) > (f.channel, f.order_key) ORDER BY o.channel, o.order_key, o.id"
        " LIMIT 1) AS n)"
        " SELECT f.id FROM first AS f",
        {});
    const ByIndex by_index;
    released_all = true;
    LetGo(find.Execute({}), true);
    return released_all;
}

bool HasUnreleased() {
    return unreleased;
}

bool Record(const std::vector<SendResult>& outcomes, ChannelStates& channels) {
    std::vector<int64_t> ended;
    std::map<const MessageKind*, std::vector<int64_t>> by_kind;  // only these may include folded messages
    for (const SendResult& outcome : outcomes) {
        if (outcome.fate == SendResult::Fate::kRetry) continue;
        const MessageKind* kind = FindMessageKind(outcome.kind);
        (kind ? by_kind[kind] : ended).push_back(outcome.id);
    }
    bool released = false;
    {
        const ByIndex by_index;
        if (!outcomes.empty()) WriteOutcomes(outcomes);
        for (auto& [kind, ids] : by_kind) {
            EndFolded(ids);
            if (kind->ended) kind->ended(ids);
            ended.insert(ended.end(), ids.begin(), ids.end());
        }
        released = Release(ended, true);
        WriteChannelStates(channels);
    }
    return released;
}

void MarkWritten(ChannelStates& channels) {
    if (std::exchange(released_all, false)) unreleased = false;
    for (auto& [channel, channel_state] : channels) {
        if (!std::exchange(channel_state.writing, false)) continue;
        channel_state.changed = false;
        channel_state.known = channel_state.breaker.state();
        channel_state.ok_at.reset();
        channel_state.error_at.reset();
        channel_state.error.clear();
        channel_state.written_at = pg::WallClock();
    }
}

}  // namespace pulse::delivery
