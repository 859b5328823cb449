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

struct Record {
    int64_t id = 0;
    int64_t segment_id = 0;
    std::string source;  // the server it was read from; empty: this database
    Moment taken_at = 0;
    int version = 1;
    bool imported = false;
    bool failed = false;
    std::optional<int64_t> size, converted, inactive, entered, exited;
    std::optional<double> flow_error;
    std::optional<ClauseCounts> clauses;
    nlohmann::json columns;  // null: not known
    std::optional<Sketch> sketch;
    std::optional<double> duration_ms, plan_cost;
    std::vector<std::string> missing;  // parts that could not be measured; `error` says why
    std::string error_state, error;
    std::vector<Distribution> distributions;
};

}  // namespace pulse::snapshot
