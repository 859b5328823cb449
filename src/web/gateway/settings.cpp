#include "pulse/web/gateway/settings.hpp"

#include <algorithm>
#include <charconv>

#include "pulse/base/duration.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/web/gateway/network.hpp"

namespace pulse::web::gateway {

namespace {

constexpr int64_t kDay = 24 * 60 * 60 * 1000;
constexpr int64_t kMostBytes = int64_t{1} << 30;

std::string TrimText(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<int64_t> ReadNumber(const std::string& text) {
    int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return number;
}

// "16kB", "1 MB", or bytes.
std::optional<int64_t> ReadSize(const std::string& text) {
    constexpr std::pair<const char*, int64_t> kUnits[] = {
        {"kB", int64_t{1} << 10}, {"MB", int64_t{1} << 20}, {"GB", int64_t{1} << 30}, {"B", 1}};
    for (const auto& [unit, bytes] : kUnits) {
        if (!text.ends_with(unit)) continue;
        const auto number = ReadNumber(TrimText(text.substr(0, text.size() - std::string_view(unit).size())));
        if (!number || *number < 0 || *number > INT64_MAX / bytes) return std::nullopt;
        return *number * bytes;
    }
    return ReadNumber(text);
}

std::vector<std::string> ReadList(const std::string& text) {
    std::vector<std::string> list;
    size_t at = 0;
    while (at <= text.size()) {
        const size_t comma = std::min(text.find(',', at), text.size());
        if (std::string entry = TrimText(text.substr(at, comma - at)); !entry.empty())
            list.push_back(std::move(entry));
        at = comma + 1;
    }
    return list;
}

std::string InUnit(const Setting& setting, int64_t value) {
    if (setting.kind == Kind::kTime) return FormatDuration(value * 1000);
    if (setting.kind != Kind::kSize || value % 1024 != 0) return std::to_string(value);
    return value % (1 << 20) == 0 ? std::to_string(value >> 20) + "MB" : std::to_string(value >> 10) + "kB";
}

const char* Example(Kind kind) {
    switch (kind) {
        case Kind::kSize: return "a size such as 16kB or 1MB";
        case Kind::kTime: return "a time such as 500ms, 10s or 1min";
        default: return "a whole number";
    }
}

// Set one value. Returns what is wrong with it, or nothing.
std::string Set(Settings& settings, const Setting& setting, const std::string& text) {
    if (setting.kind == Kind::kText) {
        settings.*std::get<std::string Settings::*>(setting.member) = text;
        return "";
    }
    if (setting.kind == Kind::kList) {
        settings.*std::get<std::vector<std::string> Settings::*>(setting.member) = ReadList(text);
        return "";
    }
    std::optional<int64_t> value;
    if (setting.kind == Kind::kTime) {
        if (const auto microseconds = ParseDuration(text)) value = *microseconds / 1000;
    } else {
        value = setting.kind == Kind::kSize ? ReadSize(text) : ReadNumber(text);
    }
    if (!value) return "\"" + text + "\" is not " + Example(setting.kind);
    if (*value < setting.least || *value > setting.most)
        return "\"" + text + "\" is not between " + InUnit(setting, setting.least) + " and " +
               InUnit(setting, setting.most);
    if (setting.kind == Kind::kTime)
        settings.*std::get<milliseconds Settings::*>(setting.member) = milliseconds(*value);
    else
        settings.*std::get<int64_t Settings::*>(setting.member) = *value;
    return "";
}

const Setting* FindSetting(const std::string& name) {
    for (const Setting& setting : AllSettings())
        if (name == setting.name) return &setting;
    return nullptr;
}

std::string UnknownSetting(const std::string& name) {
    std::vector<std::string> names;
    for (const Setting& setting : AllSettings()) names.emplace_back(setting.name);
    return "unknown setting \"" + name + "\". " + SuggestName(name, names, "Settings");
}

void ReadFile(Settings& settings, const std::string& text, std::vector<std::string>& problems) {
    int number = 0;
    size_t at = 0;
    while (at < text.size()) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = TrimText(text.substr(at, end - at));
        at = end + 1;
        ++number;
        if (line.empty() || line.front() == '#') continue;
        const std::string place = "line " + std::to_string(number) + ": ";
        const size_t equals = line.find('=');
        if (equals == std::string::npos) {
            problems.push_back(place + "there is no \"=\"");
            continue;
        }
        const std::string name = TrimText(line.substr(0, equals));
        std::string value = TrimText(line.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        const Setting* setting = FindSetting(name);
        const std::string problem = setting ? Set(settings, *setting, value) : UnknownSetting(name);
        if (!problem.empty()) problems.push_back(place + (setting ? name + ": " : "") + problem);
    }
}

std::string UpperName(const char* name) {
    std::string upper = "PULSE_HTTP_";
    for (const char* c = name; *c; ++c) upper += *c >= 'a' && *c <= 'z' ? static_cast<char>(*c - 32) : *c;
    return upper;
}

// What no value shows by itself.
void CheckTogether(const Settings& settings, std::vector<std::string>& problems) {
    if (!http::ParseIpAddress(settings.address))
        problems.push_back("address: \"" + settings.address + "\" is not an IP address");
    if (settings.tls_certificate.empty() != settings.tls_key.empty())
        problems.emplace_back("tls_certificate and tls_key: set both or neither");
    if (settings.log != "requests" && settings.log != "errors" && settings.log != "off")
        problems.push_back("log: \"" + settings.log + "\" is not requests, errors or off");
    if (settings.console != "on" && settings.console != "off")
        problems.push_back("console: \"" + settings.console + "\" is not on or off");
    for (const std::string& entry : settings.trusted_proxies)
        if (!Networks::IsValid(entry))
            problems.push_back("trusted_proxies: \"" + entry + "\" is not an address or network");
    for (const std::string& origin : settings.cors_origins)
        if (origin.find("://") == std::string::npos || origin.ends_with('/'))
            problems.push_back("cors_origins: \"" + origin + "\" is not like https://a.example");
    if (settings.target > settings.head) problems.emplace_back("target: it must not be more than head");
    if (settings.body > settings.large_body)
        problems.emplace_back("body: it must not be more than large_body");
    if (settings.large_body > settings.memory)
        problems.emplace_back("large_body: it must not be more than memory");
}

}  // namespace

const std::vector<Setting>& AllSettings() {
    using S = Settings;
    static const std::vector<Setting> all = {
        {"port", Kind::kNumber, &S::port, "port to listen on", 0, 65'535, true},
        {"address", Kind::kText, &S::address, "IP address to listen on", 0, 0, true},
        {"conninfo", Kind::kText, &S::conninfo, "connection string of the database", 0, 0, true},
        {"read_conninfo", Kind::kText, &S::read_conninfo, "the same for what only reads, such as a standby",
         0, 0, true},
        {"decide_connections", Kind::kNumber, &S::decide_connections, "connections for decisions", 1, 1'000,
         true},
        {"ingest_connections", Kind::kNumber, &S::ingest_connections, "connections for events", 1, 1'000,
         true},
        {"other_connections", Kind::kNumber, &S::other_connections, "connections for the rest", 1, 1'000,
         true},
        {"queue", Kind::kNumber, &S::queue, "requests that wait for a connection, of each kind", 1,
         1'000'000},
        {"queue_time", Kind::kTime, &S::queue_time, "how long they wait", 1, kDay},
        {"request_time", Kind::kTime, &S::request_time, "how long the database may work on a request", 1,
         kDay, true},
        {"connect_time", Kind::kTime, &S::connect_time, "how long connecting to the database may take", 1,
         kDay},
        {"connections", Kind::kNumber, &S::connections, "clients at once", 1, 1'000'000},
        {"head", Kind::kSize, &S::head, "largest head of a request", 1 << 10, 1 << 20},
        {"target", Kind::kSize, &S::target, "longest path and query", 256, 1 << 20},
        {"body", Kind::kSize, &S::body, "largest body", 1 << 10, kMostBytes},
        {"large_body", Kind::kSize, &S::large_body, "largest body of batches and imports", 1 << 10,
         kMostBytes},
        {"inflated_body", Kind::kSize, &S::inflated_body, "largest body after decompression", 1 << 10,
         kMostBytes},
        {"memory", Kind::kSize, &S::memory, "bodies of all requests together", 1 << 20, int64_t{1} << 40},
        {"header_time", Kind::kTime, &S::header_time, "how long a head may take to arrive", 1, kDay},
        {"body_time", Kind::kTime, &S::body_time, "how long a body may take to arrive", 1, kDay},
        {"body_rate", Kind::kNumber, &S::body_rate,
         "bytes a second at least, in which bodies arrive and answers go", 0, kMostBytes},
        {"idle_time", Kind::kTime, &S::idle_time, "how long a client may stay connected without a request", 1,
         kDay},
        {"send_time", Kind::kTime, &S::send_time, "how long a client may accept nothing of an answer", 1,
         kDay},
        {"shutdown_time", Kind::kTime, &S::shutdown_time, "how long requests may finish when ending", 0,
         kDay},
        {"rate", Kind::kNumber, &S::rate, "requests a minute of one address; 0: any", 0, 1'000'000'000},
        {"cors_origins", Kind::kList, &S::cors_origins, "origins of pages that may use Pulse; empty: all"},
        {"trusted_proxies", Kind::kList, &S::trusted_proxies, "proxies whose X-Forwarded-For counts"},
        {"hosts", Kind::kList, &S::hosts,
         "names under which Pulse is reached; empty: any, or of this machine"},
        {"tls_certificate", Kind::kText, &S::tls_certificate, "file with the certificate chain (PEM)"},
        {"tls_key", Kind::kText, &S::tls_key, "file with its key (PEM)"},
        {"log", Kind::kText, &S::log, "what to log: requests, errors or off"},
        {"console", Kind::kText, &S::console, "whether the console is served: on or off"},
        {"console_directory", Kind::kText, &S::console_directory,
         "for development: a directory whose files are served; empty: those in the program"},
    };
    return all;
}

CommandLine ReadCommandLine(const std::vector<std::string>& arguments, std::vector<std::string>& problems) {
    CommandLine line;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--check")
            line.action = CommandLine::Action::kCheck;
        else if (argument == "--version")
            line.action = CommandLine::Action::kVersion;
        else if (argument == "--help")
            line.action = CommandLine::Action::kHelp;
        else if (!argument.starts_with("--"))
            problems.push_back("\"" + argument + "\" is not an option");
        else {
            const size_t equals = argument.find('=');
            std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
            std::replace(name.begin(), name.end(), '-', '_');
            if (name != "config" && !FindSetting(name)) {
                problems.push_back(UnknownSetting(name));
                const bool has_value = equals == std::string::npos && i + 1 < arguments.size();
                if (has_value && !arguments[i + 1].starts_with("--")) ++i;
                continue;
            }
            if (equals == std::string::npos && i + 1 == arguments.size()) {
                problems.push_back(name + ": there is no value");
                continue;
            }
            const std::string value =
                equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1);
            if (name == "config")
                line.file = value;
            else
                line.values.emplace_back(name, value);
        }
    }
    return line;
}

Settings ReadSettings(const CommandLine& line, const std::optional<std::string>& file,
                      const std::function<const char*(const char*)>& environment,
                      std::vector<std::string>& problems) {
    Settings settings;
    const auto set = [&](const Setting& setting, const std::string& value, const std::string& place) {
        if (const std::string problem = Set(settings, setting, value); !problem.empty())
            problems.push_back(place + ": " + problem);
    };
    if (file) ReadFile(settings, *file, problems);
    for (const Setting& setting : AllSettings()) {
        const std::string name = UpperName(setting.name);
        if (const char* value = environment(name.c_str())) set(setting, value, name);
    }
    for (const auto& [name, value] : line.values) set(*FindSetting(name), value, "--" + name);
    CheckTogether(settings, problems);
    return settings;
}

std::vector<std::string> NeedRestart(const Settings& old, const Settings& now) {
    std::vector<std::string> names;
    for (const Setting& setting : AllSettings()) {
        const bool same =
            std::visit([&](const auto member) { return old.*member == now.*member; }, setting.member);
        if (setting.at_start && !same) names.emplace_back(setting.name);
    }
    return names;
}

std::string HelpText() {
    std::string text =
        "pulse-http: Pulse over HTTP.\n\n"
        "  pulse-http [--config FILE] [--check] [--SETTING VALUE]...\n\n"
        "Settings are read from the file (name = value), the environment (PULSE_HTTP_NAME) and the command line;\n"
        "the last one counts. --check says what is wrong with them and connects once. SIGHUP reads them again.\n\n";
    for (const Setting& setting : AllSettings()) {
        std::string name = "  --";
        for (const char* c = setting.name; *c; ++c) name += *c == '_' ? '-' : *c;
        name.resize(std::max<size_t>(name.size() + 2, 26), ' ');
        text += name + setting.help + (setting.at_start ? " (*)\n" : "\n");
    }
    return text + "\n(*) A change needs a restart.\n";
}

bool IsLoopback(const std::string& address) {
    const auto parsed = http::ParseIpAddress(address);
    return parsed && Networks({"127.0.0.0/8", "::1"}).Contains(*parsed);
}

}  // namespace pulse::web::gateway
