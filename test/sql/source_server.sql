-- Room source: servers of pulse_source, without network. Tests with a standby are in test/t/010_source_standby.pl.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
\set SHOW_CONTEXT never

-- The validator checks names, places and values of options.
CREATE SERVER regress_source FOREIGN DATA WRAPPER pulse_source
    OPTIONS (host 'replica.example', port '5433', dbname 'crm', sslmode 'verify-full', max_replay_lag '1min', max_cost '1e6');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_source OPTIONS (hots 'replica.example');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'x', password 'geheim');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'x', port '70000');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'x', max_replay_lag '30');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'x', allow_primary 'perhaps');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_source OPTIONS (host '');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_source;
ALTER SERVER regress_source OPTIONS (ADD sslmoode 'require');
ALTER SERVER regress_source OPTIONS (SET sslmode 'sometimes');
ALTER SERVER regress_source OPTIONS (DROP host);
ALTER SERVER regress_source OPTIONS (SET max_cost '2e6', DROP dbname);
ALTER FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'x');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_source OPTIONS (user 'reader', passwd 'geheim');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_source OPTIONS (host 'x');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_source OPTIONS (user 'reader', password '');
CREATE FOREIGN TABLE regress_table (id int) SERVER regress_source;
SELECT * FROM regress_table;
DROP FOREIGN TABLE regress_table;

-- Server and user mapping in one call.
SELECT pulse_create_source('regress_crm', '{"host": "replica.example", "port": 5433, "allow_primary": true, "user": "reader", "password": "geheim"}');
SELECT s.srvname, s.srvoptions, m.umoptions
FROM pg_foreign_server AS s JOIN pg_user_mapping AS m ON m.umserver = s.oid WHERE s.srvname = 'regress_crm';
SELECT pulse_create_source('regress_crm', '{"host": "replica.example"}');
SELECT pulse_create_source('regress_bad', '{"host": "x", "pasword": "geheim"}');
SELECT pulse_create_source('regress_bad', '{"host": "x", "port": 0}');
SELECT pulse_create_source('regress_bad', '{"host": "x", "port": null}');
SELECT pulse_create_source('regress_bad', '{"host": "x", "password": ["geheim"]}');
SELECT pulse_create_source('regress_bad', '{"user": "reader", "password": "geheim"}');
SELECT pulse_create_source('regress_bad', '["geheim"]');
SELECT pulse_create_source('regress_bad', '{}');
SELECT pulse_create_source('', '{"host": "x"}');
SELECT pulse_create_source(repeat('x', 100), '{"host": "x"}');
SELECT pulse_create_source('local', '{"host": "x"}');
SELECT pulse_create_source(NULL, '{"host": "x"}');
SELECT pulse_create_source('regress_bad', NULL);
-- A failed call leaves nothing behind.
SELECT count(*) FROM pg_foreign_server WHERE srvname = 'regress_bad';
-- The context of a calling function does not show the statement either.
\set SHOW_CONTEXT always
DO $$ BEGIN PERFORM pulse_create_source('regress_crm', '{"host": "x", "password": "geheim"}'); END $$;
DO $$ BEGIN PERFORM pulse_create_source('regress_bad', '{"hots": "x", "password": "geheim"}'); END $$;
\set SHOW_CONTEXT never

-- Nor does pg_stat_activity.
SELECT pulse_create_source('regress_quiet', '{"host": "x", "password": "geheim"}') \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
DROP SERVER regress_quiet CASCADE;
-- The views show no secret.
SELECT name, options, status, visits FROM pulse.source WHERE name LIKE 'regress%' ORDER BY name;

-- Rights: USAGE, a user mapping, and a password unless the role is a superuser.
CREATE ROLE regress_pulse_maker;
SELECT pulse_grant('regress_pulse_maker', 'operator');
SET ROLE regress_pulse_maker;
SELECT pulse_create_source('regress_mine', '{"host": "x"}');
SELECT * FROM pulse_test_source('regress_none');
SELECT * FROM pulse_test_source(NULL);
SELECT * FROM pulse_test_source('');
SELECT * FROM pulse_test_source('regress_crm');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER regress_crm TO regress_pulse_maker;
SET ROLE regress_pulse_maker;
SELECT * FROM pulse_test_source('regress_crm');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_crm OPTIONS (user 'reader', sslkey '/etc/key');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_crm OPTIONS (user 'reader');
SELECT * FROM pulse_test_source('regress_crm');
DROP USER MAPPING FOR CURRENT_USER SERVER regress_crm;
RESET ROLE;
-- An admin can create sources; pulse_revoke() takes that right away, too.
SELECT pulse_grant('regress_pulse_maker', 'admin');
SELECT has_foreign_data_wrapper_privilege('regress_pulse_maker', 'pulse_source', 'USAGE');
SET ROLE regress_pulse_maker;
SELECT pulse_create_source('regress_mine', '{"host": "x", "user": "reader", "password": "geheim"}');
RESET ROLE;
SELECT srvowner::regrole FROM pg_foreign_server WHERE srvname = 'regress_mine';
SELECT pulse_revoke('regress_pulse_maker');
SELECT has_foreign_data_wrapper_privilege('regress_pulse_maker', 'pulse_source', 'USAGE');
SELECT has_foreign_data_wrapper_privilege('public', 'pulse_source', 'USAGE');

-- An unreachable server is a row, not an error; the visit is recorded.
SELECT pulse_create_source('regress_down', '{"host": "/nonexistent", "port": 1, "user": "reader", "password": "geheim"}');
SELECT item, verdict FROM pulse_test_source('regress_down');
SELECT source, purpose, status, queries, reason LIKE 'source "regress_down" was not read: connection to server%' AS told FROM pulse.source_usage;
SELECT status, last_error IS NOT NULL AS told FROM pulse.source WHERE name = 'regress_down';
-- Also in a read-only transaction.
BEGIN READ ONLY;
SELECT value LIKE '%was not read%' AS told FROM pulse_test_source('regress_down') WHERE item = 'reachable';
SELECT pulse_create_source('regress_other', '{"host": "x"}');
ROLLBACK;
SELECT count(*) FROM pulse.source_usage;
-- Servers of other foreign-data wrappers are not sources.
SELECT * FROM pulse_test_source('pulse_source');

DROP SERVER regress_source, regress_crm, regress_mine, regress_down CASCADE;
DROP ROLE regress_pulse_maker;
DELETE FROM pulse.source_usage;
