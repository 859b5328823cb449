#include "pulse/pg/probe.hpp"

#include <array>
#include <utility>

#include "pulse/pg/citus.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace pulse::pg {

namespace {

// ---- announced changes ----

struct Watched {
    Oid relation = InvalidOid;
    uint64_t changes = 1;
};
constinit std::array<Watched, 32> watched{};
constinit uint64_t relation_changes = 1;  // of any relation

// Invalidation callbacks run anywhere, so they may only set flags.
void Invalidated(Datum, Oid relation) {
    ++relation_changes;
    for (Watched& entry : watched)
        if (!OidIsValid(relation) || entry.relation == relation) ++entry.changes;
}

void Listen() {
    static bool listening = false;
    if (!std::exchange(listening, true)) CacheRegisterRelcacheCallback(Invalidated, 0);
}

Oid FindRelation(const char* name) {
    const Oid schema = get_namespace_oid("pulse", false);
    const Oid relation = get_relname_relid(name, schema);
    if (!OidIsValid(relation)) elog(ERROR, "pulse.%s does not exist", name);
    return relation;
}

Oid IdOf(const RelationName& relation) {
    if (relation.looked_up == relation_changes) return relation.id;
    Listen();
    // What changes while it is looked up is a later change.
    const uint64_t now = relation_changes;
    relation.id = FindRelation(relation.name);
    relation.looked_up = now;
    return relation.id;
}

Watched& Register(Oid relation) {
    Listen();
    for (Watched& entry : watched)
        if (entry.relation == relation) return entry;
    // Reuse the entries of a dropped extension.
    for (Watched& entry : watched) {
        if (OidIsValid(entry.relation) && get_rel_name(entry.relation)) continue;
        entry.relation = relation;
        ++entry.changes;
        return entry;
    }
    elog(ERROR, "too many watched relations");
}

constexpr int kMaxKeys = 4;

// The equality operator of an index column.
void MakeKey(ScanKey key, Relation index, int column) {
    const Oid family = index->rd_opfamily[column], type = index->rd_opcintype[column];
    const Oid equal = get_opfamily_member(family, type, type, BTEqualStrategyNumber);
    ScanKeyEntryInitialize(key, 0, static_cast<AttrNumber>(column + 1), BTEqualStrategyNumber, type,
                           index->rd_indcollation[column], get_opcode(equal), Datum{0});
}

// A unique index and its table, open for a scan. Used inside Call(): needs no cleanup after an error.
struct Scan {
    LOCKMODE mode;
    Relation table, index;
    int width;
    TupleTableSlot* slot;
    IndexScanDesc scan;
    ScanKeyData keys[kMaxKeys];

    Scan(const RelationName& table_name, const RelationName& index_name, Snapshot snapshot,
         LOCKMODE lock = AccessShareLock)
        : mode(lock),
          table(table_open(IdOf(table_name), lock)),
          index(index_open(IdOf(index_name), AccessShareLock)),
          width(IndexRelationGetNumberOfKeyAttributes(index)) {
        if (width > kMaxKeys) elog(ERROR, "too many columns for a probe: pulse.%s", index_name.name);
        for (int i = 0; i < width; ++i) MakeKey(&keys[i], index, i);
        slot = table_slot_create(table, nullptr);
        scan = PULSE_INDEX_BEGINSCAN(table, index, snapshot, width);
    }
    bool Find(const Datum* values) {
        for (int i = 0; i < width; ++i) keys[i].sk_argument = values[i];
        index_rescan(scan, keys, width, nullptr, 0);
        return index_getnext_slot(scan, ForwardScanDirection, slot);
    }
    void Close() {
        index_endscan(scan);
        ExecDropSingleTupleTableSlot(slot);
        index_close(index, AccessShareLock);
        // A lock on a table of which rows are locked is kept, as by a statement.
        table_close(table, mode == AccessShareLock ? AccessShareLock : NoLock);
    }
};

// Runs inside Call(). The snapshot that the next statement of the transaction would use.
void PushNextSnapshot() {
    CommandCounterIncrement();
    PushCopiedSnapshot(GetTransactionSnapshot());
    UpdateActiveSnapshotCommandId();
}

// Runs inside Call().
Datum CopyOf(const Form_pg_attribute attribute, Datum value) {
    return attribute->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value))
                                   : datumCopy(value, attribute->attbyval, attribute->attlen);
}

