-- Which messages are sent to whom, and when: from notices to messages, and what they contain when they are sent. Needs no network.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
SET search_path = bridge, public;
SET timezone = 'UTC';
CREATE SCHEMA plan;
CREATE SERVER slack FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'slack');
CREATE SERVER mail FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'email', host 'mail.example');
DELETE FROM pulse.notice;
DELETE FROM pulse.segment;

INSERT INTO pulse.segment (name, kind, definition, owner, tags, runs_as, search_path)
SELECT n, 'relation', '{"from": "app.users", "key": "id"}', CASE WHEN n IN ('A', 'B') THEN 'growth' END, CASE n WHEN 'A' THEN '{vip}' ELSE '{}' END::text[],
    current_user, 'public'
FROM unnest('{A,B,C,D}'::text[]) AS n;
INSERT INTO pulse.monitor (relation, owner, runs_as, search_path) VALUES ('app.users', 'data', current_user, 'public');

-- Writes an event of an incident about a segment or the table; creates the incident if there is none.
CREATE FUNCTION plan.happen(what text, kind text, severity text DEFAULT 'high', team text DEFAULT NULL, at timestamptz DEFAULT clock_timestamp(),
                            detector text DEFAULT 'size_change')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    incident bigint; event bigint; now_is text;
BEGIN
    now_is := CASE kind WHEN 'resolved' THEN 'resolved' WHEN 'ignored' THEN 'ignored' WHEN 'acknowledged' THEN 'acknowledged' ELSE 'open' END;
    SELECT r.id INTO incident FROM pulse.incident_record AS r LEFT JOIN pulse.segment AS s ON s.id = r.segment_id
    WHERE coalesce(s.name, r.relation) = what AND r.detector = happen.detector ORDER BY r.id DESC LIMIT 1;
    IF kind = 'opened' THEN
        INSERT INTO pulse.incident_record (segment_id, monitor_id, relation, detector, severity, direction, baseline_kind, summary, since, opened_at,
                                           last_seen_at, group_id)
        VALUES ((SELECT s.id FROM pulse.segment AS s WHERE s.name = what), (SELECT m.id FROM pulse.monitor AS m WHERE m.relation = what),
                (SELECT m.relation FROM pulse.monitor AS m WHERE m.relation = what), detector, severity, 'down', 'rolling', what || ' fell', at, at, at,
                (SELECT r.id FROM pulse.incident_record AS r JOIN pulse.segment AS s ON s.id = r.segment_id WHERE s.name = team ORDER BY r.id DESC LIMIT 1))
        RETURNING id INTO incident;
    ELSE
        UPDATE pulse.incident_record AS r SET status = now_is, severity = happen.severity,
            closed_at = CASE WHEN happen.kind IN ('resolved', 'ignored') THEN at END WHERE r.id = incident;
    END IF;
    -- With a diagnosis, so that diagnosing does not create other groups.
    UPDATE pulse.incident_record AS r SET diagnosis = '{"incident": 1, "what_changed": [], "hypotheses": [], "recommendations": [], "evidence": []}'
    WHERE r.id = incident AND r.diagnosis IS NULL;
    INSERT INTO pulse.incident_event (incident_id, at, kind, actor, severity) VALUES (incident, at, kind, 'pulse', severity) RETURNING id INTO event;
    INSERT INTO pulse.notice (event, kind, incident_id, incident_event_id, at)
    VALUES (CASE WHEN kind IN ('opened', 'reopened') THEN 'incident.opened' WHEN kind = 'resolved' THEN 'incident.resolved' ELSE 'incident.updated' END,
            kind, incident, event, at);
END $$;
CREATE FUNCTION plan.label(incident bigint) RETURNS text LANGUAGE sql AS
    $$ SELECT coalesce(s.name, r.relation) FROM pulse.incident_record AS r LEFT JOIN pulse.segment AS s ON s.id = r.segment_id WHERE r.id = incident $$;

