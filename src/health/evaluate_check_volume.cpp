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

constexpr double kSigmas = 4;         // a deviation of at least this many is significant
constexpr double kSigmaFloor = 0.01;  // relative; smaller deviations are not trusted
// While the weekly pattern is unknown, only a large change counts; and of what comes in a day only a flood,
// for a weekend may bring nothing.
constexpr double kYoungChange = 0.4, kYoungFlood = 2;
constexpr size_t kMostSteps = 5 * 168;
constexpr int64_t kLoadSlack = 2 * kHour;  // a load is not on the minute: a day may hold none or two of them
constexpr int kFallsOfGrowing = 20;        // a growing table has at most one fall in so many steps

// The result of one step of the grid.
struct Slot {
    double rows = std::numeric_limits<double>::quiet_NaN();  // NaN: a gap
    Moment at = 0;
    bool good = false;
};

// Results on a grid of steps that ends one step before now.
std::vector<Slot> Grid(const CheckContext& context, int64_t step) {
    std::vector<Slot> slots;
    for (const PastResult& earlier : context.history) {
        const int64_t age = context.now - earlier.at;
        if (age <= 0) continue;
        const auto place = static_cast<size_t>(std::max<int64_t>(1, (age + step / 2) / step));
        if (place > kMostSteps) continue;
        if (slots.size() < place) slots.resize(place);
        Slot& slot = slots[place - 1];
        const Moment middle = context.now - static_cast<int64_t>(place) * step;
        if (std::isnan(slot.rows) || std::abs(earlier.at - middle) < std::abs(slot.at - middle))
            slot = {earlier.observed, earlier.at, earlier.good};
    }
    std::reverse(slots.begin(), slots.end());
    return slots;
}

// What is compared with its own past: the number of rows, or how many came.
struct Series {
    std::vector<double> values;  // per step; a gap, a problem and an empty table are NaN
    double value = 0;            // now
    double least = 0, most = 0;  // the value, should the load be early or late
    double base = 0;             // rows before what came
    int64_t interval = 0;        // in which they came; 0: the number of rows
};

Series Levels(const std::vector<Slot>& slots, double rows) {
    Series series{{}, rows, rows, rows, 0, 0};
    for (const Slot& slot : slots)
        series.values.push_back(slot.good && slot.rows > 0 ? slot.rows
                                                           : std::numeric_limits<double>::quiet_NaN());
    return series;
}

// Fills in how many rows came within the interval before each step. Returns false for a table that does not
// mostly grow, and never shrink.
bool FillGrowth(const std::vector<Slot>& slots, size_t lag, int min_history, Series& series) {
    int falls = 0, steps = 0, rises = 0, points = 0;
    for (size_t i = 0; i < slots.size(); ++i) {
        double came = std::numeric_limits<double>::quiet_NaN();
        if (i >= lag && slots[i].at > slots[i - lag].at)
            came = (slots[i].rows - slots[i - lag].rows) * static_cast<double>(series.interval) /
                   static_cast<double>(slots[i].at - slots[i - lag].at);
        rises += came > 0;
        if (i > 0 && std::isfinite(slots[i].rows - slots[i - 1].rows)) {
            ++steps;
            falls += slots[i].rows < slots[i - 1].rows;
        }
        if (!slots[i].good) came = std::numeric_limits<double>::quiet_NaN();
        points += std::isfinite(came);
        series.values.push_back(came);
    }
    return points >= min_history && 2 * rises >= points && kFallsOfGrowing * falls <= steps;
}

// How many rows came within a day, for a table that grows: there a day of ten times the rows, or of none,
// hardly changes the number of all.
std::optional<Series> Growth(const std::vector<Slot>& slots, double rows, Moment now, int64_t step,
                             int min_history) {
    Series series;
    series.interval = std::max(step, kDay);
    const auto lag = static_cast<size_t>(series.interval / step);
    if (!FillGrowth(slots, lag, min_history, series)) return std::nullopt;
    const auto came = [&](size_t back) {
        return back <= slots.size() ? rows - slots[slots.size() - back].rows
                                    : std::numeric_limits<double>::quiet_NaN();
    };
    size_t back = lag;
    while (back < 2 * lag && std::isnan(came(back))) ++back;  // there may be a gap
    if (!(came(back) >= 0)) return std::nullopt;              // or rows were removed
    const Slot& before = slots[slots.size() - back];
    series.base = before.rows;
    series.value = came(back) * static_cast<double>(series.interval) / static_cast<double>(now - before.at);
    const size_t slack = lag > 1 ? std::max<size_t>(1, kLoadSlack / step) : 0;
    series.least = std::fmin(came(lag - slack), series.value);
    series.most = std::fmax(came(lag + slack), series.value);
    return series;
}

