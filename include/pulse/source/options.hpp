// The options of servers of pulse_source and of their user mappings: what there is, what is valid, what it
// means.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pulse::source {

enum class Holder { kServer, kMapping };

enum class OptionKind { kText, kPort, kCount, kCost, kFlag, kDuration, kSslMode, kChannelBinding };

struct Option {
    const char* name;
    Holder holder;
    OptionKind kind;
    const char* fallback;  // what holds without it; empty: nothing
    bool connects;         // a keyword of libpq
    bool superuser;        // only a superuser may set it: it names a file of the server
    const char* help;
};

using OptionList = std::vector<std::pair<std::string, std::string>>;

// All options, in the order in which they are told.
const std::vector<Option>& Options();

// Check the options of a server or of a user mapping. Throws UserError HV00D for an unknown one, 22023 for a
// bad value, 42501 for one that needs a superuser. A password is never repeated.
void CheckOptions(Holder holder, const OptionList& options, bool superuser);

// What a server allows. Times in milliseconds.
struct Limits {
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
Limits ReadLimits(const OptionList& options);

// What libpq gets of a server's and a mapping's options.
OptionList ConnectionParameters(const OptionList& server, const OptionList& mapping);

// The options of one object divided into those of the server and those of the mapping. Throws UserError
// HV00D.
std::pair<OptionList, OptionList> Divide(const OptionList& options);

// A span such as 500ms, 30s, 5min, 2h or 1d, in milliseconds; empty when it is none.
std::optional<int> ParseSpan(const std::string& text);

// 95000 as 95 s: rounded as people say it.
std::string FormatSpan(double milliseconds);

// The value of an option, if there.
std::optional<std::string> Value(const OptionList& options, const std::string& name);

}  // namespace pulse::source
