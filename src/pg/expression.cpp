#include "pulse/pg/expression.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/datum.h"
}

namespace pulse::pg {

// Allocated, with everything it references, in its own memory context.
struct Expression::Compiled {
    MemoryContext context;
    ExprState* state;
    ExprContext* econtext;
    ParamListInfo parameters;
    int16 length;
    bool by_value;
};

namespace {

// The only column of SELECT <sql>, in the current memory context. Parsing needs several times the memory of
// the result.
Expr* Analyze(const char* sql, const Oid* types, int count) {
    const MemoryContext caller = CurrentMemoryContext;
    const MemoryContext apart =
        AllocSetContextCreate(caller, "pulse expression parsing", ALLOCSET_DEFAULT_SIZES);
    MemoryContextSwitchTo(apart);
    List* parsed = pg_parse_query(sql);
    if (list_length(parsed) != 1) elog(ERROR, "not one expression: %s", sql);
    Query* query = PULSE_ANALYZE(linitial_node(RawStmt, parsed), sql, types, count);
    if (query->commandType != CMD_SELECT || list_length(query->targetList) != 1 || query->rtable != NIL ||
        query->hasAggs || query->hasSubLinks || query->hasWindowFuncs || query->hasTargetSRFs)
        elog(ERROR, "not an expression: %s", sql);
    Expr* const planned = expression_planner(linitial_node(TargetEntry, query->targetList)->expr);
    MemoryContextSwitchTo(caller);
    auto* const expr = static_cast<Expr*>(copyObjectImpl(planned));
    MemoryContextDelete(apart);
    return expr;
}

}  // namespace

Expression::Expression(const std::string& sql, const std::vector<Oid>& parameter_types)
    : parameters_(parameter_types.size()) {
    const std::string select = "SELECT " + sql;
    const int count = static_cast<int>(parameter_types.size());
    MemoryContext context = Call(
        [] { return AllocSetContextCreate(TopMemoryContext, "pulse expression", ALLOCSET_SMALL_SIZES); });
    try {
        Call([&] {
            MemoryContext caller = MemoryContextSwitchTo(context);
            auto* compiled = static_cast<Compiled*>(palloc0(sizeof(Compiled)));
            compiled->context = context;
            Expr* expr = Analyze(select.c_str(), parameter_types.data(), count);
            type_ = exprType(reinterpret_cast<Node*>(expr));
            get_typlenbyval(type_, &compiled->length, &compiled->by_value);
            compiled->state = ExecInitExpr(expr, nullptr);
            compiled->econtext = CreateStandaloneExprContext();
            compiled->parameters = makeParamList(count);
            for (int i = 0; i < count; ++i) {
                compiled->parameters->params[i].ptype = parameter_types[i];
                compiled->parameters->params[i].pflags = 0;
            }
            compiled->econtext->ecxt_param_list_info = compiled->parameters;
            MemoryContextSwitchTo(caller);
            compiled_ = compiled;
        });
    } catch (...) {
        MemoryContextDelete(context);
        throw;
    }
}

Expression::~Expression() {
    // The expression context is a child of the context and has no callbacks of its own to run.
    if (compiled_) MemoryContextDelete(compiled_->context);
}

Datum Expression::Eval(const Datum* values, const bool* nulls, bool* null) {
    Compiled* compiled = compiled_;
    const size_t count = parameters_;
    return Call([=] {
        // What an evaluation that failed has left.
        ResetExprContext(compiled->econtext);
        for (size_t i = 0; i < count; ++i) {
            compiled->parameters->params[i].value = values[i];
            compiled->parameters->params[i].isnull = nulls[i];
        }
        const Datum inner = ExecEvalExprSwitchContext(compiled->state, compiled->econtext, null);
        const Datum result = *null ? 0 : datumCopy(inner, compiled->by_value, compiled->length);
        ResetExprContext(compiled->econtext);
        return result;
    });
}

}  // namespace pulse::pg
