// Servers of Pulse's foreign-data wrappers and their user mappings. They are created without SQL text,
// because a statement with a password could be logged and shown.
#pragma once

#include "pulse/base/options.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// CREATE SERVER name FOREIGN DATA WRAPPER wrapper OPTIONS (…) and CREATE USER MAPPING FOR CURRENT_USER, with
// the caller's rights, from one JSON object of options. `noun` is the users' word for such a server,
// `example` a valid object.
void CreateServer(const char* noun, const std::string& name, const char* wrapper, const options::Table& table,
                  const Json& options, const char* example);

// Check the options before CreateServer() creates anything: whether they are valid, and whether `make` needs
// others, for which it throws options::Incomplete.
void CheckServerOptions(const options::Table& table, const Json& options,
                        const std::function<void(const options::List&, const options::List&)>& make);

// DROP SERVER name CASCADE with the caller's rights. Throws PostgreSQL's error if the caller does not own it.
void DropServer(const std::string& name);

// A server with the user mapping of its owner, or else of PUBLIC, which Pulse itself uses.
struct ForeignServer {
    std::string name, owner;
    options::List options, mapping;
    bool has_mapping = false;
    bool public_mapping = false;  // it is that of PUBLIC
};
// Needs an open Session as Identity::Owner().
std::optional<ForeignServer> FindServer(const char* wrapper, const std::string& name);
std::vector<std::string> ServerNames(const char* wrapper);

// ALTER USER MAPPING with the caller's rights, so that the mapping that FindServer() found has these options.
// Throws PostgreSQL's error if the caller does not own the server.
void SetMapping(const ForeignServer& server, const options::List& options);

// The body of a validator function: checks options against `table`, and the options of a server also with
// `check`. Secrets do not reach a log.
void ValidateOptions(FunctionCallInfo fcinfo, const char* wrapper, const options::Table& table,
                     const std::function<void(options::Holder, const options::List&)>& check);

bool IsSuperuser();

// Run `body`. Errors do not include the statement, so that logs do not show its arguments.
void HideStatement(const std::function<void()>& body);

// Show `text` in pg_stat_activity instead of the running statement.
void ShowActivity(const char* text);

}  // namespace pulse::pg
