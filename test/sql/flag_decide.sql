-- Decisions: reasons, bucketing, visibility of changes, explanations, exposures.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-01';
\set SHOW_CONTEXT never

SELECT pulse_identify('flag-ann', '{"plan": "pro", "age": 31}') IS NOT NULL AS done;
SELECT pulse_identify('flag-bob', '{"plan": "free"}') IS NOT NULL AS done;
SELECT count(pulse_track('flag-ann', 'purchase', '{"total": 200}')) AS events FROM generate_series(1, 3);
SELECT pulse_create_trait('flag_total_spent', 'events.purchase.sum(total, 30d)') IS NOT NULL AS made;
SELECT pulse_create_segment('flag_pros', '{"where": "profile.plan == \"pro\""}') > 0 AS made;
SELECT pulse_create_segment('flag_buyers', '{"where": "events.purchase.count_30d >= 1"}') > 0 AS made;

-- Typical flags.
SELECT pulse_create_flag('premium', 'segment("flag_pros")') > 0 AS made;
SELECT pulse_create_flag('vip', 'segment("flag_pros") && trait("flag_total_spent") >= 500') > 0 AS made;
SELECT pulse_create_flag('either', 'segment("flag_buyers") || segment("flag_pros")') > 0 AS made;
SELECT pulse_create_flag('discount_offer', 'segment("flag_buyers") == false') > 0 AS made;
SELECT pulse_create_flag('country', 'context.country == "DE" && profile.plan == "pro"') > 0 AS made;
SELECT u AS "user", f AS flag, d.* FROM unnest('{flag-ann,flag-bob,nobody}'::text[]) AS u, unnest('{premium,vip,either,discount_offer}'::text[]) AS f, pulse_decide(u, f) AS d;
SELECT u AS "user", d.value, d.reason FROM unnest('{flag-ann,flag-bob,nobody}'::text[]) AS u, pulse_decide(u, 'country', '{"country": "DE"}') AS d;
SELECT value, reason FROM pulse_decide('flag-ann', 'country', '{"country": "FR"}');
SELECT (pulse_decide('flag-ann', 'premium')).allow;

-- Without an id the context decides.
SELECT pulse_create_flag('beta', '{"when": "context.beta == true"}') > 0 AS made;
SELECT pulse_create_flag('half', '{"percentage": 50}') > 0 AS made;
SELECT value, reason FROM pulse_decide(NULL, 'beta', '{"beta": true}');
SELECT value, reason, bucket FROM pulse_decide(NULL, 'half');
SELECT value, reason, bucket FROM pulse_decide('', 'half', '{"targetingKey": "flag-ann"}');
SELECT value, reason, bucket FROM pulse_decide('flag-ann', 'half', NULL);
SELECT value, reason, bucket FROM pulse_decide(repeat('x', 100000), 'half');

-- Only known people are in segments: every function gives the same answer, also for a time before the person existed.
SET client_min_messages = warning;
SELECT pulse_create_segment('flag_others', '{"where": "!segment(\"flag_buyers\")"}') > 0 AS made;
RESET client_min_messages;
SELECT pulse_create_flag('others', 'segment("flag_others")') > 0 AS made;
SELECT pulse_create_flag('not_others', '!segment("flag_others")') > 0 AS made;
SELECT u AS "user", pulse_in_segment(u, 'flag_others'), o.allow, o.segment, n.allow AS not_others, n.segment FROM unnest('{flag-ann,flag-bob,nobody}'::text[]) AS u,
    pulse_decide(u, 'others') AS o, pulse_decide(u, 'not_others') AS n;
SELECT * FROM pulse_explain_decision('nobody', 'others');
SET pulse.now = '2014-01-01';
SELECT u AS "user", pulse_in_segment(u, 'flag_others'), (pulse_decide(u, 'others')).allow, (pulse_decide(u, 'not_others')).allow AS not_others FROM unnest('{flag-bob,nobody}'::text[]) AS u;
SET pulse.now = '2015-03-01';
SELECT pulse_create_flag('always', 'true') > 0 AS made;
SELECT part, value FROM pulse_explain_decision('flag-bob', 'always') WHERE part <> 'person';
SELECT pulse_delete_flag(f) FROM unnest('{always,others,not_others}'::text[]) AS f;
SELECT pulse_delete_segment('flag_others', confirm => true);

