// The aggregate pulse.measure(options, key, converted, last_active, attributes…, clauses…): one pass over the
// members, or over all rows with the clauses that tell who is one.
#include "pulse/pg/aggregate.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/snapshot/aggregate.hpp"
#include "pulse/snapshot/measurement.hpp"

namespace pulse::snapshot {

namespace {

using segment::AttributeKind;

enum Argument { kState, kOptions, kKey, kConverted, kLastActive, kFirstAttribute };

[[noreturn]] void BadArguments(const std::string& detail) {
    throw UserError(sqlstate::kInvalidParameter, "wrong arguments for pulse.measure()", detail,
                    "It is an internal function: pulse_take_snapshot() calls it.");
}

// Collects the values of one attribute.
struct AttributeInput {
    ValueReader reader;
    int64_t* nulls;
    ValueCounts* counts = nullptr;
    NumberBuckets* numbers = nullptr;
    bool age = false;
};

// The state of one group in one process.
class MeasureState {
  public:
    explicit MeasureState(Measurement measurement) : measurement_(std::move(measurement)) {}
    static std::unique_ptr<MeasureState> Begin(FunctionCallInfo fcinfo, MemoryContext context);

    void AddRow(FunctionCallInfo fcinfo);
    Measurement& measurement() { return measurement_; }

  private:
    bool PassesClauses(const NullableDatum* clauses);
    void AddAttributeValue(AttributeInput& input, Datum datum);

    Measurement measurement_;
    std::optional<ValueReader> key_;
    std::vector<AttributeInput> inputs_;
    Moment moment_ = 0;
    Moment active_since_ = 0;
};

Oid ArgumentType(FunctionCallInfo fcinfo, int argument) {
    return get_fn_expr_argtype(fcinfo->flinfo, argument);
}

AttributeInput MakeAttributeInput(ColumnCounts& column, Oid type, MemoryContext context) {
    AttributeInput input{ValueReader(type, context), &column.nulls};
    input.counts = std::get_if<ValueCounts>(&column.values);
    input.numbers = std::get_if<NumberBuckets>(&column.values);
    input.age = column.kind == AttributeKind::kTimestamp;
    if (input.numbers && !(input.age ? input.reader.IsTime() : input.reader.IsNumber()))
        BadArguments(std::string("An attribute measured as ") + (input.age ? "timestamp" : "numeric") +
                     " is of type " + pg::Call([&] { return format_type_be(type); }) + ".");
    return input;
}

std::unique_ptr<MeasureState> MeasureState::Begin(FunctionCallInfo fcinfo, MemoryContext context) {
    if (fcinfo->args[kOptions].isnull) BadArguments("The options are null.");
    const MeasureOptions options = MeasureOptions::Parse(pg::ToText(fcinfo->args[kOptions].value));
    const int first_clause = kFirstAttribute + static_cast<int>(options.kinds.size());
    if (fcinfo->nargs != first_clause + options.clauses)
        BadArguments("There are " + std::to_string(options.kinds.size()) + " kinds of attributes and " +
                     std::to_string(options.clauses) + " clauses for " + std::to_string(fcinfo->nargs - 1) +
                     " arguments.");
    if (ArgumentType(fcinfo, kConverted) != BOOLOID || ArgumentType(fcinfo, kLastActive) != TIMESTAMPTZOID)
        BadArguments("The third argument must be boolean, the fourth timestamptz.");
    for (int i = first_clause; i < fcinfo->nargs; ++i)
        if (ArgumentType(fcinfo, i) != BOOLOID) BadArguments("A clause must be boolean.");
    auto state = std::make_unique<MeasureState>(Measurement(options));
    state->moment_ = options.moment;
    state->active_since_ = options.moment - options.inactive_after;
    state->key_.emplace(ArgumentType(fcinfo, kKey), context);
    for (size_t i = 0; i < options.kinds.size(); ++i)
        state->inputs_.push_back(
            MakeAttributeInput(state->measurement_.columns[i],
                               ArgumentType(fcinfo, kFirstAttribute + static_cast<int>(i)), context));
    return state;
}

// As fallback_sql.cpp computes it on a server without Pulse.
std::string Shortened(std::string_view text) {
    const int size = static_cast<int>(text.size());
    const int cut =
        pg::Call([&] { return pg_mbcharcliplen(text.data(), size, ValueCounts::kKeptCharacters); });
    return ValueCounts::Shorten(
        text.substr(0, static_cast<size_t>(cut)),
        hash_bytes_extended(reinterpret_cast<const unsigned char*>(text.data()), size, 0));
}

// Timestamps are measured as age in days, so that the distribution does not shift with the calendar.
double AgeInDays(Moment moment, Moment time) {
    if (TIMESTAMP_IS_NOBEGIN(time)) return std::numeric_limits<double>::infinity();
    if (TIMESTAMP_IS_NOEND(time)) return -std::numeric_limits<double>::infinity();
    return static_cast<double>(moment - time) / static_cast<double>(kDay);
}

inline void MeasureState::AddAttributeValue(AttributeInput& input, Datum datum) {
    if (input.numbers) {
        input.numbers->Add(input.age ? AgeInDays(moment_, input.reader.Time(datum))
                                     : input.reader.Number(datum));
        return;
    }
    const std::string_view text = input.reader.Text(datum);
    if (text.size() <= ValueCounts::kMaxLength) [[likely]]
        input.counts->Add(text);
    else
        input.counts->Add(Shortened(text));
}

// Members are counted as a whole: Clauses() adds them.
inline bool MeasureState::PassesClauses(const NullableDatum* clauses) {
    uint32_t truth = 0;
    const int count = measurement_.others.clauses;
    for (int i = 0; i < count; ++i)
        truth |= static_cast<uint32_t>(!clauses[i].isnull && DatumGetBool(clauses[i].value)) << i;
    if (truth == (1u << count) - 1) [[likely]]
        return true;
    measurement_.others.Take(truth, -1);
    return false;
}

void MeasureState::AddRow(FunctionCallInfo fcinfo) {
    const NullableDatum* arguments = fcinfo->args;
    if (!PassesClauses(arguments + kFirstAttribute + inputs_.size())) return;
    ++measurement_.size;
    if (arguments[kKey].isnull)
        ++measurement_.null_keys;
    else
        measurement_.members.Add(key_->Hash(arguments[kKey].value));
    if (!arguments[kConverted].isnull && DatumGetBool(arguments[kConverted].value)) ++measurement_.converted;
    if (arguments[kLastActive].isnull || DatumGetTimestampTz(arguments[kLastActive].value) < active_since_)
        ++measurement_.inactive;
    const NullableDatum* argument = arguments + kFirstAttribute;
    for (AttributeInput& input : inputs_) {
        if (argument->isnull)
            ++*input.nulls;
        else
            AddAttributeValue(input, argument->value);
        ++argument;
    }
}

MeasureState* GetMeasureState(FunctionCallInfo fcinfo, int argument) {
    return fcinfo->args[argument].isnull
               ? nullptr
               : reinterpret_cast<MeasureState*>(DatumGetPointer(fcinfo->args[argument].value));
}

}  // namespace

}  // namespace pulse::snapshot

