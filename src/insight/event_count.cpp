#include "pulse/insight/event_count.hpp"

#include <algorithm>
#include <cmath>

#include "expected_count.hpp"
#include "hourly_counts.hpp"
#include "pulse/base/number.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/drift/baseline.hpp"
#include "pulse/drift/rate_test.hpp"
#include "pulse/drift/statistics/probabilities.hpp"
#include "pulse/drift/statistics/seasonal.hpp"

namespace pulse::insight {

namespace {

namespace detector = drift::detector;
using drift::DetectorResult;
using drift::Fingerprint;
using drift::History;

constexpr int kWeekHours = 168;
constexpr int64_t kLag = 24;         // hours until the day of another source is complete
constexpr int64_t kLeastOfDay = 3;   // hours of the present day that are worth a look
constexpr int64_t kLooksADay = 24;   // at a day that goes on
constexpr double kHalf = 0.5;        // of a threshold: below it a p-value is irrelevant
constexpr double kHourWider = 2;     // the threshold of an hour to that of a day
constexpr double kSilence = 3;       // times the longest silence of before
constexpr size_t kLeastActive = 8;   // hours with events that tell of silences
constexpr double kWeekFloor = 0.05;  // of the noise of an hour of the week

int64_t EventHourOf(Moment moment) {
    return FloorTo(moment, kHour) / kHour;
}

// Judges one series.
class Counter {
  public:
    Counter(const EventSeries& series, const CountCheck& check, const drift::IncidentTracker& tracker,
            std::vector<JudgedResult>& results)
        : series_(series), check_(check), tracker_(tracker), results_(results), counts_(series, check) {}

    bool Judge() {
        if (counts_.size() < kLeastHours) return false;
        const bool hourly = counts_.prompt() && counts_.busy();
        if (hourly) JudgeHours();
        JudgeDays(hourly);
        if (!hourly) JudgeSilence();
        return true;
    }

  private:
    void JudgeHours();
    void JudgeDays(bool hourly);
    void JudgeToday(bool hourly);
    void JudgeSilence();
    std::vector<DetectorResult> Test(const ExpectedCount& expected, double observed, Moment local_end,
                                     Period period, Moment start, Moment end, bool vanishes,
                                     bool unfinished = false) const;
    std::vector<DetectorResult> TestDay(const History& history, const drift::Exclusions& exclusions,
                                        Moment start, Moment end, bool vanishes, bool unfinished) const;
    void Keep(std::vector<DetectorResult> results, Period period, Moment end, bool unfinished = false);
    std::string Subject() const { return "`" + series_.event + "` from " + series_.source; }

