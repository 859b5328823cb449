#include "pulse/web/gateway/serve_console.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "pulse/web/console.hpp"
#include "pulse/web/gateway/console_alias.hpp"
#include "pulse/web/request.hpp"

namespace pulse::web::gateway {

namespace {

// A file of a directory; empty if it is none, or leads out of it.
std::optional<std::string> ReadConsoleFile(const std::string& directory, const std::string& name) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path base = fs::canonical(directory, error);
    if (error) return std::nullopt;
    const fs::path path = fs::canonical(base / name, error);
    if (error || !path.native().starts_with(base.native() + "/") || !fs::is_regular_file(path, error))
        return std::nullopt;
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return std::nullopt;
    return std::move(text).str();
}

Answer AnswerFromDirectory(const Request& request, const std::string& directory, const std::string& name) {
    const std::optional<std::string> text = ReadConsoleFile(directory, name);
    if (!text) return NoFileAnswer();
    const std::string tag = EntityTag(*text);
    return FileAnswer(request, {name, *text, {}, std::string_view(tag).substr(1, tag.size() - 2)});
}

}  // namespace

std::optional<Answer> AnswerConsole(const Request& request, bool enabled, const std::string& directory) {
    const auto path = SplitPath(request.path);
    if (!path) return std::nullopt;
    if (const std::string alias = ConsoleAlias(request.path);
        enabled && !alias.empty() && (request.method == "GET" || request.method == "HEAD"))
        return Answer{302, {{"location", alias}, {"cache-control", "no-store"}}, ""};
    if (!IsConsolePath(*path)) return std::nullopt;
    if (!enabled) return NoFileAnswer();
    const std::string name = ConsoleFileName(request.path);
    if (name.empty()) return std::nullopt;
    if (request.method != "GET" && request.method != "HEAD") return OnlyReadAnswer();
    if (name == ".") return ToConsoleAnswer(request);
    if (!IsFileName(name)) return NoFileAnswer();
    if (!directory.empty()) return AnswerFromDirectory(request, directory, name);
    const std::vector<ConsoleFile>& files = ConsoleFiles();
    const auto found =
        std::find_if(files.begin(), files.end(), [&](const ConsoleFile& file) { return file.name == name; });
    return found == files.end() ? NoFileAnswer() : FileAnswer(request, *found);
}

}  // namespace pulse::web::gateway
