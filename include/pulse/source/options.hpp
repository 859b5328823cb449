// The options of servers of pulse_source and of their user mappings: names, valid values and meaning.
#pragma once

#include <optional>
#include <string>

#include "pulse/base/options.hpp"

namespace pulse::source {

using OptionList = options::List;
using options::ParseSpan;
using options::Value;

// All options, in the order in which messages list them.
const options::Table& Options();

// Check rules that the table cannot express: a server needs a host. Throws UserError 22023.
void CheckOptions(options::Holder holder, const OptionList& options);

// The guard rails of a server. Times in milliseconds.
struct SourceLimits {
    bool allow_primary = false;
    int max_replay_lag = 0;
    std::optional<int> max_active_sessions;
    std::optional<double> max_cost;
    int statement_timeout = 0;
    int lock_timeout = 0;
    int connect_timeout = 0;
    int max_queries_per_minute = 0;
    int conflict_retries = 0;
};

// The limits of a server, with defaults.
SourceLimits ReadLimits(const OptionList& options);

// The libpq parameters among the options of a server and a mapping.
OptionList ConnectionParameters(const OptionList& server, const OptionList& mapping);

// Format a duration: 95000 as "1 min 35 s".
std::string FormatMilliseconds(double milliseconds);

}  // namespace pulse::source
