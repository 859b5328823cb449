// pulse_replay_rejected().
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_replay.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;
using pg::Value;

PULSE_WRITING_FUNCTION(pulse_replay_rejected) {
    const pg::Args args(fcinfo);
    const Value ids = args.IsNull(0) ? Value::Null(INT8ARRAYOID) : Value{INT8ARRAYOID, args.Raw(0), false};
    const int32_t max = args.Int4(2).value_or(pg::settings::max_batch);
    if (max < 1 || max > pg::settings::max_batch)
        throw pulse::UserError(
            pulse::sqlstate::kInvalidParameter, "\"max\" is out of range",
            "It is " + std::to_string(max) + ".",
            "Give a number from 1 to pulse.max_batch, " + std::to_string(pg::settings::max_batch) + ".");
    pg::ResultSet result(fcinfo);
    std::vector<profile::ReplayResult> replayed;
    {
        const pg::OwnerSession session;
        replayed = profile::Replay(ids, args.Text(1), max);
    }
    if (replayed.empty())
        pg::Notice("nothing to replay",
                   "SELECT id, reason, replayed_at FROM pulse.rejected_event lists what was rejected.");
    const auto text = [](const std::string& value) {
        return value.empty() ? Value::Null(TEXTOID) : Value::Text(value);
    };
    const auto number = [](int64_t value) { return value ? Value::Int8(value) : Value::Null(INT8OID); };
    pg::Arena arena("pulse ingest results");
    for (const profile::ReplayResult& one : replayed) {
        result.Add({Value::Int8(one.id), Value::Text(NameOf(one.result.status)), text(one.result.reason),
                    text(one.result.detail), number(one.result.profile), number(one.result.event)});
        arena.Reset();
    }
    return pg::ResultSet::Done();
}
