#include <algorithm>
#include <numeric>

#include "contingency_table.hpp"
#include "pulse/base/number.hpp"
#include "pulse/drift/statistics/binned.hpp"
#include "pulse/drift/statistics/divergence.hpp"
#include "pulse/drift/statistics/probabilities.hpp"

namespace pulse::drift {

namespace {

constexpr size_t kNamedInSummary = 3;
constexpr size_t kStoredValues = 20;
constexpr double kDispersionRows = 4;

// P(F > f): Snedecor's F by the incomplete beta.
double FTail(double f, double numerator, double denominator) {
    return statistics::BetaCdf(denominator / (denominator + numerator * f), denominator / 2, numerator / 2);
}

// Chi-square of homogeneity divided by the estimated dispersion; the F test's second degrees of freedom are
// those of the dispersion.
double ShiftPValue(const ContingencyTable& table, double dispersion) {
    const statistics::Homogeneity test = statistics::TestHomogeneity(table.pooled, table.now);
    if (test.pooled_degrees < 1) return 1;
    const auto degrees = static_cast<double>(test.pooled_degrees);
    if (table.rows.size() < 2) return statistics::ChiSquareUpperTail(test.pooled_statistic, degrees);
    // The cells of one snapshot move together: at most three of them count as independent.
    const double known =
        (kDispersionRows + static_cast<double>(table.rows.size()) - 1) * std::min(degrees, 3.0);
    return FTail(test.pooled_statistic / degrees / dispersion, degrees, known);
}

std::vector<size_t> LargestContributions(const ContingencyTable& table) {
    std::vector<size_t> order(table.names.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto moved = [&](size_t c) { return std::abs(table.ShareNow(c) - table.ShareBefore(c)); };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return moved(a) > moved(b); });
    while (!order.empty() && moved(order.back()) == 0) order.pop_back();
    if (order.size() > kStoredValues) order.resize(kStoredValues);
    return order;
}

void DescribeShift(const ContingencyTable& table, const AttributeView& view, double dispersion,
                   Finding& finding) {
    const statistics::Psi psi = statistics::PopulationStability(table.pooled, table.now);
    Json values = Json::array();
    std::string text;
    for (const size_t c : LargestContributions(table)) {
        const double before = table.ShareBefore(c), now = table.ShareNow(c);
        if (values.size() < kNamedInSummary)
            text +=
                (text.empty() ? "" : ", ") + table.names[c] + " " + Percent(before) + " to " + Percent(now);
        values.push_back({{"value", table.names[c]}, {"before", before}, {"now", now}});
    }
    finding.details = {{"tvd", finding.change},         {"psi", psi.value},
                       {"psiCorrected", psi.corrected}, {"values", values},
                       {"dispersion", dispersion},      {"baselinePoints", table.rows.size()},
                       {"size", table.now_total}};
    if (table.intervals) {
        finding.details["ks"] = statistics::KolmogorovSmirnov(table.pooled, table.now).d;
        double low = view.now->minimum.value_or(0), high = view.now->maximum.value_or(0);
        for (const auto* row : view.baseline) {
            low = std::min(low, row->minimum.value_or(low));
            high = std::max(high, row->maximum.value_or(high));
        }
        finding.details["wasserstein"] =
            statistics::WassersteinOpen(table.pooled, table.now, view.now->edges, low, high).uniform;
    }
    finding.summary = view.now->attribute + " is distributed otherwise than in " +
                      BaselineText(finding.baseline_kind, table.rows.size()) + ": total variation distance " +
                      (table.bounded ? "at least " : "") + Fixed(finding.change, 3) + ", PSI " +
                      Fixed(psi.corrected, 3) + " (" + text + ")";
}

// One finding for all values of an attribute that appeared, or vanished.
struct ValueSearch {
    double share = 0;        // of all values found, where they are many
    double other_share = 0;  // where they are few
    double p_value = 1;
    size_t tested = 0;
    Json values;
    std::string text;
};

// Adds the value if it has `many` of `many_total` members on one side and a negligible share of `few_total`
// on the other.
void AddIfConcentrated(ValueSearch& search, const NamedValue& named, double many, double many_total,
                       double few, double few_total, double hidden, double threshold) {
    constexpr double kTrace = 0.05;
    const double share = many / many_total, other = few / few_total;
    if (share < threshold) return;
    ++search.tested;
    if ((few + hidden) / few_total > kTrace * share) return;
    const double p = few > 0 ? statistics::TestFisher(std::llround(few), std::llround(few_total - few),
                                                      std::llround(many), std::llround(many_total - many))
                                   .p_value
                             : statistics::NewValueP(std::llround(few_total), std::llround(many),
                                                     std::llround(many_total));
    search.p_value = std::min(search.p_value, p);
    search.share += share;
    search.other_share += other;
    search.values.push_back({{"value", named.name}, {"share", share}, {"elsewhere", other}});
    search.text += (search.text.empty() ? "" : ", ") + std::string(named.name);
}

void Report(const DetectorContext& context, const AttributeView& view, ValueSearch& search, bool appeared,
            std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.value;
    const char* detector = appeared ? detector::kNewValue : detector::kVanishedValue;
    // Each value is a separate test.
    const double p = std::min(1.0, search.p_value * static_cast<double>(std::max<size_t>(search.tested, 1)));
    const double now = appeared ? search.share : search.other_share,
                 before = appeared ? search.other_share : search.share;
    DetectorResult result =
        EvaluateChange({detector, view.now->attribute}, now - before, std::abs(now - before), threshold, p,
                       view.kind, context.thresholds);
    Finding& finding = result.finding;
    finding.baseline = before;
    finding.observed = now;
    finding.baseline_snapshot = view.snapshots.front();
    if (result.material) {
        for (Json& value : search.values) {
            const double share = value["share"], elsewhere = value["elsewhere"];
            value = {{"value", value["value"]},
                     {"before", appeared ? elsewhere : share},
                     {"now", appeared ? share : elsewhere}};
        }
        finding.details = {
            {"values", search.values}, {"baselinePoints", view.baseline.size()}, {"size", view.now->total}};
        finding.summary = view.now->attribute + ": " + Plural(search.values.size(), "value") +
                          (appeared ? " appeared (" : " vanished (") + search.text + "), " + "from " +
                          Percent(before) + " to " + Percent(now) + " of the " + context.history.members;
    }
    results.push_back(std::move(result));
}

}  // namespace

