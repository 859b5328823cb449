#include "pulse/pg/append.hpp"

#include <algorithm>

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace pulse::pg {

namespace {

// Number of tuples formed before they are written to pages, as in COPY.
constexpr size_t kPortion = 500;
// Fewer rows go to where the table has room: buffers of their own would cost more than the rows.
constexpr size_t kBulk = 32;

// Whether INSERT would do more than store rows in an ordinary table.
bool IsPlain(Relation relation, size_t columns) {
    const TupleDesc shape = RelationGetDescr(relation);
    if (relation->rd_rel->relkind != RELKIND_RELATION || relation->trigdesc ||
        relation->rd_rel->relrowsecurity)
        return false;
    if (shape->natts != static_cast<int>(columns) ||
        (shape->constr && (shape->constr->num_check > 0 || shape->constr->has_generated_stored)))
        return false;
    for (int i = 0; i < shape->natts; ++i)
        if (TupleDescAttr(shape, i)->attisdropped) return false;
    return true;
}

// Runs inside Call(). Opens a plain table, locked as for INSERT.
Relation OpenTable(const char* table) {
    return table_openrv(makeRangeVar(pstrdup("pulse"), pstrdup(table), -1), RowExclusiveLock);
}

// Statement triggers of a partitioned table are not inherited by its partitions.
bool ParentIsPlain(Relation parent) {
    return !parent->trigdesc && !parent->rd_rel->relrowsecurity && !parent->rd_rel->relispartition;
}

// Runs inside Call(). Opens a partition, locked as for INSERT; null if there is none of that name. The parent
// is locked first: whoever detaches a partition holds a lock on it, so a name that is a partition remains one
// until the transaction ends.
Relation OpenPartition(const char* parent, const char* table) {
    Relation whole = OpenTable(parent);
    const Oid whole_id = RelationGetRelid(whole);
    const bool plain = ParentIsPlain(whole);
    table_close(whole, NoLock);
    if (!plain) return nullptr;
    const Oid id =
        RangeVarGetRelid(makeRangeVar(pstrdup("pulse"), pstrdup(table), -1), RowExclusiveLock, true);
    if (!OidIsValid(id)) return nullptr;
    Relation relation = table_open(id, NoLock);
    if (relation->rd_rel->relispartition && !PartitionHasPendingDetach(id) &&
        get_partition_parent(id, false) == whole_id)
        return relation;
    table_close(relation, RowExclusiveLock);
    return nullptr;
}

// Runs inside Call().
void AppendPortion(ResultRelInfo* target, EState* state, TupleTableSlot** slots, int count,
                   BulkInsertState bulk) {
    table_multi_insert(target->ri_RelationDesc, slots, count, GetCurrentCommandId(true), 0, bulk);
    for (int i = 0; i < count; ++i) {
        if (target->ri_NumIndices > 0) {
            List* again = PULSE_INSERT_INDEX_TUPLES(target, slots[i], state);
            list_free(again);
        }
        ExecClearTuple(slots[i]);
        ResetPerTupleExprContext(state);
    }
}

// Runs inside Call(). A new version of the row at this place; false if somebody else has changed it.
bool ReplaceRow(ResultRelInfo* target, EState* state, ItemPointer place, TupleTableSlot* row) {
    Relation relation = target->ri_RelationDesc;
    row->tts_tableOid = RelationGetRelid(relation);
    TM_FailureData failure;
    LockTupleMode mode;
#if PG_VERSION_NUM >= 160000
    TU_UpdateIndexes indexes = TU_None;
#else
    bool indexes = false;
#endif
    if (table_tuple_update(relation, place, row, GetCurrentCommandId(true), GetActiveSnapshot(),
                           InvalidSnapshot, true, &failure, &mode, &indexes) != TM_Ok)
        return false;
#if PG_VERSION_NUM >= 160000
    if (indexes != TU_None)
        list_free(
            ExecInsertIndexTuples(target, row, state, true, false, nullptr, NIL, indexes == TU_Summarizing));
#else
    if (indexes) list_free(ExecInsertIndexTuples(target, row, state, true, false, nullptr, NIL));
#endif
    ResetPerTupleExprContext(state);
    return true;
}

}  // namespace

bool Append(const char* parent, const char* table, const std::vector<AppendColumn>& columns) {
    const size_t width = columns.size(), rows = width ? columns[0].values.size() : 0;
    if (rows == 0) return true;
    for (const AppendColumn& column : columns)
        if (column.values.size() != rows || (!column.nulls.empty() && column.nulls.size() != rows))
            throw std::logic_error(std::string("columns of different lengths for pulse.") + table);
    const AppendColumn* list = columns.data();
    return Call([&] {
        Relation relation = parent ? OpenPartition(parent, table) : OpenTable(table);
        if (!relation) return false;
        if (!IsPlain(relation, width)) {
            table_close(relation, NoLock);
            return false;
        }
        EState* state = CreateExecutorState();
        MemoryContext caller = MemoryContextSwitchTo(state->es_query_cxt);
        ResultRelInfo* target = makeNode(ResultRelInfo);
        InitResultRelInfo(target, relation, 0, nullptr, 0);
        ExecOpenIndices(target, false);
        BulkInsertState bulk = rows < kBulk ? nullptr : GetBulkInsertState();
        const size_t portion = std::min(rows, kPortion);
        auto** slots = static_cast<TupleTableSlot**>(palloc(portion * sizeof(TupleTableSlot*)));
        for (size_t i = 0; i < portion; ++i) slots[i] = table_slot_create(relation, nullptr);
        size_t filled = 0;
        for (size_t row = 0; row < rows; ++row) {
            TupleTableSlot* slot = slots[filled++];
            for (size_t i = 0; i < width; ++i) {
                slot->tts_values[i] = list[i].values[row];
                slot->tts_isnull[i] = !list[i].nulls.empty() && list[i].nulls[row];
            }
            ExecStoreVirtualTuple(slot);
            if (filled < portion && row + 1 < rows) continue;
            AppendPortion(target, state, slots, static_cast<int>(filled), bulk);
            filled = 0;
            CHECK_FOR_INTERRUPTS();
        }
        for (size_t i = 0; i < portion; ++i) ExecDropSingleTupleTableSlot(slots[i]);
        if (bulk) FreeBulkInsertState(bulk);
        ExecCloseIndices(target);
        MemoryContextSwitchTo(caller);
        FreeExecutorState(state);
        table_close(relation, NoLock);
        // Make the rows visible to later commands of the transaction.
        CommandCounterIncrement();
        return true;
    });
}

bool CanAppend(const char* parent, const char* table, size_t columns) {
    return Call([&] {
        Relation relation = OpenPartition(parent, table);
        if (!relation) return false;
        const bool plain = IsPlain(relation, columns);
        table_close(relation, NoLock);
        return plain;
    });
}

std::vector<size_t> Replace(const char* table, const char* index, const std::vector<AppendColumn>& columns) {
    const size_t width = columns.size(), rows = width ? columns[0].values.size() : 0;
    std::vector<size_t> left;
    left.reserve(rows);
    const auto leave_all = [&] {
        for (size_t row = 0; row < rows; ++row) left.push_back(row);
    };
    // What a later transaction has changed is an error that the executor reports.
    if (rows == 0 || IsolationUsesXactSnapshot()) {
        leave_all();
        return left;
    }
    const AppendColumn* list = columns.data();
    Call([&] {
        Relation relation = OpenTable(table);
        if (!IsPlain(relation, width)) {
            table_close(relation, NoLock);
            leave_all();
            return;
        }
        Relation key = index_open(get_relname_relid(index, RelationGetNamespace(relation)), AccessShareLock);
        CommandCounterIncrement();
        PushCopiedSnapshot(GetTransactionSnapshot());
        UpdateActiveSnapshotCommandId();
        EState* state = CreateExecutorState();
        MemoryContext caller = MemoryContextSwitchTo(state->es_query_cxt);
        ResultRelInfo* target = makeNode(ResultRelInfo);
        InitResultRelInfo(target, relation, 0, nullptr, 0);
        ExecOpenIndices(target, false);
        TupleTableSlot *found = table_slot_create(relation, nullptr),
                       *row = table_slot_create(relation, nullptr);
        IndexScanDesc scan = PULSE_INDEX_BEGINSCAN(relation, key, GetActiveSnapshot(), 1);
        ScanKeyData wanted;
        for (size_t i = 0; i < rows; ++i) {
            ScanKeyInit(&wanted, 1, BTEqualStrategyNumber, F_INT8EQ, list[0].values[i]);
            index_rescan(scan, &wanted, 1, nullptr, 0);
            ExecClearTuple(row);
            for (size_t c = 0; c < width; ++c) {
                row->tts_values[c] = list[c].values[i];
                row->tts_isnull[c] = !list[c].nulls.empty() && list[c].nulls[i];
            }
            ExecStoreVirtualTuple(row);
            if (!index_getnext_slot(scan, ForwardScanDirection, found) ||
                !ReplaceRow(target, state, &found->tts_tid, row))
                left.push_back(i);
            CHECK_FOR_INTERRUPTS();
        }
        index_endscan(scan);
        ExecDropSingleTupleTableSlot(found);
        ExecDropSingleTupleTableSlot(row);
        ExecCloseIndices(target);
        MemoryContextSwitchTo(caller);
        FreeExecutorState(state);
        PopActiveSnapshot();
        index_close(key, AccessShareLock);
        table_close(relation, NoLock);
        // Make the rows visible to later commands of the transaction.
        CommandCounterIncrement();
    });
    return left;
}

std::vector<int64_t> NextValues(const char* sequence, size_t count) {
    std::vector<int64_t> values(count);
    int64_t* list = values.data();
    Call([&] {
        const Oid id = get_relname_relid(sequence, get_namespace_oid("pulse", false));
        if (!OidIsValid(id)) elog(ERROR, "pulse.%s does not exist", sequence);
        for (size_t i = 0; i < count; ++i) list[i] = nextval_internal(id, false);
    });
    return values;
}

}  // namespace pulse::pg
