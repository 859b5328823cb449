-- ---------------------------------------------------------------------------------------------------------
-- Room profile: ingesting events.

-- Level: people_reader
CREATE TABLE pulse.message_seen (
    key uuid PRIMARY KEY,
    digest bigint NOT NULL,
    seen_at timestamptz NOT NULL
) PARTITION BY RANGE (key);
COMMENT ON TABLE pulse.message_seen IS 'Messages accepted within pulse.deduplication_horizon; they are not accepted again.';
COMMENT ON COLUMN pulse.message_seen.key IS 'The first 128 bits of the SHA-256 of source and messageId.';
COMMENT ON COLUMN pulse.message_seen.digest IS 'Hash of the content, to recognise a different message under the same id.';
-- The range of a hash in eighths: a writer computes the partition from the key without a lookup.
DO $$
BEGIN
    FOR i IN 0..7 LOOP
        EXECUTE format('CREATE TABLE pulse.message_seen_%s PARTITION OF pulse.message_seen FOR VALUES FROM (%s) TO (%s)', i,
                       CASE i WHEN 0 THEN 'MINVALUE' ELSE format('%L', to_hex(i * 2) || '0000000-0000-0000-0000-000000000000') END,
                       CASE i WHEN 7 THEN 'MAXVALUE' ELSE format('%L', to_hex(i * 2 + 2) || '0000000-0000-0000-0000-000000000000') END);
        EXECUTE format('CREATE INDEX ON pulse.message_seen_%s (seen_at)', i);
        EXECUTE format('COMMENT ON TABLE pulse.message_seen_%s IS %L', i, 'A partition of pulse.message_seen.');
        PERFORM pg_catalog.pg_extension_config_dump(format('pulse.message_seen_%s', i)::regclass, '');
    END LOOP;
END $$;

-- Level: people_reader
CREATE TABLE pulse.rejected_event (
    id bigserial PRIMARY KEY,
    received_at timestamptz NOT NULL,
    source text COLLATE "C" NOT NULL,
    message_id text,
    reason text COLLATE "C" NOT NULL,
    detail text NOT NULL,
    payload jsonb NOT NULL,
    imported boolean NOT NULL DEFAULT false,
    attempts int NOT NULL DEFAULT 1,
    replayed_at timestamptz
);
CREATE INDEX rejected_event_received ON pulse.rejected_event (received_at);
COMMENT ON TABLE pulse.rejected_event IS 'Events that could not be accepted, kept for pulse.rejected_event_retention; pulse_replay_rejected() tries them again.';
COMMENT ON COLUMN pulse.rejected_event.reason IS 'One of no_id, invalid_event_name, invalid_type, invalid_properties, invalid_timestamp, invalid_message_id, invalid_json, too_old, archived, too_large, too_deep, too_many_properties. Events of people who were erased are not kept.';
COMMENT ON COLUMN pulse.rejected_event.detail IS 'Sentence that says what is wrong with the event.';
COMMENT ON COLUMN pulse.rejected_event.payload IS 'The event as it was received; only its size if it is larger than 1 MB.';
COMMENT ON COLUMN pulse.rejected_event.imported IS 'Whether the event came from an import; replaying it triggers no automation.';
COMMENT ON COLUMN pulse.rejected_event.attempts IS 'Number of attempts.';
COMMENT ON COLUMN pulse.rejected_event.replayed_at IS 'When a replay accepted the event or found it to be a duplicate; null if neither happened.';

