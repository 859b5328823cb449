-- Room rule: rules about people on hand-made events. Validation returns SQL; this test runs it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2024-03-10 12:00';

CREATE TABLE rule_people (id bigint PRIMARY KEY, canonical_id bigint, attributes jsonb NOT NULL DEFAULT '{}', account jsonb NOT NULL DEFAULT '{}');
CREATE TABLE rule_event (id bigserial, profile_id bigint, time timestamptz, received_at timestamptz, name text COLLATE "C", properties jsonb);
-- 1 buys, 2 looks, 3 never came, 4 has values of other types, 5 was merged into 1.
INSERT INTO rule_people VALUES
    (1, 1, '{"plan": "pro", "age": 41, "vip": true, "email": "a@x.io", "tags": ["vip", 7], "since": "2024-03-01T00:00:00+01:00", "a": {"b c": {"d": 1}}}', '{"seats": 12}'),
    (2, 2, '{"plan": "free", "age": 17.5, "vip": false, "phone": null, "tags": "VIP customer", "since": 1709251200, "end": "2024-03-12"}', '{}'),
    (3, 3, '{}', '{}'),
    (4, 4, '{"plan": 5, "age": "41", "vip": "true", "tags": {"vip": 1}, "since": "soon", "end": 1e30}', '{"seats": "many"}'),
    (5, 1, '{"plan": "lost"}', '{}');
INSERT INTO rule_event (profile_id, time, received_at, name, properties)
SELECT p, t::timestamptz, t::timestamptz, n, v::jsonb FROM (VALUES
    (1, '2023-10-01 08:00', 'purchase', '{"amount": 10, "sku": "old", "category": "toys"}'),
    (1, '2024-02-09 12:00', 'purchase', '{"amount": 20, "sku": "b", "category": "toys"}'),
    (5, '2024-02-20 09:00', 'purchase', '{"amount": 30.5, "sku": "a", "category": "cosmetics", "deep": {"x": "y"}}'),
    (1, '2024-03-01 00:30', 'purchase', '{"amount": "40", "sku": "c", "category": "cosmetics"}'),
    (1, '2024-03-10 11:59', 'purchase', '{"sku": "a", "category": null}'),
    (1, '2024-03-10 12:30', 'purchase', '{"amount": 1000, "sku": "z"}'),
    (1, '2024-03-08 10:00', 'app_open', '{}'), (1, '2024-03-08 23:30', 'app_open', '{}'), (1, '2024-03-09 00:30', 'app_open', '{}'),
    (2, '2024-03-09 10:00', 'view_product', '{"product_id": "p1"}'),
    (2, '2024-03-09 10:00', 'view_product', '{"product_id": "p2"}'),
    (2, '2024-03-09 11:00', 'order', '{"product_id": "p1"}'),
    (2, '2024-02-01 10:00', 'visit', '{"x": true, "n": 3}'), (2, '2024-02-02 10:00', 'visit', '{"x": "t", "n": 1}'), (2, '2024-02-02 10:00', 'visit', '{"x": 2, "n": "1"}'),
    (4, '2024-01-01 10:00', 'visit', '{"x": null, "n": null}'), (4, '2024-01-02 10:00', 'visit', '[]'), (4, '2024-01-03 10:00', 'visit', '{"x": {"y": 1}, "n": [1]}')
) AS e (p, t, n, v);

-- A query for the value and "until" of a rule and of its metrics, for all people.
CREATE FUNCTION rule_query(rule text, zone text DEFAULT 'UTC') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    metrics text := '';
    untils text := 'NULL::timestamptz';
