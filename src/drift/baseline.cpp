#include "pulse/drift/baseline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace pulse::drift {

namespace {

constexpr int kSeasonsKept = 8;
constexpr int64_t kMostPoints = 1500;  // that slow changes of frequent snapshots are looked for in
constexpr int64_t kMonthsFrom = 28 * kDay;
constexpr size_t kDistributionPoints = 7;
constexpr size_t kSomeSeason = 7;  // snapshots, where the cadence has no season

// The earliest moment that a baseline of the fingerprint may use.
Moment Earliest(const History& history, const Exclusions& exclusions, const Fingerprint& fingerprint) {
    const Moment from = history.baseline_from.value_or(std::numeric_limits<Moment>::min());
    return std::max(from, SettledFrom(exclusions, fingerprint).value_or(from));
}

// What the level leaves out: the incidents of the size, and maintenance windows.
std::vector<Span> SizeSpans(const History& history, const Exclusions& exclusions) {
    std::vector<Span> spans = history.muted;
    if (const auto found = exclusions.find({detector::kSizeChange, ""}); found != exclusions.end())
        spans.insert(spans.end(), found->second.begin(), found->second.end());
    return spans;
}

// What a point is to the level: learnt, left out, or once found and passed.
enum class Use { kLearnt, kPassed, kLeftOut };

Use UseOf(const std::vector<Span>& spans, Moment moment) {
    Use use = Use::kLearnt;
    for (const Span& span : spans) {
        if (span.end == SpanEnd::kSettled || !span.Contains(moment)) continue;
        if (span.end == SpanEnd::kOther) return Use::kLeftOut;
        use = Use::kPassed;
    }
    return use;
}

// Moves on to a point. In an incident the forecast holds: what happens is known, and not what is normal.
void MoveTo(SizeWalk& walk, const History& history, const Point& point, bool hold,
            const std::vector<Span>& spans) {
    const Moment before = walk.now.value_or(point.moment);
    if (!walk.now) walk.clock = point.moment;
    const int64_t steps = std::max<int64_t>(Slot(point.moment, walk.clock, history.cadence), 0);
    if (hold)
        walk.forecaster.Hold(steps);
    else
        walk.forecaster.Advance(steps);
    walk.now = point.moment;
    // The rest of a step counts with the next one; but months differ in length, and each is a step.
    walk.clock = history.cadence >= kMonthsFrom ? point.moment : walk.clock + steps * history.cadence;
    if (std::none_of(spans.begin(), spans.end(), [&](const Span& span) {
            return span.end == SpanEnd::kSettled && before < span.from && span.from <= point.moment;
        }))
        return;
    // The level is a new one, but the season and the noise from before it still hold.
    walk.forecaster.RestartLevel();
    walk.levels.clear();
}

void LearnPoint(SizeWalk& walk, const History& history, size_t index) {
    walk.forecaster.Learn(static_cast<double>(history.points[index].size));
    walk.points.push_back(index);
    if (walk.points.size() % SnapshotsADay(history.cadence) != 0) return;
    walk.levels.push_back({walk.points.size(), walk.forecaster.Level()});
    if (walk.levels.size() > kSlowestChange) walk.levels.pop_front();
}

// Whether the same points up to that moment are left out: what begins later changes nothing that was learnt.
bool SameUpTo(std::optional<Moment> now, std::vector<Span> a, std::vector<Span> b) {
    for (std::vector<Span>* spans : {&a, &b})
        std::erase_if(*spans, [&](const Span& span) { return !now || span.from > *now; });
    return a == b;
}

// Whether the walk is one to that point, with the same points left out.
bool Leads(const std::optional<SizeWalk>& walk, const History& history, size_t index,
           const std::vector<Span>& spans) {
    return walk && walk->next <= index && SameUpTo(walk->now, walk->spans, spans) &&
           walk->from == history.baseline_from;
}

// What the points before `index` teach.
const SizeWalk& WalkTo(const History& history, size_t index, const std::vector<Span>& spans) {
    auto& [walk, calm] = history.size_walks;
    if (!Leads(walk, history, index, spans)) {
        if (Leads(calm, history, index, spans))
            walk = calm;
        else
            walk.emplace(Forecaster(Seasons(history.cadence), history.noise));
        walk->from = history.baseline_from;
    }
    walk->spans = spans;
    for (; walk->next < index; ++walk->next) {
        const Point& point = history.points[walk->next];
        if (!point.ok || (history.baseline_from && point.moment < *history.baseline_from)) continue;
        const Use use = UseOf(spans, point.moment);
        if (use != Use::kLearnt && walk->calm) calm = walk;
        walk->calm = use == Use::kLearnt;
        MoveTo(*walk, history, point, use != Use::kLearnt, spans);
        if (use == Use::kLearnt)
            LearnPoint(*walk, history, walk->next);
        else if (use == Use::kPassed)
            walk->forecaster.LearnPassed(static_cast<double>(point.size));
    }
    return *walk;
}

}  // namespace

std::optional<Moment> SettledFrom(const Exclusions& exclusions, const Fingerprint& fingerprint) {
    std::optional<Moment> from;
    if (const auto spans = exclusions.find(fingerprint); spans != exclusions.end())
        for (const Span& span : spans->second)
            if (span.end == SpanEnd::kSettled && (!from || span.from > *from)) from = span.from;
    return from;
}

