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

// The shares of the people that have an e-mail or a phone, and that consented, and the events of a day. Of
// many people a sample is looked at, by index: the cost does not grow with them, and 20,000 tell a share to
// one percent.
void MeasurePeople(Moment now, std::vector<Signal>& signals) {
    const pg::Result rows = pg::Execute(
        "WITH ids AS MATERIALIZED (SELECT min(id) AS first, max(id) AS last, max(id) - min(id) < 20000 AS few"
        " FROM pulse.profile), people AS (SELECT p.id FROM ids AS b JOIN pulse.profile AS p ON p.id BETWEEN b.first"
        " AND b.last WHERE b.few AND p.canonical_id = p.id UNION ALL SELECT p.id FROM pulse.profile AS p"
        " WHERE p.id = ANY (ARRAY(SELECT DISTINCT b.first + floor(random() * (b.last - b.first + 1))::bigint"
        " FROM ids AS b, generate_series(1, 20000) WHERE NOT b.few)) AND p.canonical_id = p.id)"
        " SELECT count(*), count(k.yes)::float8, count(c.yes)::float8 FROM people AS p LEFT JOIN LATERAL (SELECT 1"
        " AS yes FROM pulse.profile AS m JOIN pulse.identity AS i ON i.profile_id = m.id AND i.kind IN ('email',"
        " 'phone') WHERE m.canonical_id = p.id LIMIT 1) AS k ON true LEFT JOIN LATERAL (SELECT 1 AS yes"
        " FROM pulse.consent AS c WHERE c.profile_id = p.id AND c.purpose = 'ads' AND c.status = 'granted'"
        " AND (c.expires_at IS NULL OR c.expires_at > $1) LIMIT 1) AS c ON true",
        {Value::Time(now)});
    const auto people = static_cast<double>(rows[0].Int8(0));
    if (people > 0) AddOwn(signals, "known_share", "all", rows[0].Float8(1) / people);
    // No record means neither consent nor refusal: nothing is known.
    const bool asked =
        pg::Execute("SELECT EXISTS (SELECT FROM pulse.consent WHERE purpose = 'ads')")[0].Bool(0);
    if (people > 0 && asked) AddOwn(signals, "consent_share", "all", rows[0].Float8(2) / people);
    const pg::Result events = pg::Execute(
        "SELECT coalesce(sum(h.events), 0)::float8 FROM pulse.events_by_hour AS h"
        " WHERE h.hour > $1 - interval '24 hours' AND h.hour <= $1",
        {Value::Time(now)});
    AddOwn(signals, "events_in_a_day", "all", events[0].Float8(0));
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
