#include "pulse/drift/statistics/trend.hpp"

#include "pulse/drift/statistics/probabilities.hpp"
#include "pulse/drift/statistics/robust.hpp"
#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

constexpr int kLeastTrendPoints = 4;
// From this many points on Sen's slope takes a pair per point instead of all pairs.
constexpr size_t kAllPairs = 2000;
// Autocorrelation is never believed to be total: the variance would be infinite.
constexpr double kMostAutocorrelation = 0.99;

// A series without its gaps.
struct Series {
    std::vector<double> times, values;
};

Series WithoutGaps(std::span<const double> values) {
    Series series;
    for (size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) continue;
        series.times.push_back(static_cast<double>(i));
        series.values.push_back(Bounded(values[i]));
    }
    return series;
}

// Counts of values by rank, summed up to a rank in logarithmic time (Fenwick).
class RankCounts {
  public:
    explicit RankCounts(size_t ranks) : tree_(ranks + 1, 0) {}
    void Add(size_t rank) {
        for (size_t i = rank + 1; i < tree_.size(); i += i & -i) ++tree_[i];
    }
    double Below(size_t rank) const {
        double sum = 0;
        for (size_t i = rank; i > 0; i -= i & -i) sum += tree_[i];
        return sum;
    }

  private:
    std::vector<int> tree_;
};

struct Concordance {
    double s = 0, variance = 0, tied_pairs = 0;
};

// Rises minus falls over all pairs, and its variance without autocorrelation.
Concordance CountConcordance(const std::vector<double>& values) {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const auto n = static_cast<double>(values.size());
    Concordance result;
    result.variance = n * (n - 1) * (2 * n + 5);
    for (auto first = sorted.begin(); first != sorted.end();) {
        const auto last = std::upper_bound(first, sorted.end(), *first);
        const auto ties = static_cast<double>(last - first);
        result.variance -= ties * (ties - 1) * (2 * ties + 5);
        result.tied_pairs += ties * (ties - 1) / 2;
        first = last;
    }
    result.variance /= 18;
    RankCounts seen(sorted.size());
    for (size_t i = 0; i < values.size(); ++i) {
        const auto range = std::equal_range(sorted.begin(), sorted.end(), values[i]);
        const auto low = static_cast<size_t>(range.first - sorted.begin());
        const auto high = static_cast<size_t>(range.second - sorted.begin());
        result.s += seen.Below(low) - (static_cast<double>(i) - seen.Below(high));
        seen.Add(low);
    }
    return result;
}

double ContinuityCorrected(double s, double variance) {
    if (!(variance > 0) || s == 0) return 0;
    return (s - std::copysign(1.0, s)) / std::sqrt(variance);
}

// The curve closest to the values that never rises, or never falls (pool adjacent violators).
std::vector<double> MonotoneFit(const std::vector<double>& values, bool falling) {
    struct Block {
        double mean;
        size_t count;
    };
    std::vector<Block> blocks;
    for (const double value : values) {
        blocks.push_back({value, 1});
        while (blocks.size() > 1) {
            const Block last = blocks.back(), before = blocks[blocks.size() - 2];
            if (falling ? before.mean >= last.mean : before.mean <= last.mean) break;
            const size_t count = before.count + last.count;
            const double part = static_cast<double>(last.count) / static_cast<double>(count);
            blocks.pop_back();
            blocks.back() = {std::lerp(before.mean, last.mean, part), count};
        }
    }
    std::vector<double> fit;
    for (const Block& block : blocks) fit.insert(fit.end(), block.count, block.mean);
    return fit;
}

// Lag-1 autocorrelation of what a monotone trend leaves over; only neighbours in time count. Around a
// straight line a fall that levels off would look autocorrelated, and widen its own variance until it is not
// seen.
double Autocorrelation(const Series& series, bool falling) {
    std::vector<double> residuals = MonotoneFit(series.values, falling);
    const auto n = static_cast<double>(residuals.size());
    double mean = 0;
    for (size_t i = 0; i < residuals.size(); ++i) {
        residuals[i] = series.values[i] - residuals[i];
        mean += residuals[i] / n;
    }
    double products = 0, squares = 0;
    for (size_t i = 0; i < residuals.size(); ++i) {
        squares += (residuals[i] - mean) * (residuals[i] - mean);
        if (i > 0 && series.times[i] - series.times[i - 1] == 1)
            products += (residuals[i] - mean) * (residuals[i - 1] - mean);
    }
    if (!(squares > 0)) return 0;
    // The fit follows the noise, too, which makes r too small by about (3.4 + 7 r) / n: measured on AR(1)
    // series of 28 values.
    return std::clamp((n * products / squares + 3.4) / std::max(n - 7, 1.0), -1.0, 1.0);
}

}  // namespace

double SenSlope(std::span<const double> times, std::span<const double> values) {
    std::vector<double> slopes;
    const size_t n = std::min(times.size(), values.size());
    const auto add = [&](size_t i, size_t j) {
        const double slope = (Bounded(values[j]) - Bounded(values[i])) / (times[j] - times[i]);
        if (std::isfinite(slope)) slopes.push_back(slope);
    };
    // Theil's incomplete method pairs each point with the one half the series away.
    for (size_t i = 0; i < n; ++i)
        for (size_t j = n > kAllPairs ? std::max(i + 1, i + n / 2) : i + 1; j < n; ++j) {
            add(i, j);
            if (n > kAllPairs) break;
        }
    return Median(slopes);
}

