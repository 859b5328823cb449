-- The chain over the audit log: sealing, verifying, checkpoints, what is personal, retention; every way to break it.
SELECT current_database() AS home \gset
CREATE DATABASE regress_chain ENCODING 'UTF8' TEMPLATE template0;
\c regress_chain
SET client_min_messages = warning;
CREATE EXTENSION pulse;
\set SHOW_CONTEXT never
CREATE ROLE regress_chain_chef;
CREATE ROLE regress_chain_op;
CREATE ROLE regress_chain_writes_all;
GRANT pg_write_all_data, pg_read_all_data TO regress_chain_writes_all;
\set brief 'SELECT intact, kind, seq, audit_id, detail, verified, unsealed FROM pulse_verify_audit()'

-- Nothing is nothing.
SELECT * FROM pulse_verify_audit();
SELECT pulse_seal_audit(), pulse_checkpoint_audit() IS NULL AS none;

-- A row waits until it is sealed; then the chain has a link for it.
SELECT pulse.write_audit('test.done', 'row ' || i, jsonb_build_object('n', i)) FROM generate_series(1, 3) AS i;
:brief;
SELECT pulse_seal_audit(), pulse_seal_audit() AS again;
:brief;
SELECT seq, audit_id, octet_length(content) AS content, octet_length(hash) AS hash, sealed_at BETWEEN clock_timestamp() - interval '1 hour' AND clock_timestamp() AS now FROM pulse.audit_seal ORDER BY seq;
-- Each link is of the documented form: fields with their lengths, microseconds since 1970, UTF-8.
CREATE FUNCTION field(b bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT convert_to(octet_length(b)::text, 'UTF8') || ':' || b $$;
CREATE FUNCTION field(t text) RETURNS bytea LANGUAGE sql AS $$ SELECT field(convert_to(t, 'UTF8')) $$;
CREATE FUNCTION micros(t timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT trunc(extract(epoch FROM t) * 1000000)::bigint::text $$;
SELECT pulse.write_audit('test.done', 'Zürich €', '{"b": [1, 2.50, null], "a": "ü"}');
SELECT pulse_seal_audit();
SELECT s.seq, s.content = sha256(field('pulse audit content 1') || field(micros(a.at)) || field(a.actor) || field(a.actor_kind) || field(a.login::text) || field(a.action) || field(a.subject) || field(sha256(convert_to(a.details::text, 'UTF8'))) || field(coalesce(a.personal_digest, ''))) AS content,
    s.hash = sha256(field('pulse audit link 1') || field(s.seq::text) || field(s.audit_id::text) || field(micros(s.sealed_at)) || field(s.content) || field(s.prev)) AS hash,
    s.prev = coalesce(lag(s.hash) OVER (ORDER BY s.seq), sha256('pulse audit genesis 1')) AS prev
FROM pulse.audit_seal AS s JOIN pulse.audit AS a ON a.id = s.audit_id ORDER BY s.seq;

-- The order is that of sealing, not of ids or time: what commits late comes later, and nobody waits for it.
SELECT pulse_seal_audit() AS nothing_left;
BEGIN;
SELECT pulse.write_audit('test.done', 'rolled back');
SELECT pulse_seal_audit();
ROLLBACK;
:brief;
-- A rolled back id leaves no gap in the chain.
SELECT pulse.write_audit('test.done', 'after it');
SELECT pulse_seal_audit();
SELECT max(id) - max(seq) > 0 AS ids_have_gaps, max(seq) = count(*) AS links_have_none FROM pulse.audit AS a JOIN pulse.audit_seal AS s ON s.audit_id = a.id;

-- ---- checkpoints ----
SELECT pulse_checkpoint_audit() AS kept \gset
SELECT :'kept'::jsonb ->> 'seq' AS seq, length(:'kept'::jsonb ->> 'hash') AS hash, (SELECT count(*) FROM pulse.audit_checkpoint) AS rows;
-- Not twice for one head.
SELECT pulse_checkpoint_audit() = :'kept'::jsonb AS same, (SELECT count(*) FROM pulse.audit_checkpoint) AS rows;
SELECT intact, verified, checkpoints, head_seq, head_hash = :'kept'::jsonb ->> 'hash' AS head FROM pulse_verify_audit(:'kept');
-- As the message to a channel has it.
SELECT intact, checkpoints FROM pulse_verify_audit(jsonb_build_object('type', 'audit.checkpoint', 'data', :'kept'::jsonb));
-- Another chain.
SELECT intact, kind, seq, detail FROM pulse_verify_audit(jsonb_set(:'kept', '{hash}', to_jsonb(repeat('0', 64))));
-- A longer one.
SELECT intact, kind, seq, detail FROM pulse_verify_audit(jsonb_set(:'kept', '{seq}', '1000'));
-- Not a checkpoint.
SELECT pulse_verify_audit('[]');
SELECT pulse_verify_audit('{}');
SELECT pulse_verify_audit('{"seq": 0, "hash": "00"}');
SELECT pulse_verify_audit('{"seq": 1.5, "hash": "00"}');
SELECT pulse_verify_audit('{"seq": 99999999999999999999, "hash": "00"}');
SELECT pulse_verify_audit('{"seq": 1, "hash": "0g"}');
SELECT pulse_verify_audit('{"seq": 1, "hash": null}');

-- ---- what is personal is apart, and can go ----
SELECT pulse.write_audit('test.consented', 'consent', '{"purpose": "ads"}', 7, '{"email": "ann@example.com"}');
SELECT pulse.write_audit('test.consented', 'consent', '{"purpose": "ads"}', 8, '{"email": "bob@example.com"}');
SELECT pulse_seal_audit();
SELECT subject, details, personal FROM pulse_list_audit(max => 2);
SELECT count(*) FILTER (WHERE a.details::text LIKE '%example%') AS in_the_log, count(a.personal_digest) AS digests FROM pulse.audit AS a;
SELECT pulse.erase_audit('{7,99}'), pulse.erase_audit('{}') AS nobody;
SELECT intact, verified, erased FROM pulse_verify_audit();
SELECT audit_id IS NOT NULL AS kept, person, fields FROM pulse.audit_personal;
SELECT pulse.erase_audit(NULL);
SELECT pulse.write_audit('test.done', 'x', '{}', NULL, '{"email": "x"}');
SELECT pulse.write_audit(NULL, 'x');
SELECT pulse.write_audit('test.done', NULL);
SELECT pulse.write_audit('test.done', 'x', NULL);
\set VERBOSITY sqlstate
SELECT pulse.write_audit('Test done', 'x');
SELECT pulse.write_audit('test.done', 'x', '[]');
SELECT pulse.write_audit('test.done', 'x', '{}', 7, '[]');
\set VERBOSITY default

-- ---- who may do what ----
SELECT pulse_grant('regress_chain_chef', 'admin'), pulse_grant('regress_chain_op', 'operator');
SELECT pulse_seal_audit() > 0 AS sealed;
SET ROLE regress_chain_op;
SELECT pulse_verify_audit();
SELECT pulse_seal_audit();
SELECT pulse_checkpoint_audit();
SELECT pulse_list_audit();
SELECT count(*) FROM pulse.audit_seal;
SET ROLE regress_chain_chef;
SELECT intact FROM pulse_verify_audit();
SELECT action, subject, actor = login AS same, seq IS NOT NULL AS sealed FROM pulse_list_audit(max => 1);
SELECT count(*) > 5 AS seals, (SELECT count(*) FROM pulse.audit_personal) AS personal FROM pulse.audit_seal;
SELECT pulse.write_audit('test.done', 'forged');
SELECT pulse.erase_audit('{8}');
SET ROLE regress_chain_writes_all;
INSERT INTO pulse.audit_seal VALUES (1000, 1000, '', '', '', now());
INSERT INTO pulse.audit_unsealed VALUES (1000);
INSERT INTO pulse.audit_checkpoint VALUES (1000, '', now());
INSERT INTO pulse.audit_personal VALUES (1000, 1, '', '{}');
UPDATE pulse.audit_seal SET hash = '';
DELETE FROM pulse.audit_unsealed;
DELETE FROM pulse.audit_checkpoint;
DELETE FROM pulse.audit_personal;
RESET ROLE;
-- Nor does a superuser, as long as the triggers are on.
UPDATE pulse.audit SET subject = 'x';
DELETE FROM pulse.audit_seal WHERE seq = 1;
UPDATE pulse.audit_checkpoint SET hash = '';
DELETE FROM pulse.audit_personal;
DELETE FROM pulse.audit_unsealed;
TRUNCATE pulse.audit_seal;
INSERT INTO pulse.audit_checkpoint SELECT * FROM pulse.audit_checkpoint ON CONFLICT (seq) DO UPDATE SET hash = '';

-- ---- reading ----
SELECT pulse_list_audit(max => 0);
SELECT pulse_list_audit(max => 1001);
SELECT pulse_list_audit(max => NULL);
SELECT id, subject FROM pulse_list_audit(before => 4);
SELECT count(*) FROM pulse_list_audit(only_action => 'test.consented');
SELECT count(*) FROM pulse_list_audit(only_subject => 'row 1', only_actor => current_user);
SELECT count(*) FROM pulse_list_audit(only_actor => 'nobody');

-- Who did little in a long log is found by an index: as few rows are read as are returned.
BEGIN;
INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) SELECT 'many', 'role', 'many', 'test.much', repeat('subject ', 1000) FROM generate_series(1, 2) AS i;
INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) SELECT CASE i WHEN 7 THEN 'rare' ELSE 'many' END, 'role', 'many', CASE i WHEN 8 THEN 'test.rare' ELSE 'test.much' END, CASE i WHEN 9 THEN 'rare' ELSE 'much' END
FROM generate_series(1, 5000) AS i;
ANALYZE pulse.audit;
CREATE FUNCTION rows_read() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT pg_stat_get_xact_tuples_returned('pulse.audit'::regclass) + pg_stat_get_xact_tuples_fetched('pulse.audit'::regclass) $$;
SELECT rows_read() AS begun \gset
SELECT count(*) FROM pulse_list_audit(only_actor => 'rare');
SELECT count(*) FROM pulse_list_audit(only_action => 'test.rare');
SELECT count(*) FROM pulse_list_audit(only_subject => 'rare');
SELECT count(*) FROM pulse_list_audit(only_subject => repeat('subject ', 1000));
SELECT count(*) FROM pulse_list_audit(only_actor => 'rare', only_action => 'test.much', only_subject => 'much');
SELECT count(*) FROM pulse_list_audit(only_actor => 'rare', max => 1000, before => 1);
SELECT rows_read() - :begun <= 10 AS few;
SELECT count(*) FROM pulse_list_audit(max => 3);
SELECT rows_read() - :begun <= 20 AS few;
ROLLBACK;

