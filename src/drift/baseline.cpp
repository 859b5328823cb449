#include "pulse/drift/baseline.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/drift/statistics/robust.hpp"
#include "pulse/drift/statistics/seasonal.hpp"
#include "pulse/drift/statistics/trend.hpp"

namespace pulse::drift {

namespace {

// The prior for a segment without history: 3 % noise per snapshot, with the weight of four snapshots.
constexpr double kPriorSigma = 0.03;
constexpr double kPriorPoints = 4;
// The efficiency of the median absolute deviation: n points give the precision of 0.37 n points with a
// standard deviation.
constexpr double kMadEfficiency = 0.37;
// With a short history the prior dominates, and it assumes normal noise; its weight fades.
constexpr double kPriorDegrees = 60;
// A season or a trend is used only if it reduces the mean error by a tenth. The median error would not do:
// two weekend days of seven do not move a median.
constexpr double kMaxErrorRatio = 0.9;
constexpr int kSeasonsKept = 8;
constexpr size_t kDistributionPoints = 7;
constexpr size_t kTrendPoints = 10;

bool InSpan(const std::vector<Span>& spans, Moment moment, Admit admit) {
    return std::any_of(spans.begin(), spans.end(), [&](const Span& span) {
        return span.Contains(moment) && !(admit == Admit::kRhythm && span.passed_by_itself);
    });
}

double LogSize(const Point& point) {
    return std::log(std::max<double>(static_cast<double>(point.size), 1));
}

std::vector<double> LogSizes(const History& history, const std::vector<size_t>& points) {
    std::vector<double> values;
    for (const size_t i : points) values.push_back(LogSize(history.points[i]));
    return values;
}

// The noise of one snapshot, from the residuals and the prior.
double BlendedSigma(double scale, double points, const Thresholds& thresholds) {
    const double blended = std::sqrt((kPriorPoints * kPriorSigma * kPriorSigma + points * scale * scale) /
                                     (kPriorPoints + points));
    return points < thresholds.min_history ? std::max(blended, kPriorSigma) : blended;
}

double Degrees(double points) {
    return points <= 1 ? 0 : std::max(kPriorPoints + kMadEfficiency * points, kPriorDegrees / points);
}

// Log sizes on the grid of slots that ends just before the tested point; NaN where there is no baseline
// point.
std::vector<double> Grid(const History& history, size_t index, const std::vector<size_t>& points) {
    constexpr int64_t kLongest = 10'000;
    const Moment now = history.points[index].moment;
    const int64_t length =
        std::clamp<int64_t>(-Slot(history.points[points.back()].moment, now, history.cadence), 0, kLongest);
    std::vector<double> grid(static_cast<size_t>(length), std::nan(""));
    for (const size_t i : points) {
        const int64_t slot = length + Slot(history.points[i].moment, now, history.cadence);
        if (slot >= 0 && slot < length) grid[static_cast<size_t>(slot)] = LogSize(history.points[i]);
    }
    return grid;
}

// A robust line through a grid: its value one step after the last, and how far points lie from it.
struct TrendFit {
    double level = 0;
    statistics::Spread errors;
};

TrendFit FitTrend(const std::vector<double>& grid) {
    const statistics::MannKendall trend = statistics::TestTrend(grid);
    std::vector<double> residuals;
    for (size_t i = 0; i < grid.size(); ++i)
        residuals.push_back(grid[i] - trend.intercept - trend.slope * static_cast<double>(i));
    return {trend.intercept + trend.slope * static_cast<double>(grid.size()),
            statistics::MeasureSpread(residuals)};
}

Expectation Rolling(const History& history, size_t index, std::vector<size_t> points,
                    const Thresholds& thresholds) {
    const auto n = static_cast<double>(points.size());
    Expectation expectation;
    expectation.kind = points.size() == 1 ? BaselineKind::kPrevious : BaselineKind::kRolling;
    // The level of raw sizes, not exp(log): 10,000 stays 10,000.
    std::vector<double> sizes;
    for (const size_t i : points) sizes.push_back(static_cast<double>(history.points[i].size));
    expectation.level = statistics::Median(sizes);
    const statistics::Spread plain = statistics::MeasureSpread(LogSizes(history, points));
    double sigma = plain.sigma;
    // The variance of the median, relative to that of a point; up to two points have a mean instead.
    double level_error = n <= 2 ? 1 / n : M_PI / 2 / n;
    const int64_t age =
        -Slot(history.points[points.front()].moment, history.points[index].moment, history.cadence);
    if (points.size() >= kTrendPoints && age <= thresholds.baseline_window) {
        const TrendFit line = FitTrend(Grid(history, index, points));
        if (line.errors.mean_deviation < kMaxErrorRatio * plain.mean_deviation) {
            sigma = line.errors.sigma;
            level_error *= 4;  // the end of a fitted line is twice as uncertain as its middle
            expectation.trend = true;
            expectation.level = std::exp(line.level);
        }
    }
    expectation.sigma =
        (n > 1 ? BlendedSigma(sigma, n, thresholds) : kPriorSigma) * std::sqrt(1 + level_error);
    expectation.dof = Degrees(n);
    expectation.points = std::move(points);
    return expectation;
}

// The prediction error of the season: each detrended value against the median of the other values of its
// phase (leave-one-out). Unlike the residuals of the fit, this rejects a season that is only noise.
statistics::Spread SeasonalError(const std::vector<double>& grid, size_t season, double slope) {
    std::vector<double> errors;
    for (size_t phase = 0; phase < season; ++phase) {
        std::vector<double> values;
        for (size_t i = phase; i < grid.size(); i += season)
            if (!std::isnan(grid[i])) values.push_back(grid[i] - slope * static_cast<double>(i));
        if (values.size() < 2) continue;
        for (size_t i = 0; i < values.size(); ++i) {
            std::vector<double> others = values;
            others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
            errors.push_back(values[i] - statistics::Median(others));
        }
    }
    return statistics::MeasureSpread(errors);
}

std::optional<Expectation> Seasonal(const History& history, size_t index, const std::vector<size_t>& points,
                                    int season, const Thresholds& thresholds) {
    if (points.size() < 2 * static_cast<size_t>(season) + 1) return std::nullopt;
    const std::vector<double> grid = Grid(history, index, points);
    const statistics::SeasonalFit fit = statistics::RobustSeasonalFit(grid, static_cast<size_t>(season));
    if (fit.status == statistics::StatisticStatus::kInsufficientData || fit.points < 2 * season + 1)
        return std::nullopt;
    const statistics::Spread errors = SeasonalError(grid, static_cast<size_t>(season), fit.slope);
    const statistics::Spread plain = statistics::MeasureSpread(LogSizes(history, points));
    if (errors.mean_deviation > kMaxErrorRatio * plain.mean_deviation) return std::nullopt;
    const auto known = static_cast<double>(points.size()) - season;
    Expectation expectation;
    expectation.kind = BaselineKind::kSeasonal;
    expectation.season = season;
    expectation.level = std::exp(fit.predicted);
    expectation.sigma = BlendedSigma(errors.sigma, known, thresholds);
    expectation.dof = Degrees(known);
    expectation.points = points;
    return expectation;
}

// With too few points for a season, the one point a season ago may still show the usual value of this
// weekday.
std::optional<Expectation> SeasonAgo(const History& history, size_t index, const std::vector<size_t>& all,
                                     int season) {
    const Moment now = history.points[index].moment;
    for (const size_t i : all) {
        if (Slot(history.points[i].moment, now, history.cadence) != -season) continue;
        Expectation expectation;
        expectation.kind = BaselineKind::kSeasonal;
        expectation.season = season;
        expectation.level = static_cast<double>(history.points[i].size);
        expectation.sigma = kPriorSigma * std::sqrt(2.0);
        expectation.points = {i};
        return expectation;
    }
    return std::nullopt;
}

double Distance(const Expectation& expectation, const Point& point) {
    return std::abs(std::log(std::max(expectation.level, 1.0)) - LogSize(point));
}

}  // namespace

std::vector<size_t> BaselinePoints(const History& history, size_t index, const Exclusions& exclusions,
                                   std::initializer_list<Fingerprint> fingerprints, size_t limit,
                                   Admit admit) {
    std::vector<const std::vector<Span>*> spans;
    for (const Fingerprint& fingerprint : fingerprints)
        if (const auto found = exclusions.find(fingerprint); found != exclusions.end())
            spans.push_back(&found->second);
    std::vector<size_t> points;
    for (size_t i = index; i-- > 0 && points.size() < limit;) {
        const Point& point = history.points[i];
        if (history.baseline_from && point.moment < *history.baseline_from) break;
        if (!point.ok) continue;
        if (std::none_of(spans.begin(), spans.end(),
                         [&](const auto* s) { return InSpan(*s, point.moment, admit); }))
            points.push_back(i);
    }
    return points;
}

std::vector<int> Seasons(int64_t cadence) {
    const auto is = [&](int64_t span) { return std::abs(cadence - span) <= span / 10; };
    if (is(kDay)) return {7};
    if (is(kHour)) return {24, 168};
    return {};
}

int64_t Slot(Moment moment, Moment origin, int64_t cadence) {
    return std::llround(static_cast<double>(moment - origin) / static_cast<double>(cadence));
}

bool SamePhase(Moment moment, Moment origin, int64_t cadence, int season) {
    return Slot(moment, origin, cadence) % season == 0;
}

std::optional<Expectation> ExpectSize(const History& history, size_t index, const Exclusions& exclusions,
                                      const Thresholds& thresholds) {
    const Fingerprint fingerprint{detector::kSizeChange, ""};
    const auto window = static_cast<size_t>(thresholds.baseline_window);
    std::vector<size_t> quiet =
        BaselinePoints(history, index, exclusions, {fingerprint}, window, Admit::kQuiet);
    if (UsesPin(history, index)) {
        // The level is pinned; the noise is still learnt from the history.
        Expectation expectation;
        if (!quiet.empty())
            expectation = Rolling(history, index, std::move(quiet), thresholds);
        else
            expectation.sigma = kPriorSigma * std::sqrt(2.0);
        expectation.kind = BaselineKind::kPinned;
        expectation.trend = false;
        expectation.level = static_cast<double>(history.pinned->size);
        return expectation;
    }
    if (quiet.empty()) return std::nullopt;
    Expectation best = Rolling(history, index, std::move(quiet), thresholds);
    for (const int season : Seasons(history.cadence)) {
        const std::vector<size_t> rhythm =
            BaselinePoints(history, index, exclusions, {fingerprint},
                           static_cast<size_t>(kSeasonsKept * season), Admit::kRhythm);
        if (auto seasonal = Seasonal(history, index, rhythm, season, thresholds)) {
            if (best.kind != BaselineKind::kSeasonal || seasonal->sigma < best.sigma)
                best = std::move(*seasonal);
        } else if (rhythm.size() < static_cast<size_t>(2 * season + 1) &&
                   best.kind != BaselineKind::kSeasonal) {
            auto ago = SeasonAgo(history, index, rhythm, season);
            // The noise learnt so far applies to that one point, too.
            if (ago) ago->sigma = std::max(ago->sigma, best.sigma);
            if (ago && Distance(*ago, history.points[index]) < Distance(best, history.points[index]))
                best = *ago;
        }
    }
    return best;
}

std::vector<size_t> AttributePoints(const History& history, size_t index, const Exclusions& exclusions,
                                    const std::string& attribute, int season) {
    const size_t reach = season > 0 ? static_cast<size_t>(kSeasonsKept * season) : kDistributionPoints;
    const std::vector<size_t> points = BaselinePoints(history, index, exclusions,
                                                      {{detector::kDistributionShift, attribute},
                                                       {detector::kNullSpike, attribute},
                                                       {detector::kNewValue, attribute},
                                                       {detector::kVanishedValue, attribute}},
                                                      reach, Admit::kQuiet);
    std::vector<size_t> same;
    if (season > 0)
        for (const size_t i : points)
            if (SamePhase(history.points[i].moment, history.points[index].moment, history.cadence, season))
                same.push_back(i);
    if (same.size() >= 3) return same;
    return {points.begin(),
            points.begin() + static_cast<std::ptrdiff_t>(std::min(points.size(), kDistributionPoints))};
}

bool UsesPin(const History& history, size_t index) {
    return history.pinned && history.pinned->ok && history.pinned->moment < history.points[index].moment;
}

std::vector<int64_t> NeededSnapshots(const History& history, size_t index, const Exclusions& exclusions,
                                     const Thresholds& thresholds) {
    std::vector<int64_t> needed{history.points[index].snapshot};
    if (!history.points[index].ok) return {};
    if (UsesPin(history, index)) needed.push_back(history.pinned->snapshot);
    const auto size = ExpectSize(history, index, exclusions, thresholds);
    const int season = size ? size->season : 0;
    const auto add = [&](const std::string& attribute) {
        for (const size_t i : AttributePoints(history, index, exclusions, attribute, season))
            needed.push_back(history.points[i].snapshot);
    };
    add("");
    for (const auto& [fingerprint, spans] : exclusions)
        if (!fingerprint.attribute.empty()) add(fingerprint.attribute);
    std::sort(needed.begin(), needed.end());
    needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
    return needed;
}

}  // namespace pulse::drift
