#include "pulse/web/gateway/response.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <cstdio>
#include <ctime>

namespace pulse::web::gateway {

namespace {

bool IsTokenCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// What belongs to the connection is written here only.
bool IsOfConnection(std::string_view name) {
    constexpr std::array<std::string_view, 9> kNames = {
        "connection", "content-length", "date",         "keep-alive",       "te",
        "trailer",    "upgrade",        "x-request-id", "transfer-encoding"};
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void AppendHeader(std::string& head, std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool AreSafe(const Headers& headers) {
    return std::all_of(headers.begin(), headers.end(), [](const auto& header) {
        const auto& [name, value] = header;
        return !name.empty() && std::all_of(name.begin(), name.end(), IsTokenCharacter) &&
               std::none_of(value.begin(), value.end(), [](char c) {
                   const auto byte = static_cast<unsigned char>(c);
                   return (byte < ' ' && c != '\t') || byte == 127;
               });
    });
}

bool HasBody(int status) {
    return status >= 200 && status != 204 && status != 304;
}

std::string RenderHead(int status, const Headers& headers, size_t length, const Framing& framing) {
    std::string head;
    head.reserve(256);
    const auto reason =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(static_cast<unsigned>(status)));
    head.append("HTTP/1.1 ").append(std::to_string(status)).append(" ");
    head.append(reason.data(), reason.size()).append("\r\n");
    AppendHeader(head, "Date", HttpDate(framing.now));
    for (const auto& [name, value] : headers)
        if (!IsOfConnection(name)) AppendHeader(head, name, value);
    if (!framing.request.empty()) AppendHeader(head, "X-Request-Id", framing.request);
    if (HasBody(status)) {
        if (framing.sliced && framing.version >= 11)
            AppendHeader(head, "Transfer-Encoding", "chunked");
        else if (!framing.sliced)
            AppendHeader(head, "Content-Length", std::to_string(length));
    }
    if (!framing.keep_alive)
        AppendHeader(head, "Connection", "close");
    else if (framing.version < 11)
        AppendHeader(head, "Connection", "keep-alive");
    return head.append("\r\n");
}

std::string Chunk(std::string_view piece) {
    std::array<char, 24> size{};
    const int length = snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    std::string chunk(size.data(), static_cast<size_t>(length));
    return chunk.append(piece).append("\r\n");
}

std::string HttpDate(std::chrono::sys_seconds time) {
    // Not strftime(): its words follow the locale.
    constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t seconds = std::chrono::system_clock::to_time_t(time);
    tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const int length = snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    return {text.data(), static_cast<size_t>(length)};
}

}  // namespace pulse::web::gateway
