// The SQL-callable functions of this room.
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/snapshot/store.hpp"

namespace pg = pulse::pg;
namespace snapshot = pulse::snapshot;

PULSE_WRITING_FUNCTION(pulse_take_snapshot) {
    return Int64GetDatum(snapshot::Take(pg::Args(fcinfo).RequireText(0, "segment")));
}

PULSE_WRITING_FUNCTION(pulse_take_snapshots) {
    const std::vector<snapshot::TakeResult> outcomes = snapshot::TakeDue();
    pg::ResultSet results(fcinfo);
    for (const snapshot::TakeResult& outcome : outcomes)
        results.Add({pg::Value::Text(outcome.segment), pg::Value::Int8(outcome.snapshot),
                     pg::Value::Text(outcome.status), pg::Value::Int8(outcome.size),
                     pg::Value::Text(outcome.error)});
    return pg::ResultSet::Done();
}
