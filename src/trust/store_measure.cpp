// What Pulse knows of itself, recorded as signals of the source "pulse".
#include <algorithm>
#include <cmath>

#include "pulse/insight/store_event_quality.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_health.hpp"
#include "pulse/trust/store_signal.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr int64_t kBetweenMeasures = 55 * kMinute;
constexpr size_t kMostEvents = 500;

void AddOwn(std::vector<Signal>& signals, const char* name, const std::string& entity, double value) {
    if (std::isfinite(value)) signals.push_back({name, value, kOwnSource, entity, {}, pg::Json::object()});
}

// The quality of each event of the last 7 days, the most frequent ones.
void MeasureEvents(Moment now, std::vector<Signal>& signals) {
    insight::QualityGrouping by;
    by.event = true;
    std::vector<insight::EventQuality> events =
        insight::ReadEventQuality(now - 7 * kDay, now, by, insight::SettingsAt(now), true);
    std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.events > b.events; });
    if (events.size() > kMostEvents) events.resize(kMostEvents);
    for (const insight::EventQuality& one : events) {
        if (!one.event || one.event->size() > 200) continue;
        AddOwn(signals, "event_emq", "event:" + *one.event, one.parts.score());
        AddOwn(signals, "event_count", "event:" + *one.event, static_cast<double>(one.events));
    }
}

// The share of the people that have an e-mail or a phone, and the events of a day.
void MeasurePeople(Moment now, std::vector<Signal>& signals) {
    const pg::Result rows = pg::Execute(
        "SELECT (SELECT count(*) FROM pulse.profile WHERE canonical_id = id)::float8, (SELECT count(DISTINCT"
        " p.canonical_id) FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id WHERE i.kind IN"
        " ('email', 'phone'))::float8, (SELECT coalesce(sum(h.events), 0) FROM pulse.events_by_hour AS h WHERE"
        " h.hour > $1 - interval '24 hours' AND h.hour <= $1)::float8",
        {Value::Time(now)});
    const double people = rows[0].Float8(0);
    if (people > 0) AddOwn(signals, "known_share", "all", rows[0].Float8(1) / people);
    // Whoever said nothing has not refused: without any record nothing is known.
    const pg::Result consent = pg::Execute(
        "SELECT count(*) FILTER (WHERE status = 'granted' AND (expires_at IS NULL OR expires_at > $1))::float8,"
        " count(*) FROM pulse.consent WHERE purpose = 'ads'",
        {Value::Time(now)});
    if (people > 0 && consent[0].Int8(1) > 0)
        AddOwn(signals, "consent_share", "all", std::min(consent[0].Float8(0) / people, 1.0));
    AddOwn(signals, "events_in_a_day", "all", rows[0].Float8(2));
}

void MeasureQueues(std::vector<Signal>& signals) {
    const pg::Result rows = pg::Execute(
        "SELECT (SELECT count(*) FROM (SELECT FROM pulse.dirty LIMIT 10000) AS d)::float8, (SELECT count(*) FROM"
        " (SELECT FROM pulse.outbox WHERE status IN ('pending', 'sending') LIMIT 10000) AS o)::float8");
    AddOwn(signals, "queued_people", "all", rows[0].Float8(0));
    AddOwn(signals, "queued_messages", "all", rows[0].Float8(1));
}

void MeasureSources(std::vector<Signal>& signals) {
    const pg::Result rows = pg::Execute(
        "SELECT s.name, s.replay_lag_ms FROM pulse.source AS s WHERE s.replay_lag_ms IS NOT NULL ORDER BY s.name"
        " LIMIT 100");
    for (uint64_t i = 0; i < rows.size(); ++i)
        AddOwn(signals, "replay_lag_ms", "source:" + rows[i].Text(0), rows[i].Float8(1));
}

}  // namespace

void MeasureOwnSignals(Moment now) {
    const bool people = pg::Execute("SELECT EXISTS (SELECT FROM pulse.profile)")[0].Bool(0);
    const pg::Result newest = pg::Execute(
        "SELECT last_at FROM pulse.signal_series WHERE name = $1 AND source = 'pulse' AND entity = 'all'",
        {Value::Text(people ? "known_share" : "queued_people")});
    if (!newest.empty() && newest[0].Time(0) > now - kBetweenMeasures && newest[0].Time(0) <= now) return;
    std::vector<Signal> signals;
    if (people) {
        MeasureEvents(now, signals);
        MeasurePeople(now, signals);
    }
    MeasureQueues(signals);
    MeasureSources(signals);
    for (Signal& signal : signals) CheckSignal(signal, now, true);
    WriteSignals(signals, kOwnSource);
}

}  // namespace pulse::trust
