// Reads one row of one of Pulse's tables by a unique index: like a prepared SELECT by primary key, without
// the executor.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// One of Pulse's relations. Its id is looked up once, and again after any relation has changed.
struct RelationName {
    const char* name;
    mutable Oid id = InvalidOid;
    mutable uint64_t looked_up = 0;  // at this change
};

// A transaction that has changed or locked the row at this place among those looked for.
struct RowHolder {
    size_t place;
    TransactionId transaction;
};
// Wait until it has ended.
void WaitForEnd(TransactionId transaction);

// Make it static; names are resolved again if the relation was replaced. Checks no privileges: only for
// Pulse's own tables.
class Probe {
  public:
    // A table in schema pulse, one of its unique B-tree indexes, and the columns wanted, counted from 1.
    Probe(const char* table, const char* index, std::vector<int> columns)
        : table_{table}, index_{index}, columns_(std::move(columns)) {}

    // The columns of the row with these keys, one for each column of the index in order and type; empty if
    // there is no such row. Values are copies in the current memory context. Uses the snapshot of the calling
    // statement. Needs no Session.
    std::optional<std::vector<Value>> Find(std::initializer_list<Datum> keys) const;

    // The first of the columns, a bigint, for many keys with one scan. `keys` has the keys of all rows one
    // after the other. Fastest in the index's order. Uses the snapshot that the next statement of the
    // transaction would use.
    std::vector<std::optional<int64_t>> FindInt8s(const std::vector<Datum>& keys) const;

    // The same, and the transactions of others that have not ended and have changed or locked one of the
    // rows: LockInt8s() would stop there.
    std::vector<std::optional<int64_t>> FindInt8s(const std::vector<Datum>& keys,
                                                  std::vector<RowHolder>& holders) const;

    // Lock rows FOR NO KEY UPDATE SKIP LOCKED one after the other and return the first of the columns as it
    // is then. Empty for a row that is not there; ends before a row that another transaction has locked.
    std::vector<std::optional<int64_t>> LockInt8s(const std::vector<Datum>& keys) const;

    // All columns for many keys with one scan, one row after the other, as copies. Rows that are not there
    // have nulls only. Uses the snapshot that the next statement of the transaction would use.
    std::vector<Value> FindRows(const std::vector<Datum>& keys) const;

  private:
    std::vector<std::optional<int64_t>> FindInt8s(const std::vector<Datum>& keys,
                                                  std::vector<RowHolder>* holders) const;

    RelationName table_, index_;
    std::vector<int> columns_;
};

// Whether a small table in schema pulse has no row. One with more pages than that counts as not empty: its
// dead rows would have to be read. Uses the snapshot that the next statement of the transaction would use.
bool IsEmpty(const char* table, uint32_t most_pages);

// Whether one of Pulse's tables was announced as changed. Compiled definitions are cached per backend until a
// commit changes one: no expiry time, no staleness.
class Watch {
  public:
    explicit Watch(const char* table) : table_{table} {}

    // True at first, and once after each committed Announce() (this transaction's at once, and again if it is
    // rolled back). Reload with a LatestSnapshot: otherwise old data would stay cached.
    bool Changed();
    // Notify every backend, including this one and those of standbys, when the transaction commits.
    static void Announce(const char* table);

  private:
    RelationName table_;
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

// What is read of one of Pulse's tables, kept per backend until the table is announced as changed. Make it
// `static`.
template <typename T>
class Cached {
  public:
    // `read` is called with the newest snapshot; if it throws, the next call of Get() calls it again.
    Cached(const char* table, T (*read)()) : watch_(table), read_(read) {}

    const T& Get() {
        stale_ = watch_.Changed() || stale_;
        if (stale_) {
            const LatestSnapshot latest;
            value_ = read_();
            stale_ = false;
        }
        return value_;
    }

  private:
    Watch watch_;
    T (*read_)();
    T value_{};
    bool stale_ = true;
};

}  // namespace pulse::pg