BEGIN
    SELECT * INTO r FROM pulse_validate_rule(rule);
    FOR i IN 1 .. cardinality(r.metrics) LOOP
        metrics := metrics || format(', %s AS metric_%s, %s AS until_%s', r.metric_sql[i], i, r.metric_until[i], i);
        untils := untils || format(', s.until_%s', i);
    END LOOP;
    RETURN replace(replace(replace(format(
        'SELECT s.id, (%s) AS value, LEAST(%s, %s) AS until FROM (SELECT s.id, s.attributes, s.account, NULL::jsonb AS context %s
         FROM (SELECT * FROM rule_people WHERE id = canonical_id) AS s
         LEFT JOIN (rule_people AS q JOIN pulse.event AS e ON e.profile_id = q.id) ON q.canonical_id = s.id GROUP BY s.id, s.attributes, s.account) AS s ORDER BY 1',
        r.sql, r.until, untils, metrics), 'pulse.event', 'rule_event'), 'pulse.profile', 'rule_people'), 'AT TIME ZONE ''UTC''', format('AT TIME ZONE %L', zone));
END $$;
CREATE FUNCTION rule_values(rule text, zone text DEFAULT 'UTC') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'SELECT string_agg(coalesce(value::text, ''-''), '' | '' ORDER BY id) FROM (' || rule_query(rule, zone) || ') v' INTO result;
    RETURN result;
END $$;
CREATE FUNCTION rule_refusal(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    PERFORM pulse_validate_rule(rule);
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

\x
SELECT canonical, type, clauses, traits, segments, attributes, account_attributes, metrics, sql, until
FROM pulse_validate_rule('events.purchase.count_30d >= 1 && profile.plan in ["pro", "team"] && last_seen_days_ago < 7');
SELECT metric_sql, metric_until FROM pulse_validate_rule('events["Order Completed"]{category == "cosmetics"}.sum(revenue, 90d) > 100');
SELECT canonical, type, attributes, metrics FROM pulse_validate_rule('{"rules": [{"field": "events.purchase.count_30d", "operator": ">=", "value": 3},
    {"field": "account.seats", "operator": "between", "value": [5, 50]}, {"field": "last_seen_minutes_ago", "operator": "less_than", "value": 1440}]}'::jsonb);
SELECT canonical, type FROM pulse_validate_rule('{"rules": [{"field": "profile.plan", "operator": "in", "value": ["pro"]}]}');
\x

-- Attributes: a value of another type is null.
SELECT rule, rule_values(rule) AS "1 | 2 | 3 | 4" FROM (VALUES
    (1, 'profile.plan'), (2, 'profile.plan = "pro"'), (3, 'profile.plan != "pro"'), (4, 'profile.plan in ["pro", "team"]'), (5, 'profile.plan in ["pro", 5]'),
    (6, 'profile.plan not in ["pro"]'), (7, 'profile.plan is null'), (8, 'exists profile.phone'), (9, 'profile.plan ?? "none"'), (10, '(profile.plan ?? "none") = "none"'),
    (11, 'profile.plan = 5'), (12, 'profile.plan > "g"'), (13, 'lower(profile.plan)'), (14, 'profile.plan contains "R"'), (15, 'profile.plan starts_with "p"'), (16, 'profile.plan matches "^p"'),
    (20, 'profile.age > 18'), (21, 'profile.age between 17.5 and 41'), (22, 'profile.age + 1'), (23, 'profile.age / 0.5 % 3'), (24, '-profile.age'), (25, 'round(profile.age)'), (26, 'profile.age / profile.none'),
    (30, 'profile.vip'), (31, '!profile.vip'), (32, 'profile.vip && true'), (33, 'profile.vip == true'), (34, 'profile.vip ?? false'), (35, '(profile.vip && true) is null'),
    (40, 'profile.tags contains "vip"'), (41, 'profile.tags contains 7'), (42, 'profile.tags contains profile.plan'), (43, 'len(profile.tags)'), (44, 'len(profile.plan) = 3'),
    (50, 'profile.since < now'), (51, 'profile.since > "2024-03-01"'), (52, 'profile.since >= "2024-02-29T23:00:00Z"'), (53, 'days_since(profile.since)'), (54, 'profile.since within last 10d'),
    (55, 'profile.since before last 9d'), (56, 'profile.since + 1d'), (57, 'now - profile.since > 9d'), (58, 'profile.end > now'), (59, 'profile.since ?? profile.end ?? now'),
    (60, 'profile.age = account.seats'), (61, 'profile.age > account.seats'), (62, 'profile.plan = profile.email'), (63, 'profile.a["b c"].d'), (64, 'account.seats ?? 0 > 10'),
    (65, 'if(profile.age >= 18, "adult", "minor")'), (66, 'if(profile.vip, profile.age, 0)'), (67, 'profile.tags = profile.tags')
) AS t (n, rule) ORDER BY n;

