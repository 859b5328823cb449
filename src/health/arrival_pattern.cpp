#include "pulse/health/arrival_pattern.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace pulse::health {

namespace {

constexpr int kWeeks = 4, kDays = 13, kYear = 56;  // in weeks: a monthly load needs more than two months
constexpr int kSteps = 4;  // quarters of an hour to either side: loads do not run on the minute
constexpr int64_t kStep = 15 * kMinute;
constexpr size_t kMostPeriods = 8;  // newest first: the rhythm of long ago is not that of today
constexpr double kMinLimit = 300;   // seconds; shorter delays are noise
// Until a weekend is known, it may be silent: from Friday evening to Monday morning, and two days longer than
// any other silence.
constexpr double kWeekend = 66 * 3600, kDaysOff = 48 * 3600;  // seconds
constexpr double kAlike = 3;       // two silences are of one rhythm up to this factor
constexpr double kPunctual = 0.1;  // arrivals that follow the week are on time up to this share
constexpr double kMargin = 1.25;
constexpr double kUneven = 1.0 / 3;  // a larger spread: arrivals at random
// Of random arrivals one silence in a thousand is seven times as long as the mean; a moment lies in silences
// of twice the mean.
constexpr double kRandom = 3.75;

// The silence of one period, a week or a day.
struct Period {
    int64_t number = 0;  // how many ago
    double age = 0;      // the highest age of the newest row at the moments that were read
    double length = 0;   // of the longest silence
    int moments = 0;     // that were read and are known
};

double Seconds(int64_t span) {
    return static_cast<double>(span) / kSecond;
}

// Periods with their silences, newest first; a silence over several periods counts once.
std::vector<Period> ByPeriod(const std::vector<Silence>& silences, Moment now, int64_t length) {
    std::map<int64_t, std::pair<Period, Moment>> longest;
    for (const Silence& silence : silences) {
        const int64_t ago = now - silence.at, number = (ago + length / 2) / length;
        if (number < 1 || std::abs(ago - number * length) > kSteps * kStep) continue;
        auto& [period, from] = longest[number];
        period.number = number;
        ++period.moments;
        period.age = std::max(period.age, Seconds(silence.at - silence.from));
        if (const double span = Seconds(silence.to - silence.from); span > period.length) {
            period.length = span;
            from = silence.from;
        }
    }
    std::vector<Period> periods;
    std::set<Moment> seen;
    for (const auto& [number, found] : longest)
        if (periods.size() < kMostPeriods && seen.insert(found.second).second) periods.push_back(found.first);
    return periods;
}

// The second largest: what happened once is not usual.
double Usual(std::vector<double> values) {
    std::sort(values.rbegin(), values.rend());
    return values.at(1);
}

// From the least to the usual value; to the largest of a few, of which none can be told to be an outage.
double Spread(const std::vector<double>& values) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return (values.size() < kWeeks ? *most : Usual(values)) - *least;
}

std::vector<double> Values(const std::vector<Period>& periods, double Period::*member) {
    std::vector<double> values;
    for (const Period& period : periods) values.push_back(period.*member);
    return values;
}

// Whether at least two silences are as long as usual or shorter.
bool Known(const std::vector<Period>& periods) {
    if (periods.size() < 2) return false;
    const double most = kAlike * Usual(Values(periods, &Period::length));
    return std::count_if(periods.begin(), periods.end(),
                         [&](const Period& period) { return period.length <= most; }) >= 2;
}

// Arrivals follow the week: at this hour the newest row is of the same age, and the silence of the
// same length, week after week.
std::optional<ArrivalPattern> LearnWeek(std::vector<Period> weeks, std::optional<double> gap) {
    if (weeks.size() > kWeeks) weeks.resize(kWeeks);
    // A silence over several weeks has no hour of the week.
    if (weeks.back().number - weeks.front().number >= static_cast<int64_t>(weeks.size())) return std::nullopt;
    const std::vector<double> ages = Values(weeks, &Period::age), lengths = Values(weeks, &Period::length);
    const double late = kPunctual * Usual(lengths);
    // Few weeks may be alike by chance.
    const double most = late * static_cast<double>(weeks.size() - 1) / (kWeeks - 1);
    if (Spread(ages) > most || Spread(lengths) > most) return std::nullopt;
    ArrivalPattern pattern;
    pattern.expected = Usual(ages);
    pattern.silence = Usual(lengths);
    // The highest age may lie between two of the moments that were read.
    constexpr double kBetween = static_cast<double>(kStep) / kSecond;
    pattern.limit = std::max((pattern.expected + std::min(gap.value_or(kBetween), kBetween)) * kMargin,
                             pattern.expected + late);
    pattern.learnt = "this hour of " + std::to_string(weeks.size()) + " weeks";
    return pattern;
}

// Arrivals at intervals that the week does not explain. The fewer are known, the more room.
ArrivalPattern LearnIntervals(const std::vector<Period>& periods, const char* noun) {
    const std::vector<double> lengths = Values(periods, &Period::length);
    const auto count = static_cast<double>(periods.size());
    ArrivalPattern pattern;
    pattern.expected = Usual(lengths);
    pattern.limit = pattern.expected * std::max(kMargin, 1 + 2 / count);
    if (Spread(lengths) > pattern.expected * kUneven) {
        double sum = 0;  // of what is no outage
        for (const double length : lengths) sum += std::min(length, pattern.expected);
        pattern.limit = std::max(pattern.limit, kRandom * sum / count);
    }
    pattern.learnt = "the longest intervals of " + std::to_string(periods.size()) + " " + noun;
    return pattern;
}

// What the day of the week adds to the days before it: twice its silence of a week ago, or that of a weekend
// when it was not seen yet.
double LimitOfWeekday(const std::vector<Period>& days, double usual) {
    const auto found = std::find_if(days.begin(), days.end(), [](const Period& day) {
        return day.number == kWeek / kDay && day.moments == 2 * kSteps + 1;
    });
    return found != days.end() ? 2 * found->length : std::max(kWeekend, usual * kMargin + kDaysOff);
}

}  // namespace

std::vector<Moment> PastMoments(Moment now) {
    std::set<Moment> moments;
    for (int week = 1; week <= kWeeks; ++week)
        for (int step = -kSteps; step <= kSteps; ++step) moments.insert(now - week * kWeek + step * kStep);
    for (int week = kWeeks + 1; week <= kYear; ++week) moments.insert(now - week * kWeek);
    for (int day = 1; day <= kDays; ++day) moments.insert(now - day * kDay);
    return {moments.begin(), moments.end()};
}

ArrivalPattern LearnArrivalPattern(const std::vector<Silence>& silences, Moment now,
                                   std::optional<double> gap) {
    ArrivalPattern pattern;
    if (const std::vector<Period> weeks = ByPeriod(silences, now, kWeek); Known(weeks)) {
        pattern = LearnWeek(weeks, gap).value_or(LearnIntervals(weeks, "weeks"));
        pattern.limit = std::max(pattern.limit, kMinLimit);
    } else if (const std::vector<Period> days = ByPeriod(silences, now, kDay); Known(days)) {
        pattern = LearnIntervals(days, "days");
        pattern.limit = std::max({pattern.limit, kMinLimit, LimitOfWeekday(days, pattern.expected)});
    } else {
        pattern.learnt = "fewer than 2 intervals between its rows are known";
        return pattern;
    }
    pattern.known = true;
    return pattern;
}

}  // namespace pulse::health
