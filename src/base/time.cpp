#include "pulse/base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "pulse/base/ascii.hpp"

namespace pulse {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr sys_days kEpoch = std::chrono::January / 1 / 2000;

struct Parts {
    year_month_day date;
    int64_t within_day;  // microseconds since midnight
};

Parts Split(Moment moment) {
    const std::chrono::sys_time<microseconds> instant = kEpoch + microseconds(moment);
    const sys_days midnight = floor<days>(instant);
    return {year_month_day(midnight), (instant - midnight).count()};
}

}  // namespace

std::string FormatDate(Moment moment) {
    const Parts parts = Split(moment);
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(parts.date.year()),
                  static_cast<unsigned>(parts.date.month()), static_cast<unsigned>(parts.date.day()));
    return text;
}

std::string FormatMoment(Moment moment) {
    const int64_t within = Split(moment).within_day;
    char text[32];
    std::snprintf(text, sizeof text, " %02d:%02d:%02d", static_cast<int>(within / kHour),
                  static_cast<int>(within / kMinute % 60), static_cast<int>(within / kSecond % 60));
    std::string result = FormatDate(moment) + text;
    if (within % kSecond != 0) {
        std::snprintf(text, sizeof text, ".%06d", static_cast<int>(within % kSecond));
        result += text;
    }
    return result + "+00";
}

namespace {

constexpr Moment kYearOne = (sys_days(std::chrono::January / 1 / 1) - kEpoch).count() * kDay;
constexpr Moment kYearTenThousand = (sys_days(std::chrono::January / 1 / 10000) - kEpoch).count() * kDay;

// Empty outside the years that FormatMoment() can print, where an offset or a number may lead.
std::optional<Moment> InYears(Moment moment) {
    return moment >= kYearOne && moment < kYearTenThousand ? std::optional(moment) : std::nullopt;
}

// Reads fixed-width fields from the front of a text; after a mismatch all reads fail.
class Fields {
  public:
    explicit Fields(std::string_view text) : rest_(text) {}

