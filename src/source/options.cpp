#include "pulse/source/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pulse/base/error.hpp"

namespace pulse::source {

namespace {

constexpr const char* kInvalidOptionName = "HV00D";

constexpr Holder kServer = Holder::kServer;
constexpr Holder kMapping = Holder::kMapping;

// A whole number that fills the text.
std::optional<long> ParseWhole(const std::string& text) {
    long number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<double> ParseNumber(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
        return std::nullopt;
    return number;
}

std::optional<bool> ParseFlag(const std::string& text) {
    if (text == "true" || text == "on" || text == "yes" || text == "1") return true;
    if (text == "false" || text == "off" || text == "no" || text == "0") return false;
    return std::nullopt;
}

bool OneOf(const std::string& text, const std::vector<const char*>& words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

bool Valid(OptionKind kind, const std::string& value) {
    switch (kind) {
        case OptionKind::kText: return !value.empty();
        case OptionKind::kPort: {
            const auto port = ParseWhole(value);
            return port && *port >= 1 && *port <= 65535;
        }
        case OptionKind::kCount: {
            const auto count = ParseWhole(value);
            return count && *count >= 0 && *count <= 1'000'000;
        }
        case OptionKind::kCost: {
            const auto cost = ParseNumber(value);
            return cost && *cost > 0;
        }
        case OptionKind::kFlag: return ParseFlag(value).has_value();
        case OptionKind::kDuration: {
            const auto span = ParseSpan(value);
            return span && *span > 0;
        }
        case OptionKind::kSslMode:
            return OneOf(value, {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"});
        case OptionKind::kChannelBinding: return OneOf(value, {"disable", "prefer", "require"});
    }
    return false;
}

const char* Expectation(OptionKind kind) {
    switch (kind) {
        case OptionKind::kText: return "Give a text that is not empty.";
        case OptionKind::kPort: return "Give a port from 1 to 65535.";
        case OptionKind::kCount: return "Give a whole number from 0 to 1000000.";
        case OptionKind::kCost: return "Give a number above 0, as the planner counts cost.";
        case OptionKind::kFlag: return "Give true or false.";
        case OptionKind::kDuration: return "Give a number with a unit: ms, s, min, h or d, such as '30s'.";
        case OptionKind::kSslMode: return "Give disable, allow, prefer, require, verify-ca or verify-full.";
        case OptionKind::kChannelBinding: return "Give disable, prefer or require.";
    }
    return "";
}

const Option* FindOption(const std::string& name, std::optional<Holder> holder) {
    for (const Option& option : Options())
        if (name == option.name && (!holder || option.holder == *holder)) return &option;
    return nullptr;
}

std::string ListOptions(Holder holder) {
    std::string list;
    for (const Option& option : Options())
        if (option.holder == holder) list += (list.empty() ? "" : ", ") + std::string(option.name);
    return list;
}

// Nothing of the value is shown: it may be a password under a misspelt name.
[[noreturn]] void ThrowUnknown(const std::string& name, const std::string& hint,
                               const std::string& detail = "") {
    throw UserError(kInvalidOptionName, "unknown option \"" + name + "\" of a source", detail, hint);
}

void CheckOption(Holder holder, const std::string& name, const std::string& value, bool superuser) {
    const Option* option = FindOption(name, holder);
    if (!option) {
        const bool elsewhere = FindOption(name, std::nullopt) != nullptr;
        if (holder == kServer)
            ThrowUnknown(name, "Options of the server are " + ListOptions(kServer) + ".",
                         elsewhere ? "It belongs to the user mapping." : "");
        ThrowUnknown(name, "Options of the user mapping are " + ListOptions(kMapping) + ".",
                     elsewhere ? "It belongs to the server." : "");
    }
    if (option->superuser && !superuser)
        throw UserError(sqlstate::kInsufficientPrivilege,
                        "only a superuser may set the option \"" + name + "\" of a source",
                        "It names a file that this server would read.", "Ask a superuser to set it.");
    if (!Valid(option->kind, value))
        throw UserError(sqlstate::kInvalidParameter, "bad value of the option \"" + name + "\" of a source",
                        name == "password" ? "" : "It is \"" + value + "\".", Expectation(option->kind));
}

}  // namespace

const std::vector<Option>& Options() {
    using K = OptionKind;
    static const std::vector<Option> options = {
        {"host", kServer, K::kText, "", true, false, "name of the host, or directory of its socket"},
        {"hostaddr", kServer, K::kText, "", true, false, "its address: saves the look-up of the name"},
        {"port", kServer, K::kPort, "5432", true, false, "its port"},
        {"dbname", kServer, K::kText, "", true, false,
         "the database there; without it that of the user's name"},
        {"sslmode", kServer, K::kSslMode, "prefer", true, false,
         "whether the connection is encrypted and proven"},
        {"sslrootcert", kServer, K::kText, "", true, false,
         "file with the certificates of authorities trusted"},
        {"sslcrl", kServer, K::kText, "", true, false, "file with certificates revoked"},
        {"channel_binding", kServer, K::kChannelBinding, "prefer", true, false,
         "whether SCRAM is bound to TLS"},
        {"connect_timeout", kServer, K::kDuration, "10s", false, false, "longest wait for a connection"},
        {"allow_primary", kServer, K::kFlag, "false", false, false, "whether a primary may be read"},
        {"max_replay_lag", kServer, K::kDuration, "30s", false, false, "longest replay lag of a standby"},
        {"max_active_sessions", kServer, K::kCount, "", false, false,
         "most sessions of others that are active"},
        {"max_cost", kServer, K::kCost, "", false, false, "highest cost that the planner there expects"},
        {"statement_timeout", kServer, K::kDuration, "5min", false, false, "longest run of a statement"},
        {"lock_timeout", kServer, K::kDuration, "1s", false, false, "longest wait of a statement for a lock"},
        {"max_queries_per_minute", kServer, K::kCount, "60", false, false, "most visits within a minute"},
        {"conflict_retries", kServer, K::kCount, "3", false, false,
         "repetitions after a conflict with recovery"},
        {"user", kMapping, K::kText, "", true, false, "the role there"},
        {"password", kMapping, K::kText, "", true, false, "its password"},
        {"sslcert", kMapping, K::kText, "", true, true, "file with the client's certificate"},
        {"sslkey", kMapping, K::kText, "", true, true, "file with its key"},
    };
    return options;
}

void CheckOptions(Holder holder, const OptionList& options, bool superuser) {
    for (const auto& [name, value] : options) CheckOption(holder, name, value, superuser);
    if (holder == kServer && !Value(options, "host") && !Value(options, "hostaddr"))
        throw UserError(sqlstate::kInvalidParameter, "a source needs the option \"host\" or \"hostaddr\"", "",
                        "Give the host of the replica, or the directory of its socket.");
}

std::optional<std::string> Value(const OptionList& options, const std::string& name) {
    for (const auto& [key, value] : options)
        if (key == name) return value;
    return std::nullopt;
}

Limits ReadLimits(const OptionList& options) {
    const auto value = [&](const char* name) {
        return Value(options, name).value_or(FindOption(name, kServer)->fallback);
    };
    const auto span = [&](const char* name) { return ParseSpan(value(name)).value_or(0); };
    const auto count = [&](const char* name) {
        return static_cast<int>(ParseWhole(value(name)).value_or(0));
    };
    Limits limits;
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
    OptionList parameters;
    for (const OptionList* list : {&server, &mapping})
        for (const auto& [name, value] : *list)
            if (const Option* option = FindOption(name, std::nullopt); option && option->connects)
                parameters.emplace_back(name, value);
    return parameters;
}

std::pair<OptionList, OptionList> Divide(const OptionList& options) {
    std::pair<OptionList, OptionList> divided;
    for (const auto& [name, value] : options) {
        const Option* option = FindOption(name, std::nullopt);
        if (!option)
            ThrowUnknown(name, "Options of the server are " + ListOptions(kServer) +
                                   "; of the user mapping " + ListOptions(kMapping) + ".");
        (option->holder == kServer ? divided.first : divided.second).emplace_back(name, value);
    }
    return divided;
}

std::optional<int> ParseSpan(const std::string& text) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = ParseNumber(text.substr(0, digits));
    const std::string unit = text.substr(std::min(text.find_first_not_of(' ', digits), text.size()));
    if (!number) return std::nullopt;
    double scale = 0;
    if (unit == "ms") scale = 1;
    if (OneOf(unit, {"s", "sec", "second", "seconds"})) scale = 1000;
    if (OneOf(unit, {"min", "minute", "minutes"})) scale = 60'000;
    if (OneOf(unit, {"h", "hour", "hours"})) scale = 3'600'000;
    if (OneOf(unit, {"d", "day", "days"})) scale = 86'400'000;
    const double span = std::round(*number * scale);
    // Up to three weeks, which still fits where it is going.
    if (scale == 0 || span > 21 * 86'400'000.0) return std::nullopt;
    return static_cast<int>(span);
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
