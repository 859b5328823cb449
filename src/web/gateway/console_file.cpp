#include "pulse/web/gateway/console_file.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/web/console.hpp"
#include "pulse/web/request.hpp"

namespace pulse::web::gateway {

namespace {

// Nothing is loaded from anywhere else, no script and no style is in the page itself, nobody frames it.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

std::string_view ContentType(std::string_view name) {
    if (name.ends_with(".html")) return "text/html; charset=utf-8";
    if (name.ends_with(".css")) return "text/css; charset=utf-8";
    if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
    if (name.ends_with(".svg")) return "image/svg+xml";
    return "application/octet-stream";
}

// Whether a client takes gzip: "gzip, deflate" does, "gzip;q=0" does not.
bool TakesGzip(std::string_view accepted) {
    const size_t at = accepted.find("gzip");
    if (at == std::string_view::npos) return false;
    const std::string_view rest = accepted.substr(at + 4, accepted.find(',', at) - at - 4);
    return rest.find("q=0") == std::string_view::npos || rest.find("q=0.") != std::string_view::npos;
}

void AddSafety(Answer& answer) {
    answer.headers.emplace_back("content-security-policy", kPolicy);
    answer.headers.emplace_back("x-content-type-options", "nosniff");
    answer.headers.emplace_back("x-frame-options", "DENY");
    answer.headers.emplace_back("referrer-policy", "no-referrer");
    answer.headers.emplace_back("cross-origin-opener-policy", "same-origin");
    answer.headers.emplace_back("cross-origin-resource-policy", "same-origin");
    answer.headers.emplace_back("permissions-policy", "camera=(), microphone=(), geolocation=()");
}

}  // namespace

std::string ConsoleFileName(std::string_view path) {
    const auto segments = SplitPath(path);
    if (!segments || !IsConsolePath(*segments)) return "";
    if (segments->size() == 1) return path.ends_with('/') ? "index.html" : ".";
    if ((*segments)[1] == "api" || (*segments)[1] == "session") return "";
    std::string name;
    for (size_t i = 1; i < segments->size(); ++i) name += (i > 1 ? "/" : "") + (*segments)[i];
    return name;
}

bool IsFileName(std::string_view name) {
    int parts = 1;
    char before = '/';
    for (const char c : name) {
        if (c == '/' && (before == '/' || ++parts > 3)) return false;
        if (c == '.' && before == '/') return false;
        if (!IsLetter(c) && !IsDigit(c) && std::string_view("-_./").find(c) == std::string_view::npos)
            return false;
        before = c;
    }
    return before != '/';
}

Answer FileAnswer(const Request& request, const ConsoleFile& file) {
    Answer answer;
    const bool packed = !file.packed.empty() && TakesGzip(Find(request.headers, "accept-encoding"));
    const std::string tag = "\"" + std::string(file.tag) + (packed ? "-gz\"" : "\"");
    if (MatchesTag(Find(request.headers, "if-none-match"), tag)) {
        answer.status = 304;
    } else {
        answer.body = packed ? file.packed : file.plain;
        answer.headers.emplace_back("content-type", ContentType(file.name));
        if (packed) answer.headers.emplace_back("content-encoding", "gzip");
    }
    // Each file is asked for again, which costs a few bytes: so one page never mixes two versions.
    answer.headers.emplace_back("cache-control", "no-cache");
    answer.headers.emplace_back("etag", tag);
    answer.headers.emplace_back("vary", "Accept-Encoding");
    AddSafety(answer);
    return answer;
}

Answer NoFileAnswer() {
    Answer answer{404,
                  {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-store"}},
                  "The console has no such file.\n"};
    AddSafety(answer);
    return answer;
}

Answer ToConsoleAnswer(const Request& request) {
    // Relative, so that it also works behind a proxy that puts a prefix in front.
    const std::string query = request.query ? "?" + *request.query : "";
    return {308, {{"location", "console/" + query}, {"cache-control", "no-store"}}, ""};
}

Answer OnlyReadAnswer() {
    Answer answer = ErrorAnswer(Family::kPulse, 405, "");
    answer.headers.emplace_back("allow", "GET, HEAD");
    return answer;
}

}  // namespace pulse::web::gateway
