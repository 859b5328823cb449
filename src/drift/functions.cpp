// pulse_check_drift() and pulse_backtest().
#include <algorithm>

#include "pulse/base/number.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/drift/store.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/segment/member_words.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::drift {

namespace {

using pg::Value;

constexpr int kPortion = 200;   // segments read at a time
constexpr size_t kBatch = 128;  // snapshots whose distributions are read at a time

// The results of a segment's newest snapshot, kept until all segments are checked.
struct NewestResults {
    int64_t segment = 0;
    std::string name;
    std::vector<std::string> sources;
    Point point;
    std::vector<DetectorResult> detector_results;  // those that can change an incident
    IncidentTracker tracker;
    Thresholds thresholds;
};

struct CheckCounts {
    size_t checked = 0, too_young = 0, empty = 0, locked = 0;
};

// One snapshot to check: the segment within the batch, and the point.
struct SnapshotToCheck {
    size_t segment, index;
    bool newest;
};

class DriftCheck {
  public:
    explicit DriftCheck(const std::optional<std::string>& name)
        : name_(name), now_(pg::PastNow()), settings_(ThresholdsFromSettings()), mutes_(ReadMutes()) {}

    CheckCounts Run() {
        const int64_t all = CountSegments(name_);
        for (int64_t after = 0;;) {
            const std::vector<CheckedSegment> segments = LockSegments(after, name_, now_, kPortion);
            if (segments.empty()) break;
            after = segments.back().id;
            ReadPortion(segments);
            arena_.Reset();
        }
        Conclude();
        tally_.locked = static_cast<size_t>(std::max<int64_t>(0, all - static_cast<int64_t>(tally_.checked)));
        return tally_;
    }

  private:
    void ReadPortion(const std::vector<CheckedSegment>& segments);
    void RunBatch(const std::vector<SnapshotToCheck>& jobs);
    void Keep(size_t segment, size_t index, DetectionRun run);
    void Conclude();
    void Write(NewestResults& pending);
    void Warn(const std::string& segment, const DetectionRun& run);

