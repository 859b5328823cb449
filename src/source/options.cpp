#include "pulse/source/options.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "pulse/base/duration.hpp"
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
        {{"host", kServer, K::kText, "", "host name, or directory of a Unix socket"},
         {"hostaddr", kServer, K::kText, "", "IP address of the host; avoids the look-up of its name"},
         {"port", kServer, K::kPort, "5432", "port of the server"},
         {"dbname", kServer, K::kText, "", "name of the database; defaults to the user's name"},
         {"sslmode",
          kServer,
          K::kWord,
          "prefer",
          "whether the connection is encrypted and the server verified",
          {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
         {"sslrootcert", kServer, K::kText, "", "file with the certificates of trusted authorities"},
         {"sslcrl", kServer, K::kText, "", "file with revoked certificates"},
         {"channel_binding",
          kServer,
          K::kWord,
          "prefer",
          "whether SCRAM is bound to TLS",
          {"disable", "prefer", "require"}},
         {"connect_timeout", kServer, K::kDuration, "10s", "maximum wait for a connection"},
         {"allow_primary", kServer, K::kFlag, "false", "whether a primary may be read"},
         {"max_replay_lag", kServer, K::kDuration, "30s", "maximum replay lag of a standby"},
         {"max_active_sessions", kServer, K::kCount, "", "maximum number of active sessions of others"},
         {"max_cost", kServer, K::kNumber, "", "maximum estimated cost of a statement"},
         {"statement_timeout", kServer, K::kDuration, "5min", "maximum duration of a statement"},
         {"lock_timeout", kServer, K::kDuration, "1s", "maximum wait of a statement for a lock"},
         {"max_queries_per_minute", kServer, K::kCount, "60", "maximum number of visits within a minute"},
         {"conflict_retries", kServer, K::kCount, "3", "number of retries after a conflict with recovery"},
         {"user", kMapping, K::kText, "", "role on the server"},
         {"password", kMapping, K::kText, "", "password of the role", {}, true},
         {"sslcert", kMapping, K::kText, "", "file with the client's certificate", {}, false, true},
         {"sslkey", kMapping, K::kText, "", "file with the client's key", {}, false, true}},
        {{{"from", "query", "key", "where", "cadence"},
          "It belongs to the definition of a segment, which names the source: {\"source\": ..., \"%\": ...}."},
         {{"relation", "checks", "every"}, "It is an argument of pulse_monitor_table(): % => ..."},
         {{"name"}, "It is an argument of the function: % => ..."}});
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
    // The options of Pulse; all others are keywords of libpq.
    static const std::set<std::string> ours = {
        "connect_timeout", "allow_primary",     "max_replay_lag",         "max_active_sessions", "max_cost",
        "lock_timeout",    "statement_timeout", "max_queries_per_minute", "conflict_retries"};
    OptionList parameters;
    for (const OptionList* list : {&server, &mapping})
        for (const auto& [name, value] : *list)
            if (Options().Find(name) && !ours.count(name)) parameters.emplace_back(name, value);
    return parameters;
}

std::string FormatMilliseconds(double milliseconds) {
    return FormatDuration(std::llround(milliseconds * 1000));
}

}  // namespace pulse::source
