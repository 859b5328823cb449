// SQL functions for exports of segments.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_export.hpp"

namespace pg = pulse::pg;
namespace trait = pulse::trait;

namespace {

std::vector<pg::Value> ExportValues(const trait::Export& row) {
    using pg::Value;
    return {Value::Int8(row.id),         Value::Text(row.segment),    Value::Text(row.filename),
            Value::Int8(row.users),      Value::Int8(row.bytes),      Value::Text(row.etag),
            Value::Text(row.created_by), Value::Time(row.created_at), Value::Time(row.kept_until),
            Value::Text(row.token),      Value::Time(row.expires_at)};
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_export_segment) {
    const std::string segment = pg::Args(fcinfo).RequireText(0, "segment");
    pg::ResultSet results(fcinfo);
    results.Add(ExportValues(trait::CreateExport(segment)));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_list_exports) {
    pg::ResultSet results(fcinfo);
    for (const trait::Export& row : trait::ListExports()) {
        std::vector<pg::Value> values = ExportValues(row);
        values.push_back(pg::Value::Text(row.state));
        results.Add(values);
    }
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_delete_export) {
    trait::DeleteExport(pg::Args(fcinfo).RequireInt8(0, "id"));
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_read_export) {
    using pg::Value;
    const pg::Args args(fcinfo);
    const std::string token = args.RequireText(0, "token");
    const int64_t chunk = args.RequireInt8(1, "chunk");
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    const trait::ExportPiece piece = trait::ReadExport(token, chunk);
    results.Add({piece.data, Value::Int4(piece.chunks), Value::Text(piece.filename), Value::Int8(piece.bytes),
                 Value::Text(piece.etag)});
    return pg::ResultSet::Done();
}
