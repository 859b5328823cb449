// Writing down how messages went, many at a time.
#include "pulse/delivery/excerpt.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_queue.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

// How stale the time of a channel's last success may be.
constexpr int64_t kKeepSuccess = kSecond;

#define PULSE_MOMENT(expression) "(timestamptz '2000-01-01 00:00:00+00' + (" expression ") * interval '1 microsecond')"

// A timestamp as a number, so that many travel in one array.
Value Moments(const std::vector<int64_t>& moments) {
    return Value::Int8s(moments);
}

const char* Name(Outcome::Fate fate) {
    switch (fate) {
        case Outcome::Fate::kSent: return "sent";
        case Outcome::Fate::kRetry: return "pending";
        case Outcome::Fate::kDead: return "dead";
    }
    return "";
}

void WriteOutcomes(const std::vector<Outcome>& outcomes) {
    static pg::Statement statement(
        "UPDATE pulse.outbox AS o SET status = r.status, attempts = o.attempts - r.uncounted,"
        " send_at = CASE r.status WHEN 'pending' THEN " PULSE_MOMENT("r.retry_at") " ELSE o.send_at END,"
        " finished_at = CASE WHEN r.status <> 'pending' THEN " PULSE_MOMENT("r.at") " END, lease_until = NULL,"
        " answer_status = nullif(r.answer_status, 0), answer = nullif(r.answer, ''), error = nullif(r.error, '')"
        " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])"
        " AS r (id, status, uncounted, at, retry_at, answer_status, answer, error)"
        " WHERE o.id = r.id AND o.status = 'sending'",
        {INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
    std::vector<int64_t> ids, uncounted, at, retry_at, codes;
    std::vector<std::string> fates, answers, errors;
    for (const Outcome& outcome : outcomes) {
        ids.push_back(outcome.id);
        fates.emplace_back(Name(outcome.fate));
        uncounted.push_back(outcome.counts ? 0 : 1);
        at.push_back(outcome.at);
        retry_at.push_back(outcome.retry_at);
        codes.push_back(outcome.status);
        answers.push_back(outcome.answer);
        errors.push_back(outcome.error);
    }
    statement.Execute({Value::Int8s(ids), Value::Texts(fates), Value::Int8s(uncounted), Moments(at), Moments(retry_at),
                       Value::Int8s(codes), Value::Texts(answers), Value::Texts(errors)});
}

// What each channel knows of each incident now. An incident may have been deleted meanwhile.
void WriteTold(const std::vector<int64_t>& sent) {
    static pg::Statement statement(
        "WITH said AS (SELECT DISTINCT ON (o.incident_id, o.channel) o.incident_id, o.channel, o.state, o.finished_at,"
        " coalesce(o.thread, p.thread, p.key, o.key) AS thread FROM pulse.outbox AS o"
        " LEFT JOIN pulse.outbox AS p ON p.id = o.folded_into WHERE o.id = ANY ($1) AND o.status = 'sent'"
        " AND o.kind IN ('incident', 'escalation') AND o.incident_id IS NOT NULL AND o.state IS NOT NULL"
        " ORDER BY o.incident_id, o.channel, o.id DESC),"
        " live AS MATERIALIZED (SELECT i.id FROM pulse.incident_record AS i WHERE i.id IN (SELECT incident_id FROM said)"
        " FOR KEY SHARE)"
        " INSERT INTO pulse.told (incident_id, channel, state, thread, told_at)"
        " SELECT said.incident_id, said.channel, said.state, said.thread, said.finished_at FROM said"
        " JOIN live ON live.id = said.incident_id"
        " ON CONFLICT (incident_id, channel) DO UPDATE SET state = excluded.state, thread = excluded.thread,"
        " told_at = excluded.told_at",
        {INT8ARRAYOID});
    statement.Execute({Value::Int8s(sent)});
}

void WriteLine(const std::string& channel, const Line& line) {
    static pg::Statement statement(
        "INSERT INTO pulse.channel_state AS s (channel, failures, open_until, disabled_at, last_ok_at, last_error_at, last_error)"
        " VALUES ($1, $2, $3, CASE WHEN $4 THEN clock_timestamp() END, $5, $6, $7) ON CONFLICT (channel) DO UPDATE SET"
        " failures = excluded.failures, open_until = excluded.open_until,"
        " disabled_at = CASE WHEN $4 THEN coalesce(s.disabled_at, excluded.disabled_at) END,"
        " last_ok_at = coalesce(excluded.last_ok_at, s.last_ok_at),"
        " last_error_at = coalesce(excluded.last_error_at, s.last_error_at),"
        " last_error = coalesce(excluded.last_error, s.last_error)",
        {TEXTOID, INT4OID, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID});
    const Breaker::State& state = line.breaker.state();
    statement.Execute({Value::Text(channel), Value::Int4(state.failures), Value::Time(state.open_until),
                       Value::Bool(state.disabled), Value::Time(line.ok_at), Value::Time(line.error_at),
                       line.error.empty() ? Value::Null(TEXTOID) : Value::Text(line.error)});
}

}  // namespace

void EndFolded(std::vector<int64_t>& ended) {
    static pg::Statement statement(
        "UPDATE pulse.outbox AS c SET status = p.status, attempts = p.attempts, finished_at = p.finished_at, error = p.error,"
        " answer_status = p.answer_status, answer = p.answer, first_sent_at = p.first_sent_at, lease_until = NULL"
        " FROM pulse.outbox AS p WHERE p.id = ANY ($1) AND c.folded_into = p.id AND c.status = 'sending' RETURNING c.id",
        {INT8ARRAYOID});
    const pg::Result rows = statement.Execute({Value::Int8s(ended)});
    for (uint64_t i = 0; i < rows.size(); ++i) ended.push_back(rows[i].Int8(0));
}

bool Release(const std::vector<int64_t>& ended) {
    static pg::Statement statement(
        "UPDATE pulse.outbox AS w SET waits = false FROM (SELECT DISTINCT o.channel, o.order_key FROM unnest($1::bigint[]) AS e (id)"
        " JOIN pulse.outbox AS o ON o.id = e.id WHERE o.order_key IS NOT NULL) AS k"
        " CROSS JOIN LATERAL (SELECT n.id FROM pulse.outbox AS n WHERE n.channel = k.channel AND n.order_key = k.order_key"
        " AND n.status = 'pending' AND n.waits ORDER BY n.id LIMIT 1) AS f WHERE w.id = f.id",
        {INT8ARRAYOID});
    if (ended.empty()) return false;
    const ByIndex by_index;
    return statement.Execute({Value::Int8s(ended)}).processed() > 0;
}

bool Record(const std::vector<Outcome>& outcomes, Lines& lines) {
    std::vector<int64_t> ended, told, ended_told;
    for (const Outcome& outcome : outcomes) {
        if (outcome.fate == Outcome::Fate::kRetry) continue;
        (outcome.told ? ended_told : ended).push_back(outcome.id);
    }
    bool released = false;
    {
        const ByIndex by_index;
        if (!outcomes.empty()) WriteOutcomes(outcomes);
        if (!ended_told.empty()) {
            EndFolded(ended_told);
            WriteTold(ended_told);
        }
        ended.insert(ended.end(), ended_told.begin(), ended_told.end());
        released = Release(ended);
        const Moment now = pg::WallClock();
        for (auto& [channel, line] : lines) {
            const bool stale = line.ok_at && now - line.written_at > kKeepSuccess;
            line.writing = line.changed || line.error_at || stale;
            if (line.writing) WriteLine(channel, line);
        }
    }
    return released;
}

void Written(Lines& lines) {
    for (auto& [channel, line] : lines) {
        if (!std::exchange(line.writing, false)) continue;
        line.changed = false;
        line.ok_at.reset();
        line.error_at.reset();
        line.error.clear();
        line.written_at = pg::WallClock();
    }
}

}  // namespace pulse::delivery