-- ---- how it is broken, each from a chain that is whole ----
CREATE FUNCTION whole() RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    SET LOCAL session_replication_role = replica;
    DELETE FROM pulse.audit; DELETE FROM pulse.audit_seal; DELETE FROM pulse.audit_unsealed; DELETE FROM pulse.audit_checkpoint; DELETE FROM pulse.audit_personal;
    PERFORM setval('pulse.audit_id_seq', 1, false);
    SET LOCAL session_replication_role = origin;
    PERFORM pulse.write_audit('test.done', 'row ' || i, '{}', 7, '{"name": "Ann"}') FROM generate_series(1, 6) AS i;
    PERFORM pulse_seal_audit();
    SET LOCAL session_replication_role = replica;
    SELECT * INTO r FROM pulse_verify_audit();
    RETURN format('%s %s', r.intact, r.verified);
END $$;
-- Breaks it by a statement, says what is found, and takes it back.
CREATE FUNCTION broken(statement text, OUT kind text, OUT seq bigint, OUT audit_id bigint, OUT detail text) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    BEGIN
        SET LOCAL session_replication_role = replica;
        EXECUTE statement;
        SELECT * INTO r FROM pulse_verify_audit();
        RAISE EXCEPTION USING ERRCODE = 'P0099';
    EXCEPTION WHEN SQLSTATE 'P0099' THEN
        kind := r.kind; seq := r.seq; audit_id := r.audit_id; detail := r.detail;
    END;
