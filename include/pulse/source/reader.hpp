// Reading on behalf of a definition, here or on a server of pulse_source. Pure header; what is behind it
// works through the bridge.
//
// A visit has three steps, so that nothing of this database is held while a replica works:
//   ResolveTarget  in a transaction: whose rights, which server, which guard rails
//   ReadTarget     here as source::RunAs(); on a server without needing a transaction here
//   RecordUsage    in a transaction: what the visit asked and what it cost, into pulse.source_usage
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

// Which source is read, and with whose rights.
struct Access {
    std::string source;       // name of a server of pulse_source; empty: this database
    std::string role;         // whose rights here, whose user mapping there
    std::string search_path;  // here only; a server has its own
};

struct Server;  // connection parameters and guard rails (server.hpp)

// An access with the server looked up.
struct Target {
    Access access;
    int milliseconds = 0;  // longest time a statement may run; 0: no limit of ours
    std::shared_ptr<const Server> server;

    bool local() const { return !server; }
};

// What a query gave, as text.
struct Rows {
    std::vector<std::string> names;
    std::vector<uint32_t> types;  // oids, as there
    std::vector<int32_t> modifiers;
    std::vector<std::vector<std::optional<std::string>>> values;

    bool empty() const { return values.empty(); }
    size_t size() const { return values.size(); }
};

// One visit, inside one read-only transaction. Not to be kept.
class Reader {
  public:
    virtual ~Reader() = default;

    // Run one statement that only reads. On a server the cost gate comes first.
    virtual Rows Query(const std::string& sql) = 0;
    // What the planner there expects of it.
    virtual PlanEstimate Estimate(const std::string& sql) = 0;
    // Whether pulse.measure() and its siblings can be called there, in our version.
    virtual bool HasPulse() = 0;
    virtual bool local() const = 0;

    // The columns of a relation, given by its quoted and schema-qualified name. Throws UserError 42P01.
    std::vector<Column> Describe(const std::string& relation);
    // The columns a query returns, without running it.
    std::vector<Column> DescribeQuery(const std::string& sql);
};

// A value as a literal for Reader::Query(); standard_conforming_strings are on in every visit.
std::string Literal(const std::string& text);

// What a visit asked of a source and what it cost: a row of pulse.source_usage.
struct Usage {
    std::string source;   // set by ReadTarget(); empty for this database
    std::string purpose;  // snapshot, health, define, preview, test
    std::string object;   // the segment or relation it was for
    Moment began = 0;
    double duration_ms = 0;
    double plan_cost = 0;  // the highest estimate
    int64_t queries = 0, rows = 0;
    std::string status = "ok";  // ok, refused (guard rail), unreachable, failed
    std::string reason;         // of the latter
    // What the server said of itself, when it was reached.
    std::optional<int> version;  // as 150004
    std::optional<bool> in_recovery;
    std::optional<double> replay_lag_ms;
};

// Look up the server and its limits. Needs a transaction. Throws UserError when there is no such server, no
// user mapping or no right. What a guard rail says comes from ReadTarget() only.
Target ResolveTarget(const Access& access, int milliseconds);

// Visit it. `body` may be run again from its beginning after a conflict with recovery. Fills `usage`, also
// when it throws: Unavailable, what `body` throws, or what the SQL raised (pg::Error here, UserError from a
// server). For this database a transaction is needed; for a server none, and `body` must then not use this
// database.
void ReadTarget(const Target& target, Usage& usage, const std::function<void(Reader&)>& body);

// Keep what a visit to a server cost. Needs a transaction; does nothing for this database.
void RecordUsage(const Usage& usage);

// Close the connections to servers that this process keeps. Ordinary sessions close theirs at the end of each
// transaction; a background worker calls this when it has nothing more to do for a while.
void CloseIdle();

// ResolveTarget, ReadTarget and RecordUsage in one, for callers in a transaction.
void ReadAndRecord(const Access& access, int milliseconds, const std::string& purpose,
                   const std::string& object, const std::function<void(Reader&)>& body);

}  // namespace pulse::source
