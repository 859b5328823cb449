-- Room insight: the quality of events, against an oracle in plain SQL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
\set SHOW_CONTEXT never
\set VERBOSITY default
SET client_min_messages = warning;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.message_seen,
    pulse.event_day, pulse.event_hour, pulse.event_source_hour, pulse.event_property_day, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total;
RESET client_min_messages;
SET pulse.now = '2015-03-10 12:30';

-- Nothing yet.
SELECT * FROM pulse_event_quality();
SELECT * FROM pulse_event_quality(by => '');
SELECT pulse_event_quality_settings();

-- ---- single events: each part ----
SELECT pulse_track('ann', 'full', '{"a": 1}', '2015-03-10 12:29', context => '{"campaign": {"name": "spring"}, "userAgent": "x", "ip": "10.0.0.1"}') IS NOT NULL AS tracked;
SELECT pulse_track('bob', 'bare', '{}', '2015-03-10 10:00') IS NOT NULL AS tracked;
SELECT pulse_track('bob', 'half', '{"a": null}', '2015-03-10 12:00', context => '{"campaign": {}, "userAgent": "", "ip": "10.0.0.1"}') IS NOT NULL AS tracked;
SELECT event, source, events, score, band, identifiers, properties, delay, context, excellent, good, fair, poor FROM pulse_event_quality() ORDER BY event;
-- An e-mail counts from when the person had it: later events, not earlier ones.
SET pulse.now = '2015-03-10 13:00';
SELECT pulse_identify('bob', '{"email": "bob@example.com"}') IS NOT NULL AS bob;
SELECT pulse_track('bob', 'bare', '{}', '2015-03-10 12:59') IS NOT NULL AS tracked;
SELECT event, events, score, identifiers, delay FROM pulse_event_quality(by => 'event') WHERE event = 'bare';
-- Of a past moment: what had been received then.
SET pulse.now = '2015-03-10 12:30';
SELECT event, events, score FROM pulse_event_quality(by => 'event') ORDER BY event;
SET pulse.now = '2015-03-10 13:00';
-- What would raise it, the most first.
SELECT jsonb_pretty(gains) FROM pulse_event_quality(by => 'event') WHERE event = 'half';

-- ---- random events against the oracle ----
-- People with and without an e-mail, merged ones, late events, three sources, versions.
SELECT setseed(0.5);
DO $$
BEGIN
    FOR d IN 0..9 LOOP
        PERFORM set_config('pulse.now', ('2015-04-01'::date + d + time '12:00')::text, false);
        PERFORM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', CASE WHEN random() < 0.1 THEN 'identify' ELSE 'track' END,
            'event', (ARRAY['view', 'buy', 'play'])[1 + floor(random() * 3)], 'messageId', s || ' ' || d || ' ' || i)
            || CASE WHEN random() < 0.5 THEN jsonb_build_object('userId', 'p' || floor(random() * 60)) ELSE jsonb_build_object('anonymousId', 'd' || floor(random() * 60), 'userId', 'p' || floor(random() * 60)) END
            || CASE WHEN random() < 0.1 THEN jsonb_build_object('traits', jsonb_build_object('email', 'p' || floor(random() * 60) || '@example.com')) ELSE '{}' END
            || jsonb_build_object('timestamp', pulse_now() - random() ^ 4 * interval '4 hours',
                'properties', CASE WHEN random() < 0.7 THEN '{"a": 1}' ELSE '{}' END::jsonb,
                'context', jsonb_strip_nulls(jsonb_build_object('campaign', CASE WHEN random() < 0.3 THEN '{"name": "x"}'::jsonb END, 'userAgent', CASE WHEN random() < 0.6 THEN 'agent' END,
                    'ip', CASE WHEN random() < 0.5 THEN '10.0.0.9' END, 'app', CASE WHEN random() < 0.9 THEN jsonb_build_object('version', CASE WHEN d = 3 AND i < 4 THEN '9.9' ELSE '5.' || floor(random() * 3) END) END))))
            FROM generate_series(1, 60) AS i), s) FROM unnest(ARRAY['web', 'server', 'app']) AS s;
    END LOOP;
