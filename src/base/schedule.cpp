#include "pulse/base/schedule.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <sstream>
#include <vector>

#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"

namespace pulse {

namespace {

using std::chrono::sys_days;

constexpr sys_days kScheduleEpoch = std::chrono::January / 1 / 2000;
// 29 February on a given weekday can be 40 years away, around 2100.
constexpr int64_t kHorizon = 41 * 366;
constexpr const char* kScheduleHint =
    "Give five fields (minute hour day-of-month month day-of-week), as in '0 2 * * *'; one of @hourly, "
    "@daily, @weekly, "
    "@monthly, @yearly; or an interval, as in '5 minutes'.";

[[noreturn]] void Refuse(const std::string& text, const std::string& detail,
                         const std::string& hint = kScheduleHint) {
    throw UserError(sqlstate::kInvalidParameter, "invalid schedule \"" + text + "\"", detail, hint);
}

std::string Lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::vector<std::string> SplitWords(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

// A whole number of at most six digits; -1 if the text is anything else.
int Number(const std::string& text) {
    if (text.empty() || text.size() > 6) return -1;
    int value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

// ---- one field ----

struct FieldRule {
    const char* name;
    int low, high;
    std::vector<std::string> words;  // names of the values, from `low`
};

const std::array<FieldRule, 5>& Rules() {
    static const std::array<FieldRule, 5> rules{{
        {"minute", 0, 59, {}},
        {"hour", 0, 23, {}},
        {"day of month", 1, 31, {}},
        {"month",
         1,
         12,
         {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
        {"day of week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
    }};
    return rules;
}

class Field {
  public:
    Field(const FieldRule& rule, const std::string& schedule, std::string text)
        : rule_(rule), schedule_(schedule), text_(Lower(std::move(text))) {}

    // The values that match, as bits.
    uint64_t Parse() const {
        uint64_t bits = 0;
        for (size_t begin = 0; begin <= text_.size();) {
            const size_t end = std::min(text_.find(',', begin), text_.size());
            bits |= ParsePart(text_.substr(begin, end - begin));
            begin = end + 1;
        }
        return bits;
    }
    bool IsWildcard() const { return text_.front() == '*'; }

  private:
    [[noreturn]] void Bad(const std::string& part, const std::string& why) const {
        Refuse(schedule_, std::string("In the field ") + rule_.name + ", \"" + part + "\" " + why + ".",
               Valid());
    }
    std::string Valid() const {
        std::string valid = std::string("The field ") + rule_.name + " takes " + std::to_string(rule_.low) +
                            " to " + std::to_string(rule_.high);
        if (rule_.high == 7) valid += " (0 and 7 are Sunday)";
        if (!rule_.words.empty()) valid += ", " + rule_.words.front() + " to " + rule_.words.back();
        return valid + ", *, ranges (a-b), steps (*/n, a-b/n) and lists (a,b) of them.";
    }
    int Value(const std::string& word, const std::string& part) const {
        const auto named = std::find(rule_.words.begin(), rule_.words.end(), word);
        if (named != rule_.words.end()) return rule_.low + static_cast<int>(named - rule_.words.begin());
        const int value = Number(word);
        if (value < 0) Bad(part, "is not understood");
        if (value < rule_.low || value > rule_.high) Bad(part, "is out of range");
        return value;
    }
    uint64_t ParsePart(const std::string& part) const {
        const size_t slash = part.find('/');
        const std::string range = part.substr(0, slash);
        int low = rule_.low, high = rule_.high == 7 ? 6 : rule_.high, step = 1;
        const size_t dash = range.find('-');
        if (range != "*") {
            low = Value(range.substr(0, dash), part);
            high = dash == std::string::npos ? low : Value(range.substr(dash + 1), part);
            if (rule_.high == 7 && high == 0 && low > 0) high = 7;  // fri-sun
            if (low > high) Bad(part, "runs backwards");
        }
        if (slash != std::string::npos) {
            if (range != "*" && dash == std::string::npos) Bad(part, "has a step without a range");
            step = Number(part.substr(slash + 1));
            if (step < 1) Bad(part, "has a step that is not a number above 0");
        }
        uint64_t bits = 0;
        for (int value = low; value <= high; value += step)
            bits |= uint64_t{1} << (rule_.high == 7 ? value % 7 : value);
        return bits;
    }

    const FieldRule& rule_;
    const std::string& schedule_;
    std::string text_;
};

std::string Macro(const std::string& text) {
    static const std::array<std::pair<const char*, const char*>, 7> macros{{{"@yearly", "0 0 1 1 *"},
                                                                            {"@annually", "0 0 1 1 *"},
                                                                            {"@monthly", "0 0 1 * *"},
                                                                            {"@weekly", "0 0 * * 0"},
                                                                            {"@daily", "0 0 * * *"},
                                                                            {"@midnight", "0 0 * * *"},
                                                                            {"@hourly", "0 * * * *"}}};
    for (const auto& [name, fields] : macros)
        if (Lower(text) == name) return fields;
    Refuse(text, "There is no such abbreviation.");
}

// ---- intervals ----

// Whether it begins as an interval does: a number and a word.
bool BeginsWithUnit(const std::string& text) {
    const size_t after = text.find_first_not_of("0123456789.");
    const size_t next = after == std::string::npos ? after : text.find_first_not_of(" \t", after);
    return after != 0 && next != std::string::npos && std::isalpha(static_cast<unsigned char>(text[next]));
}

// "5 minutes", "90s", "1 hour 30 minutes"; nothing when it does not even look like one.
std::optional<int64_t> ParseInterval(const std::string& text) {
    DurationError error;
    const auto length = ParseDuration(text, &error);
    const bool too_long = !length && error.expected == DurationError::Expected::kShorter;
    if (too_long || (length && (*length < kSecond || *length > 366 * kDay)))
        Refuse(text, "An interval lies between 1 second and 366 days.",
               "For rarer runs give five fields, as in '0 2 1 1 *'.");
    if (length || error.found.empty() || !BeginsWithUnit(text) || SplitWords(text).size() == 5) return length;
    const bool unit = error.expected == DurationError::Expected::kUnit;
    Refuse(
        text, "\"" + error.found + "\" is not a " + (unit ? "unit of time." : "number."),
        "Units are seconds, minutes, hours, days and weeks; a month has no fixed length: use '0 2 1 * *'.");
}

}  // namespace

Schedule Schedule::Parse(const std::string& given) {
    Schedule schedule;
    std::string text = given;
    if (text.empty() || text.size() > 200)
        Refuse(text.substr(0, 200), text.empty() ? "It is empty." : "It is too long.");
    if (text.front() == '@') text = Macro(text);
    schedule.interval_ = ParseInterval(text);
    if (schedule.interval_) return schedule;
    const std::vector<std::string> words = SplitWords(text);
    if (words.size() != 5)
        Refuse(given,
               "It has " + std::to_string(words.size()) + (words.size() == 1 ? " field." : " fields."));
    std::vector<Field> fields;
    for (size_t i = 0; i < 5; ++i) fields.emplace_back(Rules()[i], given, words[i]);
    schedule.minutes_ = fields[0].Parse();
    schedule.hours_ = fields[1].Parse();
    schedule.days_ = fields[2].Parse();
    schedule.months_ = fields[3].Parse();
    schedule.weekdays_ = fields[4].Parse();
    schedule.real_time_ = fields[0].IsWildcard() || fields[1].IsWildcard();
    schedule.any_day_ = fields[2].IsWildcard();
    schedule.any_weekday_ = fields[4].IsWildcard();

    if (schedule.any_weekday_) {
        constexpr std::array<int, 13> kLongest{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool possible = false;
        for (size_t month = 1; month <= 12; ++month)
            for (int day = 1; day <= kLongest[month]; ++day)
                possible = possible || (schedule.months_[month] && schedule.days_[static_cast<size_t>(day)]);
        if (!possible)
            Refuse(given,
                   "In the field day of month, \"" + words[2] + "\" never comes in month " + words[3] + ".",
                   "February has 29 days at most; April, June, September and November have 30.");
    }
    return schedule;
}

// Either of the two when both are given: cron's rule.
bool Schedule::MatchesDay(int month, int day, int weekday) const {
    if (!months_[static_cast<size_t>(month)]) return false;
    const bool by_day = days_[static_cast<size_t>(day)], by_weekday = weekdays_[static_cast<size_t>(weekday)];
    return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

// The first run after `after` among those of one local day, given as days since 2000-01-01.
std::optional<Moment> Schedule::FirstOn(int64_t day, Moment after, const OffsetAt& offset) const {
    const sys_days date = kScheduleEpoch + std::chrono::days(day);
    const std::chrono::year_month_day parts(date);
    if (!MatchesDay(static_cast<int>(static_cast<unsigned>(parts.month())),
                    static_cast<int>(static_cast<unsigned>(parts.day())),
                    static_cast<int>(std::chrono::weekday(date).c_encoding())))
        return std::nullopt;
    const ClockOffsets offsets = OffsetsAround(day * kDay, (day + 1) * kDay, offset);
    std::optional<Moment> best;
    const auto consider = [&](Moment moment) {
        if (moment > after && (!best || moment < *best)) best = moment;
    };
    for (size_t hour = 0; hour < 24; ++hour) {
        if (!hours_[hour]) continue;
        for (size_t minute = 0; minute < 60; ++minute) {
            if (!minutes_[minute]) continue;
            const Moment local =
                day * kDay + static_cast<int64_t>(hour) * kHour + static_cast<int64_t>(minute) * kMinute;
            const LocalInstants instants = InstantsOf(local, offsets, offset);
            if (instants.count == 0 && !real_time_) consider(EndOfGap(local, offsets, offset));
            for (size_t i = 0; i < (real_time_ ? instants.count : std::min<size_t>(instants.count, 1)); ++i)
                consider(instants.at[i]);
        }
    }
    return best;
}

Moment Schedule::Next(Moment after, Moment anchor, const OffsetAt& offset) const {
    if (interval_) {
        if (after < anchor) return anchor;
        return anchor + ((after - anchor) / *interval_ + 1) * *interval_;
    }
    // A day earlier and a day later: where the clock is set back across midnight, days overlap.
    const int64_t first = FloorTo(after + offset(after), kDay) / kDay - 1;
    for (int64_t day = first; day < first + kHorizon; ++day) {
        const std::optional<Moment> found = FirstOn(day, after, offset);
        if (!found) continue;
        const std::optional<Moment> later = FirstOn(day + 1, after, offset);
        return later ? std::min(*found, *later) : *found;
    }
    throw std::logic_error("a schedule without a next run");
}

}  // namespace pulse