-- Sends due messages in order, as the worker does: every composed message succeeds.
CREATE FUNCTION plan.deliver() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    m pulse.outbox; reason text; told text;
BEGIN
    LOOP
        SELECT o.* INTO m FROM pulse.outbox AS o WHERE o.status = 'pending' AND o.send_at <= clock_timestamp() AND o.payload IS NULL
            AND NOT EXISTS (SELECT FROM pulse.outbox AS e WHERE e.channel = o.channel AND e.order_key = o.order_key AND e.id < o.id
                            AND e.status IN ('pending', 'sending')) ORDER BY o.id LIMIT 1;
        EXIT WHEN NOT FOUND;
        reason := compose_message(m.id);
        IF reason IS NOT NULL THEN
            RETURN NEXT format('%s: not %s %s: %s', m.channel, m.event, plan.label(m.incident_id), reason);
            CONTINUE;
        END IF;
        SELECT string_agg(DISTINCT plan.label(o.incident_id), ', ' ORDER BY plan.label(o.incident_id)) INTO told
        FROM pulse.outbox AS o WHERE m.id IN (o.id, o.folded_into);
        SELECT o.* INTO m FROM pulse.outbox AS o WHERE o.id = m.id;
        INSERT INTO pulse.told AS t (incident_id, channel, state, thread, told_at)
        SELECT DISTINCT ON (o.incident_id) o.incident_id, o.channel, o.state, o.thread, clock_timestamp() FROM pulse.outbox AS o
        WHERE m.id IN (o.id, o.folded_into) AND o.incident_id IS NOT NULL
        ON CONFLICT (incident_id, channel) DO UPDATE SET state = excluded.state;
        UPDATE pulse.outbox AS o SET status = 'sent', finished_at = clock_timestamp() WHERE m.id IN (o.id, o.folded_into);
        RETURN NEXT format('%s: %s %s%s', m.channel, m.event, told, CASE WHEN m.thread <> m.key THEN ' (same thread)' END);
    END LOOP;
END $$;
-- Pending messages, and how long they wait.
CREATE VIEW plan.waiting AS
SELECT o.channel, o.event, plan.label(o.incident_id) AS about, round(extract(epoch FROM o.send_at - clock_timestamp()) / 60) AS minutes,
    regexp_replace(o.fold_key, '[0-9]+', 'N', 'g') AS fold
FROM pulse.outbox AS o WHERE o.status = 'pending' ORDER BY o.id;
-- Makes pending messages due earlier.
CREATE FUNCTION plan.due(minutes int DEFAULT 1) RETURNS void LANGUAGE sql AS
    $$ UPDATE pulse.outbox SET send_at = send_at - minutes * interval '1 minute' WHERE status = 'pending' $$;
CREATE FUNCTION plan.reset() RETURNS void LANGUAGE sql AS
    $$ DELETE FROM pulse.outbox; DELETE FROM pulse.route; DELETE FROM pulse.snapshot; DELETE FROM pulse.incident_record; DELETE FROM pulse.notice; $$;