-- What was decided by an id before its first event stays when that event brings more ids.
CREATE TEMPORARY TABLE before_first AS SELECT i, (pulse_decide(' user-' || i || ' ', 'half')).bucket FROM generate_series(1, 40) AS i;
SELECT count(*) AS events FROM generate_series(1, 40) AS i, pulse_ingest(jsonb_build_object('type', 'identify', 'userId', 'user-' || i, 'anonymousId', 'anonymous-' || i));
SELECT count(*) FILTER (WHERE (pulse_decide('user-' || i, 'half')).bucket <> bucket) AS flipped, count(*) FILTER (WHERE (pulse_decide('anonymous-' || i, 'half')).bucket <> bucket) AS flipped_too FROM before_first;
CREATE TEMPORARY TABLE before_login AS SELECT i, (pulse_decide('visitor-' || i, 'half')).bucket FROM generate_series(1, 40) AS i;
SELECT count(*) AS events FROM generate_series(1, 40) AS i, pulse_ingest(jsonb_build_object('type', 'track', 'event', 'lead', 'anonymousId', 'visitor-' || i));
SELECT count(*) AS events FROM generate_series(1, 40) AS i, pulse_ingest(jsonb_build_object('type', 'identify', 'userId', 'member-' || i, 'anonymousId', 'visitor-' || i));
SELECT count(*) FILTER (WHERE (pulse_decide('visitor-' || i, 'half')).bucket <> bucket OR (pulse_decide('member-' || i, 'half')).bucket <> bucket) AS flipped FROM before_login;

-- Larger percentages only add people; the salt survives a rename; variants have their own hash.
CREATE TEMPORARY TABLE drawn AS SELECT 'u' || i AS id, (pulse_decide('u' || i, 'half')).* FROM generate_series(1, 2000) AS i;
SELECT count(*) FILTER (WHERE allow) BETWEEN 900 AND 1100 AS about_half, bool_and(allow = (bucket < 50000)) AS by_bucket FROM drawn;
SELECT pulse_update_flag('half', '{"percentage": 60}'), pulse_update_flag('half', new_key => 'sixty');
SELECT count(*) FILTER (WHERE d.allow AND NOT now.allow) AS lost, count(*) FILTER (WHERE NOT d.allow AND now.allow) BETWEEN 140 AND 260 AS a_tenth_more,
       bool_and(d.bucket = now.bucket) AS same_buckets
FROM drawn AS d, pulse_decide(d.id, 'sixty') AS now;
SELECT pulse_create_flag('color', '{"variants": {"red": {"value": "#f00", "weight": 1, "payload": {"n": 1}}, "blue": {"value": "#00f", "weight": 3}, "none": null}, "off": "none"}') > 0 AS made;
SELECT variant, value, reason, payload, count(*) BETWEEN CASE variant WHEN 'red' THEN 420 ELSE 1400 END AND CASE variant WHEN 'red' THEN 580 ELSE 1600 END AS as_weighed
FROM generate_series(1, 2000) AS i, pulse_decide('u' || i, 'color') GROUP BY 1, 2, 3, 4 ORDER BY 1;
-- bucket_by: everybody with the same plan gets the same variant.
SELECT pulse_create_flag('by_plan', '{"percentage": 50, "bucket_by": ["context.team", "profile.plan"]}') > 0 AS made;
SELECT count(DISTINCT d.bucket) AS buckets FROM unnest('{flag-ann,flag-bob}'::text[]) AS u, pulse_decide(u, 'by_plan', '{"team": "t1"}') AS d;
SELECT u, d.bucket, d.reason FROM unnest('{flag-ann,flag-bob,nobody}'::text[]) AS u, pulse_decide(u, 'by_plan', '{"team": null}') AS d;
-- A dialect: Unleash's number for user-123 is 88.
SELECT pulse_create_flag('new-checkout', '{"percentage": 88, "dialect": "unleash"}') > 0 AS made;
SELECT value, bucket FROM pulse_decide('user-123', 'new-checkout');
SELECT pulse_update_flag('new-checkout', '{"percentage": 87, "dialect": "unleash"}');
SELECT value, bucket FROM pulse_decide('user-123', 'new-checkout');

-- The order of the steps: overrides, prerequisites, holdout, schedule, ramp, kill switch.
SELECT pulse_create_flag('steps', '{"overrides": {"flag-bob": "on", "profile:999999": "on"}, "prerequisites": [{"flag": "premium", "variant": "on"}],
    "schedule": {"from": "2015-02-01"}, "ramp": [{"at": "2015-02-10", "percentage": 0}, {"at": "2015-03-10", "percentage": 100}]}') > 0 AS made;
