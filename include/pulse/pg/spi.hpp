// SQL from C++: a connection scope, parameters, typed results. Values are always parameters.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/index_plans.hpp"

namespace pulse::pg {

// SPI_connect … SPI_finish. Queries need an open Session. Memory allocated by palloc inside is freed at its
// end, so the result of a function (a Datum, the rows of a ResultSet) must be made outside, or before it
// begins.
class Session {
  public:
    Session();
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
};

// A Session as the owner of the extension: for reads and writes of Pulse's own tables.
class OwnerSession {
  public:
    OwnerSession() : identity_(Identity::Owner()) {}

  private:
    Identity identity_;
    Session session_;
};

// Run one call of SPI for the statement `sql` of Pulse. SPI leaves its own memory context current after every
// call; the caller's, e.g. an Arena, is restored. Users see no statement of Pulse in an error.
template <typename Body>
auto CallSpi(const char* sql, Body body) {
    MemoryContext caller = CurrentMemoryContext;
    try {
        const auto result = Call(body);
        MemoryContextSwitchTo(caller);
        return result;
    } catch (Error& error) {
        error.RemoveStatement(sql);
        throw;
    }
}

// The columns of the row that was read last: a row is taken apart once, not for each of its columns.
struct OpenRow {
    std::optional<uint64_t> index;
    std::vector<Datum> values;
    std::unique_ptr<bool[]> nulls;
};

// One row of a Result. Columns are counted from 0. Reading a null by a non-optional getter is a bug.
class Row {
  public:
    Row(SPITupleTable* table, uint64_t index, OpenRow* open) : table_(table), index_(index), open_(open) {}

    bool IsNull(int column) const;
    std::string Text(int column) const;
    std::optional<std::string> TextOrNull(int column) const;
    int64_t Int8(int column) const;
    std::optional<int64_t> Int8OrNull(int column) const;
    int32_t Int4(int column) const;
    double Float8(int column) const;
    std::optional<double> Float8OrNull(int column) const;
    bool Bool(int column) const;
    Moment Time(int column) const;
    std::optional<Moment> TimeOrNull(int column) const;
    Json Jsonb(int column) const;
    std::vector<std::string> Texts(int column) const;
    std::vector<int64_t> Int8s(int column) const;
    std::vector<double> Float8s(int column) const;
    // Any type, by its output function; null gives an empty optional.
    std::optional<std::string> Output(int column) const;
    // The value itself, valid while the Result lives.
    Datum Raw(int column) const;
    Oid Type(int column) const;

  private:
    Datum Get(int column, bool* null) const;
    Datum Require(int column) const;

    SPITupleTable* table_;
    uint64_t index_;
    OpenRow* open_;
};

// The rows of a query; freed with the object.
class Result {
  public:
    Result(SPITupleTable* table, uint64_t processed)
        : table_(table), processed_(processed), open_(std::make_unique<OpenRow>()) {}
    Result(Result&& other) noexcept
        : table_(std::exchange(other.table_, nullptr)),
          processed_(other.processed_),
          open_(std::move(other.open_)) {}
    Result(const Result&) = delete;
    Result& operator=(const Result&) = delete;
    ~Result();

    uint64_t processed() const { return processed_; }  // rows returned or changed
    uint64_t size() const { return table_ ? processed_ : 0; }
    bool empty() const { return size() == 0; }
    Row operator[](uint64_t index) const {
        if (index >= size())
            throw std::out_of_range("row " + std::to_string(index) + " of " + std::to_string(size()));
        return Row(table_, index, open_.get());
    }
    // Names of the columns, their types and type modifiers.
    std::vector<std::string> ColumnNames() const;
    std::vector<Oid> ColumnTypes() const;
    std::vector<int32_t> ColumnModifiers() const;

  private:
    SPITupleTable* table_;
    uint64_t processed_;
    std::unique_ptr<OpenRow> open_;
};

// Add all rows to those of a function with the same columns.
void AddRows(ResultSet& results, const Result& rows);

// Run one statement. `limit` 0 means all rows.
Result Execute(const std::string& sql, const std::vector<Value>& parameters = {}, bool read_only = false,
               long limit = 0);

// A statement that is planned once per backend: make it `static`. The types are fixed at first use.
class Statement {
  public:
    Statement(const char* sql, std::initializer_list<Oid> types) : sql_(sql), types_(types) {}
    Result Execute(const std::vector<Value>& parameters, bool read_only = false);

  private:
    const char* sql_;
    std::vector<Oid> types_;
    KeptPlan plan_;
};

// Reads a large result in portions, with constant memory.
class Cursor {
  public:
    Cursor(const std::string& sql, const std::vector<Value>& parameters, bool read_only = true);
    ~Cursor();
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;
    // An empty result means the end.
    Result Fetch(long rows);

  private:
    Portal portal_;
};

// Quote an identifier if necessary, like %I of format(); quote a literal, like %L.
std::string QuoteIdentifier(const std::string& name);
std::string QuoteLiteral(const std::string& text);

}  // namespace pulse::pg
