// The incident state machine: applies the findings of one snapshot after the other. Pure C++: the check and
// the back-test use the same code.
//
//            finding              resolve_after normal snapshots, values that have settled, or a person
//   (none) ─────────► open ⇄ acknowledged ─────────────────────────────────────► resolved
//                      ▲ ▲──────────────── finding within reopen_within ────────────┘
//                      └── finding after ignored_until ── ignored ◄── a person, from open or acknowledged
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/drift/detectors.hpp"

namespace pulse::drift {

enum class IncidentStatus { kOpen, kAcknowledged, kResolved, kIgnored };

// "open", "acknowledged", "resolved", "ignored".
const char* Name(IncidentStatus status);
// Also takes "investigating" for acknowledged; empty for anything else.
std::optional<IncidentStatus> ParseIncidentStatus(const std::string& name);

// An automatic entry of an incident's timeline.
struct IncidentEvent {
    Moment at = 0;
    std::string kind;  // opened, worsened, eased, resolved, reopened
    Severity severity = Severity::kLow;
    std::optional<double> observed;
    double change = 0;
    std::string note;
};

struct Incident {
    int64_t id = 0;  // 0: not stored yet
    IncidentStatus status = IncidentStatus::kOpen;
    Finding finding;  // with its newest figures
    Moment since = 0, opened_at = 0, last_seen_at = 0;
    std::optional<Moment> closed_at, ignored_until;
    bool closed_by_itself = false;
    bool new_normal = false;            // a person declared it: its points belong to the baseline
    bool settled = false;               // it closed because its values lasted: they are normal since it began
    int normal_count = 0;               // normal snapshots in a row, also after closing
    int steady_count = 0;               // snapshots with the drift since it became worse
    double worst_change = 0;            // the change from which it counts: a much larger one starts anew
    int64_t snapshot = 0;               // the newest one that shows the drift
    bool changed = false;               // has unsaved changes
    bool seen = false;                  // its figures were updated
    std::vector<IncidentEvent> events;  // new ones

    bool live() const { return status == IncidentStatus::kOpen || status == IncidentStatus::kAcknowledged; }
    bool MutedAt(Moment moment) const {
        return status == IncidentStatus::kIgnored && (!ignored_until || *ignored_until > moment);
    }
};

// The incidents of one segment or table. Findings apply to the newest incident of their fingerprint; the
// spans of older incidents still exclude points from baselines.
class IncidentTracker {
  public:
    // `unit` names what is checked, for the timeline: snapshots of segments, checks of tables.
    explicit IncidentTracker(std::vector<Incident> incidents = {}, const char* unit = "snapshot")
        : incidents_(std::move(incidents)), unit_(unit) {}

    // The time spans excluded from baselines.
    Exclusions Excluded() const;

    // The newest incident of the fingerprint, or null.
    const Incident* Newest(const Fingerprint& fingerprint) const;

    // Whether a finding at that moment would open a new incident: only those are under false-discovery
    // control.
    bool IsNew(const Fingerprint& fingerprint, Moment moment) const;

    // Applies the results of one snapshot; a new finding needs p at most `limit` (or no p at all).
    void Apply(const Point& point, const std::vector<DetectorResult>& results, double limit,
               const Thresholds& thresholds);

    const std::vector<Incident>& incidents() const { return incidents_; }
    std::vector<Incident>& incidents() { return incidents_; }

  private:
    Incident* Find(const Fingerprint& fingerprint);
    void TakeFinding(Incident* incident, const Point& point, const DetectorResult& result,
                     const Thresholds& thresholds);
    void TakeNormal(Incident& incident, const Point& point, const DetectorResult& result,
                    const Thresholds& thresholds);
    void SettleIfLasting(Incident& incident, const Point& point, const Finding& now,
                         const Thresholds& thresholds);

    std::vector<Incident> incidents_;  // oldest first
    const char* unit_;
};

// The p-values of the results that would open a new incident: one family of tests.
std::vector<double> NewPValues(const IncidentTracker& tracker, Moment moment,
                               const std::vector<DetectorResult>& results);

// Removes the results that are muted at that moment.
using MuteFilter = std::function<void(Moment, std::vector<DetectorResult>&)>;

// Runs all detectors on one snapshot and applies the results; false discoveries are controlled over this
// snapshot's tests alone.
DetectionRun CheckSnapshot(const History& history, size_t index, const Expectations& expectations,
                           const Thresholds& thresholds, IncidentTracker& tracker,
                           const MuteFilter& mute_filter = nullptr);

// The largest p-value that Benjamini–Hochberg accepts at that rate; negative when it accepts none.
double DiscoveryLimit(const std::vector<double>& p_values, double rate);

}  // namespace pulse::drift
