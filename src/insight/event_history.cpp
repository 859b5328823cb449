// What the check of counts asks about a history beside its tests.
#include <algorithm>

#include "pulse/base/time_text.hpp"
#include "pulse/drift/rate_test.hpp"
#include "pulse/drift/statistics/divergence.hpp"
#include "pulse/insight/event_count.hpp"

namespace pulse::insight {

namespace {

constexpr size_t kOutage = 6;         // hours without any event that are a gap
constexpr int64_t kUsual = 20;        // if a week before so many came
constexpr double kPromptShare = 0.9;  // of the events of a source that sends at once

}  // namespace

std::vector<bool> FindGaps(const std::vector<int64_t>& all) {
    constexpr size_t kWeek = 168;
    std::vector<bool> gaps(all.size());
    for (size_t from = 0; from < all.size(); ++from) {
        size_t until = from;
        int64_t before = 0;
        for (; until < all.size() && all[until] == 0; ++until)
            before += until >= kWeek ? all[until - kWeek] : 0;
        if (until - from >= kOutage && before >= kUsual)
            std::fill_n(gaps.begin() + static_cast<std::ptrdiff_t>(from), until - from, true);
        from = until;
    }
    return gaps;
}

bool IsPrompt(const EventSeries& series) {
    int64_t prompt = 0, on_time = 0;
    for (const HourCount& count : series.hours) {
        prompt += count.prompt;
        on_time += count.events - count.late;
    }
    return static_cast<double>(prompt) >= kPromptShare * static_cast<double>(on_time);
}

drift::DetectorResult JudgeNewEvent(const std::string& event, const std::vector<std::string>& sources,
                                    int64_t before, int64_t now, int64_t total, Moment since,
                                    const drift::Thresholds& thresholds) {
    drift::DetectorResult result = drift::EvaluateChange({drift::detector::kEventNew, ""}, 1, 1, 1,
                                                         drift::statistics::NewValueP(before, now, total),
                                                         drift::BaselineKind::kRolling, thresholds);
    result.finding.baseline = 0;
    result.finding.observed = static_cast<double>(now);
    result.finding.onset = since;
    std::string from;
    for (const std::string& source : sources) from += (from.empty() ? "" : ", ") + source;
    result.finding.summary = "`" + event + "` is a new event from " + from + ", first seen " +
                             FormatMinute(since) + " (" + drift::Members(static_cast<double>(now)) +
                             " so far)";
    result.finding.details = {{"sources", sources}, {"firstSeen", FormatMoment(since)}};
    return result;
}

}  // namespace pulse::insight
