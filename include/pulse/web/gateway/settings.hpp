// The settings of the gateway: from a file, the environment and the command line, in rising precedence.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pulse::web::gateway {

using std::chrono::milliseconds;

struct Settings {
    std::string address = "127.0.0.1";
    int64_t port = 8080;
    std::string conninfo, read_conninfo;
    int64_t decide_connections = 4, ingest_connections = 24, other_connections = 4;
    int64_t queue = 1000;
    milliseconds queue_time{5'000}, request_time{30'000}, connect_time{5'000};

    int64_t connections = 1'024;
    int64_t head = 16 << 10, target = 8 << 10, body = 1 << 20, large_body = 10 << 20,
            inflated_body = 32 << 20, memory = 256 << 20;
    milliseconds header_time{10'000}, body_time{60'000}, idle_time{60'000}, send_time{30'000},
        shutdown_time{30'000};
    int64_t body_rate = 1'000;
    int64_t rate = 0;

    std::vector<std::string> cors_origins, trusted_proxies, hosts;
    std::string tls_certificate, tls_key;
    std::string log = "requests";
    std::string console = "on", console_directory;

    bool operator==(const Settings&) const = default;
};

enum class Kind { kText, kNumber, kSize, kTime, kList };

struct Setting {
    const char* name;
    Kind kind;
    std::variant<std::string Settings::*, int64_t Settings::*, milliseconds Settings::*,
                 std::vector<std::string> Settings::*>
        member;
    const char* help;
    int64_t least = 0, most = INT64_MAX;  // of times in milliseconds
    bool at_start = false;                // a change needs a restart
};

// All settings, in the order of the documentation.
const std::vector<Setting>& AllSettings();

// What the command line asks for.
struct CommandLine {
    enum class Action { kServe, kCheck, kVersion, kHelp } action = Action::kServe;
    std::string file;  // of --config
    std::vector<std::pair<std::string, std::string>> values;
};

// Reads the arguments without the program's name; adds what is wrong to `problems`.
CommandLine ReadCommandLine(const std::vector<std::string>& arguments, std::vector<std::string>& problems);

// The settings, and what is wrong with them. `file` is the text of the file, `environment` returns a variable
// or null.
Settings ReadSettings(const CommandLine& line, const std::optional<std::string>& file,
                      const std::function<const char*(const char*)>& environment,
                      std::vector<std::string>& problems);

// The names of changed settings that need a restart.
std::vector<std::string> NeedRestart(const Settings& old, const Settings& now);

// The text of --help.
std::string HelpText();

// Whether only programs of this machine can reach the address.
bool IsLoopback(const std::string& address);

}  // namespace pulse::web::gateway