-- Level: people_reader
CREATE TABLE pulse.ingest_tally (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL,
    source text COLLATE "C" NOT NULL,
    accepted int NOT NULL,
    duplicates int NOT NULL,
    conflicting int NOT NULL,
    rejected int NOT NULL,
    catalogue jsonb NOT NULL,
    profiles bigint[],
    profile_events bigint[],
    profile_first_at timestamptz[],
    profile_last_at timestamptz[]
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE pulse.ingest_tally IS 'What each batch adds to the catalogue and the counters. Append-only; the rows are added to the totals periodically and deleted.';
COMMENT ON COLUMN pulse.ingest_tally.profiles IS 'Of a small batch: the profiles with new events, as in pulse.activity_tally; the columns after it have one element for each. Null for a large batch, which writes to that table itself.';
COMMENT ON COLUMN pulse.ingest_tally.catalogue IS 'By event name: [events, sampled events, first, last, {property: [[text, number, boolean, timestamp, object, array, null], last, [examples]]}, {hour: events}]; hours are counted from 2000-01-01 00:00 UTC.';

-- Level: reader
CREATE TABLE pulse.event_kind (
    event text COLLATE "C" PRIMARY KEY,
    events bigint NOT NULL,
    looked_at bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.event_kind IS 'Totals by event name, without the rows still in pulse.ingest_tally; pulse.event_catalog includes them. Beyond 10,000 names, new names are counted as (other).';
COMMENT ON COLUMN pulse.event_kind.looked_at IS 'Number of events whose properties were examined: all events of small batches, a sample of large ones.';

-- Level: reader
CREATE TABLE pulse.event_property (
    event text COLLATE "C" NOT NULL,
    property text COLLATE "C" NOT NULL,
    texts bigint NOT NULL,
    numbers bigint NOT NULL,
    booleans bigint NOT NULL,
    timestamps bigint NOT NULL,
    objects bigint NOT NULL,
    arrays bigint NOT NULL,
    nulls bigint NOT NULL,
    last_seen_at timestamptz NOT NULL,
    examples jsonb NOT NULL,  -- Level: people_reader
    PRIMARY KEY (event, property)
);
COMMENT ON TABLE pulse.event_property IS 'Totals by event property, without the rows still in pulse.ingest_tally; pulse.property_catalog includes them. Beyond 1,000 properties of an event, new ones are counted as (other).';
COMMENT ON COLUMN pulse.event_property.texts IS 'Number of examined events in which the property was a text; likewise for the other types.';
COMMENT ON COLUMN pulse.event_property.timestamps IS 'Texts that are times.';

-- Level: reader
CREATE TABLE pulse.source_total (
    source text COLLATE "C" PRIMARY KEY,
    accepted bigint NOT NULL,
    duplicates bigint NOT NULL,
    conflicting bigint NOT NULL,
    rejected bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.source_total IS 'Totals by source, without the rows still in pulse.ingest_tally; pulse.event_source includes them.';

SELECT pg_catalog.pg_extension_config_dump('pulse.event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.rejected_event', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.rejected_event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.ingest_tally', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.ingest_tally_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.event_kind', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.event_property', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.source_total', '');

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- ---- Catalogue of events ----

-- Level: reader
CREATE VIEW pulse.event_catalog AS
SELECT k.event, sum(k.events)::bigint AS events, min(k.first_seen_at) AS first_seen_at, max(k.last_seen_at) AS last_seen_at
FROM (SELECT e.event, e.events, e.first_seen_at, e.last_seen_at FROM pulse.event_kind AS e
      UNION ALL
      SELECT c.key COLLATE "C", (c.value ->> 0)::bigint, (c.value ->> 2)::timestamptz, (c.value ->> 3)::timestamptz
      FROM pulse.ingest_tally AS t CROSS JOIN LATERAL jsonb_each(t.catalogue) AS c) AS k
GROUP BY k.event;
COMMENT ON VIEW pulse.event_catalog IS 'All event names that were ever received.';
COMMENT ON COLUMN pulse.event_catalog.events IS 'Exact number of accepted events.';
COMMENT ON COLUMN pulse.event_catalog.last_seen_at IS 'Time of the newest event by the time that the events carry.';

-- Level: reader
CREATE FUNCTION pulse.merge_examples(examples jsonb, more jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN jsonb_array_length(examples) >= 5 OR examples @> more THEN examples
    ELSE (SELECT coalesce(jsonb_agg(v.value ORDER BY v.place), '[]')
          FROM (SELECT e.value, min(e.place) AS place FROM jsonb_array_elements(examples || more) WITH ORDINALITY AS e (value, place)
                GROUP BY e.value ORDER BY 2 LIMIT 5) AS v) END;
COMMENT ON FUNCTION pulse.merge_examples(jsonb, jsonb) IS 'The first five distinct values of two lists.';
-- Level: reader
CREATE AGGREGATE pulse.collect_examples(jsonb) (SFUNC = pulse.merge_examples, STYPE = jsonb, INITCOND = '[]', PARALLEL = SAFE);
COMMENT ON AGGREGATE pulse.collect_examples(jsonb) IS 'The first five distinct values of many lists.';

-- Level: people_reader
CREATE VIEW pulse.property_tally AS
SELECT c.key COLLATE "C" AS event, p.key COLLATE "C" AS property, (p.value -> 0 ->> 0)::bigint AS texts, (p.value -> 0 ->> 1)::bigint AS numbers,
       (p.value -> 0 ->> 2)::bigint AS booleans, (p.value -> 0 ->> 3)::bigint AS timestamps, (p.value -> 0 ->> 4)::bigint AS objects,
       (p.value -> 0 ->> 5)::bigint AS arrays, (p.value -> 0 ->> 6)::bigint AS nulls, (p.value ->> 1)::timestamptz AS last_seen_at,
       p.value -> 2 AS examples, t.id, (c.value ->> 3)::timestamptz AS newest_at, t.at
FROM pulse.ingest_tally AS t CROSS JOIN LATERAL jsonb_each(t.catalogue) AS c CROSS JOIN LATERAL jsonb_each(c.value -> 4) AS p;
COMMENT ON VIEW pulse.property_tally IS 'The properties in pulse.ingest_tally, one row each.';
COMMENT ON COLUMN pulse.property_tally.newest_at IS 'Time of the newest event of that name in the batch.';
COMMENT ON COLUMN pulse.property_tally.at IS 'When the batch was received.';

-- Level: reader
CREATE VIEW pulse.property_catalog AS
SELECT p.event, p.property,
       (SELECT v.type FROM (VALUES (1, 'text', p.texts), (2, 'number', p.numbers), (3, 'boolean', p.booleans), (4, 'timestamp', p.timestamps),
                                   (5, 'object', p.objects), (6, 'array', p.arrays)) AS v (place, type, seen)
        WHERE v.seen > 0 ORDER BY v.seen DESC, v.place LIMIT 1) AS type,
       jsonb_strip_nulls(jsonb_build_object('text', nullif(p.texts, 0), 'number', nullif(p.numbers, 0), 'boolean', nullif(p.booleans, 0),
                                            'timestamp', nullif(p.timestamps, 0), 'object', nullif(p.objects, 0), 'array', nullif(p.arrays, 0))) AS types,
       k.looked_at,
       round(1 - (p.texts + p.numbers + p.booleans + p.timestamps + p.objects + p.arrays)::numeric / greatest(k.looked_at, 1), 4) AS null_rate,
       CASE WHEN pulse.sees_people() THEN p.examples END AS examples, p.last_seen_at
FROM (SELECT u.event, u.property, sum(u.texts)::bigint AS texts, sum(u.numbers)::bigint AS numbers, sum(u.booleans)::bigint AS booleans,
             sum(u.timestamps)::bigint AS timestamps, sum(u.objects)::bigint AS objects, sum(u.arrays)::bigint AS arrays,
             max(u.last_seen_at) AS last_seen_at, pulse.collect_examples(u.examples ORDER BY u.id) AS examples
      FROM (SELECT e.event, e.property, e.texts, e.numbers, e.booleans, e.timestamps, e.objects, e.arrays, e.last_seen_at, e.examples, 0 AS id
            FROM pulse.event_property AS e
            UNION ALL
            SELECT t.event, t.property, t.texts, t.numbers, t.booleans, t.timestamps, t.objects, t.arrays, t.last_seen_at, t.examples, t.id
            FROM pulse.property_tally AS t) AS u
      GROUP BY u.event, u.property) AS p
JOIN (SELECT l.event, sum(l.looked_at)::bigint AS looked_at
      FROM (SELECT e.event, e.looked_at FROM pulse.event_kind AS e
            UNION ALL
            SELECT c.key COLLATE "C", (c.value ->> 1)::bigint FROM pulse.ingest_tally AS t CROSS JOIN LATERAL jsonb_each(t.catalogue) AS c) AS l
      GROUP BY l.event) AS k ON k.event = p.event;
COMMENT ON VIEW pulse.property_catalog IS 'All properties that events ever had, collected as events arrive: from all events of small batches, from a sample of large ones.';
COMMENT ON COLUMN pulse.property_catalog.type IS 'The most frequent type; null if the property never had a value.';
COMMENT ON COLUMN pulse.property_catalog.types IS 'Number of events by type of the value; timestamp is a text that is a time.';
COMMENT ON COLUMN pulse.property_catalog.looked_at IS 'Number of events of this name that were examined.';
COMMENT ON COLUMN pulse.property_catalog.null_rate IS 'Fraction of the examined events in which the property was null or missing.';
COMMENT ON COLUMN pulse.property_catalog.examples IS 'The first distinct values, at most five; null below the level people_reader.';

-- Level: reader
CREATE VIEW pulse.event_source AS
SELECT s.source, sum(s.accepted)::bigint AS accepted, sum(s.duplicates)::bigint AS duplicates, sum(s.conflicting)::bigint AS conflicting_duplicates,
       sum(s.rejected)::bigint AS rejected, min(s.first_at) AS first_at, max(s.last_at) AS last_at
FROM (SELECT o.source, o.accepted, o.duplicates, o.conflicting, o.rejected, o.first_at, o.last_at FROM pulse.source_total AS o
      UNION ALL
      SELECT t.source, t.accepted, t.duplicates, t.conflicting, t.rejected, t.at, t.at FROM pulse.ingest_tally AS t) AS s
GROUP BY s.source;
COMMENT ON VIEW pulse.event_source IS 'Number of events received from each source.';
COMMENT ON COLUMN pulse.event_source.duplicates IS 'Number of messages that were accepted before, including conflicting ones.';
COMMENT ON COLUMN pulse.event_source.conflicting_duplicates IS 'Number of duplicates whose content differs from the accepted message with the same id.';

-- ---- The newest events ----

-- Events have no index by arrival, which would cost each of them. A partition grows at its end: the last 256 blocks are read, by their place.
-- Level: people_reader
CREATE VIEW pulse.event_tail AS
SELECT t.received_at, t.verdict, t.id, t.event, t.type, t.source, t.profile_id, t.time, t.message_id, t.properties, t.reason, t.detail
FROM (
    SELECT e.received_at, 'accepted' AS verdict, e.id, e.name AS event, e.type, e.source, e.profile_id, e.time, e.message_id, e.properties, NULL::text AS reason, NULL::text AS detail
    FROM pulse.event AS e
    WHERE e.time >= date_trunc('month', @extschema@.pulse_now(), 'UTC') AND e.time < date_trunc('month', @extschema@.pulse_now(), 'UTC') + interval '1 month'
      AND e.ctid >= (SELECT format('(%s,0)', greatest(pg_relation_size(to_regclass(to_char(date_trunc('month', @extschema@.pulse_now(), 'UTC') AT TIME ZONE 'UTC', '"pulse.event_y"YYYY"m"MM'))) / current_setting('block_size')::int - 256, 0))::tid)
    UNION ALL
    SELECT e.received_at, 'accepted' AS verdict, e.id, e.name AS event, e.type, e.source, e.profile_id, e.time, e.message_id, e.properties, NULL::text AS reason, NULL::text AS detail
    FROM pulse.event AS e
    WHERE e.time >= date_trunc('month', @extschema@.pulse_now(), 'UTC') - interval '1 month' AND e.time < date_trunc('month', @extschema@.pulse_now(), 'UTC')
      AND e.ctid >= (SELECT format('(%s,0)', greatest(pg_relation_size(to_regclass(to_char((date_trunc('month', @extschema@.pulse_now(), 'UTC') - interval '1 month') AT TIME ZONE 'UTC', '"pulse.event_y"YYYY"m"MM'))) / current_setting('block_size')::int - 256, 0))::tid)
    UNION ALL
    (SELECT r.received_at, 'rejected', r.id, coalesce(r.payload ->> 'event', r.payload ->> 'name', r.payload ->> 'type'), r.payload ->> 'type', r.source, NULL, NULL,
            r.message_id, r.payload -> 'properties', r.reason, r.detail
     FROM pulse.rejected_event AS r ORDER BY r.received_at DESC, r.id DESC LIMIT 1000)
) AS t;
COMMENT ON VIEW pulse.event_tail IS
'The newest events with their verdict, to see what arrives: those in the last 2 MB of the partitions of this month and the one before, and the newest 1,000 rejected ones; so reading it costs the same however many events there are. Duplicates are only counted (pulse.event_source). Not in it: events whose time is in an earlier month, and those that fill the space of erased ones.';
COMMENT ON COLUMN pulse.event_tail.verdict IS 'accepted or rejected.';
COMMENT ON COLUMN pulse.event_tail.id IS 'In pulse.event or pulse.rejected_event, by the verdict.';
COMMENT ON COLUMN pulse.event_tail.time IS 'When it happened; null for a rejected event.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- ---- Verbs ----

-- Level: writer
CREATE FUNCTION pulse_ingest(events jsonb, source text DEFAULT 'sql')
    RETURNS TABLE (index int, message_id text, status text, reason text, detail text, profile_id bigint, event_id bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_ingest';
COMMENT ON FUNCTION pulse_ingest(jsonb, text) IS
'Ingests events in the format of Segment''s libraries: one event, an array, or {"batch": [...], "sentAt": ..., "context": {...}}. Returns one row per event, in their order. The status is accepted, duplicate (the messageId was accepted before; the reason is conflicting_duplicate if the content differs), or rejected, with the reason; rejected events are kept in pulse.rejected_event. The detail is a sentence; it also names ids that were not used. An invalid event does not affect the others. Errors: 22023 no events, an array of something else or an invalid source, 54000 more than pulse.max_batch events.';

-- Level: writer
CREATE FUNCTION pulse_ingest(events text, source text DEFAULT 'sql')
    RETURNS TABLE (index int, message_id text, status text, reason text, detail text, profile_id bigint, event_id bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_ingest_text';
COMMENT ON FUNCTION pulse_ingest(text, text) IS
'The same for events as JSON text. Content that jsonb cannot hold does not fail the batch: \u0000 and half a surrogate pair become U+FFFD, numbers beyond numeric become texts, and values nested deeper than 600 become null. A parameter without a type and a literal are text. Errors: also 22P02 the text is not JSON.';

-- Level: writer
CREATE FUNCTION pulse_ingest(events json, source text DEFAULT 'sql')
    RETURNS TABLE (index int, message_id text, status text, reason text, detail text, profile_id bigint, event_id bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_ingest_text';
COMMENT ON FUNCTION pulse_ingest(json, text) IS
'As pulse_ingest(text, text), for events as json, as drivers send them.';

-- Level: writer
CREATE FUNCTION pulse.ingest_each(events text[], source text)
    RETURNS TABLE (index int, message_id text, status text, reason text, detail text, profile_id bigint, event_id bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_ingest_each';
COMMENT ON FUNCTION pulse.ingest_each(text[], text) IS
'Ingests events as pulse_ingest() does, each a JSON text of its own, for senders that repeat what failed without saying so: an event without a messageId that is sent again, with the same content, counts once. If it has a time of its own, that holds as long as pulse.deduplication_horizon, else as long as pulse.retry_window. Errors: those of pulse_ingest(text, text); then no event was ingested.';

-- Level: writer
CREATE FUNCTION pulse_track(user_id text, event text, properties jsonb DEFAULT '{}', at timestamptz DEFAULT NULL,
                            anonymous_id text DEFAULT NULL, message_id text DEFAULT NULL, context jsonb DEFAULT NULL,
                            source text DEFAULT 'sql')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_track';
COMMENT ON FUNCTION pulse_track(text, text, jsonb, timestamptz, text, text, jsonb, text) IS
'Records an event of a person. The timestamp defaults to now. Returns the id of the event, or null with a notice if message_id was accepted before. Errors: 22023 the event is one that pulse_ingest() would reject; the message names the reason.';

-- Level: writer
CREATE FUNCTION pulse_identify(user_id text, traits jsonb DEFAULT '{}', anonymous_id text DEFAULT NULL, at timestamptz DEFAULT NULL,
                               message_id text DEFAULT NULL, context jsonb DEFAULT NULL, source text DEFAULT 'sql')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_identify';
COMMENT ON FUNCTION pulse_identify(text, jsonb, text, timestamptz, text, jsonb, text) IS
'Identifies a person: traits become attributes of the profile (the newest value of each counts; null removes the attribute), traits.email and traits.phone become ids, and the events of anonymous_id become events of this person. Returns the id of the person. Errors: 22023 the event is one that pulse_ingest() would reject.';

-- Level: writer
CREATE FUNCTION pulse_page(user_id text, name text DEFAULT NULL, properties jsonb DEFAULT '{}', at timestamptz DEFAULT NULL,
                           anonymous_id text DEFAULT NULL, message_id text DEFAULT NULL, context jsonb DEFAULT NULL,
                           source text DEFAULT 'sql')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_page';
COMMENT ON FUNCTION pulse_page(text, text, jsonb, timestamptz, text, text, jsonb, text) IS
'Records a page view: an event $page with the page''s name among its properties. Returns the id of the event, or null with a notice if message_id was accepted before. Errors: 22023 the event is one that pulse_ingest() would reject.';

-- Level: writer
CREATE FUNCTION pulse_screen(user_id text, name text DEFAULT NULL, properties jsonb DEFAULT '{}', at timestamptz DEFAULT NULL,
                             anonymous_id text DEFAULT NULL, message_id text DEFAULT NULL, context jsonb DEFAULT NULL,
                             source text DEFAULT 'sql')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_screen';
COMMENT ON FUNCTION pulse_screen(text, text, jsonb, timestamptz, text, text, jsonb, text) IS
'Records a view of a screen of an app: an event $screen with the screen''s name among its properties. Returns the id of the event, or null with a notice if message_id was accepted before. Errors: 22023 the event is one that pulse_ingest() would reject.';

-- Level: writer
CREATE FUNCTION pulse_group(user_id text, group_id text, traits jsonb DEFAULT '{}', at timestamptz DEFAULT NULL,
                            anonymous_id text DEFAULT NULL, message_id text DEFAULT NULL, context jsonb DEFAULT NULL,
                            source text DEFAULT 'sql')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_group';
COMMENT ON FUNCTION pulse_group(text, text, jsonb, timestamptz, text, text, jsonb, text) IS
'Assigns a person to an account; traits become attributes of the account. Returns the id of the event, or null with a notice if message_id was accepted before. Errors: 22023 the event is one that pulse_ingest() would reject.';

-- Level: writer
CREATE FUNCTION pulse_alias(previous_id text, user_id text, at timestamptz DEFAULT NULL, message_id text DEFAULT NULL,
                            context jsonb DEFAULT NULL, source text DEFAULT 'sql')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_alias';
COMMENT ON FUNCTION pulse_alias(text, text, timestamptz, text, jsonb, text) IS
'States that two ids belong to one person: merges the person with the previous id and the person with the other id, within the limits of the kinds. Returns the id of the event, or null with a notice if message_id was accepted before. Errors: 22023 the event is one that pulse_ingest() would reject.';

-- Level: operator
CREATE FUNCTION pulse_replay_rejected(ids bigint[] DEFAULT NULL, reason text DEFAULT NULL, max bigint DEFAULT 1000)
    RETURNS TABLE (id bigint, status text, reason text, detail text, profile_id bigint, event_id bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_replay_rejected';
COMMENT ON FUNCTION pulse_replay_rejected(bigint[], text, bigint) IS
'Tries rejected events again: those with the given ids, those with the given reason, or all; oldest first, at most max. Events replayed before are left out. The events keep the time at which they were received. Returns one row per event, as pulse_ingest() does. Errors: 22023 max is below 1 or above pulse.max_batch.';

-- Level: writer
CREATE FUNCTION pulse_import_events(query text, source text DEFAULT 'import')
    RETURNS TABLE (accepted bigint, duplicates bigint, rejected bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_import_events';
COMMENT ON FUNCTION pulse_import_events(text, text) IS
'Imports historical events: runs a query with the caller''s rights and ingests each row as an event. The columns are named as those of pulse.ingest. Events may have any age and trigger no automation; with message ids the import can be repeated. Rejected rows are kept in pulse.rejected_event. Errors: 22023 the query is not a single read-only query, has no id or event column, or has a column of the wrong type, 42601 syntax error.';

-- ---- COPY ----

-- Level: reader
CREATE VIEW pulse.ingest AS
SELECT NULL::text AS type, NULL::text AS user_id, NULL::text AS anonymous_id, NULL::text AS device_id, NULL::text AS email, NULL::text AS phone,
       NULL::text AS event, NULL::text AS properties, NULL::text AS traits, NULL::timestamptz AS "timestamp", NULL::text AS message_id,
       NULL::text AS group_id, NULL::text AS previous_id, NULL::text AS name, NULL::text AS identifiers, NULL::text AS context, NULL::text AS source
WHERE false;
COMMENT ON VIEW pulse.ingest IS
'Always empty. Rows inserted or copied into it are ingested as events, as by pulse_ingest(), in batches of pulse.max_batch. Rejected rows are kept in pulse.rejected_event.';
COMMENT ON COLUMN pulse.ingest.type IS 'One of track, page, screen, identify, group, alias; if null, the type is derived from the other columns.';
COMMENT ON COLUMN pulse.ingest.properties IS 'JSON, as are traits, identifiers and context. As text, so that a row that jsonb cannot hold fails by itself: what pulse_ingest(text) replaces is replaced, and with a text that is not JSON the event is rejected.';
COMMENT ON COLUMN pulse.ingest.identifiers IS 'Ids of other kinds: {"kind": "value"}.';
COMMENT ON COLUMN pulse.ingest.source IS 'Defaults to copy.';

CREATE FUNCTION pulse.ingest_rows() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_ingest_rows';
COMMENT ON FUNCTION pulse.ingest_rows() IS 'Collects rows inserted into pulse.ingest and ingests them in batches.';
CREATE TRIGGER ingest_begin BEFORE INSERT ON pulse.ingest FOR EACH STATEMENT EXECUTE FUNCTION pulse.ingest_rows();
COMMENT ON TRIGGER ingest_begin ON pulse.ingest IS 'Starts an empty batch.';
CREATE TRIGGER ingest_row INSTEAD OF INSERT ON pulse.ingest FOR EACH ROW EXECUTE FUNCTION pulse.ingest_rows();
COMMENT ON TRIGGER ingest_row ON pulse.ingest IS 'Adds a row to the batch.';
CREATE TRIGGER ingest_end AFTER INSERT ON pulse.ingest FOR EACH STATEMENT EXECUTE FUNCTION pulse.ingest_rows();
COMMENT ON TRIGGER ingest_end ON pulse.ingest IS 'Ingests the rest of the batch.';

-- Level: reader
CREATE VIEW pulse.import AS SELECT * FROM pulse.ingest;
COMMENT ON VIEW pulse.import IS 'Like pulse.ingest, for historical events: events may have any age and trigger no automation.';
CREATE TRIGGER import_begin BEFORE INSERT ON pulse.import FOR EACH STATEMENT EXECUTE FUNCTION pulse.ingest_rows('import');
COMMENT ON TRIGGER import_begin ON pulse.import IS 'Starts an empty batch.';
CREATE TRIGGER import_row INSTEAD OF INSERT ON pulse.import FOR EACH ROW EXECUTE FUNCTION pulse.ingest_rows('import');
COMMENT ON TRIGGER import_row ON pulse.import IS 'Adds a row to the batch.';
CREATE TRIGGER import_end AFTER INSERT ON pulse.import FOR EACH STATEMENT EXECUTE FUNCTION pulse.ingest_rows('import');
COMMENT ON TRIGGER import_end ON pulse.import IS 'Ingests the rest of the batch.';
