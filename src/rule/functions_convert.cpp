// JSON values as numbers and instants, and their comparison, for the SQL of rules.
#include "pulse/base/time.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/rule/address.hpp"
#include "pulse/rule/version.hpp"

namespace {

namespace pg = pulse::pg;

std::string Digits(Numeric number) {
    return pg::Call(
        [&] { return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number))); });
}

// Beyond these, products and sums of a few values could overflow numeric.
bool IsUsable(Numeric number) {
    static Numeric least = nullptr, greatest = nullptr;
    return pg::Call([&] {
        if (!greatest) {
            const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
            const auto read = [](const char* text) {
                return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
                                                           ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
            };
            least = read("-1e300");
            greatest = read("1e300");
            MemoryContextSwitchTo(caller);
        }
        return DatumGetBool(
                   DirectFunctionCall2(numeric_ge, NumericGetDatum(number), NumericGetDatum(least))) &&
               DatumGetBool(
                   DirectFunctionCall2(numeric_le, NumericGetDatum(number), NumericGetDatum(greatest)));
    });
}

// Empty for a list and an object.
std::optional<JsonbValue> ScalarOf(Jsonb* json) {
    JsonbValue value;
    if (!pg::Call([&] { return JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, &value); }))
        return std::nullopt;
    return value;
}

std::optional<pulse::Moment> MomentOf(const JsonbValue& value) {
    if (value.type == jbvString)
        return pulse::ParseMoment(
            std::string_view(value.val.string.val, static_cast<size_t>(value.val.string.len)));
    if (value.type != jbvNumeric) return std::nullopt;
    return pulse::ParseUnixTime(Digits(value.val.numeric));
}

Datum ReturnMoment(FunctionCallInfo fcinfo, const std::optional<pulse::Moment>& moment) {
    if (moment) return TimestampTzGetDatum(*moment);
    PG_RETURN_NULL();
}

struct Comparison {
    bool comparable = false;   // both have the same type or are times, so they are equal or not
    std::optional<int> order;  // below 0, 0 or above 0; empty if they have no order
};

// Texts and numbers: as times if both are, else as they are.
Comparison CompareScalars(const JsonbValue& left, const JsonbValue& right, int order) {
    const bool numbers = left.type == jbvNumeric && right.type == jbvNumeric;
    const auto first = numbers ? std::nullopt : MomentOf(left),
               second = numbers ? std::nullopt : MomentOf(right);
    if (first && second) return {true, (*first > *second) - (*first < *second)};
    if (left.type != right.type || left.type == jbvNull) return {};
    if (order == 0) return {true, 0};
    // A time and another text have no order.
    const bool ordered = left.type == jbvNumeric || (left.type == jbvString && !first && !second);
    return {true, ordered ? std::optional(order) : std::nullopt};
}

Comparison CompareArguments(FunctionCallInfo fcinfo) {
    Jsonb *left = nullptr, *right = nullptr;
    const int order = pg::Call([&] {
        left = DatumGetJsonbP(fcinfo->args[0].value);
        right = DatumGetJsonbP(fcinfo->args[1].value);
        return compareJsonbContainers(&left->root, &right->root);
    });
    const auto one = ScalarOf(left), other = ScalarOf(right);
    if (one && other) return CompareScalars(*one, *other, order);
    if (one || other || JB_ROOT_IS_ARRAY(left) != JB_ROOT_IS_ARRAY(right)) return {};
    return {true, order == 0 ? std::optional(0) : std::nullopt};
}

}  // namespace

PULSE_FUNCTION(pulse_compare) {
    const std::optional<int> order = CompareArguments(fcinfo).order;
    if (order) return Int32GetDatum(*order);
    PG_RETURN_NULL();
}

PULSE_FUNCTION(pulse_equal) {
    const Comparison comparison = CompareArguments(fcinfo);
    if (comparison.comparable) return BoolGetDatum(comparison.order == 0);
    PG_RETURN_NULL();
}

PULSE_FUNCTION(pulse_to_number) {
    JsonbValue value;
    const bool number = pg::Call([&] {
        Jsonb* json = DatumGetJsonbP(fcinfo->args[0].value);
        return JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, &value) && value.type == jbvNumeric;
    });
    if (number && IsUsable(value.val.numeric))
        return pg::Call(
            [&] { return NumericGetDatum(DatumGetNumericCopy(NumericGetDatum(value.val.numeric))); });
    PG_RETURN_NULL();
}

PULSE_FUNCTION(pulse_to_moment_jsonb) {
    Jsonb* json = pg::Call([&] { return DatumGetJsonbP(fcinfo->args[0].value); });
    const auto value = ScalarOf(json);
    // Here a time is expected, so that digits in a text are one, too.
    if (value && value->type == jbvString)
        return ReturnMoment(fcinfo, pulse::ParseTimeText(std::string_view(
                                        value->val.string.val, static_cast<size_t>(value->val.string.len))));
    return ReturnMoment(fcinfo, value ? MomentOf(*value) : std::nullopt);
}

PULSE_FUNCTION(pulse_version_key) {
    const auto key = pulse::rule::VersionKey(pg::ToText(fcinfo->args[0].value));
    if (key) return pg::FromText(*key);
    PG_RETURN_NULL();
}

PULSE_FUNCTION(pulse_to_inet) {
    const std::string text = pg::ToText(fcinfo->args[0].value);
    if (pulse::rule::IsAddress(text))
        return pg::Call([&] { return DirectFunctionCall1(inet_in, CStringGetDatum(text.c_str())); });
    PG_RETURN_NULL();
}

PULSE_FUNCTION(pulse_to_moment_numeric) {
    const Numeric number = pg::Call([&] { return DatumGetNumeric(fcinfo->args[0].value); });
    return ReturnMoment(fcinfo, pulse::ParseEpoch(Digits(number)));
}
