#include "pulse/drift/statistics/binned.hpp"

#include "pulse/drift/statistics/probabilities.hpp"
#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

// ∫ √(x(1-x)) dx.
double RootIntegral(double x) {
    x = std::clamp(x, 0.0, 1.0);
    return (2 * x - 1) / 4 * std::sqrt(x * (1 - x)) + std::asin(2 * x - 1) / 8;
}

// The mean of √(F(1-F)) over a bin in which F rises evenly.
double MeanRoot(double low, double high) {
    if (high - low < 1e-9) return std::sqrt(std::max(0.0, low * (1 - low)));
    return (RootIntegral(high) - RootIntegral(low)) / (high - low);
}

// The mean of |x| along a line from a to b.
double MeanAbsolute(double a, double b) {
    if ((a >= 0) == (b >= 0)) return (std::abs(a) + std::abs(b)) / 2;
    return (a * a + b * b) / (2 * (std::abs(a) + std::abs(b)));
}

bool UsableEdges(std::span<const double> edges) {
    return std::all_of(edges.begin(), edges.end(), [](double edge) { return std::abs(edge) <= kHuge; }) &&
           std::is_sorted(edges.begin(), edges.end());
}

// The standard deviation of the reference, its mass spread evenly inside each bin.
double SpreadOf(Counts counts, std::span<const double> edges) {
    const double total = Total(counts), origin = (edges.front() + edges.back()) / 2;
    double mean = 0, square = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
        const double share = static_cast<double>(counts[i]) / total;
        const double width = edges[i + 1] - edges[i], middle = edges[i] + width / 2 - origin;
        mean += share * middle;
        square += share * (middle * middle + width * width / 12);
    }
    return std::sqrt(std::max(0.0, square - mean * mean));
}

}  // namespace

double KolmogorovSmirnovP(double d, double n, double m) {
    if (!(n > 0) || !(m > 0) || !(d > 0)) return 1;
    const double root = std::sqrt(1 / (1 / n + 1 / m));
    return KolmogorovUpperTail((root + 0.12 + 0.11 / root) * d);
}

BinnedKs KolmogorovSmirnov(Counts reference, Counts current) {
    BinnedKs ks;
    ks.status = CheckCounts(reference, current);
    if (ks.status != StatisticStatus::kOk) return ks;
    if (reference.size() < 2) {
        ks.status = StatisticStatus::kConstant;
        return ks;
    }
    const double n = Total(reference), m = Total(current);
    double below = 0, now_below = 0;
    for (size_t i = 0; i < reference.size(); ++i) {
        const double before = below / n, now_before = now_below / m;
        below += static_cast<double>(reference[i]);
        now_below += static_cast<double>(current[i]);
        const double after = below / n, now_after = now_below / m;
        ks.d = std::max(ks.d, std::abs(after - now_after));
        // Inside the bin one side may rise at its beginning and the other at its end.
        ks.d_upper = std::max({ks.d_upper, after - now_before, now_after - before});
    }
    ks.d_upper = std::min(1.0, ks.d_upper);
    ks.p_value = KolmogorovSmirnovP(ks.d, n, m);
    return ks;
}

BinnedWasserstein Wasserstein(Counts reference, Counts current, std::span<const double> edges) {
    BinnedWasserstein result;
    result.status = CheckCounts(reference, current);
    if (edges.size() != reference.size() + 1 || !UsableEdges(edges))
        result.status = StatisticStatus::kInvalidInput;
    if (result.status != StatisticStatus::kOk) return result;
    const double n = Total(reference), m = Total(current);
    double below = 0, now_below = 0;
    for (size_t i = 0; i < reference.size(); ++i) {
        const double before = below / n - now_below / m, pooled = (below + now_below) / (n + m);
        below += static_cast<double>(reference[i]);
        now_below += static_cast<double>(current[i]);
        const double after = below / n - now_below / m, pooled_after = (below + now_below) / (n + m);
        const double width = edges[i + 1] - edges[i];
        result.uniform += width * MeanAbsolute(before, after);
        result.null_mean += width * MeanRoot(pooled, pooled_after);
        if (i + 2 < edges.size()) result.midpoint += std::abs(after) * (edges[i + 2] - edges[i]) / 2;
    }
    result.null_mean *= std::sqrt(M_2_PI * (1 / n + 1 / m));
    result.reference_sd = SpreadOf(reference, edges);
    if (result.reference_sd > 0)
        result.normed = std::min(result.uniform / result.reference_sd, kHuge);
    else
        result.status = StatisticStatus::kConstant;
    return result;
}

BinnedWasserstein WassersteinOpen(Counts reference, Counts current, std::span<const double> inner_edges,
                                  double minimum, double maximum) {
    BinnedWasserstein invalid;
    invalid.status = StatisticStatus::kInvalidInput;
    if (inner_edges.empty() || !UsableEdges(inner_edges)) return invalid;
    std::vector<double> edges(inner_edges.begin(), inner_edges.end());
    const size_t last = edges.size() - 1;
    const double first_width = last > 0 ? edges[1] - edges[0] : 0;
    const double last_width = last > 0 ? edges[last] - edges[last - 1] : 0;
    const double low =
        std::isfinite(minimum) && minimum < edges[0] ? Bounded(minimum) : edges[0] - first_width;
    const double high =
        std::isfinite(maximum) && maximum > edges[last] ? Bounded(maximum) : edges[last] + last_width;
    edges.insert(edges.begin(), low);
    edges.push_back(high);
    return Wasserstein(reference, current, edges);
}

}  // namespace pulse::drift::statistics
