// JSON values as numbers and instants, for the SQL of rules.
#include "pulse/base/time.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/rule/literal.hpp"

namespace {

namespace pg = pulse::pg;

// From this value on a number counts milliseconds: as seconds it would lie beyond the year 5000, as
// milliseconds in 1973.
constexpr int64_t kMilliseconds = 100'000'000'000;

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

std::optional<pulse::Moment> MomentOf(Jsonb* json) {
    JsonbValue value;
    if (!pg::Call([&] { return JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, &value); }))
        return std::nullopt;
    if (value.type == jbvString)
        return pulse::ParseMoment(
            std::string_view(value.val.string.val, static_cast<size_t>(value.val.string.len)));
    if (value.type != jbvNumeric) return std::nullopt;
    const Numeric number = pg::Call([&] {
        const Datum limit = DirectFunctionCall1(int8_numeric, Int64GetDatum(kMilliseconds));
        const Datum size = DirectFunctionCall1(numeric_abs, NumericGetDatum(value.val.numeric));
        if (!DatumGetBool(DirectFunctionCall2(numeric_ge, size, limit))) return value.val.numeric;
        const Datum thousand = DirectFunctionCall1(int8_numeric, Int64GetDatum(1000));
        return DatumGetNumeric(
            DirectFunctionCall2(numeric_div, NumericGetDatum(value.val.numeric), thousand));
    });
    return pulse::rule::ParseEpoch(Digits(number));
}

Datum ReturnMoment(FunctionCallInfo fcinfo, const std::optional<pulse::Moment>& moment) {
    if (moment) return TimestampTzGetDatum(*moment);
    fcinfo->isnull = true;
    return 0;
}

}  // namespace

PULSE_FUNCTION(pulse_to_number) {
    JsonbValue value;
    const bool number = pg::Call([&] {
        Jsonb* json = DatumGetJsonbP(fcinfo->args[0].value);
        return JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, &value) && value.type == jbvNumeric;
    });
    if (number && IsUsable(value.val.numeric))
        return pg::Call(
            [&] { return NumericGetDatum(DatumGetNumericCopy(NumericGetDatum(value.val.numeric))); });
    fcinfo->isnull = true;
    return 0;
}

PULSE_FUNCTION(pulse_to_moment_jsonb) {
    Jsonb* json = pg::Call([&] { return DatumGetJsonbP(fcinfo->args[0].value); });
    return ReturnMoment(fcinfo, MomentOf(json));
}

PULSE_FUNCTION(pulse_to_moment_numeric) {
    const Numeric number = pg::Call([&] { return DatumGetNumeric(fcinfo->args[0].value); });
    return ReturnMoment(fcinfo, pulse::rule::ParseEpoch(Digits(number)));
}
