// The audit log: who did what. Every room may write to it; nothing changes it.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::audit {

// Record what the caller does, in the transaction that does it. `action` is what kind of object it is about,
// and what happened, as in "flag.deleted"; `subject` the object's name. `details` is an object without
// secrets.
void Write(const char* action, const std::string& subject, const pg::Json& details);
void Write(const char* action, const std::string& subject);

}  // namespace pulse::audit
