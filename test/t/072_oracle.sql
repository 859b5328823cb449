CREATE FUNCTION define(name text, rule text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pulse.segment AS s (name, kind, definition, runs_as, search_path)
    VALUES (name, 'profile', jsonb_build_object('where', rule), current_user, 'public')
    ON CONFLICT ON CONSTRAINT segment_name_key DO UPDATE SET definition = EXCLUDED.definition, version = s.version + 1;
END $$;
-- Written by hand, from raw events and profiles alone.
CREATE FUNCTION oracle(now timestamptz, edited boolean) RETURNS TABLE (segment text, profile_id bigint) LANGUAGE sql STABLE AS $$
    WITH e AS (
        SELECT p.canonical_id AS person, v.name, v.time, v.received_at, v.id, v.properties
        FROM pulse.event AS v JOIN pulse.profile AS p ON p.id = v.profile_id WHERE v.time <= now
    ), person AS (
        SELECT p.id, p.attributes ->> 'plan' AS plan,
            (SELECT count(*) FROM e WHERE e.person = p.id AND e.name = 'purchase' AND e.time > now - interval '720 hours') AS buys_30d,
            (SELECT coalesce(sum((e.properties ->> 'total')::numeric), 0) FROM e WHERE e.person = p.id AND e.name = 'purchase' AND e.time > now - interval '168 hours') AS spent_7d,
            (SELECT count(DISTINCT (e.time AT TIME ZONE 'UTC')::date) FROM e WHERE e.person = p.id AND e.name = 'app_open' AND e.time > now - interval '336 hours') AS days_14d,
            (SELECT max(e.time) FROM e WHERE e.person = p.id) AS seen,
            (SELECT count(*) FROM e WHERE e.person = p.id AND e.name = 'purchase' AND e.time > now - interval '336 hours' AND e.time <= now - interval '72 hours') AS between_buys,
            (SELECT count(*) FROM e WHERE e.person = p.id AND e.name = 'purchase' AND e.properties ->> 'category' = 'a' AND e.time > now - interval '240 hours') AS a_10d,
            (SELECT e.properties ->> 'category' FROM e WHERE e.person = p.id AND e.name = 'purchase' ORDER BY e.time DESC, e.received_at DESC, e.id DESC LIMIT 1) AS last_category,
            (SELECT avg((e.properties ->> 'total')::numeric) FROM e WHERE e.person = p.id AND e.name = 'purchase' AND e.time > now - interval '480 hours') AS avg_20d,
            (SELECT count(*) FROM e WHERE e.person = p.id AND e.name = 'app_open' AND e.time > now - interval '24 hours') AS opens_1d,
            (SELECT max((e.properties ->> 'total')::numeric) FROM e WHERE e.person = p.id AND e.name = 'purchase') AS dearest,
            -- Rules about visits need no earlier events.
            (SELECT count(*) FROM e WHERE e.person = p.id AND e.name = 'visit' AND e.time > now - interval '240 hours') AS visits_10d,
            (SELECT coalesce(sum((e.properties ->> 'total')::numeric), 0) FROM e WHERE e.person = p.id AND e.name = 'visit' AND jsonb_typeof(e.properties -> 'total') = 'number'
                AND (e.properties ->> 'total')::numeric > 50 AND e.time > now - interval '480 hours') AS large_20d,
            (SELECT coalesce(sum((e.properties ->> 'total')::numeric), 0) FROM e WHERE e.person = p.id AND e.name = 'visit' AND jsonb_typeof(e.properties -> 'total') = 'number') AS visits_total,
            EXISTS (SELECT FROM e WHERE e.person = p.id AND e.name = 'visit' AND e.properties ->> 'category' = 'a' AND e.time > now - interval '216 hours') AS a_9d,
            (SELECT min(e.time) FROM e WHERE e.person = p.id AND e.name = 'visit') AS first_visit,
            (SELECT min(e.time) FROM e WHERE e.person = p.id AND e.name = 'visit' AND e.time > now - interval '480 hours') AS first_20d,
            (SELECT max(e.time) FROM e WHERE e.person = p.id AND e.name = 'visit' AND e.time > now - interval '480 hours') AS last_20d
        FROM pulse.profile AS p WHERE p.canonical_id = p.id
    )
    SELECT s.name, p.id FROM person AS p CROSS JOIN LATERAL (VALUES
        ('r1', p.buys_30d >= CASE WHEN edited THEN 2 ELSE 1 END),
        ('r2', p.spent_7d > 100),
        ('r3', p.days_14d >= 3),
        ('r4', floor(extract(epoch FROM now - p.seen) / 60) < 1440),
        ('r5', p.plan IN ('premium', 'enterprise')),
        ('r6', p.between_buys >= 1),
        ('r7', p.buys_30d = 0),
        ('r8', p.a_10d >= 1 AND p.plan = 'premium'),
        ('r9', coalesce(p.buys_30d >= CASE WHEN edited THEN 2 ELSE 1 END, false) AND NOT coalesce(p.plan IN ('premium', 'enterprise'), false)),
        ('r10', p.last_category = 'b'),
        ('r11', p.avg_20d >= 40),
        ('r12', p.opens_1d >= 1 OR p.dearest > 90),
        ('r13', p.visits_10d >= 3),
        ('r14', p.large_20d > 120),
        ('r15', p.visits_total >= 200),
        ('r16', p.a_9d),
        ('r17', floor(extract(epoch FROM now - p.first_visit) / 3600) > 300),
        ('r18', floor(extract(epoch FROM now - p.first_20d) / 3600) > 200),
        ('r19', floor(extract(epoch FROM now - p.last_20d) / 3600) > 100)) AS s (name, member)
    WHERE s.member AND p.seen IS NOT NULL  -- a person does not exist before the first event
$$;
CREATE FUNCTION differences(edited boolean) RETURNS TABLE (what text, segment text, profile_id bigint) LANGUAGE sql STABLE AS $$
    (SELECT 'missing', o.segment, o.profile_id FROM oracle(pulse_now(), edited) AS o EXCEPT SELECT 'missing', m.segment, m.profile_id FROM pulse.membership AS m)
    UNION ALL
    (SELECT 'extra', m.segment, m.profile_id FROM pulse.membership AS m EXCEPT SELECT 'extra', o.segment, o.profile_id FROM oracle(pulse_now(), edited) AS o)
    UNION ALL
    (SELECT 'twice', m.segment, m.profile_id FROM pulse.membership AS m GROUP BY 2, 3 HAVING count(*) > 1)
$$;
-- Compares the log of changes with the stored members.
CREATE FUNCTION replayed() RETURNS TABLE (what text, segment_id bigint, profile_id bigint) LANGUAGE sql STABLE AS $$
    WITH log AS (
        SELECT c.segment_id, c.profile_id, sum(CASE c.change WHEN 'entered' THEN 1 ELSE -1 END) AS n FROM pulse.membership_change AS c GROUP BY 1, 2
    )
    (SELECT 'log', l.segment_id, l.profile_id FROM log AS l WHERE l.n = 1 EXCEPT SELECT 'log', m.segment_id, m.profile_id FROM pulse.member AS m)
    UNION ALL
    (SELECT 'member', m.segment_id, m.profile_id FROM pulse.member AS m EXCEPT SELECT 'member', l.segment_id, l.profile_id FROM log AS l WHERE l.n = 1)
    UNION ALL
    (SELECT 'count ' || l.n, l.segment_id, l.profile_id FROM log AS l WHERE l.n NOT IN (0, 1))
$$;
-- Inconsistent changes by position: a member enters, a non-member leaves, or the last change contradicts the membership.
CREATE FUNCTION disorder() RETURNS TABLE (what text, segment_id bigint, profile_id bigint) LANGUAGE sql STABLE AS $$
    WITH log AS (
        SELECT c.segment_id, c.profile_id, c.position, c.change, lag(c.change) OVER w AS before, lead(c.change) OVER w AS after
        FROM pulse.membership_change AS c WINDOW w AS (PARTITION BY c.segment_id, c.profile_id ORDER BY c.position)
    )
    SELECT 'place ' || l.position, l.segment_id, l.profile_id FROM log AS l WHERE l.change = coalesce(l.before, 'exited')
    UNION ALL
    SELECT 'end ' || l.change, l.segment_id, l.profile_id FROM log AS l WHERE l.after IS NULL AND (l.change = 'entered') <> EXISTS (
        SELECT FROM pulse.member AS m WHERE m.segment_id = l.segment_id AND m.profile_id = l.profile_id)
    UNION ALL
    SELECT 'no place', c.segment_id, c.profile_id FROM pulse.membership_change AS c WHERE c.position IS NULL
$$;
CREATE FUNCTION history(steps int, seed numeric) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := '2015-03-01 00:00+00';
    at timestamptz;
    r double precision;
    n int;
    edited boolean := false;
    looks int := 0;
    wrong record;
    merges bigint[] := '{}';
    one text; two text;
BEGIN
    PERFORM setseed(seed::double precision);
    FOR i IN 1 .. steps LOOP
        now := now + make_interval(secs => floor(random() * random() * 200000));
        PERFORM set_config('pulse.now', now::text, true);
        r := random();
        one := 'u' || floor(random() * 12)::int; two := 'u' || floor(random() * 12)::int;
        IF r < 0.45 THEN
            at := now - make_interval(secs => CASE WHEN random() < 0.6 THEN 0 ELSE floor(random() * 3500000) END);
            PERFORM pulse_track(one, CASE WHEN random() < 0.5 THEN 'visit' ELSE 'purchase' END,
                jsonb_build_object('total', floor(random() * 100), 'category', chr(97 + floor(random() * 3)::int)), at => at);
        ELSIF r < 0.46 THEN
            PERFORM pulse_track(one, 'visit', '{"total": "many"}', at => now);
        ELSIF r < 0.7 THEN
            at := now - make_interval(secs => CASE WHEN random() < 0.6 THEN 0 ELSE floor(random() * 1500000) END);
            PERFORM pulse_track(one, 'app_open', at => at);
        ELSIF r < 0.78 THEN
            PERFORM pulse_identify(one, jsonb_build_object('plan', (ARRAY['free', 'premium', 'enterprise', NULL])[1 + floor(random() * 4)::int]));
        ELSIF r < 0.83 THEN
            BEGIN
                merges := merges || pulse_merge(one, two, 'test');
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        ELSIF r < 0.87 AND cardinality(merges) > 0 THEN
            BEGIN
                PERFORM pulse_unmerge(merges[cardinality(merges)], 'test');
                merges := merges[: cardinality(merges) - 1];
            EXCEPTION WHEN OTHERS THEN merges := merges[: cardinality(merges) - 1];
            END;
        ELSIF r < 0.89 THEN
            edited := NOT edited;
            PERFORM define('r1', CASE WHEN edited THEN 'events.purchase.count_30d >= 2' ELSE 'events.purchase.count_30d >= 1' END);
            PERFORM pulse_refresh_definitions();
        ELSIF r < 0.93 THEN
            PERFORM pulse_run_pipeline();
        ELSE
            -- A whole batch.
            PERFORM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('userId', 'u' || floor(random() * 12)::int, 'type', 'track', 'event',
                (ARRAY['purchase', 'visit', 'app_open', 'other'])[1 + floor(random() * 4)::int], 'timestamp', now - make_interval(secs => floor(random() * 900000)),
                'properties', jsonb_build_object('total', floor(random() * 100), 'category', 'b'))) FROM generate_series(1, 12)));
        END IF;
        IF current_setting('pulse.evaluation') = 'async' THEN PERFORM pulse_run_pipeline(); END IF;
        FOR look IN 0 .. 2 LOOP
            at := CASE look WHEN 0 THEN now WHEN 1 THEN now + make_interval(secs => floor(random() * 4000000)) ELSE now - make_interval(secs => floor(random() * 4000000)) END;
            CONTINUE WHEN look > 0 AND random() < 0.7;
            PERFORM set_config('pulse.now', at::text, true);
            looks := looks + 1;
            FOR wrong IN SELECT * FROM differences(edited) LOOP
                RETURN NEXT format('step %s (%s) at %s: %s %s of %s', i, r, at, wrong.what, wrong.profile_id, wrong.segment);
            END LOOP;
        END LOOP;
        PERFORM set_config('pulse.now', now::text, true);
        FOR wrong IN SELECT * FROM replayed() LOOP
            RETURN NEXT format('step %s: %s %s of %s', i, wrong.what, wrong.profile_id, wrong.segment_id);
        END LOOP;
        FOR wrong IN SELECT t.profile_id, t.value, (SELECT coalesce(sum((e.properties ->> 'total')::numeric), 0) FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id
                     WHERE p.canonical_id = t.profile_id AND e.name = 'purchase' AND e.time <= now) AS expected FROM pulse.trait_value AS t WHERE t.key = 'total_spent' LOOP
            IF wrong.value::numeric IS DISTINCT FROM wrong.expected THEN RETURN NEXT format('step %s: trait of %s is %s, not %s', i, wrong.profile_id, wrong.value, wrong.expected); END IF;
        END LOOP;
    END LOOP;
    RETURN NEXT 'looked ' || (looks > steps)::text;
