// The audit log: who did what. Every room may write to it; nothing changes it.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::audit {

// What is personal in a row, such as an e-mail address or the id of a sender: kept apart, so that the erasure
// of the person deletes it, while the log stays verifiable.
struct Personal {
    int64_t person = 0;      // the profile that it is about
    const pg::Json& fields;  // an object
};

// Record what the caller does, in the transaction that does it. `action` is what kind of object it is about,
// and what happened, as in "flag.deleted"; `subject` the object's name. `details` is an object without
// secrets. Neither names a person: `personal` does.
void Write(const char* action, const std::string& subject, const pg::Json& details);
void Write(const char* action, const std::string& subject);
void Write(const char* action, const std::string& subject, const pg::Json& details, const Personal& personal);

// Delete what is personal about these profiles. Returns the number of rows. Needs an open pg::Session as
// pg::Identity::Owner().
int64_t ErasePersonal(const std::vector<int64_t>& profiles);

// Add what is kept about these profiles to `rows`, an array. Needs an open pg::Session as
// pg::Identity::Owner().
void ExportPersonal(const std::vector<int64_t>& profiles, pg::Json& rows);

}  // namespace pulse::audit
