// Making SQL/MED objects without SQL text: a statement with a password in it would be logged and shown.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

using ForeignOptions = std::vector<std::pair<std::string, std::string>>;

// CREATE SERVER name FOREIGN DATA WRAPPER wrapper OPTIONS (…), with the caller's rights.
void CreateServer(const std::string& name, const std::string& wrapper, const ForeignOptions& options);

// CREATE USER MAPPING FOR CURRENT_USER SERVER server OPTIONS (…).
void CreateUserMapping(const std::string& server, const ForeignOptions& options);

// Whether a validator was asked about a server's options, or a user mapping's; other objects have none of
// their own.
bool IsServerCatalog(Oid catalog);
bool IsUserMappingCatalog(Oid catalog);

bool IsSuperuser();

// Run `body`; an error leaves it without the statement that caused it, so that no log shows its arguments.
void HideStatement(const std::function<void()>& body);

// Let pg_stat_activity show `text` in the place of the statement that runs.
void ShowActivity(const char* text);

}  // namespace pulse::pg
