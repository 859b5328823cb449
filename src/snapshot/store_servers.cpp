// The servers of a snapshot that was measured on several.
#include "pulse/pg/spi.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

using pg::Value;

void WriteServers(int64_t snapshot, const std::vector<ServerShare>& servers) {
    static pg::Statement insert(
        "INSERT INTO pulse.snapshot_source (snapshot_id, source, size, error) VALUES ($1, $2, $3, $4)",
        {INT8OID, TEXTOID, INT8OID, TEXTOID});
    for (const ServerShare& server : servers)
        insert.Execute({Value::Int8(snapshot), Value::Text(server.source), Value::Int8(server.size),
                        server.error.empty() ? Value::Null(TEXTOID) : Value::Text(server.error)});
}

void ReadLastSizes(int64_t segment_id, Moment moment, std::vector<ServerShare>& servers) {
    // From the newest snapshot back to the first one that has the server.
    static pg::Statement select(
        "SELECT x.size FROM pulse.snapshot AS s JOIN pulse.snapshot_source AS x ON x.snapshot_id = s.id"
        " WHERE s.segment_id = $1 AND s.taken_at < $2 AND x.source = $3 AND x.size IS NOT NULL"
        " ORDER BY s.taken_at DESC LIMIT 1",
        {INT8OID, TIMESTAMPTZOID, TEXTOID});
    for (ServerShare& server : servers) {
        if (server.size) continue;
        const pg::Result rows =
            select.Execute({Value::Int8(segment_id), Value::Time(moment), Value::Text(server.source)});
        if (!rows.empty()) server.last_size = rows[0].Int8(0);
    }
}

}  // namespace pulse::snapshot
