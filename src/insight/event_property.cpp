#include "pulse/insight/event_property.hpp"

#include <algorithm>
#include <numeric>

#include "pulse/drift/baseline.hpp"
#include "pulse/drift/rate_test.hpp"

namespace pulse::insight {

namespace {

namespace detector = drift::detector;
using drift::DetectorResult;
using drift::Fingerprint;

constexpr size_t kLeastDays = 7;
constexpr double kLeastEvents = 100;       // of the days before together
constexpr double kLeastToday = 20;         // of a day that goes on
constexpr double kPropertyLooksADay = 24;  // at it
constexpr double kUsuallyThere = 0.05;     // share of events; a rarer property is not missed
constexpr double kHardlyThere = 0.01;      // share of a property that is new
constexpr double kMainType = 0.8;          // share of the type that a property has
constexpr double kSameShare = 0.25;        // relative: what is missing and what is new are one

constexpr int kWeekDays = 7;

Moment EndOfDay(int64_t day) {
    return (day + 1) * kDay;
}

// The main type of the baseline, and how many of its values have another one.
struct MainType {
    PropertyType type = kText;
    double share = 0;
};

MainType MainTypeOf(const std::array<int64_t, kPropertyTypes>& seen) {
    const auto most = std::max_element(seen.begin(), seen.end());
    const auto all = static_cast<double>(std::accumulate(seen.begin(), seen.end(), int64_t{0}));
    return {static_cast<PropertyType>(most - seen.begin()), all > 0 ? static_cast<double>(*most) / all : 0};
}

// The times of each finding's incidents; a new normal that a person declared is one that has settled.
drift::Exclusions PropertyExclusions(const drift::IncidentTracker& tracker) {
    drift::Exclusions exclusions = tracker.Excluded();
    for (const drift::Incident& incident : tracker.incidents())
        if (incident.new_normal)
            exclusions[incident.finding.fingerprint].push_back(
                {incident.since, incident.last_seen_at, drift::SpanEnd::kSettled});
    return exclusions;
}

class PropertyJudge {
  public:
    PropertyJudge(const EventProperties& event, const PropertyCheck& check,
                  const drift::IncidentTracker& tracker, std::vector<PropertyResult>& results)
        : event_(event), check_(check), tracker_(tracker), results_(results) {}

    void Judge();

  private:
    // A property on the day to judge, and before.
    struct View {
        PropertyDay now;
        std::vector<drift::Count> nulls, others;  // by earlier day: missing; of another type
        std::array<int64_t, kPropertyTypes> before{};
        double looked_before = 0;
    };
    View ViewOf(const std::string& property, const std::vector<PropertyDay>& days, int64_t day,
                const drift::Exclusions& exclusions) const;
    void JudgeDay(int64_t day, bool unfinished, drift::IncidentTracker& tracker);
    std::vector<DetectorResult> JudgeNulls(const std::string& property, const View& view, int64_t day) const;
    std::vector<DetectorResult> JudgeType(const std::string& property, const View& view, int64_t day) const;
    void PairRenamed(const std::map<std::string, View>& views, double looked_at,
                     std::vector<DetectorResult>& results) const;
    std::string NameOfProperty(const std::string& property) const {
        return "`" + property + "` of `" + event_.event + "`";
    }

