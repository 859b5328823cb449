// Visits to servers, their usage records, and testing a source.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/source/server.hpp"

namespace pulse::source {

// Visit a server, subject to its guard rails. Fills `usage` except its status and reason.
void ReadServer(const Server& server, int milliseconds, Usage& usage,
                const std::function<void(Reader&)>& body);

// Visit a server without applying its guard rails, to report their results.
void ReadUnguarded(const Server& server, Usage& usage,
                   const std::function<void(Reader&, const ServerStatus&)>& body);

// Whether another session is visiting the server. Needs a transaction.
bool InUse(const Server& server);

// Record the current exception in `usage`; call it inside a handler.
void RecordFailure(Usage& usage);

// One line of pulse_test_source().
struct TestRow {
    std::string item;
    std::string value;
    std::string verdict;  // ok, warning, refused
};
std::vector<TestRow> TestSource(const std::string& source);

// Create a server and the caller's user mapping for it.
void CreateSource(const std::string& name, const pg::Json& options);
// Drop both. Throws UserError 42704, 2BP01 if something reads it, and PostgreSQL's error if the caller does
// not own it.
void DeleteSource(const std::string& name);

}  // namespace pulse::source
