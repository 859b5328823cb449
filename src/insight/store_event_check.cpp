#include "pulse/insight/store_event_check.hpp"

#include <algorithm>
#include <set>

#include "pulse/base/time_text.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::insight {

namespace {

namespace detector = drift::detector;
using drift::DetectorResult;
using drift::IncidentTracker;
using pg::Value;

constexpr int64_t kGrace = 10 * kMinute;  // after an hour, for events that are on their way
constexpr int64_t kLongestCatchUp = 72;   // hours; older ones are history only
constexpr int64_t kFirstCheck = 24;       // hours that the first check judges
constexpr int64_t kTallies = 2000;        // added up at once
constexpr size_t kMostSeries = 5000;
constexpr size_t kMostNewEvents = 20;  // that one check reports
constexpr size_t kMostBlamed = 30;     // findings of one check whose events are read
constexpr int64_t kNewFor = 14 * kDay;
constexpr double kHoursADay = 24;

// What is applied together: findings compete for the false discovery rate of their moment and kind of period.
struct BatchKey {
    Moment moment;
    bool hourly;
    auto operator<=>(const BatchKey&) const = default;
};

class EventCheck {
  public:
    explicit EventCheck(Moment now)
        : now_(now), last_(FloorTo(now - kGrace, kHour) / kHour - 1), mutes_(drift::ReadMutes()) {
        thresholds_.volume = pg::settings::event_volume_threshold;
        thresholds_.hour = thresholds_.day = drift::ThresholdsFromSettings();
        drift::SettleAtCadence(thresholds_.hour, kHour);
        drift::SettleAtCadence(thresholds_.day, kDay);
    }

    EventCheckCounts Run() {
        // Of properties only what is added up is read. Not where rows that others changed are an error.
        if (!IsolationUsesXactSnapshot())
            while (profile::FoldTallies(kTallies) > 0) pg::CheckInterrupts();
        ReadState();
        if (first_ > last_) {
            counts_.done_until = first_ * kHour;
            return counts_;
        }
        trackers_ = drift::ReadEventIncidents((last_ - kHistoryHours) * kHour, now_, thresholds_.day);
        JudgeSeries();
        JudgeNewEvents();
        JudgeAllProperties();
        Conclude();
        Write();
        WriteState();
        return counts_;
    }

  private:
    void ReadState();
    void WriteState() const;
    void JudgeSeries();
    void JudgeNewEvents();
    void JudgeAllProperties();
    void Add(const std::string& event, BatchKey key, DetectorResult result) {
        batches_[key][event].push_back(std::move(result));
    }
    void Conclude();
    void Write();
    void Write(const std::string& event, IncidentTracker& tracker);
    std::vector<drift::Span> MutedSpansOf(const std::string& event) const {
        return drift::MutedSpans(mutes_, "event", event, {});
    }
    const IncidentTracker& TrackerOf(const std::string& event) const {
        static const IncidentTracker none({}, "period");
        const auto found = trackers_.find(event);
        return found == trackers_.end() ? none : found->second;
    }