-- Without a route, every incident goes to every channel; alarms wait a moment for others with the same cause.
SELECT plan.happen('A', 'opened');
SELECT plan_notices();
SELECT channel, event, about, fold FROM plan.waiting;
SELECT count(*), bool_and(send_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '3 s'), bool_and(route_id IS NULL) FROM pulse.outbox;
SELECT plan.due();
SELECT plan.deliver();
SELECT plan.happen('A', 'worsened', 'critical'), plan.happen('A', 'resolved', 'critical');
SELECT plan_notices(1), plan_notices();
SELECT plan.deliver();
SELECT count(*) FROM pulse.notice;
-- The same state is sent once: the incident eases, and worsens to the previous severity.
SELECT plan.reset();
SELECT plan.happen('A', 'opened'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT plan.happen('A', 'eased', 'low'), plan.happen('A', 'worsened', 'high'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT plan.happen('A', 'acknowledged'), plan.happen('A', 'note'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT plan.happen('A', 'resolved'), plan.happen('A', 'reopened'), plan_notices(), plan.due();
SELECT plan.deliver();
-- Opened and closed before it was sent; and events that are too old.
SELECT plan.reset();
SELECT plan.happen('A', 'opened'), plan.happen('A', 'resolved'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT plan.happen('B', 'opened', at => now() - interval '3 days'), plan.happen('B', 'opened', at => now() - interval '47 hours', detector => 'null_spike'), plan_notices();
SELECT channel, event, about FROM plan.waiting;
-- A deleted incident is not an error, before and after planning.
SELECT plan.happen('C', 'opened'), plan_notices(), plan.due();
SELECT plan.happen('C', 'worsened', 'critical');
DELETE FROM pulse.incident_record;
SELECT plan_notices();
SELECT plan.deliver();

-- Muted: no alarms; later events go to channels that were notified before.
SELECT plan.reset();
SELECT plan.happen('A', 'opened'), plan_notices(), plan.due();
SELECT plan.deliver();
INSERT INTO pulse.mute (kind, name, since, muted_by) VALUES ('segment', 'A', now() - interval '1 hour', 'me'), ('table', 'app.users', now() - interval '1 hour', 'me');
SELECT plan.happen('A', 'worsened', 'critical'), plan.happen('app.users', 'opened', detector => 'table_volume'), plan_notices(), plan.due();
SELECT plan.deliver();
DELETE FROM pulse.mute;
SELECT plan.happen('A', 'resolved', 'critical'), plan_notices(), plan.due();
SELECT plan.deliver();

-- ---- filters ----
SELECT plan.reset();
SELECT pulse_create_route(r, ARRAY['slack']) IS NOT NULL FROM unnest('{all,severe,growth,vip,b,table,volume,resolved}'::text[]) AS r;
SELECT pulse_update_route('severe', min_severity => 'high'), pulse_update_route('growth', owners => '{growth}'), pulse_update_route('vip', tags => '{vip,x}'),
    pulse_update_route('b', segments => '{B}'), pulse_update_route('table', tables => '{app.users}'), pulse_update_route('volume', detectors => '{table_volume}'),
    pulse_update_route('resolved', events => '{resolved}');
-- The routes that match, tested one at a time.
CREATE FUNCTION plan.who(what text, severity text, detector text DEFAULT 'size_change', kind text DEFAULT 'opened') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    names text := ''; r record; found bigint;
BEGIN
    FOR r IN SELECT id, name FROM pulse.route ORDER BY id LOOP
        UPDATE pulse.route SET enabled = id = r.id;
        PERFORM plan.happen(what, kind, severity, detector => detector), plan_notices();
        SELECT count(*) INTO found FROM pulse.outbox;
        names := names || CASE WHEN found > 0 THEN ' ' || r.name ELSE '' END;
        DELETE FROM pulse.outbox;
        IF kind = 'opened' THEN DELETE FROM pulse.incident_record; END IF;
    END LOOP;
    UPDATE pulse.route SET enabled = true;
    RETURN names;
END $$;
SELECT plan.who('A', 'low') AS a, plan.who('B', 'high') AS b, plan.who('C', 'critical') AS c, plan.who('app.users', 'medium', 'table_volume') AS volume,
    plan.who('app.users', 'high', 'table_schema') AS schema;
-- Later events go where the alarm went.
SELECT plan.happen('C', 'opened', 'critical'), plan.happen('C', 'eased', 'low');
DELETE FROM pulse.notice;
SELECT plan.who('C', 'low', kind => 'resolved'), plan.who('C', 'low', kind => 'acknowledged');
-- An unknown time zone does not stop messages.
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack}') > 0;
UPDATE pulse.route SET time_zone = 'Nowhere/Land', quiet_from = '00:00', quiet_until = '00:01', digest = 'hourly';
SELECT plan.happen('A', 'opened'), plan_notices();
SELECT count(*) FROM plan.waiting;
-- All routes disabled: nothing is sent.
SELECT pulse_update_route('r', enabled => false);
SELECT status, error FROM pulse.outbox;
SELECT plan.happen('B', 'opened'), plan_notices();
SELECT count(*) FROM plan.waiting;

-- ---- grouping ----
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack}', group_wait => '10 s') > 0;
SELECT plan.happen('A', 'opened'), plan.happen('B', 'opened', team => 'A'), plan.happen('C', 'opened', team => 'A'), plan.happen('D', 'opened'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT plan.label(incident_id), folded_into IS NULL AS head, state FROM pulse.outbox ORDER BY id;
-- Each of them ends separately, in the thread of the common message.
SELECT plan.happen('B', 'resolved'), plan.happen('A', 'worsened', 'critical'), plan_notices(), plan.due();
SELECT plan.deliver();
-- An alarm that joins a group whose first message is due is sent with it, although its own wait is not over; it is not sent again later.
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack,mail}', group_wait => '1 hour') > 0;
SELECT plan.happen('A', 'opened'), plan_notices(), plan.due(60), plan.happen('B', 'opened', team => 'A'), plan_notices();
SELECT plan.deliver();
SELECT plan.due(60);
SELECT plan.deliver();

-- ---- quiet hours and digests ----
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack}', quiet_hours => to_char(now() - interval '1 hour', 'HH24:MI') || '-' || to_char(now() + interval '2 hours', 'HH24:MI'), time_zone => 'UTC') > 0;
SELECT plan.happen('A', 'opened'), plan.happen('B', 'opened', 'low'), plan.happen('C', 'opened', 'critical'), plan.happen('D', 'opened'), plan.happen('D', 'resolved'), plan_notices(), plan.due();
SELECT channel, event, about, minutes BETWEEN 115 AND 120 AS two_hours, fold FROM plan.waiting;
SELECT plan.deliver();
-- An incident that becomes critical is sent now, in its current state; the others become one message.
SELECT plan.happen('B', 'worsened', 'critical'), plan_notices(), plan.due(1);
SELECT plan.deliver();
SELECT plan.happen('C', 'acknowledged', 'critical'), plan.happen('app.users', 'opened', detector => 'table_volume'), plan_notices(), plan.due(120);
SELECT plan.deliver();
-- A digest leaves out incidents that were closed before.
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack}', digest => 'daily', digest_at => (now() + interval '3 hours')::time, time_zone => 'UTC') > 0;
SELECT plan.happen('A', 'opened'), plan.happen('A', 'worsened', 'critical'), plan.happen('B', 'opened'), plan.happen('B', 'resolved'), plan.happen('C', 'opened', 'low'), plan_notices();
SELECT channel, event, about, minutes BETWEEN 175 AND 180 AS three_hours, fold FROM plan.waiting;
SELECT plan.due(180);
SELECT plan.deliver();
SELECT event, plan.label(incident_id), status, folded_into IS NULL AS head, state, error FROM pulse.outbox ORDER BY id;
SELECT plan.happen('A', 'resolved', 'critical'), plan.happen('C', 'resolved', 'low'), plan_notices(), plan.due(24 * 60);
SELECT plan.deliver();
-- Messages that are due at another time are not included.
SELECT plan.happen('D', 'opened'), plan_notices(), plan.due(180 + 24 * 60), plan.happen('app.users', 'opened', detector => 'table_volume'), plan_notices();
SELECT plan.deliver();
SELECT event, about FROM plan.waiting;
-- A digest and an immediate alarm to the same channel: sent once, and immediately.
SELECT plan.reset();
SELECT pulse_create_route('day', '{slack}', digest => 'daily') > 0, pulse_create_route('severe', '{slack}', min_severity => 'critical') > 0;
SELECT plan.happen('A', 'opened', 'low'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT plan.happen('A', 'worsened', 'critical'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT count(*) FROM plan.waiting;

-- ---- cool-down ----
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack}', cool_down => '2 hours', group_wait => '0') > 0;
SELECT plan.happen('A', 'opened'), plan_notices();
SELECT plan.deliver();
SELECT plan.happen('A', 'opened', detector => 'null_spike'), plan.happen('A', 'opened', 'low', detector => 'new_value'), plan.happen('B', 'opened'), plan_notices();
SELECT event, about, minutes, fold FROM plan.waiting;
SELECT plan.happen('A', 'worsened', 'critical'), plan_notices();
SELECT plan.deliver();
SELECT plan.due(121);
SELECT plan.deliver();
-- It counts from sent alarms: a cancelled alarm does not delay others.
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack}', cool_down => '2 hours', group_wait => '0') > 0;
SELECT plan.happen('A', 'opened'), plan.happen('A', 'resolved'), plan_notices();
SELECT plan.deliver();
SELECT plan.happen('A', 'opened', detector => 'null_spike'), plan_notices();
SELECT plan.deliver();