// The transaction of another that has changed this row, or locked it for that, and has not ended. Runs inside
// Call().
TransactionId HolderOf(TupleTableSlot* slot) {
    bool copied = false;
    HeapTuple row = ExecFetchSlotHeapTuple(slot, false, &copied);
    const HeapTupleHeader header = row->t_data;
    const uint16 flags = header->t_infomask;
    TransactionId holder = InvalidTransactionId;
    if (!(flags & (HEAP_XMAX_INVALID | HEAP_XMAX_IS_MULTI)) && !HEAP_XMAX_IS_KEYSHR_LOCKED(flags)) {
        const TransactionId last = HeapTupleHeaderGetRawXmax(header);
        if (!TransactionIdIsCurrentTransactionId(last) && TransactionIdIsInProgress(last)) holder = last;
    }
    if (copied) heap_freetuple(row);
    return holder;
}

// As the executor does it for FOR NO KEY UPDATE SKIP LOCKED. Runs inside Call().
TM_Result LockRow(Relation table, ItemPointer place, CommandId command, TupleTableSlot* locked) {
    const bool fixed = IsolationUsesXactSnapshot();
    uint8 flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS;
    if (!fixed) flags |= TUPLE_LOCK_FLAG_FIND_LAST_VERSION;
    TM_FailureData failure;
    const TM_Result outcome = table_tuple_lock(table, place, GetActiveSnapshot(), locked, command,
                                               LockTupleNoKeyExclusive, LockWaitSkip, flags, &failure);
    if ((outcome == TM_Updated || outcome == TM_Deleted) && fixed)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("could not serialize access due to concurrent update")));
    if (outcome != TM_Ok && outcome != TM_WouldBlock && outcome != TM_Deleted && outcome != TM_SelfModified)
        elog(ERROR, "unexpected result %d of locking a row", outcome);
    return outcome;
}

}  // namespace

void WaitForEnd(TransactionId transaction) {
    Call([&] { XactLockTableWait(transaction, nullptr, nullptr, XLTW_None); });
}

std::optional<std::vector<Value>> Probe::Find(std::initializer_list<Datum> keys) const {
    struct Found {
        bool any = false;
        std::array<Datum, 16> values{};
        std::array<bool, 16> nulls{};
        std::array<Oid, 16> types{};
    } found;
    const size_t width = columns_.size();
    if (width > found.values.size()) throw std::logic_error("a probe reads at most 16 columns");
    const int* columns = columns_.data();
    Call([&] {
        Scan scan(table_, index_, GetActiveSnapshot());
        if (static_cast<int>(keys.size()) != scan.width)
            elog(ERROR, "wrong number of keys for pulse.%s", index_.name);
        found.any = scan.Find(keys.begin());
        for (size_t i = 0; found.any && i < width; ++i) {
            const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(scan.table), columns[i] - 1);
            const Datum value = slot_getattr(scan.slot, columns[i], &found.nulls[i]);
            found.types[i] = attribute->atttypid;
            if (found.nulls[i]) continue;
            found.values[i] = CopyOf(attribute, value);
        }
        scan.Close();
    });
    if (!found.any) {
        RequireUndistributed();
        return std::nullopt;
    }
    std::vector<Value> values(width);
    for (size_t i = 0; i < width; ++i) values[i] = {found.types[i], found.values[i], found.nulls[i]};
    return values;
}

std::vector<std::optional<int64_t>> Probe::FindInt8s(const std::vector<Datum>& keys) const {
    return FindInt8s(keys, nullptr);
}

std::vector<std::optional<int64_t>> Probe::FindInt8s(const std::vector<Datum>& keys,
                                                     std::vector<RowHolder>& holders) const {
    return FindInt8s(keys, &holders);
}

std::vector<std::optional<int64_t>> Probe::FindInt8s(const std::vector<Datum>& keys,
                                                     std::vector<RowHolder>* holders) const {
    std::vector<std::optional<int64_t>> found;
    found.reserve(keys.size());
    // Inside Call() nothing may throw.
    if (holders) holders->reserve(holders->size() + keys.size());
    const int column = columns_.at(0);
    Call([&] {
        PushNextSnapshot();
        Scan scan(table_, index_, GetActiveSnapshot());
        const auto width = static_cast<size_t>(scan.width);
        for (size_t i = 0; i + width <= keys.size(); i += width) {
            bool null = true;
            const bool there = scan.Find(&keys[i]);
            const Datum value = there ? slot_getattr(scan.slot, column, &null) : Datum{0};
            found.push_back(null ? std::nullopt : std::optional<int64_t>(DatumGetInt64(value)));
            if (const TransactionId holder = holders && there ? HolderOf(scan.slot) : InvalidTransactionId)
                holders->push_back({i / width, holder});
            CHECK_FOR_INTERRUPTS();
        }
        scan.Close();
        PopActiveSnapshot();
    });
    return found;
}

