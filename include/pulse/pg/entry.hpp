// The door between SQL and C++: one macro makes an entry point, one guard stands behind it.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Runs `body` and turns whatever it throws into the same PostgreSQL error. No exception leaves.
Datum Enter(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo));

// Raises 25006 "cannot execute <function> in a read-only transaction" on a standby and where a transaction is
// read-only.
void RequireWritable(const char* function);

}  // namespace pulse::pg

// PULSE_FUNCTION(pulse_now) { ... return datum; }  with `fcinfo` in scope, as in PostgreSQL's own functions.
#define PULSE_FUNCTION(name)                           \
    static Datum name##_body(FunctionCallInfo fcinfo); \
    extern "C" {                                       \
    PG_FUNCTION_INFO_V1(name);                         \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);          \
    Datum name(PG_FUNCTION_ARGS) {                     \
        return pulse::pg::Enter(fcinfo, name##_body);  \
    }                                                  \
    }                                                  \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)

// The same for a function that writes: where nothing can be written it says so by its own name, before it
// does anything. One whose arguments hold secrets calls RequireWritable() itself, inside HideStatement().
#define PULSE_WRITING_FUNCTION(name)                   \
    static Datum name##_work(FunctionCallInfo fcinfo); \
    PULSE_FUNCTION(name) {                             \
        pulse::pg::RequireWritable(#name "()");        \
        return name##_work(fcinfo);                    \
    }                                                  \
    static Datum name##_work([[maybe_unused]] FunctionCallInfo fcinfo)