// How many standard deviations of a count a difference is, when nothing but chance varies it.
double CountingZ(double value, double expected) {
    constexpr double kAnscombe = 0.375;
    return 2 * (std::sqrt(value + kAnscombe) - std::sqrt(expected + kAnscombe));
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
Flat FlatRuns(const Series& levels, double value) {
    Flat flat;
    std::vector<double> values;
    for (const double each : levels.values)
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
    for (const PastResult& earlier : context.history)
        if (earlier.good) values.push_back(earlier.observed);
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

// When the table has not changed for much longer than ever, its load or the replica that is read has stopped.
bool EvaluateFlat(const Series& levels, const CheckMeasurement& m, const CheckContext& context, int64_t step,
                  const std::string& has, CheckResult& result) {
    const Flat flat = FlatRuns(levels, m.rows);
    if (!m.exact || flat.changes < 2 * context.min_history || flat.now <= 3 * flat.longest || flat.now <= 3)
        return false;
    SetBad(result, static_cast<double>(flat.now) / (3.0 * flat.longest), drift::Direction::kChanged,
           has + " and has not changed for " +
               FormatSeconds(static_cast<double>((flat.now - 1) * step) / kSecond) +
               "; the longest such period before was " +
               FormatSeconds(static_cast<double>(flat.longest * step) / kSecond));
    result.details["flatline"] = true;
    return true;
}

// The least change that counts, however small a check's own is.
double LeastChange(const Series& series, const SeasonalFit& fit, int64_t step) {
    if (series.interval > 0) return step <= kDay && fit.period * step < kWeek ? kYoungFlood : 0;
    return static_cast<int64_t>(series.values.size()) * step < 2 * kWeek ? kYoungChange : 0;
}

void EvaluateSeries(const Series& series, const Check& check, int64_t step, std::string has,
                    CheckResult& result) {
    const SeasonalFit fit = Fit(series.values, step, kSigmaFloor);
    const double threshold = std::max(check.change, LeastChange(series, fit, step));
    const double expected = std::max(fit.expected, 1.0);
    const double value = std::clamp(expected, series.least, series.most);
    const double change = series.value / expected - 1;
    result.low = series.base + std::max(0.0, std::min(expected * (1 - threshold), fit.At(-kSigmas)));
    result.high = series.base + std::max(expected * (1 + threshold), fit.At(kSigmas));
    result.ratio = std::abs(value / expected - 1) / threshold;
    result.supported = std::abs(fit.Z(value)) >= kSigmas;
    result.details["expected"] = std::round(expected);
    result.details["season_steps"] = fit.period;
    if (series.interval > 0) {
        const std::string interval = FormatSeconds(static_cast<double>(series.interval) / kSecond);
        result.supported = result.supported && std::abs(CountingZ(value, expected)) >= kSigmas;
        result.details["new_rows"] = std::round(series.value);
        has += ", " + Count(std::round(series.value)) + " of them new in " + interval;
    }
    const std::string noun = series.interval > 0 ? " new" : "";
    if (result.ratio >= 1 && result.supported)
        return SetBad(result, result.ratio, change < 0 ? drift::Direction::kDown : drift::Direction::kUp,
                      has + ", " + Percentage(std::abs(change)) +
                          (change < 0 ? " fewer than" : " more than") + " the " +
                          Count(std::round(expected)) + noun + " expected " +
                          (fit.period > 1 ? "at this time" : "from its history"));
    result.message = has + "; expected: " + Count(std::round(expected)) + noun;
}

void EvaluateHistory(const Check& check, const CheckMeasurement& m, const CheckContext& context,
                     const std::string& has, CheckResult& result) {
    const int64_t step = GridStep(context.every);
    const std::vector<Slot> slots = Grid(context, step);
    const Series levels = Levels(slots, m.rows);
    const auto points = std::count_if(levels.values.begin(), levels.values.end(),
                                      [](double value) { return std::isfinite(value); });
    if (points < context.min_history) return EvaluateShortHistory(check, m, context, has, result);
    result.details = {{"earlier_results", points}, {"exact", m.exact}};
    if (EvaluateFlat(levels, m, context, step, has, result)) return;
    EvaluateSeries(Growth(slots, m.rows, context.now, step, context.min_history).value_or(levels), check,
                   step, has, result);
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
    result.message = has;
    if (m.rows == 0 && context.state.value("had_rows", false)) {
        result = EvaluateEmpty(context, check.anomaly);
        result.observed = 0;
        if (result.status == CheckStatus::kBad) {
            result.low = std::max(check.min.value_or(1), 1.0);
            result.message = context.relation + " is empty; it had rows before";
        }
    } else if (check.anomaly) {
        EvaluateHistory(check, m, context, has, result);
    }
    if (result.status != CheckStatus::kBad && (check.min || check.max)) {
        const CheckResult before = result;
        EvaluateFixedLimits(check, m.rows, has, result);
        if (result.status != CheckStatus::kBad) result.ratio = std::max(result.ratio, before.ratio);
    }
    return result;
}

}  // namespace pulse::health
