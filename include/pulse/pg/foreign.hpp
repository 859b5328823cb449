// Servers of our foreign-data wrappers: made without SQL text, as a statement with a password in it would be
// logged and shown, and read with their user mappings.
#pragma once

#include "pulse/base/options.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// CREATE SERVER name FOREIGN DATA WRAPPER wrapper OPTIONS (…) and CREATE USER MAPPING FOR CURRENT_USER, with
// the caller's rights, from one JSON object of options. `noun` is what users call such a server, `example` a
// valid object.
void CreateServer(const char* noun, const std::string& name, const char* wrapper, const options::Table& table,
                  const Json& options, const char* example);

// DROP SERVER name CASCADE with the caller's rights. Throws what PostgreSQL says when it is not theirs.
void DropServer(const std::string& name);

// A server with the user mapping that its owner has, or else everybody: with these Pulse itself uses it.
struct ForeignServer {
    std::string name, owner;
    options::List options, mapping;
    bool has_mapping = false;
};
// Needs an open Session as Identity::Owner().
std::optional<ForeignServer> FindServer(const char* wrapper, const std::string& name);
std::vector<std::string> ServerNames(const char* wrapper);

// The body of a validator function: checks what it was called with against `table`, and the options of a
// server further with `check`. Nothing of a secret reaches a log.
void ValidateOptions(FunctionCallInfo fcinfo, const char* wrapper, const options::Table& table,
                     const std::function<void(options::Holder, const options::List&)>& check);

bool IsSuperuser();

// Run `body`; an error leaves it without the statement that caused it, so that no log shows its arguments.
void HideStatement(const std::function<void()>& body);

// Let pg_stat_activity show `text` in the place of the statement that runs.
void ShowActivity(const char* text);

}  // namespace pulse::pg
