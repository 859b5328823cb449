#include "pulse/pg/spi.hpp"

#include <nlohmann/json.hpp>

namespace pulse::pg {

namespace {

struct Bound {
    std::vector<Oid> types;
    std::vector<Datum> values;
    std::string nulls;

    explicit Bound(const std::vector<Value>& parameters) {
        for (const Value& p : parameters) {
            types.push_back(p.type);
            values.push_back(p.datum);
            nulls += p.null ? 'n' : ' ';
        }
    }
    int count() const { return static_cast<int>(types.size()); }
};

Result Finish(int code, const char* sql) {
    if (code < 0)
        throw std::runtime_error(std::string("SPI failed with ") + SPI_result_code_string(code) +
                                 " for: " + sql);
    return Result(std::exchange(SPI_tuptable, nullptr), SPI_processed);
}

}  // namespace

Session::Session() {
    Call([] { SPI_connect(); });
}

Session::~Session() {
    if (!detail::aborting) SPI_finish();
}

Result::~Result() {
    if (table_ && !detail::aborting) SPI_freetuptable(table_);
}

void AddRows(ResultSet& results, const Result& rows) {
    const std::vector<Oid> types = rows.ColumnTypes();
    for (uint64_t i = 0; i < rows.size(); ++i) {
        std::vector<Value> row;
        for (size_t c = 0; c < types.size(); ++c) {
            const int column = static_cast<int>(c);
            row.push_back(rows[i].IsNull(column) ? Value::Null(types[c])
                                                 : Value{types[c], rows[i].Raw(column), false});
        }
        results.Add(row);
    }
}

std::vector<std::string> Result::ColumnNames() const {
    std::vector<std::string> names;
    for (int i = 0; table_ && i < table_->tupdesc->natts; ++i)
        names.emplace_back(NameStr(TupleDescAttr(table_->tupdesc, i)->attname));
    return names;
}

std::vector<Oid> Result::ColumnTypes() const {
    std::vector<Oid> types;
    for (int i = 0; table_ && i < table_->tupdesc->natts; ++i)
        types.push_back(TupleDescAttr(table_->tupdesc, i)->atttypid);
    return types;
}

std::vector<int32_t> Result::ColumnModifiers() const {
    std::vector<int32_t> modifiers;
    for (int i = 0; table_ && i < table_->tupdesc->natts; ++i)
        modifiers.push_back(TupleDescAttr(table_->tupdesc, i)->atttypmod);
    return modifiers;
}

// PostgreSQL raises no error here: a guard would cost more than reading.
Datum Row::Get(int column, bool* null) const {
    if (open_->index != index_) {
        if (!open_->nulls) {
            open_->values.resize(static_cast<size_t>(table_->tupdesc->natts));
            open_->nulls = std::make_unique<bool[]>(open_->values.size());
        }
        heap_deform_tuple(table_->vals[index_], table_->tupdesc, open_->values.data(), open_->nulls.get());
        open_->index = index_;
    }
    const Datum datum = open_->values.at(static_cast<size_t>(column));
    *null = open_->nulls[static_cast<size_t>(column)];
    return datum;
}

Datum Row::Require(int column) const {
    bool null;
    const Datum datum = Get(column, &null);
    if (null) throw std::logic_error("unexpected null in column " + std::to_string(column));
    return datum;
}

bool Row::IsNull(int column) const {
    bool null;
    Get(column, &null);
    return null;
}

Oid Row::Type(int column) const {
    return TupleDescAttr(table_->tupdesc, column)->atttypid;
}

Datum Row::Raw(int column) const {
    return Require(column);
}
std::string Row::Text(int column) const {
    return Type(column) == NAMEOID ? ToName(Require(column)) : ToText(Require(column));
}
int64_t Row::Int8(int column) const {
    return DatumGetInt64(Require(column));
}
int32_t Row::Int4(int column) const {
    return DatumGetInt32(Require(column));
}
double Row::Float8(int column) const {
    return DatumGetFloat8(Require(column));
}
bool Row::Bool(int column) const {
    return DatumGetBool(Require(column));
}
Moment Row::Time(int column) const {
    return DatumGetTimestampTz(Require(column));
}
Json Row::Jsonb(int column) const {
    return ToJson(Require(column));
}
std::vector<std::string> Row::Texts(int column) const {
    return ToTextArray(Require(column));
}
std::vector<int64_t> Row::Int8s(int column) const {
    return ToInt64Array(Require(column));
}
std::vector<double> Row::Float8s(int column) const {
    return ToDoubleArray(Require(column));
}

std::optional<std::string> Row::TextOrNull(int column) const {
    return IsNull(column) ? std::nullopt : std::optional(Text(column));
}
std::optional<int64_t> Row::Int8OrNull(int column) const {
    return IsNull(column) ? std::nullopt : std::optional(Int8(column));
}
std::optional<double> Row::Float8OrNull(int column) const {
    return IsNull(column) ? std::nullopt : std::optional(Float8(column));
}
std::optional<Moment> Row::TimeOrNull(int column) const {
    return IsNull(column) ? std::nullopt : std::optional(Time(column));
}
std::optional<std::string> Row::Output(int column) const {
    bool null;
    const Datum datum = Get(column, &null);
    if (null) return std::nullopt;
    return ToOutput(datum, Type(column));
}

Result Execute(const std::string& sql, const std::vector<Value>& parameters, bool read_only, long limit) {
    Bound bound(parameters);
    const int code = CallSpi(sql.c_str(), [&] {
        return SPI_execute_with_args(sql.c_str(), bound.count(), bound.types.data(), bound.values.data(),
                                     bound.nulls.c_str(), read_only, limit);
    });
    return Finish(code, sql.c_str());
}

Result Statement::Execute(const std::vector<Value>& parameters, bool read_only) {
    Bound bound(parameters);
    if (bound.types != types_) throw std::logic_error(std::string("wrong parameter types for: ") + sql_);
    return Finish(plan_.Execute(sql_, types_, bound.values.data(), bound.nulls.c_str(), read_only), sql_);
}

Cursor::Cursor(const std::string& sql, const std::vector<Value>& parameters, bool read_only) {
    Bound bound(parameters);
    portal_ = CallSpi(sql.c_str(), [&] {
        return SPI_cursor_open_with_args(nullptr, sql.c_str(), bound.count(), bound.types.data(),
                                         bound.values.data(), bound.nulls.c_str(), read_only, 0);
    });
}

Cursor::~Cursor() {
    if (detail::aborting) return;
    try {
        Call([&] { SPI_cursor_close(portal_); });
    } catch (const std::exception&) {
        // No exception may leave a destructor. The error is not lost: Call has set `aborting`, which
        // Subtransaction::Commit() and Enter() refuse.
    }
}

Result Cursor::Fetch(long rows) {
    CheckInterrupts();
    CallSpi("", [&] {
        SPI_cursor_fetch(portal_, true, rows);
        return true;
    });
    return Result(std::exchange(SPI_tuptable, nullptr), SPI_processed);
}

std::string QuoteIdentifier(const std::string& name) {
    return Call([&] { return quote_identifier(name.c_str()); });
}

std::string QuoteLiteral(const std::string& text) {
    char* quoted = Call([&] { return quote_literal_cstr(text.c_str()); });
    std::string copy(quoted);
    pfree(quoted);
    return copy;
}

}  // namespace pulse::pg
