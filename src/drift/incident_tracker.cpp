#include "pulse/drift/incident_tracker.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "detector_context.hpp"
#include "pulse/base/number.hpp"
#include "pulse/drift/statistics/multiple_testing.hpp"

namespace pulse::drift {

namespace {

// Normal begins well below the threshold, so that a value at the threshold does not open and close an
// incident in turn.
constexpr double kNormalBelow = 0.8;
// Without any evidence a large change is noise of a small segment: it must not keep an incident alive.
constexpr double kNoEvidence = 0.05;

// Whether a result keeps an incident alive: opening one needs more.
bool Continues(const DetectorResult& result) {
    return result.material && (!result.finding.p_value || *result.finding.p_value <= kNoEvidence);
}

bool IsNormal(const DetectorResult& result) {
    return result.ratio < kNormalBelow || (result.finding.p_value && *result.finding.p_value > kNoEvidence);
}

void AddEvent(Incident& incident, Moment at, const char* kind, std::string note) {
    incident.events.push_back({at, kind, incident.finding.severity, incident.finding.observed,
                               incident.finding.change, std::move(note)});
}

// Whether its baseline is learnt, so that values that last can become the baseline. Nobody gets used to an
// empty segment: it stays an incident until a person says what it is.
bool MaySettle(const Finding& finding) {
    return finding.p_value && finding.baseline_kind != BaselineKind::kPinned && finding.observed != 0.0;
}

// Worse is a change that is half a threshold larger than the one that began the count, so that a creep adds
// up.
void CountSteady(Incident& incident, const Finding& finding) {
    if (std::abs(finding.change) > incident.worst_change + finding.threshold / 2) {
        incident.worst_change = std::abs(finding.change);
        incident.steady_count = 1;
    } else {
        ++incident.steady_count;
    }
}

bool IsSlow(const std::string& detector) {
    return detector == detector::kSlowErosion || detector == detector::kSlowGrowth;
}

// Whether a slow change that no longer shows has lasted: it is compared with some weeks ago, and by now those
// have the new level, too. Else the level has come back.
bool HasLasted(const Finding& incident, const Finding& now) {
    if (!IsSlow(now.fingerprint.detector) || !incident.baseline || !incident.observed || !now.observed)
        return false;
    return std::abs(*now.observed - *incident.observed) < std::abs(*now.observed - *incident.baseline);
}

std::string SettledNote(const Finding& finding, const std::string& why) {
    const std::string& name = finding.fingerprint.detector;
    std::string text = "settled: " + why + ", so the new values are normal now";
    if (!finding.baseline || !finding.observed || name == detector::kDistributionShift) return text;
    const bool members = name == detector::kSizeChange || IsSlow(name) || name.starts_with("event_");
    const auto figure = [&](double value) { return members ? Members(value) : Percent(value); };
    return text + ": " + figure(*finding.observed) + ", " + figure(*finding.baseline) + " before";
}

void CloseByItself(Incident& incident, Moment at, std::string note) {
    incident.status = IncidentStatus::kResolved;
    incident.closed_at = at;
    incident.closed_by_itself = true;
    AddEvent(incident, at, "resolved", std::move(note));
}

void Settle(Incident& incident, Moment at, const Finding& now, const std::string& why) {
    CloseByItself(incident, at, SettledNote(now, why));
    incident.settled = true;
}

bool MayReopen(const Incident& incident, Moment moment, const Thresholds& thresholds) {
    if (incident.status == IncidentStatus::kIgnored) return true;  // its time is over
    if (incident.settled) return false;  // what comes now is compared with other values
    // A person closed it while the drift continued, so it can reopen.
    if (!incident.closed_by_itself && incident.normal_count == 0) return true;
    return incident.closed_at && moment - *incident.closed_at <= thresholds.reopen_within;
}

}  // namespace

const char* Name(IncidentStatus status) {
    switch (status) {
        case IncidentStatus::kOpen: return "open";
        case IncidentStatus::kAcknowledged: return "acknowledged";
        case IncidentStatus::kResolved: return "resolved";
        case IncidentStatus::kIgnored: return "ignored";
    }
    throw std::logic_error("unnamed incident status");
}

std::optional<IncidentStatus> ParseIncidentStatus(const std::string& name) {
    if (name == "open") return IncidentStatus::kOpen;
    if (name == "acknowledged" || name == "investigating") return IncidentStatus::kAcknowledged;
    if (name == "resolved") return IncidentStatus::kResolved;
    if (name == "ignored") return IncidentStatus::kIgnored;
    return std::nullopt;
}

Exclusions IncidentTracker::Excluded() const {
    Exclusions exclusions;
    for (const Incident& incident : incidents_) {
        if (incident.new_normal) continue;
        Span span{incident.since, incident.last_seen_at};
        if (incident.live())
            span.to.reset();
        else if (incident.settled)
            span.end = SpanEnd::kSettled;
        else if (incident.status == IncidentStatus::kResolved && incident.closed_by_itself)
            span.end = SpanEnd::kPassed;
        exclusions[incident.finding.fingerprint].push_back(span);
    }
    return exclusions;
}

const Incident* IncidentTracker::Newest(const Fingerprint& fingerprint) const {
    const auto found = std::find_if(incidents_.rbegin(), incidents_.rend(), [&](const Incident& incident) {
        return incident.finding.fingerprint == fingerprint;
    });
    return found == incidents_.rend() ? nullptr : &*found;
}

Incident* IncidentTracker::Find(const Fingerprint& fingerprint) {
    return const_cast<Incident*>(Newest(fingerprint));
}

bool IncidentTracker::IsNew(const Fingerprint& fingerprint, Moment moment) const {
    const Incident* incident = Newest(fingerprint);
    return !incident || (!incident->live() && !incident->MutedAt(moment));
}

void IncidentTracker::Apply(const Point& point, const std::vector<DetectorResult>& results, double limit,
                            const Thresholds& thresholds) {
    for (const DetectorResult& result : results) {
        Incident* incident = Find(result.finding.fingerprint);
        const bool is_new = IsNew(result.finding.fingerprint, point.moment);
        const bool discovered = !result.finding.p_value || *result.finding.p_value <= limit;
        const bool opens = result.material && result.supported && (!is_new || discovered);
        if (opens || (incident && incident->live() && Continues(result)))
            TakeFinding(incident, point, result, thresholds);
        else if (incident)
            TakeNormal(*incident, point, result, thresholds);
    }
}

void IncidentTracker::TakeFinding(Incident* incident, const Point& point, const DetectorResult& result,
                                  const Thresholds& thresholds) {
    const bool live = incident && incident->live();
    const bool muted = incident && incident->MutedAt(point.moment);
    const bool reopen = incident && !live && !muted && MayReopen(*incident, point.moment, thresholds);
    if (!live && !muted && !reopen) {
        incident = &incidents_.emplace_back();
        incident->since = result.finding.onset.value_or(point.moment);
        incident->opened_at = point.moment;
    }
    if (!live) {
        incident->worst_change = 0;
        incident->steady_count = 0;
    }
    const Severity before = incident->finding.severity;
    const std::optional<int64_t> baseline_snapshot = incident->finding.baseline_snapshot;
    incident->finding = result.finding;
    // Evidence is compared with the last snapshot before it all began.
    if (live || muted || reopen) incident->finding.baseline_snapshot = baseline_snapshot;
    incident->last_seen_at = point.moment;
    incident->snapshot = point.snapshot;
    incident->normal_count = 0;
    incident->changed = incident->seen = true;
    CountSteady(*incident, result.finding);
    if (muted) return;
    if (live) {
        if (result.finding.severity != before)
            AddEvent(*incident, point.moment, result.finding.severity > before ? "worsened" : "eased",
                     std::string("from ") + Name(before) + " to " + Name(result.finding.severity));
        SettleIfLasting(*incident, point, result.finding, thresholds);
        return;
    }
    incident->status = IncidentStatus::kOpen;
    incident->closed_at.reset();
    incident->ignored_until.reset();
    incident->closed_by_itself = incident->new_normal = incident->settled = false;
    AddEvent(*incident, point.moment, reopen ? "reopened" : "opened", result.finding.summary);
}

void IncidentTracker::SettleIfLasting(Incident& incident, const Point& point, const Finding& now,
                                      const Thresholds& thresholds) {
    if (thresholds.settle_after == 0 || incident.steady_count < thresholds.settle_after ||
        point.moment - incident.since < thresholds.settle_time || !MaySettle(now))
        return;
    Settle(incident, point.moment, now,
           Plural(static_cast<size_t>(incident.steady_count), unit_) + " since it last became worse");
}

void IncidentTracker::TakeNormal(Incident& incident, const Point& point, const DetectorResult& result,
                                 const Thresholds& thresholds) {
    const bool normal = IsNormal(result);
    if (!incident.live()) {
        // Only whether it was ever normal again matters after closing.
        if (normal && incident.normal_count == 0) {
            incident.normal_count = 1;
            incident.changed = true;
        }
        return;
    }
    const int count = normal ? incident.normal_count + 1 : 0;
    incident.changed = incident.changed || count != incident.normal_count;
    incident.normal_count = count;
    if (!normal && thresholds.settle_after > 0) {
        ++incident.steady_count;
        incident.changed = true;
        SettleIfLasting(incident, point, result.finding, thresholds);
    }
    if (count < thresholds.resolve_after) return;
    if (thresholds.settle_after > 0 && HasLasted(incident.finding, result.finding)) {
        incident.finding.observed = result.finding.observed;
        Settle(incident, point.moment, incident.finding, "the change has ended");
        return;
    }
    CloseByItself(
        incident, point.moment,
        "normal again for " + std::to_string(count) + " " + unit_ + (count == 1 ? "" : "s in a row"));
}

std::vector<double> NewPValues(const IncidentTracker& tracker, Moment moment,
                               const std::vector<DetectorResult>& results) {
    std::vector<double> values;
    for (const DetectorResult& result : results)
        if (result.finding.p_value && tracker.IsNew(result.finding.fingerprint, moment))
            // A significant but immaterial result is not a discovery; it must not raise the limit for the
            // others.
            values.push_back(result.material ? *result.finding.p_value : 1);
    return values;
}

DetectionRun CheckSnapshot(const History& history, size_t index, const Expectations& expectations,
                           const Thresholds& thresholds, IncidentTracker& tracker,
                           const MuteFilter& mute_filter) {
    DetectionRun run = Detect(history, index, tracker.Excluded(), expectations, thresholds);
    const Point& point = history.points[index];
    const double limit =
        DiscoveryLimit(NewPValues(tracker, point.moment, run.results), thresholds.false_discovery_rate);
    if (mute_filter) mute_filter(point.moment, run.results);
    tracker.Apply(point, run.results, limit, thresholds);
    return run;
}

double DiscoveryLimit(const std::vector<double>& p_values, double rate) {
    const std::vector<double> adjusted = statistics::AdjustBenjaminiHochberg(p_values);
    double limit = -1;
    for (size_t i = 0; i < p_values.size(); ++i)
        if (adjusted[i] <= rate) limit = std::max(limit, p_values[i]);
    return limit;
}

}  // namespace pulse::drift
