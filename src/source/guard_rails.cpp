// The statements that begin a visit, and the guard rails that check their result.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "pulse/source/fixed_settings.hpp"
#include "pulse/source/server.hpp"

namespace pulse::source {

namespace {

// Limits how long an idle visit can hold back vacuum and replay on the server.
constexpr int kIdleTimeout = 60'000;

// Zero only if the standby is connected and has replayed everything received: without a receiver, equal
// positions mean nothing. Otherwise the age of the last replayed transaction, which overstates the lag of an
// idle primary.
constexpr const char* kLag =
    "CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN 0 "
    "WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) "
    "AND pg_catalog.pg_last_wal_receive_lsn() <= pg_catalog.pg_last_wal_replay_lsn() THEN 0 "
    "ELSE pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - "
    "pg_catalog.pg_last_xact_replay_timestamp()) * 1000) END";

// Without pg_read_all_stats only the role's own sessions show their state; such a count would be wrong.
constexpr const char* kSessions =
    "CASE WHEN pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') THEN "
    "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' "
    "AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()) END";

constexpr const char* kPulse =
    "(SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pulse' AND "
    "(SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege(p.oid, 'EXECUTE') "
    "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')) FROM pg_catalog.pg_proc AS p "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace "
    "WHERE n.nspname = 'pulse' AND p.proname IN ('measure', 'count_clauses')))";

std::string SetLocal(const char* name, const std::string& value) {
    return "SET LOCAL " + std::string(name) + " = " + Literal(value) + "; ";
}

template <typename Number>
std::optional<Number> ReadNumber(const std::optional<std::string>& text) {
    Number number{};
    if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc())
        return std::nullopt;
    return number;
}

// The first word of a statement, in lower case, after white space, comments and opening parentheses.
std::string FirstWord(const std::string& sql) {
    size_t at = 0;
    for (;;) {
        at = std::min(sql.find_first_not_of(" \t\r\n\f\v(", at), sql.size());
        if (sql.compare(at, 2, "--") == 0) {
            at = std::min(sql.find('\n', at), sql.size());
        } else if (sql.compare(at, 2, "/*") == 0) {
            const size_t end = sql.find("*/", at);
            at = end == std::string::npos ? sql.size() : end + 2;
        } else {
            break;
        }
    }
    std::string word;
    for (; at < sql.size(); ++at) {
        const char c = sql[at] >= 'A' && sql[at] <= 'Z' ? static_cast<char>(sql[at] - 'A' + 'a') : sql[at];
        if (c < 'a' || c > 'z') break;
        word += c;
    }
    return word;
}

std::string FormatCost(double cost) {
    char text[32];
    std::snprintf(text, sizeof text, "%.0f", cost);
    return text;
}

}  // namespace

std::string BeginScript(const SourceLimits& limits, int statement_timeout, bool count_sessions) {
    std::string settings;
    for (const FixedSetting& each : kFixedSettings) settings += SetLocal(each.name, each.value);
    return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " +
           // First, so that the statements after it end with the connection.
           SetLocal("client_connection_check_interval", "1s") +
           SetLocal("statement_timeout", std::to_string(statement_timeout)) +
           SetLocal("lock_timeout", std::to_string(limits.lock_timeout)) +
           SetLocal("idle_in_transaction_session_timeout", std::to_string(kIdleTimeout)) +
           // JIT compilation of many aggregates takes longer than running them.
           SetLocal("jit", "off") + SetLocal("work_mem", "64MB") + settings +
           "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(), "
           "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_is_wal_replay_paused() END, " +
           kLag + ", " + (count_sessions ? kSessions : "NULL") + ", " + kPulse;
}

ServerStatus ReadServerStatus(const Rows& rows) {
    if (rows.size() != 1 || rows.values[0].size() != 6)
        throw UserError(sqlstate::kDataCorrupted, "a source returned an unexpected result");
    const auto& row = rows.values[0];
    ServerStatus status;
    status.version = ReadNumber<int>(row[0]).value_or(0);
    status.standby = row[1] == "t";
    status.replay_paused = row[2] == "t";
    status.lag_ms = ReadNumber<double>(row[3]);
    if (status.lag_ms) *status.lag_ms = std::max(0.0, *status.lag_ms);  // clocks may differ
    status.active_sessions = ReadNumber<int64_t>(row[4]);
    status.pulse_version = row[5];
    return status;
}

std::optional<std::string> PrimaryRefusal(const Server& server, const ServerStatus& status) {
    if (status.standby || server.limits.allow_primary) return std::nullopt;
    return std::string(server.was_standby ? "it was promoted and is a primary now" : "it is a primary") +
           ", but allow_primary is off";
}

std::optional<std::string> LagRefusal(const SourceLimits& limits, const ServerStatus& status) {
    if (!status.lag_ms || *status.lag_ms <= limits.max_replay_lag) return std::nullopt;
    return "replay lag " + FormatMilliseconds(*status.lag_ms) + " exceeds max_replay_lag " +
           FormatMilliseconds(limits.max_replay_lag) + (status.replay_paused ? " (replay is paused)" : "");
}

std::optional<std::string> LoadRefusal(const SourceLimits& limits, const ServerStatus& status) {
    if (!limits.max_active_sessions) return std::nullopt;
    if (!status.active_sessions)
        return "its active sessions cannot be counted, but max_active_sessions is " +
               std::to_string(*limits.max_active_sessions);
    if (*status.active_sessions <= *limits.max_active_sessions) return std::nullopt;
    return std::to_string(*status.active_sessions) +
           (*status.active_sessions == 1 ? " active session exceeds" : " active sessions exceed") +
           " max_active_sessions " + std::to_string(*limits.max_active_sessions);
}

std::optional<std::string> RateRefusal(const Server& server) {
    if (server.recent_visits < server.limits.max_queries_per_minute) return std::nullopt;
    return std::to_string(server.recent_visits) +
           (server.recent_visits == 1 ? " visit within a minute reaches" : " visits within a minute reach") +
           " max_queries_per_minute " + std::to_string(server.limits.max_queries_per_minute);
}

std::optional<std::string> CostRefusal(const SourceLimits& limits, double cost) {
    if (!limits.max_cost || cost <= *limits.max_cost) return std::nullopt;
    return "estimated cost " + FormatCost(cost) + " exceeds max_cost " + FormatCost(*limits.max_cost);
}

int ShorterLimit(int a, int b) {
    if (a <= 0 || b <= 0) return std::max({a, b, 0});
    return std::min(a, b);
}

bool BeginsAsRead(const std::string& sql) {
    const std::string word = FirstWord(sql);
    return word == "show" || word == "explain" || CanBeExplained(sql);
}

bool CanBeExplained(const std::string& sql) {
    const std::string word = FirstWord(sql);
    return word == "select" || word == "with" || word == "values" || word == "table";
}

int ReconnectDelay(int attempt, double random) {
    constexpr int kFirst = 200, kLongest = 5'000;
    const double full = std::min<double>(kLongest, kFirst * std::pow(2.0, attempt - 1));
    return static_cast<int>(full * (0.5 + 0.5 * random));
}

Unavailable MakeUnavailable(const std::string& source, const std::string& reason, const char* state,
                            const std::string& hint) {
    return Unavailable(state, "source \"" + source + "\" was not read: " + reason, "", hint);
}

UserError OnSource(const std::string& source, const UserError& error) {
    const std::string name = "source \"" + source + "\"";
    return UserError(error.state().c_str(),
                     error.message().starts_with(name) ? error.message() : name + ": " + error.message(),
                     error.detail(), error.hint());
}

}  // namespace pulse::source
