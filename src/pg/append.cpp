#include "pulse/pg/append.hpp"

#include <algorithm>

extern "C" {
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "utils/rel.h"
}

namespace pulse::pg {

namespace {

// Number of tuples formed before they are written to pages, as in COPY.
constexpr size_t kPortion = 500;

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

// Runs inside Call(). Opens a partition, locked as for INSERT; null if there is none of that name. The parent
// is locked first: whoever detaches a partition holds a lock on it, so a name that is a partition remains one
// until the transaction ends.
Relation OpenPartition(Relation parent, const char* table) {
    const Oid id =
        RangeVarGetRelid(makeRangeVar(pstrdup("pulse"), pstrdup(table), -1), RowExclusiveLock, true);
    if (!OidIsValid(id)) return nullptr;
    Relation relation = table_open(id, NoLock);
    if (relation->rd_rel->relispartition && !PartitionHasPendingDetach(id) &&
        get_partition_parent(id, false) == RelationGetRelid(parent))
        return relation;
    table_close(relation, RowExclusiveLock);
    return nullptr;
}

// Statement triggers of a partitioned table are not inherited by its partitions.
bool ParentIsPlain(Relation parent) {
    return !parent->trigdesc && !parent->rd_rel->relrowsecurity && !parent->rd_rel->relispartition;
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

}  // namespace

bool Append(const char* parent, const char* table, const std::vector<AppendColumn>& columns) {
    const size_t width = columns.size(), rows = width ? columns[0].values.size() : 0;
    if (rows == 0) return true;
    for (const AppendColumn& column : columns)
        if (column.values.size() != rows || (!column.nulls.empty() && column.nulls.size() != rows))
            throw std::logic_error(std::string("columns of different lengths for pulse.") + table);
    const AppendColumn* list = columns.data();
    return Call([&] {
        Relation whole = table_openrv(makeRangeVar(pstrdup("pulse"), pstrdup(parent), -1), RowExclusiveLock);
        Relation relation = ParentIsPlain(whole) ? OpenPartition(whole, table) : nullptr;
        table_close(whole, NoLock);
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
        BulkInsertState bulk = GetBulkInsertState();
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
        FreeBulkInsertState(bulk);
        ExecCloseIndices(target);
        MemoryContextSwitchTo(caller);
        FreeExecutorState(state);
        table_close(relation, NoLock);
        // Make the rows visible to later commands of the transaction.
        CommandCounterIncrement();
        return true;
    });
}

}  // namespace pulse::pg
