// Entry points from SQL to C++: a macro that defines them, and the guard that converts exceptions.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Run `body` and turn its exceptions into PostgreSQL errors. No exception leaves it.
Datum Enter(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo));

// Raise 25006 "cannot execute <function> in a read-only transaction" on a standby and in a read-only
// transaction, 0A000 if Citus has distributed a table of Pulse.
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

// The same for a function that writes: it first raises an error with its own name if the transaction is
// read-only. A function whose arguments contain secrets calls RequireWritable() itself, inside
// HideStatement().
#define PULSE_WRITING_FUNCTION(name)                   \
    static Datum name##_work(FunctionCallInfo fcinfo); \
    PULSE_FUNCTION(name) {                             \
        pulse::pg::RequireWritable(#name "()");        \
        return name##_work(fcinfo);                    \
    }                                                  \
    static Datum name##_work([[maybe_unused]] FunctionCallInfo fcinfo)