    Moment now_;
    int64_t first_ = 0, last_;  // hours to judge
    std::vector<drift::Mute> mutes_;
    CountThresholds thresholds_;
    std::map<std::string, IncidentTracker> trackers_;
    std::map<std::string, std::vector<std::string>> sources_;  // by event
    std::map<BatchKey, std::map<std::string, std::vector<DetectorResult>>> batches_;
    std::map<std::pair<std::string, drift::Direction>, int64_t> source_groups_;
    std::map<std::pair<std::string, drift::Direction>, std::set<std::string>> source_events_;
    std::map<std::string, drift::Json> users_;  // by event that changed
    size_t blamed_ = 0;
    EventCheckCounts counts_;
};

void EventCheck::ReadState() {
    const pg::Result rows = pg::Execute("SELECT s.checked_until FROM pulse.event_check AS s FOR UPDATE");
    first_ = last_ - kFirstCheck + 1;
    if (!rows.empty())
        first_ = std::max(FloorTo(rows[0].Time(0), kHour) / kHour, last_ - kLongestCatchUp + 1);
}

void EventCheck::WriteState() const {
    pg::Execute(
        "INSERT INTO pulse.event_check AS s (checked_until, checked_at) VALUES ($1, $2)"
        " ON CONFLICT (singleton) DO UPDATE SET checked_until = excluded.checked_until, checked_at = excluded.checked_at",
        {Value::Time((last_ + 1) * kHour), Value::Time(now_)});
}

void EventCheck::JudgeSeries() {
    CountCheck check;
    const pg::TimeZone zone(pg::settings::TimeZone());
    check.offset = [&](Moment moment) { return zone.OffsetAt(moment); };
    check.oldest = last_ - kHistoryHours + 1;
    check.first = first_;
    check.last = last_;
    check.thresholds = thresholds_;
    check.gaps = FindGaps(ReadEventHours(check.oldest, last_));
    std::vector<JudgedResult> results;
    ReadEventSeries(check.oldest, last_, kMostSeries + 1, [&](const EventSeries& one) {
        pg::CheckInterrupts();
        ++counts_.series;
        sources_[one.event].push_back(one.source);
        check.muted = MutedSpansOf(one.event);
        results.clear();
        counts_.young += !JudgeCounts(one, check, TrackerOf(one.event), results);
        for (JudgedResult& result : results)
            Add(result.event, {result.moment, result.period == Period::kHour}, std::move(result.result));
    });
    counts_.more = counts_.series > kMostSeries;
}

// Names that were never there before, once there is a history without them.
void EventCheck::JudgeNewEvents() {
    static pg::Statement statement(
        "WITH came AS MATERIALIZED (SELECT k.event, sum(k.events - k.late)::bigint AS events FROM"
        " pulse.events_by_source_hour AS k WHERE k.hour >= $1 AND k.hour <= $2 GROUP BY k.event),"
        " everything AS MATERIALIZED (SELECT h.hour, h.events FROM pulse.events_by_hour AS h WHERE h.hour >= $3"
        " AND h.hour <= $2), fresh AS MATERIALIZED (SELECT c.event, c.first_seen_at, s.events FROM"
        " pulse.event_catalog AS c JOIN came AS s ON s.event = c.event WHERE c.first_seen_at >= $1 AND"
        " c.first_seen_at < $2 + interval '1 hour' AND c.event <> '(other)' AND s.events > 0 AND (SELECT"
        " min(a.hour) FROM everything AS a) <= c.first_seen_at - interval '14 days' ORDER BY s.events DESC,"
        " c.event LIMIT $4)"
        " SELECT f.event, f.first_seen_at, f.events, t.events, t.before FROM fresh AS f CROSS JOIN LATERAL"
        " (SELECT coalesce(sum(a.events) FILTER (WHERE a.hour >= date_trunc('hour', f.first_seen_at)), 0)::bigint"
        " AS events, coalesce(sum(a.events) FILTER (WHERE a.hour < date_trunc('hour', f.first_seen_at)),"
        " 0)::bigint AS before FROM everything AS a) AS t ORDER BY f.events DESC, f.event",
        {TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID});
    const Moment end = (last_ + 1) * kHour;
    const pg::Result rows =
        statement.Execute({Value::Time(end - kNewFor), Value::Time(last_ * kHour),
                           Value::Time((last_ - kHistoryHours + 1) * kHour), Value::Int8(kMostNewEvents)});
    const bool day_ends = [&] {
        for (int64_t hour = first_; hour <= last_; ++hour)
            if ((hour + 1) % 24 == 0) return true;
        return false;
    }();
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string event = rows[i].Text(0);
        const drift::Incident* incident = TrackerOf(event).Newest({detector::kEventNew, ""});
        // It settles like any new value: the days are counted, and one incident is enough.
        if (incident && (!incident->live() || !day_ends)) continue;
        Add(event, {end, false},
            JudgeNewEvent(event, sources_[event], rows[i].Int8(4), rows[i].Int8(2), rows[i].Int8(3),
                          rows[i].Time(1), thresholds_.day));
    }
}

void EventCheck::JudgeAllProperties() {
    const auto day_of = [](int64_t hour) { return FloorTo(hour, 24) / 24; };
    PropertyCheck check;
    check.first = day_of(first_);        // the day that goes on where the check begins
    check.last = day_of(last_ + 1) - 1;  // the last one that is over
    check.thresholds = thresholds_.day;
    const std::vector<EventProperties> events =
        ReadEventProperties(check.first - 2 * check.thresholds.baseline_window, check.last + 1);
    std::vector<PropertyResult> results;
    for (const EventProperties& event : events) {
        pg::CheckInterrupts();
        counts_.properties += event.properties.size();
        check.muted = MutedSpansOf(event.event);
        results.clear();
        JudgeProperties(event, check, TrackerOf(event.event), results);
        for (PropertyResult& result : results) {
            const Moment end = result.unfinished ? (last_ + 1) * kHour : (result.day + 1) * kDay;
            Add(event.event, {end, false}, std::move(result.result));
        }
    }
}

void EventCheck::Conclude() {
    for (auto& [key, events] : batches_) {
        pg::CheckInterrupts();
        const drift::Thresholds& thresholds = key.hourly ? thresholds_.hour : thresholds_.day;
        std::vector<double> values;
        for (auto& [event, results] : events)
            for (const double p : drift::NewPValues(TrackerOf(event), key.moment, results))
                values.push_back(p);
        // The hours of a day share the rate of one.
        const double rate = thresholds.false_discovery_rate / (key.hourly ? kHoursADay : 1);
        const double limit = drift::DiscoveryLimit(values, rate);
        drift::Point point;
        point.moment = key.moment;
        for (auto& [event, results] : events) {
            drift::ApplyMutes(mutes_, "event", event, {}, key.moment, results);
            trackers_.try_emplace(event, IncidentTracker({}, "period"))
                .first->second.Apply(point, results, limit, thresholds);
        }
    }
}