SELECT u AS "user", d.value, d.reason, d.rule, d.bucket FROM unnest('{flag-ann,flag-bob,nobody}'::text[]) AS u, pulse_decide(u, 'steps') AS d;
SET pulse.now = '2015-03-10';
SELECT value, reason, rule FROM pulse_decide('flag-ann', 'steps');
SET pulse.now = '2015-01-31';
SELECT value, reason FROM pulse_decide('flag-bob', 'steps');
SET pulse.now = '2015-03-01';
SELECT pulse_disable_flag('premium');
SELECT value, reason FROM pulse_decide('flag-ann', 'premium');
SELECT value, reason FROM pulse_decide('flag-ann', 'steps');
SELECT pulse_enable_flag('premium');
SELECT pulse_update_flag('steps', '{"holdout": {"percentage": 100}}');
SELECT value, reason, bucket IS NOT NULL AS drawn FROM pulse_decide('flag-ann', 'steps');

-- Events and changes of this transaction count at once, and are gone after a rollback.
BEGIN;
SELECT value FROM pulse_decide('flag-bob', 'premium');
SELECT pulse_identify('flag-bob', '{"plan": "pro"}') IS NOT NULL AS done;
SELECT value FROM pulse_decide('flag-bob', 'premium');
SAVEPOINT s;
SELECT pulse_disable_flag('premium');
SELECT reason FROM pulse_decide('flag-bob', 'premium');
ROLLBACK TO s;
SELECT reason FROM pulse_decide('flag-bob', 'premium');
SELECT pulse_create_flag('mine', '{}') > 0 AS made;
SELECT reason FROM pulse_decide('flag-bob', 'mine');
ROLLBACK;
SELECT value, reason FROM pulse_decide('flag-bob', 'premium');
SELECT pulse_decide('flag-bob', 'mine');

-- pulse_decide_all().
SELECT flag, value, variant, allow, reason, rule, segment FROM pulse_decide_all('flag-ann', '{"country": "DE"}');
SELECT pulse_archive_flag('beta');
SELECT count(*) AS left FROM pulse_decide_all('flag-ann') WHERE flag = 'beta';
SELECT value, reason FROM pulse_decide('flag-ann', 'beta', '{"beta": true}');

-- Explanations.
SELECT depth, part, regexp_replace(value, 'profile:\d+', 'profile:n') AS value, note FROM pulse_explain_decision('flag-ann', 'vip');
SELECT depth, part, regexp_replace(value, 'profile:\d+', 'profile:n') AS value, note FROM pulse_explain_decision('flag-bob', 'country', '{"country": "DE"}');
SELECT depth, part, regexp_replace(value, 'profile:\d+', 'profile:n') AS value, note FROM pulse_explain_decision(NULL, 'sixty');
SELECT part, value, note FROM pulse_explain_decision('nobody', 'steps');

-- Errors.
SELECT pulse_decide('flag-ann', 'premum');
SELECT pulse_decide('flag-ann', NULL);
SELECT pulse_decide('flag-ann', 'premium', '[]');
SELECT pulse_decide('flag-ann', 'premium', '5');
SELECT pulse_explain_decision('flag-ann', 'premum');
SELECT pulse_decide_all('flag-ann', '"x"');

-- Exposures: once per person, flag, variant and day.
SELECT value FROM pulse_expose('flag-ann', 'premium');
SELECT count(*) AS none_unless_asked_for FROM pulse.exposure;
SET pulse.exposure_sample = 1;
SELECT value FROM pulse_expose('flag-ann', 'premium');
SELECT value FROM pulse_expose('flag-ann', 'premium');
SELECT value FROM pulse_expose('somebody', 'color');
SELECT value FROM pulse_expose(NULL, 'premium');
SET pulse.now = '2015-03-02';
SELECT pulse_update_flag('premium', 'segment("flag_pros") && profile.age < 30');
SELECT value FROM pulse_expose('flag-ann', 'premium');
SELECT pulse_log_exposure('flag-ann', 'color', 'red'), pulse_log_exposure('flag-ann', 'color', 'red'), pulse_log_exposure('flag-ann', 'color', 'blue');
SELECT e.day, f.key, e.bucketing_id, e.variant, e.version, e.profile_id IS NOT NULL AS known, e.first_at
FROM pulse.exposure AS e JOIN pulse.flag AS f ON f.id = e.flag_id ORDER BY 1, 2, 3, 4;
SELECT flag, bucketing_id, from_variant, to_variant, from_at, at, from_version, to_version, cause FROM pulse.variant_change ORDER BY flag, at, to_variant;
SELECT key, status FROM pulse_list_flags() WHERE key IN ('premium', 'either') ORDER BY key;
SET pulse.now = '2015-05-01';
SELECT key, status, last_exposure_at FROM pulse_list_flags() WHERE key IN ('premium', 'either') ORDER BY key;
SET pulse.exposure_sample = 0.5;
SELECT count(*) FILTER (WHERE pulse_log_exposure('s' || i, 'color', 'red')) BETWEEN 400 AND 600 AS a_half FROM generate_series(1, 1000) AS i;
SELECT pulse_log_exposure('flag-ann', 'color', 'grey');
SELECT pulse_log_exposure('flag-ann', 'colour', 'red');
SELECT pulse_log_exposure(NULL, 'color', 'red');
SELECT pulse_log_exposure(' ', 'color', 'red');
BEGIN READ ONLY;
SET LOCAL pulse.exposure_sample = 1;
SELECT value FROM pulse_expose('flag-ann', 'vip');
SELECT value FROM pulse_decide('flag-ann', 'vip');
SELECT pulse_log_exposure('flag-ann', 'color', 'green');
ROLLBACK;