END $$;
INSERT INTO pulse.trait (key, expression, type, created_at, updated_at) VALUES ('total_spent', 'events.purchase.sum(total)', 'number', now(), now());
SELECT define(name, rule) FROM (VALUES
    ('r1', 'events.purchase.count_30d >= 1'), ('r2', 'events.purchase.sum(total, 7d) > 100'), ('r3', 'events.app_open.unique_days_14d >= 3'),
    ('r4', 'last_seen_minutes_ago < 1440'), ('r5', 'profile.plan in ["premium", "enterprise"]'), ('r6', 'events.purchase.count(14d..3d) >= 1'),
    ('r7', 'events.purchase.count_30d == 0'), ('r8', 'events.purchase{category == "a"}.count_10d >= 1 && profile.plan == "premium"'),
    ('r9', 'segment("r1") && !segment("r5")'), ('r10', 'events.purchase.last(category) == "b"'), ('r11', 'events.purchase.avg(total, 20d) >= 40'),
    ('r12', 'events.app_open.count_1d >= 1 || events.purchase.max(total) > 90'), ('r13', 'events.visit.count_10d >= 3'),
    ('r14', 'events.visit{total > 50}.sum(total, 20d) > 120'), ('r15', 'events.visit.sum(total) >= 200'), ('r16', 'events.visit{category == "a"}.exists_9d'),
    ('r17', 'events.visit.first_seen_hours_ago > 300'), ('r18', 'hours_since(events.visit.first_seen_20d) > 200'),
    ('r19', 'hours_since(events.visit.last_seen_20d) > 100')) AS d (name, rule);
SELECT pulse_refresh_definitions();