-- Events: a window is (now - W, now], the future does not count, and a person without events has zero, false or null.
SELECT rule, rule_values(rule) AS "1 | 2 | 3 | 4" FROM (VALUES
    (1, 'events.purchase.count'), (2, 'events.purchase.count_30d'), (3, 'events.purchase.count(2592001s)'), (4, 'events.purchase.count(1m)'), (5, 'events.purchase.count(61s)'),
    (6, 'events.purchase.count(90d..30d)'), (7, 'events.purchase.count(200d..10d)'), (8, 'events.purchase.count(calendar 1 day)'), (9, 'events.purchase.count(calendar 1 month)'),
    (10, 'events.purchase.count(calendar 2 months)'), (11, 'events.purchase.count(calendar 1 week)'), (12, 'events.purchase.exists_1d'), (13, 'events.nothing.exists'), (14, 'events.*.count'),
    (15, 'events.app_open.unique_days_14d'), (16, 'events.app_open.unique_days(36h)'), (17, 'events.purchase.first_seen'), (18, 'events.purchase.last_seen'), (19, 'events.purchase.last_seen_minutes_ago'),
    (20, 'events.purchase.first_seen_days_ago'), (21, 'last_seen_hours_ago'), (22, 'first_seen_days_ago'), (23, 'lifecycle'),
    (30, 'events.purchase.sum(amount)'), (31, 'events.purchase.sum_amount_30d'), (32, 'events.purchase.avg(amount)'), (33, 'events.purchase.min(amount)'), (34, 'events.purchase.max(amount)'),
    (35, 'events.purchase.p50(amount)'), (36, 'events.purchase.p95(amount)'), (37, 'events.purchase.first(sku)'), (38, 'events.purchase.last(sku)'), (39, 'events.purchase.last(amount)'),
    (40, 'events.purchase.mode(sku)'), (41, 'events.purchase.distinct(sku)'), (42, 'events.purchase.list(sku)'), (43, 'events.purchase.list(sku, 30d) contains "a"'), (44, 'len(events.purchase.list(sku))'),
    (45, 'events.purchase.max(amount) > 25'), (46, 'events.purchase.last(sku) = "a"'), (47, 'events.purchase.first(deep.x)'),
    (50, 'events.visit.first(x)'), (51, 'events.visit.last(x)'), (52, 'events.visit.mode(x)'), (53, 'events.visit.distinct(x)'), (54, 'events.visit.list(x)'), (55, 'events.visit.min(x)'), (56, 'events.visit.max(n)'),
    (57, 'events.visit.sum(n)'), (58, 'events.visit{x}.count'), (59, 'events.visit{n > 0 || x is null}.count'),
    (60, 'events.purchase{category == "cosmetics"}.count'), (61, 'events.purchase{category == "cosmetics"}.sum(amount, 90d) > 30'), (62, 'events.purchase{amount > 15 && sku != "b"}.count'),
    (63, 'events.purchase{category is null}.count'), (64, 'events.purchase{sku in ["a", "b"] && not (category = "toys")}.count'), (65, 'events.purchase{deep.x = "y"}.last_seen_days_ago'), (66, 'events.purchase{sku matches "^[ab]$"}.count'),
    (70, 'events.purchase.count_30d >= 1 && events.app_open.count_7d >= 3'), (71, 'events.purchase.count_30d < 1'), (72, 'events.purchase.last_seen within last 1d'), (73, 'events.purchase.last_seen - events.purchase.first_seen > 30d')
) AS t (n, rule) ORDER BY n;

-- Days and months follow the time zone.
SELECT rule, rule_values(rule, 'America/Los_Angeles') AS "1 | 2 | 3 | 4" FROM (VALUES
    (1, 'events.app_open.unique_days_14d'), (2, 'events.purchase.count(calendar 1 month)'), (3, 'events.purchase.count(calendar 1 day)')) AS t (n, rule) ORDER BY n;