-- Privileges: people_reader can decide, writer can also expose.
CREATE ROLE regress_flag_decider;
SELECT pulse_grant('regress_flag_decider', 'writer');
SET ROLE regress_flag_decider;
SELECT allow FROM pulse_decide('flag-ann', 'vip');
SELECT allow FROM pulse_expose('flag-ann', 'vip');
RESET ROLE;
SELECT pulse_revoke('regress_flag_decider');
SET ROLE regress_flag_decider;
SELECT allow FROM pulse_decide('flag-ann', 'vip');
RESET ROLE;
DROP ROLE regress_flag_decider;
SELECT pulse_delete_flag('steps');
SELECT pulse_delete_flag(key) FROM pulse_list_flags();
SELECT pulse_delete_segment('flag_pros', confirm => true), pulse_delete_segment('flag_buyers', confirm => true);
SELECT pulse_delete_trait('flag_total_spent');

-- Ids that no person can have get a decision, but no exposure. Numbers are hashed as written, without trailing zeros.
SET pulse.exposure_sample = 1;
SELECT pulse_create_flag('by_number', '{"rules": [{"percentage": 50, "bucket_by": "context.number"}]}') > 0 AS made;
SELECT variant IS NOT NULL AS decided FROM pulse_expose((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) AS i), 'by_number', '{"number": 1}');
SELECT count(*) AS noted FROM pulse.exposure WHERE length(bucketing_id) > 255;
SELECT count(DISTINCT d.bucket) AS places, count(*) AS decisions FROM unnest('{17, 17.0, 17.00}'::text[]) AS n,
       pulse_decide('x', 'by_number', ('{"number": ' || n || '}')::jsonb) AS d;
SELECT bucket IS NOT NULL AS drawn FROM pulse_decide(NULL, 'by_number', '{"number": 1e400, "targetingKey": "x"}');
RESET pulse.exposure_sample;
SELECT pulse_delete_flag('by_number');

-- Data of a person that makes a rule fail: the rule does not match, the explanation says why, and the person's other flags are decided. This comparison stands for a fault that no check of a rule foresees.
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF abs(a::numeric) = 1e299 THEN RAISE numeric_value_out_of_range USING MESSAGE = 'value overflows numeric format'; END IF;
    RETURN 0;
END $$;
SELECT pulse_create_trait('flag_power', 'if(profile.power <= profile.power, profile.power * profile.power, 0)') > 0 AS made;
SELECT pulse_create_segment('flag_powerful', '{"where": "flag_power > 1"}') > 0 AS made;
SELECT count(pulse_create_flag(f, d)) AS made FROM (VALUES ('power_in', '{"rules": [{"when": "segment(\"flag_powerful\")"}, {"when": "profile.plan == \"pro\""}]}'),
       ('power_out', '{"when": "!segment(\"flag_powerful\")"}'), ('power_context', '{"when": "context.x * flag_power > 1"}')) AS v (f, d);
SELECT pulse_identify('flag-eve', '{"power": 1e299, "plan": "pro"}') IS NOT NULL AND pulse_identify('flag-max', '{"power": 2}') IS NOT NULL AS done;
RESET client_min_messages;
SELECT u AS "user", f AS flag, d.value, d.reason, d.rule FROM unnest('{flag-eve,flag-max}'::text[]) AS u, unnest('{power_in,power_out,power_context}'::text[]) AS f, pulse_decide(u, f, '{"x": 2}') AS d;
SELECT flag, value, reason, rule FROM pulse_decide_all('flag-eve', '{"x": 2}') WHERE flag LIKE 'power%';
SELECT part, value, note FROM pulse_explain_decision('flag-eve', 'power_out') WHERE depth > 0;
SELECT count(pulse_delete_flag(f)) FROM unnest('{power_in,power_out,power_context}'::text[]) AS f;
SELECT pulse_delete_segment('flag_powerful', confirm => true) IS NOT NULL AS deleted;
SELECT pulse_delete_trait('flag_power');
CREATE OR REPLACE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS '$libdir/pulse', 'pulse_compare';
