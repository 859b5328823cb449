#include "pulse/base/duration.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "pulse/base/ascii.hpp"
#include "pulse/base/time.hpp"

namespace pulse {

namespace {

struct TimeUnit {
    std::string_view names[4];  // lower case; those of three letters and more have a plural with s
    int64_t length;
};
constexpr TimeUnit kTimeUnits[] = {{{"ms", "millisecond"}, 1000},
                                   {{"s", "sec", "second"}, kSecond},
                                   {{"min", "m", "minute"}, kMinute},
                                   {{"h", "hour", "hr", "hrs"}, kHour},
                                   {{"d", "day"}, kDay},
                                   {{"w", "week"}, 7 * kDay}};

constexpr double kLongest = 1000.0 * 366 * kDay;
constexpr size_t kMostDigits = 15;  // what a double holds exactly

bool IsBlank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool IsPartOfNumber(char c) {
    return IsDigit(c) || c == '.';
}

// Takes off what stands at the beginning and fits.
template <typename Fits>
std::string_view TakeWhile(std::string_view& text, Fits fits) {
    size_t size = 0;
    while (size < text.size() && fits(text[size])) ++size;
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(size);
    return taken;
}

std::optional<double> NumberOf(std::string_view text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    if (text.empty() || text.size() > kMostDigits) return std::nullopt;
    const auto [read, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    return error == std::errc() && read == end ? std::optional(number) : std::nullopt;
}

// 0: no unit.
int64_t LengthOf(std::string_view word) {
    std::string name(word);
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const TimeUnit& unit : kTimeUnits)
        for (const std::string_view known : unit.names)
            if (!known.empty() && (name == known || (known.size() >= 3 && name == std::string(known) + "s")))
                return unit.length;
    return 0;
}

// A number without the zeros after its decimal point.
std::string Figure(const char* format, double number) {
    char text[32];
    std::snprintf(text, sizeof text, format, number);
    std::string figure = text;
    while (figure.back() == '0') figure.pop_back();
    if (figure.back() == '.') figure.pop_back();
    return figure;
}

}  // namespace

std::optional<int64_t> ParseDuration(std::string_view text, DurationError* error) {
    const auto fail = [&](DurationError::Expected expected, std::string_view word, std::string_view rest) {
        const std::string_view more = TakeWhile(rest, [](char c) { return !IsBlank(c); });
        if (error) *error = {expected, std::string(word) + std::string(more)};
        return std::nullopt;
    };
    double total = 0;
    TakeWhile(text, IsBlank);
    do {
        const std::string_view digits = TakeWhile(text, IsPartOfNumber);
        const auto number = NumberOf(digits);
        if (!number) return fail(DurationError::Expected::kNumber, digits, text);
        TakeWhile(text, IsBlank);
        const std::string_view unit = TakeWhile(text, IsLetter);
        const int64_t length = LengthOf(unit);
        if (length == 0) return fail(DurationError::Expected::kUnit, unit, unit.empty() ? text : "");
        total += *number * static_cast<double>(length);
        TakeWhile(text, IsBlank);
    } while (!text.empty());
    if (total > kLongest) return fail(DurationError::Expected::kShorter, "", "");
    return std::llround(total);
}

std::string FormatDuration(int64_t microseconds) {
    if (microseconds < 0) {
        const int64_t positive = microseconds == INT64_MIN ? INT64_MAX : -microseconds;
        return "-" + FormatDuration(positive);
    }
    if (microseconds == 0) return "0 s";
    if (microseconds < 9950) return Figure("%.1f", static_cast<double>(microseconds) / 1000) + " ms";
    if (microseconds < 999'500) return std::to_string((microseconds + 500) / 1000) + " ms";
    if (microseconds < 10 * kSecond)
        return Figure("%.3f", static_cast<double>(microseconds) / kSecond) + " s";
    int64_t left = microseconds / kSecond + (microseconds % kSecond >= kSecond / 2);
    std::string text;
    int parts = 0;
    for (const auto& [unit, size] :
         {std::pair<const char*, int64_t>{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}) {
        const int64_t count = left / size;
        left %= size;
        if (count == 0 && parts > 0) break;
        if (count == 0) continue;
        text += (text.empty() ? "" : " ") + std::to_string(count) + " " + unit;
        if (++parts == 2) break;
    }
    return text;
}

}  // namespace pulse