void DetectShift(const DetectorContext& context, const AttributeView& view,
                 std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.distribution_shift;
    if (!context.IsEnabled(threshold)) return;
    // Far below the threshold the p-value is irrelevant: 1 is safe, and most tests end here.
    const auto is_near = [&](double distance) { return distance >= 0.5 * threshold; };
    std::optional<ContingencyTable> table;
    std::optional<double> plain = PlainDistance(view);
    if (!plain || is_near(*plain)) {
        table = BuildContingencyTable(view);
        if (!table) return;
    }
    const double distance = plain ? *plain : statistics::TotalVariation(table->pooled, table->now);
    const bool near = is_near(distance);
    const double dispersion = near ? Dispersion(*table) : 1;
    DetectorResult result =
        EvaluateChange({detector::kDistributionShift, view.now->attribute}, distance, distance, threshold,
                       near ? ShiftPValue(*table, dispersion) : 1, view.kind, context.thresholds);
    Finding& finding = result.finding;
    finding.direction = Direction::kChanged;
    finding.baseline = 0;  // the distance of the baseline from itself
    finding.observed = distance;
    finding.baseline_snapshot = view.snapshots.front();
    if (result.material) DescribeShift(*table, view, dispersion, finding);
    results.push_back(std::move(result));
}

namespace {

// Members of one kind that have no value to compare: null or NaN.
struct Absence {
    const char* detector;
    const char* key;  // in the details
    const char* phrase;
    int64_t snapshot::Distribution::*count;
};
constexpr Absence kNulls{detector::kNullSpike, "nulls", " is missing for ", &snapshot::Distribution::nulls};
constexpr Absence kNans{detector::kNanSpike, "nans", " is NaN for ", &snapshot::Distribution::nans};

// A rise, or a fall: a column that fills is another column for whoever uses it.
void DetectAbsence(const DetectorContext& context, const AttributeView& view, const Absence& absence,
                   std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.null_spike;
    if (!context.IsEnabled(threshold)) return;
    const auto count_of = [&](const snapshot::Distribution& row) {
        return Count{static_cast<double>(row.*absence.count), static_cast<double>(row.total)};
    };
    std::vector<Count> counts;
    counts.reserve(view.baseline.size());
    for (const auto* row : view.baseline) counts.push_back(count_of(*row));
    // Far below the threshold the p-value is irrelevant.
    const auto test = TestRate(count_of(*view.now), counts, 0, 0.5 * threshold);
    if (!test) return;
    const double change = test->observed - test->baseline;
    // What never was and is not is no test that could find something by chance.
    const bool tested = test->observed > 0 || test->baseline > 0;
    DetectorResult result =
        EvaluateChange({absence.detector, view.now->attribute}, change, std::abs(change), threshold,
                       tested ? std::optional(test->p_value) : std::nullopt, view.kind, context.thresholds);
    Finding& finding = result.finding;
    finding.baseline = test->baseline;
    finding.observed = test->observed;
    finding.baseline_snapshot = view.snapshots.front();
    if (result.material) {
        finding.details = {{absence.key, view.now->*absence.count},
                           {"size", view.now->total},
                           {"dispersion", test->dispersion},
                           {"baselinePoints", test->points}};
        finding.summary = view.now->attribute + absence.phrase + (change < 0 ? "only " : "") +
                          Percent(test->observed) + " of the " + context.history.members + " (" +
                          Percent(test->baseline) + " in " + BaselineText(view.kind, test->points) + ")";
    }
    results.push_back(std::move(result));
}

}  // namespace

void DetectNulls(const DetectorContext& context, const AttributeView& view,
                 std::vector<DetectorResult>& results) {
    DetectAbsence(context, view, kNulls, results);
}

void DetectNans(const DetectorContext& context, const AttributeView& view,
                std::vector<DetectorResult>& results) {
    if (view.now->kind == segment::AttributeKind::kNumeric) DetectAbsence(context, view, kNans, results);
}

void DetectValues(const DetectorContext& context, const AttributeView& view,
                  std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.value;
    if (!context.IsEnabled(threshold) || !view.now->labelled()) return;
    const auto now_total = static_cast<double>(view.now->known());
    double before_total = 0;
    for (const auto* row : view.baseline) before_total += static_cast<double>(row->known());
    if (now_total <= 0 || before_total <= 0 || HasValueTurnover(view.values, threshold)) return;
    ValueSearch appeared, vanished;
    for (const NamedValue& named : NamedValues(view.values)) {
        const auto now = static_cast<double>(named.now), before = static_cast<double>(named.before);
        AddIfConcentrated(appeared, named, now, now_total, before, before_total,
                          static_cast<double>(named.before_hidden), threshold);
        // A value that was missing in some baseline snapshots may be missing now, too.
        if (named.rows == view.baseline.size())
            AddIfConcentrated(vanished, named, before, before_total, now, now_total,
                              static_cast<double>(named.now_hidden), threshold);
    }
    Report(context, view, appeared, true, results);
    Report(context, view, vanished, false, results);
}

}  // namespace pulse::drift
