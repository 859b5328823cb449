// Reading this database on behalf of a definition: the only way in which a user's SQL runs. The header is
// pure; its implementation uses the bridge.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace pulse::source {

// Run `body` as `role` under `search_path` inside a read-only subtransaction, as a security-restricted
// operation, with an SPI session open, cancelled after `milliseconds` (0 = no limit). Its changes to the
// database are rolled back; its results are C++ objects. No setting of the session affects the results:
// kFixedSettings are fixed (time zone UTC, ISO dates, row security), the session's other choices are reset.
// Throws UserError 57014 if the limit is exceeded. Other errors, including a user's cancel, are thrown
// unchanged after the rollback, so that they can be caught. In a nested RunAs the outer limit applies.
void RunAs(const std::string& role, const std::string& search_path, int milliseconds,
           const std::function<void()>& body);

struct Column {
    std::string name;
    std::string type;         // as format_type() prints it, e.g. character varying(20)
    std::string base;         // without modifier, and below any domain
    bool enumerated = false;  // an enum, or a domain over one
};

// The planner's estimate of a query.
struct PlanEstimate {
    double cost = 0;
    double rows = 0;
    // The plan reads all of `relation` by a (parallel) sequential scan: counting more in the same scan is
    // almost free.
    bool reads_whole_relation = false;
    bool distributed = false;  // Citus asks other servers
};

// Parse the output of EXPLAIN (FORMAT JSON). Pure.
PlanEstimate ReadPlan(const std::string& json);

// Check that `sql` is a single SELECT that writes nothing, and return it without a final semicolon, ready to
// be put in parentheses. Throws UserError.
std::string RequireSelect(const std::string& sql);

}  // namespace pulse::source
