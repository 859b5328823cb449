// Event sources in the database: names under which events come in, with API keys of their own.
#pragma once

#include "pulse/web/store_key.hpp"

namespace pulse::web {

// These check the rights of the caller; call them outside of any Identity.

// Makes the source and its first key, whose `source` and `kind` are set here. Returns the text of the key.
std::string CreateEventSource(const std::string& kind, const std::optional<std::string>& description,
                              NewKey key);
// What is empty stays as it is; an empty description removes it.
void UpdateEventSource(const std::string& name, const std::optional<std::string>& kind,
                       const std::optional<std::string>& description);
// Revokes its keys, too.
void DeleteEventSource(const std::string& name);

// Throw UserError unless the source exists and its keys are of this kind; until the end of the transaction
// it stays so. Needs an open Session as Identity::Owner().
void RequireSourceOfKey(const std::string& name, KeyKind kind);

}  // namespace pulse::web
