#include "pulse/pg/entry.hpp"

#include "pulse/pg/automation_scope.hpp"
#include "pulse/pg/citus.hpp"

namespace pulse::pg {

namespace {

// The error to raise. Static, so that raising it jumps over no live C++ object. One is enough, because it is
// raised at once and ReThrowError copies its data.
struct Pending {
    Error error;

    void Set(int code, const std::string& message, const std::string& detail, const std::string& hint) {
        error = Error();
        error.sqlerrcode = code;
        error.message = message;
        error.detail = detail;
        error.hint = hint;
    }
};

Pending pending;

constexpr const char* kReport =
    "This is a defect in Pulse; please report it with the statement that caused it.";

char* OrNull(std::string& text) {
    return text.empty() ? nullptr : text.data();
}

// Raise an error of PostgreSQL again. Its context lines are those from inside the function; ThrowErrorData
// adds those of the functions around it. Not for a statement with secrets, which they would show.
[[noreturn]] void Rethrow() {
    Error& error = pending.error;
    ErrorData data{};
    data.elevel = ERROR;
    data.output_to_server = error.output_to_server;
    data.output_to_client = error.output_to_client;
    data.hide_stmt = error.hide_statement;
    data.hide_ctx = error.hide_context;
    data.saved_errno = error.saved_errno;
    data.sqlerrcode = error.sqlerrcode;
    data.message = error.message.data();
    data.detail = OrNull(error.detail);
    data.detail_log = OrNull(error.detail_log);
    data.hint = OrNull(error.hint);
    data.context = OrNull(error.context);
    data.backtrace = OrNull(error.backtrace);
    data.schema_name = OrNull(error.schema_name);
    data.table_name = OrNull(error.table_name);
    data.column_name = OrNull(error.column_name);
    data.datatype_name = OrNull(error.datatype_name);
    data.constraint_name = OrNull(error.constraint_name);
    data.internalquery = OrNull(error.internal_query);
    data.cursorpos = error.cursor_position;
    data.internalpos = error.internal_position;
    data.filename = OrNull(error.file);
    data.lineno = error.line;
    data.funcname = OrNull(error.function);
    data.domain = OrNull(error.domain);
    data.context_domain = OrNull(error.context_domain);
    if (error.hide_statement) ReThrowError(&data);
    ThrowErrorData(&data);
    pg_unreachable();
}

[[noreturn]] void Raise() {
    Error& error = pending.error;
    ereport(ERROR, (errcode(error.sqlerrcode), errmsg("%s", error.message.c_str()),
                    error.detail.empty() ? 0 : errdetail("%s", error.detail.c_str()),
                    error.hint.empty() ? 0 : errhint("%s", error.hint.c_str())));
    pg_unreachable();
}

int StateCode(const std::string& state) {
    if (state.size() != 5) return ERRCODE_INTERNAL_ERROR;
    return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

enum class ErrorOrigin { kPostgres, kOurs, kOutOfMemory };

// Called inside the handler: classify the exception and copy its message. Never calls PostgreSQL.
ErrorOrigin Classify() noexcept {
    try {
        try {
            throw;
        } catch (Error& e) {
            pending.error = std::move(e);
            return ErrorOrigin::kPostgres;
        } catch (const UserError& e) {
            pending.Set(StateCode(e.state()), e.message(), e.detail(), e.hint());
        } catch (const std::bad_alloc&) {
            return ErrorOrigin::kOutOfMemory;
        } catch (const std::exception& e) {
            pending.Set(ERRCODE_INTERNAL_ERROR, std::string("unexpected error in pulse: ") + e.what(), "",
                        kReport);
        } catch (...) {
            pending.Set(ERRCODE_INTERNAL_ERROR, "unexpected error of unknown type in pulse", "", kReport);
        }
        return ErrorOrigin::kOurs;
    } catch (...) {
        return ErrorOrigin::kOutOfMemory;
    }
}

}  // namespace

void RequireWritable(const char* function) {
    Call([&] { PreventCommandIfReadOnly(function); });
    RefuseInAutomation(function);
    RequireUndistributed();
}

Datum Enter(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo)) {
    ErrorOrigin outcome = ErrorOrigin::kOurs;
    detail::aborting = false;
    // The callbacks of the functions around this one describe an error when it leaves it, not before.
    ErrorContextCallback* const outside = error_context_stack;
    error_context_stack = nullptr;
    try {
        const Datum result = body(fcinfo);
        error_context_stack = outside;
        if (!detail::aborting) return result;
        pending.Set(ERRCODE_INTERNAL_ERROR,
                    "an error of PostgreSQL was swallowed without a rollback in pulse", "", kReport);
    } catch (...) {
        outcome = Classify();
    }
    // The handler is left: the exception object is destroyed, nothing lives in this frame.
    error_context_stack = outside;
    detail::aborting = false;
    if (outcome == ErrorOrigin::kPostgres) Rethrow();
    if (outcome == ErrorOrigin::kOutOfMemory)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory in pulse")));
    Raise();
}

}  // namespace pulse::pg