    const EventProperties& event_;
    const PropertyCheck& check_;
    const drift::IncidentTracker& tracker_;
    std::vector<PropertyResult>& results_;
};

// Whether a day is part of the baseline: in no incident of the property, and none that made a new one of it.
bool IsUsual(int64_t day, const std::vector<const drift::Span*>& spans) {
    return std::none_of(spans.begin(), spans.end(), [&](const drift::Span* span) {
        return span->end == drift::SpanEnd::kSettled ? EndOfDay(day) <= span->from
                                                     : span->Contains(EndOfDay(day) - 1);
    });
}

PropertyJudge::View PropertyJudge::ViewOf(const std::string& property, const std::vector<PropertyDay>& days,
                                          int64_t day, const drift::Exclusions& exclusions) const {
    View view;
    std::vector<const drift::Span*> spans;
    for (const drift::Span& span : check_.muted) spans.push_back(&span);
    for (const char* name : {detector::kPropertyNulls, detector::kPropertyType})
        if (const auto found = exclusions.find({name, property}); found != exclusions.end())
            for (const drift::Span& span : found->second) spans.push_back(&span);
    // A property that another one became: while that incident lasts it is new.
    for (const auto& [fingerprint, own] : exclusions)
        if (fingerprint.detector == detector::kPropertyNulls && fingerprint.attribute != property)
            for (const drift::Span& span : own)
                if (span.end != drift::SpanEnd::kSettled) spans.push_back(&span);
    std::map<int64_t, const PropertyDay*> by_day;
    for (const PropertyDay& one : days) by_day[one.day] = &one;
    if (const auto now = by_day.find(day); now != by_day.end()) view.now = *now->second;
    view.now.day = day;
    const int64_t oldest = day - check_.thresholds.baseline_window;
    for (const auto& [one, looked_at] : event_.looked_at) {
        if (one < oldest || one >= day || looked_at == 0 || !IsUsual(one, spans)) continue;
        const auto found = by_day.find(one);
        const PropertyDay none, &seen = found == by_day.end() ? none : *found->second;
        const auto looked = static_cast<double>(looked_at);
        const bool same = (day - one) % kWeekDays == 0;
        view.nulls.push_back({std::max(0.0, looked - static_cast<double>(seen.present())), looked, 0, same});
        view.looked_before += looked;
        for (size_t type = 0; type < kPropertyTypes; ++type) view.before[type] += seen.seen[type];
    }
    const PropertyType main = MainTypeOf(view.before).type;
    for (const auto& [one, looked_at] : event_.looked_at) {
        const auto found = by_day.find(one);
        if (one < oldest || one >= day || looked_at == 0 || found == by_day.end() || !IsUsual(one, spans))
            continue;
        const auto present = static_cast<double>(found->second->present());
        view.others.push_back({present - static_cast<double>(found->second->seen[main]), present, 0,
                               (day - one) % kWeekDays == 0});
    }
    return view;
}

std::vector<DetectorResult> PropertyJudge::JudgeNulls(const std::string& property, const View& view,
                                                      int64_t day) const {
    const auto looked = static_cast<double>(event_.looked_at.at(day));
    const auto present = static_cast<double>(view.now.present());
    const drift::Count now{std::max(0.0, looked - present), looked};
    const auto test = drift::TestRate(now, view.nulls, kWeekDays);
    if (!test || check_.thresholds.null_spike >= drift::kSwitchedOff) return {};
    if (1 - test->baseline < kUsuallyThere) return {};
    const double change = test->observed - test->baseline;
    DetectorResult result = drift::EvaluateChange(
        {detector::kPropertyNulls, property}, change, change, check_.thresholds.null_spike, test->p_value,
        test->seasonal ? drift::BaselineKind::kSeasonal : drift::BaselineKind::kRolling, check_.thresholds);
    result.finding.baseline = test->baseline;
    result.finding.observed = test->observed;
    result.finding.onset = day * kDay;
    if (result.material) {
        result.finding.summary = NameOfProperty(property) + " is missing in " +
                                 drift::Percent(test->observed) + " of the events of " +
                                 FormatDate(day * kDay) + " (" + drift::Percent(test->baseline) +
                                 " expected)";
        result.finding.details = {{"property", property},
                                  {"missing", now.hits},
                                  {"lookedAt", looked},
                                  {"dispersion", test->dispersion},
                                  {"baselinePoints", test->points},
                                  {"from", FormatMoment(day * kDay)},
                                  {"to", FormatMoment(EndOfDay(day))}};
    }
    return {std::move(result)};
}

std::vector<DetectorResult> PropertyJudge::JudgeType(const std::string& property, const View& view,
                                                     int64_t day) const {
    const MainType main = MainTypeOf(view.before);
    const auto present = static_cast<double>(view.now.present());
    if (main.share < kMainType || present == 0 || check_.thresholds.null_spike >= drift::kSwitchedOff)
        return {};
    const drift::Count now{present - static_cast<double>(view.now.seen[main.type]), present};
    const auto test = drift::TestRate(now, view.others, kWeekDays);
    if (!test) return {};
    const double change = test->observed - test->baseline;
    DetectorResult result = drift::EvaluateChange(
        {detector::kPropertyType, property}, change, change, check_.thresholds.null_spike, test->p_value,
        test->seasonal ? drift::BaselineKind::kSeasonal : drift::BaselineKind::kRolling, check_.thresholds);
    result.finding.baseline = test->baseline;
    result.finding.observed = test->observed;
    result.finding.onset = day * kDay;
    if (result.material) {
        std::array<int64_t, kPropertyTypes> others = view.now.seen;
        others[main.type] = 0;
        const PropertyType other = MainTypeOf(others).type;
        result.finding.summary = NameOfProperty(property) + " is " + insight::NameOf(other) + ", not " +
                                 insight::NameOf(main.type) + ", in " + drift::Percent(test->observed) +
                                 " of its values of " + FormatDate(day * kDay) + " (" +
                                 drift::Percent(test->baseline) + " expected)";
        result.finding.details = {{"property", property},
                                  {"type", insight::NameOf(other)},
                                  {"was", insight::NameOf(main.type)},
                                  {"values", present},
                                  {"dispersion", test->dispersion},
                                  {"from", FormatMoment(day * kDay)},
                                  {"to", FormatMoment(EndOfDay(day))}};
    }
    return {std::move(result)};
}

// Names the new property that took the place of a missing one: as often, and of the same type.
void PropertyJudge::PairRenamed(const std::map<std::string, View>& views, double looked_at,
                                std::vector<DetectorResult>& results) const {
    for (DetectorResult& result : results) {
        drift::Finding& finding = result.finding;
        if (finding.fingerprint.detector != detector::kPropertyNulls || !result.material || !result.supported)
            continue;
        const std::string& old = finding.fingerprint.attribute;
        const PropertyType type = MainTypeOf(views.at(old).before).type;
        const std::string* best = nullptr;
        double distance = kSameShare, best_share = 0;
        for (const auto& [name, view] : views) {
            const double share = static_cast<double>(view.now.present()) / looked_at;
            const double before =
                static_cast<double>(std::accumulate(view.before.begin(), view.before.end(), int64_t{0})) /
                std::max(view.looked_before, 1.0);
            const double off = std::abs(share / finding.change - 1);
            if (name == old || before > kHardlyThere || off > distance ||
                MainTypeOf(view.now.seen).type != type)
                continue;
            distance = off;
            best = &name;
            best_share = share;
        }
        if (!best) continue;
        finding.summary += "; `" + *best + "`, " + insight::NameOf(type) + " as well, is new in " +
                           drift::Percent(best_share) + ": it was renamed";
        finding.details["successor"] = {
            {"property", *best}, {"type", insight::NameOf(type)}, {"share", best_share}};
    }
}

void PropertyJudge::JudgeDay(int64_t day, bool unfinished, drift::IncidentTracker& tracker) {
    const auto looked = event_.looked_at.find(day);
    if (looked == event_.looked_at.end() || looked->second == 0) return;
    const auto looked_at = static_cast<double>(looked->second);
    if (unfinished && looked_at < kLeastToday) return;
    const drift::Exclusions exclusions = PropertyExclusions(tracker);
    std::map<std::string, View> views;
    std::vector<DetectorResult> results;
    for (const auto& [property, days] : event_.properties) {
        const View& view = views[property] = ViewOf(property, days, day, exclusions);
        if (view.nulls.size() < kLeastDays || view.looked_before < kLeastEvents) continue;
        for (DetectorResult& result : JudgeNulls(property, view, day)) results.push_back(std::move(result));
        for (DetectorResult& result : JudgeType(property, view, day)) results.push_back(std::move(result));
    }
    if (unfinished)
        std::erase_if(results, [&](const DetectorResult& result) {
            return !result.material || !tracker.IsNew(result.finding.fingerprint, EndOfDay(day)) ||
                   *result.finding.p_value * kPropertyLooksADay > check_.thresholds.p_value;
        });
    PairRenamed(views, looked_at, results);
    drift::Point point;
    point.moment = EndOfDay(day);
    if (!unfinished) tracker.Apply(point, results, check_.thresholds.p_value, check_.thresholds);
    for (DetectorResult& result : results) {
        if (unfinished) result.finding.details["unfinished"] = true;
        results_.push_back({event_.event, day, unfinished, std::move(result)});
    }
}

void PropertyJudge::Judge() {
    drift::IncidentTracker tracker = tracker_;
    for (int64_t day = check_.first; day <= check_.last; ++day) JudgeDay(day, false, tracker);
    JudgeDay(check_.last + 1, true, tracker);
}

}  // namespace

const char* NameOf(PropertyType type) {
    constexpr const char* kNames[] = {"a text",      "a number",  "a boolean",
                                      "a timestamp", "an object", "an array"};
    return kNames[type];
}

int64_t PropertyDay::present() const {
    return std::accumulate(seen.begin(), seen.end(), int64_t{0});
}

void JudgeProperties(const EventProperties& event, const PropertyCheck& check,
                     const drift::IncidentTracker& tracker, std::vector<PropertyResult>& results) {
    PropertyJudge(event, check, tracker, results).Judge();
}

}  // namespace pulse::insight
