// Conditions on the elements of a JSON list, for any() and all() in the SQL of rules.
#include "pulse/pg/aggregate.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/expression.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/wait.hpp"

namespace {

using pulse::UserError;
namespace pg = pulse::pg;

// The expression of one call in a query, compiled when it is first evaluated.
struct ElementCondition {
    std::string text;
    std::unique_ptr<pg::Expression> expression;
};

// Named operators are those of PostgreSQL, whatever the caller's search_path is; functions need the caller's
// rights.
std::unique_ptr<pg::Expression> CompileCondition(const std::string& text) {
    const pg::Identity identity = pg::Identity::Caller();
    auto expression = std::make_unique<pg::Expression>("(" + text + ")", std::vector<Oid>{JSONBOID});
    if (expression->type() != BOOLOID)
        throw UserError(pulse::sqlstate::kDatatypeMismatch, "the condition on elements is not boolean",
                        "It is: " + text + ".", "Write an expression over $1, the element, of type jsonb.");
    return expression;
}

pg::Expression& ConditionOf(FunctionCallInfo fcinfo) {
    const std::string text = pg::ToText(fcinfo->args[1].value);
    FmgrInfo* const call = fcinfo->flinfo;
    if (!call->fn_extra) call->fn_extra = pg::Keep(call->fn_mcxt, std::make_unique<ElementCondition>());
    auto* const condition = static_cast<ElementCondition*>(call->fn_extra);
    if (!condition->expression || condition->text != text) {
        condition->expression = CompileCondition(text);
        condition->text = text;
    }
    return *condition->expression;
}

// The next element of the list, or null behind the last.
Jsonb* NextElement(JsonbIterator** iterator) {
    return pg::Call([&]() -> Jsonb* {
        JsonbValue value;
        for (JsonbIteratorToken token; (token = JsonbIteratorNext(iterator, &value, true)) != WJB_DONE;)
            if (token == WJB_ELEM) return JsonbValueToJsonb(&value);
        return nullptr;
    });
}

}  // namespace

PULSE_FUNCTION(pulse_each_element) {
    Jsonb* const list = pg::Call([&] { return DatumGetJsonbP(fcinfo->args[0].value); });
    if (!JB_ROOT_IS_ARRAY(list) || JB_ROOT_IS_SCALAR(list)) PG_RETURN_NULL();
    pg::Expression& condition = ConditionOf(fcinfo);
    std::vector<Datum> values;
    std::vector<bool> nulls;
    {
        JsonbIterator* iterator = pg::Call([&] { return JsonbIteratorInit(&list->root); });
        pg::Arena arena("pulse elements");
        while (Jsonb* element = NextElement(&iterator)) {
            pg::CheckInterrupts();
            const Datum parameter = JsonbPGetDatum(element);
            const bool present = false;
            bool null = true;
            values.push_back(condition.Eval(&parameter, &present, &null));
            nulls.push_back(null);
            arena.Reset();
        }
    }
    return pg::ArrayOf(BOOLOID, values, nulls).datum;
}
