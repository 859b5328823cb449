// When the next message is due, messages left by a worker that died, and expired messages.
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/delivery/store_job.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/delivery/store_by_index.hpp"

namespace pulse::delivery {

using pg::Value;

void WakeDelivery() {
    pg::WakeWorker(kDeliveryJob);
}

// Uses only index probes, a few per channel, so its cost does not grow with the tables.
Moment NextMessage(bool idle) {
    static pg::Statement notices("SELECT id FROM pulse.notice ORDER BY id LIMIT 1", {});
    static pg::Statement under_way(
        "SELECT id FROM pulse.outbox WHERE status = 'sending' AND folded_into IS NULL"
        " ORDER BY channel LIMIT 1",
        {});
    static pg::Statement pending(
        PULSE_DUE_CHANNELS
        "SELECT min(greatest(l.send_at, s.open_until)) FROM line AS l LEFT JOIN pulse.channel_state AS s"
        " ON s.channel = l.channel WHERE s.disabled_at IS NULL",
        {});
    if (!pg::settings::send_messages) return INT64_MAX;
    const ByIndex by_index;
    if (!notices.Execute({}).empty() || FeedsPending()) return pg::WallClock();
    if (idle && !under_way.Execute({}).empty()) return pg::WallClock();
    return pending.Execute({})[0].TimeOrNull(0).value_or(INT64_MAX);
}

int64_t RecoverInterrupted() {
    static pg::Statement take(
        "UPDATE pulse.outbox SET status = 'pending', send_at = clock_timestamp(), lease_until = NULL,"
        " error = 'the worker ended before the answer arrived'"
        " WHERE status = 'sending' AND folded_into IS NULL",
        {});
    const ByIndex by_index;
    const auto taken = static_cast<int64_t>(take.Execute({}).processed());
    ReleaseAll();
    return taken;
}

int64_t ExpireMessages(Moment before, int64_t limit) {
    static pg::Statement statement(
        PULSE_DUE_CHANNELS
        "UPDATE pulse.outbox AS o SET status = 'dead', finished_at = clock_timestamp(),"
        " error = 'pending for longer than pulse.message_lifetime' || coalesce(': ' || o.error, '')"
        " WHERE o.id = ANY (ARRAY(SELECT p.id FROM line AS l CROSS JOIN LATERAL (SELECT d.id"
        " FROM pulse.outbox AS d"
        " WHERE d.channel = l.channel AND d.status = 'pending' AND NOT d.waits AND d.send_at < $1"
        " ORDER BY d.send_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS p LIMIT $2)) RETURNING o.id",
        {TIMESTAMPTZOID, INT8OID});
    std::vector<int64_t> ended;
    {
        const ByIndex by_index;
        const pg::Result rows = statement.Execute({Value::Time(before), Value::Int8(limit)});
        for (uint64_t i = 0; i < rows.size(); ++i) ended.push_back(rows[i].Int8(0));
    }
    const auto given_up = static_cast<int64_t>(ended.size());
    EndFolded(ended);
    if (Release(ended)) WakeDelivery();
    return given_up;
}

}  // namespace pulse::delivery
