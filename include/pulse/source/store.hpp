// Visits to servers, what is kept about them, and the test of a source.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/source/server.hpp"

namespace pulse::source {

// Visit a server behind its guard rails. Fills `usage` but for its status and reason.
void ReadServer(const Server& server, int milliseconds, Usage& usage,
                const std::function<void(Reader&)>& body);

// Visit a server whatever its guard rails say, to tell what they would.
void ReadUnguarded(const Server& server, Usage& usage,
                   const std::function<void(Reader&, const ServerStatus&)>& body);

// Whether another session is visiting the server right now. Needs a transaction.
bool InUse(const Server& server);

// Keep in `usage` how a visit failed; called inside a handler.
void RecordFailure(Usage& usage);

// One line of pulse_test_source().
struct TestRow {
    std::string item;
    std::string value;
    std::string verdict;  // ok, warning, refused
};
std::vector<TestRow> TestSource(const std::string& source);

// Make a server and the caller's user mapping of it.
void CreateSource(const std::string& name, const pg::Json& options);

}  // namespace pulse::source
