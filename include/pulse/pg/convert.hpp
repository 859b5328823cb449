// Converting values between PostgreSQL and C++. C++ owns the values it gets; PostgreSQL gets copies
// in the current memory context.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pulse/base/time.hpp"
#include "pulse/pg/error.hpp"

namespace pulse::pg {

using Json = nlohmann::json;

// ---- from PostgreSQL ----
std::string ToText(Datum datum);                    // text, varchar, bpchar
std::string ToName(Datum datum);                    // name
Json ToJson(Datum datum);                           // jsonb
std::vector<std::string> ToTextArray(Datum datum);  // text[]; a null element is an error
std::vector<int64_t> ToInt64Array(Datum datum);     // bigint[]
std::vector<double> ToDoubleArray(Datum datum);     // float8[]
std::string ToBytes(Datum datum);                   // bytea
// Any value by its type's output function.
std::string ToOutput(Datum datum, Oid type);

// ---- to PostgreSQL ----
Datum FromText(std::string_view text);
Datum FromName(std::string_view text);
Datum FromJson(const Json& json);
Datum FromTextArray(const std::vector<std::string>& values);
Datum FromInt64Array(const std::vector<int64_t>& values);
Datum FromDoubleArray(const std::vector<double>& values);
Datum FromBytes(std::string_view bytes);

// A nullable value with its type: a parameter of a query or a column of a result.
struct Value {
    Oid type = UNKNOWNOID;
    Datum datum = 0;
    bool null = true;

    static Value Null(Oid type) { return {type, 0, true}; }
    static Value Text(std::string_view text) { return {TEXTOID, FromText(text), false}; }
    static Value Name(std::string_view text) { return {NAMEOID, FromName(text), false}; }
    static Value Int8(int64_t number) { return {INT8OID, Int64GetDatum(number), false}; }
    static Value Int4(int32_t number) { return {INT4OID, Int32GetDatum(number), false}; }
    static Value Float8(double number) { return {FLOAT8OID, Float8GetDatum(number), false}; }
    static Value Bool(bool flag) { return {BOOLOID, BoolGetDatum(flag), false}; }
    static Value Time(Moment moment) { return {TIMESTAMPTZOID, TimestampTzGetDatum(moment), false}; }
    static Value Jsonb(const Json& json) { return {JSONBOID, FromJson(json), false}; }
    // {}, made once: for what is asked for with every decision.
    static Value EmptyJsonb();
    static Value Texts(const std::vector<std::string>& values) {
        return {TEXTARRAYOID, FromTextArray(values), false};
    }
    static Value Int8s(const std::vector<int64_t>& values) {
        return {INT8ARRAYOID, FromInt64Array(values), false};
    }
    static Value Float8s(const std::vector<double>& values) {
        return {FLOAT8ARRAYOID, FromDoubleArray(values), false};
    }

    // An optional becomes SQL null when it is empty.
    static Value Text(const std::optional<std::string>& text) {
        return text ? Text(std::string_view(*text)) : Null(TEXTOID);
    }
    static Value Text(const char* text) { return Text(std::string_view(text)); }
    static Value Text(const std::string& text) { return Text(std::string_view(text)); }
    static Value Int8(const std::optional<int64_t>& number) { return number ? Int8(*number) : Null(INT8OID); }
    static Value Float8(const std::optional<double>& number) {
        return number ? Float8(*number) : Null(FLOAT8OID);
    }
    static Value Time(const std::optional<Moment>& moment) {
        return moment ? Time(*moment) : Null(TIMESTAMPTZOID);
    }
};

// The arguments of a SQL-callable function. Argument numbers start at 0.
class Args {
  public:
    explicit Args(FunctionCallInfo fcinfo) : fcinfo_(fcinfo) {}

    bool IsNull(int i) const { return i >= fcinfo_->nargs || fcinfo_->args[i].isnull; }
    Datum Raw(int i) const { return fcinfo_->args[i].value; }
    std::optional<std::string> Text(int i) const { return Get<std::string>(i, ToText); }
    std::optional<Json> Jsonb(int i) const;
    std::optional<std::vector<std::string>> Texts(int i) const {
        return Get<std::vector<std::string>>(i, ToTextArray);
    }
    std::optional<int64_t> Int8(int i) const {
        return IsNull(i) ? std::nullopt : std::optional(DatumGetInt64(Raw(i)));
    }
    // Of a bigint: arguments are declared so, because PostgreSQL passes no bigint of a driver as an int.
    // Beyond int4 its error.
    std::optional<int32_t> Int4(int i) const;
    std::optional<double> Float8(int i) const {
        return IsNull(i) ? std::nullopt : std::optional(DatumGetFloat8(Raw(i)));
    }
    std::optional<bool> Bool(int i) const {
        return IsNull(i) ? std::nullopt : std::optional(DatumGetBool(Raw(i)));
    }
    std::optional<Moment> Time(int i) const {
        return IsNull(i) ? std::nullopt : std::optional<Moment>(DatumGetTimestampTz(Raw(i)));
    }

    // The argument, or an error that names it if it is null.
    std::string RequireText(int i, const char* name) const;
    std::vector<std::string> RequireTexts(int i, const char* name) const;
    int64_t RequireInt8(int i, const char* name) const;
    Json RequireJsonb(int i, const char* name) const;
    bool RequireBool(int i, const char* name) const;

  private:
    template <typename T, typename F>
    std::optional<T> Get(int i, F convert) const {
        return IsNull(i) ? std::nullopt : std::optional<T>(convert(Raw(i)));
    }
    FunctionCallInfo fcinfo_;
};

// Rows of a set-returning function, materialised in a tuplestore that spills to disk.
class ResultSet {
  public:
    explicit ResultSet(FunctionCallInfo fcinfo);
    void Add(const std::vector<Value>& row);
    static Datum Done() { return static_cast<Datum>(0); }

  private:
    ReturnSetInfo* info_;
};

}  // namespace pulse::pg
