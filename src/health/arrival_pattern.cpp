#include "pulse/health/arrival_pattern.hpp"

#include <algorithm>
#include <map>

namespace pulse::health {

namespace {

constexpr int kWeeks = 4;
constexpr int kMinWeeks = 2;
constexpr int kSteps = 4;  // quarters of an hour to either side: loads do not run on the minute
constexpr int64_t kStep = 15 * kMinute;
constexpr double kMinLimit = 300;  // seconds; shorter delays are noise

}  // namespace

std::vector<Moment> PastMoments(Moment now) {
    std::vector<Moment> moments;
    for (int week = 1; week <= kWeeks; ++week)
        for (int step = -kSteps; step <= kSteps; ++step)
            moments.push_back(now - week * 7 * kDay + step * kStep);
    return moments;
}

std::vector<int> PastWeeks() {
    std::vector<int> weeks;
    for (int week = 1; week <= kWeeks; ++week) weeks.insert(weeks.end(), 2 * kSteps + 1, week);
    return weeks;
}

ArrivalPattern LearnArrivalPattern(const std::vector<PastAge>& past_ages, std::optional<double> oldest,
                                   std::optional<double> gap) {
    ArrivalPattern pattern;
    std::map<int, double> longest;  // per week
    double sum = 0;
    int count = 0;
    for (const PastAge& past_age : past_ages) {
        // The hour of the first row is not representative.
        if (!past_age.age || !oldest || static_cast<double>(past_age.week) * 7 * 86400 + 3600 > *oldest)
            continue;
        longest[past_age.week] = std::max(longest[past_age.week], *past_age.age);
        sum += *past_age.age;
        ++count;
    }
    pattern.weeks = static_cast<int>(longest.size());
    if (pattern.weeks < kMinWeeks) {
        pattern.why = "its rows cover " + (oldest ? FormatSeconds(*oldest) : std::string("no time")) +
                      ", learning needs " + std::to_string(kMinWeeks) + " weeks";
        return pattern;
    }
    std::vector<double> silences;
    for (const auto& [week, silence] : longest) silences.push_back(silence);
    std::sort(silences.begin(), silences.end());
    pattern.expected = silences[silences.size() / 2];
    const double mean = sum / count;
    // Regular arrivals are at most twice their mean late, random ones four times and sometimes much more: the
    // less regular, the more room.
    const double irregular = mean > 0 ? pattern.expected / mean / 2 : 1;
    // The longest gap may lie between two of the moments that were read.
    constexpr double kBetween = static_cast<double>(kStep) / kSecond;
    const double longest_silence = pattern.expected + std::min(gap.value_or(kBetween), kBetween);
    pattern.limit = std::max(kMinLimit, longest_silence * std::clamp(irregular, 1.25, 2.5));
    // Random arrivals exceed seven times the mean in one of a thousand checks.
    if (irregular > 1.15) pattern.limit = std::max(pattern.limit, 7 * mean);
    pattern.known = true;
    return pattern;
}

}  // namespace pulse::health
