// Guard rails and the status of a server.
#include <gtest/gtest.h>

#include "pulse/source/server.hpp"

namespace pulse::source {
namespace {

Rows Answer(std::vector<std::optional<std::string>> row) {
    Rows rows;
    rows.names.resize(row.size());
    rows.values.push_back(std::move(row));
    return rows;
}

TEST(SourceGuard, ReadsTheServerStatus) {
    const ServerStatus standby = ReadServerStatus(Answer({"150004", "t", "t", "95000", "7", "0.1.0"}));
    EXPECT_EQ(standby.version, 150004);
    EXPECT_TRUE(standby.standby);
    EXPECT_TRUE(standby.replay_paused);
    EXPECT_EQ(standby.lag_ms, 95'000);
    EXPECT_EQ(standby.active_sessions, 7);
    EXPECT_EQ(standby.pulse_version, "0.1.0");

    const ServerStatus bare =
        ReadServerStatus(Answer({"140000", "t", "f", std::nullopt, std::nullopt, std::nullopt}));
    EXPECT_EQ(bare.lag_ms, std::nullopt);
    EXPECT_EQ(bare.active_sessions, std::nullopt);
    EXPECT_EQ(bare.pulse_version, std::nullopt);
    // The clock of the standby may be ahead of the primary's.
    EXPECT_EQ(ReadServerStatus(Answer({"140000", "t", "f", "-40", "0", std::nullopt})).lag_ms, 0);
    EXPECT_THROW(ReadServerStatus(Rows{}), UserError);
    EXPECT_THROW(ReadServerStatus(Answer({"1"})), UserError);
}

TEST(SourceGuard, OnlyStandbysUnlessAllowed) {
    Server server;
    ServerStatus status;
    EXPECT_EQ(PrimaryRefusal(server, status), "it is a primary, but allow_primary is off");
    server.was_standby = true;
    EXPECT_EQ(PrimaryRefusal(server, status),
              "it was promoted and is a primary now, but allow_primary is off");
    server.limits.allow_primary = true;
    EXPECT_EQ(PrimaryRefusal(server, status), std::nullopt);
    server.limits.allow_primary = false;
    status.standby = true;
    EXPECT_EQ(PrimaryRefusal(server, status), std::nullopt);
}

TEST(SourceGuard, Lag) {
    const SourceLimits limits = ReadLimits({});
    ServerStatus status;
    status.lag_ms = 95'000;
    EXPECT_EQ(LagRefusal(limits, status), "replay lag 1 min 35 s exceeds max_replay_lag 30 s");
    status.replay_paused = true;
    EXPECT_EQ(LagRefusal(limits, status),
              "replay lag 1 min 35 s exceeds max_replay_lag 30 s (replay is paused)");
    status.lag_ms = 30'000;
    EXPECT_EQ(LagRefusal(limits, status), std::nullopt);
    status.lag_ms.reset();
    EXPECT_EQ(LagRefusal(limits, status), std::nullopt);
}

TEST(SourceGuard, Load) {
    SourceLimits limits;
    ServerStatus status;
    EXPECT_EQ(LoadRefusal(limits, status), std::nullopt);
    limits.max_active_sessions = 10;
    EXPECT_EQ(LoadRefusal(limits, status),
              "its active sessions cannot be counted, but max_active_sessions is 10");
    status.active_sessions = 11;
    EXPECT_EQ(LoadRefusal(limits, status), "11 active sessions exceed max_active_sessions 10");
    status.active_sessions = 10;
    EXPECT_EQ(LoadRefusal(limits, status), std::nullopt);
}

TEST(SourceGuard, CostAndRate) {
    SourceLimits limits;
    EXPECT_EQ(CostRefusal(limits, 1e12), std::nullopt);
    limits.max_cost = 1000;
    EXPECT_EQ(CostRefusal(limits, 1000), std::nullopt);
    EXPECT_EQ(CostRefusal(limits, 123456.7), "estimated cost 123457 exceeds max_cost 1000");
    Server server;
    server.limits = ReadLimits({});
    server.recent_visits = 59;
    EXPECT_EQ(RateRefusal(server), std::nullopt);
    server.recent_visits = 60;
    EXPECT_EQ(RateRefusal(server), "60 visits within a minute reach max_queries_per_minute 60");
    server.limits.max_queries_per_minute = 0;
    server.recent_visits = 0;
    EXPECT_NE(RateRefusal(server), std::nullopt);
}

TEST(SourceGuard, RefusalsNameTheSource) {
    const Unavailable error = MakeUnavailable("crm_replica", "replay lag 95 s exceeds max_replay_lag 30 s");
    EXPECT_EQ(error.message(),
              "source \"crm_replica\" was not read: replay lag 95 s exceeds max_replay_lag 30 s");
    EXPECT_EQ(error.state(), "55000");
}

TEST(SourceGuard, TheShorterLimitApplies) {
    EXPECT_EQ(ShorterLimit(0, 0), 0);
    EXPECT_EQ(ShorterLimit(0, 5), 5);
    EXPECT_EQ(ShorterLimit(5, 0), 5);
    EXPECT_EQ(ShorterLimit(7, 5), 5);
}

TEST(SourceGuard, OnlyReadOnlyStatements) {
    for (const char* sql : {"SELECT 1", " \n\tselect 1", "((SELECT 1))",
                            "/* a */ -- b\n WITH x AS (SELECT 1) TABLE x", "VALUES (1)", "TABLE t"}) {
        EXPECT_TRUE(BeginsAsRead(sql)) << sql;
        EXPECT_TRUE(CanBeExplained(sql)) << sql;
    }
    for (const char* sql : {"SHOW timezone", "EXPLAIN SELECT 1"}) {
        EXPECT_TRUE(BeginsAsRead(sql)) << sql;
        EXPECT_FALSE(CanBeExplained(sql)) << sql;
    }
    for (const char* sql : {"", "COMMIT", "DELETE FROM t", "-- SELECT", "/* SELECT", "selectx", "SET ROLE x",
                            ";SELECT 1", "CALL p()", "DO $$$$", "COPY t TO PROGRAM 'x'"})
        EXPECT_FALSE(BeginsAsRead(sql)) << sql;
}

TEST(SourceGuard, BacksOffWithJitter) {
    EXPECT_EQ(ReconnectDelay(1, 0), 100);
    EXPECT_EQ(ReconnectDelay(1, 0.999999), 199);
    EXPECT_EQ(ReconnectDelay(3, 0), 400);
    EXPECT_EQ(ReconnectDelay(100, 0), 2500);
}

TEST(SourceGuard, TheScriptSetsTimeouts) {
    const std::string script = BeginScript(ReadLimits({}), 1234, false);
    EXPECT_EQ(script.find("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "), 0u);
    for (const char* part :
         {"SET LOCAL client_connection_check_interval = '1s'", "SET LOCAL statement_timeout = '1234'",
          "SET LOCAL lock_timeout = '1000'", "SET LOCAL idle_in_transaction_session_timeout = '60000'",
          "SET LOCAL timezone = 'UTC'", "SET LOCAL standard_conforming_strings = 'on'"})
        EXPECT_NE(script.find(part), std::string::npos) << part;
    EXPECT_EQ(script.find("pg_stat_activity"), std::string::npos);
    EXPECT_NE(BeginScript(ReadLimits({}), 0, true).find("pg_stat_activity"), std::string::npos);
}

}  // namespace
}  // namespace pulse::source
