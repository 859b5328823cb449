#include "pulse/drift/statistics/probabilities.hpp"
#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

// Jeffreys' prior for a share: half a row in every bin.
constexpr double kJeffreys = 0.5;

double Smoothed(double count, double total, double categories) {
    return (count + kJeffreys) / (total + kJeffreys * categories);
}

// p ln(p/q), 0 where p is.
double Term(double p, double q) {
    return p > 0 ? p * std::log(p / q) : 0;
}

// E|X| of a difference of shares with that variance; rare categories are not normal, but never differ by more
// than they hold.
double NullMean(double share, double inverse_sizes) {
    return std::min(std::sqrt(M_2_PI * share * (1 - share) * inverse_sizes), 2 * share);
}

void AddCategory(Distances& sums, double p, double q, double pooled, double inverse_sizes) {
    const double middle = (p + q) / 2, roots = std::sqrt(p) - std::sqrt(q);
    sums.total_variation += std::abs(p - q) / 2;
    sums.total_variation_null_mean += NullMean(pooled, inverse_sizes) / 2;
    sums.l_infinity = std::max(sums.l_infinity, std::abs(p - q));
    sums.hellinger += roots * roots / 2;
    sums.js_divergence += (Term(p, middle) + Term(q, middle)) / 2;
}

}  // namespace

Psi PopulationStability(Counts reference, Counts current) {
    Psi psi;
    psi.contributions.assign(reference.size(), 0);
    psi.status = CheckCounts(reference, current);
    if (psi.status != StatisticStatus::kOk) return psi;
    const TwoSampleCounts table = MakeTable(reference, current);
    if (table.size() < 2) {
        psi.status = StatisticStatus::kConstant;
        return psi;
    }
    const auto categories = static_cast<double>(table.size());
    double raw = 0;
    bool empty_bin = false;
    for (size_t i = 0; i < table.size(); ++i) {
        const double p = Smoothed(table.reference[i], table.n, categories);
        const double q = Smoothed(table.current[i], table.m, categories);
        psi.contributions[table.origin[i]] = (q - p) * std::log(q / p);
        psi.value += psi.contributions[table.origin[i]];
        empty_bin = empty_bin || table.reference[i] == 0 || table.current[i] == 0;
        if (empty_bin) continue;
        const double share = table.reference[i] / table.n, now = table.current[i] / table.m;
        raw += (now - share) * std::log(now / share);
    }
    if (!empty_bin) psi.raw = raw;
    psi.null_mean = table.degrees() * table.inverse_sizes;
    psi.corrected = std::max(0.0, psi.value - psi.null_mean);
    psi.p_value = ChiSquareUpperTail(psi.value / table.inverse_sizes, table.degrees());
    return psi;
}

double TotalVariation(Counts reference, Counts current) {
    if (CheckCounts(reference, current) != StatisticStatus::kOk) return 0;
    const double n = Total(reference), m = Total(current);
    double sum = 0;
    for (size_t i = 0; i < reference.size(); ++i)
        sum += std::abs(static_cast<double>(reference[i]) / n - static_cast<double>(current[i]) / m) / 2;
    return sum;
}

Distances CompareShares(Counts reference, Counts current) {
    Distances distances;
    distances.status = CheckCounts(reference, current);
    if (distances.status != StatisticStatus::kOk) return distances;
    const TwoSampleCounts table = MakeTable(reference, current);
    if (table.size() < 2) {
        distances.status = StatisticStatus::kConstant;
        return distances;
    }
    const auto categories = static_cast<double>(table.size());
    for (size_t i = 0; i < table.size(); ++i) {
        const double a = table.reference[i], b = table.current[i];
        AddCategory(distances, a / table.n, b / table.m, (a + b) / (table.n + table.m), table.inverse_sizes);
        const double p = Smoothed(a, table.n, categories), q = Smoothed(b, table.m, categories);
        distances.kl_current += Term(q, p);
        distances.kl_reference += Term(p, q);
    }
    distances.total_variation_corrected =
        std::max(0.0, distances.total_variation - distances.total_variation_null_mean);
    distances.hellinger = std::sqrt(std::min(1.0, distances.hellinger));
    distances.kl_current = std::max(0.0, distances.kl_current);
    distances.kl_reference = std::max(0.0, distances.kl_reference);
    const double nats = std::max(0.0, distances.js_divergence);
    distances.js_divergence = std::min(1.0, nats / M_LN2);
    distances.js_distance = std::sqrt(distances.js_divergence);
    distances.js_null_mean = table.degrees() * table.inverse_sizes / 8 / M_LN2;
    distances.js_p_value = ChiSquareUpperTail(8 * nats / table.inverse_sizes, table.degrees());
    return distances;
}

}  // namespace pulse::drift::statistics