-- ---- escalation ----
SELECT plan.reset();
SELECT pulse_create_route('r', '{slack}', escalate_after => '30 min', escalate_to => '{mail,slack}', group_wait => '0') > 0;
SELECT plan.happen('A', 'opened'), plan.happen('B', 'opened'), plan.happen('C', 'opened'), plan_notices();
SELECT plan.deliver();
SELECT channel, event, about, minutes FROM plan.waiting;
-- B is acknowledged, C is resolved: their escalations are cancelled immediately.
SELECT plan.happen('B', 'acknowledged'), plan.happen('C', 'resolved'), plan_notices();
SELECT plan.deliver();
SELECT channel, event, plan.label(incident_id), error FROM pulse.outbox WHERE kind = 'escalation' AND status = 'cancelled' ORDER BY id;
SELECT plan.due(31);
SELECT plan.deliver();
-- Acknowledged between planning and sending; and the channels of an escalation receive the end.
SELECT plan.happen('D', 'opened'), plan_notices(), plan.due(31);
UPDATE pulse.incident_record SET status = 'acknowledged' WHERE plan.label(id) = 'D';
SELECT plan.deliver();
SELECT plan.happen('A', 'resolved'), plan_notices();
SELECT plan.deliver();

-- ---- PagerDuty has one incident for each of ours ----
SELECT plan.reset();
CREATE SERVER duty FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'pagerduty');
SELECT pulse_create_route('r', '{duty,slack}') > 0;
SELECT plan.happen('A', 'opened'), plan.happen('B', 'opened', team => 'A'), plan_notices(), plan.due();
SELECT plan.deliver();
SELECT plan.happen('A', 'acknowledged'), plan.happen('B', 'ignored'), plan_notices();
SELECT plan.deliver();
SELECT plan.happen('A', 'resolved'), plan_notices();
SELECT plan.deliver();

