// Creating a source, and testing its connection and guard rails.
#include <chrono>

#include "pulse/audit/store.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/source/store.hpp"
#include "pulse/source/users.hpp"

namespace pulse::source {

namespace {

constexpr double kSlowRoundTrip = 500;  // ms

class Findings {
  public:
    void Ok(const std::string& item, const std::string& value) { rows.push_back({item, value, "ok"}); }
    void Warning(const std::string& item, const std::string& value) {
        rows.push_back({item, value, "warning"});
    }
    void Refused(const std::string& item, const std::string& value) {
        rows.push_back({item, value, "refused"});
    }
    // Refused if there is a reason, else ok.
    void Check(const std::string& item, const std::string& value, const std::optional<std::string>& reason) {
        rows.push_back({item, reason.value_or(value), reason ? "refused" : "ok"});
    }
    std::vector<TestRow> rows;
};

std::string FormatVersion(int version) {
    return std::to_string(version / 10000) + "." + std::to_string(version % 10000);
}

void CheckRole(const Server& server, const ServerStatus& status, Findings& findings) {
    findings.Check("role", status.standby ? "standby" : "primary; allow_primary is on",
                   PrimaryRefusal(server, status));
    if (!status.standby) return;
    if (!status.lag_ms)
        findings.Warning("replay lag", "unknown: nothing has been replayed since it started");
    else
        findings.Check("replay lag",
                       FormatMilliseconds(*status.lag_ms) + " of max_replay_lag " +
                           FormatMilliseconds(server.limits.max_replay_lag),
                       LagRefusal(server.limits, status));
}

void CheckLoad(const Server& server, const ServerStatus& status, const std::string& user,
               Findings& findings) {
    const std::string limit =
        server.limits.max_active_sessions ? std::to_string(*server.limits.max_active_sessions) : "not set";
    if (!status.active_sessions) {
        const std::string remedy =
            "cannot be counted: on its primary run GRANT pg_read_all_stats TO " + user + ";";
        if (server.limits.max_active_sessions)
            findings.Refused("active sessions", remedy);
        else
            findings.Warning("active sessions", remedy);
        return;
    }
    findings.Check("active sessions",
                   std::to_string(*status.active_sessions) + "; max_active_sessions " + limit,
                   LoadRefusal(server.limits, status));
}

void CheckLatency(Reader& reader, Findings& findings) {
    const auto begin = std::chrono::steady_clock::now();
    reader.Query("SELECT 1");
    const double latency =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    const std::string text = FormatMilliseconds(latency) + " for a round trip";
    if (latency > kSlowRoundTrip)
        findings.Warning("latency", text);
    else
        findings.Ok("latency", text);
}

// Returns the role on the source, quoted.
std::string CheckRights(Reader& reader, Findings& findings) {
    const Rows rows = reader.Query(
        "SELECT pg_catalog.quote_ident(current_user), r.rolsuper, "
        "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
        "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') "
        "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
        "AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')), "
        "pg_catalog.quote_ident(pg_catalog.current_database()) "
        "FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user");
    const auto& row = rows.values.at(0);
    const std::string user = row[0].value_or(""), writable = row[2].value_or("0");
    if (row[1] != "t" && writable == "0") {
        findings.Ok("rights", user + " cannot write to any table");
        return user;
    }
    findings.Warning("rights", row[1] == "t" ? user + " is a superuser"
                                             : user + " can write to " + writable +
                                                   (writable == "1" ? " table" : " tables"));
    findings.Warning(
        "reader role",
        "better, on the primary: CREATE ROLE pulse_reader LOGIN PASSWORD '...' CONNECTION LIMIT 5; "
        "GRANT CONNECT ON DATABASE " +
            row[3].value_or("") +
            " TO pulse_reader; GRANT pg_read_all_stats TO pulse_reader; and SELECT on the tables "
            "to read");
    return user;
}

// The last check: its error ends the remote transaction.
void CheckReadOnly(Reader& reader, Findings& findings) {
    try {
        reader.Query("SELECT 1 FROM pg_catalog.pg_class LIMIT 1 FOR UPDATE");
        findings.Refused("read only", "a writing statement was not rejected");
    } catch (const UserError& error) {
        if (error.state() != sqlstate::kReadOnlyTransaction) throw;
        findings.Ok("read only", "a writing statement was rejected");
    }
}

void CheckPulseVersion(Reader& reader, const ServerStatus& status, Findings& findings) {
    if (reader.HasPulse())
        findings.Ok("pulse", *status.pulse_version + ": its aggregates are used");
    else if (status.pulse_version)
        findings.Ok("pulse", *status.pulse_version + " is a different version: plain SQL is used");
    else
        findings.Ok("pulse", "not installed, or no privilege: plain SQL is used");
}

// Guard rails that do not depend on the server.
void CheckGuardRails(const Server& server, Findings& findings) {
    const SourceLimits& limits = server.limits;
    findings.Check("visits",
                   std::to_string(server.recent_visits) + " within a minute of max_queries_per_minute " +
                       std::to_string(limits.max_queries_per_minute),
                   RateRefusal(server));
    if (InUse(server))
        findings.Warning(
            "one at a time",
            "another session is reading the source; a visit would wait up to pulse.lock_timeout, " +
                FormatMilliseconds(pg::settings::lock_timeout));
    else
        findings.Ok("one at a time", "no other session is reading the source");
    findings.Ok("max_cost", limits.max_cost ? std::to_string(std::llround(*limits.max_cost)) +
                                                  ": each statement is explained before it runs"
                                            : "not set");
    findings.Ok("statement_timeout", FormatMilliseconds(limits.statement_timeout));
    findings.Ok("lock_timeout", FormatMilliseconds(limits.lock_timeout));
    findings.Ok("conflict_retries", std::to_string(limits.conflict_retries));
}

}  // namespace

std::vector<TestRow> TestSource(const std::string& source) {
    if (source.empty())
        throw UserError(sqlstate::kUndefinedObject, "the name of the source is empty", "",
                        "pulse.source lists the sources. This database needs no test.");
    const Target target = ResolveTarget({source, pg::CallerName(), ""}, 0);
    const Server& server = *target.server;
    Findings findings;
    Usage usage;
    usage.source = source;
    usage.purpose = "test";
    usage.began = GetCurrentTimestamp();
    const auto begin = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    };
    try {
        ReadUnguarded(server, usage, [&](Reader& reader, const ServerStatus& status) {
            findings.Ok("reachable", "connected in " + FormatMilliseconds(elapsed()));
            findings.Ok("version", "PostgreSQL " + FormatVersion(status.version));
            CheckRole(server, status, findings);
            CheckLatency(reader, findings);
            const std::string user = CheckRights(reader, findings);
            CheckLoad(server, status, user, findings);
            CheckPulseVersion(reader, status, findings);
            CheckReadOnly(reader, findings);
        });
    } catch (const pg::Error&) {
        throw;  // cancelled
    } catch (const UserError& error) {
        RecordFailure(usage);
        findings.Refused(findings.rows.empty() ? "reachable" : "test",
                         error.message() + (error.detail().empty() ? "" : ": " + error.detail()));
    }
    usage.duration_ms = elapsed();
    CheckGuardRails(server, findings);
    RecordUsage(usage);
    return findings.rows;
}

