// SQL functions that ask for snapshots.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/snapshot/store_request.hpp"

namespace pg = pulse::pg;
namespace snapshot = pulse::snapshot;
using pg::Value;

namespace pulse::snapshot {

namespace {

std::vector<Value> ColumnsOf(const RequestState& state) {
    return {Value::Text(state.state), Value::Time(state.requested_at), Value::Time(state.finished_at),
            Value::Int8(state.snapshot), Value::Text(state.detail)};
}

}  // namespace

}  // namespace pulse::snapshot

PULSE_WRITING_FUNCTION(pulse_request_snapshot) {
    static const pg::RecordType type({{"state", TEXTOID},
                                      {"requested_at", TIMESTAMPTZOID},
                                      {"finished_at", TIMESTAMPTZOID},
                                      {"snapshot", INT8OID},
                                      {"detail", TEXTOID}});
    const pg::Args args(fcinfo);
    return type.Make(snapshot::ColumnsOf(
        snapshot::RequestSnapshot(args.RequireText(0, "segment"), args.Bool(1).value_or(false))));
}

PULSE_WRITING_FUNCTION(pulse_request_snapshots) {
    static const pg::RecordType type({{"segments", INT8OID}, {"state", TEXTOID}, {"detail", TEXTOID}});
    const snapshot::RequestedSnapshots requested = snapshot::RequestDueSnapshots();
    return type.Make(
        {Value::Int8(requested.segments), Value::Text(requested.state), Value::Text(requested.detail)});
}

PULSE_FUNCTION(pulse_snapshot_request) {
    pg::ResultSet results(fcinfo);
    const auto state = snapshot::FindRequest(pg::Args(fcinfo).RequireText(0, "segment"));
    if (state) results.Add(snapshot::ColumnsOf(*state));
    return pg::ResultSet::Done();
}
