// Checkpoints: heads of the chain, written down every hour and taken outside by who listens. Retention, which
// cuts the beginning off and leaves one behind.
#include "pulse/audit/store_chain.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::audit {

namespace {

using pg::Value;

// The longest beginning of the chain, up to $2 links, whose rows are all older than $1. A row that is missing
// counts by when it was sealed: what is left of it shows that it was removed.
std::optional<Head> FindCut(Moment before, int64_t rows) {
    static pg::Statement statement(
        "WITH beginning AS (SELECT s.seq, s.hash, coalesce(a.at, s.sealed_at) AS at FROM (SELECT * FROM"
        " pulse.audit_seal ORDER BY seq LIMIT $2) AS s LEFT JOIN pulse.audit AS a ON a.id = s.audit_id)"
        " SELECT seq, hash FROM beginning WHERE seq < coalesce((SELECT min(b.seq) FROM beginning AS b"
        " WHERE b.at >= $1), 9223372036854775807) ORDER BY seq DESC LIMIT 1",
        {TIMESTAMPTZOID, INT8OID});
    const pg::Result found = statement.Execute({Value::Time(before), Value::Int8(rows)});
    if (found.empty()) return std::nullopt;
    return Head{found[0].Int8(0), ReadBytes(found[0], 1)};
}

// The cut and what the verification needs afterwards are one transaction.
int64_t CutBeginning(Moment before, int64_t rows) {
    if (!LockChain(false)) return 0;  // the next run
    while (SealBatch().more) pg::CheckInterrupts();
    const std::optional<Head> cut = FindCut(before, rows);
    if (!cut) return 0;
    const Permission permission;
    const Value seq = Value::Int8(cut->seq);
    pg::Execute(
        "INSERT INTO pulse.audit_checkpoint (seq, hash, at, cut) VALUES ($1, $2, $3, true)"
        " ON CONFLICT (seq) DO UPDATE SET cut = true",
        {seq, BytesValue(cut->hash), Value::Time(pg::WallClock())});
    for (const char* sql : {"DELETE FROM pulse.audit_personal WHERE audit_id IN"
                            " (SELECT s.audit_id FROM pulse.audit_seal AS s WHERE s.seq <= $1)",
                            "DELETE FROM pulse.audit WHERE id IN"
                            " (SELECT s.audit_id FROM pulse.audit_seal AS s WHERE s.seq <= $1)",
                            "DELETE FROM pulse.audit_checkpoint WHERE seq < $1"})
        pg::Execute(sql, {seq});
    return static_cast<int64_t>(
        pg::Execute("DELETE FROM pulse.audit_seal WHERE seq <= $1", {seq}).processed());
}

[[maybe_unused]] const bool retention_registered =
    pg::RegisterRetention({{.order = 160,
                            .what = "audit entries",
                            .minutes = &pg::settings::audit_retention,
                            .work = CutBeginning}});

}  // namespace

std::optional<Checkpoint> ReadCheckpoint() {
    static pg::Statement statement(
        "SELECT seq, hash, at FROM pulse.audit_checkpoint ORDER BY seq DESC LIMIT 1", {});
    const pg::Result rows = statement.Execute({});
    if (rows.empty()) return std::nullopt;
    return Checkpoint{rows[0].Int8(0), ReadBytes(rows[0], 1), rows[0].Time(2)};
}

// The first one is due an hour after the first link.
std::optional<Moment> NextCheckpoint() {
    static pg::Statement first("SELECT sealed_at FROM pulse.audit_seal ORDER BY seq LIMIT 1", {});
    static pg::Statement last("SELECT seq FROM pulse.audit_seal ORDER BY seq DESC LIMIT 1", {});
    const pg::Result head = last.Execute({});
    if (head.empty()) return std::nullopt;
    const std::optional<Checkpoint> checkpoint = ReadCheckpoint();
    if (checkpoint && checkpoint->seq >= head[0].Int8(0)) return std::nullopt;
    return (checkpoint ? checkpoint->at : first.Execute({})[0].Time(0)) + kCheckpointEvery;
}

void WriteCheckpoint(bool due) {
    static pg::Statement statement(
        "INSERT INTO pulse.audit_checkpoint (seq, hash, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        {INT8OID, BYTEAOID, TIMESTAMPTZOID});
    const Moment now = pg::WallClock();
    if (due) {
        const std::optional<Moment> next = NextCheckpoint();
        if (!next || *next > now) return;
    }
    const std::optional<Head> head = ReadHead();
    if (!head) return;
    const Checkpoint checkpoint{head->seq, head->hash, now};
    const pg::Result written = statement.Execute(
        {Value::Int8(checkpoint.seq), BytesValue(checkpoint.hash), Value::Time(checkpoint.at)});
    if (written.processed() > 0) Announce(checkpoint);
}

}  // namespace pulse::audit