-- PagerDuty is also the channel of the route, and is notified by the escalation while the first message is being sent: one incident there, which is closed with ours.
SELECT plan.reset();
SELECT pulse_create_route('r', '{duty}', escalate_after => '30 min', escalate_to => '{duty}', group_wait => '0') > 0;
SELECT plan.happen('A', 'opened'), plan_notices(), plan.due(31);
SELECT compose_message(id) FROM pulse.outbox WHERE event = 'opened';
UPDATE pulse.outbox SET status = 'sending' WHERE event = 'opened';
SELECT compose_message(id) FROM pulse.outbox WHERE event = 'escalated';
SELECT count(*), count(DISTINCT payload ->> 'dedup_key'), count(DISTINCT thread), count(DISTINCT key) FROM pulse.outbox;
-- The other way round: the escalation that is being sent is enough.
SELECT plan.reset();
SELECT pulse_create_route('r', '{duty}', escalate_after => '30 min', escalate_to => '{duty}', group_wait => '0') > 0;
SELECT plan.happen('A', 'opened'), plan_notices(), plan.due(31);
SELECT compose_message(id) FROM pulse.outbox WHERE event = 'escalated';
SELECT compose_message(id) FROM pulse.outbox WHERE event = 'opened';
SELECT plan.happen('A', 'worsened', 'critical'), plan_notices(), plan.due();
SELECT compose_message(id) FROM pulse.outbox WHERE event = 'worsened';
SELECT event, status, error, payload ->> 'dedup_key' = (SELECT e.key FROM pulse.outbox AS e WHERE e.event = 'escalated') AS same_thread FROM pulse.outbox ORDER BY id;

