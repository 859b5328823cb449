// SQL functions that tell what changed.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/web/change.hpp"
#include "pulse/web/store_change.hpp"

namespace pg = pulse::pg;
namespace web = pulse::web;
using pg::Value;

PULSE_FUNCTION(pulse_changes) {
    static const pg::RecordType type({{"position", TEXTOID}, {"reset", BOOLOID}, {"changes", JSONBOID}});
    const web::Changes changes = web::ReadChanges(pg::Args(fcinfo).Text(0));
    return type.Make({Value::Text(changes.position),
                      Value::Bool(changes.reset),
                      {JSONBOID, pg::ParseSentJson(changes.changes).value(), false}});
}

PULSE_FUNCTION(pulse_change_events) {
    static const pg::RecordType type({{"body", TEXTOID}, {"next", TEXTOID}});
    const pg::Args args(fcinfo);
    const web::Changes changes = web::ReadChanges(args.Text(0));
    return type.Make(
        {Value::Text(web::ChangeEvents(changes.position, changes.reset, changes.changes, args.IsNull(0))),
         Value::Text(changes.position)});
}