END $$;
BEGIN; SELECT whole(); COMMIT;

-- Any column of any row.
SELECT c.statement, b.kind, b.seq, b.audit_id FROM (VALUES
    ('UPDATE pulse.audit SET at = at + interval ''1 microsecond'' WHERE id = 3'),
    ('UPDATE pulse.audit SET at = ''infinity'' WHERE id = 3'),
    ('UPDATE pulse.audit SET actor = actor || '' '' WHERE id = 3'),
    ('UPDATE pulse.audit SET actor_kind = ''key'' WHERE id = 3'),
    ('UPDATE pulse.audit SET login = ''ann'' WHERE id = 3'),
    ('UPDATE pulse.audit SET action = ''test.gone'' WHERE id = 3'),
    ('UPDATE pulse.audit SET subject = ''row 4'' WHERE id = 3'),
    ('UPDATE pulse.audit SET details = ''{"a": 1}'' WHERE id = 3'),
    ('UPDATE pulse.audit SET personal_digest = NULL WHERE id = 3'),
    ('UPDATE pulse.audit SET personal_digest = set_byte(personal_digest, 31, get_byte(personal_digest, 31) # 1) WHERE id = 3'),
    ('UPDATE pulse.audit SET id = 30 WHERE id = 3'),
    ('UPDATE pulse.audit_personal SET fields = ''{"name": "Bob"}'' WHERE audit_id = 3'),
    ('UPDATE pulse.audit_personal SET person = 8 WHERE audit_id = 3'),
    ('UPDATE pulse.audit_personal SET salt = set_byte(salt, 0, get_byte(salt, 0) # 1) WHERE audit_id = 3'),
    ('UPDATE pulse.audit_personal SET audit_id = 30 WHERE audit_id = 3'),
    ('UPDATE pulse.audit_seal SET seq = 30 WHERE seq = 3'),
    ('UPDATE pulse.audit_seal SET audit_id = 30 WHERE seq = 3'),
    ('UPDATE pulse.audit_seal SET content = set_byte(content, 0, get_byte(content, 0) # 1) WHERE seq = 3'),
    ('UPDATE pulse.audit_seal SET prev = set_byte(prev, 0, get_byte(prev, 0) # 1) WHERE seq = 3'),
    ('UPDATE pulse.audit_seal SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE seq = 3'),
    ('UPDATE pulse.audit_seal SET hash = '''' WHERE seq = 3'),
    ('UPDATE pulse.audit_seal SET sealed_at = sealed_at + interval ''1 microsecond'' WHERE seq = 3')) AS c (statement), broken(c.statement) AS b;

-- Rows and links that were removed, put in, or changed places.
CREATE FUNCTION digest_of(a pulse.audit) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(field('pulse audit content 1') || field(micros(a.at)) || field(a.actor) || field(a.actor_kind) || field(a.login::text) || field(a.action) || field(a.subject) || field(sha256(convert_to(a.details::text, 'UTF8'))) || field(coalesce(a.personal_digest, ''))) $$;
CREATE FUNCTION hash_of(s pulse.audit_seal) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(field('pulse audit link 1') || field(s.seq::text) || field(s.audit_id::text) || field(micros(s.sealed_at)) || field(s.content) || field(s.prev)) $$;
CREATE FUNCTION swap(t text, c text, a int, b int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE %1$s SET %2$I = -%3$s WHERE %2$I = %3$s', t, c, a);
    EXECUTE format('UPDATE %1$s SET %2$I = %3$s WHERE %2$I = %4$s', t, c, a, b);
    EXECUTE format('UPDATE %1$s SET %2$I = %4$s WHERE %2$I = -%3$s', t, c, a, b);
END $$;
-- A link with a hash that is right, behind another one; the ones after it are numbered anew.
CREATE FUNCTION forge(after bigint, renumber boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s pulse.audit_seal;
BEGIN
    INSERT INTO pulse.audit (id, actor, actor_kind, login, action, subject) VALUES (99, 'x', 'role', 'x', 'test.forged', 'x');
    ALTER TABLE pulse.audit_seal DROP CONSTRAINT audit_seal_prev_key;
    IF renumber THEN
        UPDATE pulse.audit_seal SET seq = -seq - 1 WHERE seq > after;
        UPDATE pulse.audit_seal SET seq = -seq WHERE seq < 0;
    END IF;
    SELECT * INTO s FROM pulse.audit_seal WHERE seq = after;
    s.prev := s.hash; s.seq := after + 1; s.audit_id := 99; s.content := digest_of(a) FROM pulse.audit AS a WHERE id = 99; s.hash := hash_of(s);
    INSERT INTO pulse.audit_seal VALUES (s.*);
END $$;
SELECT c.nr, b.* FROM (VALUES
    (1, 'DELETE FROM pulse.audit WHERE id = 3'),
    (2, 'DELETE FROM pulse.audit_seal WHERE seq = 3'),
    (3, 'DELETE FROM pulse.audit_seal WHERE seq IN (1, 2)'),
    (4, 'DELETE FROM pulse.audit WHERE id = 3; DELETE FROM pulse.audit_seal WHERE seq = 3; DELETE FROM pulse.audit_personal WHERE audit_id = 3'),
    (5, 'DELETE FROM pulse.audit WHERE id = 3; DELETE FROM pulse.audit_personal WHERE audit_id = 3; DELETE FROM pulse.audit_seal WHERE seq = 3; UPDATE pulse.audit_seal SET seq = -seq + 1 WHERE seq > 3; UPDATE pulse.audit_seal SET seq = -seq WHERE seq < 0'),
    (6, 'INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) VALUES (''x'', ''role'', ''x'', ''test.forged'', ''x'')'),
    (7, 'SELECT forge(3, true)'),
    (8, 'INSERT INTO pulse.audit_personal VALUES (1000, 1, '''', ''{}'')'),
    (9, 'SELECT swap(''pulse.audit'', ''id'', 2, 4)'),
    (10, 'SELECT swap(''pulse.audit_seal'', ''seq'', 2, 4)'),
    (11, 'SELECT swap(''pulse.audit_seal'', ''seq'', 2, 3)'),
    (12, 'SELECT swap(''pulse.audit_seal'', ''audit_id'', 2, 4)'),
    (13, 'SELECT swap(''pulse.audit_personal'', ''audit_id'', 2, 4)'),
    (14, 'SELECT swap(''pulse.audit'', ''id'', 2, 4), swap(''pulse.audit_seal'', ''audit_id'', 2, 4)'),
    (15, 'ALTER TABLE pulse.audit_seal DROP CONSTRAINT audit_seal_prev_key; UPDATE pulse.audit_seal SET prev = (SELECT prev FROM pulse.audit_seal WHERE seq = 3) WHERE seq = 4; UPDATE pulse.audit_seal AS s SET hash = hash_of(s) WHERE seq = 4'),
    (16, 'ALTER TABLE pulse.audit_seal DROP CONSTRAINT audit_seal_pkey; SELECT forge(3, false)')) AS c (nr, statement), broken(c.statement) AS b ORDER BY c.nr;
