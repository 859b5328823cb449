// Sealing: rows of pulse.audit become links of the chain, in batches, by one session at a time. Writers take
// no lock: they only leave a row in pulse.audit_unsealed.
#include "pulse/audit/store_chain.hpp"
#include "pulse/audit/store_job.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::audit {

namespace {

using pg::Value;

constexpr int64_t kBatch = 2000;
// Between two looks at a log that is not whole.
constexpr int64_t kNotWholePause = kMinute;

// The new links of a batch, column by column.
struct NewLinks {
    std::vector<int64_t> numbers, rows;
    std::vector<Datum> contents, predecessors, hashes;

    void Add(const Link& link, const std::string& hash) {
        numbers.push_back(link.seq);
        rows.push_back(link.audit_id);
        contents.push_back(pg::FromBytes(link.content));
        predecessors.push_back(pg::FromBytes(link.prev));
        hashes.push_back(pg::FromBytes(hash));
    }
};

// Of a database without links all rows wait, and all that wait are there.
bool BeginsWhole() {
    static pg::Statement statement(
        "SELECT NOT EXISTS (SELECT FROM pulse.audit AS a WHERE NOT EXISTS"
        " (SELECT FROM pulse.audit_unsealed AS u WHERE u.audit_id = a.id))"
        " AND NOT EXISTS (SELECT FROM pulse.audit_unsealed AS u WHERE NOT EXISTS"
        " (SELECT FROM pulse.audit AS a WHERE a.id = u.audit_id))",
        {});
    return statement.Execute({})[0].Bool(0);
}

bool HasLinks() {
    static pg::Statement statement("SELECT FROM pulse.audit_seal LIMIT 1", {});
    return !statement.Execute({}).empty();
}

// While a dump is restored the log may be there in part: sealing what is there would take the numbers of
// links that are still to come, and rows that are still to come would count as removed. Where there are
// links, the row of the last one is there, or at least the first that waits.
bool IsWhole() {
    static pg::Statement statement(
        "SELECT FROM pulse.audit AS a WHERE a.id IN ((SELECT s.audit_id FROM pulse.audit_seal AS s"
        " ORDER BY s.seq DESC LIMIT 1), (SELECT min(u.audit_id) FROM pulse.audit_unsealed AS u)) LIMIT 1",
        {});
    return HasLinks() ? !statement.Execute({}).empty() : BeginsWhole();
}

void Insert(const NewLinks& links, Moment now) {
    static pg::Statement statement(
        "INSERT INTO pulse.audit_seal (seq, audit_id, content, prev, hash, sealed_at)"
        " SELECT n.seq, n.audit_id, n.content, n.prev, n.hash, $6"
        " FROM unnest($1, $2, $3, $4, $5) AS n (seq, audit_id, content, prev, hash)",
        {INT8ARRAYOID, INT8ARRAYOID, BYTEAARRAYOID, BYTEAARRAYOID, BYTEAARRAYOID, TIMESTAMPTZOID});
    static pg::Statement done("DELETE FROM pulse.audit_unsealed WHERE audit_id = ANY ($1)", {INT8ARRAYOID});
    statement.Execute({Value::Int8s(links.numbers), Value::Int8s(links.rows),
                       pg::ArrayOf(BYTEAOID, links.contents), pg::ArrayOf(BYTEAOID, links.predecessors),
                       pg::ArrayOf(BYTEAOID, links.hashes), Value::Time(now)});
    const Permission permission;
    done.Execute({Value::Int8s(links.rows)});
}

}  // namespace

void WakeSealing() {
    pg::WakeWorker(kSealJob);
}

bool LockChain(bool wait) {
    if (!wait) return pg::TryLock("audit_seal", 0);
    if (IsolationUsesXactSnapshot())
        throw UserError(sqlstate::kNotReady, "the audit log cannot be sealed in this transaction",
                        "Its isolation level does not show what other transactions commit meanwhile.",
                        "Use READ COMMITTED.");
    pg::Lock("audit_seal", 0);
    return true;
}

std::optional<Head> ReadHead() {
    static pg::Statement statement(
        "(SELECT seq, hash FROM pulse.audit_seal ORDER BY seq DESC LIMIT 1)"
        " UNION ALL (SELECT seq, hash FROM pulse.audit_checkpoint WHERE cut ORDER BY seq DESC LIMIT 1)"
        " ORDER BY seq DESC LIMIT 1",
        {});
    const pg::Result rows = statement.Execute({});
    if (rows.empty()) return std::nullopt;
    return Head{rows[0].Int8(0), ReadBytes(rows[0], 1)};
}

Sealed SealBatch() {
    const pg::Arena arena("pulse sealing");
    static pg::Statement statement(
        "SELECT u.audit_id, a.id IS NOT NULL, " PULSE_AUDIT_CONTENT
        " FROM (SELECT audit_id FROM pulse.audit_unsealed ORDER BY audit_id LIMIT $1) AS u"
        " LEFT JOIN pulse.audit AS a ON a.id = u.audit_id ORDER BY u.audit_id",
        {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(kBatch)});
    if (rows.empty() || !IsWhole()) return {};
    Head head = ReadHead().value_or(Head{0, Genesis()});
    const Moment now = pg::WallClock();
    NewLinks links;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        Link link;
        link.seq = head.seq + 1;
        link.audit_id = rows[i].Int8(0);
        link.sealed_at = now;
        // A row that somebody has removed before it was sealed is not passed over in silence.
        link.content = rows[i].Bool(1) ? DigestOf(ReadContent(rows[i], 2)) : NoContent();
        link.prev = head.hash;
        head = {link.seq, HashOf(link)};
        links.Add(link, head.hash);
    }
    Insert(links, now);
    return {static_cast<int64_t>(rows.size()), rows.size() == static_cast<uint64_t>(kBatch)};
}

std::optional<Moment> NextSealing() {
    static pg::Statement statement("SELECT FROM pulse.audit_unsealed LIMIT 1", {});
    if (statement.Execute({}).empty()) return NextCheckpoint();
    if (IsWhole()) return pg::WallClock();
    return pg::WallClock() + kNotWholePause;
}

}  // namespace pulse::audit
