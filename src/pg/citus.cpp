#include "pulse/pg/citus.hpp"

#include <algorithm>

#include "pulse/pg/error.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace pulse::pg {

namespace {

bool none_known;  // no table of Pulse is distributed, until a relation changes

void SomethingChanged(Datum, Oid) {
    none_known = false;
}

// Runs inside Call(). The relations in Citus's catalogue that lie in schema pulse. Only superusers can create
// anything in pg_catalog.
List* FindDistributed() {
    const Oid catalogue = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
    const Oid schema = get_namespace_oid("pulse", true);
    if (!OidIsValid(catalogue) || !OidIsValid(schema)) return NIL;
    const AttrNumber column = get_attnum(catalogue, "logicalrelid");
    if (column == InvalidAttrNumber) return NIL;
    List* found = NIL;
    Relation relation = table_open(catalogue, AccessShareLock);
    SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
    for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
        bool null = true;
        const Datum table = heap_getattr(row, column, RelationGetDescr(relation), &null);
        if (!null && get_rel_namespace(DatumGetObjectId(table)) == schema)
            found = lappend_oid(found, DatumGetObjectId(table));
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return found;
}

// Runs inside Call().
Oid TableOfTrigger(Oid trigger) {
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
    Relation relation = table_open(TriggerRelationId, AccessShareLock);
    // The command that creates it is not over.
    SysScanDesc scan = systable_beginscan(relation, TriggerOidIndexId, true, SnapshotSelf, 1, &key);
    const HeapTuple row = systable_getnext(scan);
    const Oid table =
        HeapTupleIsValid(row) ? reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row))->tgrelid : InvalidOid;
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return table;
}

[[noreturn]] void RefuseDistributed(const std::string& table, const std::string& all) {
    throw UserError(
        sqlstate::kNotSupported, table + " cannot be distributed",
        "Citus has taken over " + all +
            ". Pulse reads and writes its tables directly, which finds nothing in a distributed one.",
        "Roll back. If it is committed, restore a backup, or a dump: pg_dump reads through Citus. Segments may "
        "read your own distributed tables. For more people than one server takes, run Pulse on several, and "
        "measure a segment on all: \"source\": [\"a\", \"b\"].");
}

}  // namespace

std::vector<std::string> DistributedTables() {
    std::vector<std::string> names;
    Call([&] {
        const ListCell* cell;
        foreach (cell, FindDistributed())
            if (const char* name = get_rel_name(lfirst_oid(cell)))
                names.push_back(std::string("pulse.") + name);
    });
    std::sort(names.begin(), names.end());
    return names;
}

void RequireUndistributed() {
    if (none_known) [[likely]]
        return;
    static bool listening = false;
    if (!listening) {
        Call([] { CacheRegisterRelcacheCallback(SomethingChanged, 0); });
        listening = true;
    }
    // First: what changes during the look is looked at again.
    none_known = true;
    std::vector<std::string> names;
    try {
        names = DistributedTables();
    } catch (...) {
        none_known = false;
        throw;
    }
    if (names.empty()) return;
    none_known = false;
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    RefuseDistributed(names.front(), all);
}

void RefuseToDistribute(unsigned trigger) {
    const char* name = Call([&]() -> const char* {
        const Oid table = TableOfTrigger(trigger);
        return list_member_oid(FindDistributed(), table) ? get_rel_name(table) : nullptr;
    });
    if (name) RefuseDistributed(std::string("pulse.") + name, std::string("pulse.") + name);
}

}  // namespace pulse::pg
