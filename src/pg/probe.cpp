#include "pulse/pg/probe.hpp"

#include <array>
#include <utility>

#include "pulse/pg/citus.hpp"

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
    Relation table, index;
    int width;
    TupleTableSlot* slot;
    IndexScanDesc scan;
    ScanKeyData keys[kMaxKeys];

    Scan(const RelationName& table_name, const RelationName& index_name, Snapshot snapshot)
        : table(table_open(IdOf(table_name), AccessShareLock)),
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
        table_close(table, AccessShareLock);
    }
};

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
        Scan scan(table_, index_, GetActiveSnapshot());
        if (static_cast<int>(keys.size()) != scan.width)
            elog(ERROR, "wrong number of keys for pulse.%s", index_.name);
        found.any = scan.Find(keys.begin());
        for (size_t i = 0; found.any && i < width; ++i) {
            const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(scan.table), columns[i] - 1);
            const Datum value = slot_getattr(scan.slot, columns[i], &found.nulls[i]);
            found.types[i] = attribute->atttypid;
            if (found.nulls[i]) continue;
            found.values[i] = attribute->attlen == -1
                                  ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value))
                                  : datumCopy(value, attribute->attbyval, attribute->attlen);
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
    std::vector<std::optional<int64_t>> found;
    found.reserve(keys.size());
    const int column = columns_.at(0);
    Call([&] {
        CommandCounterIncrement();
        PushCopiedSnapshot(GetTransactionSnapshot());
        UpdateActiveSnapshotCommandId();
        Scan scan(table_, index_, GetActiveSnapshot());
        for (size_t i = 0; i + static_cast<size_t>(scan.width) <= keys.size();
             i += static_cast<size_t>(scan.width)) {
            bool null = true;
            const Datum value = scan.Find(&keys[i]) ? slot_getattr(scan.slot, column, &null) : Datum{0};
            found.push_back(null ? std::nullopt : std::optional<int64_t>(DatumGetInt64(value)));
            CHECK_FOR_INTERRUPTS();
        }
        scan.Close();
        PopActiveSnapshot();
    });
    return found;
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
