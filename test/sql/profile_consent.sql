-- Room profile: consent by purpose, its history, merges, what events say, and consent in rules.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET client_min_messages = notice;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
\pset null '-'
SET pulse.now = '2011-03-01 09:00+00';
SELECT pulse_set_consent_purpose('unused'); SELECT pulse_set_consent_default('unused', 'DE', true); SELECT pulse_drop_consent_purpose('unused');
SELECT count(*) AS defaults FROM pulse.consent_default;
SELECT count(pulse_identify(u, jsonb_build_object('email', u || '@example.com'))) AS known FROM unnest('{ann,bob,cid,dan}'::text[]) AS u;
-- Live segments and a trait stand on consent from the beginning.
SELECT pulse_create_segment('reachable', '{"where": "consent.ads"}') > 0 AS made;
SELECT pulse_create_segment('unasked', '{"where": "!consent.ads && profile.email contains \"@\""}') > 0 AS made;
SELECT pulse_create_trait('mailable', 'consent.email && consent.analytics') > 0 AS made;
CREATE FUNCTION pg_temp.members() RETURNS TABLE (reachable text, unasked text) LANGUAGE sql AS $$
SELECT string_agg(m.user_id, ' ' ORDER BY m.user_id) FILTER (WHERE m.segment = 'reachable'), string_agg(m.user_id, ' ' ORDER BY m.user_id) FILTER (WHERE m.segment = 'unasked')
FROM (SELECT s.name AS segment, p.user_id FROM pulse.segment AS s JOIN pulse.membership AS m ON m.segment_id = s.id JOIN pulse.person AS p ON p.profile_id = m.profile_id) AS m $$;
SELECT * FROM pg_temp.members();

-- ---- One statement after the other ----
SELECT pulse_set_consent('ann', 'ads', true, '{"source": "preference centre", "text_version": "3", "basis": "consent", "ip": "192.0.2.1", "expires_at": "2011-04-01"}') > 0 AS recorded;
SELECT * FROM pg_temp.members();
SELECT pulse_has_consent('ann', 'ads') AS ads, pulse_has_consent('ann', 'email') AS email, pulse_has_consent('bob', 'ads') AS bob;
SELECT purpose, status, granted, since, expires_at, source, basis, text_version FROM pulse_consents_of('ann');
-- Exact at the instant it ends, and at every other.
SET pulse.now = '2011-03-31 23:59:59.999999+00';
SELECT pulse_has_consent('ann', 'ads') AS ads, m.* FROM pg_temp.members() AS m;
SET pulse.now = '2011-04-01 00:00+00';
SELECT pulse_has_consent('ann', 'ads') AS ads, m.* FROM pg_temp.members() AS m;
SELECT status, granted FROM pulse_consents_of('ann') WHERE purpose = 'ads';
SELECT status, granted FROM pulse_consents_of('ann', '2011-03-15') WHERE purpose = 'ads';
SELECT status, granted FROM pulse_consents_of('ann', '2011-02-15') WHERE purpose = 'ads';
SELECT pulse_run_pipeline() > 0 AS ran;
SELECT string_agg(c.change || ' ' || s.name || ' ' || c.at || ' (' || c.cause || ')', E'\n' ORDER BY c.at, s.name, c.change, c.cause) AS changes
FROM pulse.membership_change AS c JOIN pulse.segment AS s ON s.id = c.segment_id;
-- What was said for all holds for each purpose; the newest counts.
SELECT pulse_set_consent('bob', 'all', true) > 0 AS recorded;
SELECT string_agg(purpose || ' ' || granted, ', ' ORDER BY purpose) AS bob FROM pulse_consents_of('bob');
SELECT * FROM pg_temp.members();
SELECT pulse_profile('bob') #>> '{traits,mailable}' AS mailable;
SET pulse.now = '2011-04-02 00:00+00';
SELECT pulse_set_consent('bob', 'email', false) > 0 AS recorded;
SELECT string_agg(purpose || ' ' || status, ', ' ORDER BY purpose) AS bob FROM pulse_consents_of('bob') WHERE purpose IN ('ads', 'email', 'all');
SELECT pulse_profile('bob') #>> '{traits,mailable}' AS mailable;
-- At the same instant the stricter counts; what arrives late changes the past alone.
SELECT pulse_set_consent('bob', 'ads', false) > 0 AND pulse_set_consent('bob', 'ads', true) > 0 AS recorded;
SELECT pulse_set_consent('bob', 'email', true, '{"at": "2011-04-01 12:00"}') > 0 AS recorded;
SELECT purpose, status, live FROM pulse.consent AS c JOIN pulse.person AS p USING (profile_id) WHERE p.user_id = 'bob' AND purpose IN ('ads', 'email') ORDER BY purpose;
SELECT purpose, status, at, repeated_at, expires_at, source, text_version, proof FROM pulse_consent_history('ann');
SELECT purpose, status, at FROM pulse_consent_history('bob', 2);

