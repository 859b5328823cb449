// The figures of tables, events, audiences, trust, messages and the mission.
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/report/store_report.hpp"

namespace pulse::report {

namespace {

using pg::Value;

// Scoring reads the events themselves.
constexpr int64_t kMostScored = 1'000'000;
// Campaigns of the next days stand in the report, too.
constexpr int64_t kAhead = 14 * kDay;

void ReadQuality(Figures& figures) {
    const std::string call = figures.verbs + "pulse_event_quality(timestamptz, timestamptz, text)";
    const std::string schema = figures.verbs.empty() ? "public." : "";
    const pg::Result may =
        pg::Execute("SELECT has_function_privilege($1::text, 'EXECUTE')", {Value::Text(schema + call)}, true);
    if (!may[0].Bool(0)) return;
    if (figures.events_total > kMostScored) {
        figures.quality_note =
            "There are too many events to score them here; the statement at the end of this report does it.";
        return;
    }
    const pg::Result rows =
        pg::Execute("SELECT q.event, q.score, q.band FROM " + schema + figures.verbs +
                        "pulse_event_quality($1, $2, 'event') AS q",
                    {Value::Time(figures.period.from), Value::Time(figures.period.until)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i)
        for (EventFigures& event : figures.events.rows)
            if (event.event == rows[i].Text(0)) {
                event.quality = rows[i].Float8OrNull(1);
                event.band = rows[i].TextOrNull(2).value_or("");
            }
}

void ReadHealth(Figures& figures) {
    if (figures.health_hidden = WhyHidden("pulse.signal_health_day"); !figures.health_hidden.empty()) return;
    const pg::Result now = pg::Execute(
        "SELECT h.status, h.score, h.issues FROM pulse.signal_health_state AS h WHERE h.scope = 'all'", {},
        true);
    if (!now.empty()) {
        figures.health_status = now[0].Text(0);
        figures.health_score = now[0].Float8OrNull(1);
        figures.health_issues = now[0].Texts(2);
        if (figures.health_issues.size() > 5) figures.health_issues.resize(5);
    }
    const pg::Result days = pg::Execute(
        "SELECT to_char(d.day, 'YYYY-MM-DD'), d.score, d.lowest, d.status FROM pulse.signal_health_day AS d WHERE d.scope = 'all'"
        " AND d.day >= ($1 AT TIME ZONE 'UTC')::date AND d.day <= ($2 AT TIME ZONE 'UTC')::date ORDER BY d.day",
        {Value::Time(figures.period.from), Value::Time(figures.period.until)}, true);
    for (uint64_t i = 0; i < days.size(); ++i)
        figures.health_days.push_back(
            {days[i].Text(0), days[i].Float8(1), days[i].Float8(2), days[i].Text(3)});
}

void ReadCampaigns(Figures& figures, const ChosenNames& chosen) {
    ReadList(
        figures.campaigns, "pulse.campaign_overview",
        "SELECT c.name, coalesce(c.segment, ''), c.status, c.at, c.planned::bigint, c.reach::bigint,"
        " c.reached::bigint, c.saved, count(*) OVER () FROM pulse.campaign_overview AS c WHERE c.at > $1 AND c.at <= $2"
        " AND ($3::text[] IS NULL OR c.segment = ANY ($3)) ORDER BY c.at, c.name LIMIT $4",
        {Value::Time(figures.period.from), Value::Time(figures.period.until + kAhead), NamesOrNull(chosen),
         Value::Int8(figures.options.limit)},
        [](const pg::Row& row) {
            return CampaignFigures{
                row.Text(0), row.Text(1),       row.Text(2),       row.Time(3),
                row.Int8(4), row.Int8OrNull(5), row.Int8OrNull(6), !row.IsNull(7) && row.Bool(7)};
        });
}

}  // namespace

void ReadTables(Figures& figures) {
    ReadList(
        figures.tables, "pulse.table_overview",
        "SELECT t.\"table\", coalesce(t.source, ''), t.state, coalesce(t.what, ''), t.incidents, t.checks, t.last_check,"
        " count(*) FILTER (WHERE t.state = 'red') OVER (), count(*) FILTER (WHERE t.state = 'yellow') OVER (),"
        " count(*) FILTER (WHERE t.state = 'unknown') OVER (), count(*) FILTER (WHERE t.state = 'green') OVER (),"
        " count(*) OVER () FROM pulse.table_overview AS t"
        " ORDER BY array_position(ARRAY['red', 'yellow', 'unknown', 'green'], t.state), t.\"table\", t.source LIMIT $1",
        {Value::Int8(figures.options.limit)}, [&](const pg::Row& row) {
            for (int k = 0; k < 4; ++k) figures.tables_by_state[static_cast<size_t>(k)] = row.Int8(7 + k);
            return TableFigures{row.Text(0), row.Text(1), row.Text(2),      row.Text(3),
                                row.Int8(4), row.Int8(5), row.TimeOrNull(6)};
        });
}

void ReadEvents(Figures& figures) {
    const bool seen = ReadList(
        figures.events, "pulse.events_by_source_hour",
        "SELECT h.event, coalesce(h.events, 0)::bigint, coalesce(h.before, 0)::bigint,"
        " (sum(h.events) OVER ())::bigint, (sum(h.before) OVER ())::bigint, count(*) OVER () FROM (SELECT e.event,"
        " coalesce(sum(e.events) FILTER (WHERE e.hour >= $2), 0) AS events,"
        " coalesce(sum(e.events) FILTER (WHERE e.hour < $2), 0) AS before FROM pulse.events_by_source_hour AS e"
        " WHERE e.hour >= $1 AND e.hour < $3 GROUP BY e.event) AS h ORDER BY h.events DESC, h.before DESC, h.event"
        " LIMIT $4",
        {Value::Time(figures.period.before()), Value::Time(figures.period.from),
         Value::Time(figures.period.until), Value::Int8(figures.options.limit)},
        [&](const pg::Row& row) {
            figures.events_total = row.Int8(3);
            figures.events_before = row.Int8(4);
            return EventFigures{row.Text(0), row.Int8(1), row.Int8(2), std::nullopt, ""};
        });
    if (!seen) return;
    const pg::Result days = pg::Execute(
        "SELECT to_char(e.hour AT TIME ZONE $3, 'YYYY-MM-DD'), sum(e.events)::bigint FROM pulse.events_by_source_hour AS e"
        " WHERE e.hour >= $1 AND e.hour < $2 GROUP BY 1 ORDER BY 1",
        {Value::Time(figures.period.from), Value::Time(figures.period.until), Value::Text(figures.zone)},
        true);
    for (uint64_t i = 0; i < days.size(); ++i)
        figures.event_days.push_back({days[i].Text(0), days[i].Int8(1)});
    if (figures.events.total > 0) ReadQuality(figures);
}

void ReadAudiences(Figures& figures, const ChosenNames& chosen) {
    ReadList(
        figures.audiences, "pulse.audience_overview",
        "SELECT a.name, a.segment, a.destination, a.status, coalesce(a.last_status, ''), a.sent::bigint,"
        " a.members::bigint, a.matchable::bigint, a.match_low::float8, a.match_high::float8, a.last_sync_at,"
        " count(*) OVER () FROM pulse.audience_overview AS a WHERE $1::text[] IS NULL OR a.segment = ANY ($1)"
        " ORDER BY a.last_status IS DISTINCT FROM 'failed', a.status = 'active', a.name LIMIT $2",
        {NamesOrNull(chosen), Value::Int8(figures.options.limit)}, [](const pg::Row& row) {
            return AudienceFigures{row.Text(0),         row.Text(1),       row.Text(2),
                                   row.Text(3),         row.Text(4),       row.Int8OrNull(5),
                                   row.Int8OrNull(6),   row.Int8OrNull(7), row.Float8OrNull(8),
                                   row.Float8OrNull(9), row.TimeOrNull(10)};
        });
}

void ReadTrust(Figures& figures) {
    ReadHealth(figures);
    ReadList(
        figures.actions, "pulse.action",
        "SELECT a.id, a.name, a.subject, a.state, coalesce(a.needs, ''), a.risk, a.created_at, count(*) OVER ()"
        " FROM pulse.action AS a WHERE a.state IN ('pending', 'approved', 'applying') ORDER BY a.created_at, a.id"
        " LIMIT $1",
        {Value::Int8(figures.options.limit)}, [](const pg::Row& row) {
            return ActionFigures{row.Int8(0), row.Text(1), row.Text(2), row.Text(3),
                                 row.Text(4), row.Text(5), row.Time(6)};
        });
}

void ReadMessages(Figures& figures) {
    ReadList(figures.messages, "pulse.message",
             "SELECT m.channel, (array_agg(m.error ORDER BY m.id DESC) FILTER (WHERE m.status = 'dead'))[1],"
             " count(*) FILTER (WHERE m.status = 'sent'), count(*) FILTER (WHERE m.status = 'dead'),"
             " count(*) FILTER (WHERE m.status NOT IN ('sent', 'dead', 'cancelled')),"
             " count(*) FILTER (WHERE m.status = 'cancelled'), count(*) OVER () FROM pulse.message AS m"
             " WHERE m.created_at > $1 AND m.created_at <= $2 GROUP BY m.channel"
             " ORDER BY count(*) FILTER (WHERE m.status = 'dead') DESC, count(*) DESC, m.channel LIMIT $3",
             {Value::Time(figures.period.from), Value::Time(figures.period.until),
              Value::Int8(figures.options.limit)},
             [](const pg::Row& row) {
                 return MessageFigures{row.Text(0), row.TextOrNull(1).value_or(""),
                                       row.Int8(2), row.Int8(3),
                                       row.Int8(4), row.Int8(5)};
             });
}

void ReadMission(Figures& figures, const ChosenNames& chosen) {
    MissionFigures& mission = figures.mission;
    if (mission.hidden = WhyHidden("pulse.mission"); mission.hidden.empty()) {
        const pg::Result rows = pg::Execute(
            "SELECT m.segments, m.monitored, m.campaigns_finished, m.campaigns_fell_short, m.campaigns_warned,"
            " m.campaigns_saved, m.monitored_share::float8, (extract(epoch FROM m.median_lead_time) * 1e6)::bigint"
            " FROM pulse.mission AS m",
            {}, true);
        mission.segments = rows[0].Int8(0);
        mission.monitored = rows[0].Int8(1);
        mission.finished = rows[0].Int8(2);
        mission.fell_short = rows[0].Int8(3);
        mission.warned = rows[0].Int8(4);
        mission.saved = rows[0].Int8(5);
        mission.share = rows[0].Float8OrNull(6);
        mission.lead_time = rows[0].Int8OrNull(7);
    }
    ReadCampaigns(figures, chosen);
}

}  // namespace pulse::report
