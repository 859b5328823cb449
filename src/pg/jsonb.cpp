#include "pulse/pg/jsonb.hpp"

#include <charconv>

extern "C" {
#include "utils/datum.h"
#include "utils/numeric.h"
}

#include "pulse/pg/postgres.hpp"

namespace pulse::pg {

namespace {

int64_t ParseNumber(const JsonbValue& key) {
    int64_t number = 0;
    const char* text = key.val.string.val;
    std::from_chars(text, text + key.val.string.len, number);
    return number;
}

Moment ToMoment(const JsonbValue* value) {
    if (!value || value->type != jbvNumeric) return kHoldsForEver;
    return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}

// [value, until]
Timed ReadPair(int64_t number, const JsonbValue& pair) {
    Timed timed;
    timed.number = number;
    timed.value.type = jbvNull;
    if (pair.type != jbvBinary) return timed;
    if (const JsonbValue* value = getIthJsonbValueFromContainer(pair.val.binary.data, 0))
        timed.value = *value;
    timed.until = ToMoment(getIthJsonbValueFromContainer(pair.val.binary.data, 1));
    return timed;
}

JsonbValue FromInteger(int64_t number) {
    JsonbValue value;
    value.type = jbvNumeric;
    value.val.numeric = int64_to_numeric(number);
    return value;
}

// A container as a tree, as JsonbValueToJsonb() takes it within another.
JsonbValue Unpacked(const JsonbValue& container) {
    JsonbParseState* state = nullptr;
    JsonbIterator* iterator = JsonbIteratorInit(container.val.binary.data);
    JsonbValue value, *whole = nullptr;
    JsonbIteratorToken token;
    while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
        whole = pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : nullptr);
    return *whole;
}

JsonbValue TextsToJsonb(Datum array) {
    Datum* elements;
    bool* nulls;
    int count;
    deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
    JsonbParseState* state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_ARRAY, nullptr);
    for (int i = 0; i < count; ++i) {
        JsonbValue element;
        element.type = nulls[i] ? jbvNull : jbvString;
        if (!nulls[i]) {
            element.val.string.val = TextDatumGetCString(elements[i]);
            element.val.string.len = static_cast<int>(strlen(element.val.string.val));
        }
        pushJsonbValue(&state, WJB_ELEM, &element);
    }
    Jsonb* whole = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, nullptr));
    JsonbValue value;
    value.type = jbvBinary;
    value.val.binary.data = &whole->root;
    value.val.binary.len = static_cast<int>(VARSIZE(whole) - VARHDRSZ);
    return value;
}

Datum JsonbToTexts(JsonbContainer* container) {
    const int count = static_cast<int>(JsonContainerSize(container));
    auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<size_t>(std::max(count, 1))));
    int found = 0;
    for (int i = 0; i < count; ++i) {
        const JsonbValue* element = getIthJsonbValueFromContainer(container, static_cast<uint32>(i));
        if (element && element->type == jbvString)
            elements[found++] =
                PointerGetDatum(cstring_to_text_with_len(element->val.string.val, element->val.string.len));
    }
    return PointerGetDatum(construct_array(elements, found, TEXTOID, -1, false, TYPALIGN_INT));
}

// The body must own no object with a destructor, so results are collected in PostgreSQL's memory.
struct TimedList {
    Timed* entries;
    size_t count;
};

TimedList ReadAll(Datum jsonb) {
    Jsonb* object = DatumGetJsonbP(jsonb);
    TimedList list{nullptr, 0};
    if (!JB_ROOT_IS_OBJECT(object) || JB_ROOT_COUNT(object) == 0) return list;
    list.entries = static_cast<Timed*>(palloc(sizeof(Timed) * JB_ROOT_COUNT(object)));
    JsonbIterator* iterator = JsonbIteratorInit(&object->root);
    JsonbValue key, value;
    JsonbIteratorToken token;
    while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE) {
        if (token != WJB_KEY) continue;
        const int64_t number = ParseNumber(key);
        JsonbIteratorNext(&iterator, &value, true);
        list.entries[list.count++] = ReadPair(number, value);
    }
    return list;
}

}  // namespace

std::vector<Timed> ReadTimed(Datum jsonb) {
    const TimedList list = Call([&] { return ReadAll(jsonb); });
    // jsonb sorts keys by length and then by bytes, which sorts numbers by value.
    return std::vector<Timed>(list.entries, list.entries + list.count);
}

std::optional<Timed> FindTimed(Datum jsonb, int64_t number) {
    char key[24];
    const char* end = std::to_chars(key, key + sizeof key, number).ptr;
    bool found = false;
    const Timed timed = Call([&] {
        Jsonb* object = DatumGetJsonbP(jsonb);
        if (!JB_ROOT_IS_OBJECT(object)) return Timed{};
        JsonbValue value;
        if (!getKeyJsonValueFromContainer(&object->root, key, static_cast<int>(end - key), &value))
            return Timed{};
        found = true;
        return ReadPair(number, value);
    });
    return found ? std::optional(timed) : std::nullopt;
}

