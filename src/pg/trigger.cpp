#include "pulse/pg/trigger.hpp"

extern "C" {
#include "commands/trigger.h"
#include "utils/rel.h"
}

namespace pulse::pg {

namespace {

TriggerData* DataOf(FunctionCallInfo fcinfo) {
    return reinterpret_cast<TriggerData*>(fcinfo->context);
}

}  // namespace

TriggerCall::TriggerCall(FunctionCallInfo fcinfo) : fcinfo_(fcinfo), when_(When::kRow) {
    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(DataOf(fcinfo)->tg_event))
        throw UserError(sqlstate::kNotSupported, "function can only be used by triggers of INSERT");
    const TriggerEvent event = DataOf(fcinfo)->tg_event;
    if (TRIGGER_FIRED_FOR_STATEMENT(event))
        when_ = TRIGGER_FIRED_BEFORE(event) ? When::kBefore : When::kAfter;
}

std::string TriggerCall::argument() const {
    const Trigger* trigger = DataOf(fcinfo_)->tg_trigger;
    return trigger->tgnargs > 0 ? trigger->tgargs[0] : "";
}

std::string TriggerCall::table() const {
    Relation relation = DataOf(fcinfo_)->tg_relation;
    const char* schema = Call([&] { return get_namespace_name(RelationGetNamespace(relation)); });
    return std::string(schema ? schema : "") + "." + RelationGetRelationName(relation);
}

Datum TriggerCall::row() const {
    return PointerGetDatum(DataOf(fcinfo_)->tg_trigtuple);
}

TriggerRow::TriggerRow(const TriggerCall& call)
    : shape_(RelationGetDescr(DataOf(call.fcinfo_)->tg_relation)) {
    const auto width = static_cast<size_t>(shape_->natts);
    values_.resize(width);
    nulls_.reset(new bool[width]);
    HeapTuple tuple = DataOf(call.fcinfo_)->tg_trigtuple;
    Call([&] { heap_deform_tuple(tuple, shape_, values_.data(), nulls_.get()); });
}

std::vector<std::string> TriggerRow::names() const {
    std::vector<std::string> names;
    for (int i = 0; i < shape_->natts; ++i) names.emplace_back(NameStr(TupleDescAttr(shape_, i)->attname));
    return names;
}

std::vector<Oid> TriggerRow::types() const {
    std::vector<Oid> types;
    for (int i = 0; i < shape_->natts; ++i) types.push_back(TupleDescAttr(shape_, i)->atttypid);
    return types;
}

void WhenSubtransactionEnds(void (*callback)(void*), void* argument) {
    Call([&] {
        auto* entry = static_cast<MemoryContextCallback*>(
            MemoryContextAlloc(CurTransactionContext, sizeof(MemoryContextCallback)));
        entry->func = callback;
        entry->arg = argument;
        MemoryContextRegisterResetCallback(CurTransactionContext, entry);
    });
}

}  // namespace pulse::pg