MannKendall TestTrend(std::span<const double> values) {
    MannKendall trend;
    const Series series = WithoutGaps(values);
    trend.count = static_cast<int>(series.values.size());
    if (trend.count < kLeastTrendPoints) return trend;
    const Concordance concordance = CountConcordance(series.values);
    const double n = trend.count, pairs = n * (n - 1) / 2;
    trend.s = concordance.s;
    trend.variance = concordance.variance;
    trend.slope = SenSlope(series.times, series.values);
    trend.intercept = Median(series.values) - trend.slope * Median(series.times);
    if (!(trend.variance > 0)) {
        trend.status = StatisticStatus::kConstant;
        return trend;
    }
    trend.status = StatisticStatus::kOk;
    trend.tau = trend.s / std::sqrt(pairs * (pairs - concordance.tied_pairs));
    trend.z = ContinuityCorrected(trend.s, trend.variance);
    trend.p_value = NormalTwoSided(trend.z);
    trend.autocorrelation = Autocorrelation(series, trend.s < 0);
    const double r = std::clamp(trend.autocorrelation, 0.0, kMostAutocorrelation);
    trend.z_adjusted = ContinuityCorrected(trend.s, trend.variance * (1 + r) / (1 - r));
    trend.p_adjusted = NormalTwoSided(trend.z_adjusted);
    return trend;
}

namespace {

// Squared error around the mean of any stretch, from running sums of the values around their median.
class Errors {
  public:
    explicit Errors(const std::vector<double>& values)
        : sums_(values.size() + 1, 0), squares_(values.size() + 1, 0) {
        const double centre = Median(values);
        for (size_t i = 0; i < values.size(); ++i) {
            const double value = values[i] - centre;
            sums_[i + 1] = sums_[i] + value;
            squares_[i + 1] = squares_[i] + value * value;
        }
    }
    double Of(size_t from, size_t to) const {
        const double sum = sums_[to] - sums_[from];
        return std::max(0.0, squares_[to] - squares_[from] - sum * sum / static_cast<double>(to - from));
    }

  private:
    std::vector<double> sums_, squares_;
};

double Mean(const std::vector<double>& values, size_t from, size_t to) {
    double mean = 0;
    for (size_t i = from; i < to; ++i) mean += values[i] / static_cast<double>(to - from);
    return mean;
}

}  // namespace

ChangePoints FindChangePoints(std::span<const double> values, double penalty, size_t min_segment) {
    ChangePoints result;
    const std::vector<double> x = Finite(values);
    min_segment = std::max<size_t>(min_segment, 1);
    if (x.size() < values.size() || !(penalty >= 0)) result.status = StatisticStatus::kInvalidInput;
    if (result.status == StatisticStatus::kInvalidInput || x.size() < min_segment || x.empty()) return result;
    const Errors errors(x);
    const size_t n = x.size();
    // cost[t]: the least cost of the first t values; previous[t]: where its last stretch begins.
    std::vector<double> cost(n + 1, std::numeric_limits<double>::infinity());
    std::vector<size_t> previous(n + 1, 0);
    cost[0] = -penalty;
    for (size_t t = min_segment; t <= n; ++t)
        for (size_t s = 0; s + min_segment <= t; ++s) {
            const double candidate = cost[s] + errors.Of(s, t) + penalty;
            if (candidate < cost[t]) {
                cost[t] = candidate;
                previous[t] = s;
            }
        }
    result.status = StatisticStatus::kOk;
    result.objective = cost[n];
    for (size_t t = n; t > 0; t = previous[t]) {
        result.squared_error += errors.Of(previous[t], t);
        if (previous[t] > 0) result.starts.push_back(previous[t]);
    }
    std::reverse(result.starts.begin(), result.starts.end());
    return result;
}

double ChangePointPenalty(std::span<const double> values) {
    std::vector<double> steps;
    for (size_t i = 1; i < values.size(); ++i)
        if (std::isfinite(values[i]) && std::isfinite(values[i - 1]))
            steps.push_back(std::abs(Bounded(values[i]) - Bounded(values[i - 1])));
    // The median of |difference of two normals| is 0.9539 sigma.
    const double sigma = Median(steps) / 0.9539;
    return 2 * sigma * sigma * std::log(std::max<double>(static_cast<double>(values.size()), 1));
}

Split FindSplit(std::span<const double> values, size_t min_segment) {
    Split split;
    const std::vector<double> x = Finite(values);
    min_segment = std::max<size_t>(min_segment, 1);
    if (x.size() < values.size()) split.status = StatisticStatus::kInvalidInput;
    if (split.status == StatisticStatus::kInvalidInput || x.size() < 2 * min_segment) return split;
    const Errors errors(x);
    const double whole = errors.Of(0, x.size());
    split.status = StatisticStatus::kConstant;
    for (size_t i = min_segment; i + min_segment <= x.size(); ++i) {
        const double gain = whole - errors.Of(0, i) - errors.Of(i, x.size());
        if (gain <= split.gain) continue;
        split.status = StatisticStatus::kOk;
        split.start = i;
        split.gain = gain;
    }
    split.before = Mean(x, 0, split.start > 0 ? split.start : x.size());
    split.after = split.start > 0 ? Mean(x, split.start, x.size()) : split.before;
    return split;
}

}  // namespace pulse::drift::statistics
