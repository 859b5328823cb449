-- API keys: creating, finding, rotating, revoking; whose rights they have.
SELECT current_database() AS home \gset
CREATE DATABASE regress_web ENCODING 'UTF8' TEMPLATE template0;
\c regress_web
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
\set SHOW_CONTEXT never
CREATE ROLE regress_web_shop;
CREATE ROLE regress_web_other;
CREATE ROLE regress_web_king SUPERUSER;
CREATE ROLE regress_web_prince;
CREATE ROLE regress_web_chef;
CREATE ROLE regress_web_op;
CREATE ROLE regress_web_all;
CREATE ROLE regress_web_gateway;
GRANT regress_web_shop TO regress_web_chef;
GRANT pg_write_all_data, pg_read_all_data TO regress_web_all;
SELECT current_user AS owner \gset
GRANT :owner TO regress_web_prince;
CREATE ROLE regress_web_guest NOINHERIT;
CREATE ROLE regress_web_page;
CREATE ROLE regress_web_shell;
GRANT :owner TO regress_web_guest;
GRANT regress_web_king TO regress_web_page;
GRANT pg_execute_server_program TO regress_web_shell;
SELECT pulse_grant('regress_web_shop', 'writer'), pulse_grant('regress_web_op', 'operator'), pulse_grant('regress_web_chef', 'admin');

-- A key of each kind; its text is shown once, the table has only what it begins with and a digest.
SELECT pulse_create_api_key('browser', 'public', 'regress_web_shop', origins => '{https://Shop.example,http://localhost:3000,https://shop.example}') AS browser \gset
SELECT pulse_create_api_key('server', 'write', 'regress_web_shop', rate => 600) AS server \gset
SELECT pulse_create_api_key('reports', 'read', 'regress_web_shop', expires => now() + interval '1 day') AS reports \gset
SELECT pulse_create_api_key('desk', 'admin', 'regress_web_shop', expires => 'infinity') AS desk \gset
SELECT regexp_replace(t, '_[0-9A-Za-z]{46}$', '_...') AS text FROM unnest(ARRAY[:'browser', :'server', :'reports', :'desk']) AS t;
SELECT name, status, kind, role, prefixes = ARRAY[left(t, -38)] AS prefix, origins, rate, created_by = current_user AS mine, expires_at > created_at AS ends,
       last_used_at, requests, refusals
FROM pulse_list_api_keys() LEFT JOIN unnest(ARRAY[:'browser', :'server', :'reports', :'desk']) AS t ON t LIKE prefixes[1] || '%';
SELECT count(*) AS digests FROM pulse.api_key_secret AS s JOIN unnest(ARRAY[:'browser', :'server', :'reports', :'desk']) AS t ON s.digest = sha256(convert_to(t, 'UTF8')) AND t LIKE s.prefix || '%';
SELECT count(*) AS texts FROM pulse.api_key_secret AS s, unnest(ARRAY[:'browser', :'server', :'reports', :'desk']) AS t WHERE s::text LIKE '%' || right(t, 20) || '%';
SELECT subject, details - 'prefix' AS details, details ->> 'prefix' ~ '^pulse_[a-z]+_[0-9A-Za-z]{8}$' AS prefix FROM pulse.audit WHERE action = 'api_key.created' AND subject <> 'reports' ORDER BY id;

-- Found by its text only.
SELECT name, kind, role, origins, rate FROM unnest(ARRAY[:'browser', :'server', :'reports', :'desk']) AS t, pulse.find_api_key(t);
SELECT count(*) FROM pulse.find_api_key(NULL);
SELECT count(*) FROM unnest(ARRAY['', 'x', 'pulse_write_', left(:'server', -1), :'server' || 'x', ' ' || :'server', upper(:'server'), left(:'server', -38), repeat('x', 1000000),
                                  overlay(:'server' placing CASE substr(:'server', 25, 1) WHEN 'Z' THEN 'Y' ELSE 'Z' END from 25), E'pulse_write_\u00e9', 'pulse_write_12345678' || right(:'server', 38)]) AS t, pulse.find_api_key(t);