    std::optional<std::string> name_;
    Moment now_;
    Thresholds settings_;
    std::vector<Mute> mutes_;
    CheckCounts tally_;
    std::vector<NewestResults> pending_;
    std::vector<double> p_values_;
    pg::Arena arena_{"pulse drift check"};
    DistributionCache cache_;
    // The segments of the current portion.
    std::vector<CheckedSegment> segments_;
    std::vector<History> histories_;
    std::vector<IncidentTracker> trackers_;
    std::vector<Expectations> expectations_;
    std::vector<Thresholds> thresholds_;
};

void DriftCheck::ReadPortion(const std::vector<CheckedSegment>& segments) {
    segments_.clear();
    std::vector<int64_t> ids, moments;
    for (const CheckedSegment& segment : segments) {
        ++tally_.checked;
        if (!segment.newest) ++tally_.empty;
        if (!segment.newest || (segment.checked_at && *segment.newest <= *segment.checked_at)) continue;
        segments_.push_back(segment);
        ids.push_back(segment.id);
        moments.push_back(*segment.newest);
    }
    if (segments_.empty()) return;
    histories_ = ReadHistories(segments_, now_, settings_, HistoryRange::kUnchecked);
    ShareNoise(histories_);
    Moment oldest = now_;
    for (const History& history : histories_)
        if (!history.points.empty()) oldest = std::min(oldest, history.points.front().moment);
    trackers_ = ReadIncidentTrackers(segments_, oldest, now_, settings_);
    expectations_.clear();
    thresholds_.assign(segments_.size(), settings_);
    std::vector<SnapshotToCheck> jobs;
    for (size_t s = 0; s < segments_.size(); ++s) {
        SettleAtCadence(thresholds_[s], segments_[s].cadence);
        expectations_.push_back(ParseExpectations(segments_[s].baseline, thresholds_[s]));
        if (!expectations_[s].monitoring) continue;
        histories_[s].muted = MutedSpans(mutes_, "segment", segments_[s].name, segments_[s].sources);
        histories_[s].distributions = [this](int64_t snapshot) { return cache_.Get(snapshot); };
        const std::vector<Point>& points = histories_[s].points;
        for (size_t i = 0; i < points.size(); ++i)
            if (!segments_[s].checked_at || points[i].moment > *segments_[s].checked_at)
                jobs.push_back({s, i, i + 1 == points.size()});
    }
    for (size_t first = 0; first < jobs.size(); first += kBatch)
        RunBatch({jobs.begin() + static_cast<std::ptrdiff_t>(first),
                  jobs.begin() + static_cast<std::ptrdiff_t>(std::min(first + kBatch, jobs.size()))});
    MarkChecked(ids, moments);
}

void DriftCheck::RunBatch(const std::vector<SnapshotToCheck>& jobs) {
    std::vector<int64_t> needed;
    std::optional<size_t> whole;  // the segment whose history is here from its beginning on
    for (const SnapshotToCheck& job : jobs) {
        const History& history = histories_[job.segment];
        if (job.index == 0 && !history.pinned) whole = job.segment;
        if (whole == job.segment) {
            needed.push_back(history.points[job.index].snapshot);
            continue;
        }
        for (const int64_t id :
             NeededSnapshots(history, job.index, trackers_[job.segment].Excluded(), thresholds_[job.segment]))
            needed.push_back(id);
    }
    cache_.Fetch(std::move(needed));
    for (const auto& [s, index, newest] : jobs) {
        pg::CheckInterrupts();
        if (!newest) {
            // Missed history is checked segment by segment; only the newest snapshots are tested together.
            const auto mute_filter = [&, s = s](Moment moment,
                                                std::vector<DetectorResult>& detector_results) {
                ApplyMutes(mutes_, "segment", segments_[s].name, segments_[s].sources, moment,
                           detector_results);
            };
            Warn(segments_[s].name, CheckSnapshot(histories_[s], index, expectations_[s], thresholds_[s],
                                                  trackers_[s], mute_filter));
            continue;
        }
        DetectionRun run =
            Detect(histories_[s], index, trackers_[s].Excluded(), expectations_[s], thresholds_[s]);
        Warn(segments_[s].name, run);
        tally_.too_young += run.too_young;
        Keep(s, index, std::move(run));
    }
    cache_.Clear();
    arena_.Reset();
}

void DriftCheck::Keep(size_t segment, size_t index, DetectionRun run) {
    IncidentTracker& tracker = trackers_[segment];
    const Point& point = histories_[segment].points[index];
    for (const double p : NewPValues(tracker, point.moment, run.results)) p_values_.push_back(p);
    std::erase_if(run.results, [&](const DetectorResult& result) {
        return !result.material && !tracker.Newest(result.finding.fingerprint);
    });
    const bool changed = std::any_of(tracker.incidents().begin(), tracker.incidents().end(),
                                     [](const Incident& incident) { return incident.changed; });
    if (run.results.empty() && !changed) return;
    pending_.push_back({segments_[segment].id, segments_[segment].name, segments_[segment].sources, point,
                        std::move(run.results), std::move(tracker), thresholds_[segment]});
}

void DriftCheck::Conclude() {
    const double limit = DiscoveryLimit(p_values_, settings_.false_discovery_rate);
    for (NewestResults& pending : pending_) {
        pg::CheckInterrupts();
        ApplyMutes(mutes_, "segment", pending.name, pending.sources, pending.point.moment,
                   pending.detector_results);
        pending.tracker.Apply(pending.point, pending.detector_results, limit, pending.thresholds);
        Write(pending);
        arena_.Reset();
    }
}

// An incident whose cause is a late or empty table, or events that changed, joins the group of that incident.
void DriftCheck::Write(NewestResults& pending) {
    std::vector<Incident>& incidents = pending.tracker.incidents();
    const bool opens =
        std::any_of(incidents.begin(), incidents.end(), [](const Incident& i) { return i.id == 0; });
    std::optional<int64_t> cause;
    if (opens) cause = FindTableCauseGroup(pending.segment, pending.point.moment);
    if (opens && !cause) cause = FindEventCauseGroup(pending.segment, pending.point.moment);
    WriteIncidents({.segment = pending.segment}, incidents, now_, cause);
}

void DriftCheck::Warn(const std::string& segment, const DetectionRun& run) {
    for (const auto& [detector, reason] : run.failed)
        pg::Warning("detector " + detector + " failed on segment \"" + segment + "\"", reason,
                    "The other detectors and segments were checked.");
}

void Report(const CheckCounts& tally, size_t findings) {
    std::string text = "checked " + Plural(tally.checked, "segment") + ": " + Plural(findings, "finding");
    if (tally.too_young > 0)
        text += ", " + std::to_string(tally.too_young) + " too young for a baseline (needs 2 snapshots)";
    if (tally.empty > 0) text += ", " + std::to_string(tally.empty) + " without a snapshot";
    if (tally.locked > 0)
        text += ", " + std::to_string(tally.locked) + " skipped (another session is checking them)";
    pg::Notice(text);
}

// The findings of each segment's newest snapshot: live incidents that it shows.
size_t AddFindings(pg::ResultSet& results, const std::optional<std::string>& name, Moment now) {
    static pg::Statement statement(
        "SELECT i.id, i.segment, i.detector, i.attribute, i.severity, i.baseline, i.observed, i.change, "
        "i.p_value"
        " FROM pulse.segment s JOIN pulse.incident_record r ON r.segment_id = s.id JOIN pulse.incident i ON "
        "i.id = r.id"
        " WHERE s.status = 'active' AND ($1 IS NULL OR s.name = $1) AND r.status IN ('open', 'acknowledged')"
        " AND r.last_seen_at = s.checked_at AND s.checked_at <= $2"
        " ORDER BY i.segment, array_position(ARRAY['critical', 'high', 'medium', 'low'], i.severity), "
        "i.detector, i.attribute",
        {TEXTOID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Text(name), Value::Time(now)});
    pg::AddRows(results, rows);
    return rows.size();
}

void RefuseInactive(const std::string& name) {
    const segment::Segment segment = segment::Load(name);  // throws with similar names in the hint
    segment::RequireMeasured(segment);
    if (segment.status != segment::Status::kActive)
        throw UserError(sqlstate::kNotReady, "segment \"" + name + "\" is " + segment::Name(segment.status),
                        "Only active segments can be checked.", "Resume it with pulse_resume_segment().");
}

// ---- back-test ----

struct Replay {
    IncidentTracker tracker;
    size_t snapshots = 0;
    Moment first = 0, last = 0;
    int64_t cadence = kDay;
};

Replay ReplayHistory(const segment::Segment& segment, const std::optional<Json>& overrides) {
    Thresholds thresholds = ThresholdsFromSettings();
    Expectations expectations = ParseExpectations(segment.baseline, thresholds);
    if (overrides) OverrideThresholds(*overrides, thresholds);
    CheckedSegment whole;
    whole.id = segment.id;
    whole.cadence = std::max<int64_t>(segment.cadence, kSecond);
    whole.members = segment::WordsOf(segment.definition).members;
    SettleAtCadence(thresholds, whole.cadence);
    History history = std::move(ReadHistories({whole}, pg::Now(), thresholds, HistoryRange::kWhole).front());
    Replay replay;
    replay.cadence = whole.cadence;
    if (history.points.empty()) return replay;
    const std::vector<std::string> sources = segment::SourcesOf(segment.definition);
    const std::vector<Mute> mutes = ReadMutes();
    history.muted = MutedSpans(mutes, "segment", segment.name, sources);
    const auto mute_filter = [&](Moment moment, std::vector<DetectorResult>& results) {
        ApplyMutes(mutes, "segment", segment.name, sources, moment, results);
    };
    DistributionCache cache;
    pg::Arena arena("pulse back-test");
    history.distributions = [&](int64_t snapshot) { return cache.Get(snapshot); };
    replay.snapshots = history.points.size();
    replay.first = history.points.front().moment;
    replay.last = history.points.back().moment;
    expectations.monitoring = true;
    for (size_t i = 0; i < history.points.size(); ++i) {
        pg::CheckInterrupts();
        if (i % kBatch == 0) {
            cache.Clear();
            arena.Reset();
        }
        CheckSnapshot(history, i, expectations, thresholds, replay.tracker, mute_filter);
    }
    return replay;
}

void AddReplayed(pg::ResultSet& results, const Incident& incident) {
    const auto& opened = incident.events.front();
    Severity worst = opened.severity;
    for (const IncidentEvent& event : incident.events) worst = std::max(worst, event.severity);
    results.Add({Value::Text(incident.finding.fingerprint.detector),
                 Value::Text(incident.finding.fingerprint.attribute), Value::Text(Name(worst)),
                 Value::Time(incident.opened_at), Value::Time(incident.closed_at),
                 Value::Float8(std::round(opened.change * 1000) / 1000), Value::Text(opened.note)});
}

void Report(const Replay& replay, const std::string& name) {
    if (replay.snapshots == 0)
        pg::Notice("segment \"" + name + "\" has no snapshots yet");
    else
        pg::Notice("replayed " + Plural(replay.snapshots, "snapshot") + " from " +
                   FormatSnapshotTime(replay.first, replay.cadence) + " to " +
                   FormatSnapshotTime(replay.last, replay.cadence) + ": " +
                   Plural(replay.tracker.incidents().size(), "incident"));
}

}  // namespace

}  // namespace pulse::drift

namespace pg = pulse::pg;
namespace drift = pulse::drift;

PULSE_WRITING_FUNCTION(pulse_check_drift) {
    const std::optional<std::string> name = pg::Args(fcinfo).Text(0);
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    if (name) drift::RefuseInactive(*name);
    const drift::CheckCounts tally = drift::DriftCheck(name).Run();
    drift::Report(tally, drift::AddFindings(results, name, pg::Now()));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_backtest) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "segment");
    const std::optional<pg::Json> overrides = args.Jsonb(1);
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    const drift::Replay replay = drift::ReplayHistory(pulse::segment::Load(name), overrides);
    for (const drift::Incident& incident : replay.tracker.incidents()) drift::AddReplayed(results, incident);
    drift::Report(replay, name);
    return pg::ResultSet::Done();
}