-- ---- Many at once ----
SELECT "position", "user", profile_id IS NOT NULL AS person, record_id IS NOT NULL AS recorded, result, detail
FROM pulse_set_consents('[{"user": "cid", "purpose": "ads", "granted": true}, {"user": "nobody", "purpose": "ads", "granted": true}, {"user": "cid", "purpose": "fax", "granted": true},
  {"user": "dan", "purpose": "ads", "granted": "yes"}, {"user": "dan"}, 7, {"user": "dan", "purpose": "sms", "granted": true, "evidence": {"at": "2012-01-01"}}, {"user": "cid", "purpose": "ads", "granted": true, "when": 1}]');
SELECT count(*) FROM pulse_set_consents('[]');
SELECT * FROM pg_temp.members();
SELECT * FROM pulse_consent_coverage();

-- ---- Merges ----
SET pulse.now = '2011-05-01 00:00+00';
SELECT pulse_set_consent('dan', 'ads', false, '{"status": "withdrawn"}') > 0 AS refused;
SELECT pulse_merge('cid', 'dan', 'the same') AS merge \gset
SELECT pulse_has_consent('cid', 'ads') AS merged, status FROM pulse_consents_of('cid') WHERE purpose = 'ads';
SELECT * FROM pg_temp.members();
-- Said at the instant of the merge is said before it; later it counts for both.
SELECT pulse_set_consent('cid', 'ads', true) > 0 AS recorded, pulse_has_consent('dan', 'ads') AS ads;
SET pulse.now = '2011-05-02 00:00+00';
SELECT pulse_set_consent('cid', 'ads', true) > 0 AS recorded;
SELECT pulse_has_consent('dan', 'ads') AS ads, m.* FROM pg_temp.members() AS m;
SELECT count(*) AS rows, count(DISTINCT profile_id) AS people FROM pulse.consent WHERE purpose = 'ads';
-- Each gets its own back.
SELECT pulse_unmerge(:merge, 'not the same') > 0 AS undone;
SELECT pulse_has_consent('cid', 'ads') AS cid, pulse_has_consent('dan', 'ads') AS dan;
SELECT * FROM pg_temp.members();
-- An event that links two people merges their consent, too.
SELECT pulse_identify('dan', '{}', anonymous_id => 'cookie-1') > 0 AS linked;
SELECT status FROM pulse_ingest('[{"type": "track", "event": "visit", "anonymousId": "cookie-2", "context": {"consent": {"ads": true, "push": true}}}]');
SELECT pulse_identify('dan', '{}', anonymous_id => 'cookie-2') > 0 AS linked;
SELECT string_agg(purpose || ' ' || status, ', ' ORDER BY purpose) AS dan FROM pulse_consents_of('dan') WHERE purpose IN ('ads', 'push');

