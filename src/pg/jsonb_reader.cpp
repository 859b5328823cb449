#include "pulse/pg/jsonb_reader.hpp"

#include <algorithm>

#include "pulse/base/json_text.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

namespace pulse::pg {

namespace {

using json::Type;
using JsonValue = json::Value;

const JsonbContainer* Container(const JsonValue& node) {
    return static_cast<const JsonbContainer*>(node.value);
}

// The child number `index` of a container; in an object, keys come before values. `data` begins after all
// entries, `offset` is the position of the child in it.
JsonValue Child(const JsonbContainer* container, uint32 index, const char* data, uint32 offset,
                uint32 length) {
    const JEntry entry = container->children[index];
    JsonValue node;
    if (JBE_ISSTRING(entry)) {
        node.type = Type::kText;
        node.text = {data + offset, length};
    } else if (JBE_ISNUMERIC(entry)) {
        node.type = Type::kNumber;
        node.value = data + INTALIGN(offset);
        node.size = length - (INTALIGN(offset) - offset);
    } else if (JBE_ISBOOL(entry)) {
        node.type = Type::kBoolean;
        node.boolean = JBE_ISBOOL_TRUE(entry);
    } else if (JBE_ISNULL(entry)) {
        node.type = Type::kNull;
    } else {
        node.value = data + INTALIGN(offset);
        node.size = length - (INTALIGN(offset) - offset);
        node.type = JsonContainerIsObject(Container(node)) ? Type::kObject : Type::kArray;
    }
    return node;
}

uint32 Children(const JsonbContainer* container) {
    return JsonContainerSize(container) * (JsonContainerIsObject(container) ? 2 : 1);
}

JsonValue ChildAt(const JsonbContainer* container, uint32 index) {
    const char* data = reinterpret_cast<const char*>(&container->children[Children(container)]);
    return Child(container, index, data, getJsonbOffset(container, static_cast<int>(index)),
                 getJsonbLength(container, static_cast<int>(index)));
}

// The order of jsonb keys: by length first.
int Compare(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return a.compare(b);
}

void Measure(const JsonbContainer* container, int depth, json::Shape& shape) {
    shape.depth = std::max(shape.depth, depth);
    const uint32 count = JsonContainerSize(container), children = Children(container);
    const uint32 first = JsonContainerIsObject(container) ? count : 0;
    if (first) shape.members += count;
    // jsonb may be nested up to the server's stack depth; limit our recursion.
    constexpr int kDeepest = 500;
    if (depth > kDeepest) return;
    for (uint32 i = first; i < children; ++i) {
        if (!JBE_ISCONTAINER(container->children[i])) continue;
        Measure(Container(ChildAt(container, i)), depth + 1, shape);
    }
}

void Push(JsonbParseState** state, JsonbIteratorToken token, JsonbValue* value) {
    pushJsonbValue(state, token, value);
}

// Runs inside Call().
void SetValue(JsonbValue* out, const Value& value) {
    switch (value.type) {
        case JSONBOID: {
            Jsonb* jsonb = DatumGetJsonbP(value.datum);
            if (JB_ROOT_IS_SCALAR(jsonb)) {
                JsonbExtractScalar(&jsonb->root, out);
                return;
            }
            out->type = jbvBinary;
            out->val.binary.data = &jsonb->root;
            out->val.binary.len = static_cast<int>(VARSIZE(jsonb) - VARHDRSZ);
            return;
        }
        case BOOLOID:
            out->type = jbvBool;
            out->val.boolean = DatumGetBool(value.datum);
            return;
        case INT8OID:
            out->type = jbvNumeric;
            out->val.numeric = DatumGetNumeric(DirectFunctionCall1(int8_numeric, value.datum));
            return;
        case FLOAT8OID:
            out->type = jbvNumeric;
            out->val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric, value.datum));
            return;
        default: {
            Oid output;
            bool varlena;
            getTypeOutputInfo(value.type, &output, &varlena);
            out->type = jbvString;
            out->val.string.val = OidOutputFunctionCall(output, value.datum);
            out->val.string.len = static_cast<int>(strlen(out->val.string.val));
        }
    }
}

}  // namespace

