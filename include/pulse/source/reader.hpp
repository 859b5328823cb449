// Reading on behalf of a definition, from this database or a server of pulse_source. The header is pure; its
// implementation uses the bridge.
//
// A visit has three steps, so that no lock or snapshot of this database is held while a replica works:
//   ResolveTarget  in a transaction: role, server, guard rails
//   ReadTarget     this database by source::RunAs(); a server without a transaction here
//   RecordUsage    in a transaction: writes the cost of the visit to pulse.source_usage
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"
#include "pulse/source/local.hpp"

namespace pulse::source {

// The source could not be reached or a guard rail refused: reported and retried later.
class Unavailable : public UserError {
  public:
    using UserError::UserError;
};

// A source and the role whose rights are used.
struct Access {
    std::string source;       // name of a server of pulse_source; empty: this database
    std::string role;         // its rights here, its user mapping on a server
    std::string search_path;  // for this database only; a server has its own
};

struct Server;  // connection parameters and guard rails (server.hpp)

// An access with its server.
struct Target {
    Access access;
    int milliseconds = 0;  // the caller's limit for a statement; 0: none
    std::shared_ptr<const Server> server;

    bool local() const { return !server; }
};

// The result of a query, as text.
struct Rows {
    std::vector<std::string> names;
    std::vector<uint32_t> types;  // oids of the source
    std::vector<int32_t> modifiers;
    std::vector<std::vector<std::optional<std::string>>> values;

    bool empty() const { return values.empty(); }
    size_t size() const { return values.size(); }
};

// One visit, inside one read-only transaction. Do not keep references to it.
class Reader {
  public:
    virtual ~Reader() = default;

    // Run one read-only statement. On a server, checks max_cost first.
    virtual Rows Query(const std::string& sql) = 0;
    // The same with a cursor: gives up to `rows` rows at a time to `take`, so that memory stays flat.
    virtual void QueryInPortions(const std::string& sql, int rows,
                                 const std::function<void(Rows&)>& take) = 0;
    // The estimate of the source's planner.
    virtual PlanEstimate Estimate(const std::string& sql) = 0;
    // Resolve the names and types of a query. Here nothing is planned: planning can ask a server for
    // estimates.
    virtual void Check(const std::string& sql) { Estimate(sql); }
    // Whether the source has pulse.measure() and related aggregates in this version.
    virtual bool HasPulse() = 0;
    virtual bool local() const = 0;

    // The columns of a relation, given by its quoted and schema-qualified name. Throws UserError 42P01.
    std::vector<Column> Describe(const std::string& relation);
    // The columns of a query, without running it.
    std::vector<Column> DescribeQuery(const std::string& sql);
};

// A value as a literal for Reader::Query(); standard_conforming_strings is on in every visit.
std::string Literal(const std::string& text);

// The usage of one visit: a row of pulse.source_usage.
struct Usage {
    std::string source;   // set by ReadTarget(); empty for this database
    std::string purpose;  // snapshot, health, define, preview, test, cell
    std::string object;   // the segment or relation that was read
    Moment began = 0;
    double duration_ms = 0;
    double plan_cost = 0;  // the highest estimate
    int64_t queries = 0, rows = 0;
    std::string status = "ok";  // ok, refused (guard rail), unreachable, failed
    std::string reason;         // why the status is not ok
    // Set if the server was reached.
    std::optional<int> version;  // as 150004
    std::optional<bool> in_recovery;
    std::optional<double> replay_lag_ms;
};

// Look up the server and its limits. Needs a transaction. Throws UserError if there is no such server, no
// user mapping or no privilege. Guard rails are checked by ReadTarget().
Target ResolveTarget(const Access& access, int milliseconds);

// Visit the target. After a conflict with recovery, runs `body` again from its beginning. Fills `usage` even
// if it throws: Unavailable, exceptions of `body`, or errors of the SQL (pg::Error here, UserError from a
// server). This database needs a transaction. A server needs none, and `body` must not use this database
// then.
void ReadTarget(const Target& target, Usage& usage, const std::function<void(Reader&)>& body);

// Record the usage of a visit to a server. Needs a transaction; does nothing for this database.
void RecordUsage(const Usage& usage);

// Close the connections to servers that this process keeps. Ordinary sessions close theirs at the end of each
// transaction; a background worker calls this when it has nothing more to do for a while.
void CloseIdle();

// ResolveTarget, ReadTarget and RecordUsage in one, for callers in a transaction.
void ReadAndRecord(const Access& access, int milliseconds, const std::string& purpose,
                   const std::string& object, const std::function<void(Reader&)>& body);

}  // namespace pulse::source