std::vector<std::optional<int64_t>> Probe::LockInt8s(const std::vector<Datum>& keys) const {
    std::vector<std::optional<int64_t>> found;
    found.reserve(keys.size());
    const int column = columns_.at(0);
    Call([&] {
        PushNextSnapshot();
        Scan scan(table_, index_, GetActiveSnapshot(), RowShareLock);
        const auto width = static_cast<size_t>(scan.width);
        const CommandId command = GetCurrentCommandId(true);
        TupleTableSlot* locked = table_slot_create(scan.table, nullptr);
        for (size_t i = 0; i + width <= keys.size(); i += width) {
            bool null = true;
            Datum value = 0;
            if (scan.Find(&keys[i])) {
                const TM_Result outcome = LockRow(scan.table, &scan.slot->tts_tid, command, locked);
                if (outcome == TM_WouldBlock) break;
                if (outcome == TM_Ok) value = slot_getattr(locked, column, &null);
            }
            found.push_back(null ? std::nullopt : std::optional<int64_t>(DatumGetInt64(value)));
            CHECK_FOR_INTERRUPTS();
        }
        ExecDropSingleTupleTableSlot(locked);
        scan.Close();
        PopActiveSnapshot();
    });
    return found;
}

std::vector<Value> Probe::FindRows(const std::vector<Datum>& keys) const {
    std::vector<Value> rows;
    const size_t columns = columns_.size();
    rows.reserve(keys.size() * columns);
    Call([&] {
        PushNextSnapshot();
        Scan scan(table_, index_, GetActiveSnapshot());
        const TupleDesc shape = RelationGetDescr(scan.table);
        const auto width = static_cast<size_t>(scan.width);
        for (size_t i = 0; i + width <= keys.size(); i += width) {
            const bool there = scan.Find(&keys[i]);
            for (size_t c = 0; c < columns; ++c) {
                const Form_pg_attribute attribute = TupleDescAttr(shape, columns_[c] - 1);
                bool null = true;
                Datum value = there ? slot_getattr(scan.slot, columns_[c], &null) : Datum{0};
                if (!null) value = CopyOf(attribute, value);
                rows.push_back({attribute->atttypid, null ? Datum{0} : value, null});
            }
            CHECK_FOR_INTERRUPTS();
        }
        scan.Close();
        PopActiveSnapshot();
    });
    return rows;
}

bool IsEmpty(const char* table, uint32_t most_pages) {
    return Call([&] {
        Relation relation = table_open(FindRelation(table), AccessShareLock);
        const BlockNumber pages = RelationGetNumberOfBlocks(relation);
        bool empty = pages == 0;
        if (pages > 0 && pages <= most_pages) {
            PushNextSnapshot();
            TupleTableSlot* slot = table_slot_create(relation, nullptr);
            TableScanDesc scan = table_beginscan(relation, GetActiveSnapshot(), 0, nullptr);
            empty = !table_scan_getnextslot(scan, ForwardScanDirection, slot);
            table_endscan(scan);
            ExecDropSingleTupleTableSlot(slot);
            PopActiveSnapshot();
        }
        table_close(relation, AccessShareLock);
        return empty;
    });
}

bool Watch::Changed() {
    return Call([&] {
        AcceptInvalidationMessages();
        const Oid relation = IdOf(table_);
        const Watched& entry = Register(relation);
        if (relation == relation_ && entry.changes == seen_) return false;
        relation_ = relation;
        seen_ = entry.changes;
        return true;
    });
}

void Watch::Announce(const char* table) {
    Call([&] { CacheInvalidateRelcacheByRelid(FindRelation(table)); });
}

LatestSnapshot::LatestSnapshot() {
    Call([] { PushActiveSnapshot(GetLatestSnapshot()); });
}

LatestSnapshot::~LatestSnapshot() {
    if (!detail::aborting) PopActiveSnapshot();
}

}  // namespace pulse::pg