-- Sequences.
SELECT rule, rule_values(rule) AS "1 | 2 | 3 | 4" FROM (VALUES
    (1, 'sequence(events.view_product -> events.order)'), (2, 'sequence(events.view_product -> events.order{product_id == $.product_id})'),
    (3, 'sequence(events.view_product{product_id = "p2"} -> events.order{product_id == $.product_id})'), (4, 'sequence(events.view_product -> within 59m events.order)'),
    (5, 'sequence(events.view_product -> within 1h events.order)'), (6, 'sequence(events.view_product -> events.order, in 25h)'), (7, 'sequence(events.view_product -> events.order, in 26h)'), (8, 'sequence(events.order -> events.view_product)'),
    (10, 'sequence(events.view_product -> within 1d no events.order{product_id == $.product_id}, in 7d)'), (11, 'sequence(events.view_product -> within 2d no events.order{product_id == $.product_id}, in 7d)'),
    (12, 'sequence(events.view_product{product_id = "p1"} -> no events.order{product_id == $.product_id})'), (13, 'sequence(events.view_product -> no events.order)'),
    (14, 'sequence(events.visit -> no events.view_product -> events.order)'), (15, 'sequence(events.visit -> events.view_product -> events.order)'), (16, 'sequence(events.visit -> no events.order -> events.view_product)'),
    (17, 'sequence(events.purchase -> events.purchase -> events.purchase -> events.purchase -> events.purchase)'), (18, 'sequence(events.purchase{sku = "b"} -> within 300d events.*{sku = "a"} -> within 20d events.purchase{sku = $.sku})'),
    (19, 'sequence(events.view_product{product_id = "p1"} -> events.view_product)')
) AS t (n, rule) ORDER BY n;

-- "until" is never too late: between two instants of a fine grid, the value changes only at "until".
CREATE TEMP TABLE rule_trace (n int, id bigint, at timestamptz, value text, until timestamptz);
-- Counts the changes of the value, the cases in which "until" was too late (or not in the future), and its distinct instants.
CREATE FUNCTION rule_clock(rule text, step interval, steps int, start timestamptz DEFAULT '2024-03-10 11:00') RETURNS TABLE (changes bigint, late bigint, calls bigint) LANGUAGE plpgsql AS $$
DECLARE
    query text := rule_query(rule);
BEGIN
    TRUNCATE rule_trace;
    FOR i IN 0 .. steps LOOP
        PERFORM set_config('pulse.now', (start + i * step)::text, true);
        EXECUTE format('INSERT INTO rule_trace SELECT %s, id, %L, value::text, until FROM (%s) v', i, start + i * step, query);
    END LOOP;
    RETURN QUERY SELECT count(*) FILTER (WHERE a.value IS DISTINCT FROM b.value),
                        count(*) FILTER (WHERE a.until <= a.at OR (a.value IS DISTINCT FROM b.value AND (a.until IS NULL OR a.until > b.at))),
                        count(DISTINCT a.until) FILTER (WHERE a.until <= start + steps * step)
                 FROM rule_trace a JOIN rule_trace b ON b.n = a.n + 1 AND b.id = a.id;
