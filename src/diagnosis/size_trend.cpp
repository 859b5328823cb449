// Hypotheses from the development of size and flow: uniform or gradual changes, fewer entries, more exits,
// changed identities.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMinFlowPoints = 3;  // normal snapshots with a flow before "usual" means something

std::string AddFlowEvidence(DiagnosisContext& context) {
    const SizeTrend& trend = context.trend;
    if (!trend.now_entered || !trend.now_exited) return "";
    std::string sentence = "Since then " + Thousands(std::llround(*trend.now_entered)) + " " +
                           context.input.words.members + " enter and " +
                           Thousands(std::llround(*trend.now_exited)) + " leave per snapshot";
    nlohmann::json figures{{"entered", *trend.now_entered}, {"exited", *trend.now_exited}};
    if (trend.usual_entered && trend.flow_points >= kMinFlowPoints) {
        sentence += "; usual: " + Thousands(std::llround(*trend.usual_entered)) + " and " +
                    Thousands(std::llround(*trend.usual_exited));
        figures["usual_entered"] = *trend.usual_entered;
        figures["usual_exited"] = *trend.usual_exited;
    }
    return context.AddEvidence("flow", sentence + ".", figures);
}

std::vector<std::string> Cited(const DiagnosisContext& context, const std::string& id) {
    std::vector<std::string> cited;
    if (!id.empty()) cited.push_back(id);
    if (!context.cited_size.empty()) cited.push_back(context.cited_size);
    return cited;
}

// 0..1: the fall came in many small steps of one direction.
double Gradual(const SizeTrend& trend) {
    if (trend.steps < 4) return 0;
    return Unit((0.75 - trend.largest_step) / 0.4) * Unit((trend.steadiness - 0.4) / 0.25);
}

// 0..1: entries fell far below what is usual while exits did not rise.
double Stopped(const DiagnosisContext& context) {
    const SizeTrend& trend = context.trend;
    if (trend.flow_points < kMinFlowPoints || !trend.now_entered || !trend.usual_entered) return 0;
    if (*trend.usual_entered < 5) return 0;
    const double left = *trend.now_entered / *trend.usual_entered;
    const double exits = *trend.now_exited / std::max(*trend.usual_exited, 1.0);
    const double z = (*trend.usual_entered - *trend.now_entered) /
                     std::sqrt(*trend.usual_entered + std::pow(0.1 * *trend.usual_entered, 2));
    return Unit((0.7 - left) / 0.4) * Unit((2.2 - exits) / 0.8) * Support(z);
}

double Surged(const DiagnosisContext& context) {
    const SizeTrend& trend = context.trend;
    if (trend.flow_points < kMinFlowPoints || !trend.now_exited || !trend.usual_exited) return 0;
    const double ratio = *trend.now_exited / std::max(*trend.usual_exited, 1.0);
    const double z =
        (*trend.now_exited - *trend.usual_exited) /
        std::sqrt(1 + *trend.now_exited + *trend.usual_exited + std::pow(0.1 * *trend.usual_exited, 2));
    return z <= 0 ? 0 : Unit((ratio - 1.2) / 0.8) * Support(z);
}

void AddIdentityHypothesis(DiagnosisContext& context) {
    const SizeTrend& trend = context.trend;
    if (!trend.peak_exited || !trend.peak_entered) return;
    const double replaced = std::min(*trend.peak_exited, *trend.peak_entered);
    const double usual = trend.usual_exited && context.before_size > 0
                             ? *trend.usual_exited / static_cast<double>(context.before_size)
                             : 0;
    if (replaced < 0.6 || replaced < 2 * usual) return;
    const double relevance = context.change_type == ChangeType::kChurn ? 1 : 0.75;
    const std::string& members = context.input.words.members;
    context.AddHypothesis(
        Cause::kIdentityChanged,
        Unit((replaced - 0.5) / 0.45) * relevance * (1 - Unit(std::abs(context.relative()))),
        Percent(replaced) + " of the " + members +
            " were replaced at once while the size stayed about the same: most likely the " + members +
            " are the same and are identified in another way, such as by a changed key.",
        Cited(context, AddFlowEvidence(context)));
}

