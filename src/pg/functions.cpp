#include "pulse/pg/entry.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(pulse_now);
PGDLLEXPORT Datum pulse_now(PG_FUNCTION_ARGS);
// Called on hot paths and without C++ objects, so it needs no guard.
Datum pulse_now(PG_FUNCTION_ARGS) {
    PG_RETURN_TIMESTAMPTZ(pulse::pg::Now());
}
}

namespace pg = pulse::pg;

namespace pulse::pg {

namespace {

// The function or procedure pulse.inner_x() that belongs to pulse_x(), with its arguments.
struct InnerCall {
    std::string sql;
    std::vector<Value> arguments;

    explicit InnerCall(FunctionCallInfo fcinfo) {
        struct Signature {
            const char* name;
            Oid* types;
            int count;
        };
        const Oid function = fcinfo->flinfo->fn_oid;
        const auto [name, types, count] = Call([&] {
            Signature signature{get_func_name(function), nullptr, 0};
            get_func_signature(function, &signature.types, &signature.count);
            return signature;
        });
        sql = "pulse.inner_" + std::string(name).substr(std::strlen("pulse_")) + "(";
        for (int i = 0; i < count; ++i) {
            sql += (i == 0 ? "$" : ", $") + std::to_string(i + 1);
            arguments.push_back({types[i], PG_GETARG_DATUM(i), PG_ARGISNULL(i)});
        }
        sql += ")";
    }
};

// The inner procedure may end transactions if the caller allows it.
void CallInnerProcedure(const InnerCall& inner, bool atomic) {
    const std::string sql = "CALL " + inner.sql;
    Call([&] {
        SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
        ParamListInfo parameters = makeParamList(static_cast<int>(inner.arguments.size()));
        for (size_t i = 0; i < inner.arguments.size(); ++i)
            parameters->params[i] = {inner.arguments[i].datum, inner.arguments[i].null, PARAM_FLAG_CONST,
                                     inner.arguments[i].type};
        SPIExecuteOptions options{};
        options.params = parameters;
        options.allow_nonatomic = !atomic;
        SPI_execute_extended(sql.c_str(), &options);
        SPI_finish();
    });
}

Datum CallInner(FunctionCallInfo fcinfo) {
    const InnerCall inner(fcinfo);
    if (fcinfo->context && IsA(fcinfo->context, CallContext)) {
        CallInnerProcedure(inner, reinterpret_cast<CallContext*>(fcinfo->context)->atomic);
        PG_RETURN_VOID();
    }
    if (!fcinfo->flinfo->fn_retset) {
        MemoryContext caller = CurrentMemoryContext;
        const Session session;
        const Result result = Execute("SELECT " + inner.sql, inner.arguments);
        fcinfo->isnull = result[0].IsNull(0);
        const ContextScope in_context(caller);
        return fcinfo->isnull ? 0 : Copy({result[0].Type(0), result[0].Raw(0), false}).datum;
    }
    ResultSet rows(fcinfo);
    const Session session;
    const Result result = Execute("SELECT * FROM " + inner.sql, inner.arguments);
    for (uint64_t r = 0; r < result.size(); ++r) {
        std::vector<Value> row;
        for (const Oid type : result.ColumnTypes()) {
            const int column = static_cast<int>(row.size());
            row.push_back(result[r].IsNull(column) ? Value::Null(type)
                                                   : Value{type, result[r].Raw(column), false});
        }
        rows.Add(row);
    }
    return ResultSet::Done();
}

}  // namespace

}  // namespace pulse::pg

// A function in PL/pgSQL would be the context of its errors.
PULSE_FUNCTION(pulse_call_inner) {
    try {
        return pg::CallInner(fcinfo);
    } catch (pg::Error& error) {
        error.RemoveContext();
        throw;
    }
}
