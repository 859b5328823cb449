-- Room rule: every operator on real rows, errors, hostile input, privileges.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2011-03-01 12:00';

CREATE TYPE rule_mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN rule_email AS text CHECK (VALUE <> '');
CREATE TABLE rule_person (
    id int, plan text, code char(3), email rule_email, ltv numeric(12,2), score float8, ratio real, visits int, big bigint,
    active boolean, seen timestamptz, made timestamp, born date, span interval, mood rule_mood, uid uuid, tags text[], data jsonb,
    "Order ""Total""; --" int);
-- 1 and 2 differ in everything, 3 is in upper case and on the borders, 4 is all null, 5 has the extreme values of every type.
INSERT INTO rule_person VALUES
    (1, 'pro', 'DE', 'ann@example.com', 1500.50, 0.1, 0.1, 10, 4, true, '2011-03-01 11:00', '2011-02-27 12:00', '1980-02-29', '1 day', 'happy',
     '11111111-1111-1111-1111-111111111111', '{vip,"new one"}', '{"a": 1}', 5),
    (2, 'free', 'FR', 'bob@EXAMPLE.org', -20, 2.5, 2.5, 0, 0, false, '2011-01-01', '2011-03-02', '2011-02-28', '10 days', 'sad',
     '22222222-2222-2222-2222-222222222222', '{}', '{}', 6),
    (3, 'PRO 100%', 'US', 'x_y\z@test', 1000, 7, 7, 7, 7, true, '2011-02-22 12:00', '2011-02-22 12:00', '2011-02-22', '7 days', 'ok',
     '33333333-3333-3333-3333-333333333333', '{VIP}', 'null', 0),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (5, '', '', 'z', 9999999999.99, 'NaN', 'Infinity', -2147483648, -9223372036854775808, false, 'infinity', '-infinity', 'infinity', '-178000000 years', 'sad',
     'ffffffff-ffff-ffff-ffff-ffffffffffff', '{NULL}', '[]', 2147483647);