void AddFlowHypotheses(DiagnosisContext& context) {
    const SizeTrend& trend = context.trend;
    const bool fell = context.growth() < 0;
    if (const double stopped = Stopped(context); stopped > 0 && fell) {
        const double missing = (*trend.usual_entered - *trend.now_entered) * static_cast<double>(trend.steps);
        const double explained =
            Unit(missing / std::max<double>(1, static_cast<double>(-context.growth())) * 1.1);
        context.AddHypothesis(
            Cause::kEntriesStopped,
            0.95 * stopped * explained * (context.change_type == ChangeType::kSize ? 1 : 0.6),
            "New " + context.input.words.members +
                " stopped coming: " + Thousands(std::llround(*trend.now_entered)) + " instead of " +
                Thousands(std::llround(*trend.usual_entered)) +
                " enter per snapshot, while no more than usual leave.",
            Cited(context, AddFlowEvidence(context)));
    }
    const double surged = Surged(context);
    if (surged <= 0) return;
    // Exits that are one lost value, or a fall of the size, are better explained by those.
    const double excess =
        (*trend.now_exited - *trend.usual_exited) * static_cast<double>(std::max<size_t>(trend.steps, 1));
    const double net = fell ? Unit(static_cast<double>(-context.growth()) / std::max(excess, 1.0)) : 0;
    const double other = context.change_type == ChangeType::kChurn  ? 1
                         : context.change_type == ChangeType::kSize ? 0.7
                                                                    : 0.35;
    const double peak = trend.peak_exited.value_or(0);
    const double replaced = std::min(peak, trend.peak_entered.value_or(0));
    context.AddHypothesis(Cause::kExitsSurged,
                          0.93 * surged * other * (1 - 0.5 * net) * (1 - 0.8 * Unit((replaced - 0.7) / 0.2)),
                          Capitalized(context.input.words.members) + " leave faster than usual: " +
                              Thousands(std::llround(*trend.now_exited)) + " instead of " +
                              Thousands(std::llround(*trend.usual_exited)) + " per snapshot.",
                          Cited(context, AddFlowEvidence(context)));
}

void AddUniformHypotheses(DiagnosisContext& context) {
    if (context.before_size <= 0) return;
    const bool fell = context.growth() < 0;
    const double relevance = context.change_type == ChangeType::kSize            ? 1
                             : context.change_type == ChangeType::kChurn && fell ? 0.85
                                                                                 : 0.3;
    size_t telling = 0;
    double largest_shift = 0;
    for (const DistributionChange& change : context.changes) {
        telling += change.cells.size() > 1;
        largest_shift = std::max(largest_shift, change.distance);
    }
    const double alike = telling == 0 ? 0.45 : Unit(1 - 1.2 * context.concentrated());
    const double support = Support(context.size_z()) * Unit(std::abs(context.relative()) / 0.08);
    const double gradual = Gradual(context.trend), stopped = Stopped(context);
    std::vector<std::string> cited = Cited(context, AddFlowEvidence(context));
    if (telling > 0)
        cited.insert(
            cited.begin(),
            context.AddEvidence(
                "attribute", "The largest shift of any attribute's shares is " + Percent(largest_shift) + ".",
                {{"distance", largest_shift}, {"attributes", telling}}));
    const std::string where = telling == 0  ? "no measured attribute shows where"
                              : alike > 0.6 ? "every value of every attribute changed alike"
                                            : "beyond what single values explain";
    if (!fell) {
        context.AddHypothesis(
            Cause::kUniformGrowth, 0.92 * support * alike * relevance,
            "The segment really grew by " + Percent(context.relative()) + ", " + where + ".", cited);
        return;
    }
    context.AddHypothesis(Cause::kGradualErosion,
                          0.95 * gradual * support * alike * (1 - 0.7 * stopped) * relevance,
                          "The segment erodes slowly: " + Percent(-context.relative()) + " over " +
                              Thousands(static_cast<int64_t>(context.trend.steps)) +
                              " snapshots, no single step stands out, and " + where + ".",
                          cited);
    context.AddHypothesis(Cause::kUniformLoss,
                          0.92 * support * alike * (1 - 0.75 * gradual) * (1 - 0.6 * stopped) * relevance,
                          "A real fall of " + Percent(-context.relative()) + ": " + where + ".", cited);
}

}  // namespace

void AddSizeTrendHypotheses(DiagnosisContext& context) {
    if (!context.comparable) return;
    AddIdentityHypothesis(context);
    AddFlowHypotheses(context);
    AddUniformHypotheses(context);
}

}  // namespace pulse::diagnosis
