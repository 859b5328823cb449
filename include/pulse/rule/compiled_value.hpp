// Compiled values, and their alignment for comparison. Pure C++; used by the compiler only.
//
// Instants are kept as a base and an offset in seconds, so that `ts + 7d > now` becomes `ts > now - 7d`: the
// column stays alone (an index can be used), and no arithmetic on data can leave the range of a timestamp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pulse/base/time.hpp"
#include "pulse/rule/ast.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::rule {

struct CompiledValue;

// A whole number that grows with the clock: floor((now - start) / unit), unit in seconds.
struct Tick {
    std::shared_ptr<const CompiledValue> start;
    int64_t unit;
};

// How large a number can be: its digits before the point, and the decimals of the smallest one that is not 0.
// 0 digits: unknown, a column.
struct Size {
    int64_t digits = 0, decimals = 0;
};

struct CompiledValue {
    ValueType type;
    std::string sql;
    std::string sql_type;
    const Expr* expr;      // for messages
    bool literal = false;  // written in the rule
    bool dynamic =
        false;  // kJson: the value of an attribute or a property, which takes the type that is wanted of it
    bool from_json = false;  // kText: taken from such a value, so it may be a time

    bool folded = false;     // upper and lower case are alike: it is in lower case
    std::string shown = {};  // kVersion: the text

    Size size = {};  // kNumber

    // kNumber that depends on the clock; simple: it is one of the ticks, or does not depend on it
    std::vector<Tick> ticks = {};
    bool simple = true;

    // kTimestamp
    bool fixed = false;     // now or a literal: the same for every row, and far from the ends of the range
    bool absolute = false;  // timestamptz; otherwise a timestamp or date, which is read as UTC
    int64_t offset = 0;     // seconds to add
    std::optional<Moment> moment = std::nullopt;  // a literal
    std::vector<CompiledValue> options = {};      // what a ?? or an if() can be, when now is among it

    // kDuration: a literal, a difference of two instants, or else a column of type interval
    int64_t seconds = 0;
    std::shared_ptr<const std::pair<CompiledValue, CompiledValue>> difference = nullptr;
};

// SQL of two values that the comparison operators of PostgreSQL accept.
struct Aligned {
    std::string left, right;
};

// Make two values comparable, or throw UserError 42804 that names both types.
Aligned Align(const CompiledValue& left, const CompiledValue& right, Op op, const Expr& whole);

// instant + seconds, as SQL; for instants that are far from the ends of the range.
std::string PlusSeconds(const std::string& instant, int64_t seconds);
// Numbers of senders: up to 1e300, and as many decimals as the type numeric has.
inline constexpr Size kAnyNumber = {301, 16'383};
// Sums of the numbers of many events.
inline constexpr Size kSum = {330, 16'383};
// Whole numbers: lengths and ages.
inline constexpr Size kCount = {20, 0};

// Whether a value has the type of a cast, which has operators of its own.
bool IsCast(const CompiledValue& value);
// Whether an instant is now, moved or not.
bool IsNow(const CompiledValue& value);

// The value as it is, for `is null`, `??` and results.
std::string ToSql(const CompiledValue& value);
// As numeric, which neither overflows nor rounds as integers and floats do.
std::string AsNumeric(const CompiledValue& value);
// As text.
std::string AsText(const CompiledValue& value);
// An instant in seconds since 1970, numeric.
std::string Epoch(const CompiledValue& value);
// A number literal in the type of the other side: 0.1 is no real number of type real.
std::string NumberFor(const CompiledValue& literal, const std::string& sql_type);

// A text literal as an instant; throws UserError 22007 when it is no ISO date or timestamp. Others as they
// are.
CompiledValue ToInstant(const CompiledValue& value);
// Move an instant; throws UserError when the sum of durations is beyond kMaxDuration.
CompiledValue ShiftInstant(CompiledValue value, int64_t seconds);

// " at position 5", or nothing for a rule that came as JSON.
std::string AtPosition(const Expr& expr);
// Describes an operand in a message: "ltv is numeric".
std::string Describe(const CompiledValue& value);
[[noreturn]] void Mismatch(const CompiledValue& left, const CompiledValue& right, Op op, const Expr& whole);

}  // namespace pulse::rule
