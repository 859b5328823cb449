// The aggregate pulse.measure(options, key, converted, last_active, attributes…, clauses…): one pass over the
// members, or over all rows with the clauses that tell who is one. And its sibling
// pulse.measure_distributed(options, row): the same over one record a row, with a state of the type
// pulse.measurement, which travels as text. So Citus aggregates on the shards and combines their states.
#include "pulse/base/hex.hpp"
#include "pulse/pg/aggregate.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/snapshot/aggregate.hpp"
#include "pulse/snapshot/hex.hpp"
#include "pulse/snapshot/measurement.hpp"

namespace pulse::snapshot {

namespace {

using segment::AttributeKind;

// What is measured of a row: the arguments after the options, or the fields of the record.
enum Field { kKey, kConverted, kLastActive, kFirstAttribute };
constexpr int kOptions = 1, kFirstField = 2;  // arguments of the transition functions, after the state

[[noreturn]] void BadArguments(const std::string& detail) {
    throw UserError(sqlstate::kInvalidParameter, "wrong arguments for a measuring aggregate", detail,
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
    // For fields of these types.
    static std::unique_ptr<MeasureState> Begin(FunctionCallInfo fcinfo, const std::vector<Oid>& types,
                                               MemoryContext context);

    void AddRow(const NullableDatum* fields);
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

std::unique_ptr<MeasureState> MeasureState::Begin(FunctionCallInfo fcinfo, const std::vector<Oid>& types,
                                                  MemoryContext context) {
    if (fcinfo->args[kOptions].isnull) BadArguments("The options are null.");
    const MeasureOptions options = MeasureOptions::Parse(pg::ToText(fcinfo->args[kOptions].value));
    const size_t first_clause = kFirstAttribute + options.kinds.size();
    if (types.size() != first_clause + static_cast<size_t>(options.clauses))
        BadArguments("There are " + std::to_string(options.kinds.size()) + " kinds of attributes and " +
                     std::to_string(options.clauses) + " clauses for " + std::to_string(types.size() + 1) +
                     " arguments.");
    if (types[kConverted] != BOOLOID || types[kLastActive] != TIMESTAMPTZOID)
        BadArguments("The third argument must be boolean, the fourth timestamptz.");
    for (size_t i = first_clause; i < types.size(); ++i)
        if (types[i] != BOOLOID) BadArguments("A clause must be boolean.");
    auto state = std::make_unique<MeasureState>(Measurement(options));
    state->moment_ = options.moment;
    state->active_since_ = options.moment - options.inactive_after;
    state->key_.emplace(types[kKey], context);
    for (size_t i = 0; i < options.kinds.size(); ++i)
        state->inputs_.push_back(
            MakeAttributeInput(state->measurement_.columns[i], types[kFirstAttribute + i], context));
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

void MeasureState::AddRow(const NullableDatum* fields) {
    if (!PassesClauses(fields + kFirstAttribute + inputs_.size())) return;
    ++measurement_.size;
    if (fields[kKey].isnull)
        ++measurement_.null_keys;
    else
        measurement_.members.Add(key_->Hash(fields[kKey].value));
    if (!fields[kConverted].isnull && DatumGetBool(fields[kConverted].value)) ++measurement_.converted;
    if (fields[kLastActive].isnull || DatumGetTimestampTz(fields[kLastActive].value) < active_since_)
        ++measurement_.inactive;
    const NullableDatum* field = fields + kFirstAttribute;
    for (AttributeInput& input : inputs_) {
        if (field->isnull)
            ++*input.nulls;
        else
            AddAttributeValue(input, field->value);
        ++field;
    }
}

// ---- pulse.measure ----

std::vector<Oid> ArgumentTypes(FunctionCallInfo fcinfo) {
    std::vector<Oid> types;
    for (int i = kFirstField; i < fcinfo->nargs; ++i) types.push_back(get_fn_expr_argtype(fcinfo->flinfo, i));
    return types;
}

MeasureState* GetMeasureState(FunctionCallInfo fcinfo, int argument) {
    return fcinfo->args[argument].isnull
               ? nullptr
               : reinterpret_cast<MeasureState*>(DatumGetPointer(fcinfo->args[argument].value));
}

// ---- pulse.measure_distributed ----

// Takes apart records that all have the type of the first one.
class RecordReader {
  public:
    RecordReader(HeapTupleHeader first, MemoryContext context)
        : type_(HeapTupleHeaderGetTypeId(first)), modifier_(HeapTupleHeaderGetTypMod(first)) {
        const pg::ContextScope scope(context);
        columns_ = pg::Call([&] {
            TupleDesc columns = lookup_rowtype_tupdesc(type_, modifier_);
            TupleDesc copy = CreateTupleDescCopy(columns);
            ReleaseTupleDesc(columns);
            return copy;
        });
        values_.resize(static_cast<size_t>(columns_->natts));
        nulls_ = std::make_unique<bool[]>(values_.size());
        // A table's row can have columns that were dropped.
        for (int i = 0; i < columns_->natts; ++i)
            if (!TupleDescAttr(columns_, i)->attisdropped) places_.push_back(static_cast<size_t>(i));
        fields_.resize(places_.size());
    }

    std::vector<Oid> Types() const {
        std::vector<Oid> types;
        for (const size_t place : places_)
            types.push_back(TupleDescAttr(columns_, static_cast<int>(place))->atttypid);
        return types;
    }
    const NullableDatum* Read(HeapTupleHeader record) {
        if (HeapTupleHeaderGetTypeId(record) != type_ || HeapTupleHeaderGetTypMod(record) != modifier_)
            BadArguments("The records are of different types.");
        HeapTupleData tuple{};
        tuple.t_len = HeapTupleHeaderGetDatumLength(record);
        tuple.t_data = record;
        heap_deform_tuple(&tuple, columns_, values_.data(), nulls_.get());
        for (size_t i = 0; i < fields_.size(); ++i) fields_[i] = {values_[places_[i]], nulls_[places_[i]]};
        return fields_.data();
    }

  private:
    Oid type_;
    int32 modifier_;
    TupleDesc columns_ = nullptr;
    std::vector<Datum> values_;
    std::unique_ptr<bool[]> nulls_;
    std::vector<size_t> places_;  // of the fields among the columns
    std::vector<NullableDatum> fields_;
};

// A value of type pulse.measurement that grows in its place.
struct ExpandedMeasurement {
    ExpandedObjectHeader header;  // first
    std::unique_ptr<MeasureState> state;
    std::unique_ptr<RecordReader> records;
    std::string flat;  // between the two calls that flatten it
};

ExpandedMeasurement* OfHeader(ExpandedObjectHeader* header) {
    return reinterpret_cast<ExpandedMeasurement*>(header);
}

// PostgreSQL calls both: no exception may leave.
Size FlatSize(ExpandedObjectHeader* header) {
    bool failed = false;
    try {
        OfHeader(header)->flat = OfHeader(header)->state->measurement().Encode();
    } catch (...) {
        failed = true;
    }
    if (failed) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory in pulse")));
    return VARHDRSZ + OfHeader(header)->flat.size();
}

void Flatten(ExpandedObjectHeader* header, void* result, Size size) {
    SET_VARSIZE(result, size);
    std::memcpy(VARDATA(result), OfHeader(header)->flat.data(), size - VARHDRSZ);
}

constexpr ExpandedObjectMethods kMethods = {FlatSize, Flatten};

ExpandedMeasurement* Expand(MemoryContext parent, std::unique_ptr<MeasureState> state) {
    MemoryContext context =
        pg::Call([&] { return AllocSetContextCreate(parent, "pulse measurement", ALLOCSET_SMALL_SIZES); });
    ExpandedMeasurement* object = pg::Keep(context, std::make_unique<ExpandedMeasurement>());
    EOH_init_header(&object->header, &kMethods, context);
    object->state = std::move(state);
    return object;
}

// The state of an aggregate that may be changed; null if the argument is null or came from elsewhere.
ExpandedMeasurement* GetExpanded(const NullableDatum& argument) {
    if (!DatumIsReadWriteExpandedObject(argument.value, argument.isnull, -1)) return nullptr;
    ExpandedObjectHeader* header = DatumGetEOHP(argument.value);
    return header->eoh_methods == &kMethods ? OfHeader(header) : nullptr;
}

// Any role can call the aggregate with any record and state.
ExpandedMeasurement* AddRecord(FunctionCallInfo fcinfo, MemoryContext context) {
    if (fcinfo->args[kFirstField].isnull) BadArguments("The record is null.");
    HeapTupleHeader record =
        pg::Call([&] { return DatumGetHeapTupleHeader(fcinfo->args[kFirstField].value); });
    ExpandedMeasurement* into = GetExpanded(fcinfo->args[0]);
    if (!into && fcinfo->args[0].isnull) {
        auto records = std::make_unique<RecordReader>(record, context);
        into = Expand(context, MeasureState::Begin(fcinfo, records->Types(), context));
        into->records = std::move(records);
    }
    if (!into || !into->records) BadArguments("The state was not begun by the aggregate.");
    into->state->AddRow(into->records->Read(record));
    return into;
}

Measurement ReadMeasurement(const NullableDatum& argument) {
    return Measurement::Decode(pg::ToBytes(argument.value));
}

ExpandedMeasurement* Combine(FunctionCallInfo fcinfo, MemoryContext context) {
    ExpandedMeasurement* into = GetExpanded(fcinfo->args[0]);
    if (!into && !fcinfo->args[0].isnull)
        into = Expand(context, std::make_unique<MeasureState>(ReadMeasurement(fcinfo->args[0])));
    if (fcinfo->args[1].isnull) return into;
    Measurement from = ReadMeasurement(fcinfo->args[1]);
    if (!into) return Expand(context, std::make_unique<MeasureState>(std::move(from)));
    if (!into->state->measurement().SameShape(from))
        BadArguments("The measurements are of different things.");
    into->state->measurement().Merge(from);
    return into;
}

}  // namespace

}  // namespace pulse::snapshot

namespace pg = pulse::pg;
using pulse::UserError;
using pulse::snapshot::ExpandedMeasurement;
using pulse::snapshot::GetMeasureState;
using pulse::snapshot::Measurement;
using pulse::snapshot::MeasureState;

PULSE_FUNCTION(pulse_measure_step) {
    MeasureState* state = GetMeasureState(fcinfo, 0);
    if (!state) {
        MemoryContext context = pg::AggregateContext(fcinfo);
        state =
            pg::Keep(context, MeasureState::Begin(fcinfo, pulse::snapshot::ArgumentTypes(fcinfo), context));
    }
    state->AddRow(fcinfo->args + pulse::snapshot::kFirstField);
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

PULSE_FUNCTION(pulse_measure_distributed_step) {
    return EOHPGetRWDatum(&pulse::snapshot::AddRecord(fcinfo, pg::AggregateContext(fcinfo))->header);
}

PULSE_FUNCTION(pulse_measure_distributed_combine) {
    ExpandedMeasurement* state = pulse::snapshot::Combine(fcinfo, pg::AggregateContext(fcinfo));
    if (!state) PG_RETURN_NULL();
    return EOHPGetRWDatum(&state->header);
}

PULSE_FUNCTION(pulse_measurement_in) {
    std::string_view text = PG_GETARG_CSTRING(0);
    if (text.starts_with("\\x")) text.remove_prefix(2);
    const std::string bytes = pulse::snapshot::FromHex(text, "pulse.measurement");
    try {
        Measurement::Decode(bytes);
    } catch (const UserError& error) {
        throw UserError(pulse::sqlstate::kInvalidText, "invalid input for type pulse.measurement",
                        error.detail(), error.hint());
    }
    return pg::FromBytes(bytes);
}

PULSE_FUNCTION(pulse_measurement_out) {
    const std::string text = "\\x" + pulse::ToHex(pg::ToBytes(PG_GETARG_DATUM(0)));
    return pg::Call([&] { return CStringGetDatum(pstrdup(text.c_str())); });
}