-- Two links cannot follow one while the constraint is there.
\set VERBOSITY sqlstate
INSERT INTO pulse.audit_seal SELECT 7, 7, content, prev, hash, sealed_at FROM pulse.audit_seal WHERE seq = 6;
\set VERBOSITY default

-- A tail that was cut off leaves a chain that is whole: only a checkpoint knows of it, here or outside.
SELECT pulse_checkpoint_audit() AS outside \gset
CREATE FUNCTION tail(n int) RETURNS text LANGUAGE sql AS $$
    SELECT format('DELETE FROM pulse.audit WHERE id > %s; DELETE FROM pulse.audit_personal WHERE audit_id > %1$s; DELETE FROM pulse.audit_seal WHERE seq > %1$s; ', n) $$;
SELECT b.* FROM broken(tail(4)) AS b;
SELECT b.* FROM broken(tail(4) || 'DELETE FROM pulse.audit_checkpoint') AS b;
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT tail(4) AS cut \gset
:cut;
DELETE FROM pulse.audit_checkpoint;
SELECT intact, kind, seq, detail FROM pulse_verify_audit(:'outside');
-- Also where the chain has grown again.
SET LOCAL session_replication_role = origin;
SELECT pulse.write_audit('test.done', 'again ' || i) FROM generate_series(1, 5) AS i;
SELECT pulse_seal_audit();
SELECT intact, kind FROM pulse_verify_audit();
SELECT intact, kind, seq, detail FROM pulse_verify_audit(:'outside');
ROLLBACK;
-- The chain was written anew as a whole, which nobody sees who looks at it alone.
CREATE FUNCTION rewrite() RETURNS void LANGUAGE plpgsql AS $$
DECLARE s pulse.audit_seal; p bytea := sha256('pulse audit genesis 1');
BEGIN
    UPDATE pulse.audit SET subject = 'nothing' WHERE id = 2;
    FOR s IN SELECT * FROM pulse.audit_seal ORDER BY seq LOOP
        s.prev := p; s.content := digest_of(a) FROM pulse.audit AS a WHERE id = s.audit_id; p := hash_of(s);
        UPDATE pulse.audit_seal SET prev = s.prev, content = s.content, hash = p WHERE seq = s.seq;
    END LOOP;
