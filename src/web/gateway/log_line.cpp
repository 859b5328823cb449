#include "pulse/web/gateway/log_line.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include "pulse/base/utf8.hpp"

namespace pulse::web::gateway {

namespace {

void AppendText(std::string& line, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    line += ',';
    AppendQuoted(line, name);
    line += ':';
    AppendQuoted(line, text);
}

// {"time":"2026-01-02T03:04:05.678Z"
std::string Begin(std::chrono::system_clock::time_point time) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    const time_t seconds = ms / 1000;
    tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 40> text{}, all{};
    strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const int length =
        snprintf(all.data(), all.size(), "{\"time\":\"%s.%03dZ\"", text.data(), static_cast<int>(ms % 1000));
    return {all.data(), static_cast<size_t>(length)};
}

}  // namespace

void AppendQuoted(std::string& json, std::string_view text) {
    constexpr const char* kHex = "0123456789abcdef";
    json += '"';
    while (!text.empty()) {
        // Runs of plain characters are most of a text.
        size_t plain = 0;
        const auto is_plain = [](char c) { return c >= ' ' && c < 127 && c != '"' && c != '\\'; };
        while (plain < text.size() && is_plain(text[plain])) ++plain;
        json.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty()) break;
        const auto byte = static_cast<unsigned char>(text.front());
        if (byte >= 0x80) {
            const size_t length = Utf8Length(text, 0);
            json += length > 0 ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD");
            text.remove_prefix(length > 0 ? length : 1);
            continue;
        }
        if (byte == '"' || byte == '\\') {
            json += '\\';
            json += text.front();
        } else if (byte == 0) {
            json += "\xEF\xBF\xBD";  // jsonb has no NUL
        } else {
            json += "\\u00";
            json += kHex[byte >> 4];
            json += kHex[byte & 15];
        }
        text.remove_prefix(1);
    }
    json += '"';
}

std::string RequestLine(const LogEntry& entry) {
    std::string line = Begin(entry.time);
    AppendText(line, "request", entry.request);
    AppendText(line, "address", entry.address);
    AppendText(line, "method", Shorten(entry.method, 32));
    AppendText(line, "route", entry.route);
    std::array<char, 120> numbers{};
    snprintf(numbers.data(), numbers.size(), ",\"status\":%d,\"ms\":%.3f,\"received\":%llu,\"sent\":%llu",
             entry.status, entry.seconds * 1000, static_cast<unsigned long long>(entry.received),
             static_cast<unsigned long long>(entry.sent));
    line += numbers.data();
    AppendText(line, "key", entry.key);
    AppendText(line, "sqlstate", entry.sqlstate);
    AppendText(line, "error", entry.error);
    return line + "}\n";
}

std::string MessageLine(std::chrono::system_clock::time_point time, std::string_view level,
                        std::string_view message,
                        const std::vector<std::pair<std::string, std::string>>& details) {
    std::string line = Begin(time);
    AppendText(line, "level", level);
    AppendText(line, "message", message);
    for (const auto& [name, value] : details) AppendText(line, name, value);
    return line + "}\n";
}

}  // namespace pulse::web::gateway
