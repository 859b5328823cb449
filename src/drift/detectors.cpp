#include "pulse/drift/detectors.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <optional>

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

// Snapshots have the same attributes in the same order, mostly: `place` is that in the tested one.
const snapshot::Distribution* FindAttribute(const Distributions* distributions,
                                            const snapshot::Distribution& like, size_t place) {
    if (!distributions) return nullptr;
    const auto is = [&](const snapshot::Distribution& distribution) {
        return distribution.attribute == like.attribute;
    };
    auto found = distributions->end();
    if (place < distributions->size() && is((*distributions)[place]))
        found = distributions->begin() + static_cast<std::ptrdiff_t>(place);
    else
        found = std::find_if(distributions->begin(), distributions->end(), is);
    return found != distributions->end() && found->kind == like.kind ? &*found : nullptr;
}

// The points of a baseline, and what was measured at them.
struct BaselineRows {
    BaselineRows(const DetectorContext& context, const std::string& attribute, int season)
        : points(AttributePoints(context.history, context.index, context.exclusions, attribute, season)) {
        const History& history = context.history;
        distributions.reserve(points.size());
        for (const size_t i : points)
            distributions.push_back(history.distributions(history.points[i].snapshot));
        same_phase =
            season > 0 && points.size() >= 3 && std::all_of(points.begin(), points.end(), [&](size_t i) {
                return SamePhase(history.points[i].moment, context.now().moment, history.cadence, season);
            });
    }

    std::vector<size_t> points;
    std::vector<const Distributions*> distributions;
    bool same_phase = false;
};

void AddRow(AttributeView& view, const Distributions* distributions, int64_t snapshot, size_t place) {
    const auto* row = FindAttribute(distributions, *view.now, place);
    if (!row) return;
    view.baseline.push_back(row);
    view.snapshots.push_back(snapshot);
}

void AddRows(AttributeView& view, const BaselineRows& rows, const History& history, size_t place) {
    view.baseline.reserve(rows.points.size());
    view.snapshots.reserve(rows.points.size());
    for (size_t i = 0; i < rows.points.size(); ++i)
        AddRow(view, rows.distributions[i], history.points[rows.points[i]].snapshot, place);
    view.kind = rows.same_phase             ? BaselineKind::kSeasonal
                : view.baseline.size() == 1 ? BaselineKind::kPrevious
                                            : BaselineKind::kRolling;
}

// Reads everything before the detectors run: an error here comes from the database and must not be caught.
std::vector<AttributeView> ReadAttributes(const DetectorContext& context) {
    std::vector<AttributeView> views;
    const History& history = context.history;
    const Distributions* now =
        history.distributions ? history.distributions(context.now().snapshot) : nullptr;
    if (!now) return views;
    views.reserve(now->size());
    const int season = context.size ? context.size->season() : 0;
    std::optional<BaselineRows> usual;  // of attributes without incidents
    for (size_t place = 0; place < now->size(); ++place) {
        const snapshot::Distribution& distribution = (*now)[place];
        if (!context.expectations.Watches(distribution.attribute)) continue;
        AttributeView view;
        view.now = &distribution;
        if (UsesPin(history, context.index)) {
            AddRow(view, history.distributions(history.pinned->snapshot), history.pinned->snapshot, place);
            view.kind = BaselineKind::kPinned;
        } else if (Mentions(context.exclusions, distribution.attribute)) {
            AddRows(view, BaselineRows(context, distribution.attribute, season), history, place);
        } else {
            if (!usual) usual.emplace(context, distribution.attribute, season);
            AddRows(view, *usual, history, place);
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
        const std::vector<AttributeView> views = ReadAttributes(context);
        results.reserve(results.size() + 5 * views.size());
        for (const AttributeView& view : views) {
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
