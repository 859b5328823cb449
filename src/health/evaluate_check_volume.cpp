// Evaluates the number of rows by fixed limits and by the table's own seasonal history.
#include <algorithm>
#include <cmath>
#include <limits>

#include "pulse/drift/statistics/seasonal.hpp"
#include "pulse/health/evaluate_check.hpp"

namespace pulse::health {

namespace {

using drift::statistics::RobustSeasonalFit;
using drift::statistics::Scale;
using drift::statistics::SeasonalFit;

constexpr int64_t kWeek = 7 * kDay;
constexpr double kSigmas = 4;         // a deviation of at least this many is significant
constexpr double kSigmaFloor = 0.01;  // relative; smaller deviations are not trusted
constexpr double kYoungChange =
    0.4;  // with less than two weeks of history the weekly pattern is unknown: only a large change counts
constexpr size_t kMostSteps = 5 * 168;

// Results on a grid of steps that ends one step before now; gaps are NaN.
std::vector<double> Grid(const CheckContext& context, int64_t step) {
    std::vector<double> series;
    std::vector<int64_t> off;  // distance of the stored result from the middle of its step
    for (const PastResult& earlier : context.history) {
        const int64_t age = context.now - earlier.at;
        if (age <= 0) continue;
        const auto slot = static_cast<size_t>(std::max<int64_t>(1, (age + step / 2) / step));
        if (slot > kMostSteps) continue;
        if (series.size() < slot) {
            series.resize(slot, std::numeric_limits<double>::quiet_NaN());
            off.resize(slot, 0);
        }
        const int64_t distance = std::abs(age - static_cast<int64_t>(slot) * step);
        if (!std::isnan(series[slot - 1]) && off[slot - 1] <= distance) continue;
        series[slot - 1] = earlier.observed;
        off[slot - 1] = distance;
    }
    std::reverse(series.begin(), series.end());
    return series;
}

SeasonalFit Fit(const std::vector<double>& series, int64_t step, double floor) {
    for (const int64_t season : {kWeek, kDay}) {
        if (season % step != 0 || season / step < 2) continue;
        SeasonalFit fit = RobustSeasonalFit(series, static_cast<size_t>(season / step), Scale::kLog, floor);
        if (fit.period > 1 && fit.status != drift::statistics::StatisticStatus::kInsufficientData) return fit;
    }
    return RobustSeasonalFit(series, 1, Scale::kLog, floor);
}

// The number of steps for which the newest value has not changed, and the longest such run before. When a
// table that changes at nearly every check stops changing, its load or the replica that is read has stopped.
struct Flat {
    int now = 1, longest = 1, changes = 0;
};
Flat FlatRuns(const std::vector<double>& series, double value) {
    Flat flat;
    std::vector<double> values;
    for (const double each : series)
        if (std::isfinite(each)) values.push_back(each);
    values.push_back(value);
    std::vector<int> runs;
    for (size_t i = 0; i < values.size(); ++i) {
        if (i > 0 && values[i] == values[i - 1]) {
            ++runs.back();
        } else {
            runs.push_back(1);
        }
    }
    flat.now = runs.back();
    flat.changes = static_cast<int>(runs.size()) - 1;
    runs.pop_back();
    for (const int run : runs) flat.longest = std::max(flat.longest, run);
    return flat;
}

void SetBad(CheckResult& result, double ratio, drift::Direction direction, const std::string& message) {
    result.status = CheckStatus::kBad;
    result.ratio = std::max(ratio, 1.0);
    result.direction = direction;
    result.message = message;
}

void EvaluateFixedLimits(const Check& check, double rows, const std::string& has, CheckResult& result) {
    result.low = check.min;
    result.high = check.max;
    if (check.min && rows < *check.min)
        SetBad(result, 1 + 2 * (*check.min - rows) / std::max(*check.min, 1.0), drift::Direction::kDown,
               has + ", fewer than " + Count(*check.min));
    else if (check.max && rows > *check.max)
        SetBad(result, *check.max > 0 ? rows / *check.max : 3, drift::Direction::kUp,
               has + ", more than " + Count(*check.max));
    else if (check.max && *check.max > 0)
        result.ratio = rows / *check.max;
}

// With too few steps of the grid, compare with the newest results; only a large change counts.
void EvaluateShortHistory(const Check& check, const CheckMeasurement& m, const CheckContext& context,
                          const std::string& has, CheckResult& result) {
    std::vector<double> values;
    for (const PastResult& earlier : context.history) values.push_back(earlier.observed);
    result.status = CheckStatus::kLearning;
    result.message = has + "; " + std::to_string(values.size()) + " of " +
                     std::to_string(context.min_history) + " earlier results recorded; still learning";
    if (values.size() < static_cast<size_t>(context.min_history)) return;
    const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    const double expected = std::max(*middle, 1.0), change = m.rows / expected - 1;
    const double threshold = std::max(check.change, kYoungChange);
    result.low = expected * (1 - threshold);
    result.high = expected * (1 + threshold);
    result.ratio = std::abs(change) / threshold;
    result.details = {
        {"expected", std::round(expected)}, {"earlier_results", values.size()}, {"exact", m.exact}};
    if (result.ratio >= 1)
        return SetBad(result, result.ratio, change < 0 ? drift::Direction::kDown : drift::Direction::kUp,
                      has + ", " + Percentage(std::abs(change)) +
                          (change < 0 ? " fewer than" : " more than") + " the " +
                          Count(std::round(expected)) + " of the newest results");
    result.status = CheckStatus::kOk;
    result.message = has + "; the newest results had " + Count(std::round(expected));
}

void EvaluateHistory(const Check& check, const CheckMeasurement& m, const CheckContext& context,
                     const std::string& has, CheckResult& result) {
    const int64_t step = GridStep(context.every);
    const std::vector<double> series = Grid(context, step);
    const auto points =
        std::count_if(series.begin(), series.end(), [](double value) { return std::isfinite(value); });
    if (points < context.min_history) return EvaluateShortHistory(check, m, context, has, result);
    const SeasonalFit fit = Fit(series, step, kSigmaFloor);
    const bool young = static_cast<int64_t>(series.size()) * step < 2 * kWeek;
    const double threshold = young ? std::max(check.change, kYoungChange) : check.change;
    const double expected = std::max(fit.expected, 1.0);
    const double change = m.rows / expected - 1;
    result.low = std::max(0.0, std::min(expected * (1 - threshold), fit.At(-kSigmas)));
    result.high = std::max(expected * (1 + threshold), fit.At(kSigmas));
    result.ratio = std::abs(change) / threshold;
    result.supported = std::abs(fit.Z(m.rows)) >= kSigmas;
    result.details = {{"expected", std::round(expected)},
                      {"season_steps", fit.period},
                      {"earlier_results", points},
                      {"exact", m.exact}};
    if (result.ratio >= 1 && result.supported) {
        SetBad(result, result.ratio, change < 0 ? drift::Direction::kDown : drift::Direction::kUp,
               has + ", " + Percentage(std::abs(change)) + (change < 0 ? " fewer than" : " more than") +
                   " the " + Count(std::round(expected)) + " expected " +
                   (fit.period > 1 ? "at this time" : "from its history"));
        return;
    }
    result.message = has + "; expected: " + Count(std::round(expected));
    const Flat flat = FlatRuns(series, m.rows);
    if (m.exact && flat.changes >= 2 * context.min_history && flat.now > 3 * flat.longest && flat.now > 3) {
        SetBad(result, static_cast<double>(flat.now) / (3.0 * flat.longest), drift::Direction::kChanged,
               has + " and has not changed for " +
                   FormatSeconds(static_cast<double>((flat.now - 1) * step) / kSecond) +
                   "; the longest such period before was " +
                   FormatSeconds(static_cast<double>(flat.longest * step) / kSecond));
        result.details["flatline"] = true;
    }
}

}  // namespace

int64_t GridStep(int64_t every) {
    return every <= kHour ? kHour : every >= kDay ? std::max(every / kDay, int64_t{1}) * kDay : every;
}

CheckResult EvaluateVolume(const Check& check, const CheckMeasurement& m, const CheckContext& context) {
    CheckResult result;
    result.observed = m.rows;
    if (m.rows > 0) result.state["had_rows"] = true;
    const std::string has = context.relation + " has " + (m.exact ? "" : "about ") + Counted(m.rows, "row") +
                            (m.basis.empty() ? "" : " (" + m.basis + ")");
    if (m.rows == 0 && context.state.value("had_rows", false)) {
        result.low = std::max(check.min.value_or(1), 1.0);
        result.severity = drift::Severity::kCritical;
        SetBad(result, 3, drift::Direction::kDown, context.relation + " is empty; it had rows before");
        return result;
    }
    result.message = has;
    if (check.anomaly) EvaluateHistory(check, m, context, has, result);
    if (result.status != CheckStatus::kBad && (check.min || check.max)) {
        const CheckResult before = result;
        EvaluateFixedLimits(check, m.rows, has, result);
        if (result.status != CheckStatus::kBad) result.ratio = std::max(result.ratio, before.ratio);
    }
    return result;
}

}  // namespace pulse::health