END $$;
SELECT b.* FROM broken('SELECT rewrite()') AS b;
SELECT b.* FROM broken('SELECT rewrite(); UPDATE pulse.audit_checkpoint AS c SET hash = s.hash FROM pulse.audit_seal AS s WHERE s.seq = c.seq') AS b;
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT rewrite();
DELETE FROM pulse.audit_checkpoint;
SELECT intact, kind, seq FROM pulse_verify_audit();
SELECT intact, kind, seq, detail FROM pulse_verify_audit(:'outside');
ROLLBACK;

-- A forged cut looks as one by retention. Several heads from outside show it: the newer ones, if links are not what they were, and the older ones, because theirs are gone.
SELECT jsonb_agg(jsonb_build_object('seq', s.seq, 'hash', encode(s.hash, 'hex')) ORDER BY s.seq DESC) AS heads FROM pulse.audit_seal AS s \gset
SELECT intact, checkpoints - (SELECT count(*) FROM pulse.audit_checkpoint) AS outside FROM pulse_verify_audit(:'heads');
SELECT intact, kind, seq FROM pulse_verify_audit(jsonb_set(:'heads', '{2,hash}', to_jsonb(repeat('0', 64))));
SELECT pulse_verify_audit(jsonb_set(:'heads', '{2}', '7'));
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM pulse.audit_checkpoint;
INSERT INTO pulse.audit_checkpoint SELECT seq, hash, now(), true FROM pulse.audit_seal WHERE seq = 2;
DELETE FROM pulse.audit_personal WHERE audit_id <= 2;
DELETE FROM pulse.audit WHERE id <= 2;
DELETE FROM pulse.audit_seal WHERE seq <= 2;
SELECT intact, kind FROM pulse_verify_audit();
SELECT intact, kind FROM pulse_verify_audit(:'heads'::jsonb -> 0);
SELECT intact, kind FROM pulse_verify_audit(:'heads'::jsonb - -1);
SELECT pulse_verify_audit(:'heads');
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM pulse.audit_checkpoint;
UPDATE pulse.audit_seal SET prev = sha256('forged') WHERE seq = 3;
UPDATE pulse.audit_seal AS s SET hash = hash_of(s) WHERE seq = 3;
INSERT INTO pulse.audit_checkpoint VALUES (2, sha256('forged'), now(), true);
DELETE FROM pulse.audit_personal WHERE audit_id <= 2;
DELETE FROM pulse.audit WHERE id <= 2;
DELETE FROM pulse.audit_seal WHERE seq <= 2 OR seq > 3;
DELETE FROM pulse.audit WHERE id > 3;
DELETE FROM pulse.audit_personal WHERE audit_id > 3;
SELECT intact, kind, seq FROM pulse_verify_audit();
SELECT intact, kind, seq FROM pulse_verify_audit(jsonb_path_query_array(:'heads', '$[*] ? (@.seq >= 3)'));
SELECT intact, kind, seq FROM pulse_verify_audit(jsonb_path_query_array(:'heads', '$[*] ? (@.seq >= 2)'));
ROLLBACK;