JsonValue JsonbReader::Get(const JsonValue& object, std::string_view key) const {
    if (object.type != Type::kObject) return {};
    const JsonbContainer* container = Container(object);
    uint32 low = 0, high = JsonContainerSize(container);
    while (low < high) {
        const uint32 middle = (low + high) / 2;
        const int order = Compare(ChildAt(container, middle).text, key);
        if (order == 0) return ChildAt(container, middle + JsonContainerSize(container));
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return {};
}

size_t JsonbReader::Count(const JsonValue& container) const {
    return container.IsContainer() ? JsonContainerSize(Container(container)) : 0;
}

std::pair<std::string_view, JsonValue> JsonbReader::Member(const JsonValue& object, size_t index) const {
    const JsonbContainer* container = Container(object);
    const auto i = static_cast<uint32>(index);
    return {ChildAt(container, i).text, ChildAt(container, i + JsonContainerSize(container))};
}

JsonValue JsonbReader::Element(const JsonValue& array, size_t index) const {
    return ChildAt(Container(array), static_cast<uint32>(index));
}

std::string JsonbReader::Number(const JsonValue& number) const {
    auto numeric = const_cast<void*>(number.value);
    char* text =
        Call([&] { return DatumGetCString(DirectFunctionCall1(numeric_out, PointerGetDatum(numeric))); });
    std::string copy(text);
    pfree(text);
    return copy;
}

std::string_view JsonbReader::Bytes(const JsonValue& container) const {
    return {static_cast<const char*>(container.value), container.size};
}

json::Shape JsonbReader::Measure(const JsonValue& container) const {
    json::Shape shape;
    if (container.IsContainer()) pg::Measure(Container(container), 1, shape);
    return shape;
}

JsonValue Root(Datum datum) {
    Jsonb* jsonb = Call([&] { return DatumGetJsonbP(datum); });
    if (JB_ROOT_IS_SCALAR(jsonb)) return ChildAt(&jsonb->root, 0);
    JsonValue node;
    node.type = JB_ROOT_IS_OBJECT(jsonb) ? Type::kObject : Type::kArray;
    node.value = &jsonb->root;
    node.size = VARSIZE(jsonb) - VARHDRSZ;
    return node;
}

std::optional<Datum> ParseSentJson(std::string_view text) {
    std::string storage;
    const auto repaired = RepairJson(text, storage);
    if (!repaired) return std::nullopt;
    const std::string ended(*repaired);
    return Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(ended.c_str())); });
}

Datum ParseJsonb(const std::string& text) {
    return Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str())); });
}

JsonValue TextValue(std::string_view text) {
    JsonValue node;
    node.type = Type::kText;
    node.text = text;
    return node;
}

Datum CutOut(const JsonValue& node) {
    return Call([&]() -> Datum {
        if (node.IsContainer()) {
            auto* jsonb = static_cast<Jsonb*>(palloc(VARHDRSZ + node.size));
            memcpy(&jsonb->root, node.value, node.size);
            SET_VARSIZE(jsonb, VARHDRSZ + node.size);
            return JsonbPGetDatum(jsonb);
        }
        JsonbValue value;
        value.type = jbvNull;
        if (node.type == Type::kText) {
            value.type = jbvString;
            value.val.string.val = const_cast<char*>(node.text.data());
            value.val.string.len = static_cast<int>(node.text.size());
        } else if (node.type == Type::kNumber) {
            value.type = jbvNumeric;
            value.val.numeric = static_cast<Numeric>(const_cast<void*>(node.value));
        } else if (node.type == Type::kBoolean) {
            value.type = jbvBool;
            value.val.boolean = node.boolean;
        }
        return JsonbPGetDatum(JsonbValueToJsonb(&value));
    });
}

Datum MakeObject(const std::vector<std::pair<const char*, Value>>& members) {
    const auto* list = members.data();
    const size_t count = members.size();
    return Call([&] {
        JsonbParseState* state = nullptr;
        Push(&state, WJB_BEGIN_OBJECT, nullptr);
        for (size_t i = 0; i < count; ++i) {
            if (list[i].second.null) continue;
            JsonbValue key, value;
            key.type = jbvString;
            key.val.string.val = const_cast<char*>(list[i].first);
            key.val.string.len = static_cast<int>(strlen(list[i].first));
            Push(&state, WJB_KEY, &key);
            SetValue(&value, list[i].second);
            Push(&state, WJB_VALUE, &value);
        }
        return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
    });
}

Datum Concatenate(Datum a, Datum b) {
    return Call([&] { return DirectFunctionCall2(jsonb_concat, a, b); });
}

Value ArrayOf(Oid element_type, const std::vector<Datum>& values, const std::vector<bool>& nulls) {
    const std::unique_ptr<bool[]> flags(nulls.empty() ? nullptr : new bool[nulls.size()]);
    if (flags) std::copy(nulls.begin(), nulls.end(), flags.get());
    auto* data = const_cast<Datum*>(values.data());
    const int count = static_cast<int>(values.size());
    const Oid type = Call([&] { return get_array_type(element_type); });
    const Datum array = Call([&] {
        int16 length;
        bool by_value;
        char align;
        get_typlenbyvalalign(element_type, &length, &by_value, &align);
        if (!count) return PointerGetDatum(construct_empty_array(element_type));
        int dimensions[1] = {count}, lower[1] = {1};
        return PointerGetDatum(construct_md_array(data, flags.get(), 1, dimensions, lower, element_type,
                                                  length, by_value, align));
    });
    return {type, array, false};
}

}  // namespace pulse::pg
