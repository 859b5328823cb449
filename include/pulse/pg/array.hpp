// Arrays of more types as parameters, for set-based statements.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

namespace detail {

inline Value Array(std::vector<Datum>& elements, std::vector<char>& nulls, Oid element, Oid array) {
    int16 length;
    bool by_value;
    char align;
    const int size = static_cast<int>(elements.size());
    const Datum datum = Call([&] {
        get_typlenbyvalalign(element, &length, &by_value, &align);
        int dimensions[1] = {size}, lower[1] = {1};
        static_assert(sizeof(bool) == sizeof(char));
        return PointerGetDatum(construct_md_array(elements.data(), reinterpret_cast<bool*>(nulls.data()), 1,
                                                  dimensions, lower, element, length, by_value, align));
    });
    return {array, datum, false};
}

}  // namespace detail

// timestamptz[]
inline Value Times(const std::vector<Moment>& moments) {
    std::vector<Datum> elements;
    for (const Moment moment : moments) elements.push_back(TimestampTzGetDatum(moment));
    std::vector<char> nulls(elements.size(), 0);
    return detail::Array(elements, nulls, TIMESTAMPTZOID, TIMESTAMPTZARRAYOID);
}

// bytea[]
inline Value Byteas(const std::vector<std::string>& values) {
    std::vector<Datum> elements;
    for (const std::string& value : values) elements.push_back(FromBytes(value));
    std::vector<char> nulls(elements.size(), 0);
    return detail::Array(elements, nulls, BYTEAOID, BYTEAARRAYOID);
}

// jsonb[], of values that are jsonb or null
inline Value Jsonbs(const std::vector<Value>& values) {
    std::vector<Datum> elements;
    std::vector<char> nulls;
    for (const Value& value : values) {
        elements.push_back(value.datum);
        nulls.push_back(value.null ? 1 : 0);
    }
    return detail::Array(elements, nulls, JSONBOID, JSONBARRAYOID);
}

}  // namespace pulse::pg