-- What waits is not forgotten either.
SELECT pulse.write_audit('test.done', 'waits');
SELECT b.* FROM broken('DELETE FROM pulse.audit WHERE subject = ''waits''') AS b;
SELECT b.* FROM broken('DELETE FROM pulse.audit_unsealed') AS b;
-- A row that is removed before it is sealed leaves a link.
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM pulse.audit WHERE subject = 'waits';
SELECT pulse_seal_audit();
:brief;
ROLLBACK;

-- ---- when sealing is not possible ----
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pulse_seal_audit();
ROLLBACK;
BEGIN READ ONLY;
SELECT pulse_seal_audit();
ROLLBACK;
BEGIN READ ONLY;
SELECT intact FROM pulse_verify_audit();
ROLLBACK;
-- A log that was restored in part is left alone: the links may be still to come.
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM pulse.audit_seal;
DELETE FROM pulse.audit_checkpoint;
SELECT pulse_seal_audit() AS sealed;
ROLLBACK;

-- ---- retention: the beginning goes, and the chain begins after it ----
SELECT pulse_seal_audit();
CREATE FUNCTION backdate() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pulse.audit SET at = clock_timestamp() - interval '40 days' WHERE id <= 3;
    PERFORM rewrite();
END $$;
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT backdate();
DELETE FROM pulse.audit_checkpoint;
COMMIT;
SELECT pulse_checkpoint_audit() IS NOT NULL AS made;
ALTER SYSTEM SET pulse.audit_retention = '30d';
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT status, message FROM pulse_run_job('retention');
SELECT seq, cut FROM pulse.audit_checkpoint ORDER BY seq;
SELECT min(seq) AS first, (SELECT min(id) FROM pulse.audit) AS row, (SELECT min(audit_id) FROM pulse.audit_personal) AS personal FROM pulse.audit_seal;
SELECT intact, verified, checkpoints FROM pulse_verify_audit();
SELECT pulse_verify_audit(jsonb_build_object('seq', 2, 'hash', repeat('0', 64)));
SELECT intact, kind, detail FROM pulse_verify_audit(jsonb_build_object('seq', 3, 'hash', repeat('0', 64)));
SELECT intact FROM pulse_verify_audit(jsonb_build_object('seq', 3, 'hash', (SELECT encode(hash, 'hex') FROM pulse.audit_checkpoint WHERE cut)));
-- Without the anchor the beginning is missing.
SELECT b.* FROM broken('DELETE FROM pulse.audit_checkpoint WHERE cut') AS b;
-- All of it, and it goes on.
ALTER SYSTEM SET pulse.audit_retention = '1min';
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SET client_min_messages = warning;
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE pulse.audit SET at = at - interval '1 hour';
UPDATE pulse.audit_seal SET sealed_at = sealed_at - interval '1 hour';
COMMIT;
SELECT status, message FROM pulse_run_job('retention');
SELECT count(*) AS links, (SELECT count(*) FROM pulse.audit) AS rows, (SELECT count(*) FROM pulse.audit_checkpoint) AS checkpoints FROM pulse.audit_seal;
SELECT intact, verified, head_seq FROM pulse_verify_audit();
SELECT pulse.write_audit('test.done', 'goes on');
SELECT pulse_seal_audit();
SELECT intact, verified, head_seq FROM pulse_verify_audit();
ALTER SYSTEM RESET pulse.audit_retention;
SELECT pg_reload_conf();

