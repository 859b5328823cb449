-- Signed webhooks that come in: POST /webhook/drift with a key that has a secret.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE ROLE signature_operator;
CREATE ROLE signature_admin;
CREATE ROLE signature_reader;
SELECT pulse_grant('signature_operator', 'operator'), pulse_grant('signature_admin', 'admin'), pulse_grant('signature_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT pulse_create_api_key('signature n8n', 'admin', 'signature_operator') AS text;

-- HMAC-SHA256 (RFC 2104) in SQL.
CREATE FUNCTION pg_temp.hmac(key bytea, message bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    inside bytea := key || decode(repeat('00', 64 - length(key)), 'hex');
    outside bytea := inside;
BEGIN
    FOR i IN 0..63 LOOP
        outside := set_byte(outside, i, get_byte(inside, i) # 92);
        inside := set_byte(inside, i, get_byte(inside, i) # 54);
    END LOOP;
    RETURN sha256(outside || sha256(inside || message));
END $$;
SELECT encode(pg_temp.hmac('key', 'The quick brown fox jumps over the lazy dog'), 'hex') = 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8' AS rfc;
CREATE FUNCTION pg_temp.signature(secret text, id text, at text, body text) RETURNS text LANGUAGE sql AS $$
    SELECT 'v1,' || encode(pg_temp.hmac(decode(substr(secret, 7), 'base64'), convert_to(id || '.' || at || '.' || body, 'UTF8')), 'base64') $$;
CREATE FUNCTION pg_temp.post(body text, headers jsonb DEFAULT '{}', path text DEFAULT '/webhook/drift', OUT status int, OUT body text, OUT refused jsonb) LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8'), h.info -> 'refused' FROM key AS k, pulse_http('POST', path, NULL, headers || jsonb_build_object('x-api-key', k.text), convert_to(post.body, 'UTF8')) AS h $$;
-- A request that is signed some seconds from now.
CREATE FUNCTION pg_temp.send(id text, body text, seconds int DEFAULT 0, secret text DEFAULT 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', signed_body text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT p.status, p.body FROM (SELECT (extract(epoch FROM clock_timestamp())::bigint + seconds)::text AS at OFFSET 0) AS t,
        pg_temp.post(send.body, jsonb_build_object('webhook-id', id, 'webhook-timestamp', t.at, 'webhook-signature', pg_temp.signature(secret, id, t.at, coalesce(signed_body, send.body)))) AS p $$;

-- Without a secret no signature is asked for.
SELECT * FROM pg_temp.post('{}');
SELECT pulse_set_webhook_secret('signature n8n') ~ '^whsec_[A-Za-z0-9+/]{43}=$' AS made;
SELECT pulse_set_webhook_secret('signature n8n', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz');
SELECT signed FROM pulse.api_key WHERE name = 'signature n8n';
SELECT * FROM pg_temp.post('{}');
SELECT * FROM pg_temp.send('m1', '{"a": 1}');
SELECT * FROM pg_temp.send('m2', '{"a": 1}', signed_body => '{"a": 2}');
SELECT * FROM pg_temp.send('m3', '{"a": 1}', secret => 'whsec_' || encode(repeat('x', 32)::bytea, 'base64'));
-- The clock may be off by five minutes.
SELECT s.seconds, h.status, h.body FROM unnest('{-295,295,-310,310,-100000}'::int[]) AS s (seconds), pg_temp.send('t' || s.seconds, '{}', s.seconds) AS h;
-- What came once does not count again; what is signed anew does.
CREATE TEMP TABLE sent AS SELECT jsonb_build_object('webhook-id', 'again', 'webhook-timestamp', t.at, 'webhook-signature', pg_temp.signature('whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 'again', t.at, '{}')) AS headers
FROM (SELECT extract(epoch FROM clock_timestamp())::bigint::text AS at) AS t;
SELECT p.status, p.body, p.refused FROM sent AS s, pg_temp.post('{}', s.headers) AS p;
SELECT p.status, p.body, p.refused FROM sent AS s, pg_temp.post('{}', s.headers) AS p;
-- Nor with its time written otherwise, for which the signature is the same.
SELECT t.prefix, p.status, p.body, p.refused FROM sent AS s, (VALUES ('0'), ('000'), ('+'), (' ')) AS t (prefix), pg_temp.post('{}', s.headers || jsonb_build_object('webhook-timestamp', t.prefix || (s.headers ->> 'webhook-timestamp'))) AS p;
SELECT status FROM pg_temp.send('again', '{}', -1);
-- A request that fails is not noted.
SELECT p.status, p.body FROM (SELECT extract(epoch FROM clock_timestamp())::bigint::text AS at OFFSET 0) AS t, generate_series(1, 2),
    pg_temp.post('{"action": "dance"}', jsonb_build_object('webhook-id', 'fails', 'webhook-timestamp', t.at, 'webhook-signature', pg_temp.signature('whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 'fails', t.at, '{"action": "dance"}'))) AS p;
-- Senders that change their secret sign with both.
SELECT p.status FROM (SELECT extract(epoch FROM clock_timestamp())::bigint::text AS at OFFSET 0) AS t,
    pg_temp.post('{}', jsonb_build_object('webhook-id', 'both', 'webhook-timestamp', t.at, 'webhook-signature', 'v1,bm90aGluZw== v1a,x ' || pg_temp.signature('whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 'both', t.at, '{}'))) AS p;
-- What is no signature
SELECT h.name, p.status, p.body FROM (VALUES ('no id', '{"webhook-timestamp": "1", "webhook-signature": "v1,x"}'::jsonb), ('no time', '{"webhook-id": "1", "webhook-signature": "v1,x"}'), ('no signature', '{"webhook-id": "1", "webhook-timestamp": "1"}'),
    ('time', '{"webhook-id": "1", "webhook-timestamp": "soon", "webhook-signature": "v1,x"}'), ('large time', '{"webhook-id": "1", "webhook-timestamp": "99999999999999999999", "webhook-signature": "v1,x"}'),
    ('negative', '{"webhook-id": "1", "webhook-timestamp": "-1", "webhook-signature": "v1,x"}'), ('blanks', '{"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "   "}')) AS h (name, headers), pg_temp.post('{}', h.headers) AS p;
SELECT p.status FROM pg_temp.post('{}', jsonb_build_object('webhook-id', repeat('x', 256), 'webhook-timestamp', '1', 'webhook-signature', 'v1,x')) AS p;
-- Other routes need none.
SELECT h.status FROM key AS k, pulse_http('GET', '/api/segments', NULL, jsonb_build_object('x-api-key', k.text)) AS h;
-- A restored copy does not have the secret: nothing comes in.
DELETE FROM pulse.webhook_secret;
SELECT * FROM pg_temp.send('r1', '{}');
SELECT pulse_set_webhook_secret('signature n8n', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz');
SELECT status FROM pg_temp.send('r2', '{}');
-- The secret changes at once.
SELECT pulse_set_webhook_secret('signature n8n', 'whsec_' || encode(repeat('x', 32)::bytea, 'base64')) IS NOT NULL AS changed;
SELECT status FROM pg_temp.send('r3', '{}');
SELECT status FROM pg_temp.send('r4', '{}', secret => 'whsec_' || encode(repeat('x', 32)::bytea, 'base64'));
BEGIN READ ONLY;
SELECT status FROM pg_temp.send('r5', '{}', secret => 'whsec_' || encode(repeat('x', 32)::bytea, 'base64'));
ROLLBACK;
-- Arguments and rights
SELECT pulse_set_webhook_secret(NULL);
SELECT pulse_set_webhook_secret('nobody');
SELECT pulse_set_webhook_secret('signature n8n', '');
SELECT pulse_set_webhook_secret('signature n8n', 'secret');
SELECT pulse_set_webhook_secret('signature n8n', 'whsec_QUJD');
SELECT pulse_delete_webhook_secret(NULL);
SELECT pulse_delete_webhook_secret('nobody');
SET ROLE signature_admin;
SELECT pulse_set_webhook_secret('signature n8n');
SELECT pulse_delete_webhook_secret('signature n8n');
SELECT count(*) FROM pulse.webhook_secret;
SET ROLE signature_reader;
SELECT pulse_set_webhook_secret('signature n8n');
RESET ROLE;
SELECT pulse_delete_webhook_secret('signature n8n');
SELECT * FROM pg_temp.post('{}');
SELECT action, subject FROM pulse.audit WHERE subject = 'signature n8n' AND action LIKE '%secret%' ORDER BY id;
SELECT count(*) > 0 AS noted FROM pulse.webhook_seen;
UPDATE pulse.webhook_seen SET at = at - interval '2 hours';
SELECT count(*) FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.webhook_seen;

SELECT pulse_revoke_api_key('signature n8n');
DROP TABLE key, sent;
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'signature\_%';
DROP ROLE signature_operator, signature_admin, signature_reader;
