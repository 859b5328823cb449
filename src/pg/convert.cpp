#include "pulse/pg/convert.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
}

namespace pulse::pg {

namespace {

std::string CopyVarlena(Datum datum) {
    const auto* in_place = reinterpret_cast<const struct varlena*>(DatumGetPointer(datum));
    if (!VARATT_IS_COMPRESSED(in_place) && !VARATT_IS_EXTERNAL(in_place))
        return std::string(VARDATA_ANY(in_place), VARSIZE_ANY_EXHDR(in_place));
    struct Bytes {
        const char* data;
        size_t size;
        void* copy;
    };
    const Bytes bytes = Call([&] {
        auto* original = reinterpret_cast<struct varlena*>(DatumGetPointer(datum));
        struct varlena* plain = pg_detoast_datum_packed(original);
        return Bytes{VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain), plain == original ? nullptr : plain};
    });
    std::string text(bytes.data, bytes.size);
    if (bytes.copy) pfree(bytes.copy);
    return text;
}

Datum MakeVarlena(std::string_view text) {
    if (text.size() > MaxAllocSize - VARHDRSZ)
        throw UserError(sqlstate::kProgramLimit, "value is too long",
                        "It has " + std::to_string(text.size()) + " bytes; PostgreSQL stores up to " +
                            std::to_string(MaxAllocSize - VARHDRSZ) + ".");
    return Call([&] {
        return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
    });
}

// Call `take(datum)` for each element of a one-dimensional array (or an empty one).
template <typename Take>
void EachElement(Datum datum, Oid type, Take take) {
    struct Elements {
        Datum* values;
        bool* nulls;
        int count;
    };
    const Elements elements = Call([&] {
        Elements e{};
        int16 length;
        bool by_value;
        char align;
        get_typlenbyvalalign(type, &length, &by_value, &align);
        deconstruct_array(DatumGetArrayTypeP(datum), type, length, by_value, align, &e.values, &e.nulls,
                          &e.count);
        return e;
    });
    for (int i = 0; i < elements.count; ++i) {
        if (elements.nulls[i])
            throw UserError(sqlstate::kInvalidParameter, "array must not contain nulls", "",
                            "Remove the null elements.");
        take(elements.values[i]);
    }
}

// The elements of an array of numbers of 8 bytes, which lie side by side where none is null.
template <typename Number>
std::vector<Number> Numbers(Datum datum, Oid type, Number (*number)(Datum)) {
    static_assert(sizeof(Number) == 8);
    ArrayType* array = Call([&] { return DatumGetArrayTypeP(datum); });
    std::vector<Number> values;
    if (ARR_NDIM(array) == 1 && !ARR_HASNULL(array)) {
        values.resize(static_cast<size_t>(ARR_DIMS(array)[0]));
        if (!values.empty()) std::memcpy(values.data(), ARR_DATA_PTR(array), 8 * values.size());
    } else {
        EachElement(PointerGetDatum(array), type, [&](Datum element) { values.push_back(number(element)); });
    }
    if (DatumGetPointer(datum) != reinterpret_cast<char*>(array)) pfree(array);
    return values;
}

Datum MakeArray(std::vector<Datum>& elements, Oid type) {
    return Call([&] {
        int16 length;
        bool by_value;
        char align;
        get_typlenbyvalalign(type, &length, &by_value, &align);
        return PointerGetDatum(construct_array(elements.data(), static_cast<int>(elements.size()), type,
                                               length, by_value, align));
    });
}

[[noreturn]] void MissingArgument(const char* name) {
    throw UserError(sqlstate::kNullValue, std::string("argument \"") + name + "\" must not be null", "",
                    std::string("Give a value for \"") + name + "\".");
}

}  // namespace

std::string ToText(Datum datum) {
    return CopyVarlena(datum);
}

std::string ToBytes(Datum datum) {
    return CopyVarlena(datum);
}

std::string ToName(Datum datum) {
    return NameStr(*reinterpret_cast<const NameData*>(DatumGetPointer(datum)));
}

std::string ToOutput(Datum datum, Oid type) {
    char* text = Call([&] {
        Oid output;
        bool varlena;
        getTypeOutputInfo(type, &output, &varlena);
        return OidOutputFunctionCall(output, datum);
    });
    std::string copy(text);
    pfree(text);
    return copy;
}

Json ToJson(Datum datum) {
    char* text = Call([&] {
        Jsonb* jsonb = DatumGetJsonbP(datum);
        return JsonbToCString(nullptr, &jsonb->root, static_cast<int>(VARSIZE(jsonb)));
    });
    Json json = ParseJson(text);
    pfree(text);
    return json;
}

