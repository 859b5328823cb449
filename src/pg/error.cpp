#include "pulse/pg/error.hpp"

#include "pulse/pg/identity.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace pulse::pg {

namespace {

std::string OrEmpty(const char* text) {
    return text ? text : "";
}

void Report(int level, const std::string& message, const std::string& detail, const std::string& hint) {
    const char* message_text = message.c_str();
    const char* detail_text = detail.empty() ? nullptr : detail.c_str();
    const char* hint_text = hint.empty() ? nullptr : hint.c_str();
    Call([=] {
        ereport(level, (errmsg("%s", message_text), detail_text ? errdetail("%s", detail_text) : 0,
                        hint_text ? errhint("%s", hint_text) : 0));
    });
}

}  // namespace

Error Error::Take(ErrorData* data) {
    Error error;
    error.sqlerrcode = data->sqlerrcode;
    error.cursor_position = data->cursorpos;
    error.internal_position = data->internalpos;
    error.line = data->lineno;
    error.saved_errno = data->saved_errno;
    error.output_to_server = data->output_to_server;
    error.output_to_client = data->output_to_client;
    error.hide_statement = data->hide_stmt;
    error.hide_context = data->hide_ctx;
    error.message = OrEmpty(data->message);
    error.detail = OrEmpty(data->detail);
    error.detail_log = OrEmpty(data->detail_log);
    error.hint = OrEmpty(data->hint);
    error.context = OrEmpty(data->context);
    error.internal_query = OrEmpty(data->internalquery);
    error.backtrace = OrEmpty(data->backtrace);
    error.schema_name = OrEmpty(data->schema_name);
    error.table_name = OrEmpty(data->table_name);
    error.column_name = OrEmpty(data->column_name);
    error.datatype_name = OrEmpty(data->datatype_name);
    error.constraint_name = OrEmpty(data->constraint_name);
    error.file = OrEmpty(data->filename);
    error.function = OrEmpty(data->funcname);
    error.domain = OrEmpty(data->domain);
    error.context_domain = OrEmpty(data->context_domain);
    FreeErrorData(data);
    return error;
}

void Error::RemoveStatement(const std::string& sql) {
    // All of it is Pulse's when a statement runs as the extension's owner. Else the statement's line is the
    // last; the words around it depend on lc_messages.
    size_t keep = sql.empty() ? std::string::npos : context.rfind(sql);
    if (Identity::IsOwner()) keep = 0;
    if (keep != std::string::npos && !context.empty()) {
        keep = context.rfind('\n', keep);
        if (keep == std::string::npos) keep = 0;
        RemoveContextFrom(keep);
    }
    if (internal_query != sql) return;
    const std::string* text = UserText::current();
    const size_t at = text && !text->empty() ? sql.find(*text) : std::string::npos;
    const int before = at == std::string::npos ? 0 : pg_mbstrlen_with_len(sql.data(), static_cast<int>(at));
    internal_query = at == std::string::npos ? "" : *text;
    internal_position = at == std::string::npos ? 0 : internal_position - before;
    if (internal_position > 0 && internal_position <= static_cast<int>(internal_query.size()) + 1) return;
    internal_query.clear();
    internal_position = 0;
}

void Error::RemoveContext() {
    RemoveContextFrom(0);
    internal_query.clear();
    internal_position = 0;
}

void Error::RemoveContextFrom(size_t place) {
    if (place >= context.size()) return;
    if (detail_log.empty()) detail_log = detail;
    detail_log += (detail_log.empty() ? "" : "\n") + context.substr(place);
    context.resize(place);
}

std::string Error::State() const {
    std::string state;
    for (int code = sqlerrcode, i = 0; i < 5; ++i, code >>= 6) state += PGUNSIXBIT(code);
    return state;
}

bool detail::aborting = false;

void detail::Guard(void (*run)(void*), void* frame) {
    MemoryContext caller = CurrentMemoryContext;
    ErrorData* volatile failure = nullptr;
    PG_TRY();
    { run(frame); }
    PG_CATCH();
    {
        MemoryContextSwitchTo(caller);
        failure = CopyErrorData();
        FlushErrorState();
    }
    PG_END_TRY();
    if (!failure) return;
    // Outside PG_TRY: no C++ exception may cross it.
    // Without an open transaction there is no rollback that would clear the flag.
    if (IsTransactionOrTransactionBlock()) aborting = true;
    throw Error::Take(failure);
}

void Notice(const std::string& message, const std::string& hint) {
    Report(NOTICE, message, "", hint);
}

void Warning(const std::string& message, const std::string& detail, const std::string& hint) {
    Report(WARNING, message, detail, hint);
}

}  // namespace pulse::pg