namespace pg = pulse::pg;
using pulse::snapshot::GetMeasureState;
using pulse::snapshot::Measurement;
using pulse::snapshot::MeasureState;

PULSE_FUNCTION(pulse_measure_step) {
    MeasureState* state = GetMeasureState(fcinfo, 0);
    if (!state) {
        MemoryContext context = pg::AggregateContext(fcinfo);
        state = pg::Keep(context, MeasureState::Begin(fcinfo, context));
    }
    state->AddRow(fcinfo);
    return PointerGetDatum(state);
}

PULSE_FUNCTION(pulse_measure_combine) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    MeasureState* into = GetMeasureState(fcinfo, 0);
    MeasureState* from = GetMeasureState(fcinfo, 1);
    if (!from && !into) PG_RETURN_NULL();
    if (!from) return PointerGetDatum(into);
    if (!into)
        into = pg::Keep(context, std::make_unique<MeasureState>(from->measurement()));
    else
        into->measurement().Merge(from->measurement());
    return PointerGetDatum(into);
}

PULSE_FUNCTION(pulse_measure_serialize) {
    pg::AggregateContext(fcinfo);
    return pg::FromBytes(GetMeasureState(fcinfo, 0)->measurement().Encode());
}

PULSE_FUNCTION(pulse_measure_deserialize) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    Measurement measurement = Measurement::Decode(pg::ToBytes(fcinfo->args[0].value));
    return PointerGetDatum(pg::Keep(context, std::make_unique<MeasureState>(std::move(measurement))));
}

PULSE_FUNCTION(pulse_measure_final) {
    pg::AggregateContext(fcinfo);
    MeasureState* state = GetMeasureState(fcinfo, 0);
    if (!state) PG_RETURN_NULL();
    return pg::FromBytes(state->measurement().Encode());
}