    const EventSeries& series_;
    const CountCheck& check_;
    const drift::IncidentTracker& tracker_;
    std::vector<JudgedResult>& results_;
    const HourlyCounts counts_;
};

// Tests a period. What could show nothing gives no result, so that a night ends no incident.
std::vector<DetectorResult> Counter::Test(const ExpectedCount& expected, double observed, Moment local_end,
                                          Period period, Moment start, Moment end, bool vanishes,
                                          bool unfinished) const {
    const bool hour = period == Period::kHour;
    const drift::Thresholds& thresholds = hour ? check_.thresholds.hour : check_.thresholds.day;
    const double level = expected.Level(observed), change = (observed - level) / std::max(level, 1.0);
    const double of_none = expected.PValue(0);
    const drift::BaselineKind kind = hour ? drift::BaselineKind::kSeasonal : expected.forecast->kind;
    const std::string when =
        hour ? "in the hour to " + FormatMinute(end)
             : "on " + FormatDate(local_end - 1) + (unfinished ? " until " + FormatMinute(end) : "");
    const std::string usual = expected.Words(observed, hour);
    std::vector<DetectorResult> results;
    const auto finish = [&](DetectorResult result, const std::string& summary) {
        drift::Finding& finding = result.finding;
        finding.baseline = level;
        finding.observed = observed;
        finding.onset = start;
        if (result.material && expected.forecast) {
            finding.summary = summary;
            finding.details = {{"source", series_.source},
                               {"expected", std::round(level * 10) / 10},
                               {"sigma", expected.forecast->forecast.best().sigma},
                               {"baselinePoints", expected.forecast->points},
                               {"from", FormatMoment(start)},
                               {"to", FormatMoment(end)}};
        }
        results.push_back(std::move(result));
    };
    const Fingerprint vanished{detector::kEventVanished, series_.source};
    if (observed > 0 && vanishes) {
        finish(drift::EvaluateChange(vanished, 0, 0, 1.0 / 3, std::nullopt, kind, thresholds), "");
    } else if (observed == 0 && vanishes) {
        if (of_none > thresholds.p_value) return {};
        finish(drift::EvaluateChange(vanished, -1, 1, 1.0 / 3, of_none, kind, thresholds),
               "no " + Subject() + " " + when + " (" + usual + ")");
        return results;
    }
    if (of_none > thresholds.p_value && observed <= level) return results;
    const double threshold = check_.thresholds.volume * (hour ? kHourWider : 1);
    if (check_.thresholds.volume >= drift::kSwitchedOff || (observed == 0 && hour)) return results;
    const double effect = EffectOf(observed, level);
    const double p = effect >= kHalf * threshold ? expected.PValue(observed) : 1;
    finish(drift::EvaluateChange({hour ? detector::kEventRate : detector::kEventVolume, series_.source},
                                 change, effect, std::min(threshold, 0.9), p, kind, thresholds),
           Subject() + (change < 0 ? " fell " : " rose ") + drift::Percent(std::abs(change)) + " " + when +
               ": " + drift::Members(observed) + " (" + usual + ")");
    return results;
}

void Counter::Keep(std::vector<DetectorResult> results, Period period, Moment end, bool unfinished) {
    for (DetectorResult& result : results)
        results_.push_back({series_.event, series_.source, end, period, unfinished, std::move(result)});
}

// Applies results at once to a copy of the incidents, so that the hours of an outage that a late check judges
// are not the baseline of the next ones.
void ApplyTo(drift::IncidentTracker& tracker, const std::vector<DetectorResult>& results, Moment end,
             const drift::Thresholds& thresholds) {
    drift::Point point;
    point.moment = end;
    tracker.Apply(point, results, thresholds.p_value, thresholds);
}

void Counter::JudgeHours() {
    History history = counts_.NewHistory(Period::kHour);
    drift::IncidentTracker tracker = tracker_;
    for (int64_t hour = counts_.first_hour(); hour <= check_.last; ++hour) {
        drift::Point point;
        point.moment = counts_.LocalHour(hour) + kHour;
        // Where the clock is set back an hour comes twice.
        if (!history.points.empty() && point.moment <= history.points.back().moment) continue;
        point.size = counts_.At(hour);
        point.ok = hour >= check_.first || !counts_.IsGap(hour);
        history.points.push_back(std::move(point));
        if (hour < check_.first || hour - counts_.first_hour() < kLeastHours) continue;
        const drift::Exclusions exclusions = counts_.ExclusionsOf(tracker, detector::kEventRate);
        ExpectedCount expected{std::nullopt, drift::statistics::RobustSeasonalFit(
                                                 GridOf(history, exclusions.begin()->second), kWeekHours,
                                                 drift::statistics::Scale::kLog, kWeekFloor)};
        if (expected.week->points < 2 * kWeekHours) continue;
        // Most hours are as other weeks have them: no forecast is needed.
        if (EffectOf(static_cast<double>(counts_.At(hour)), expected.week->expected) >=
            kHalf * check_.thresholds.volume * kHourWider) {
            expected.forecast =
                drift::ExpectSize(history, history.points.size() - 1, exclusions, check_.thresholds.hour);
            if (!expected.forecast) continue;
        }
        const Moment start = hour * kHour, end = start + kHour;
        std::vector<DetectorResult> results =
            Test(expected, static_cast<double>(counts_.At(hour)), 0, Period::kHour, start, end, true);
        ApplyTo(tracker, results, end, check_.thresholds.hour);
        Keep(std::move(results), Period::kHour, end);
    }
}

// Tests the last day of a history.
std::vector<DetectorResult> Counter::TestDay(const History& history, const drift::Exclusions& exclusions,
                                             Moment start, Moment end, bool vanishes, bool unfinished) const {
    const size_t index = history.points.size() - 1;
    std::optional<drift::Expectation> forecast =
        drift::ExpectSize(history, index, exclusions, check_.thresholds.day);
    if (!forecast) return {};
    return Test({std::move(*forecast), std::nullopt}, static_cast<double>(history.points[index].size),
                history.points[index].moment, Period::kDay, start, end, vanishes, unfinished);
}

void Counter::JudgeDays(bool hourly) {
    const int64_t lag = counts_.prompt() ? 0 : kLag;
    drift::IncidentTracker tracker = tracker_;
    for (int64_t hour = std::max(check_.first, counts_.first_hour() + 1); hour <= check_.last; ++hour) {
        const int64_t done = hour - lag;  // the last hour of a day
        if (done < counts_.first_hour() || counts_.DayOf(done + 1) == counts_.DayOf(done)) continue;
        History history = counts_.DaysUpTo(done, 24);
        if (history.points.size() < static_cast<size_t>(kLeastHours / 24)) continue;
        int64_t start = done;
        while (start > counts_.first_hour() && counts_.DayOf(start - 1) == counts_.DayOf(done)) --start;
        const Moment end = (hour + 1) * kHour;
        std::vector<DetectorResult> results =
            TestDay(history, counts_.ExclusionsOf(tracker, detector::kEventVolume), start * kHour,
                    (done + 1) * kHour, !hourly, false);
        ApplyTo(tracker, results, end, check_.thresholds.day);
        Keep(std::move(results), Period::kDay, end);
    }
    if (counts_.prompt()) JudgeToday(hourly);
}

// The present day against the same hours of earlier days: only what is clear even after a look every hour.
void Counter::JudgeToday(bool hourly) {
    const Moment next = counts_.LocalHour(check_.last) + kHour;
    const int64_t hours_of_day = (next - FloorTo(counts_.LocalHour(check_.last), kDay)) / kHour;
    if (hours_of_day < kLeastOfDay || hours_of_day >= 24) return;
    const History history = counts_.DaysUpTo(check_.last, hours_of_day);
    if (history.points.size() < static_cast<size_t>(kLeastHours / 24)) return;
    int64_t start = check_.last;
    while (start > counts_.first_hour() && counts_.DayOf(start - 1) == counts_.DayOf(check_.last)) --start;
    const Moment end = (check_.last + 1) * kHour;
    std::vector<DetectorResult> results = TestDay(
        history, counts_.ExclusionsOf(tracker_, detector::kEventVolume), start * kHour, end, !hourly, true);
    std::erase_if(results, [&](const DetectorResult& result) {
        return !result.material || !tracker_.IsNew(result.finding.fingerprint, end) ||
               !result.finding.p_value ||
               *result.finding.p_value * kLooksADay > check_.thresholds.day.p_value;
    });
    for (DetectorResult& result : results) {
        result.finding.details["unfinished"] = true;
    }
    Keep(std::move(results), Period::kDay, end, true);
}

// What is so rare that no single day shows its end: a silence far longer than any before.
void Counter::JudgeSilence() {
    int64_t longest = 0, newest = counts_.first_hour();
    size_t active = 0;
    double events = 0;
    for (int64_t hour = counts_.first_hour(); hour <= check_.last; ++hour) {
        if (counts_.At(hour) == 0) continue;
        longest = std::max(longest, hour - newest);
        newest = hour;
        ++active;
        events += static_cast<double>(counts_.At(hour));
    }
    const Fingerprint fingerprint{detector::kEventVanished, series_.source};
    const drift::Incident* incident = tracker_.Newest(fingerprint);
    const Moment end = (check_.last + 1) * kHour, silent_from = (newest + 1) * kHour;
    const drift::Thresholds& thresholds = check_.thresholds.day;
    const auto silence = static_cast<double>(check_.last - newest - (counts_.prompt() ? 0 : kLag));
    const bool live = incident && incident->live();
    if (live && newest >= EventHourOf(incident->last_seen_at)) {
        Keep({drift::EvaluateChange(fingerprint, 0, 0, 1.0 / 3, std::nullopt, drift::BaselineKind::kRolling,
                                    thresholds)},
             Period::kDay, end);
        return;
    }
    // Somebody has said that it is over.
    if (incident && incident->new_normal && newest * kHour < incident->last_seen_at) return;
    if (active < kLeastActive || newest == counts_.first_hour() ||
        silence <= std::max(24.0, kSilence * static_cast<double>(longest)))
        return;
    const double rate = static_cast<double>(active) / static_cast<double>(newest - counts_.first_hour());
    DetectorResult result = drift::EvaluateChange(fingerprint, -1, 1, 1.0 / 3,
                                                  drift::statistics::PoissonAtMost(0, rate * silence),
                                                  drift::BaselineKind::kRolling, thresholds);
    result.finding.baseline = events / static_cast<double>(newest - counts_.first_hour()) * silence;
    result.finding.observed = 0;
    result.finding.onset = silent_from;
    result.finding.summary = "no " + Subject() + " since " + FormatMinute(silent_from) +
                             "; before, the longest time without one was " +
                             (longest >= 48 ? Plural((longest + 12) / 24, "day") : Plural(longest, "hour"));
    result.finding.details = {{"source", series_.source},
                              {"silentHours", silence},
                              {"longestHours", longest},
                              {"from", FormatMoment(silent_from)},
                              {"to", FormatMoment(end)}};
    // A day of the same series that found the same is enough.
    std::erase_if(results_, [&](const JudgedResult& other) {
        return other.event == series_.event && other.moment == end &&
               other.result.finding.fingerprint == fingerprint;
    });
    Keep({std::move(result)}, Period::kDay, end);
}

}  // namespace

bool JudgeCounts(const EventSeries& series, const CountCheck& check, const drift::IncidentTracker& tracker,
                 std::vector<JudgedResult>& results) {
    return Counter(series, check, tracker, results).Judge();
}

}  // namespace pulse::insight