-- ---- Events ----
SET pulse.now = '2011-06-01 00:00+00';
CREATE FUNCTION pg_temp.send(context text, "user" text DEFAULT 'eve') RETURNS text LANGUAGE sql AS $$
SELECT i.status || coalesce(': ' || i.detail, '') FROM pulse_ingest(jsonb_build_array(jsonb_build_object('type', 'track', 'event', 'visit', 'userId', "user", 'context', context::jsonb))) AS i $$;
CREATE FUNCTION pg_temp.said("user" text DEFAULT 'eve') RETURNS text LANGUAGE sql AS $$
SELECT string_agg(c.purpose || ' ' || c.status || ' (' || c.source || ')', ', ' ORDER BY c.purpose) FROM pulse_consents_of("user") AS c WHERE c.status <> 'none' $$;
SELECT pg_temp.send('{"consent": {"ads": true, "email": false}, "ip": "192.0.2.1"}'); SELECT pg_temp.said();
SELECT string_agg(c.change || ' ' || s.name || ' (' || c.cause || ')', ', ' ORDER BY c.id) AS eve FROM pulse.membership_change AS c JOIN pulse.segment AS s ON s.id = c.segment_id
JOIN pulse.person AS p USING (profile_id) WHERE p.user_id = 'eve';
-- The same again adds no row.
SET pulse.now = '2011-06-01 02:00+00';
SELECT pg_temp.send('{"consent": {"ads": true, "email": false}}');
SELECT purpose, status, at, repeated_at FROM pulse_consent_history('eve');
SET pulse.now = '2011-06-01 02:00:01+00';
SELECT pg_temp.send('{"gpc": true}'); SELECT pg_temp.said();
SELECT pulse_set_consent_purpose('ads', '{Advertising}');
SELECT pg_temp.send('{"consent": {"categoryPreferences": {"Advertising": true}}}', 'fay'); SELECT pg_temp.said('fay');
SELECT pg_temp.send('{"consent": {"ad_user_data": "granted", "ad_personalization": "denied", "analytics_storage": "granted"}}', 'gus'); SELECT pg_temp.said('gus');
SELECT pg_temp.send('{"consent": {"us_privacy": "1YYN"}}', 'hal'); SELECT pg_temp.said('hal');
SELECT pg_temp.send('{"consent": {"tcf": "CPX", "gpp": "DBABM", "ads": "perhaps"}}', 'ida'); SELECT pg_temp.said('ida');
SELECT pg_temp.send('{"consent": 7}', 'ida');
-- Stratum's place, and a batch that says both: the newest counts, of two at once the refusal.
SELECT status FROM pulse_ingest('[{"event": "a", "userId": "jon", "timestamp": "2011-05-31T10:00:00Z", "consent": {"ads": true, "sms": true}}, {"event": "b", "userId": "jon", "timestamp": "2011-05-31T09:00:00Z", "consent": {"ads": false, "sms": true}},
  {"event": "c", "userId": "jon", "timestamp": "2011-05-31T10:00:00Z", "consent": {"sms": false}}]');
SELECT pg_temp.said('jon');
-- A refusal that is repeated is newer than a consent that arrives late.
SELECT status FROM pulse_ingest('[{"event": "a", "userId": "kim", "timestamp": "2011-05-01T00:00:00Z", "consent": {"ads": false}}]');
SELECT status FROM pulse_ingest('[{"event": "a", "userId": "kim", "timestamp": "2011-05-20T00:00:00Z", "consent": {"ads": false}}]');
SELECT status FROM pulse_ingest('[{"event": "a", "userId": "kim", "timestamp": "2011-05-10T00:00:00Z", "consent": {"ads": true}}]');
SELECT pg_temp.said('kim'), (SELECT granted FROM pulse_consents_of('kim', '2011-05-15') WHERE purpose = 'ads') AS between;

-- ---- In rules: live, at past moments, and over everybody it is the same ----
CREATE FUNCTION pg_temp.differs(at timestamptz) RETURNS TABLE (user_id text) LANGUAGE sql AS $$
SELECT p.user_id FROM pulse.person AS p CROSS JOIN LATERAL (SELECT granted FROM pulse_consents_of('profile:' || p.profile_id, differs.at) WHERE purpose = 'ads') AS c
WHERE c.granted IS DISTINCT FROM EXISTS (SELECT FROM pulse.consent AS o WHERE o.profile_id = p.profile_id AND o.purpose = 'ads' AND o.live @> differs.at) $$;
SELECT count(*) AS differences FROM generate_series('2011-02-27'::timestamptz, '2011-06-02', '5 hours') AS t (at) CROSS JOIN LATERAL pg_temp.differs(t.at);
SELECT * FROM pg_temp.members();
-- A query over everybody is as right at each moment as the stored members are.
SET pulse.now = '2011-03-15';
SELECT v.members AS size, m.* FROM pulse_preview_segment('{"where": "consent.ads"}') AS v, pg_temp.members() AS m WHERE v.part = 'size';
SET pulse.now = '2011-06-01 02:00:01+00';
SELECT v.part, v.item, v.members FROM pulse_preview_segment('{"where": "consent.ads"}', 0) AS v;
SELECT v.part, v.item, v.members FROM pulse_preview_segment('{"where": "!consent.ads && (profile.email contains \"@\" || consent.sms)"}', 0) AS v;
SELECT value FROM pulse_test_expression('consent.ads && !consent.sms', 'jon') WHERE depth = 0;
SELECT pulse_create_segment('typo', '{"where": "consent.adds"}');
SELECT pulse_create_trait('consent', '1');
SELECT pulse_create_segment('typo', '{"where": "consent"}');
SELECT item, part, value, regexp_replace(note, 'record [0-9]+', 'record …') AS note FROM pulse_explain_membership('jon', 'reachable') WHERE item = 'consent';

