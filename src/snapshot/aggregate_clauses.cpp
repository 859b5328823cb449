// The aggregate pulse.count_clauses(tid, boolean…).
#include "pulse/pg/aggregate.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/snapshot/clause_tally.hpp"

namespace pg = pulse::pg;
using pulse::snapshot::ClauseTally;
using pulse::snapshot::kMaxTallyClauses;

namespace {

enum Argument { kState, kTid, kFirstClause };

ClauseTally* ClausesState(FunctionCallInfo fcinfo, int argument) {
    return fcinfo->args[argument].isnull
               ? nullptr
               : reinterpret_cast<ClauseTally*>(DatumGetPointer(fcinfo->args[argument].value));
}

ClauseTally* Begin(FunctionCallInfo fcinfo) {
    const int clauses = fcinfo->nargs - kFirstClause;
    bool fits =
        clauses >= 1 && clauses <= kMaxTallyClauses && get_fn_expr_argtype(fcinfo->flinfo, kTid) == TIDOID;
    for (int i = 0; fits && i < clauses; ++i)
        fits = get_fn_expr_argtype(fcinfo->flinfo, kFirstClause + i) == BOOLOID;
    if (!fits)
        throw pulse::UserError(pulse::sqlstate::kDatatypeMismatch,
                               "wrong arguments for pulse.count_clauses()",
                               "It takes a tid and 1 to 16 booleans.",
                               "It is an internal function: pulse_take_snapshot() calls it.");
    auto* state = pg::Keep(pg::AggregateContext(fcinfo), std::make_unique<ClauseTally>());
    state->clauses = clauses;
    return state;
}

}  // namespace

PULSE_FUNCTION(pulse_count_clauses_step) {
    ClauseTally* state = ClausesState(fcinfo, kState);
    if (!state) state = Begin(fcinfo);
    uint32_t truth = 0;
    for (int i = 0; i < state->clauses; ++i) {
        const NullableDatum& clause = fcinfo->args[kFirstClause + i];
        truth |= static_cast<uint32_t>(!clause.isnull && DatumGetBool(clause.value)) << i;
    }
    const NullableDatum& tid = fcinfo->args[kTid];
    state->Take(truth, tid.isnull ? -1
                                  : static_cast<int64_t>(ItemPointerGetBlockNumberNoCheck(
                                        reinterpret_cast<ItemPointer>(DatumGetPointer(tid.value)))));
    return PointerGetDatum(state);
}

PULSE_FUNCTION(pulse_count_clauses_combine) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    ClauseTally* into = ClausesState(fcinfo, 0);
    ClauseTally* from = ClausesState(fcinfo, 1);
    if (!from && !into) PG_RETURN_NULL();
    if (!from) return PointerGetDatum(into);
    if (!into) into = pg::Keep(context, std::make_unique<ClauseTally>());
    into->Merge(*from);
    return PointerGetDatum(into);
}

PULSE_FUNCTION(pulse_count_clauses_serialize) {
    pg::AggregateContext(fcinfo);
    return pg::FromBytes({reinterpret_cast<const char*>(ClausesState(fcinfo, 0)), sizeof(ClauseTally)});
}

PULSE_FUNCTION(pulse_count_clauses_deserialize) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    const std::string bytes = pg::ToBytes(fcinfo->args[0].value);
    auto state = std::make_unique<ClauseTally>();
    if (bytes.size() != sizeof(ClauseTally))
        throw std::logic_error("a state of pulse.count_clauses() has the wrong size");
    std::memcpy(static_cast<void*>(state.get()), bytes.data(), bytes.size());
    return PointerGetDatum(pg::Keep(context, std::move(state)));
}

PULSE_FUNCTION(pulse_count_clauses_final) {
    pg::AggregateContext(fcinfo);
    const ClauseTally* state = ClausesState(fcinfo, 0);
    if (!state) PG_RETURN_NULL();
    return pg::FromDoubleArray(state->Figures());
}