-- The members of a rule, selected by its compiled SQL.
CREATE FUNCTION rule_members(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    condition text := (SELECT sql FROM pulse_validate_rule(rule, 'rule_person'));
    members text;
BEGIN
    EXECUTE 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM rule_person AS s WHERE ' || condition INTO members;
    RETURN coalesce(members, '-');
END $$;

-- The text of the error.
CREATE FUNCTION rule_error(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    PERFORM pulse_validate_rule(rule, 'rule_person');
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

\x
SELECT * FROM pulse_validate_rule('ltv>1000 AND (plan=''pro'' or not exists "x")', 'rule_person');
SELECT * FROM pulse_validate_rule('ltv >= 1000 AND (plan == ''pro'' or not exists email) and seen within last 1w', 'rule_person');
SELECT * FROM pulse_validate_rule('{"rules": [{"field": "ltv", "operator": ">=", "value": 1000}, {"field": "seen", "operator": "within_last", "value": {"days": 7}}],
    "groups": [{"logicalOperator": "OR", "rules": [{"field": "plan", "operator": "=", "value": "pro"}, {"field": "email", "operator": "not_exists"}]}]}', 'rule_person');
SELECT * FROM pulse_validate_rule('{"rules": [{"field": "Order \"Total\"; --", "operator": "in", "value": [1, 5]}]}'::jsonb, 'rule_person');
\x

-- Comparisons. Row 4 is all null, so only "is null" matches it.
SELECT rule, rule_members(rule) AS members FROM (VALUES
    (1, 'ltv = 1000'), (2, 'ltv == 1000.00'), (3, 'ltv != 1000'), (4, 'ltv <> 1000'), (5, 'ltv > 1000'), (6, 'ltv >= 1000'), (7, 'ltv < 1000'),
    (8, 'ltv <= 1e3'), (9, 'ltv < -19.5'), (10, '1000 < ltv'), (11, 'ratio = 0.1'), (12, 'score = 0.1'), (13, 'score > 7'), (14, 'visits > 6.5'),
    (15, 'visits < -3000000000 || big > 1e30'), (16, 'score > ltv'), (17, 'big = visits'), (18, 'ratio in [0.1, 7, 1e300]'),
    (20, 'plan = "pro"'), (21, 'plan != "pro"'), (22, 'code > "EZ"'), (23, 'code = "DE"'), (24, 'email = "ann@example.com"'), (25, 'plan = ""'),
    (30, 'active'), (31, '!active'), (32, 'active = true'), (33, 'active != true'), (34, 'not (active && ltv > 0)'), (35, 'active || ltv > 0'),
    (36, 'true'), (37, 'false or active'), (38, '(ltv > 0) = active'),
    (40, 'mood = "ok"'), (41, 'mood > "sad"'), (42, 'mood in ["sad", "happy"]'), (43, 'uid = "22222222-2222-2222-2222-222222222222"'),
    (44, 'span > 7d'), (45, 'span = 168h'), (46, 'span between 1d and 1w')
) AS t (n, rule) ORDER BY n;

-- Lists, ranges, nulls.
SELECT rule, rule_members(rule) AS members FROM (VALUES
    (1, 'plan in ["pro", "free"]'), (2, 'plan not in ["pro", "free"]'), (3, 'not plan in ["pro"]'), (4, 'visits in [10, -2147483648]'), (5, 'active in [false]'),
    (10, 'ltv between 1000 and 1500.50'), (11, 'ltv not between 1000 and 1500.50'), (12, 'plan between "a" and "g"'), (13, 'ltv between visits and big'),
    (20, 'plan is null'), (21, 'plan is not null'), (22, 'exists plan'), (23, 'not exists plan'), (24, 'plan = null'), (25, 'plan != null'),
    (26, '(ltv > 0) is null'), (27, 'data is null'), (28, 'not (plan = "pro")'), (29, 'not (plan = "pro") || plan is null'),
    (30, 'ltv ?? 0 <= 0'), (31, 'coalesce(plan, "none") = "none"'), (32, 'active ?? true'), (33, 'score ?? ltv ?? -1 = -1'), (34, 'seen ?? now = now'),
    (35, 'made ?? "2000-01-01" < "2001-01-01"'), (36, 'born ?? "2000-01-01" = "2000-01-01"')
) AS t (n, rule) ORDER BY n;

-- Domains have the operators of the types below them, arrays of domains too.
CREATE DOMAIN rule_feeling AS rule_mood;
CREATE DOMAIN rule_count AS int;
CREATE DOMAIN rule_counts AS int[];
CREATE TABLE rule_domain (mood rule_mood, feeling rule_feeling, feelings rule_feeling[], moods rule_mood[], counts rule_count[], list rule_counts, emails rule_email[], address varchar(20)[]);
INSERT INTO rule_domain VALUES ('ok', 'ok', '{ok,sad}', '{ok}', '{1,2}', '{1,2}', '{a}', '{b}'), ('ok', 'sad', '{sad}', '{sad}', '{3}', '{3}', '{c}', '{d}'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE FUNCTION rule_domains(rule text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    members bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM rule_domain AS s WHERE ' || (SELECT sql FROM pulse_validate_rule(rule, 'rule_domain')) INTO members;
    RETURN members;
END $$;
SELECT rule, rule_domains(rule) AS members FROM (VALUES
    (1, 'feeling = "ok"'), (2, 'feeling > "sad"'), (3, 'feeling in ["sad", "happy"]'), (4, 'feeling = mood'), (5, 'feeling ?? "happy" = "happy"'), (6, 'feeling contains "O"'), (7, 'feeling between "sad" and "ok"'),
    (8, 'feelings contains "ok"'), (9, 'moods contains "ok"'), (10, 'counts contains 3'), (11, 'list contains 1'), (12, 'emails contains "a"'), (13, 'address contains "d"'), (14, 'len(feelings) = 2')
) AS t (n, rule) ORDER BY n;
SELECT pulse_create_segment('rule feelings', '{"from": "rule_domain", "key": "mood", "where": "feeling = \"ok\" && feelings contains \"ok\" && counts contains 1"}') > 0 AS made;
SELECT pulse_validate_rule('mood = ok', 'rule_domain');
SELECT pulse_delete_segment('rule feelings', confirm => true);
DROP TABLE rule_domain;
DROP FUNCTION rule_domains;
DROP DOMAIN rule_feeling, rule_count, rule_counts;

-- Texts: parts match in any case; % _ and \ are literal.
SELECT rule, rule_members(rule) AS members FROM (VALUES
    (1, 'plan contains "RO"'), (2, 'plan not contains "ro"'), (3, 'plan contains "%"'), (4, 'email contains "_Y\\"'), (5, 'plan contains ""'),
    (6, 'plan starts_with "pro"'), (7, 'plan not starts_with "pro"'), (8, 'email ends_with "example.ORG"'), (9, 'email not_ends_with "ORG"'),
    (10, 'plan ends_with ""'), (11, 'plan starts_with "pro 100% more"'), (12, 'email contains plan'), (13, 'mood contains "A"'), (14, 'code contains "de"'),
    (20, 'email matches "^[a-z]+@"'), (21, 'email not matches "^[a-z]+@"'), (22, 'email matches "\\\\"'), (23, 'plan matches "(?i)^PRO$"'), (24, 'plan matches "^P"'),
    (30, 'lower(plan) = "pro 100%"'), (31, 'upper(plan) = "PRO"'), (32, 'len(plan) = 3'), (33, 'len(email) > len(plan) + 10'), (34, 'len(code) = 2'),
    (40, 'tags contains "vip"'), (41, 'tags contains "new one"'), (42, 'tags not contains "vip"'), (43, 'len(tags) = 0')
) AS t (n, rule) ORDER BY n;

-- Time: windows slide by the second and exclude their older end; the future does not count.
SELECT rule, rule_members(rule) AS members FROM (VALUES
    (1, 'seen within last 7d'), (2, 'seen within last 604801s'), (3, 'seen not within last 7d'), (4, 'seen within last 1h'), (5, 'seen within last 61m'),
    (6, 'seen before last 7d'), (7, 'made within last 1w'), (8, 'made within last 200000d'), (9, 'made before last 1s'), (10, 'born within last 2d'), (11, 'born before last 365d'),
    (12, 'seen > now'), (13, 'seen <= now - 7d'), (14, 'seen + 7d > now'), (15, 'now - seen <= 1h'), (16, 'now - seen > 7d'), (17, 'now - born < 48h'),
    (20, 'seen >= "2011-02-22 12:00"'), (21, 'seen = "2011-02-22T13:00:00+01:00"'), (22, 'made < "2011-02-27"'), (23, 'born = "1980-02-29"'),
    (24, 'born in ["1980-02-29", "2011-02-22 00:00", "2011-02-28 00:01"]'), (25, 'born between "2011-02-22" and "2011-02-28"'), (26, 'seen > "0001-01-01" && seen < "9999-12-31"'),
    (30, 'seen > made'), (31, 'seen = made'), (32, 'seen - made <= 48h'), (33, 'seen > born + 30d'), (34, 'made > born'), (35, 'seen - made = span'), (36, 'exists seen + 1d'),
    (40, 'days_since(seen) = 7'), (41, 'days_since(born) = 1'), (42, 'days_since(made) < 0'), (43, 'days_since(seen) < 100000')
) AS t (n, rule) ORDER BY n;

-- Arithmetic never fails on a row: it is exact, does not overflow, and division by a zero in the data gives null.
SELECT rule, rule_members(rule) AS members FROM (VALUES
    (1, 'visits / big > 1'), (2, 'visits / big is null'), (3, 'visits % 2 = 1'), (4, 'visits / 4 = 2.5'), (5, '-visits > 0'), (6, 'abs(visits) > 2147483647'),
    (7, '-big > 0'), (8, 'visits - 1 < -2147483648'), (9, 'big * big > 1e30'), (10, 'big + visits * 2 = 24'), (11, 'round(score) = 3'), (12, 'round(ltv / 7, 2) = 214.36'),
    (13, '(visits + 2) * 3 = 36'), (14, 'visits + 2 * 3 = 16'), (15, 'score * 10 = 1'), (16, 'score % 2 = 0.5'), (17, 'ratio - ratio = 0'), (18, 'visits - 2 - 3 = 5'),
    (19, '2000000000 + 2000000000 > big'), (20, 'big / (visits - 7) is null'), (21, 'ltv * 1e290 * score > 0'), (22, '`Order "Total"; --` + 1 > 2147483647')
) AS t (n, rule) ORDER BY n;

-- The same members in every TimeZone and DateStyle.
SET timezone = 'Pacific/Kiritimati';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT rule, rule_members(rule) AS members FROM (VALUES
    (1, 'seen >= "2011-02-22 12:00"'), (2, 'made within last 1w'), (3, 'born within last 2d'), (4, 'span = 7d'), (5, 'seen > made'), (6, 'email contains "_Y\\\\"'), (7, 'days_since(born) = 1')
) AS t (n, rule) ORDER BY n;
RESET timezone;
RESET intervalstyle;
RESET standard_conforming_strings;
RESET escape_string_warning;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';

-- A rule can use a plain index.
CREATE INDEX rule_person_seen ON rule_person (seen);
CREATE INDEX rule_person_made ON rule_person (made);
CREATE INDEX rule_person_born ON rule_person (born);
CREATE INDEX rule_person_ltv ON rule_person (ltv);
CREATE INDEX rule_person_ratio ON rule_person (ratio);
SET enable_seqscan = off;
CREATE FUNCTION rule_index(rule text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) SELECT FROM rule_person AS s WHERE ' || (SELECT sql FROM pulse_validate_rule(rule, 'rule_person')) LOOP
        IF line ~ 'Index Cond' THEN RETURN NEXT trim(line); END IF;
    END LOOP;
END $$;
SELECT rule, rule_index(rule) FROM (VALUES
    (1, 'seen within last 7d'), (2, 'made + 7d > now'), (3, 'now - born < 7d'), (4, 'born = "2011-02-28"'), (5, 'ltv between 5 and 10'), (6, 'ratio = 0.1'), (7, 'seen = "2011-02-28"')
) AS t (n, rule) ORDER BY n;
RESET enable_seqscan;

-- Errors and their texts.
\pset format unaligned
\pset tuples_only on
\pset recordsep '\n\n'
SELECT rule || E'\n' || rule_error(rule) FROM (VALUES
    (1, ''), (2, 'ltv >> 5'), (3, 'ltv > "abc"'), (4, 'plan = 5'), (5, 'lvt > 5'), (6, 'ltv like "x"'), (7, '(ltv > 5'), (8, 'plan = "x'),
    (9, 'plan in [1, "x"]'), (10, 'plan in ["x", null]'), (11, 'seen > "yesterday"'), (12, 'seen > 5'), (13, 'plan within last 7d'), (14, 'seen within last 7'),
    (15, 'ltv'), (16, 'ltv / 0 > 1'), (17, 'pg_sleep(10) > 1'), (18, 'plan matches code'), (19, 'data = "x"'), (20, 'mood = "angry"'), (21, 'uid = "x"'), (22, 'plan matches "("'),
    (23, 'profile.plan = "pro"'), (24, 'events["Order Completed"].count_30d > 3'), (25, 'trait("vip")'), (26, '1 < ltv < 5'), (27, 'ltv > null'), (28, 'ltv = 1e400'),
    (29, '{"rules": []}'), (30, '{"rules": [{"field": "ltv", "operator": "like", "value": 1}]}'), (31, '{"rules": [{"field": "lvt", "operator": "=", "value": 1}]}'),
    (32, '{"rules": '), (33, '{"where": "ltv > 1"}'), (34, 'seen > now - 365250d - 365250d'), (35, 'now - seen'), (36, 'made ?? seen < now')
) AS t (n, rule) ORDER BY n;
\pset recordsep '\n'
\pset tuples_only off
\pset format aligned

-- Hostile input is data or an error; it is never executed.
SELECT left(rule, 50) AS rule, split_part(rule_error(rule), E'\n', 1) AS error FROM (VALUES
    (1, 'plan = "x''; DROP TABLE rule_person; --"'), (2, 'plan = "\\''; DROP TABLE rule_person; --"'), (3, 'plan = "$$; DROP TABLE rule_person; --"'),
    (4, 'plan = "x" ; DROP TABLE rule_person'), (5, '`plan"; DROP TABLE rule_person; --` = "x"'), (6, 'plan = "x" /* ' ), (7, 'plan = "\u0027 or 1=1"'),
    (8, '`Order "Total"; --` > 1'), (9, '["Order \"Total\"; --"] > 1'), (10, 'plan = "😀 ﷽ " || plan = "ünïcode"'), (11, 'plan matches "'';--"'),
    (12, 'plan = "' || repeat('''', 1000000) || '"'), (13, 'plan = "' || repeat('x', 1100000) || '"'), (14, repeat('(', 10000) || 'active' || repeat(')', 10000)),
    (15, repeat('!', 10000) || 'active'), (16, 'ltv > 1' || repeat(' + 1', 10000)), (17, 'active' || repeat(' || active', 9999)), (18, 'active' || repeat(' || active', 10000)),
    (19, 'visits in [1' || repeat(',1', 9999) || ']'), (20, 'visits in [1' || repeat(',1', 10000) || ']'), (21, repeat('{"groups":[', 1000) || repeat(']}', 1000))
) AS t (n, rule) ORDER BY n;
SELECT count(*) FROM rule_person;

-- Null and wrong relations.
SELECT pulse_validate_rule(NULL::text, 'rule_person');
SELECT pulse_validate_rule(NULL::jsonb, 'rule_person');
SELECT pulse_validate_rule('true', NULL);
SELECT pulse_validate_rule('true', 0::oid);
SELECT pulse_validate_rule('true', 'rule_person_ltv');
SELECT pulse_validate_rule('true', 'no_such_relation');
SELECT canonical FROM pulse_validate_rule('relname starts_with "pg_" && relkind = "r"', 'pg_class');
CREATE VIEW rule_view AS SELECT id, plan FROM rule_person;
SELECT canonical, columns FROM pulse_validate_rule('plan = "pro" && id > 0', 'rule_view');
ALTER TABLE rule_person DROP COLUMN score;
SELECT pulse_validate_rule('score > 1', 'rule_person');

-- Privileges: the caller needs SELECT on the relation, and EXECUTE on the function.
CREATE ROLE rule_stranger;
SET ROLE rule_stranger;
SELECT pulse_validate_rule('plan = "pro"', 'rule_person');
RESET ROLE;
GRANT EXECUTE ON FUNCTION pulse_validate_rule(text, regclass), pulse_now() TO rule_stranger;
SET ROLE rule_stranger;
SELECT pulse_validate_rule('plan = "pro"', 'rule_person');
SELECT pulse_validate_rule('plan = "pro"', 'rule_view');
RESET ROLE;
GRANT SELECT ON rule_view TO rule_stranger;
SET ROLE rule_stranger;
SELECT canonical FROM pulse_validate_rule('plan = "pro"', 'rule_view');
RESET ROLE;
REVOKE ALL ON FUNCTION pulse_validate_rule(text, regclass), pulse_now() FROM rule_stranger;

SET client_min_messages = warning;
DROP VIEW rule_view;
DROP FUNCTION rule_members, rule_error, rule_index;
DROP TABLE rule_person;
DROP TYPE rule_mood;
DROP DOMAIN rule_email;
DROP ROLE rule_stranger;
