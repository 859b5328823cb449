#include "pulse/drift/detectors.hpp"

#include <algorithm>
#include <new>

#include "detector_context.hpp"

namespace pulse::drift {

namespace {

// Runs one detector; an error in it is recorded, and the others run. Nothing in here calls
// PostgreSQL.
template <typename Detector>
void Try(DetectionRun& run, const char* name, Detector detect) {
    const size_t before = run.results.size();
    try {
        detect();
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& e) {
        run.results.resize(before);
        run.failed.emplace_back(name, e.what());
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

// Reads everything before the detectors run: an error here comes from the database and must not be caught.
std::vector<AttributeView> ReadAttributes(const DetectorContext& context) {
    std::vector<AttributeView> views;
    const History& history = context.history;
    const Distributions* now =
        history.distributions ? history.distributions(context.now().snapshot) : nullptr;
    if (!now) return views;
    const int season = context.size ? context.size->season() : 0;
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
        if (view.baseline.empty()) continue;
        if (distribution.labelled() && distribution.labels.size() == distribution.counts.size())
            view.values = AlignValues(distribution, view.baseline);
        views.push_back(std::move(view));
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

DetectionRun Detect(const History& history, size_t index, const Exclusions& exclusions,
                    const Expectations& expectations, const Thresholds& thresholds) {
    DetectionRun run;
    if (!expectations.monitoring) return run;
    DetectorContext context{history, index, exclusions, expectations, thresholds, std::nullopt};
    std::vector<DetectorResult>& results = run.results;
    if (context.now().ok) {
        run.too_young = !HasBaseline(history, index);
        Try(run, detector::kSizeChange, [&] {
            context.size = ExpectSize(history, index, exclusions, thresholds);
            DetectSize(context, results);
        });
        Try(run, detector::kExpectedRange, [&] { DetectExpectedRange(context, results); });
        Try(run, detector::kSlowErosion, [&] { DetectSlowChanges(context, results); });
        Try(run, detector::kConversionAnomaly, [&] { DetectConversion(context, results); });
        Try(run, detector::kInactivityCreep, [&] { DetectInactivity(context, results); });
        Try(run, detector::kMembershipChurn, [&] { DetectMembershipChurn(context, results); });
        for (const AttributeView& view : ReadAttributes(context)) {
            Try(run, detector::kDistributionShift, [&] { DetectShift(context, view, results); });
            Try(run, detector::kNullSpike, [&] { DetectNulls(context, view, results); });
            Try(run, detector::kNanSpike, [&] { DetectNans(context, view, results); });
            Try(run, detector::kNewValue, [&] { DetectValues(context, view, results); });
        }
    }
    Try(run, detector::kSchemaChange, [&] { DetectSchema(context, results); });
    return run;
}

}  // namespace pulse::drift
