#include "pulse/pg/probe.hpp"

#include <array>

extern "C" {
#include "access/genam.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace pulse::pg {

namespace {

Oid FindRelation(const char* name) {
    const Oid schema = get_namespace_oid("pulse", false);
    const Oid relation = get_relname_relid(name, schema);
    if (!OidIsValid(relation)) elog(ERROR, "pulse.%s does not exist", name);
    return relation;
}

// Equality of an index column, as the index itself would compare.
void MakeKey(ScanKey key, Relation index, int column, Datum value) {
    const Oid family = index->rd_opfamily[column], type = index->rd_opcintype[column];
    const Oid equal = get_opfamily_member(family, type, type, BTEqualStrategyNumber);
    ScanKeyEntryInitialize(key, 0, static_cast<AttrNumber>(column + 1), BTEqualStrategyNumber, type,
                           index->rd_indcollation[column], get_opcode(equal), value);
}

// ---- what was said to have changed ----

struct Watched {
    Oid relation = InvalidOid;
    uint64_t changes = 1;
};
constinit std::array<Watched, 8> watched{};

// Invalidations come from anywhere; no more than this may happen here.
void Invalidated(Datum, Oid relation) {
    for (Watched& entry : watched)
        if (!OidIsValid(relation) || entry.relation == relation) ++entry.changes;
}

Watched& Register(Oid relation) {
    static bool listening = false;
    if (!listening) {
        CacheRegisterRelcacheCallback(Invalidated, 0);
        listening = true;
    }
    for (Watched& entry : watched)
        if (entry.relation == relation) return entry;
    // Relations of an extension that was dropped make room.
    for (Watched& entry : watched) {
        if (OidIsValid(entry.relation) && get_rel_name(entry.relation)) continue;
        entry.relation = relation;
        ++entry.changes;
        return entry;
    }
    elog(ERROR, "too many watched relations");
}

}  // namespace

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
        Relation table = table_open(FindRelation(table_), AccessShareLock);
        Relation index = index_open(FindRelation(index_), AccessShareLock);
        if (static_cast<int>(keys.size()) != IndexRelationGetNumberOfKeyAttributes(index) || keys.size() > 4)
            elog(ERROR, "wrong number of keys for pulse.%s", index_);
        ScanKeyData scan_keys[4];
        int count = 0;
        for (const Datum key : keys) {
            MakeKey(&scan_keys[count], index, count, key);
            ++count;
        }
        TupleTableSlot* slot = table_slot_create(table, nullptr);
        IndexScanDesc scan = PULSE_INDEX_BEGINSCAN(table, index, GetActiveSnapshot(), count);
        index_rescan(scan, scan_keys, count, nullptr, 0);
        found.any = index_getnext_slot(scan, ForwardScanDirection, slot);
        for (size_t i = 0; found.any && i < width; ++i) {
            const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table), columns[i] - 1);
            const Datum value = slot_getattr(slot, columns[i], &found.nulls[i]);
            found.types[i] = attribute->atttypid;
            if (found.nulls[i]) continue;
            found.values[i] = attribute->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value))
                                                      : datumCopy(value, attribute->attbyval, attribute->attlen);
        }
        index_endscan(scan);
        ExecDropSingleTupleTableSlot(slot);
        index_close(index, AccessShareLock);
        table_close(table, AccessShareLock);
    });
    if (!found.any) return std::nullopt;
    std::vector<Value> values(width);
    for (size_t i = 0; i < width; ++i) values[i] = {found.types[i], found.values[i], found.nulls[i]};
    return values;
}

bool Watch::Changed() {
    return Call([&] {
        AcceptInvalidationMessages();
        const Oid relation = FindRelation(table_);
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
