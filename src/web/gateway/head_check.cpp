#include "pulse/web/gateway/head_check.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"

namespace pulse::web::gateway {

namespace {

bool IsSame(std::string_view text, std::string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
    });
}

}  // namespace

HeadScanner::Result HeadScanner::Scan(std::string_view bytes) {
    while (at_ < bytes.size()) {
        const char c = bytes[at_];
        if (carriage_return_) {
            if (c != '\n') return Result::kRefused;
            carriage_return_ = false;
            const bool empty = at_ - line_ == 1;
            line_ = ++at_;
            if (empty && has_line_) return Result::kComplete;
            if (empty) return Result::kRefused;
            has_line_ = true;
            continue;
        }
        const bool begins_line = at_ == line_;
        const bool blank = c == ' ' || c == '\t';
        if (begins_line && blank) return Result::kRefused;  // obs-fold
        const auto byte = static_cast<unsigned char>(c);
        if (byte == 127 || (byte < ' ' && c != '\r' && !(c == '\t' && has_line_))) return Result::kRefused;
        carriage_return_ = c == '\r';
        ++at_;
    }
    return Result::kMore;
}

Refusal CheckFraming(const Headers& headers, int version) {
    int hosts = 0, lengths = 0, encodings = 0;
    for (const auto& [name, value] : headers) {
        if (name == "host") {
            ++hosts;
        } else if (name == "content-length") {
            ++lengths;
            if (value.empty() || !std::all_of(value.begin(), value.end(), IsDigit))
                return {400, "Content-Length is not a number"};
        } else if (name == "transfer-encoding") {
            ++encodings;
            if (!IsSame(value, "chunked")) return {400, "Transfer-Encoding is not \"chunked\""};
        }
    }
    if (hosts > 1 || (hosts == 0 && version >= 11)) return {400, "there must be exactly one Host"};
    if (lengths > 1) return {400, "Content-Length is repeated"};
    if (encodings > 1) return {400, "Transfer-Encoding is repeated"};
    if (encodings == 1 && lengths == 1)
        return {400, "Content-Length and Transfer-Encoding exclude each other"};
    if (encodings == 1 && version < 11) return {400, "HTTP/1.0 has no Transfer-Encoding"};
    return {};
}

std::string_view Find(const Headers& headers, std::string_view name) {
    for (const auto& [own, value] : headers)
        if (own == name) return value;
    return {};
}

}  // namespace pulse::web::gateway
