-- Room audience: audiences, whom they would have, and why others are left out.
SELECT current_database() AS home \gset
CREATE DATABASE regress_audience ENCODING 'UTF8' TEMPLATE template0;
\c regress_audience
SET client_min_messages = warning;
CREATE EXTENSION pulse;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-01 12:00+00';

-- ---- destinations ----
SELECT pulse_create_destination('crm', 'file', '{}');
SELECT pulse_create_destination('crm', 'file', '{}');
SELECT pulse_create_destination('x', 'facebook', '{}');
SELECT pulse_create_destination('x', 'meta', '{"account": "12345"}');
SELECT pulse_create_destination('x', 'meta', '{"acount": "12345"}');
SELECT pulse_create_destination('x', 'file', '{"platform": "meta"}');
SELECT pulse_create_destination('x', 'file', '[]');
SELECT pulse_create_destination(NULL, 'file', '{}');
SELECT pulse_create_destination('ads', 'meta', '{"account": "12345", "access_token": "tell-nobody"}');
SELECT pulse_create_destination('google', 'google', '{"account": "7693729833", "refresh_token": "r", "client_id": "i", "client_secret": "s"}');
SELECT srvname, srvoptions FROM pg_foreign_server ORDER BY 1;
SELECT * FROM pulse_test_destination('crm');
SELECT * FROM pulse_test_destination('nowhere');
SELECT * FROM pulse_test_destination(NULL);

-- ---- people ----
SELECT count(pulse_identify(u.id, jsonb_strip_nulls(jsonb_build_object('plan', 'gold', 'email', u.email, 'phone', u.phone, 'first_name', u.name)), at => '2026-02-01'))
FROM (VALUES ('ann', 'Ann@Example.com ', '+49 171 1234567', 'Ann'), ('bob', 'bob@example.com', NULL, NULL), ('cat', 'cat@example.com', NULL, NULL),
             ('dan', NULL, NULL, 'Dan'), ('eve', 'not an address', NULL, NULL), ('fay', 'fay@example.com', NULL, NULL), ('gus', 'gus@example.com', NULL, NULL)) AS u (id, email, phone, name);
SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}') > 0 AS made;
SELECT count(*) FROM pulse.membership WHERE segment = 'gold';
SELECT count(pulse_set_consent(u, 'ads', true)) FROM unnest('{ann,bob,dan,eve,gus}'::text[]) AS u;
SELECT pulse_set_consent('cat', 'ads', false) > 0 AS refused;
SELECT pulse_set_consent('gus', 'ads', true, '{"expires_at": "2026-04-01"}') > 0 AS ends;

-- ---- creating ----
SELECT pulse_create_audience('gold', 'gold', 'crm', '{"interval": "6 hours", "identifiers": ["email", "phone", "first_name"]}');
SELECT pulse_create_audience('gold', 'gold', 'crm');
SELECT pulse_create_audience('a', 'silver', 'crm');
SELECT pulse_create_audience('a', 'gold', 'crn');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"intervall": "6 hours"}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"interval": "5 minutes"}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"interval": 6}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"purposes": ["adverts"]}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"purposes": []}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"identifiers": ["emial"]}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"identifiers": "email"}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"identifiers": ["city"]}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"max_share": 2}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"max_share": "NaN"}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"full_every": "2 years"}');
SELECT pulse_create_audience('a', 'gold', 'crm', '{"key": "passport"}');
SELECT pulse_create_audience('', 'gold', 'crm');
SELECT pulse_create_audience(NULL, 'gold', 'crm');
SELECT pulse_create_audience('a', NULL, 'crm');
SELECT pulse_create_audience(repeat('x', 300), 'gold', 'crm');
SELECT pulse_create_audience('debt', 'gold', 'ads', '{"platform_name": "diabetes patients", "identifiers": ["email", "phone"]}') > 0 AS made;
SELECT name, segment, destination, status, sent, adding, members, next_sync_at FROM pulse.audience_overview ORDER BY name;

-- ---- preview: nothing is written ----
SELECT part, item, people, value FROM pulse_preview_audience('gold');
SELECT part, item, people, value FROM pulse_preview_audience('debt', 0) WHERE part <> 'request';
SELECT part, item, value FROM pulse_preview_audience('debt', 0) WHERE part = 'request';
SELECT * FROM pulse_preview_audience('golden');
SELECT * FROM pulse_preview_audience('gold', 1000);
SELECT part, item, people, value FROM pulse_preview_audience('gold', 2, 1) WHERE part <> 'request';
SELECT count(*) FILTER (WHERE part = 'examined') AS of_some FROM pulse_preview_audience('gold', 2, 100000);
SELECT * FROM pulse_preview_audience('gold', 2, 0);
SELECT * FROM pulse_preview_audience('gold', 2, 100001);
SELECT * FROM pulse_preview_audience(NULL);
SELECT count(*) FROM pulse.audience_member;

\c :home
DROP DATABASE regress_audience;
