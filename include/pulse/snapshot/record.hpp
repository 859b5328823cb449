// A snapshot: its rows in pulse.snapshot and pulse.distribution. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/snapshot/distribution.hpp"
#include "pulse/snapshot/sketch.hpp"

namespace pulse::snapshot {

// Per top-level clause of a rule: rows that pass it, and rows that fail only it.
struct ClauseCounts {
    std::vector<std::string> texts;
    std::vector<int64_t> passed, missed_only;
    int64_t rows = 0;
    double error = 0;
};

// One of several servers in a snapshot.
struct ServerShare {
    std::string source;
    std::optional<int64_t> size;       // empty: it was not measured, and `error` says why
    std::optional<int64_t> last_size;  // of a missing one: when it was last measured
    std::string error;
};

struct Record {
    int64_t id = 0;
    int64_t segment_id = 0;
    std::string source;  // the server it was read from; empty: this database
    Moment taken_at = 0;
    int version = 1;
    bool imported = false;
    bool failed = false;
    bool incomplete = false;  // some servers are missing
    std::optional<int64_t> size, converted, inactive, entered, exited;
    std::optional<double> flow_error;
    std::optional<ClauseCounts> clauses;
    nlohmann::json columns;  // null: not known
    std::optional<Sketch> sketch;
    std::optional<double> duration_ms, plan_cost;
    std::vector<ServerShare> servers;  // more than one, or none
    std::optional<double> coverage, overlap, overlap_error;
    std::vector<std::string> missing;  // parts that could not be measured; `error` says why
    std::string error_state, error;
    std::vector<Distribution> distributions;

    // It has figures of all members.
    bool whole() const { return !failed && !incomplete; }
};

}  // namespace pulse::snapshot