-- A right checksum does not help: same beginning and other secret, and a beginning that nobody has.
CREATE FUNCTION crc(t text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE c bigint := 4294967295;
BEGIN
    FOR i IN 0 .. length(t) - 1 LOOP
        c := c # get_byte(convert_to(t, 'UTF8'), i);
        FOR j IN 1 .. 8 LOOP c := CASE WHEN c & 1 = 1 THEN (c >> 1) # 3988292384 ELSE c >> 1 END; END LOOP;
    END LOOP;
    RETURN c # 4294967295;
END $$;
CREATE FUNCTION with_checksum(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint := crc(t); digits text := '';
BEGIN
    FOR i IN 1 .. 6 LOOP digits := substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', (n % 62)::int + 1, 1) || digits; n := n / 62; END LOOP;
    RETURN t || digits;
END $$;
SELECT with_checksum(left(:'server', -6)) = :'server' AS checksum;
SELECT count(*) FROM unnest(ARRAY[with_checksum(left(:'server', -38) || repeat('a', 32)), with_checksum('pulse_write_zzzzzzzz' || repeat('a', 32)),
                                  with_checksum('pulse_admin' || substr(left(:'server', -6), 12))]) AS t, pulse.find_api_key(t);

-- Rotating: the old text works until keep has passed, and a later rotation does not lengthen its life.
SELECT pulse_rotate_api_key('server', keep => '1 hour') AS second \gset
SELECT name, t = :'second' AS new FROM unnest(ARRAY[:'server', :'second']) AS t, pulse.find_api_key(t);
SELECT pulse_rotate_api_key('server', keep => '300 days') AS third \gset
SELECT count(*) FROM unnest(ARRAY[:'server', :'second', :'third']) AS t, pulse.find_api_key(t);
SELECT count(*) AS texts, count(*) FILTER (WHERE expires_at < now() + interval '2 hours') AS first, count(*) FILTER (WHERE expires_at > now() + interval '299 days') AS second FROM pulse.api_key_secret WHERE prefix LIKE 'pulse_write%';
SELECT prefixes = ARRAY[left(:'third', -38), left(:'second', -38), left(:'server', -38)] AS newest_first, rotated_at IS NOT NULL AS rotated FROM pulse_list_api_keys() WHERE name = 'server';
UPDATE pulse.api_key_secret SET expires_at = now() WHERE prefix = left(:'second', -38);
SELECT t = :'server' AS first, t = :'third' AS third FROM unnest(ARRAY[:'server', :'second', :'third']) AS t, pulse.find_api_key(t);
SELECT pulse_rotate_api_key('server', keep => '0') AS fourth \gset
SELECT t = :'fourth' AS fourth FROM unnest(ARRAY[:'server', :'second', :'third', :'fourth']) AS t, pulse.find_api_key(t);
SELECT count(*) AS texts FROM pulse.api_key_secret WHERE prefix LIKE 'pulse_write%';
SELECT details ? 'prefix' AS prefix, (details ->> 'old_until')::timestamptz IS NOT NULL AS until, details ->> 'expires_at' AS expires FROM pulse.audit WHERE action = 'api_key.rotated' ORDER BY id;

-- Expired and revoked keys work no more, from the next call on, in any transaction; an end can be moved.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM pulse.find_api_key(:'reports');
UPDATE pulse.api_key SET expires_at = '2020-01-01' WHERE name = 'reports';
SELECT count(*) FROM pulse.find_api_key(:'reports');
COMMIT;
SELECT status FROM pulse_list_api_keys() WHERE name = 'reports';
SELECT pulse_rotate_api_key('reports');
SELECT pulse_rotate_api_key('reports', expires => now() + interval '1 hour') AS reports2 \gset
-- The text that had ended with the key does not come back.
SELECT t = :'reports' AS old FROM unnest(ARRAY[:'reports', :'reports2']) AS t, pulse.find_api_key(t);
SELECT pulse_rotate_api_key('reports', expires => 'infinity') AS reports3 \gset
SELECT status, expires_at FROM pulse_list_api_keys() WHERE name = 'reports';
SELECT pulse_revoke_api_key('reports');
SELECT revoked_at FROM pulse.api_key WHERE name = 'reports' \gset
SELECT pulse_revoke_api_key('reports');
SELECT count(*) FROM unnest(ARRAY[:'reports', :'reports2', :'reports3']) AS t, pulse.find_api_key(t);
SELECT name, status, revoked_at = :'revoked_at' AS once FROM pulse_list_api_keys() WHERE name = 'reports';
SELECT pulse_rotate_api_key('reports', expires => now() + interval '1 hour');
SELECT count(*) FROM pulse.audit WHERE action = 'api_key.revoked';
-- pulse.now moves no end of a key.
SELECT pulse_create_api_key('brief', 'read', 'regress_web_shop', expires => now() + interval '1 day') AS brief \gset
SET pulse.now = '2011-03-01';
UPDATE pulse.api_key SET expires_at = now() WHERE name = 'brief';
SELECT count(*) FROM pulse.find_api_key(:'brief');
RESET pulse.now;

-- Rights: never more than the role of the caller has.
SET ROLE regress_web_op;
SELECT pulse_create_api_key('x', 'read', 'regress_web_op');
SELECT pulse_rotate_api_key('server');
SELECT pulse_revoke_api_key('server');
SELECT count(*) FROM pulse_list_api_keys();
SELECT count(*) FROM pulse.api_key;
SET ROLE regress_web_chef;
SELECT pulse_create_api_key('x', 'read', 'regress_web_other');
SELECT pulse_create_api_key('x', 'read', 'regress_web_king');
SELECT pulse_create_api_key('chef''s', 'write', 'regress_web_shop') LIKE 'pulse_write_%' AS made;
SELECT pulse_create_api_key('chef himself', 'admin', 'regress_web_chef') LIKE 'pulse_admin_%' AS made;
SELECT count(*) FROM pulse_list_api_keys();
SELECT count(*) FROM pulse.api_key_secret;
SELECT count(*) FROM pulse.find_api_key('x');
SELECT pulse.add_api_key_usage('{1}', '{1}', '{0}');
INSERT INTO pulse.api_key (name, kind, runs_as, created_by) VALUES ('x', 'admin', 'regress_web_other', 'x');
RESET ROLE;
-- An admin revokes every key, but gets the text of none whose role he is not a member of.
SELECT pulse_create_api_key('others', 'read', 'regress_web_other') AS others \gset
SET ROLE regress_web_chef;
SELECT pulse_rotate_api_key('others');
SELECT pulse_revoke_api_key('others');
SET ROLE regress_web_all;
INSERT INTO pulse.api_key (name, kind, runs_as, created_by) VALUES ('x', 'admin', 'regress_web_other', 'x');
UPDATE pulse.api_key SET runs_as = 'regress_web_king';
DELETE FROM pulse.api_key;
SELECT count(*) FROM pulse.api_key_secret;
UPDATE pulse.api_key_secret SET expires_at = NULL;
RESET ROLE;
-- No superuser, nobody with the rights of the owner of the extension, nobody unknown.
SELECT pulse_create_api_key('x', 'read', 'regress_web_king');
SELECT pulse_create_api_key('x', 'read', current_user::text);
SELECT pulse_create_api_key('x', 'read', 'regress_web_prince');
-- Nor a role that can become one of these with SET ROLE, as in a job, or run programs of the server.
SELECT pulse_create_api_key('x', 'read', 'regress_web_guest');
SELECT pulse_create_api_key('x', 'read', 'regress_web_page');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shell');
SELECT pulse_create_api_key('x', 'read', 'regress_web_nobody');
SELECT pulse_create_api_key('x', 'read', repeat('x', 100));
SELECT pulse_create_api_key('x', 'read', '');
-- A role that becomes one later, or goes away, ends its keys; a new role of its name is another one.
SELECT pulse_create_api_key('rises', 'read', 'regress_web_other') AS rises \gset
ALTER ROLE regress_web_other SUPERUSER;
SELECT name, role FROM pulse.find_api_key(:'rises');
SELECT status, role FROM pulse_list_api_keys() WHERE name = 'rises';
SELECT pulse_rotate_api_key('rises');
ALTER ROLE regress_web_other NOSUPERUSER;
SELECT name, role FROM pulse.find_api_key(:'rises');
GRANT regress_web_page TO regress_web_other;
SELECT name, role FROM pulse.find_api_key(:'rises');
SELECT status, role FROM pulse_list_api_keys() WHERE name = 'rises';
REVOKE regress_web_page FROM regress_web_other;
SELECT name, role FROM pulse.find_api_key(:'rises');
ALTER ROLE regress_web_other RENAME TO regress_web_renamed;
SELECT name, role FROM pulse.find_api_key(:'rises');
SELECT status FROM pulse_run_job('retention');
SELECT runs_as FROM pulse.api_key WHERE name = 'rises';
DROP ROLE regress_web_renamed;
SELECT name, role FROM pulse.find_api_key(:'rises');
CREATE ROLE regress_web_renamed;
SELECT name, role FROM pulse.find_api_key(:'rises');
SELECT status, role FROM pulse_list_api_keys() WHERE name = 'rises';
SELECT pulse_rotate_api_key('rises');

-- A subscription brings the oid that the role has on its server: here, the name decides.
SET session_replication_role = replica;
UPDATE pulse.api_key SET role_oid = 'regress_web_king'::regrole WHERE name = 'server';
RESET session_replication_role;
SELECT name, role FROM pulse.find_api_key(:'fourth');

-- Errors.
SELECT pulse_create_api_key(NULL, 'read', 'regress_web_shop');
SELECT pulse_create_api_key('x', NULL, 'regress_web_shop');
SELECT pulse_create_api_key('x', 'read', NULL);
SELECT pulse_create_api_key('', 'read', 'regress_web_shop');
SELECT pulse_create_api_key(repeat('x', 256), 'read', 'regress_web_shop');
SELECT pulse_create_api_key(E'x\ny', 'read', 'regress_web_shop');
SELECT pulse_create_api_key(E'x\u0085y', 'read', 'regress_web_shop');
SELECT pulse_create_api_key('x', 'owner', 'regress_web_shop');
SELECT pulse_create_api_key('server', 'read', 'regress_web_shop');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', expires => '2001-01-01');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', expires => '-infinity');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', expires => '294276-12-31');
SELECT pulse_rotate_api_key('server', expires => '10000-01-01');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', origins => '{}');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', origins => '{https://shop.example/}');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', origins => '{NULL}');
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', origins => array_fill('https://a'::text, '{101}'));
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', rate => 0);
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop', rate => 3000000000);
SELECT pulse_rotate_api_key('sever');
SELECT pulse_rotate_api_key('server', keep => NULL);
SELECT pulse_rotate_api_key('server', keep => '-1 hour');
SELECT pulse_rotate_api_key('server', keep => '1000 years');
SELECT pulse_rotate_api_key('server', expires => '2001-01-01');
SELECT pulse_revoke_api_key('');
SELECT count(*) FROM pulse.api_key WHERE name = 'x';
BEGIN READ ONLY;
SELECT pulse_create_api_key('x', 'read', 'regress_web_shop');
ROLLBACK;
BEGIN READ ONLY;
SELECT name FROM pulse.find_api_key(:'fourth');
COMMIT;

