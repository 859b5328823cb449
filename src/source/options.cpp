#include "pulse/source/options.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "pulse/base/error.hpp"

namespace pulse::source {

using options::Holder;
using options::ParseFlag;
using options::ParseNumber;
using options::ParseSpan;
using options::ParseWhole;

const options::Table& Options() {
    using K = options::Kind;
    constexpr Holder kServer = Holder::kServer, kMapping = Holder::kMapping;
    static const options::Table table(
        "source",
        {{"host", kServer, K::kText, "", "name of the host, or directory of its socket"},
         {"hostaddr", kServer, K::kText, "", "its address: saves the look-up of the name"},
         {"port", kServer, K::kPort, "5432", "its port"},
         {"dbname", kServer, K::kText, "", "the database there; without it that of the user's name"},
         {"sslmode",
          kServer,
          K::kWord,
          "prefer",
          "whether the connection is encrypted and proven",
          {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
         {"sslrootcert", kServer, K::kText, "", "file with the certificates of authorities trusted"},
         {"sslcrl", kServer, K::kText, "", "file with certificates revoked"},
         {"channel_binding",
          kServer,
          K::kWord,
          "prefer",
          "whether SCRAM is bound to TLS",
          {"disable", "prefer", "require"}},
         {"connect_timeout", kServer, K::kDuration, "10s", "longest wait for a connection"},
         {"allow_primary", kServer, K::kFlag, "false", "whether a primary may be read"},
         {"max_replay_lag", kServer, K::kDuration, "30s", "longest replay lag of a standby"},
         {"max_active_sessions", kServer, K::kCount, "", "most sessions of others that are active"},
         {"max_cost", kServer, K::kNumber, "", "highest cost that the planner there expects"},
         {"statement_timeout", kServer, K::kDuration, "5min", "longest run of a statement"},
         {"lock_timeout", kServer, K::kDuration, "1s", "longest wait of a statement for a lock"},
         {"max_queries_per_minute", kServer, K::kCount, "60", "most visits within a minute"},
         {"conflict_retries", kServer, K::kCount, "3", "repetitions after a conflict with recovery"},
         {"user", kMapping, K::kText, "", "the role there"},
         {"password", kMapping, K::kText, "", "its password", {}, true},
         {"sslcert", kMapping, K::kText, "", "file with the client's certificate", {}, false, true},
         {"sslkey", kMapping, K::kText, "", "file with its key", {}, false, true}});
    return table;
}

void CheckOptions(Holder holder, const OptionList& options) {
    if (holder == Holder::kServer && !Value(options, "host") && !Value(options, "hostaddr"))
        throw UserError(sqlstate::kInvalidParameter, "a source needs the option \"host\" or \"hostaddr\"", "",
                        "Give the host of the replica, or the directory of its socket.");
}

SourceLimits ReadLimits(const OptionList& options) {
    const auto value = [&](const char* name) { return Options().Get(options, name); };
    const auto span = [&](const char* name) { return ParseSpan(value(name)).value_or(0); };
    const auto count = [&](const char* name) {
        return static_cast<int>(ParseWhole(value(name)).value_or(0));
    };
    SourceLimits limits;
    limits.allow_primary = ParseFlag(value("allow_primary")).value_or(false);
    limits.max_replay_lag = span("max_replay_lag");
    if (const auto sessions = ParseWhole(value("max_active_sessions")))
        limits.max_active_sessions = static_cast<int>(*sessions);
    limits.max_cost = ParseNumber(value("max_cost"));
    limits.statement_timeout = span("statement_timeout");
    limits.lock_timeout = span("lock_timeout");
    limits.connect_timeout = span("connect_timeout");
    limits.max_queries_per_minute = count("max_queries_per_minute");
    limits.conflict_retries = count("conflict_retries");
    return limits;
}

OptionList ConnectionParameters(const OptionList& server, const OptionList& mapping) {
    // What is ours; all others are keywords of libpq.
    static const std::set<std::string> ours = {
        "connect_timeout", "allow_primary",     "max_replay_lag",         "max_active_sessions", "max_cost",
        "lock_timeout",    "statement_timeout", "max_queries_per_minute", "conflict_retries"};
    OptionList parameters;
    for (const OptionList* list : {&server, &mapping})
        for (const auto& [name, value] : *list)
            if (Options().Find(name) && !ours.count(name)) parameters.emplace_back(name, value);
    return parameters;
}

std::string FormatSpan(double milliseconds) {
    if (milliseconds < 9.95 && milliseconds != std::floor(milliseconds)) {
        const long tenths = std::lround(milliseconds * 10);
        return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
    }
    if (milliseconds < 1000) return std::to_string(std::lround(milliseconds)) + " ms";
    if (milliseconds < 600'000) {
        const long tenths = std::lround(milliseconds / 100);
        return std::to_string(tenths / 10) + (tenths % 10 ? "." + std::to_string(tenths % 10) : "") + " s";
    }
    return std::to_string(std::lround(milliseconds / 60'000)) + " min";
}

}  // namespace pulse::source