END $$;
SELECT rule, clock.* FROM (VALUES
    ('events.purchase.count_30d'), ('events.purchase.count(90d..30d)'), ('events.purchase.count(calendar 1 day)'), ('events.purchase.count(calendar 1 week)'), ('events.purchase.exists(1d)'), ('events.purchase.last_seen(1d)'),
    ('events.purchase.first_seen(8d)'), ('events.app_open.unique_days(2d)'), ('events.purchase.sum(amount, 20d)'), ('events.purchase.last(sku, 1d)'), ('events.purchase.list(sku, 10d)'), ('events.purchase.mode(sku, 10d)'),
    ('events.purchase.last_seen_hours_ago'), ('events.purchase.last_seen_hours_ago < 5'), ('events.purchase.last_seen_hours_ago <= 5'), ('events.purchase.last_seen_hours_ago = 5'), ('events.purchase.last_seen_hours_ago != 5.5'),
    ('events.purchase.last_seen_hours_ago in [3, 7]'), ('events.purchase.last_seen_hours_ago between 3 and 7'), ('7.5 > events.purchase.last_seen_hours_ago'), ('(events.purchase.last_seen_hours_ago ?? 99) > 20'),
    ('last_seen_hours_ago * 2 > 10'), ('last_seen_hours_ago - 30 > -profile.age'), ('last_seen_hours_ago > profile.age'), ('last_seen_hours_ago >= account.seats'), ('last_seen_days_ago > first_seen_days_ago - 159'), ('abs(last_seen_hours_ago - 3) > 1'),
    ('profile.end > now'), ('profile.end >= now'), ('now = profile.end'), ('profile.end < now + 24h'), ('profile.end within last 1d'), ('profile.since before last 10d'), ('profile.since not within last 10d'), ('now - profile.since > 10d'), ('(profile.end ?? now) > "2024-03-11"'),
    ('if(profile.end > now, profile.end, now) - profile.since > 11d'), ('now - profile.since > profile.end - now'), ('days_since(profile.since) in [9, 10]'), ('hours_since(profile.end - 12h) + 1'), ('events.purchase.last_seen within last 3h'), ('lifecycle'),
    ('sequence(events.view_product -> within 2d no events.order{product_id == $.product_id}, in 3d)'), ('sequence(events.view_product -> events.order, in 2d)'), ('sequence(events.app_open -> within 2d events.purchase, in 4d)'),
    ('sequence(events.purchase{sku = "a"} -> events.purchase)')
) AS t (rule) CROSS JOIN LATERAL rule_clock(rule, '30 minutes', 130) AS clock;
-- To the microsecond: the grid contains each border and the microsecond before it.
SELECT rule, clock.* FROM (VALUES ('profile.end > now'), ('profile.end >= now'), ('profile.end <= now'), ('profile.end < now'), ('profile.end = now'), ('profile.end != now'), ('events.purchase.count(1m)'), ('events.purchase.last_seen_minutes_ago < 1'),
    ('events.purchase.last_seen_seconds_ago <= 59.5'), ('events.purchase.count(2h..1m)'), ('profile.end - now > now - "2024-03-08 00:00"'), ('hours_since(profile.end) >= account.seats - 49')) AS t (rule)
CROSS JOIN LATERAL rule_clock(rule, '59 minutes 59.999999 seconds', 45) AS clock;
SELECT rule, clock.* FROM (VALUES ('profile.end - 37h > now'), ('profile.end - 37h >= now'), ('profile.end - 37h <= now'), ('now > profile.end - 37h'), ('profile.end - 37h = now'), ('profile.end - 37h != now'), ('profile.end - 37h in ["2024-03-10 11:00"]'),
    ('events.purchase.count(59m..1m)'), ('events.purchase{sku = "z"}.exists(1d)'), ('minutes_since(profile.end - 37h) >= 0'), ('minutes_since(profile.end - 37h) > -1'), ('minutes_since(profile.end - 37h - 1m) = -1')) AS t (rule)
CROSS JOIN LATERAL rule_clock(rule, '0.000001 seconds', 4, '2024-03-10 10:59:59.999998') AS clock;

-- Instants of properties.
SELECT v, pulse.to_moment(v::jsonb) FROM (VALUES ('"2024-03-10"'), ('"2024-03-10T01:02:03.5+01:00"'), ('"2024-03-10 01:02Z"'), ('1710028800'), ('1710028800.25'), ('1710028800250'), ('-1.5'), ('1e11'), ('1e30'), ('-1e300'), ('"x"'), ('""'), ('null'), ('true'), ('[1]'), ('{}'),
    ('"2024-02-30"'), ('"infinity"')) AS t (v);
SELECT pulse.to_moment(1710028800.0000001), pulse.to_moment('NaN'::numeric), pulse.to_moment('Infinity'::numeric), pulse.to_moment(253402300800), pulse.to_moment(NULL::jsonb);