bool Changed(const IncidentTracker& tracker) {
    const std::vector<drift::Incident>& incidents = tracker.incidents();
    return std::any_of(incidents.begin(), incidents.end(), [](const auto& one) { return one.changed; });
}

void EventCheck::Write() {
    for (auto& [event, tracker] : trackers_)
        for (const drift::Incident& incident : tracker.incidents())
            if (incident.id == 0 && incident.finding.details.contains("source"))
                source_events_[{incident.finding.fingerprint.attribute, incident.finding.direction}].insert(
                    event);
    std::vector<std::string> changed;
    for (const auto& [event, tracker] : trackers_)
        if (Changed(tracker)) changed.push_back(event);
    users_ = UsersOf(changed);
    pg::Arena arena("pulse event check");
    for (auto& [event, tracker] : trackers_) {
        pg::CheckInterrupts();
        Write(event, tracker);
        arena.Reset();
    }
}

// New figures of an incident leave out what was found when it opened.
void KeepBlame(drift::Incident& incident) {
    static pg::Statement statement(
        "SELECT r.details -> 'concentratesIn' FROM pulse.incident_record AS r WHERE r.id = $1", {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(incident.id)});
    if (rows.empty() || rows[0].IsNull(0)) return;
    const drift::Json blame = rows[0].Jsonb(0);
    incident.finding.summary += "; " + blame.value("sentence", "");
    incident.finding.details["concentratesIn"] = blame;
}

// The group of what happened with an event: that of its incidents that are live or were since it began, or of
// the other events of its source that changed alike.
void EventCheck::Write(const std::string& event, IncidentTracker& tracker) {
    static pg::Statement live(
        "SELECT coalesce(group_id, id) FROM pulse.incident_record WHERE event = $1 AND (status IN ('open',"
        " 'acknowledged') OR closed_at >= $2) AND detector <> 'event_new' ORDER BY since, id LIMIT 1",
        {TEXTOID, TIMESTAMPTZOID});
    static pg::Statement attach(
        "UPDATE pulse.incident_record SET group_id = $1 WHERE segment_id IN (SELECT s.id FROM pulse.segment AS s"
        " WHERE s.name = ANY ($2)) AND status IN ('open', 'acknowledged') AND since >= $3",
        {INT8OID, TEXTARRAYOID, TIMESTAMPTZOID});
    std::vector<drift::Incident>& incidents = tracker.incidents();
    if (!Changed(tracker)) return;
    const drift::Json& users = users_[event];
    std::optional<int64_t> cause;
    Moment since = now_;
    for (const drift::Incident& incident : incidents)
        if (incident.id == 0) since = std::min(since, incident.since);
    if (const pg::Result rows = live.Execute({Value::Text(event), Value::Time(since)}); !rows.empty())
        cause = rows[0].Int8(0);
    for (drift::Incident& incident : incidents) {
        if (!incident.seen && incident.id != 0) continue;
        drift::Finding& finding = incident.finding;
        if (!users.empty()) finding.details["usedBy"] = users;
        if (!finding.details.contains("source")) continue;
        const auto key = std::pair(finding.fingerprint.attribute, finding.direction);
        const auto others = source_events_.find(key);
        if (incident.id == 0 && others != source_events_.end() && others->second.size() > 1) {
            finding.details["sameSource"] = static_cast<int64_t>(others->second.size() - 1);
            if (const auto group = source_groups_.find(key); group != source_groups_.end() && !cause)
                cause = group->second;
        }
    }
    for (drift::Incident& incident : incidents)
        if (incident.id != 0) {
            if (incident.seen) KeepBlame(incident);
        } else if (blamed_ < kMostBlamed) {
            ++blamed_;
            AddBlame(event, incident.finding);
            if (!incident.events.empty()) incident.events.front().note = incident.finding.summary;
        }
    std::vector<size_t> opened;
    for (size_t i = 0; i < incidents.size(); ++i)
        if (incidents[i].id == 0) opened.push_back(i);
    drift::WriteIncidents({.event = event}, incidents, now_, cause);
    for (const size_t i : opened) {
        const drift::Incident& incident = incidents[i];
        const int64_t group = cause.value_or(incidents[opened.front()].id);
        if (incident.finding.details.contains("source"))
            source_groups_.try_emplace({incident.finding.fingerprint.attribute, incident.finding.direction},
                                       group);
        if (users.contains("segments"))
            attach.Execute({Value::Int8(group),
                            Value::Texts(users["segments"].get<std::vector<std::string>>()),
                            Value::Time(incident.since)});
    }
}

}  // namespace

EventCheckCounts CheckEvents(Moment now) {
    if (!pg::TryLock("event_check", 0))
        throw UserError(sqlstate::kLockNotAvailable, "another session is checking events", "",
                        "Its incidents are in pulse.incident when it ends.");
    return EventCheck(now).Run();
}

}  // namespace pulse::insight