std::vector<std::string> ToTextArray(Datum datum) {
    ArrayType* array = Call([&] { return DatumGetArrayTypeP(datum); });
    std::vector<std::string> values;
    if (ARR_NDIM(array) == 1 && !ARR_HASNULL(array)) {
        values.reserve(static_cast<size_t>(ARR_DIMS(array)[0]));
        const char* element = ARR_DATA_PTR(array);
        for (int i = 0; i < ARR_DIMS(array)[0]; ++i) {
            values.push_back(ToText(PointerGetDatum(element)));
            element += INTALIGN(VARSIZE_ANY(element));
        }
    } else {
        EachElement(PointerGetDatum(array), TEXTOID,
                    [&](Datum element) { values.push_back(ToText(element)); });
    }
    if (DatumGetPointer(datum) != reinterpret_cast<char*>(array)) pfree(array);
    return values;
}

std::vector<int64_t> ToInt64Array(Datum datum) {
    return Numbers<int64_t>(datum, INT8OID, [](Datum element) -> int64_t { return DatumGetInt64(element); });
}

std::vector<double> ToDoubleArray(Datum datum) {
    return Numbers<double>(datum, FLOAT8OID, [](Datum element) -> double { return DatumGetFloat8(element); });
}

Datum FromText(std::string_view text) {
    return MakeVarlena(text);
}

Datum FromBytes(std::string_view bytes) {
    return MakeVarlena(bytes);
}

Datum FromName(std::string_view text) {
    return Call([&] {
        auto* name = static_cast<Name>(palloc0(NAMEDATALEN));
        const int size = pg_mbcliplen(text.data(), static_cast<int>(text.size()), NAMEDATALEN - 1);
        memcpy(NameStr(*name), text.data(), size);
        return NameGetDatum(name);
    });
}

Datum FromJson(const Json& json) {
    const std::string text = DumpJson(json);
    return Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str())); });
}

Value Value::EmptyJsonb() {
    static const std::array<uint32, 2> object = [] {
        std::array<uint32, 2> bytes{0, JB_FOBJECT};
        SET_VARSIZE(bytes.data(), sizeof bytes);
        return bytes;
    }();
    return {JSONBOID, PointerGetDatum(object.data()), false};
}

Datum FromTextArray(const std::vector<std::string>& values) {
    std::vector<Datum> elements;
    elements.reserve(values.size());
    for (const std::string& value : values) elements.push_back(FromText(value));
    return MakeArray(elements, TEXTOID);
}

Datum FromInt64Array(const std::vector<int64_t>& values) {
    std::vector<Datum> elements;
    elements.reserve(values.size());
    for (const int64_t value : values) elements.push_back(Int64GetDatum(value));
    return MakeArray(elements, INT8OID);
}

Datum FromDoubleArray(const std::vector<double>& values) {
    std::vector<Datum> elements;
    elements.reserve(values.size());
    for (const double value : values) elements.push_back(Float8GetDatum(value));
    return MakeArray(elements, FLOAT8OID);
}

std::optional<Json> Args::Jsonb(int i) const {
    return IsNull(i) ? std::nullopt : std::optional<Json>(ToJson(Raw(i)));
}

std::optional<int32_t> Args::Int4(int i) const {
    if (IsNull(i)) return std::nullopt;
    return Call([&] { return DatumGetInt32(DirectFunctionCall1(int84, Raw(i))); });
}

std::string Args::RequireText(int i, const char* name) const {
    if (IsNull(i)) MissingArgument(name);
    return ToText(Raw(i));
}

std::vector<std::string> Args::RequireTexts(int i, const char* name) const {
    if (IsNull(i)) MissingArgument(name);
    return ToTextArray(Raw(i));
}

int64_t Args::RequireInt8(int i, const char* name) const {
    if (IsNull(i)) MissingArgument(name);
    return DatumGetInt64(Raw(i));
}

Json Args::RequireJsonb(int i, const char* name) const {
    if (IsNull(i)) MissingArgument(name);
    return ToJson(Raw(i));
}

bool Args::RequireBool(int i, const char* name) const {
    if (IsNull(i)) MissingArgument(name);
    return DatumGetBool(Raw(i));
}

ResultSet::ResultSet(FunctionCallInfo fcinfo) : info_(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo)) {
    Call([&] { PULSE_INIT_MATERIALIZED_SRF(fcinfo); });
}

void ResultSet::Add(const std::vector<Value>& row) {
    if (static_cast<int>(row.size()) != info_->setDesc->natts)
        throw std::logic_error("result row has " + std::to_string(row.size()) + " columns instead of " +
                               std::to_string(info_->setDesc->natts));
    std::vector<Datum> values;
    std::unique_ptr<bool[]> nulls(new bool[row.size()]);
    for (size_t i = 0; i < row.size(); ++i) {
        // Reading a value as the wrong type would return garbage.
        const Oid type = TupleDescAttr(info_->setDesc, static_cast<int>(i))->atttypid;
        if (row[i].type != type && !Call([&] { return IsBinaryCoercible(row[i].type, type); }))
            throw std::logic_error("result column " + std::to_string(i) + " has the wrong type");
        values.push_back(row[i].datum);
        nulls[i] = row[i].null;
    }
    Call([&] { tuplestore_putvalues(info_->setResult, info_->setDesc, values.data(), nulls.get()); });
}

}  // namespace pulse::pg
