#include "pulse/drift/detectors.hpp"

#include <algorithm>
#include <new>

#include "detector_context.hpp"

namespace pulse::drift {

namespace {

// Runs one detector; what goes wrong inside it is noted, and the others go on. Nothing in here calls
// PostgreSQL.
template <typename Run>
void Try(Look& look, const char* name, Run run) {
    const size_t before = look.outcomes.size();
    try {
        run();
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& e) {
        look.outcomes.resize(before);
        look.failed.emplace_back(name, e.what());
    }
}

const snapshot::Distribution* FindAttribute(const Distributions* distributions,
                                            const snapshot::Distribution& like) {
    if (!distributions) return nullptr;
    for (const auto& distribution : *distributions)
        if (distribution.attribute == like.attribute)
            return distribution.kind == like.kind ? &distribution : nullptr;
    return nullptr;
}

// Reads everything before the detectors run: what fails here is the database's affair and must not be caught.
std::vector<AttributeView> ReadAttributes(const Context& context) {
    std::vector<AttributeView> views;
    const History& history = context.history;
    const Distributions* now =
        history.distributions ? history.distributions(context.now().snapshot) : nullptr;
    if (!now) return views;
    const int season = context.size ? context.size->season : 0;
    for (const auto& distribution : *now) {
        if (!context.expectations.Watches(distribution.attribute)) continue;
        AttributeView view;
        view.now = &distribution;
        const auto add = [&](int64_t snapshot) {
            const auto* row = FindAttribute(history.distributions(snapshot), distribution);
            if (!row) return;
            view.baseline.push_back(row);
            view.snapshots.push_back(snapshot);
        };
        if (UsesPin(history, context.index)) {
            add(history.pinned->snapshot);
            view.kind = BaselineKind::kPinned;
        } else {
            const auto points =
                AttributePoints(history, context.index, context.exclusions, distribution.attribute, season);
            for (const size_t i : points) add(history.points[i].snapshot);
            const bool same_phase =
                season > 0 && points.size() >= 3 && std::all_of(points.begin(), points.end(), [&](size_t i) {
                    return SamePhase(history.points[i].moment, context.now().moment, history.cadence, season);
                });
            view.kind = same_phase                  ? BaselineKind::kSeasonal
                        : view.baseline.size() == 1 ? BaselineKind::kPrevious
                                                    : BaselineKind::kRolling;
        }
        if (!view.baseline.empty()) views.push_back(std::move(view));
    }
    return views;
}

bool HasBaseline(const History& history, size_t index) {
    if (UsesPin(history, index)) return true;
    for (size_t i = index; i-- > 0;)
        if (history.points[i].ok &&
            (!history.baseline_from || history.points[i].moment >= *history.baseline_from))
            return true;
    return false;
}

}  // namespace

Look Detect(const History& history, size_t index, const Exclusions& exclusions,
            const Expectations& expectations, const Thresholds& thresholds) {
    Look look;
    if (!expectations.monitoring) return look;
    Context context{history, index, exclusions, expectations, thresholds, std::nullopt};
    std::vector<Outcome>& outcomes = look.outcomes;
    if (context.now().ok) {
        look.too_young = !HasBaseline(history, index);
        Try(look, detector::kSizeChange, [&] {
            context.size = ExpectSize(history, index, exclusions, thresholds);
            DetectSize(context, outcomes);
        });
        Try(look, detector::kExpectedRange, [&] { DetectExpectedRange(context, outcomes); });
        Try(look, detector::kSlowErosion, [&] { DetectErosion(context, outcomes); });
        Try(look, detector::kConversionAnomaly, [&] { DetectConversion(context, outcomes); });
        Try(look, detector::kInactivityCreep, [&] { DetectInactivity(context, outcomes); });
        Try(look, detector::kMembershipChurn, [&] { DetectReplacement(context, outcomes); });
        for (const AttributeView& view : ReadAttributes(context)) {
            Try(look, detector::kDistributionShift, [&] { DetectShift(context, view, outcomes); });
            Try(look, detector::kNullSpike, [&] { DetectNulls(context, view, outcomes); });
            Try(look, detector::kNewValue, [&] { DetectValues(context, view, outcomes); });
        }
    }
    Try(look, detector::kSchemaChange, [&] { DetectSchema(context, outcomes); });
    return look;
}

}  // namespace pulse::drift
