// Reading this database on behalf of a definition: the only way in which a user's SQL runs. Pure header; what
// is behind it works through the bridge.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace pulse::source {

// Run `body` as `role` under `search_path` inside a read-only subtransaction, as a security-restricted
// operation, with an SPI session open, cancelled after `milliseconds` (0 = no limit). Whatever it did to the
// database is undone; what it read lives in C++ objects. Settings that change what a text means or how a
// value prints are fixed (time zone UTC, ISO dates), so that a definition gives the same answer whoever asks.
// Throws UserError 57014 when the limit was exceeded, and every other error after all has been rolled back,
// so that it may be caught. A person's cancel stays that. Nested in another RunAs the outer limit holds.
void RunAs(const std::string& role, const std::string& search_path, int milliseconds,
           const std::function<void()>& body);

struct Column {
    std::string name;
    std::string type;         // as format_type() prints it, e.g. character varying(20)
    std::string base;         // without modifier, and below any domain
    bool enumerated = false;  // an enum, or a domain over one
};

// What the planner expects of a query.
struct PlanEstimate {
    double cost = 0;
    double rows = 0;
    // The plan reads all of `relation` by a (parallel) sequential scan: counting more in the same scan is
    // almost free.
    bool reads_whole_relation = false;
};

// Read what EXPLAIN (FORMAT JSON) printed. Pure.
PlanEstimate ReadPlan(const std::string& json);

// Check that `sql` is one SELECT that stores nothing, and return it without a final semicolon, ready to stand
// in parentheses. Throws UserError.
std::string RequireSelect(const std::string& sql);

}  // namespace pulse::source