-- ---- the job, status and metrics ----
SELECT pulse.write_audit('test.done', 'for the job');
SELECT item, value FROM pulse_status() WHERE item IN ('unsealed audit rows', 'audit checkpoint') ORDER BY 1 DESC;
SELECT status, rows, message FROM pulse_run_job('seal_audit');
SELECT item, value FROM pulse_status() WHERE item IN ('unsealed audit rows', 'audit checkpoint') ORDER BY 1 DESC;
SELECT name, value = 0 AS zero FROM pulse_metrics() WHERE name LIKE 'pulse_audit%' ORDER BY 1;

-- ---- checkpoints by a channel ----
ALTER SYSTEM SET pulse.audit_channel = 'witness';
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT pulse.write_audit('test.done', 'told');
SELECT pulse_checkpoint_audit() ->> 'seq' AS seq;
SELECT channel, kind, event, order_key, status, payload IS NULL AS made_when_sent FROM pulse.outbox ORDER BY id;
ALTER SYSTEM RESET pulse.audit_channel;
SELECT pg_reload_conf();

-- ---- changes of definitions ----
SELECT max(id) AS before FROM pulse.audit \gset
SELECT pulse_create_trait('chain_trait', '1') > 0 AS trait, pulse_update_trait('chain_trait', '2'), pulse_update_trait('chain_trait', '2', 'two'), pulse_update_trait('chain_trait');
SELECT pulse_create_flag('chain_flag', '{}') > 0 AS flag, pulse_update_flag('chain_flag', '{"percentage": 5}'), pulse_disable_flag('chain_flag'), pulse_disable_flag('chain_flag') AS again, pulse_enable_flag('chain_flag'), pulse_archive_flag('chain_flag'), pulse_restore_flag('chain_flag'), pulse_update_flag('chain_flag', new_key => 'chain_other'), pulse_update_flag('chain_other', '{"percentage": 5}') AS same;
SELECT pulse_create_segment('chain segment', '{"where": "chain_trait == 2"}', draft => true) > 0 AS segment, pulse_publish_segment('chain segment'), pulse_pause_segment('chain segment'), pulse_pause_segment('chain segment') AS again, pulse_resume_segment('chain segment'), pulse_update_segment('chain segment', '{"where": "chain_trait == 3"}'), pulse_set_monitoring('chain segment', false), pulse_update_segment('chain segment', new_name => 'chain renamed'), pulse_archive_segment('chain renamed');
SELECT pulse_create_funnel('chain funnel', '{"steps": ["a", "b"], "window": "1 day"}') > 0 AS funnel, pulse_update_funnel('chain funnel', '{"steps": ["a", "b"], "window": "2 days"}'), pulse_monitor_funnel('chain funnel'), pulse_unmonitor_funnel('chain funnel');
CREATE TABLE chain_table (a int);
SELECT pulse_monitor_table('chain_table', checks => '[{"type": "schema"}]') IS NOT NULL AS monitored;
SELECT pulse_monitor_table('chain_table', every => '1 hour') IS NOT NULL AS monitored;
SELECT pulse_unmonitor_table('chain_table');
SELECT pulse_schedule('chain job', '0 4 * * *', 'SELECT ''secret''') IS NOT NULL AS job, pulse_schedule('chain job', enabled => false), pulse_unschedule('chain job'), pulse_unschedule('health');
SELECT pulse_create_channel('chain channel', 'slack', '{"url": "https://hooks.slack.com/services/secret"}');
SELECT pulse_create_route('chain route', '{chain channel}') > 0 AS route, pulse_update_route('chain route', min_severity => 'high'), pulse_delete_route('chain route');
SELECT pulse_create_source('chain_source', '{"host": "127.0.0.1", "dbname": "x", "user": "u", "password": "secret"}');
SELECT pulse_delete_source('chain_source');
SELECT pulse_set_identity_kind('chain_card', 'trim'), pulse_drop_identity_kind('chain_card');
SELECT pulse_enable_lifecycle() > 0 AS lifecycle, pulse_disable_lifecycle();
SELECT pulse_enable_rfm(cuts => '{"recency": [7, 30, 90, 180], "frequency": [20, 10, 5, 2], "monetary": [1000, 500, 200, 50]}') > 0 AS rfm, pulse_disable_rfm();
SELECT action, subject, details FROM pulse.audit WHERE id > :before AND subject NOT LIKE 'lifecycle%' ORDER BY id;
SELECT count(*) FROM pulse.audit WHERE details::text LIKE '%secret%';
SELECT pulse_seal_audit() > 30 AS sealed;
SELECT intact, unsealed FROM pulse_verify_audit();

\c :home
DROP DATABASE regress_chain;
DROP ROLE regress_chain_chef, regress_chain_op, regress_chain_writes_all;
