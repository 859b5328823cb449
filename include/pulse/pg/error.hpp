// PostgreSQL's errors as C++ exceptions.
#pragma once

#include "pulse/base/error.hpp"
#include "pulse/pg/postgres.hpp"

namespace pulse::pg {

// A PostgreSQL error as a C++ exception: the contents of ErrorData, in C++ memory.
// It is only ever rethrown, unless the work ran inside a pg::Subtransaction that rolls back first.
class Error : public std::exception {
  public:
    // Copies and frees `data`.
    static Error Take(ErrorData* data);

    const char* what() const noexcept override { return message.c_str(); }
    // Remove how Pulse ran `sql`: its line of the context, and its text with the position in it. What remains
    // is the context of a user's functions, and a position in the UserText. The server's log keeps the rest.
    void RemoveStatement(const std::string& sql);
    // Remove the whole context and any statement, for functions of Pulse that are written in PL/pgSQL.
    void RemoveContext();

    // Five characters, e.g. sqlstate::kUndefinedColumn.
    std::string State() const;

    int sqlerrcode = 0;
    int cursor_position = 0;
    int internal_position = 0;
    int line = 0;
    int saved_errno = 0;
    bool output_to_server = true, output_to_client = true, hide_statement = false, hide_context = false;
    std::string message, detail, detail_log, hint, context, internal_query, backtrace;
    std::string schema_name, table_name, column_name, datatype_name, constraint_name;
    std::string file, function, domain, context_domain;  // where it was raised

  private:
    void RemoveContextFrom(size_t place);
};

// While it lives, errors point into this text of the user, which Pulse's statements contain.
class UserText {
  public:
    explicit UserText(const std::string& text) : outer_(std::exchange(current_, &text)) {}
    ~UserText() { current_ = outer_; }
    UserText(const UserText&) = delete;
    UserText& operator=(const UserText&) = delete;

    static const std::string* current() { return current_; }

  private:
    static inline const std::string* current_ = nullptr;
    const std::string* outer_;
};

namespace detail {

// True from catching a PostgreSQL error until the enclosing subtransaction is rolled back or the error is
// raised again. In between, SPI resources are left to that rollback: the current SPI connection may still be
// that of a failed function below, and SPI_finish would close the wrong one.
extern bool aborting;

// Run `run(frame)` under PG_TRY; a PostgreSQL error becomes a thrown pg::Error.
void Guard(void (*run)(void*), void* frame);

}  // namespace detail

// Make one call into PostgreSQL that can raise an error. The body must own no object with a destructor:
// a PostgreSQL error jumps out of it. C++ exceptions of the body are carried across safely.
template <typename Body>
auto Call(Body&& body) -> std::invoke_result_t<Body&> {
    using Result = std::invoke_result_t<Body&>;
    struct Frame {
        std::remove_reference_t<Body>* body;
        std::conditional_t<std::is_void_v<Result>, char, Result> result{};
        std::exception_ptr thrown;
    } frame{&body, {}, nullptr};
    detail::Guard(
        [](void* opaque) {
            auto* f = static_cast<Frame*>(opaque);
            try {
                if constexpr (std::is_void_v<Result>)
                    (*f->body)();
                else
                    f->result = (*f->body)();
            } catch (...) {
                f->thrown = std::current_exception();
            }
        },
        &frame);
    if (frame.thrown) std::rethrow_exception(frame.thrown);
    if constexpr (!std::is_void_v<Result>) return frame.result;
}

// Process a pending cancel, terminate or timeout. Call it in every loop over data.
inline void CheckInterrupts() {
    if (INTERRUPTS_PENDING_CONDITION()) Call([] { ProcessInterrupts(); });
}

// Send a notice to the client; never fails the statement.
void Notice(const std::string& message, const std::string& hint = "");
void Warning(const std::string& message, const std::string& detail = "", const std::string& hint = "");

}  // namespace pulse::pg