END $$;
SELECT count(*) > 1500 AS events, count(*) FILTER (WHERE received_at - time >= interval '5 minutes') > 300 AS slow FROM pulse.event WHERE time >= '2015-04-01';
SELECT count(pulse_merge('p' || i, 'p' || i + 1, 'one person')) AS merges FROM generate_series(0, 18, 2) AS i;
SELECT count(*) > 0 AS merged FROM pulse.profile WHERE canonical_id <> id;
CREATE TEMPORARY VIEW oracle AS
SELECT e.name AS event, e.source, (e.time AT TIME ZONE 'UTC')::date AS day, e.context #>> '{app,version}' AS app_version,
    CASE WHEN EXISTS (SELECT FROM pulse.profile AS p JOIN pulse.profile AS q ON q.canonical_id = p.canonical_id JOIN pulse.identity AS i ON i.profile_id = q.id
                      WHERE p.id = e.profile_id AND i.kind IN ('email', 'phone') AND i.first_seen_at <= e.received_at) THEN 40 ELSE 20 END AS identifiers,
    CASE WHEN e.properties = '{}' THEN 0 ELSE 25 END AS properties,
    CASE WHEN e.received_at < e.time + interval '5 minutes' THEN 20 WHEN e.received_at < e.time + interval '1 hour' THEN 10 ELSE 0 END AS delay,
    CASE WHEN e.context ? 'campaign' THEN 5 ELSE 0 END + CASE WHEN e.context ? 'userAgent' THEN 5 ELSE 0 END + CASE WHEN e.context ? 'ip' THEN 5 ELSE 0 END AS context,
    e.context ? 'userAgent' AS has_agent
FROM pulse.event AS e WHERE e.time >= '2015-04-01' AND e.time < '2015-04-11';
CREATE TEMPORARY VIEW scored AS SELECT *, identifiers + properties + delay + context AS score FROM oracle;
SELECT count(DISTINCT score) > 10 AS many_scores FROM scored;
-- No row differs, whatever it is grouped by.
SELECT 'event, source, day, app_version' AS by, * FROM (
    SELECT event, source, day, app_version, count(*) AS events, round(avg(score), 2)::float8 AS score, round(avg(identifiers), 2)::float8, round(avg(properties), 2)::float8, round(avg(delay), 2)::float8,
        round(avg(context), 2)::float8, count(*) FILTER (WHERE score >= 80), count(*) FILTER (WHERE score >= 60 AND score < 80), count(*) FILTER (WHERE score >= 40 AND score < 60), count(*) FILTER (WHERE score < 40)
    FROM scored GROUP BY event, source, day, app_version
    EXCEPT SELECT event, source, day, app_version, events, score, identifiers, properties, delay, context, excellent, good, fair, poor FROM pulse_event_quality('2015-04-01', '2015-04-11', 'event, source, day, app_version')) AS d;
SELECT count(*) = (SELECT count(*) FROM (SELECT FROM scored GROUP BY event, source, day, app_version) AS g) AS as_many FROM pulse_event_quality('2015-04-01', '2015-04-11', 'event, source, day, app_version');
SELECT 'event' AS by, * FROM (SELECT event, count(*), round(avg(score), 2)::float8 FROM scored GROUP BY event EXCEPT SELECT event, events, score FROM pulse_event_quality('2015-04-01', '2015-04-11', 'event')) AS d;
SELECT 'day' AS by, * FROM (SELECT day, count(*), round(avg(score), 2)::float8 FROM scored GROUP BY day EXCEPT SELECT day, events, score FROM pulse_event_quality('2015-04-01', '2015-04-11', ' day ')) AS d;
SELECT 'all' AS by, * FROM (SELECT count(*), round(avg(score), 2)::float8 FROM scored EXCEPT SELECT events, score FROM pulse_event_quality('2015-04-01', '2015-04-11', '')) AS d;

-- ---- settings: other points from now on; what was before is scored as it was ----
SET pulse.now = '2015-04-11 12:00';
SELECT pulse_set_event_quality('{"contact": 35, "properties": 25, "prompt": 20, "user_agent": 10, "identifier": 0}');
SELECT 'settings' AS by, * FROM (
    SELECT count(*), round(avg(n.score), 2)::float8, count(*) FILTER (WHERE n.score >= 80)
    FROM (SELECT (identifiers - 20) / 20 * 35 + properties + delay + context + CASE WHEN has_agent THEN 5 ELSE 0 END AS score FROM oracle) AS n
    EXCEPT SELECT events, score, excellent FROM pulse_event_quality('2015-04-01', '2015-04-11', '')) AS d;
