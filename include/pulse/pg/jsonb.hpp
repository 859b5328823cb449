// jsonb objects of the form {"17": [value, until], …}: numbered values, each with the instant until which it
// is valid. Read and written by PostgreSQL's own functions, without C++ documents.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

inline constexpr Moment kHoldsForEver = INT64_MAX;

// `value` points into the datum it was read from, or into the current memory context.
struct Timed {
    int64_t number = 0;
    JsonbValue value{};
    Moment until = kHoldsForEver;
};

// All of them, by number.
std::vector<Timed> ReadTimed(Datum jsonb);
// One of them.
std::optional<Timed> FindTimed(Datum jsonb, int64_t number);
// The reverse; `values` is sorted by number.
Datum WriteTimed(const std::vector<Timed>& values);

// A SQL value as jsonb: numeric, boolean, timestamptz (microseconds since 2000), jsonb, text[]; null becomes
// the jsonb null.
JsonbValue ToJsonb(const Value& value);
// The reverse, in the current memory context. A value of another type becomes null.
Value FromJsonb(const JsonbValue& value, Oid type);

// jsonb[] from datums of jsonb, and timestamptz[]; kHoldsForEver becomes null.
Value JsonbArray(const std::vector<Datum>& values);
Value TimeArray(const std::vector<Moment>& values);
Value BoolArray(const std::vector<bool>& values);

// Of type numeric.
bool EqualNumbers(Datum one, Datum other);
Datum AddNumbers(Datum one, Datum other);
Datum AddOne(Datum number);

// A copy in the current memory context.
Value Copy(const Value& value);

}  // namespace pulse::pg
