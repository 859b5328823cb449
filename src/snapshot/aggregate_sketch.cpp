// The type pulse_sketch, its aggregate and its functions.
#include "pulse/base/hex.hpp"
#include "pulse/pg/aggregate.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/snapshot/aggregate.hpp"
#include "pulse/snapshot/hex.hpp"
#include "pulse/snapshot/sketch.hpp"

namespace pulse::snapshot {

namespace {

struct SketchAggregateState {
    explicit SketchAggregateState(uint32_t k) : builder(k) {}

    SketchBuilder builder;
    std::optional<ValueReader> reader;  // not in a state that came from a worker
};

SketchAggregateState* SketchState(FunctionCallInfo fcinfo, int argument) {
    return fcinfo->args[argument].isnull
               ? nullptr
               : reinterpret_cast<SketchAggregateState*>(DatumGetPointer(fcinfo->args[argument].value));
}

Sketch SketchArgument(FunctionCallInfo fcinfo, int argument) {
    return Sketch::Decode(pg::ToBytes(fcinfo->args[argument].value));
}

}  // namespace

}  // namespace pulse::snapshot

namespace pg = pulse::pg;
namespace snapshot = pulse::snapshot;
using snapshot::Sketch;
using snapshot::SketchAggregateState;
using snapshot::SketchArgument;
using snapshot::SketchState;

PULSE_FUNCTION(pulse_sketch_in) {
    const char* text = PG_GETARG_CSTRING(0);
    return pg::FromBytes(Sketch::Decode(snapshot::FromHex(text, "pulse_sketch")).Encode());
}

PULSE_FUNCTION(pulse_sketch_out) {
    const std::string text = pulse::ToHex(pg::ToBytes(PG_GETARG_DATUM(0)));
    return pg::Call([&] { return CStringGetDatum(pstrdup(text.c_str())); });
}

PULSE_FUNCTION(pulse_sketch_recv) {
    auto* buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const std::string bytes(buffer->data + buffer->cursor, static_cast<size_t>(buffer->len - buffer->cursor));
    buffer->cursor = buffer->len;
    return pg::FromBytes(Sketch::Decode(bytes).Encode());
}

PULSE_FUNCTION(pulse_sketch_send) {
    return pg::FromBytes(pg::ToBytes(PG_GETARG_DATUM(0)));
}

PULSE_FUNCTION(pulse_to_sketch) {
    return pg::FromBytes(SketchArgument(fcinfo, 0).Encode());
}

PULSE_FUNCTION(pulse_sketch_agg_step) {
    SketchAggregateState* state = SketchState(fcinfo, 0);
    if (!state) {
        MemoryContext context = pg::AggregateContext(fcinfo);
        state = pg::Keep(context, std::make_unique<SketchAggregateState>(
                                      static_cast<uint32_t>(pg::settings::sketch_size)));
        state->reader.emplace(get_fn_expr_argtype(fcinfo->flinfo, 1), context);
    }
    if (!fcinfo->args[1].isnull) state->builder.Add(state->reader->Hash(fcinfo->args[1].value));
    return PointerGetDatum(state);
}

PULSE_FUNCTION(pulse_sketch_agg_combine) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    SketchAggregateState* into = SketchState(fcinfo, 0);
    SketchAggregateState* from = SketchState(fcinfo, 1);
    if (!from && !into) PG_RETURN_NULL();
    if (!from) return PointerGetDatum(into);
    if (!into) into = pg::Keep(context, std::make_unique<SketchAggregateState>(from->builder.k()));
    into->builder.Merge(from->builder);
    return PointerGetDatum(into);
}

PULSE_FUNCTION(pulse_sketch_agg_serialize) {
    pg::AggregateContext(fcinfo);
    return pg::FromBytes(SketchState(fcinfo, 0)->builder.Build().Encode());
}

PULSE_FUNCTION(pulse_sketch_agg_deserialize) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    const Sketch sketch = SketchArgument(fcinfo, 0);
    auto state = std::make_unique<SketchAggregateState>(sketch.k);
    state->builder.Merge(sketch);
    return PointerGetDatum(pg::Keep(context, std::move(state)));
}

PULSE_FUNCTION(pulse_sketch_agg_final) {
    pg::AggregateContext(fcinfo);
    SketchAggregateState* state = SketchState(fcinfo, 0);
    if (state) return pg::FromBytes(state->builder.Build().Encode());
    return pg::FromBytes(
        snapshot::SketchBuilder(static_cast<uint32_t>(pg::settings::sketch_size)).Build().Encode());
}

PULSE_FUNCTION(pulse_sketch_union) {
    return pg::FromBytes(Union(SketchArgument(fcinfo, 0), SketchArgument(fcinfo, 1)).Encode());
}

PULSE_FUNCTION(pulse_sketch_cardinality) {
    return Float8GetDatum(SketchArgument(fcinfo, 0).Cardinality());
}

PULSE_FUNCTION(pulse_sketch_error) {
    return Float8GetDatum(SketchArgument(fcinfo, 0).RelativeError());
}

PULSE_FUNCTION(pulse_sketch_overlap) {
    const snapshot::Overlap overlap = Compare(SketchArgument(fcinfo, 0), SketchArgument(fcinfo, 1));
    return pg::Call([&] {
        TupleDesc descriptor;
        get_call_result_type(fcinfo, nullptr, &descriptor);
        Datum values[] = {Float8GetDatum(overlap.in_both), Float8GetDatum(overlap.only_a),
                          Float8GetDatum(overlap.only_b), Float8GetDatum(overlap.standard_error)};
        bool nulls[] = {false, false, false, false};
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
    });
}
