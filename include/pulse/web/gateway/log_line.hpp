// Lines of the log. Pure C++.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulse::web::gateway {

// Append a text as a JSON string; bytes that are not UTF-8 become U+FFFD.
void AppendQuoted(std::string& json, std::string_view text);

// A request that was answered. It holds nothing of a body, a query or the text of a key.
struct LogEntry {
    std::chrono::system_clock::time_point time;
    std::string_view request, address, method, route;
    int status = 0;
    double seconds = 0;
    uint64_t received = 0, sent = 0;
    std::string_view key;
    std::string_view error;  // for the operator, never sent
    std::string_view sqlstate;
};

// Each is one line with its end.
std::string RequestLine(const LogEntry& entry);
std::string MessageLine(std::chrono::system_clock::time_point time, std::string_view level,
                        std::string_view message,
                        const std::vector<std::pair<std::string, std::string>>& details = {});

}  // namespace pulse::web::gateway
