-- Room profile: consent by purpose, its history, merges, and what events say.
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

SELECT pulse_identify('ann', '{"email": "ann@example.com"}') IS NOT NULL AS known;
SELECT pulse_set_consent('ann', 'ads', true, '{"source": "preference centre", "text_version": "3", "ip": "192.0.2.1", "expires_at": "2011-04-01"}') IS NOT NULL AS recorded;
SELECT pulse_set_consent('email:Ann@Example.com', 'all', false) IS NOT NULL AS recorded;
SET pulse.now = '2011-03-01 10:00+00';
SELECT pulse_set_consent('ann', 'email', true) IS NOT NULL AS recorded;
SELECT purpose, status, at, expires_at, live FROM pulse.consent ORDER BY purpose;
