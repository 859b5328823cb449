#include <boost/math/quadrature/gauss.hpp>

#include "pulse/drift/statistics/probabilities.hpp"
#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

// Cochran's conditions for the chi-square approximation.
constexpr double kLeastExpected = 1, kSmallExpected = 5, kSmallShare = 0.2;
// Beyond such margins the exact test sums too many tables and equals the approximation.
constexpr double kExactMargin = 100'000;
// exp() of less is 0.
constexpr double kLogZero = -745;

struct CategoryCounts {
    double reference = 0, current = 0;
    double total() const { return reference + current; }
};

// The smaller of the column's two expected counts.
double LeastExpected(const CategoryCounts& column, const TwoSampleCounts& table) {
    return column.total() / (table.n + table.m) * std::min(table.n, table.m);
}

struct Figures {
    double pearson = 0, likelihood = 0, min_expected = 0;
};

Figures Measure(const std::vector<CategoryCounts>& columns, const TwoSampleCounts& table) {
    Figures figures;
    figures.min_expected = std::numeric_limits<double>::max();
    for (const CategoryCounts& column : columns) {
        const double share = column.total() / (table.n + table.m);
        for (const auto& [observed, size] :
             {std::pair{column.reference, table.n}, std::pair{column.current, table.m}}) {
            const double expected = share * size;
            figures.pearson += (observed - expected) / expected * (observed - expected);
            if (observed > 0) figures.likelihood += 2 * observed * std::log(observed / expected);
        }
        figures.min_expected = std::min(figures.min_expected, LeastExpected(column, table));
    }
    figures.likelihood = std::max(0.0, figures.likelihood);
    return figures;
}

bool Approximable(const std::vector<CategoryCounts>& columns, const TwoSampleCounts& table) {
    double small = 0;
    for (const CategoryCounts& column : columns) {
        if (LeastExpected(column, table) < kLeastExpected) return false;
        const double share = column.total() / (table.n + table.m);
        small += (share * table.n < kSmallExpected) + (share * table.m < kSmallExpected);
    }
    return small <= kSmallShare * 2 * static_cast<double>(columns.size());
}

// Merges the rarest columns into one until the approximation holds or one column is left.
std::vector<CategoryCounts> Pool(std::vector<CategoryCounts> columns, const TwoSampleCounts& table) {
    std::stable_sort(columns.begin(), columns.end(),
                     [](const CategoryCounts& a, const CategoryCounts& b) { return a.total() < b.total(); });
    while (columns.size() > 1 && !Approximable(columns, table)) {
        columns[1].reference += columns[0].reference;
        columns[1].current += columns[0].current;
        columns.erase(columns.begin());
    }
    return columns;
}

// Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T"; two rows.
void FillEffect(Homogeneity& test, double rows_total) {
    const double phi2 = test.statistic / rows_total;
    test.cramers_v = std::min(1.0, std::sqrt(phi2));
    const auto degrees = static_cast<double>(test.degrees);
    const double least = 1 - 1 / (rows_total - 1);
    const double corrected = std::max(0.0, phi2 - degrees / (rows_total - 1));
    if (rows_total > 2 && least > 0)
        test.cramers_v_corrected = std::min(
            1.0, std::sqrt(corrected / std::min(least, degrees - degrees * degrees / (rows_total - 1))));
    if (!std::isfinite(test.cramers_v_corrected)) test.cramers_v_corrected = 0;
}

}  // namespace