SELECT valid_from, settings ->> 'contact' AS contact FROM pulse.event_quality_setting;
SELECT action, subject, details -> 'after' ->> 'contact' AS contact FROM pulse.audit WHERE action = 'event_quality.changed';
SET pulse.now = '2015-04-11 11:00';
SELECT pulse_event_quality_settings() ->> 'contact' AS contact;
SET pulse.now = '2015-04-12 12:00';
SELECT pulse_set_event_quality('{"contact": null, "user_agent": null, "identifier": null, "excellent": 90}');
SELECT band, excellent FROM pulse_event_quality('2015-03-10', '2015-03-11', 'event') WHERE event = 'full';

-- ---- errors ----
SELECT pulse_set_event_quality(NULL);
SELECT pulse_set_event_quality('[]');
SELECT pulse_set_event_quality('{}') ->> 'excellent' AS excellent;
SELECT pulse_set_event_quality('{"contact": 50}');
SELECT pulse_set_event_quality('{"kontact": 50}');
SELECT pulse_set_event_quality('{"ip": "NaN"}');
SELECT pulse_set_event_quality('{"ip": 1e300}');
SELECT pulse_set_event_quality('{"ip": -1}');
SELECT pulse_set_event_quality('{"identifier": 41}');
SELECT pulse_set_event_quality('{"soon": 21}');
SELECT pulse_set_event_quality('{"fair": 61}');
SET pulse.now = '2999-01-01';
SELECT pulse_set_event_quality('{"excellent": 81}');
SET pulse.now = '2015-04-12 12:00';
SELECT * FROM pulse_event_quality('2015-04-02', '2015-04-01');
SELECT * FROM pulse_event_quality('2010-04-02', '2015-04-01');
SELECT * FROM pulse_event_quality('-infinity', 'infinity');
SELECT * FROM pulse_event_quality('-infinity', '2015-04-01');
SELECT * FROM pulse_event_quality(NULL, 'infinity');
SELECT * FROM pulse_event_quality(by => 'person');
SELECT * FROM pulse_event_quality(by => 'event,,day');
SELECT count(*) FROM pulse_event_quality('2015-04-01', '2015-04-01');
SELECT count(*) > 0 AS default_range FROM pulse_event_quality(NULL, NULL, NULL);

-- ---- privileges: a reader sees figures; of versions only those of ten people ----
CREATE ROLE regress_quality;
CREATE ROLE regress_quality_people;
CREATE ROLE regress_quality_nobody;
SELECT pulse_grant('regress_quality', 'reader'), pulse_grant('regress_quality_people', 'people_reader');
SELECT app_version, events > 0 AS some FROM pulse_event_quality('2015-04-01', '2015-04-11', 'app_version') ORDER BY 1;
SET ROLE regress_quality;
SELECT app_version, events > 0 AS some FROM pulse_event_quality('2015-04-01', '2015-04-11', 'app_version') ORDER BY 1;
SELECT pulse_set_event_quality('{"excellent": 81}');
SELECT count(*) FROM pulse_event_anomalies();
SELECT pulse_event_anomaly_summary() ? 'quality' AS summary;
SELECT * FROM pulse_check_events();
SET ROLE regress_quality_people;
SELECT count(*) FROM pulse_event_quality('2015-04-01', '2015-04-11', 'app_version');
SET ROLE regress_quality_nobody;
SELECT * FROM pulse_event_quality();
SELECT * FROM pulse_event_anomalies();
RESET ROLE;
DROP OWNED BY regress_quality, regress_quality_people;
DROP ROLE regress_quality, regress_quality_people, regress_quality_nobody;
DROP VIEW scored, oracle;
SET client_min_messages = warning;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.message_seen,
    pulse.event_day, pulse.event_hour, pulse.event_source_hour, pulse.event_property_day, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.event_quality_setting;
