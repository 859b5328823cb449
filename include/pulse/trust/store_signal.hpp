// Recording signals. For entry code.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pulse/base/time.hpp"

namespace pulse::trust {

// The source of what Pulse records of itself.
inline constexpr const char* kOwnSource = "pulse";

struct Signal {
    std::string name;  // match_rate
    double value = 0;
    std::string source, entity;  // the destination, audience:newsletter; may be empty
    std::optional<Moment> at;    // empty: now
    nlohmann::json details = nlohmann::json::object();
};

// Checks and completes a signal at a moment. Throws UserError 22023, and 42501 for the own source unless
// `own`.
void CheckSignal(Signal& signal, Moment now, bool own);

// Both need an open pg::Session as pg::Identity::Owner().
// Records signals of Pulse itself, at pg::Now(). Throws as CheckSignal() does.
void RecordSignal(Signal signal);
// Writes signals that CheckSignal() has passed; returns their ids.
std::vector<int64_t> WriteSignals(const std::vector<Signal>& signals, const std::string& actor);

}  // namespace pulse::trust