Datum WriteTimed(const std::vector<Timed>& values) {
    // Numbers ascend, and jsonb sorts keys by length and then by bytes: the object needs no sorting.
    return Call([&] {
        const size_t count = values.size();
        auto* pairs = static_cast<JsonbPair*>(palloc(sizeof(JsonbPair) * (count + 1)));
        auto* elements = static_cast<JsonbValue*>(palloc(sizeof(JsonbValue) * (2 * count + 1)));
        constexpr size_t kDigits = 24;
        char* text = static_cast<char*>(palloc(kDigits * (count + 1)));
        JsonbValue object;
        object.type = jbvObject;
        object.val.object.nPairs = static_cast<int>(count);
        object.val.object.pairs = pairs;
        for (size_t i = 0; i < count; ++i, elements += 2, text += kDigits) {
            JsonbValue &key = pairs[i].key, &pair = pairs[i].value;
            key.type = jbvString;
            key.val.string.val = text;
            key.val.string.len =
                static_cast<int>(std::to_chars(text, text + kDigits, values[i].number).ptr - text);
            pairs[i].order = static_cast<uint32>(i);
            pair.type = jbvArray;
            pair.val.array.nElems = values[i].until == kHoldsForEver ? 1 : 2;
            pair.val.array.elems = elements;
            pair.val.array.rawScalar = false;
            elements[0] = values[i].value.type == jbvBinary ? Unpacked(values[i].value) : values[i].value;
            if (values[i].until != kHoldsForEver) elements[1] = FromInteger(values[i].until);
        }
        return JsonbPGetDatum(JsonbValueToJsonb(&object));
    });
}

JsonbValue ToJsonb(const Value& value) {
    return Call([&] {
        JsonbValue result{};
        result.type = jbvNull;
        if (value.null) return result;
        switch (value.type) {
            case BOOLOID:
                result.type = jbvBool;
                result.val.boolean = DatumGetBool(value.datum);
                return result;
            case NUMERICOID: {
                // NaN and infinities are not valid JSON.
                const Numeric number = DatumGetNumeric(value.datum);
                if (numeric_is_nan(number) || numeric_is_inf(number)) return result;
                result.type = jbvNumeric;
                result.val.numeric = number;
                return result;
            }
            case TIMESTAMPTZOID: return FromInteger(DatumGetTimestampTz(value.datum));
            case TEXTARRAYOID: return TextsToJsonb(value.datum);
            case JSONBOID: {
                Jsonb* json = DatumGetJsonbP(value.datum);
                if (JB_ROOT_IS_SCALAR(json)) {
                    JsonbExtractScalar(&json->root, &result);
                } else {
                    result.type = jbvBinary;
                    result.val.binary.data = &json->root;
                    result.val.binary.len = static_cast<int>(VARSIZE(json) - VARHDRSZ);
                }
                return result;
            }
            default: elog(ERROR, "type %u cannot be stored", value.type);
        }
    });
}

Value FromJsonb(const JsonbValue& value, Oid type) {
    Value result = Value::Null(type);
    JsonbValue copy = value;
    Call([&] {
        switch (type) {
            case BOOLOID:
                if (copy.type != jbvBool) return;
                result.datum = BoolGetDatum(copy.val.boolean);
                break;
            case NUMERICOID:
                if (copy.type != jbvNumeric) return;
                result.datum = NumericGetDatum(copy.val.numeric);
                break;
            case TIMESTAMPTZOID:
                if (copy.type != jbvNumeric) return;
                result.datum = TimestampTzGetDatum(ToMoment(&copy));
                break;
            case JSONBOID:
                if (copy.type == jbvNull) return;
                result.datum = JsonbPGetDatum(JsonbValueToJsonb(&copy));
                break;
            case TEXTARRAYOID:
                if (copy.type != jbvBinary) return;
                result.datum = JsonbToTexts(copy.val.binary.data);
                break;
            default: elog(ERROR, "type %u cannot be stored", type);
        }
        result.null = false;
    });
    return result;
}

Value JsonbArray(const std::vector<Datum>& values) {
    const Datum array = Call([&] {
        return PointerGetDatum(construct_array(const_cast<Datum*>(values.data()),
                                               static_cast<int>(values.size()), JSONBOID, -1, false,
                                               TYPALIGN_INT));
    });
    return {JSONBARRAYOID, array, false};
}

Value TimeArray(const std::vector<Moment>& values) {
    const Datum array = Call([&] {
        const size_t count = values.size();
        auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * std::max<size_t>(count, 1)));
        auto* nulls = static_cast<bool*>(palloc(std::max<size_t>(count, 1)));
        for (size_t i = 0; i < count; ++i) {
            elements[i] = TimestampTzGetDatum(values[i]);
            nulls[i] = values[i] == kHoldsForEver;
        }
        int dimensions[1] = {static_cast<int>(count)}, bounds[1] = {1};
        return PointerGetDatum(construct_md_array(elements, nulls, count == 0 ? 0 : 1, dimensions, bounds,
                                                  TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL,
                                                  TYPALIGN_DOUBLE));
    });
    return {TIMESTAMPTZARRAYOID, array, false};
}

Value BoolArray(const std::vector<bool>& values) {
    const size_t count = values.size();
    std::vector<Datum> elements(count);
    for (size_t i = 0; i < count; ++i) elements[i] = BoolGetDatum(values[i]);
    const Datum array = Call([&] {
        return PointerGetDatum(
            construct_array(elements.data(), static_cast<int>(count), BOOLOID, 1, true, TYPALIGN_CHAR));
    });
    return {BOOLARRAYOID, array, false};
}

bool EqualNumbers(Datum one, Datum other) {
    return Call([&] { return DatumGetBool(DirectFunctionCall2(numeric_eq, one, other)); });
}

Datum AddNumbers(Datum one, Datum other) {
    return Call([&] { return DirectFunctionCall2(numeric_add, one, other); });
}

Datum AddOne(Datum number) {
    return Call([&] { return DirectFunctionCall1(numeric_inc, number); });
}

Value Copy(const Value& value) {
    if (value.null) return value;
    Value copy = value;
    copy.datum = Call([&] {
        int16 length;
        bool by_value;
        get_typlenbyval(value.type, &length, &by_value);
        return length == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value.datum))
                            : datumCopy(value.datum, by_value, length);
    });
    return copy;
}

}  // namespace pulse::pg
