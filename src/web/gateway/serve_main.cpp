// pulse-http: Pulse over HTTP.
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <sys/resource.h>

#include "pulse/web/gateway/serve.hpp"
#include "pulse/web/gateway/serve_transport.hpp"

namespace gateway = pulse::web::gateway;
namespace asio = boost::asio;

namespace {

// The text of a file; empty if it cannot be read.
std::optional<std::string> ReadText(const std::string& path, std::vector<std::string>& problems) {
    if (path.empty()) return std::nullopt;
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (file) return text.str();
    problems.push_back("cannot read " + path);
    return std::nullopt;
}

gateway::Settings ReadAll(const gateway::CommandLine& line, std::vector<std::string>& problems) {
    const std::optional<std::string> file = ReadText(line.file, problems);
    return gateway::ReadSettings(
        line, file, [](const char* name) { return std::getenv(name); }, problems);
}

// As many descriptors as the system allows. Returns the number.
int64_t RaiseLimit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, INT32_MAX));
}

int64_t CountDescriptors(const gateway::Settings& settings) {
    const int64_t database =
        settings.decide_connections + settings.ingest_connections + settings.other_connections;
    return settings.connections + database * (settings.read_conninfo.empty() ? 1 : 2) + 32;
}

// Connect once. Returns what is wrong, or nothing.
std::string TryConnection(const std::string& conninfo, const gateway::Settings& settings) {
    asio::io_context io;
    std::string problem = "no answer";
    asio::steady_timer timer(io, settings.connect_time + settings.request_time);
    const auto stop = [&](std::string result) {
        problem = std::move(result);
        io.stop();
    };
    const auto connection = std::make_shared<gateway::Connection>(
        io, gateway::ConnectionOptions{conninfo, settings.request_time, settings.connect_time},
        gateway::Connection::Events{[&] { stop(""); }, [&](const std::string& why) { stop(why); }});
    timer.async_wait([&](const boost::system::error_code& error) {
        if (!error) io.stop();
    });
    connection->Open();
    if (problem == "no answer") io.run();
    connection->Close("done");
    return problem;
}

int Check(const gateway::Settings& settings) {
    std::vector<std::string> problems;
    try {
        gateway::LoadTls(settings);
    } catch (const std::exception& error) {
        problems.push_back(std::string("TLS: ") + error.what());
    }
    const std::string problem = TryConnection(settings.conninfo, settings);
    if (!problem.empty()) problems.push_back("conninfo: " + problem);
    if (!settings.read_conninfo.empty()) {
        const std::string other = TryConnection(settings.read_conninfo, settings);
        if (!other.empty()) problems.push_back("read_conninfo: " + other);
    }
    for (const std::string& line : problems) std::cerr << line << "\n";
    if (problems.empty()) std::cout << "ok\n";
    return problems.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

void ReloadSettings(const gateway::CommandLine& line, gateway::Server& server, gateway::Log& log) {
    std::vector<std::string> problems;
    gateway::Settings settings = ReadAll(line, problems);
    for (const std::string& problem : problems) log.Message("error", problem);
    if (!problems.empty()) return log.Message("error", "the settings stay as they were");
    for (const std::string& name : gateway::NeedRestart(server.settings(), settings))
        log.Message("warning", "the new value of " + name + " needs a restart");
    server.Reload(settings);
    log.Message("info", "the settings were read again");
}

int Serve(const gateway::CommandLine& line, const gateway::Settings& settings) {
    asio::io_context io(1);
    gateway::Log log(io);
    gateway::Server server(io, settings, log);
    asio::signal_set end(io, SIGTERM, SIGINT), reload(io, SIGHUP);
    const int64_t wanted = CountDescriptors(settings), allowed = RaiseLimit();
    if (allowed < wanted)
        log.Message("warning", "the system allows " + std::to_string(allowed) + " open files, and " +
                                   std::to_string(wanted) + " may be needed");
    try {
        server.Start();
    } catch (const std::exception& error) {
        log.Message("error", "cannot start", {{"error", error.what()}});
        return EXIT_FAILURE;
    }
    end.async_wait([&](const boost::system::error_code& error, int) {
        if (error) return;
        log.Message("info", "ending");
        server.ShutDown([&io] { io.stop(); });
    });
    std::function<void()> wait_for_reload = [&] {
        reload.async_wait([&](const boost::system::error_code& error, int) {
            if (error) return;
            ReloadSettings(line, server, log);
            wait_for_reload();
        });
    };
    wait_for_reload();
    log.Message("info", "listening",
                {{"address", settings.address}, {"port", std::to_string(server.port())}});
    io.run();
    return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** arguments) {
    std::signal(SIGPIPE, SIG_IGN);
    std::vector<std::string> problems;
    const gateway::CommandLine line =
        gateway::ReadCommandLine(std::vector<std::string>(arguments + 1, arguments + count), problems);
    using Action = gateway::CommandLine::Action;
    if (problems.empty() && line.action == Action::kVersion) {
        std::cout << "pulse-http " << PULSE_VERSION << "\n";
        return EXIT_SUCCESS;
    }
    if (problems.empty() && line.action == Action::kHelp) {
        std::cout << gateway::HelpText();
        return EXIT_SUCCESS;
    }
    const gateway::Settings settings = ReadAll(line, problems);
    for (const std::string& problem : problems) std::cerr << "pulse-http: " << problem << "\n";
    if (!problems.empty()) return 2;
    return line.action == Action::kCheck ? Check(settings) : Serve(line, settings);
}