-- Usage per key and day, added by the program that answers HTTP.
GRANT USAGE ON SCHEMA pulse TO regress_web_gateway;
GRANT EXECUTE ON FUNCTION pulse.find_api_key(text), pulse.add_api_key_usage(bigint[], bigint[], bigint[]) TO regress_web_gateway;
SELECT id AS server_id FROM pulse.api_key WHERE name = 'server' \gset
SELECT id AS browser_id FROM pulse.api_key WHERE name = 'browser' \gset
SET ROLE regress_web_gateway;
SELECT name, role FROM pulse.find_api_key(:'fourth');
SELECT pulse.add_api_key_usage(ARRAY[:server_id, :browser_id, :server_id], '{10,5,1}', '{2,0,0}');
SELECT pulse.add_api_key_usage(ARRAY[:server_id, -1, 0], '{100,7,7}', '{0,7,7}');
SELECT pulse.add_api_key_usage('{}', '{}', '{}');
SELECT pulse.add_api_key_usage(ARRAY[:browser_id], '{0}', '{0}');
SELECT pulse.add_api_key_usage(NULL, '{}', '{}');
SELECT pulse.add_api_key_usage('{1,2}', '{1}', '{1}');
SELECT pulse.add_api_key_usage('{1}', '{-1}', '{0}');
SELECT pulse.add_api_key_usage('{1}', '{NULL}', '{0}');
SELECT pulse.add_api_key_usage(ARRAY[:server_id], '{9223372036854775807}', '{0}');
SELECT count(*) FROM pulse.api_key;
RESET ROLE;
SELECT name, requests, refusals, last_used_at >= created_at AS used FROM pulse_list_api_keys() WHERE requests > 0;
-- Retention keeps the newest day of a key.
INSERT INTO pulse.api_key_usage (key_id, day, requests, last_used_at) SELECT :server_id, current_date - d, 1, now() - d * interval '1 day' FROM unnest('{10,40,50}'::int[]) AS d;
UPDATE pulse.api_key_usage SET day = day - 100, last_used_at = last_used_at - interval '100 days' WHERE key_id = :browser_id;
SELECT status, message FROM pulse_run_job('retention');
SELECT name, current_date - day AS days FROM pulse.api_key_usage AS u JOIN pulse.api_key AS k ON k.id = u.key_id ORDER BY 1, 2;

\c :home
DROP DATABASE regress_web;
DROP ROLE regress_web_shop, regress_web_king, regress_web_prince, regress_web_chef, regress_web_op, regress_web_all, regress_web_gateway, regress_web_renamed,
    regress_web_guest, regress_web_page, regress_web_shell;
