// The door between SQL and C++: one macro makes an entry point, one guard stands behind it.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Runs `body` and turns whatever it throws into the same PostgreSQL error. No exception leaves.
Datum Enter(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo));

}  // namespace pulse::pg

// PULSE_FUNCTION(pulse_now) { ... return datum; }  with `fcinfo` in scope, as in PostgreSQL's own functions.
#define PULSE_FUNCTION(name)                                              \
    static Datum name##_body(FunctionCallInfo fcinfo);                    \
    extern "C" {                                                          \
    PG_FUNCTION_INFO_V1(name);                                            \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                             \
    Datum name(PG_FUNCTION_ARGS) { return pulse::pg::Enter(fcinfo, name##_body); } \
    }                                                                     \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
