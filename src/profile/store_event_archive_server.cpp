// Connections to archive servers: those of postgres_fdw, which their users have made.
#include "pulse/base/options.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_event_archive.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int kOldestArchive = 140000;
constexpr int kConnectTimeout = 10'000, kAnswerTimeout = 15 * 60'000;  // milliseconds

// Rows must arrive as they are, and be durable before they are deleted here.
constexpr const char* kSession =
    "SET timezone = 'UTC'; SET datestyle = 'ISO, MDY'; SET standard_conforming_strings = on;"
    " SET search_path = pg_catalog; SET client_min_messages = error; SET synchronous_commit = on;"
    " SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off;"
    " SET lock_timeout = '10s'; SET statement_timeout = '10min';"
    " SET idle_in_transaction_session_timeout = '5min'";

[[noreturn]] void ThrowUnknownServer(const std::string& name) {
    const pg::Result names = pg::Execute(
        "SELECT string_agg(quote_ident(s.srvname), ', ' ORDER BY s.srvname), EXISTS (SELECT FROM"
        " pg_foreign_data_wrapper WHERE fdwname = 'postgres_fdw') FROM pg_foreign_server AS s"
        " JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw WHERE w.fdwname = 'postgres_fdw'");
    std::string hint = "CREATE SERVER … FOREIGN DATA WRAPPER postgres_fdw makes one.";
    if (const auto list = names[0].TextOrNull(0)) hint = "Servers of postgres_fdw are " + *list + ".";
    if (!names[0].Bool(1)) hint = "CREATE EXTENSION postgres_fdw, then make a server and a user mapping.";
    throw UserError(sqlstate::kUndefinedObject, "server \"" + name + "\" does not exist", "", hint);
}

}  // namespace

ArchiveServer FindArchiveServer(const std::string& name) {
    const pg::Result rows = pg::Execute(
        "SELECT w.fdwname::text, s.srvoptions, m.umoptions, m.umserver IS NOT NULL,"
        " r.rolsuper OR r.rolname = current_user, current_user::text, has_server_privilege(s.oid, 'USAGE'),"
        " r.rolname::text, (SELECT c.rolsuper FROM pg_roles AS c WHERE c.rolname = current_user) FROM pg_foreign_server AS s"
        " JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw JOIN pg_roles AS r ON r.oid = s.srvowner"
        " LEFT JOIN LATERAL (SELECT * FROM pg_user_mapping AS u WHERE u.umserver = s.oid AND u.umuser IN"
        " (current_user::regrole, 0) ORDER BY u.umuser DESC LIMIT 1) AS m ON true WHERE s.srvname = $1",
        {Value::Text(name)});
    if (rows.empty()) ThrowUnknownServer(name);
    if (rows[0].Text(0) != "postgres_fdw")
        throw UserError(sqlstate::kWrongObjectType, "server \"" + name + "\" is not a server of postgres_fdw",
                        "It is one of " + rows[0].Text(0) + ".",
                        "CREATE SERVER … FOREIGN DATA WRAPPER postgres_fdw makes one.");
    const std::string owner = pg::QuoteIdentifier(rows[0].Text(5));
    // Whoever owns a server says where it is, and makes mappings: they would act with the owner's rights.
    if (!rows[0].Bool(4))
        throw UserError(sqlstate::kInsufficientPrivilege,
                        "server \"" + name + "\" is not owned by a superuser or the owner of the extension",
                        "Its owner is " + rows[0].Text(7) + ".",
                        "ALTER SERVER " + pg::QuoteIdentifier(name) + " OWNER TO " + owner + ".");
    if (!rows[0].Bool(3))
        throw UserError(sqlstate::kUndefinedObject,
                        "server \"" + name + "\" has no user mapping for the owner of the extension", "",
                        "CREATE USER MAPPING FOR " + owner + " SERVER " + pg::QuoteIdentifier(name) +
                            " OPTIONS (user …).");
    if (!rows[0].Bool(6))
        throw UserError(sqlstate::kInsufficientPrivilege,
                        "the owner of the extension may not use server \"" + name + "\"", "",
                        "GRANT USAGE ON FOREIGN SERVER " + pg::QuoteIdentifier(name) + " TO " + owner + ".");
    // As postgres_fdw does; only a superuser can say that no password is required.
    ArchiveServer server{name, {}, kConnectTimeout, !rows[0].Bool(8)};
    bool has_password = false;
    for (const int column : {1, 2}) {
        if (rows[0].IsNull(column)) continue;
        for (const auto& [keyword, value] : options::FromTexts(rows[0].Texts(column))) {
            if (keyword == "password_required" && options::ParseFlag(value) == false)
                server.password_required = false;
            has_password |= keyword == "password" && !value.empty();
            if (keyword == "connect_timeout")
                server.connect_timeout =
                    static_cast<int>(options::ParseWhole(value).value_or(kConnectTimeout / 1000)) * 1000;
            else if (pg::IsConnectionKeyword(keyword))
                server.parameters.emplace_back(keyword, value);
        }
    }
    // What libpq would take from the environment or a file is this server's.
    if (server.password_required && !has_password)
        throw UserError(sqlstate::kProhibitedStatement,
                        "the user mapping for server \"" + name + "\" has no password",
                        "The owner of the extension is not a superuser.",
                        "ALTER USER MAPPING FOR " + owner + " SERVER " + pg::QuoteIdentifier(name) +
                            " OPTIONS (ADD password …).");
    if (server.connect_timeout <= 0 || server.connect_timeout > 60'000)
        server.connect_timeout = kConnectTimeout;
    server.parameters.emplace_back("fallback_application_name", "pulse");
    server.parameters.emplace_back("client_encoding", "UTF8");
    return server;
}

std::unique_ptr<pg::Remote> ConnectArchive(const ArchiveServer& server) {
    auto remote = std::make_unique<pg::Remote>(server.parameters, server.connect_timeout);
    if (server.password_required && !remote->UsedPassword())
        throw UserError(
            sqlstate::kProhibitedStatement, "server \"" + server.name + "\" did not ask for a password",
            "The owner of the extension is not a superuser, and must not use the rights of this server.",
            "Configure scram-sha-256 in the pg_hba.conf of that server.");
    if (const int version = remote->ServerVersion(); version < kOldestArchive)
        throw UserError(sqlstate::kNotSupported, "server \"" + server.name + "\" is too old",
                        "It runs PostgreSQL " + std::to_string(version / 10000) + ".",
                        "An archive needs PostgreSQL 14 or newer.");
    RunThere(*remote, kSession);
    return remote;
}

pg::RemoteRows RunThere(pg::Remote& remote, const std::string& sql) {
    return remote.RunScript(sql, kAnswerTimeout);
}

}  // namespace pulse::profile