Homogeneity TestHomogeneity(Counts reference, Counts current) {
    Homogeneity test;
    test.status = CheckCounts(reference, current);
    if (test.status != StatisticStatus::kOk) return test;
    const TwoSampleCounts table = MakeTable(reference, current);
    if (table.size() < 2) {
        test.status = StatisticStatus::kConstant;
        return test;
    }
    std::vector<CategoryCounts> columns;
    for (size_t i = 0; i < table.size(); ++i) columns.push_back({table.reference[i], table.current[i]});
    const Figures all = Measure(columns, table);
    test.statistic = all.pearson;
    test.g_statistic = all.likelihood;
    test.min_expected = all.min_expected;
    test.degrees = static_cast<int64_t>(columns.size()) - 1;
    test.p_value = ChiSquareUpperTail(test.statistic, static_cast<double>(test.degrees));
    test.g_p_value = ChiSquareUpperTail(test.g_statistic, static_cast<double>(test.degrees));
    FillEffect(test, table.n + table.m);

    const std::vector<CategoryCounts> pooled = Pool(std::move(columns), table);
    if (pooled.size() < 2) {
        test.status = StatisticStatus::kInsufficientData;
        return test;
    }
    test.pooled_statistic = Measure(pooled, table).pearson;
    test.pooled_degrees = static_cast<int64_t>(pooled.size()) - 1;
    test.pooled_p_value = ChiSquareUpperTail(test.pooled_statistic, static_cast<double>(test.pooled_degrees));
    return test;
}

namespace {

// Likelihoods of tables with the same margins, relative to the table given.
struct Likelihoods {
    double unlikely = 0;  // of those no more likely than it; ties up to rounding are in
    double all = 0;
};

// Adds those of the tables on one side, from the table given outwards.
void AddSide(double a, double b, double c, double d, int direction, Likelihoods& sum) {
    double likelihood = 1;
    while (direction > 0 ? b > 0 && c > 0 : a > 0 && d > 0) {
        likelihood *= direction > 0 ? b / (a + 1) * (c / (d + 1)) : a / (b + 1) * (d / (c + 1));
        a += direction, d += direction, b -= direction, c -= direction;
        sum.all += likelihood;
        if (likelihood <= 1 + 1e-7) sum.unlikely += likelihood;
        if (likelihood < 1e-18) break;
    }
}

}  // namespace

FisherExact TestFisher(int64_t a, int64_t b, int64_t c, int64_t d) {
    FisherExact test;
    const int64_t reference[] = {a, b}, current[] = {c, d};
    test.status = CheckCounts(reference, current);
    if (test.status != StatisticStatus::kOk) return test;
    const auto x = static_cast<double>(a), y = static_cast<double>(b);
    const auto v = static_cast<double>(c), w = static_cast<double>(d);
    if (x + v == 0 || y + w == 0) {
        test.status = StatisticStatus::kConstant;
        return test;
    }
    test.odds_ratio = y * v > 0 ? x * w / (y * v) : std::numeric_limits<double>::infinity();
    if (std::min({x + y, v + w, x + v, y + w}) > kExactMargin) {
        test.p_value = TestHomogeneity(reference, current).p_value;
        return test;
    }
    Likelihoods sum{1, 1};
    AddSide(x, y, v, w, 1, sum);
    AddSide(x, y, v, w, -1, sum);
    test.p_value = std::clamp(sum.unlikely / sum.all, 0.0, 1.0);
    return test;
}

double NewValueP(int64_t n_reference, int64_t x, int64_t n_current) {
    if (x <= 0 || n_reference <= 0 || n_current < x) return 1;
    // C(n_current, x) / C(all, x) = C(all - x, n_reference) / C(all, n_reference): the shorter product.
    const auto rows = static_cast<double>(n_reference), hits = static_cast<double>(x);
    const double all = rows + static_cast<double>(n_current);
    const double terms = std::min(hits, rows), other = std::max(hits, rows);
    if (hits * rows / all > -kLogZero) return 0;
    if (terms <= kExactMargin) {
        double log_p = 0;
        for (double i = 0; i < terms && log_p > kLogZero; ++i) log_p += std::log1p(-other / (all - i));
        return std::exp(log_p);
    }
    // Here terms/all is below 1 %, so that the sum of logarithms is its integral at the midpoints.
    const auto log_term = [&](double i) { return std::log1p(-other / (all - i)); };
    const double integral =
        boost::math::quadrature::gauss<double, 15>::integrate(log_term, -0.5, terms - 0.5);
    return std::clamp(std::exp(integral), 0.0, 1.0);
}

}  // namespace pulse::drift::statistics