-- A change is evaluated at once, also where events wait for the pipeline.
SET pulse.evaluation = 'async';
SELECT pulse_set_consent('ann', 'ads', true) > 0 AS recorded;
SELECT c.change, c.cause FROM pulse.membership_change AS c JOIN pulse.segment AS s ON s.id = c.segment_id JOIN pulse.person AS p USING (profile_id)
WHERE p.user_id = 'ann' AND s.name = 'reachable' AND c.at = pulse_now();
RESET pulse.evaluation;
-- Subscriptions are told of each change, also by merges; not of what repeats.
SELECT subscription FROM pulse_subscribe('https://example.com/consent', '{consent.updated}', name => 'consent', secret => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
SELECT pulse_set_consent('ann', 'ads', false) > 0 AS recorded;
SELECT pg_temp.send('{"consent": {"ads": false}}', 'ann'), pg_temp.send('{"consent": {"sms": true}}', 'ann');
SELECT i.kind, p.user_id, i.data FROM pulse.feed_item AS i JOIN pulse.person AS p USING (profile_id) ORDER BY i.id;
SELECT pulse_unsubscribe('consent');

-- ---- Purposes ----
SELECT pulse_set_consent_purpose('loyalty', '{Club}', true);
SELECT granted, status FROM pulse_consents_of('bob') WHERE purpose = 'loyalty';
SELECT pulse_has_consent('bob', 'loyalty') AS bob, pulse_has_consent('ann', 'loyalty') AS ann;
SELECT pulse_drop_consent_purpose('loyalty');
SELECT pulse_drop_consent_purpose('ads');
SELECT pulse_drop_consent_purpose('fax');
SELECT pulse_set_consent_purpose('Fax');
SELECT pulse_set_consent_purpose('gpc');
SELECT pulse_set_consent_purpose(NULL);
SELECT pulse_set_consent_purpose('all', NULL, true);
SELECT pulse_set_consent_purpose('ads', '{""}');
SELECT * FROM pulse.consent_purpose ORDER BY purpose;

-- ---- Errors ----
SELECT pulse_set_consent('nobody', 'ads', true);
SELECT pulse_set_consent('ann', 'fax', true);
SELECT pulse_set_consent(NULL, 'ads', true);
SELECT pulse_set_consent('ann', NULL, true);
SELECT pulse_set_consent('ann', 'ads', NULL);
SELECT pulse_set_consent('ann', 'ads', true, NULL) > 0 AS without_evidence;
SELECT pulse_set_consent('ann', 'ads', true, '7');
SELECT pulse_set_consent('ann', 'ads', true, '{"at": "2011-07-01"}');
SELECT pulse_set_consent('ann', 'ads', true, '{"at": "infinity"}');
SELECT pulse_set_consent('ann', 'ads', true, '{"expires_at": "2011-05-01"}');
SELECT pulse_set_consent('ann', 'ads', false, '{"expires_at": "2012-05-01"}');
SELECT pulse_set_consent('ann', 'ads', true, '{"status": "denied"}');
SELECT pulse_set_consent('ann', 'ads', false, '{"status": "maybe"}');
SELECT pulse_set_consent('ann', 'ads', true, '{"source": ""}');
SELECT pulse_set_consent('ann', 'ads', true, jsonb_build_object('basis', repeat('x', 300)));
SELECT pulse_set_consent('ann', 'ads', true, jsonb_build_object('page', repeat('x', 70000)));
SELECT pulse_set_consents('{}');
SELECT pulse_set_consents(NULL);
SELECT pulse_has_consent('ann', 'fax');
SELECT pulse_has_consent('nobody', 'ads');
SELECT pulse_consents_of('nobody');
SELECT pulse_consents_of('ann', 'infinity');
SELECT pulse_consent_history('ann', 0);
BEGIN READ ONLY; SELECT pulse_set_consent('ann', 'ads', true); ROLLBACK;
-- ---- Defaults by region ----
SELECT pulse_set_consent_default('analytics', 'US', true), pulse_set_consent_default('analytics', 'US-CA', false), pulse_set_consent_default('analytics', 'DE', false);
SELECT count(pulse_identify('region-' || r.u, r.a::jsonb)) AS people FROM (VALUES ('ny', '{"country": "us", "state": "NY"}'), ('ca', '{"address": {"country": "US", "state": "CA"}}'), ('code', '{"region": "US-CA"}'),
    ('by', '{"address": {"country": "DE", "region": "Bavaria"}}'), ('br', '{"country": "BR"}'), ('none', '{"country": "Germany", "region": "CA"}')) AS r (u, a);
SELECT u, pulse_has_consent('region-' || u, 'analytics') AS consent, c.status, c.granted FROM unnest('{ny,ca,code,by,br,none}'::text[]) AS u, pulse_consents_of('region-' || u) AS c WHERE c.purpose = 'analytics';
-- Elsewhere it is granted; where nothing is known, the strictest counts.
SELECT pulse_set_consent_purpose('analytics', granted_by_default => true);
SELECT u, pulse_has_consent('region-' || u, 'analytics') AS consent FROM unnest('{ny,ca,code,by,br,none}'::text[]) AS u;
-- What is recorded counts, and rules see nothing else.
SELECT pulse_set_consent('region-ny', 'analytics', false) > 0 AND pulse_set_consent('region-by', 'analytics', true) > 0 AS recorded;
SELECT u, pulse_has_consent('region-' || u, 'analytics') AS consent FROM unnest('{ny,by,br}'::text[]) AS u;
SELECT part, item, members FROM pulse_preview_segment('{"where": "consent.analytics"}') WHERE part = 'size';
SELECT pulse_set_consent_default('analytics', 'US', NULL), pulse_set_consent_default('analytics', 'US-CA', NULL), pulse_set_consent_default('analytics', 'DE', NULL), pulse_set_consent_default('analytics', 'FR', NULL);
SELECT pulse_set_consent_purpose('analytics', granted_by_default => false);
SELECT count(*) FROM pulse.consent_default;
SELECT pulse_set_consent_default('fax', 'DE', true);
SELECT pulse_set_consent_default('all', 'DE', true);
SELECT pulse_set_consent_default('ads', 'Germany', true);
SELECT pulse_set_consent_default('ads', 'de', true);
SELECT pulse_set_consent_default('ads', NULL, true);
SELECT pulse_set_consent_default(NULL, 'DE', true);
SELECT subject, details FROM pulse.audit WHERE action = 'consent.default_set' ORDER BY id LIMIT 2;

-- ---- In the description of a person ----
SELECT c ->> 'purpose' AS purpose, c ->> 'status' AS status, c ->> 'granted' AS granted, c ->> 'since' AS since, c ->> 'source' AS source FROM jsonb_array_elements(pulse_profile('ann') -> 'consents') AS c;
SELECT pulse_profile('region-br') -> 'consents' AS elsewhere;
SELECT pulse_set_consent_default('push', 'BR', true);
SELECT pulse_profile('region-br') -> 'consents' AS by_default;
SELECT pulse_set_consent_default('push', 'BR', NULL);
-- As of a past moment.
SET pulse.now = '2011-03-15';
SELECT pulse_profile('ann') #> '{consents,0}' AS consent;
SET pulse.now = '2011-06-01 00:00+00';

-- Nothing that was recorded changes.
UPDATE pulse.consent_record SET status = 'granted';
UPDATE pulse.consent_record SET repeated_at = at - interval '1 day';
UPDATE pulse.consent_record SET proof = '{"forged": true}', repeated_at = repeated_at;
-- The trigger that compares rows does not fire for repeated_at, and for every other column.
SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = 'pulse.consent_record'::regclass AND a.attnum > 0 AND NOT a.attisdropped
  AND (a.attname = 'repeated_at') = (a.attnum = ANY ((SELECT t.tgattr FROM pg_trigger AS t WHERE t.tgname = 'consent_record_keep')::int2[]));

SELECT action, subject ~ '^profile:[0-9]+$' AS person, count(*) FROM pulse.audit WHERE action LIKE 'consent.%' GROUP BY 1, 2 ORDER BY 1, 2;
-- Who is deleted by hand leaves nothing.
DELETE FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.person WHERE user_id = 'jon');
SELECT count(*) FROM pulse.consent_record AS r WHERE NOT EXISTS (SELECT FROM pulse.profile AS p WHERE p.id = r.profile_id);
SELECT count(*) FROM pulse.consent AS c WHERE NOT EXISTS (SELECT FROM pulse.profile AS p WHERE p.id = c.profile_id);