-- Two times are compared as times, also where they are written differently.
SELECT a, b, pulse.compare(a::jsonb, b::jsonb), pulse.equal(a::jsonb, b::jsonb), pulse.compare(b::jsonb, a::jsonb) AS reverse FROM (VALUES
    ('"2026-01-02 10:00:00"', '"2026-01-02T09:00:00Z"'), ('"2026-01-02T10:00:00+02:00"', '"2026-01-02T09:00:00Z"'), ('"2026-01-02T09:00:00Z"', '"2026-01-02 09:00"'),
    ('1767344400', '"2026-01-02T09:00:00Z"'), ('1767344400', '1767344400000'), ('"2026-01-02"', '"soon"'), ('"2026-01-02"', '5'), ('5', '"soon"'), ('"b"', '"a"'), ('"a"', '"a"'),
    ('10', '9'), ('10.0', '10'), ('true', 'false'), ('true', 'true'), ('null', 'null'), ('null', '1'), ('[1, 2]', '[1, 2]'), ('[1]', '[2]'), ('[1]', '{}'), ('{"a": 1, "b": 2}', '{"b": 2, "a": 1.0}'), ('[1]', '1')
) AS t (a, b);
INSERT INTO rule_people VALUES (6, 6, '{"login": "2026-01-02 10:00:00", "end": "2026-01-02T09:30:00Z", "since": "2026-01-02T11:00:00+01:00", "code": "x"}');
SELECT rule, split_part(rule_values(rule), ' | ', 5) AS value FROM (VALUES
    (1, 'profile.login < profile.end'), (2, 'profile.end <= profile.login'), (3, 'profile.login = profile.since'), (4, 'profile.login != profile.since'), (5, 'profile.login = "2026-01-02T10:00:00Z"'), (6, 'profile.login != "2026-01-02T10:00:01Z"'),
    (7, 'profile.login in ["x", "2026-01-02T12:00:00+02:00"]'), (8, 'profile.login not in ["x", "2026-01-02T12:00:00+02:00"]'), (9, '(profile.login ?? "2020-01-01") < (profile.end ?? "2020-01-01")'), (10, '(profile.none ?? "2026-01-02T11:00:00+01:00") = profile.login'),
    (11, 'profile.login between profile.end and profile.since'), (12, 'profile.code < profile.end'), (13, 'profile.code = profile.end'), (14, 'profile.code != "2026-01-02"'), (15, '(profile.login ?? "2020-01-01") > now'), (16, 'profile.login in []'), (17, 'profile.none not in []')
) AS t (n, rule) ORDER BY n;
DELETE FROM rule_people WHERE id = 6;

-- Names of every kind, in text and in JSON; borders of words.
SELECT rule, canonical FROM (VALUES
    (1, 'profile.$browser = "x" && events.$pageview{$os = "mac"}.sum($amount, 7d) > 1'), (2, 'profile["$browser"] is null'), (3, 'events.x.sum_$amount_30d > 0'), (4, 'profile[""] = 1 && events.a{[""] = 1}.sum([""]) > 0'),
    (5, '{"rules": [{"field": "profile[\"Home Town\"]", "operator": "=", "value": "x"}]}'), (6, '{"rules": [{"field": "lower(profile.plan)", "operator": "=", "value": "pro"}, {"field": "account[\"x y\"]", "operator": "in", "value": []}]}'),
    (7, 'profile.x matches "\bpro\b" && profile.y matches "\\bpro"')
) AS t (n, rule) CROSS JOIN LATERAL (SELECT (pulse_validate_rule(rule)).canonical) AS v ORDER BY n;
SELECT rule, rule_values(rule) AS "1 | 2 | 3 | 4" FROM (VALUES (1, 'profile.tags matches "(?i)\bcustomer\b"'), (2, 'profile.tags matches "(?i)\\bcust\\b"'), (3, 'profile.tags matches "(?i)\\Bustomer"'), (4, 'profile.plan matches "[\\b]"'), (5, 'profile.plan matches "***=\\b"')) AS t (n, rule) ORDER BY n;

