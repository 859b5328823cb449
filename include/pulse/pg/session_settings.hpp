// Settings of the session.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Reset, until the current Identity ends, what this session changed and what a query's result can depend on:
// locale, compatibility, row security, and options of other extensions and of the application, such as
// app.tenant. Pulse's own settings stay.
void ResetSessionSettings();

}  // namespace pulse::pg
