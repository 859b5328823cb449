#include "pulse/diagnosis/changes.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "pulse/diagnosis/text.hpp"
#include "pulse/drift/statistics/divergence.hpp"

namespace pulse::diagnosis {

namespace {

using snapshot::Distribution;

// A value that is not listed may be part of "other", with at most as many people as the rarest listed one.
// Takes them out of `other`, which can hide each of them once.
int64_t Hidden(const Distribution& where, int64_t elsewhere, int64_t& other) {
    if (other <= 0 || where.counts.empty()) return 0;
    const int64_t rarest = *std::min_element(where.counts.begin(), where.counts.end());
    const int64_t hidden = std::max<int64_t>(0, std::min({elsewhere, other, rarest}));
    other -= hidden;
    return hidden;
}

double Noise(int64_t before, int64_t after, double variability) {
    const double sum = static_cast<double>(before) + static_cast<double>(after);
    return std::sqrt(1 + sum + std::pow(variability * sum / 2, 2));
}

void AddCell(DistributionChange& change, CellKind kind, const std::string& label, int64_t before,
             int64_t after, double variability) {
    if (before <= 0 && after <= 0) return;
    before = std::max<int64_t>(before, 0);
    after = std::max<int64_t>(after, 0);
    change.cells.push_back({kind, label, before, after, Noise(before, after, variability)});
}

void CompareLabels(DistributionChange& change, const Distribution& before, const Distribution& after,
                   double variability) {
    std::map<std::string, std::pair<std::optional<int64_t>, std::optional<int64_t>>> counts;
    for (size_t i = 0; i < before.labels.size() && i < before.counts.size(); ++i)
        counts[before.labels[i]].first = before.counts[i];
    for (size_t i = 0; i < after.labels.size() && i < after.counts.size(); ++i)
        counts[after.labels[i]].second = after.counts[i];
    int64_t other_before = before.other, other_after = after.other;
    for (const auto& [label, pair] : counts) {
        int64_t b = pair.first.value_or(0), a = pair.second.value_or(0);
        if (!pair.first) b = Hidden(before, a, other_before);
        if (!pair.second) a = Hidden(after, b, other_after);
        AddCell(change, CellKind::kValue, label, b, a, variability);
    }
    AddCell(change, CellKind::kOther, "", other_before, other_after, variability);
}

std::string IntervalLabel(const std::vector<double>& edges, size_t i) {
    if (edges.empty()) return "any value";
    if (i == 0) return "below " + Figure(edges.front());
    if (i == edges.size()) return "from " + Figure(edges.back());
    return Figure(edges[i - 1]) + " to " + Figure(edges[i]);
}

bool CompareIntervals(DistributionChange& change, const Distribution& before, const Distribution& after,
                      double variability) {
    if (before.edges != after.edges || before.counts.size() != after.counts.size() ||
        before.counts.size() != before.edges.size() + 1)
        return false;
    for (size_t i = 0; i < before.counts.size(); ++i)
        AddCell(change, CellKind::kValue, IntervalLabel(before.edges, i), before.counts[i], after.counts[i],
                variability);
    AddCell(change, CellKind::kOther, "", before.other, after.other, variability);
    return true;
}

double CorrectedDistance(const DistributionChange& change) {
    std::vector<int64_t> before, after;
    for (const Cell& cell : change.cells) {
        before.push_back(cell.before);
        after.push_back(cell.after);
    }
    return drift::statistics::CompareShares(before, after).total_variation_corrected;
}

double Median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// Index of the last point before the incident began; the first point when there is none.
size_t LastNormal(const std::vector<HistoryPoint>& history, Moment since) {
    size_t index = 0;
    for (size_t i = 0; i < history.size(); ++i)
        if (history[i].at < since) index = i;
    return index;
}

void ComputeVariability(SizeTrend& trend, const std::vector<HistoryPoint>& history, size_t normal) {
    std::vector<double> steps;
    for (size_t i = 1; i <= normal && i < history.size(); ++i)
        if (history[i].size > 0 && history[i - 1].size > 0)
            steps.push_back(
                std::log(static_cast<double>(history[i].size) / static_cast<double>(history[i - 1].size)));
    if (steps.size() < 4) return;
    const double middle = Median(steps);
    for (double& step : steps) step = std::abs(step - middle);
    trend.variability = std::clamp(1.4826 * Median(steps), 0.01, 0.3);
}

void ComputeSteps(SizeTrend& trend, const std::vector<HistoryPoint>& history, size_t normal) {
    if (history.size() < 2 || normal + 1 >= history.size()) return;
    const double whole = static_cast<double>(history.back().size - history[normal].size);
    trend.steps = history.size() - 1 - normal;
    if (whole == 0) return;
    double largest = 0;
    size_t same = 0;
    for (size_t i = normal + 1; i < history.size(); ++i) {
        const double step = static_cast<double>(history[i].size - history[i - 1].size) / whole;
        if (step > 0) ++same;
        if (step > largest) {
            largest = step;
            trend.largest_at = history[i].at;
        }
    }
    trend.largest_step = std::min(1.0, largest);
    trend.steadiness = static_cast<double>(same) / static_cast<double>(trend.steps);
}

void ComputeFlow(SizeTrend& trend, const std::vector<HistoryPoint>& history, size_t normal) {
    std::vector<double> entered, exited;
    double in = 0, out = 0;
    size_t points = 0;
    for (size_t i = 1; i < history.size(); ++i) {
        const HistoryPoint& point = history[i];
        if (!point.entered || !point.exited) continue;
        const double came = static_cast<double>(*point.entered), left = static_cast<double>(*point.exited);
        if (i <= normal) {
            entered.push_back(came);
            exited.push_back(left);
            continue;
        }
        in += came;
        out += left;
        ++points;
        const double members = static_cast<double>(std::max<int64_t>(history[i - 1].size, 1));
        if (left / members > trend.peak_exited.value_or(-1)) {
            trend.peak_exited = left / members;
            trend.peak_entered = came / members;
        }
    }
    trend.flow_points = entered.size();
    if (!entered.empty()) {
        trend.usual_entered = Median(entered);
        trend.usual_exited = Median(exited);
    }
    if (points > 0) {
        trend.now_entered = in / static_cast<double>(points);
        trend.now_exited = out / static_cast<double>(points);
    }
}

}  // namespace

double Unit(double value) {
    return value > 0 ? std::min(value, 1.0) : 0;
}

double Support(double z) {
    return z * z / (z * z + 9);
}

std::optional<DistributionChange> Compare(const Distribution& before, const Distribution& after,
                                          double variability) {
    DistributionChange change;
    change.attribute = before.attribute;
    change.kind = before.kind;
    if (before.labelled() != after.labelled()) return std::nullopt;
    if (before.labelled())
        CompareLabels(change, before, after, variability);
    else if (!CompareIntervals(change, before, after, variability))
        return std::nullopt;
    AddCell(change, CellKind::kNull, "", before.nulls, after.nulls, variability);
    AddCell(change, CellKind::kNan, "", before.nans, after.nans, variability);
    change.distance = CorrectedDistance(change);
    constexpr size_t kMedian = 3;  // of kQuantileLevels
    if (before.quantiles.size() > kMedian) change.median_before = before.quantiles[kMedian];
    if (after.quantiles.size() > kMedian) change.median_after = after.quantiles[kMedian];
    change.mean_before = before.mean;
    change.mean_after = after.mean;
    return change;
}

std::vector<DistributionChange> Compare(const SegmentSnapshot& before, const SegmentSnapshot& after,
                                        double variability) {
    std::vector<DistributionChange> changes;
    for (const Distribution& b : before.attributes)
        for (const Distribution& a : after.attributes)
            if (a.attribute == b.attribute)
                if (auto change = Compare(b, a, variability)) changes.push_back(std::move(*change));
    return changes;
}

SizeTrend ComputeSizeTrend(const DiagnosisInput& input) {
    SizeTrend trend;
    const size_t normal = LastNormal(input.history, input.since);
    ComputeVariability(trend, input.history, normal);
    ComputeSteps(trend, input.history, normal);
    ComputeFlow(trend, input.history, normal);
    return trend;
}

}  // namespace pulse::diagnosis
