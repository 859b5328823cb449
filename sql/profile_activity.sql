-- ---------------------------------------------------------------------------------------------------------
-- Room profile: what is kept of events so that searches and statistics need not read them.

-- Level: people_reader
CREATE TABLE pulse.activity (
    profile_id bigint PRIMARY KEY,
    events bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);
CREATE INDEX activity_first ON pulse.activity (first_at, profile_id);
CREATE INDEX activity_last ON pulse.activity (last_at, profile_id);
COMMENT ON TABLE pulse.activity IS 'The events of each profile as figures, without what is still in pulse.activity_tally and pulse.ingest_tally. The job activity keeps it, about a minute behind.';
COMMENT ON COLUMN pulse.activity.profile_id IS 'The profile that the events were received for. Merges do not change it: the person is the canonical_id of this profile.';
COMMENT ON COLUMN pulse.activity.events IS 'Number of accepted events, with those that retention has dropped.';
COMMENT ON COLUMN pulse.activity.first_at IS 'Time of the oldest event that was ever received.';
COMMENT ON COLUMN pulse.activity.last_at IS 'Time of the newest event.';

-- No index and no sequence: writing a row must cost an event next to nothing.
-- Level: people_reader
CREATE TABLE pulse.activity_tally (
    at timestamptz NOT NULL,
    profiles bigint[] NOT NULL,
    events int[] NOT NULL,
    first_at timestamptz[] NOT NULL,
    last_at timestamptz[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
ALTER TABLE pulse.activity_tally REPLICA IDENTITY FULL;
-- Compressing them would cost more than they are worth: they live for a minute.
ALTER TABLE pulse.activity_tally ALTER COLUMN profiles SET STORAGE EXTERNAL, ALTER COLUMN events SET STORAGE EXTERNAL,
    ALTER COLUMN first_at SET STORAGE EXTERNAL, ALTER COLUMN last_at SET STORAGE EXTERNAL;
COMMENT ON TABLE pulse.activity_tally IS 'What batches add to pulse.activity: a large one writes a row, small ones are in pulse.ingest_tally until those are added up. Append-only; the job activity adds the rows and deletes them.';
COMMENT ON COLUMN pulse.activity_tally.profiles IS 'The profiles with new events; the other columns have one element for each.';

-- Level: reader
CREATE TABLE pulse.event_day (
    day date NOT NULL,
    event text COLLATE "C" NOT NULL,
    events bigint NOT NULL,
    looked_at bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, event)
);
COMMENT ON TABLE pulse.event_day IS 'Number of events by day (UTC) and name, without the rows still in pulse.ingest_tally; pulse.events_by_day includes them. Kept for pulse.event_retention.';
COMMENT ON COLUMN pulse.event_day.day IS 'The day by the time that the events carry.';
COMMENT ON COLUMN pulse.event_day.event IS 'Names beyond those of pulse.event_kind are counted as (other).';
COMMENT ON COLUMN pulse.event_day.looked_at IS 'Number of events whose properties were examined for pulse.event_property_day.';

-- Level: reader
CREATE TABLE pulse.event_hour (
    hour timestamptz PRIMARY KEY,
    events bigint NOT NULL
);
COMMENT ON TABLE pulse.event_hour IS 'Number of events by hour, of all names, without the rows still in pulse.ingest_tally; pulse.events_by_hour includes them. Kept for pulse.event_retention.';
COMMENT ON COLUMN pulse.event_hour.hour IS 'The beginning of the hour by the time that the events carry.';

-- Level: reader
CREATE TABLE pulse.event_source_hour (
    hour timestamptz NOT NULL,
    event text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    events bigint NOT NULL,
    prompt bigint NOT NULL,
    late bigint NOT NULL,
    PRIMARY KEY (hour, event, source)
);
COMMENT ON TABLE pulse.event_source_hour IS 'Number of events by hour, name and source, without the rows still in pulse.ingest_tally; pulse.events_by_source_hour includes them. Kept for pulse.event_retention.';
COMMENT ON COLUMN pulse.event_source_hour.hour IS 'The beginning of the hour by the time that the events carry.';
COMMENT ON COLUMN pulse.event_source_hour.event IS 'Names beyond those of pulse.event_kind are counted as (other).';
COMMENT ON COLUMN pulse.event_source_hour.prompt IS 'Number of them that were received in that hour or the next one.';
COMMENT ON COLUMN pulse.event_source_hour.late IS 'Number of them that were received more than 24 hours later: imports and replays.';

-- Level: reader
CREATE TABLE pulse.event_property_day (
    day date NOT NULL,
    event text COLLATE "C" NOT NULL,
    property text COLLATE "C" NOT NULL,
    texts bigint NOT NULL,
    numbers bigint NOT NULL,
    booleans bigint NOT NULL,
    timestamps bigint NOT NULL,
    objects bigint NOT NULL,
    arrays bigint NOT NULL,
    nulls bigint NOT NULL,
    PRIMARY KEY (day, event, property)
);
COMMENT ON TABLE pulse.event_property_day IS
'What event properties were on each day (UTC), as in pulse.event_property: of the events that were examined, pulse.event_day.looked_at of them. Imports and replays, which are received more than a day later, are left out. Kept for pulse.event_retention.';
COMMENT ON COLUMN pulse.event_property_day.day IS 'The day of the newest event of the name in its batch.';
COMMENT ON COLUMN pulse.event_property_day.texts IS 'Number of examined events in which the property was a text; likewise for the other types.';

SELECT pg_catalog.pg_extension_config_dump('pulse.activity', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.activity_tally', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.event_day', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.event_hour', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.event_source_hour', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.event_property_day', '');

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: people_reader
CREATE VIEW pulse.hour_tally AS
SELECT t.id, c.key COLLATE "C" AS event, h.key::bigint AS hour, h.value::bigint AS events, t.source,
       floor(extract(epoch FROM t.at - timestamptz '2000-01-01 00:00+00') / 3600)::bigint AS received_hour
FROM pulse.ingest_tally AS t CROSS JOIN LATERAL jsonb_each(t.catalogue) AS c CROSS JOIN LATERAL jsonb_each(c.value -> 5) AS h;
COMMENT ON VIEW pulse.hour_tally IS 'The numbers of events in pulse.ingest_tally, by name and hour.';
COMMENT ON COLUMN pulse.hour_tally.hour IS 'Hours since 2000-01-01 00:00 UTC.';
COMMENT ON COLUMN pulse.hour_tally.received_hour IS 'When they were received, likewise.';

-- Level: reader
CREATE VIEW pulse.events_by_day AS
SELECT d.day, d.event, sum(d.events)::bigint AS events
FROM (SELECT k.day, k.event, k.events FROM pulse.event_day AS k
      UNION ALL
      SELECT date '2000-01-01' + floor(t.hour / 24.0)::int, t.event, t.events FROM pulse.hour_tally AS t) AS d
GROUP BY d.day, d.event;
COMMENT ON VIEW pulse.events_by_day IS 'Exact number of accepted events by day (UTC) and name, with those not yet added to pulse.event_day.';
COMMENT ON COLUMN pulse.events_by_day.day IS 'The day by the time that the events carry.';

-- Level: reader
CREATE VIEW pulse.events_by_hour AS
SELECT h.hour, sum(h.events)::bigint AS events
FROM (SELECT k.hour, k.events FROM pulse.event_hour AS k
      UNION ALL
      SELECT timestamptz '2000-01-01 00:00+00' + t.hour * interval '1 hour', t.events FROM pulse.hour_tally AS t) AS h
GROUP BY h.hour;
COMMENT ON VIEW pulse.events_by_hour IS 'Exact number of accepted events by hour, with those not yet added to pulse.event_hour.';
COMMENT ON COLUMN pulse.events_by_hour.hour IS 'The beginning of the hour by the time that the events carry.';

-- Level: reader
CREATE VIEW pulse.events_by_source_hour AS
SELECT h.hour, h.event, h.source, sum(h.events)::bigint AS events, sum(h.prompt)::bigint AS prompt, sum(h.late)::bigint AS late
FROM (SELECT k.hour, k.event, k.source, k.events, k.prompt, k.late FROM pulse.event_source_hour AS k
      UNION ALL
      SELECT timestamptz '2000-01-01 00:00+00' + t.hour * interval '1 hour', t.event, t.source, t.events,
             CASE WHEN t.received_hour - t.hour <= 1 THEN t.events ELSE 0 END, CASE WHEN t.received_hour - t.hour > 24 THEN t.events ELSE 0 END
      FROM pulse.hour_tally AS t) AS h
GROUP BY h.hour, h.event, h.source;
COMMENT ON VIEW pulse.events_by_source_hour IS 'Exact number of accepted events by hour, name and source, with those not yet added to pulse.event_source_hour.';
COMMENT ON COLUMN pulse.events_by_source_hour.hour IS 'The beginning of the hour by the time that the events carry.';
COMMENT ON COLUMN pulse.events_by_source_hour.prompt IS 'Number of them that were received in that hour or the next one.';
COMMENT ON COLUMN pulse.events_by_source_hour.late IS 'Number of them that were received more than 24 hours later: imports and replays.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: reader
CREATE FUNCTION pulse_people_statistics()
    RETURNS TABLE (figure text, value bigint, exact boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 15 AS 'MODULE_PATHNAME', 'pulse_people_statistics';
COMMENT ON FUNCTION pulse_people_statistics() IS
'Returns figures about all people: people; active_last_day, _week and _month: people with an event in the last 24 hours, 7 and 30 days before pulse_now(); new_last_day, _week and _month: profiles first seen then;
merges in effect; ids:email, ids:phone and so on: ids of each kind. Counted up to 10,000 and then exact; beyond, exact is false and the value is estimated from the statistics that ANALYZE collects.
Activity is that of pulse.activity, about a minute behind.';

-- Level: reader
CREATE FUNCTION pulse_event_totals()
    RETURNS TABLE (figure text, events bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 4 AS 'MODULE_PATHNAME', 'pulse_event_totals';
COMMENT ON FUNCTION pulse_event_totals() IS
'Returns the number of events in total, last_day, last_week and last_month: in the current hour of pulse_now() and the 23, 167 and 719 hours before it, by the time that the events carry. total is all events
ever accepted. All are exact, from counters.';

-- Level: reader
CREATE FUNCTION pulse_event_statistics(days bigint DEFAULT 30, max bigint DEFAULT 100)
    RETURNS TABLE (event text, events bigint, previous bigint, total bigint, last_seen_at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_event_statistics';
COMMENT ON FUNCTION pulse_event_statistics(bigint, bigint) IS
'Returns the most frequent event names of the last days (UTC, with the current day of pulse_now()): the number of events, the number in as many days before, the number ever accepted, and the time of the
newest event. At most max names. All numbers are exact, from counters. Errors: 22023 days is not from 1 to 1000, or max not from 1 to 10000.';

-- Level: reader
CREATE FUNCTION pulse_event_trend(days bigint DEFAULT 14, event text DEFAULT NULL)
    RETURNS TABLE (day date, events bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 14 AS 'MODULE_PATHNAME', 'pulse_event_trend';
COMMENT ON FUNCTION pulse_event_trend(bigint, text) IS
'Returns the number of events of each of the last days (UTC, with the current day of pulse_now()), oldest first; 0 for a day without events. event: only events of that name. The numbers are exact, from
counters. Errors: 22023 days is not from 1 to 1000; 42704 no event of that name was ever accepted.';