-- ---- a notice that cannot be planned does not stop others ----
SELECT plan.reset();
SELECT plan.happen('A', 'opened'), plan.happen('B', 'opened'), plan.happen('C', 'opened');
SELECT id AS bad FROM pulse.incident_record WHERE plan.label(id) = 'B' \gset
ALTER TABLE pulse.outbox ADD CONSTRAINT bad CHECK (incident_id <> :bad);
SET log_min_messages = error;
SELECT plan_notices();
RESET log_min_messages;
SELECT DISTINCT plan.label(incident_id) FROM pulse.outbox ORDER BY 1;
SELECT count(*) FROM pulse.notice;
ALTER TABLE pulse.outbox DROP CONSTRAINT bad;
-- A temporary error deletes no notice.
SELECT plan.happen('A', 'worsened', 'critical');
CREATE FUNCTION plan.busy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE lock_not_available; END $$;
CREATE TRIGGER busy BEFORE INSERT ON pulse.outbox EXECUTE FUNCTION plan.busy();
SELECT plan_notices();
DROP TRIGGER busy ON pulse.outbox;
SELECT plan_notices();

-- ---- subscriptions ----
SELECT plan.reset();
SELECT subscription FROM pulse_subscribe('https://hook.example/a', name => 'machine');
SELECT subscription FROM pulse_subscribe('https://hook.example/b', '{snapshot.taken}', name => 'counter');
INSERT INTO pulse.subscription (channel, events, created_by) VALUES ('gone', '{incident.opened}', 'me');
SELECT plan.happen('A', 'opened'), plan.happen('A', 'worsened', 'critical'), plan.happen('A', 'note', 'critical'), plan.happen('A', 'resolved', 'critical');
INSERT INTO pulse.snapshot (segment_id, taken_at, version, size, converted, entered, exited)
SELECT id, date_trunc('hour', now()), 1, 1000, 100, 20, 10 FROM pulse.segment WHERE name IN ('A', 'B');
INSERT INTO pulse.notice (event, kind, snapshot_id, at) SELECT 'snapshot.taken', 'taken', id, taken_at FROM pulse.snapshot ORDER BY id;
SELECT plan_notices();
-- The channel of a subscription does not receive other messages.
SELECT channel, kind, event, plan.label(incident_id), regexp_replace(order_key, '[0-9]+', 'N') AS order_key, payload ->> 'type' AS type,
    payload #>> '{data,happened,kind}' AS happened, payload #>> '{data,segment}' AS segment, payload #>> '{data,entered}' AS entered
FROM pulse.outbox WHERE channel IN ('machine', 'counter', 'gone') ORDER BY id;
SELECT count(*) FROM pulse.outbox WHERE channel NOT IN ('slack', 'mail', 'duty') AND kind <> 'event';
SELECT key, jsonb_typeof(value) FROM jsonb_each((SELECT payload -> 'data' FROM pulse.outbox WHERE event = 'snapshot.taken' ORDER BY id LIMIT 1)) ORDER BY key COLLATE "C";
SELECT pulse_unsubscribe('machine'), pulse_unsubscribe('counter'), pulse_unsubscribe('gone');
SELECT DISTINCT status, error FROM pulse.outbox WHERE kind = 'event';

-- Two workers at once, one notice each.
SELECT plan.reset();
SELECT plan.happen('A', 'opened'), plan.happen('B', 'opened');
SELECT plan_notices(0), plan_notices(1), plan_notices(1), plan_notices(1);

-- Finding messages with the same fold key uses an index, however many are pending.
INSERT INTO pulse.outbox (channel, kind, event, order_key, fold_key)
SELECT 'slack', 'incident', 'opened', 'incident:' || i, CASE WHEN i % 100 = 0 THEN 'route:' || i END FROM generate_series(1000, 21000) AS i;
ANALYZE pulse.outbox;
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT o.id FROM pulse.outbox AS o WHERE o.channel = 'slack' AND o.fold_key = 'route:2000' AND o.status = 'pending';
RESET enable_seqscan;

-- Another room composes its own kind of messages; a message of an unregistered kind must have a payload.
INSERT INTO pulse.outbox (channel, kind, event) VALUES ('slack', 'survey', 'end'), ('slack', 'poll', 'end');
SELECT compose_message(id) FROM pulse.outbox WHERE kind = 'survey';
SELECT compose_message(id) FROM pulse.outbox WHERE kind = 'poll';

DELETE FROM pulse.outbox;
DELETE FROM pulse.segment;
DELETE FROM pulse.monitor;
DROP SERVER slack;
DROP SERVER mail;
DROP SERVER duty;
DROP SCHEMA plan CASCADE;
