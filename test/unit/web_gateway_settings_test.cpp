#include "pulse/web/gateway/settings.hpp"

#include <gtest/gtest.h>

#include <map>

namespace pulse::web::gateway {

namespace {

struct Read {
    Settings settings;
    std::vector<std::string> problems;
};

Read From(const std::vector<std::string>& arguments, const std::optional<std::string>& file = std::nullopt,
          const std::map<std::string, std::string>& environment = {}) {
    Read read;
    const CommandLine line = ReadCommandLine(arguments, read.problems);
    const auto variable = [&](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
    };
    read.settings = ReadSettings(line, file, variable, read.problems);
    return read;
}

TEST(GatewaySettings, AreGoodWithoutAnything) {
    const Read read = From({});
    EXPECT_EQ(read.settings, Settings());
    EXPECT_TRUE(read.problems.empty());
    EXPECT_TRUE(IsLoopback(read.settings.address));
}

TEST(GatewaySettings, TheLastPlaceCounts) {
    const std::string file =
        "port = 1\n# a comment\n\n  body=2MB  \nlog = \"errors\"\nhosts = a.example, b.example\n";
    EXPECT_EQ(From({}, file).settings.port, 1);
    EXPECT_EQ(From({}, file).settings.body, 2 << 20);
    EXPECT_EQ(From({}, file).settings.log, "errors");
    EXPECT_EQ(From({}, file).settings.hosts, (std::vector<std::string>{"a.example", "b.example"}));
    EXPECT_EQ(From({}, file, {{"PULSE_HTTP_PORT", "2"}}).settings.port, 2);
    EXPECT_EQ(From({"--port", "3"}, file, {{"PULSE_HTTP_PORT", "2"}}).settings.port, 3);
    EXPECT_EQ(From({"--port=3", "--port=4"}).settings.port, 4);
}

TEST(GatewaySettings, ReadsUnits) {
    const Read read =
        From({"--header-time", "1min", "--body=16 kB", "--large_body", "2000000", "--idle-time=1.5 s"});
    EXPECT_TRUE(read.problems.empty()) << read.problems[0];
    EXPECT_EQ(read.settings.header_time, milliseconds(60'000));
    EXPECT_EQ(read.settings.idle_time, milliseconds(1'500));
    EXPECT_EQ(read.settings.body, 16 << 10);
    EXPECT_EQ(read.settings.large_body, 2'000'000);
}

TEST(GatewaySettings, SaysWhatIsWrong) {
    const struct {
        std::vector<std::string> arguments;
        const char* problem;
    } kWrong[] = {
        {{"--port", "99999"}, R"(--port: "99999" is not between 0 and 65535)"},
        {{"--port", "x"}, R"(--port: "x" is not a whole number)"},
        {{"--body", "1 mile"}, R"(--body: "1 mile" is not a size such as 16kB or 1MB)"},
        {{"--header-time", "10"}, R"(--header_time: "10" is not a time such as 500ms, 10s or 1min)"},
        {{"--prot", "1"}, R"(unknown setting "prot". Did you mean "port"?)"},
        {{"--port"}, "port: there is no value"},
        {{"port"}, R"("port" is not an option)"},
        {{"--address", "localhost"}, R"(address: "localhost" is not an IP address)"},
        {{"--tls-key", "k"}, "tls_certificate and tls_key: set both or neither"},
        {{"--log", "all"}, R"(log: "all" is not requests, errors or off)"},
        {{"--trusted-proxies", "10.0.0.0/99"},
         R"(trusted_proxies: "10.0.0.0/99" is not an address or network)"},
        {{"--cors-origins", "a.example"}, R"(cors_origins: "a.example" is not like https://a.example)"},
        {{"--body", "20MB"}, "body: it must not be more than large_body"},
        {{"--head", "2kB"}, "target: it must not be more than head"},
    };
    for (const auto& [arguments, problem] : kWrong)
        EXPECT_EQ(From(arguments).problems, std::vector<std::string>{problem}) << arguments[0];
    EXPECT_EQ(From({}, "port = 1\nnothing\nprot = 1\n").problems,
              (std::vector<std::string>{"line 2: there is no \"=\"",
                                        R"(line 3: unknown setting "prot". Did you mean "port"?)"}));
    EXPECT_EQ(From({}, std::nullopt, {{"PULSE_HTTP_PORT", "x"}}).problems,
              std::vector<std::string>{R"(PULSE_HTTP_PORT: "x" is not a whole number)"});
}

TEST(GatewaySettings, ReadsActions) {
    std::vector<std::string> problems;
    using Action = CommandLine::Action;
    EXPECT_EQ(ReadCommandLine({"--check", "--config", "f"}, problems).action, Action::kCheck);
    EXPECT_EQ(ReadCommandLine({"--check", "--config", "f"}, problems).file, "f");
    EXPECT_EQ(ReadCommandLine({"--version"}, problems).action, Action::kVersion);
    EXPECT_EQ(ReadCommandLine({"--help"}, problems).action, Action::kHelp);
    EXPECT_TRUE(problems.empty());
    for (const Setting& setting : AllSettings())
        EXPECT_NE(HelpText().find(setting.help), std::string::npos) << setting.name;
}

TEST(GatewaySettings, KnowsWhatNeedsARestart) {
    Settings now;
    now.port = 1;
    now.body = 2048;
    EXPECT_EQ(NeedRestart(Settings(), now), std::vector<std::string>{"port"});
}

}  // namespace

}  // namespace pulse::web::gateway