-- No number in a person's data makes a rule fail.
SELECT v, pulse.to_number(v::jsonb) FROM (VALUES ('41'), ('-17.50'), ('1e3'), ('"41"'), ('null'), ('true'), ('[1]'), ('{}')) AS t (v);
SELECT pulse.to_number('1e300') = 1e300, pulse.to_number('-1e301'), pulse.to_number('1e131071'), pulse.to_number('1e-300') = 1e-300, pulse.to_number(NULL);
INSERT INTO rule_people VALUES (6, 6, '{"age": 9e131071}');
INSERT INTO rule_event (profile_id, time, received_at, name, properties)
SELECT 6, '2024-03-01', '2024-03-01', 'purchase', v::jsonb FROM (VALUES ('{"amount": 9e131071}'), ('{"amount": 9e131071}'), ('{"amount": 2}')) AS t (v);
SELECT rule, rule_values(rule) AS "1 | 2 | 3 | 4 | 6" FROM (VALUES (1, 'profile.age * profile.age'), (2, 'events.purchase.sum(amount)'), (3, 'events.purchase.max(amount)'), (4, 'events.purchase.avg(amount)'), (5, 'events.purchase.last(amount) + 1')) AS t (n, rule) ORDER BY n;
DELETE FROM rule_people WHERE id = 6;

-- Errors and their texts.
\pset format unaligned
\pset tuples_only on
\pset recordsep '\n\n'
SELECT rule || E'\n' || rule_refusal(rule) FROM (VALUES
    (1, ''), (2, 'events.purchase'), (3, 'events.purchase.cnt_30d'), (4, 'events.purchase.count_30'), (5, 'events.purchase.count > "x"'), (6, 'events.purchase{amount = }.count'), (7, 'events.purchase{now > 1}.count'),
    (8, 'events.purchase.count(session)'), (9, 'flag("x")'), (10, 'rfm.r > 3'), (11, 'consent.Email'), (12, 'profil.plan = "x"'), (13, 'profile = 1'), (14, 'profile.plan matches "("'), (15, 'events.a{b matches "("}.count'),
    (16, 'sequence(events.a)'), (17, 'sequence(events.a{x = $.y} -> events.b)'), (18, 'events.a.count && true'), (19, 'profile.x > 7d'), (20, 'profile.x / 0'), (21, '{"rules": [{"field": "events.a", "operator": "=", "value": 1}]}'),
    (22, '{"rules": ['), (23, 'profile.a matches profile.b'), (24, 'now - profile.a - profile.b'),
    (25, 'plan = "pro"'), (26, 'profile.plan = pro'), (27, 'profile.plan like "pro%"'), (28, 'profile.plan in ("a", "b")'), (29, 'profile.plan === "a"'), (30, 'profile.plan = ''it''''s'''), (31, 'profile.vip is true'), (32, 'events[""].count')
) AS t (n, rule) ORDER BY n;
\pset recordsep '\n'
\pset tuples_only off
\pset format aligned
SELECT pulse_validate_rule(NULL::text);
SELECT pulse_validate_rule(NULL::jsonb);

-- Hostile input is data.
SELECT left(rule, 60) AS rule, left(coalesce(rule_values(rule), '-'), 60) AS "1 | 2 | 3 | 4" FROM (VALUES
    (1, 'profile["''; DROP TABLE rule_people; --"] = "\\''; DROP TABLE rule_people; --"'), (2, 'events["''; DROP TABLE rule_people; --"].count'), (3, 'events.a{["x''\") OR (1=1"] = "''"}.sum(["'' || ''"])'),
    (4, 'profile["\u0027"] is null'), (5, 'sequence(events["a''b"] -> events["\\"]{["''"] = $["''"]})'), (6, 'profile.a["' || repeat('x', 100000) || '"] is null'), (7, 'events["' || repeat('é', 1000) || '"].count')
) AS t (n, rule) ORDER BY n;
SELECT count(*) FROM rule_people;

CREATE ROLE rule_outsider;
SET ROLE rule_outsider;
SELECT pulse_validate_rule('profile.x = 1');
RESET ROLE;
DROP ROLE rule_outsider;
DROP FUNCTION rule_clock, rule_values, rule_refusal, rule_query;
DROP TABLE rule_people, rule_event, rule_trace;