    bool Empty() const { return rest_.empty(); }
    bool Begins(char c) const { return !rest_.empty() && rest_.front() == c; }
    bool Accept(char c) {
        if (!Begins(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool BeginsDigit() const { return !rest_.empty() && IsDigit(rest_.front()); }
    // Exactly `width` digits, at most `limit`; -1 if they are missing.
    int Number(size_t width, int limit) {
        if (rest_.size() < width) return -1;
        int value = 0;
        for (size_t i = 0; i < width; ++i) {
            if (!IsDigit(rest_[i])) return -1;
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(width);
        return value <= limit ? value : -1;
    }
    // The digits of a fraction of a second, in microseconds, rounded; -1 if they are missing.
    int Fraction() {
        int value = 0, digits = 0;
        bool up = false;
        for (; !rest_.empty() && IsDigit(rest_.front()); ++digits) {
            if (digits < 6)
                value = value * 10 + (rest_.front() - '0');
            else if (digits == 6)
                up = rest_.front() >= '5';
            rest_.remove_prefix(1);
        }
        if (digits == 0) return -1;
        for (; digits < 6; ++digits) value *= 10;
        return value + up;
    }
    // The whole rest, in upper or lower case.
    bool AcceptName(std::string_view upper) {
        if (rest_.size() != upper.size()) return false;
        for (size_t i = 0; i < upper.size(); ++i)
            if (rest_[i] != upper[i] && rest_[i] != upper[i] - 'A' + 'a') return false;
        rest_ = {};
        return true;
    }

  private:
    std::string_view rest_;
};

// Z, UTC, GMT, +HH, +HHMM or +HH:MM, in microseconds.
std::optional<int64_t> ParseOffset(Fields& fields) {
    if (fields.AcceptName("Z") || fields.AcceptName("UTC") || fields.AcceptName("GMT")) return 0;
    const int64_t sign = fields.Begins('-') ? -1 : 1;
    if (!fields.Accept('+') && !fields.Accept('-')) return std::nullopt;
    const int hours = fields.Number(2, 15);
    if (hours < 0) return std::nullopt;
    int minutes = 0;
    if (!fields.Empty()) {
        fields.Accept(':');
        minutes = fields.Number(2, 59);
        if (minutes < 0) return std::nullopt;
    }
    return sign * (hours * kHour + minutes * kMinute);
}

// HH:MM[:SS[.ffffff]], or without colons, in microseconds since midnight. Midnight may be 24:00.
std::optional<int64_t> ParseTimeOfDay(Fields& fields, bool basic) {
    const int hours = fields.Number(2, 24);
    if (hours < 0 || (!basic && !fields.Accept(':'))) return std::nullopt;
    const int minutes = fields.Number(2, 59);
    if (minutes < 0) return std::nullopt;
    int seconds = 0, fraction = 0;
    if (basic ? fields.BeginsDigit() : fields.Accept(':')) {
        // 60: a leap second.
        seconds = fields.Number(2, 60);
        if (seconds < 0) return std::nullopt;
        if (fields.Accept('.') || fields.Accept(',')) fraction = fields.Fraction();
        if (fraction < 0) return std::nullopt;
    }
    const int64_t within = hours * kHour + minutes * kMinute + seconds * kSecond + fraction;
    return hours < 24 || within == kDay ? std::optional(within) : std::nullopt;
}

}  // namespace

std::optional<Moment> ParseMoment(std::string_view text) {
    Fields fields(text);
    const int year = fields.Number(4, 9999);
    if (year < 1) return std::nullopt;
    const bool basic = !fields.Accept('-');
    const int month = fields.Number(2, 12);
    if (month < 1 || (!basic && !fields.Accept('-'))) return std::nullopt;
    const int day = fields.Number(2, 31);
    const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day < 0 ? 0 : day))};
    if (!date.ok()) return std::nullopt;
    int64_t within = 0, offset = 0;
    if (fields.Accept('T') || fields.Accept('t') || (!basic && fields.Accept(' '))) {
        const auto time = ParseTimeOfDay(fields, basic);
        if (!time) return std::nullopt;
        within = *time;
        if (!fields.Empty()) {
            fields.Accept(' ');
            const auto zone = ParseOffset(fields);
            if (!zone) return std::nullopt;
            offset = *zone;
        }
    } else if (basic) {
        // Eight digits are more often a number than a date.
        return std::nullopt;
    }
    if (!fields.Empty()) return std::nullopt;
    return InYears((sys_days(date) - kEpoch).count() * kDay + within - offset);
}

namespace {

bool AllDigits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

// A decimal number without exponent.
struct Decimal {
    bool negative;
    int64_t whole;
    std::string_view fraction;  // digits
};

std::optional<Decimal> ReadDecimal(std::string_view text) {
    constexpr size_t kLongest = 15;  // more are beyond all years
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const size_t point = std::min(text.find('.'), text.size());
    const std::string_view whole = text.substr(0, point),
                           fraction = text.substr(std::min(point + 1, text.size()));
    if (!AllDigits(whole) || whole.size() > kLongest) return std::nullopt;
    if (point < text.size() && !AllDigits(fraction)) return std::nullopt;
    int64_t value = 0;
    for (const char digit : whole) value = value * 10 + (digit - '0');
    return Decimal{negative, value, fraction};
}

// The number times `unit` microseconds since 1970.
std::optional<Moment> Since1970(const Decimal& number, int64_t unit) {
    constexpr Moment k1970 = (sys_days(std::chrono::January / 1 / 1970) - kEpoch).count() * kDay;
    if (number.whole > (kYearTenThousand - k1970) / unit) return std::nullopt;
    int64_t size = number.whole * unit, weight = unit;
    for (const char digit : number.fraction) {
        if (weight == 1) {
            size += digit >= '5';
            break;
        }
        weight /= 10;
        size += weight * (digit - '0');
    }
    return InYears(k1970 + (number.negative ? -size : size));
}

}  // namespace

std::optional<Moment> ParseEpoch(std::string_view seconds) {
    const auto number = ReadDecimal(seconds);
    return number ? Since1970(*number, kSecond) : std::nullopt;
}

std::optional<Moment> ParseUnixTime(std::string_view digits) {
    constexpr int64_t kMilliseconds = 100'000'000'000;
    const auto number = ReadDecimal(digits);
    if (!number) return std::nullopt;
    return Since1970(*number, number->whole < kMilliseconds ? kSecond : kSecond / 1000);
}

std::optional<Moment> ParseTimeText(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    constexpr size_t kLongest = 64, kDate = 8;
    if (text.size() > kLongest) return std::nullopt;
    const bool number = text.find_first_not_of("0123456789.") == std::string_view::npos;
    return number && text.size() > kDate ? ParseUnixTime(text) : ParseMoment(text);
}

}  // namespace pulse