void CreateSource(const std::string& name, const pg::Json& options) {
    if (name == "local")
        throw UserError(sqlstate::kInvalidName, "invalid name of a source",
                        "\"local\" is reserved for this database.", "Give another name.");
    pg::CreateServer("source", name, "pulse_source", Options(), options,
                     "{\"host\": \"replica.example\", \"dbname\": \"crm\", \"user\": \"pulse_reader\", "
                     "\"password\": \"...\"}");
    audit::Write("source.created", name);
}

void DeleteSource(const std::string& name) {
    constexpr size_t kNamed = 5;
    {
        const pg::OwnerSession session;
        if (!pg::FindServer("pulse_source", name))
            throw UserError(sqlstate::kUndefinedObject, "source \"" + name + "\" does not exist", "",
                            SuggestName(name, pg::ServerNames("pulse_source"), "Sources"));
        const std::vector<std::string> users = UsersOf(name);
        std::string list;
        for (size_t i = 0; i < std::min(users.size(), kNamed); ++i) list += (i == 0 ? "" : ", ") + users[i];
        if (!users.empty())
            throw UserError(sqlstate::kDependentObjects, "source \"" + name + "\" is still read",
                            "By " + list + (users.size() > kNamed ? ", …" : "") + ".",
                            "Delete or archive these segments, and stop monitoring these tables "
                            "(pulse_unmonitor_table()), or let them read another source.");
    }
    {
        const pg::Session session;
        pg::DropServer(name);
    }
    audit::Write("source.deleted", name);
}

}  // namespace pulse::source
