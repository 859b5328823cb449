// The options of servers of pulse_source and of their user mappings: what there is, what is valid, what it
// means.
#pragma once

#include <optional>
#include <string>

#include "pulse/base/options.hpp"

namespace pulse::source {

using OptionList = options::List;
using options::ParseSpan;
using options::Value;

// All options, in the order in which they are told.
const options::Table& Options();

// Check what the table cannot say: a server needs a host. Throws UserError 22023.
void CheckOptions(options::Holder holder, const OptionList& options);

// What a server allows. Times in milliseconds.
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

// The limits of a server, defaults filled in.
SourceLimits ReadLimits(const OptionList& options);

// What libpq gets of a server's and a mapping's options.
OptionList ConnectionParameters(const OptionList& server, const OptionList& mapping);

// 95000 as 95 s: rounded as people say it.
std::string FormatSpan(double milliseconds);

}  // namespace pulse::source
