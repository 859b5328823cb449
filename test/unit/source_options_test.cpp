// The options of pulse_source: valid values, error messages, limits.
#include <gtest/gtest.h>

#include <set>

#include "pulse/base/error.hpp"
#include "pulse/source/options.hpp"

namespace pulse::source {
namespace {

using options::Holder;
using options::Option;

const OptionList kHost = {{"host", "replica"}};

OptionList With(const std::string& name, const std::string& value) {
    OptionList options = kHost;
    options.emplace_back(name, value);
    return options;
}

// The error of the options, or an error without a message.
UserError Failure(Holder holder, const OptionList& options, bool superuser = true) {
    try {
        Options().Check(holder, options, superuser);
        CheckOptions(holder, options);
    } catch (const UserError& error) {
        return error;
    }
    return UserError("00000", "");
}

TEST(SourceOptions, DefaultsAreValidAndNamesUnique) {
    std::set<std::string> names;
    for (const Option& option : Options().all()) {
        EXPECT_TRUE(names.insert(option.name).second) << option.name;
        EXPECT_NE(std::string(option.help), "");
        if (option.holder == Holder::kServer && *option.fallback && std::string(option.name) != "host") {
            EXPECT_EQ(Failure(Holder::kServer, With(option.name, option.fallback)).message(), "")
                << option.name;
        }
    }
}

TEST(SourceOptions, UnknownOptionsListValidOnes) {
    const UserError error = Failure(Holder::kServer, With("zone", "x"));
    EXPECT_EQ(error.state(), "HV00D");
    EXPECT_EQ(error.message(), "unknown option \"zone\" of a source");
    EXPECT_NE(error.hint().find("host, hostaddr, port, dbname"), std::string::npos);
    EXPECT_EQ(error.hint().find("password"), std::string::npos);

    EXPECT_EQ(Failure(Holder::kServer, With("hots", "x")).hint(), "Did you mean \"host\"?");
    EXPECT_EQ(Failure(Holder::kServer, With("cadence", "1 day")).hint(),
              "It belongs to the definition of a segment, which names the source: {\"source\": ..., "
              "\"cadence\": ...}.");
    const UserError mapping = Failure(Holder::kMapping, {{"secret", "geheim"}});
    EXPECT_EQ(mapping.hint(), "Options of the user mapping are user, password, sslcert, sslkey.");
    EXPECT_EQ((mapping.message() + mapping.detail()).find("geheim"), std::string::npos);
}

TEST(SourceOptions, OptionsBelongToServerOrMapping) {
    EXPECT_EQ(Failure(Holder::kServer, With("password", "geheim")).detail(),
              "It belongs to the user mapping.");
    EXPECT_EQ(Failure(Holder::kMapping, {{"host", "x"}}).detail(), "It belongs to the server.");
    const auto [server, mapping] =
        Options().Divide({{"user", "u"}, {"host", "h"}, {"password", "p"}, {"port", "1"}});
    EXPECT_EQ(server, (OptionList{{"host", "h"}, {"port", "1"}}));
    EXPECT_EQ(mapping, (OptionList{{"user", "u"}, {"password", "p"}}));
    EXPECT_THROW(Options().Divide({{"host", "h"}, {"sslpassword", "x"}}), UserError);
}

TEST(SourceOptions, AServerNeedsAHost) {
    EXPECT_EQ(Failure(Holder::kServer, {{"port", "5432"}}).state(), "22023");
    EXPECT_EQ(Failure(Holder::kServer, {{"hostaddr", "127.0.0.1"}}).message(), "");
}

TEST(SourceOptions, FilesAreRestrictedToSuperusers) {
    EXPECT_EQ(Failure(Holder::kMapping, {{"sslcert", "/x"}}, false).state(), "42501");
    EXPECT_EQ(Failure(Holder::kMapping, {{"sslkey", "/x"}}, false).state(), "42501");
    EXPECT_EQ(Failure(Holder::kMapping, {{"sslkey", "/x"}}, true).message(), "");
    EXPECT_EQ(Failure(Holder::kMapping, {{"user", "u"}, {"password", "p"}}, false).message(), "");
}

TEST(SourceOptions, ErrorsShowInvalidValuesButNeverAPassword) {
    const std::vector<std::pair<std::string, std::string>> bad = {
        {"port", "0"},
        {"port", "65536"},
        {"port", "54 32"},
        {"port", ""},
        {"port", "-1"},
        {"sslmode", "on"},
        {"channel_binding", "yes"},
        {"allow_primary", "maybe"},
        {"max_replay_lag", "30"},
        {"max_replay_lag", "-1s"},
        {"max_replay_lag", "0s"},
        {"max_replay_lag", "30 parsecs"},
        {"max_replay_lag", "400d"},
        {"max_active_sessions", "-1"},
        {"max_active_sessions", "1.5"},
        {"max_active_sessions", "99999999999999999999"},
        {"max_cost", "0"},
        {"max_cost", "inf"},
        {"max_cost", "nan"},
        {"max_cost", "1e400"},
        {"statement_timeout", ""},
        {"host", ""},
        {"max_queries_per_minute", "many"},
        {"conflict_retries", "x"}};
    for (const auto& [name, value] : bad) {
        const UserError error =
            Failure(Holder::kServer, name == "host" ? OptionList{{name, value}} : With(name, value));
        EXPECT_EQ(error.state(), "22023") << name << "=" << value;
        EXPECT_EQ(error.detail(), "It is \"" + value + "\".");
        EXPECT_NE(error.hint(), "");
    }
    const UserError password = Failure(Holder::kMapping, {{"password", ""}});
    EXPECT_EQ(password.state(), "22023");
    EXPECT_EQ(password.detail(), "");
}

TEST(SourceOptions, Spans) {
    EXPECT_EQ(ParseSpan("500ms"), 500);
    EXPECT_EQ(ParseSpan("30s"), 30'000);
    EXPECT_EQ(ParseSpan("30 seconds"), 30'000);
    EXPECT_EQ(ParseSpan("1.5min"), 90'000);
    EXPECT_EQ(ParseSpan("2h"), 7'200'000);
    EXPECT_EQ(ParseSpan("21d"), 1'814'400'000);
    // As durations are read everywhere else.
    EXPECT_EQ(ParseSpan("30m"), 1'800'000);
    EXPECT_EQ(ParseSpan(" 5s"), 5'000);
    EXPECT_EQ(ParseSpan("5s "), 5'000);
    for (const char* text : {"", "s", "30", "-5s", "1..5s", "1s1", "22d", "9999999999999999999999h"})
        EXPECT_EQ(ParseSpan(text), std::nullopt) << text;
    EXPECT_EQ(FormatMilliseconds(95'000), "1 min 35 s");
    EXPECT_EQ(FormatMilliseconds(1'250), "1.25 s");
    EXPECT_EQ(FormatMilliseconds(999), "999 ms");
    EXPECT_EQ(FormatMilliseconds(0.31), "0.3 ms");
    EXPECT_EQ(FormatMilliseconds(0), "0 s");
    EXPECT_EQ(FormatMilliseconds(3'600'000), "1 h");
}

TEST(SourceOptions, LimitsHaveDefaults) {
    const SourceLimits limits = ReadLimits(kHost);
    EXPECT_FALSE(limits.allow_primary);
    EXPECT_EQ(limits.max_replay_lag, 30'000);
    EXPECT_EQ(limits.max_active_sessions, std::nullopt);
    EXPECT_EQ(limits.max_cost, std::nullopt);
    EXPECT_EQ(limits.statement_timeout, 300'000);
    EXPECT_EQ(limits.lock_timeout, 1'000);
    EXPECT_EQ(limits.connect_timeout, 10'000);
    EXPECT_EQ(limits.max_queries_per_minute, 60);
    EXPECT_EQ(limits.conflict_retries, 3);
    const SourceLimits set =
        ReadLimits({{"allow_primary", "on"}, {"max_cost", "1e6"}, {"max_active_sessions", "0"}});
    EXPECT_TRUE(set.allow_primary);
    EXPECT_EQ(set.max_cost, 1e6);
    EXPECT_EQ(set.max_active_sessions, 0);
}

TEST(SourceOptions, OnlyKeywordsOfLibpqReachLibpq) {
    const OptionList parameters = ConnectionParameters(
        {{"host", "h"}, {"max_cost", "5"}, {"connect_timeout", "5s"}}, {{"user", "u"}, {"password", "p"}});
    EXPECT_EQ(parameters, (OptionList{{"host", "h"}, {"user", "u"}, {"password", "p"}}));
}

}  // namespace
}  // namespace pulse::source