int64_t HistoryDepth(int64_t cadence, const Thresholds& thresholds) {
    int64_t depth = 2 * thresholds.baseline_window;
    for (const int season : Seasons(cadence)) depth = std::max<int64_t>(depth, kSeasonsKept * season);
    const auto days = static_cast<int64_t>((kSlowestChange + 1) * SnapshotsADay(cadence));
    return std::max(depth, std::min(days, kMostPoints)) + 1;
}

std::vector<size_t> BaselinePoints(const History& history, size_t index, const Exclusions& exclusions,
                                   std::initializer_list<Fingerprint> fingerprints, size_t limit) {
    std::vector<const Span*> spans;
    for (const Span& span : history.muted) spans.push_back(&span);
    Moment earliest = history.baseline_from.value_or(std::numeric_limits<Moment>::min());
    for (const Fingerprint& fingerprint : fingerprints) {
        earliest = std::max(earliest, Earliest(history, exclusions, fingerprint));
        if (const auto found = exclusions.find(fingerprint); found != exclusions.end())
            for (const Span& span : found->second) spans.push_back(&span);
    }
    std::vector<size_t> points;
    for (size_t i = index; i-- > 0 && points.size() < limit;) {
        const Point& point = history.points[i];
        if (point.moment < earliest) break;
        if (point.ok && std::none_of(spans.begin(), spans.end(), [&](const Span* span) {
                return span->end != SpanEnd::kSettled && span->Contains(point.moment);
            }))
            points.push_back(i);
    }
    return points;
}

std::vector<int> Seasons(int64_t cadence) {
    const auto is = [&](int64_t span) { return std::abs(cadence - span) <= span / 100; };
    if (is(kHour)) return {24, 168};
    if (is(kDay)) return {7};
    if (is(7 * kDay)) return {52};
    if (cadence >= kMonthsFrom && cadence <= 31 * kDay) return {12};
    return {};
}

size_t SnapshotsADay(int64_t cadence) {
    return static_cast<size_t>(
        std::max<int64_t>(1, std::llround(static_cast<double>(kDay) / static_cast<double>(cadence))));
}

int64_t Slot(Moment moment, Moment origin, int64_t cadence) {
    return std::llround(static_cast<double>(moment - origin) / static_cast<double>(cadence));
}

bool SamePhase(Moment moment, Moment origin, int64_t cadence, int season) {
    return Slot(moment, origin, cadence) % season == 0;
}

void ShareNoise(std::vector<History>& histories) {
    std::map<int64_t, std::vector<std::vector<double>>> series;
    for (const History& history : histories) {
        std::vector<double>& counts = series[history.cadence].emplace_back();
        for (const Point& point : history.points)
            if (point.ok) counts.push_back(static_cast<double>(point.size));
    }
    std::map<int64_t, NoisePrior> priors;
    for (const auto& [cadence, counts] : series) {
        const std::vector<int> seasons = Seasons(cadence);
        priors[cadence] = PoolNoise(counts, seasons.empty() ? kSomeSeason : static_cast<size_t>(seasons[0]));
    }
    for (History& history : histories) history.noise = priors[history.cadence];
}

std::optional<Expectation> ExpectSize(const History& history, size_t index, const Exclusions& exclusions,
                                      const Thresholds&) {
    const std::vector<Span> spans = SizeSpans(history, exclusions);
    const SizeWalk& walk = WalkTo(history, index, spans);
    const bool pinned = UsesPin(history, index);
    if (walk.points.empty() && !pinned) return std::nullopt;
    Expectation expectation;
    expectation.points = walk.points.size();
    if (!walk.points.empty()) {
        expectation.oldest = walk.points.front();
        expectation.newest = walk.points.back();
    }
    SizeWalk next(walk.forecaster);
    next.now = walk.now;
    next.clock = walk.clock;
    if (walk.points.empty()) next.forecaster.Learn(static_cast<double>(history.pinned->size));
    const Point& now = history.points[index];
    MoveTo(next, history, now, UseOf(spans, now.moment) == Use::kLeftOut, spans);
    expectation.forecast = next.forecaster.Predict();
    expectation.kind = pinned                     ? BaselineKind::kPinned
                       : expectation.points == 1  ? BaselineKind::kPrevious
                       : expectation.season() > 0 ? BaselineKind::kSeasonal
                                                  : BaselineKind::kRolling;
    if (pinned)  // The level is pinned; the noise is still learnt from the history.
        for (ForecastComponent& component : expectation.forecast.components)
            component.level = std::log(std::max<double>(static_cast<double>(history.pinned->size), 0.5));
    expectation.level = std::exp(expectation.forecast.best().level);
    return expectation;
}

bool Mentions(const Exclusions& exclusions, const std::string& attribute) {
    return std::any_of(exclusions.begin(), exclusions.end(),
                       [&](const auto& entry) { return entry.first.attribute == attribute; });
}

std::vector<size_t> AttributePoints(const History& history, size_t index, const Exclusions& exclusions,
                                    const std::string& attribute, int season) {
    const size_t reach = season > 0 ? static_cast<size_t>(kSeasonsKept * season) : kDistributionPoints;
    std::vector<size_t> points;
    if (Mentions(exclusions, attribute))
        points = BaselinePoints(history, index, exclusions,
                                {{detector::kDistributionShift, attribute},
                                 {detector::kNullSpike, attribute},
                                 {detector::kNanSpike, attribute},
                                 {detector::kNewValue, attribute},
                                 {detector::kVanishedValue, attribute}},
                                reach);
    else
        points = BaselinePoints(history, index, exclusions, {}, reach);
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
    const int season = size ? size->season() : 0;
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
