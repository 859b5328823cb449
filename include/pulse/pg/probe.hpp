// One row of a table of ours by its unique index: what a prepared SELECT by primary key does, without the
// executor around it.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// Make it static; tables and columns are looked up again when the relation is another one. Checks no
// privilege: for Pulse's own tables.
class Probe {
  public:
    // A table in schema pulse, one of its unique B-tree indexes, and the columns wanted, counted from 1.
    Probe(const char* table, const char* index, std::vector<int> columns)
        : table_(table), index_(index), columns_(std::move(columns)) {}

    // The columns of the row with these keys, all of the index's columns in their order and types; empty when
    // there is none. Values are copies in the current memory context. Sees what the statement around it sees.
    // Needs no Session.
    std::optional<std::vector<Value>> Find(std::initializer_list<Datum> keys) const;

    // The first of the columns, a bigint, for many keys with one scan: they follow each other, as many for
    // each row as the index has columns. Quickest in the index's order. Sees what the next statement of the
    // transaction would see.
    std::vector<std::optional<int64_t>> FindInt8s(const std::vector<Datum>& keys) const;

  private:
    const char* table_;
    const char* index_;
    std::vector<int> columns_;
};

// Whether a table of ours was said to have changed. What is compiled from definitions is kept per backend as
// long as nobody commits another: no clock, no staleness.
class Watch {
  public:
    explicit Watch(const char* table) : table_(table) {}

    // True at first, and once after each committed Announce() (our own counts at once, and again when it is
    // rolled back). What is read then must be read by a LatestSnapshot: an old one would be kept.
    bool Changed();
    // Tell every backend, this one included, when the transaction commits; standbys hear of it too.
    static void Announce(const char* table);

  private:
    const char* table_;
    Oid relation_ = InvalidOid;
    uint64_t seen_ = 0;
};

// The newest snapshot for a scope, whatever the isolation level of the transaction.
class LatestSnapshot {
  public:
    LatestSnapshot();
    ~LatestSnapshot();
    LatestSnapshot(const LatestSnapshot&) = delete;
    LatestSnapshot& operator=(const LatestSnapshot&) = delete;
};

}  // namespace pulse::pg
