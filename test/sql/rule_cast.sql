-- Room rule: casts and lists on data, true, false and unknown told apart. Many situations are those of the public test suites of Unleash and
-- GrowthBook; doc/rule.md states where Pulse differs.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET pulse.now = '2024-03-10 12:00';

-- The value of a rule for a person with these attributes.
CREATE FUNCTION rule_value(rule text, attributes jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    result boolean;
BEGIN
    EXECUTE 'SELECT ' || (SELECT v.sql FROM pulse_validate_rule(rule) AS v) || ' FROM (SELECT $1 AS attributes, NULL::jsonb AS account, NULL::jsonb AS context) AS s'
    INTO result USING attributes;
    RETURN result;
END $$;

CREATE TABLE rule_case (id serial, rule text, attributes jsonb, wanted boolean);
-- Semantic versions.
INSERT INTO rule_case (rule, attributes, wanted) SELECT format('semver(profile.v) %s "%s"', op, other), jsonb_build_object('v', v), wanted FROM (VALUES
    ('4.1.7', '=', '4.1.7', true), ('4.1.7', '=', '4.1.6', false), ('4.1.7', '!=', '4.1.6', true), ('4.1.7', '!=', '4.1.7', false), ('4.1.8', '>', '4.1.7', true), ('4.1.5', '>', '4.1.7', false),
    ('4.1.7', '>=', '4.1.7', true), ('4.1.8', '>=', '4.1.7', true), ('4.1.6', '>=', '4.1.7', false), ('4.1.6', '<', '4.1.7', true), ('4.1.8', '<', '4.1.7', false),
    ('4.1.7', '<=', '4.1.7', true), ('4.1.6', '<=', '4.1.7', true), ('4.1.8', '<=', '4.1.7', false), ('3.0.0-beta.1', '>', '3.0.0-alpha.1', true), ('3.0.0', '>', '3.0.0-alpha.1', true),
    ('3.0.0-beta.1', '<', '3.0.0-alpha.1', false), ('2.9.1-beta.1', '<', '3.0.0-alpha.1', true), ('12.3.4', '>', '9.99.8', true), ('12.3.4', '<', '12.20.0', true), ('1.5.20', '>', '1.5.3', true),
    ('0.9.99', '<', '1.0.0', true), ('0.9.0', '<', '0.10.0', true), ('2.0.0-0.0', '<', '2.0.0-0.0.0', true), ('2.0.0-9999', '<', '2.0.0--', true), ('2.0.0-99', '<', '2.0.0-100', true),
    ('2.0.0-rc', '<', '2.0.0-rc.1', true), ('2.0.0-a.1', '<', '2.0.0-a.b', true), ('2.0.0-b.2', '<', '2.0.0-b.11', true), ('2.0.0-rc.1', '<', '2.0.0', true), ('2.0.0-0', '<', '2.0.0--1', true),
    ('2.0.0-1.0', '<', '2.0.0-1.-1', true), ('2.3.4-a.b.c', '<', '2.3.4-a.b.c.d', true), ('v0.10.0', '>', '0.9.0', true), ('0.10.0', '>', 'v0.9.0', true), ('2.3.4-5-foo', '>', '2.3.4-5', true),
    ('2.3.4-x', '>', '2.3.4-X', true), ('2.3.4-r2', '>', '2.3.4-r100', true), ('2.3.4-r100', '>', '2.3.4-R2', true), ('2.3.4-ALPHA', '>', '2.3.4-alpha', false), ('2.3.4-a.10', '>', '2.3.4-a.5', true),
    ('3.0.0', '>', '2.7.2+tag', true), ('2.3.4+build.7', '=', '2.3.4', true), ('2.3.4-b+one', '=', 'v2.3.4-b+two', true), ('2.3.4-alpha', '!=', '2.3.4', true), ('10000.0.0', '>', '9999.0.0', true),
    ('2.10', '=', '2.10.0', true), ('2', '<', '2.0.1', true), ('a.b.c', '>', '1.2.3', NULL), ('2-3-4', '=', '2.3.4', false), ('2.3.4.5', '=', '2.3.4', NULL), ('02.3.4', '=', '2.3.4', NULL), ('', '<', '1.0.0', NULL)
) AS t (v, op, other, wanted);
INSERT INTO rule_case (rule, attributes, wanted) VALUES
    ('semver(profile.v) in ["1.0.0", "1.2"]', '{"v": "1.2.0"}', true), ('semver(profile.v) in ["1.0.0", "1.2"]', '{"v": "1.3.0"}', false), ('semver(profile.v) not in ["1.0.0"]', '{"v": "1.3.0"}', true),
    ('semver(profile.v) between "1.9.0" and "1.11.0"', '{"v": "1.10.0"}', true), ('semver(profile.v) between "1.9.0" and "1.11.0"', '{"v": "1.2.0"}', false), ('semver(profile.v) > semver(profile.least)', '{"v": "1.10.0", "least": "1.9"}', true),
    ('semver(profile.v) > semver(profile.least)', '{"v": "1.8.0", "least": "1.9"}', false), ('semver(profile.v) > "1.0"', '{"v": 2}', NULL), ('semver(profile.v) > "1.0"', '{}', NULL), ('semver(profile.v) is null', '{"v": "new"}', true),
    ('semver(profile.v) is null', '{"v": "1"}', false), ('semver(profile.v ?? "0.0.0") < "1.0"', '{}', true),
-- Numbers in texts.
    ('number(profile.n) = 12', '{"n": "12"}', true), ('number(profile.n) = 12', '{"n": "12.0"}', true), ('number(profile.n) = 12', '{"n": 12}', true), ('number(profile.n) = 12', '{"n": "13"}', false), ('number(profile.n) != 12', '{"n": "13"}', true),
    ('number(profile.n) != 12', '{"n": " 1.2e1 "}', false), ('number(profile.n) > 12', '{"n": "13"}', true), ('number(profile.n) > 12', '{"n": "9"}', false), ('number(profile.n) >= 12', '{"n": "12"}', true), ('number(profile.n) >= 12', '{"n": "-12"}', false),
    ('number(profile.n) < 12', '{"n": ".5"}', true), ('number(profile.n) <= 12', '{"n": "13"}', false), ('number(profile.n) > 5 && number(profile.n) < 10', '{"n": "8"}', true), ('number(profile.n) > 5 && number(profile.n) < 10', '{"n": "+10."}', false),
    ('number(profile.n) in [1, 2]', '{"n": "2"}', true), ('number(profile.n) in [1, 2]', '{"n": "3"}', false), ('number(profile.n) + 1 = 3', '{"n": "2"}', true), ('number(profile.n) > 0', '{"n": "many"}', NULL), ('number(profile.n) > 0', '{"n": "1,5"}', NULL),
    ('number(profile.n) > 0', '{"n": ""}', NULL), ('number(profile.n) > 0', '{"n": "NaN"}', NULL), ('number(profile.n) > 0', '{"n": "1e999"}', NULL), ('number(profile.n) > 0', '{"n": true}', NULL), ('number(profile.n) > 0', '{"n": ["5"]}', NULL), ('number(profile.n) > 0', '{}', NULL),
    ('profile.n > 5', '{"n": "8"}', NULL),
-- Upper and lower case alike on request.
    ('ignore_case(profile.p) = "Pro"', '{"p": "PRO"}', true), ('ignore_case(profile.p) = "Pro"', '{"p": "free"}', false), ('ignore_case(profile.p) != "PRO"', '{"p": "pro"}', false), ('"PRO" = ignore_case(profile.p)', '{"p": "pro"}', true), ('profile.p = "Pro"', '{"p": "PRO"}', false),
    ('ignore_case(profile.p) in ["de", "AT"]', '{"p": "At"}', true), ('ignore_case(profile.p) in ["de", "AT"]', '{"p": "CH"}', false), ('profile.p in ["de", "at"]', '{"p": "AT"}', false), ('ignore_case(profile.p) not in ["de", "AT"]', '{"p": "at"}', false),
    ('ignore_case(profile.p) in ["x", 5]', '{"p": 5}', true), ('ignore_case(profile.p) matches "^A[0-9]+$"', '{"p": "a12"}', true), ('profile.p matches "^A[0-9]+$"', '{"p": "a12"}', false), ('ignore_case(profile.p) matches "^A[0-9]+$"', '{"p": "b12"}', false),
    ('ignore_case(profile.p) = profile.q', '{"p": "AB", "q": "aB"}', true), ('ignore_case(profile.p) = profile.q', '{"p": "AB", "q": "aC"}', false), ('ignore_case(profile.t) contains "VIP"', '{"t": ["vip", "x"]}', true), ('profile.t contains "VIP"', '{"t": ["vip", "x"]}', false),
    ('ignore_case(profile.t) contains_all ["One", "THREE"]', '{"t": ["ONE", "two", "three"]}', true), ('ignore_case(profile.t) contains_all ["One", "THREE"]', '{"t": ["ONE", "two"]}', false), ('ignore_case(profile.t) = list("A", "b")', '{"t": ["a", "B"]}', true),
    ('ignore_case(profile.p ?? "None") = "NONE"', '{}', true), ('(ignore_case(profile.p) ?? "None") = "NONE"', '{}', true), ('ignore_case(profile.p) = "ÄRGER"', '{"p": "Ärger"}', true), ('ignore_case(profile.p) = "x"', '{"p": 5}', NULL), ('ignore_case(profile.p) starts_with "PR"', '{"p": "pro"}', true),
    ('ignore_case(profile.p) = "say \"\\n\""', '{"p": "SAY \"\\N\""}', true),
-- Any and all of a list.
    ('profile.t contains_any ["a", "b"]', '{"t": ["d", "e", "a"]}', true), ('profile.t contains_any ["a", "b"]', '{"t": ["d", "f"]}', false), ('profile.t contains_any ["a", "b"]', '{"t": []}', false), ('profile.t not contains_any ["a", "b"]', '{"t": ["d", "f"]}', true),
    ('profile.t not contains_any ["a", "b"]', '{"t": ["d", "b"]}', false), ('profile.t not contains_any ["a", "b"]', '{"t": []}', true), ('profile.t contains_all ["one", "three"]', '{"t": ["one", "two", "three"]}', true), ('profile.t contains_all ["one", "three"]', '{"t": ["one", "two"]}', false),
    ('profile.t contains_all ["one", "three"]', '{"t": ["ONE", "THREE"]}', false), ('profile.t contains_any [1, true]', '{"t": [0, 1]}', true), ('profile.t contains_any [1, true]', '{"t": [0, "1"]}', false), ('profile.t contains_any ["e1", "e2"]', '{"t": "cool E2"}', true),
    ('profile.t contains_any ["e1", "e2"]', '{"t": "cool"}', false), ('profile.t contains_all ["cool", "e2"]', '{"t": "e2 cool"}', true), ('profile.t contains_all ["a"]', '{"t": 5}', NULL), ('profile.t contains_any ["a"]', '{}', NULL), ('profile.t not contains_any ["a"]', '{}', NULL),
    ('profile.t contains_any []', '{"t": ["a"]}', false), ('profile.t contains_all []', '{"t": ["a"]}', true),
-- Equality of lists and objects, types, sizes.
    ('profile.t = list("x", "y")', '{"t": ["x", "y"]}', true), ('profile.t = list("x", "y")', '{"t": ["y", "x"]}', false), ('profile.t = list("x", "y")', '{"t": ["x"]}', false), ('profile.t = list("x", "y")', '{"t": ["x", "y", "z"]}', false), ('profile.t != list("x")', '{"t": ["y"]}', true),
    ('profile.t = list("x", "y")', '{"t": "x y"}', NULL), ('profile.t = list(1, true)', '{"t": [1.0, true]}', true), ('profile.t = list()', '{"t": []}', true), ('profile.t = list()', '{"t": [0]}', false), ('profile.t = list("x")', '{}', NULL), ('profile.t = profile.u', '{"t": {"a": 1}, "u": {"a": 1}}', true),
    ('profile.t = profile.u', '{"t": {"a": 1}, "u": {"a": 1, "b": 2}}', false), ('type(profile.t) = "string"', '{"t": "a"}', true), ('type(profile.t) = "string"', '{"t": 1}', false), ('type(profile.t) = "null"', '{"t": null}', true), ('type(profile.t) = "null"', '{"t": 1}', false),
    ('type(profile.t) = "boolean"', '{"t": false}', true), ('type(profile.t) in ["number", "string"]', '{"t": 1}', true), ('type(profile.t) != "object"', '{"t": {"a": "b"}}', false), ('type(profile.t) = "array"', '{"t": [1, 2]}', true), ('type(profile.t) = "array"', '{}', NULL),
    ('len(profile.t) = 3', '{"t": ["a", "b", "c"]}', true), ('len(profile.t) > 2', '{"t": [0, 1]}', false), ('len(profile.t) = 0', '{"t": []}', true),
-- Addresses and networks.
    ('inet(profile.ip) in ["127.0.0.1"]', '{"ip": "127.0.0.1"}', true), ('inet(profile.ip) in ["127.0.0.1"]', '{"ip": "127.0.0.2"}', false), ('inet(profile.ip) in ["10.20.0.0/16"]', '{"ip": "10.20.0.33"}', true), ('inet(profile.ip) in ["10.20.0.0/16"]', '{"ip": "10.21.0.1"}', false),
    ('inet(profile.ip) in ["10.9.0.0/16", "192.168.1.0/24"]', '{"ip": "192.168.1.42"}', true), ('inet(profile.ip) not in ["192.168.1.0/24"]', '{"ip": "192.168.2.1"}', true), ('inet(profile.ip) in ["2001:db8::1"]', '{"ip": "2001:db8::1"}', true), ('inet(profile.ip) in ["2001:db8::1"]', '{"ip": "2001:db8::2"}', false),
    ('inet(profile.ip) in ["2001:db8::/32"]', '{"ip": "2001:DB8:0:1::42"}', true), ('inet(profile.ip) in ["2001:db8::/32"]', '{"ip": "2001:db9::1"}', false), ('inet(profile.ip) in ["0.0.0.0/0"]', '{"ip": "::1"}', false), ('inet(profile.ip) = "10.0.0.1"', '{"ip": "10.0.0.1"}', true),
    ('inet(profile.ip) != "10.0.0.1"', '{"ip": "10.0.0.1"}', false), ('inet(profile.ip) in ["10.0.0.0/8"]', '{"ip": "127.invalid"}', NULL), ('inet(profile.ip) in ["10.0.0.0/8"]', '{"ip": 5}', NULL), ('inet(profile.ip) in ["10.0.0.0/8"]', '{}', NULL), ('inet(profile.ip) in []', '{"ip": "::1"}', false),
-- Logic, nulls, texts, times.
    ('not (profile.n = "a")', '{"n": "b"}', true), ('not (profile.n = "a")', '{"n": "a"}', false), ('not (profile.a = 1 || profile.b < 30)', '{"a": 2, "b": 40}', true), ('not (profile.a = 1 || profile.b < 30)', '{"a": 1, "b": 40}', false), ('profile.a > 60 && (profile.b = "s" || profile.c matches "-12-25$")', '{"a": 70, "b": "x", "c": "1980-12-25"}', true),
    ('profile.a > 60 && (profile.b = "s" || profile.c matches "-12-25$")', '{"a": 70, "b": "x", "c": "1980-11-25"}', false), ('exists profile.x.y', '{"x": {"y": 1}}', true), ('exists profile.x.y', '{"x": 1}', false), ('profile.x.y = "CA"', '{"x": null}', NULL), ('profile.u = null', '{"u": null}', true), ('profile.u = null', '{}', true),
    ('profile.u = null', '{"u": ""}', false), ('profile.u = false', '{}', NULL), ('profile.u not in ["s1"]', '{}', NULL), ('(profile.u ?? "") not in ["s1"]', '{}', true), ('profile.e ends_with "some-email.com"', '{"e": "test@some-EMAIL.com"}', true), ('profile.e ends_with "some-email.com"', '{"e": "test@another.com"}', false),
    ('profile.e matches "^[^@]+@[^@]+$"', '{"e": "a@b"}', true), ('profile.e matches "^[^@]+@[^@]+$"', '{"e": "ab"}', false), ('profile.e matches "\\bcat\\b"', '{"e": "a cat b"}', true), ('profile.e matches "\bcat\b"', '{"e": "concatenate"}', false), ('profile.e matches "^(ab)?c$"', '{"e": "ac"}', false),
    ('profile.t > "2022-01-29T13:00:00.000Z"', '{"t": "2022-01-30T13:00:00.000Z"}', true), ('profile.t > "2022-01-29T13:00:00.000Z"', '{"t": "2022-01-29T13:00:00.000Z"}', false), ('profile.t > "2022-01-22T13:00:00.000+02:00" && profile.t < "2022-01-22T14:00:00.000+02:00"', '{"t": "2022-01-22T11:30:00.000Z"}', true),
    ('profile.w > "alphabet" && profile.w < "zebra"', '{"w": "always"}', true), ('profile.w > "alphabet" && profile.w < "zebra"', '{"w": "zebra"}', false);

-- No case may differ.
SELECT rule, attributes, wanted, rule_value(rule, attributes) AS got FROM rule_case WHERE rule_value(rule, attributes) IS DISTINCT FROM wanted ORDER BY id;
SELECT count(*) AS cases, count(*) FILTER (WHERE wanted) AS true, count(*) FILTER (WHERE NOT wanted) AS false, count(*) FILTER (WHERE wanted IS NULL) AS unknown FROM rule_case;

-- In flags, explained; in filters of events and in traits.
SELECT pulse_create_flag('rule_cast', 'semver(context.app_version) >= "2.10.0" && inet(context.ip) not in ["10.0.0.0/8"]') > 0 AS made;
SELECT v, d.allow, d.reason FROM unnest('{2.9.9,2.10.0-rc.1,2.10.0,2.11,new}'::text[]) AS v, pulse_decide('nobody', 'rule_cast', jsonb_build_object('app_version', v, 'ip', '192.0.2.7')) AS d;
SELECT part, value FROM pulse_explain_decision('nobody', 'rule_cast', '{"app_version": "v2.11", "ip": "10.1.2.3"}');
SELECT pulse_delete_flag('rule_cast');
SELECT canonical, type, metrics FROM pulse_validate_rule('events.open{semver(version) < "2.0" && tags contains_any ["a"]}.count > 0 && ignore_case(profile.plan) = "PRO"');

-- A list that several rules share is a trait; changing it changes their members.
SET client_min_messages = warning;
SELECT pulse_create_trait('rule_plans', 'list("pro", "team")') > 0 AS made;
SELECT pulse_identify('rule-ann', '{"plan": "pro"}') IS NOT NULL AS done;
SELECT pulse_identify('rule-bob', '{"plan": "trial", "tags": ["TEAM"]}') IS NOT NULL AS done;
SELECT pulse_create_segment('rule paying', '{"where": "profile.plan in rule_plans || ignore_case(profile.tags) contains_any rule_plans"}') > 0 AS made;
SELECT type, used_by FROM pulse_list_traits() WHERE key = 'rule_plans';
SELECT pulse_trait('rule-ann', 'rule_plans'), pulse_in_segment('rule-ann', 'rule paying') AS ann, pulse_in_segment('rule-bob', 'rule paying') AS bob;
SELECT part, value FROM pulse_test_expression('profile.plan in rule_plans', 'rule-bob');
SELECT pulse_update_trait('rule_plans', 'list("trial")');
SELECT pulse_in_segment('rule-ann', 'rule paying') AS ann, pulse_in_segment('rule-bob', 'rule paying') AS bob;
SELECT pulse_create_trait('rule_bad', 'profile.plan in lifecycle');
SELECT pulse_create_trait('rule_bad', 'rule_plans + 1');
SELECT pulse_delete_trait('rule_plans');
SELECT pulse_delete_segment('rule paying', confirm => true);
SELECT pulse_delete_trait('rule_plans');

-- Columns: what needs no function of Pulse.
CREATE TABLE rule_column (id int, code text, address inet, tags text[], level int);
INSERT INTO rule_column VALUES (1, '12', '10.1.2.3', '{a,b}', 1), (2, 'x', '192.0.2.1', '{b,a}', 2), (3, NULL, NULL, NULL, NULL);
CREATE FUNCTION rule_rows(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    members text;
BEGIN
    EXECUTE 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM rule_column AS s WHERE ' || (SELECT sql FROM pulse_validate_rule(rule, 'rule_column')) INTO members;
    RETURN coalesce(members, '-');
END $$;
SELECT rule, rule_rows(rule) AS members FROM (VALUES (1, 'number(code) > 5'), (2, 'number(code) is null'), (3, 'inet(address) in ["10.0.0.0/8"]'), (4, 'tags = list("a", "b")'), (5, 'tags != list("a", "b")'), (6, 'tags contains_all ["b", "a"]'), (7, 'tags contains_any ["x", "b"]'),
    (8, 'ignore_case(code) = "X"'), (9, 'number(level) = 2'), (10, 'ignore_case(code) in ["X", "Y"]')) AS t (n, rule) ORDER BY n;
INSERT INTO rule_column (id, tags) VALUES (4, '{VIP,NULL}'), (5, '{}'), (6, '{"say \"Hi\"","NULL",ÄRGER}');
SELECT rule, rule_rows(rule) AS members FROM (VALUES (1, 'ignore_case(tags) contains "vip"'), (2, 'ignore_case(tags) contains_any ["Vip", "A"]'), (3, 'not ignore_case(tags) contains_any ["Vip", "A"]'), (4, 'ignore_case(tags) contains_all ["SAY \"hi\"", "null", "ärger"]'),
    (5, 'not tags contains_any ["x"]'), (6, 'not tags contains_all ["x"]'), (7, 'ignore_case(tags) = list("A", "B")'), (8, 'ignore_case(tags) != list("A", "B")'), (9, 'tags contains_all []'), (10, 'len(ignore_case(tags)) = 2'), (11, 'ignore_case(tags) is null')) AS t (n, rule) ORDER BY n;
SELECT pulse_validate_rule('ignore_case(level) = "a"', 'rule_column');
CREATE FUNCTION rule_compare(rule text, relation regclass, same text) RETURNS TABLE ("true" bigint, "false" bigint, unknown bigint, different bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT count(*) FILTER (WHERE got), count(*) FILTER (WHERE NOT got), count(*) FILTER (WHERE got IS NULL), count(*) FILTER (WHERE got IS DISTINCT FROM wanted) FROM (SELECT %s AS got, %s AS wanted FROM %s AS s) AS t',
        (SELECT sql FROM pulse_validate_rule(rule, relation)), same, relation);
END $$;
-- A literal longer than the column's elements is none of them.
CREATE TABLE rule_short (tags varchar(3)[], numbers int[]);
INSERT INTO rule_short VALUES ('{abc}', '{1}');
SELECT pulse_validate_rule('ignore_case(numbers) contains "1"', 'rule_short');
SELECT c.* FROM (VALUES ('tags contains_any ["abcd"]', 'false'), ('tags = list("abcd")', 'false'), ('tags contains_all ["abc"]', 'true')) AS t (rule, wanted), rule_compare(rule, 'rule_short', wanted) AS c;
-- Versions and addresses in columns: the SQL uses no function of Pulse and has the same results.
CREATE TABLE rule_version AS SELECT v, w FROM unnest('{1.2.3,v1.2.3,V2,2.10,1.10.0,1.9.0,1.0.0-0,1.0.0-1,1.0.0-2.9,1.0.0-2.10,1.0.0-10,1.0.0--,1.0.0-0a,1.0.0-A,1.0.0-alpha,1.0.0-alpha.1,1.0.0-alpha.beta,1.0.0-rc.1,1.0.0-rc.1+b.7,1.0.0,1.0.0+b,2-rc,01.2,1.2.,1..2,1.2.3.4,1.2.3-01,1.2.3-a..b,1.2.3-,1.2.3+,new,"","1.2.3 ","1.2.3\n"}'::text[]
    || ('1.' || repeat('9', 99)) || ('1.' || repeat('9', 100)) || ('1.0.0-' || repeat('x', 249)) || ('1.0.0-' || repeat('x', 250)) || NULL) AS v, unnest('{1.0.0,1.0.0-alpha,1.0.0-2,1.2.3,2.0.1}'::text[]) AS w;
CREATE TABLE rule_address AS SELECT v FROM unnest('{10.1.2.3,10.1.2.255,10.1.2.256,10.0.0.0/8,10.0.0.0/08,10.0.0.0/33,10.1.2,010.1.2.3,0.0.0.0/0,::,::1,::1/128,::1/129,::1/08,1::,1:2:3:4:5:6:7::,1:2:3:4:5:6:7:8,1:2:3:4:5:6:7:8:9,1:2:3:4:5:6:7,::2:3:4:5:6:7:8,1::3:4:5:6:7:8,1:2::4::6,:::,1:::2,2001:DB8::/32,2001:db8:0:1::42,12345::,::ffff:10.0.0.1,::10.0.0.1,1:2:3:4:5:6:10.0.0.1,1:2:3:4:5:6:7:10.0.0.1,1::5:10.0.0.1,1:2:3:4:5::10.0.0.1,::10.0.0.1:5,fe80::1%eth0,localhost,"","10.0.0.1 ","10.0.0.1\n",/8,10.0.0.0/}'::text[]) AS v;
SELECT c.* FROM (VALUES ('semver(v) >= semver(w)', 'rule_version', 'pulse.version_key(v) >= pulse.version_key(w) COLLATE "C"'), ('semver(v) in ["1.0.0", "2-rc"]', 'rule_version', 'pulse.version_key(v) IN (pulse.version_key(''1''), pulse.version_key(''2.0.0-rc''))'),
    ('semver(v) is null', 'rule_version', 'pulse.version_key(v) IS NULL'), ('inet(v) in ["10.0.0.0/8", "::/1"]', 'rule_address', 'pulse.to_inet(v) <<= ''10.0.0.0/8'' OR pulse.to_inet(v) <<= ''::/1'''), ('inet(v) is null', 'rule_address', 'pulse.to_inet(v) IS NULL')) AS t (rule, relation, same), rule_compare(rule, relation, same) AS c;
SELECT pulse_create_segment('rule versions', '{"from": "rule_version", "key": "v", "where": "semver(v) between \"1.0.0-rc\" and \"1.0.0\" && w = \"1.2.3\""}') > 0 AS made;
SELECT pulse_take_snapshot('rule versions') > 0 AS taken;
SELECT s.size FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'rule versions';
SELECT pulse_delete_segment('rule versions', confirm => true);
SELECT pulse_validate_rule('semver(profile.v) contains "2.10"');
SELECT pulse_validate_rule('inet(code) starts_with "10."', 'rule_column');
SELECT pulse_validate_rule('{"rules": [{"field": "level", "operator": ">", "value": 1e400}]}'::jsonb, 'rule_column');
SELECT pulse_validate_rule('{"rules": [{"field": "level", "operator": ">", "value": 1e400}]}', 'rule_column');
SELECT pulse_validate_rule('{"rules": [{"field": "level", "operator": ">", "value": 1e305}]}'::jsonb, 'rule_column');
SELECT pulse_validate_rule('semver(profile.v) > "latest"');
SELECT pulse_validate_rule('inet(profile.ip) in ["127.invalid"]');
SELECT pulse_validate_rule('profile.t contains_any "a"');
SELECT pulse_validate_rule('type(profile.t) in ["array", "list"]');
-- No query of ours is shown.
SELECT pulse_validate_rule('profile.t matches "("');
SELECT pulse_validate_rule('code matches "("', 'rule_column');
SELECT pulse_validate_rule('address = "x"', 'rule_column');
SELECT pulse.version_key('1.2.3') < pulse.version_key('1.10.0') COLLATE "C" AS before, pulse.version_key('x'), pulse.version_key(NULL), pulse.to_inet('::1'), pulse.to_inet('localhost');
DROP FUNCTION rule_rows, rule_value, rule_compare;
DROP TABLE rule_column, rule_case, rule_short, rule_version, rule_address;
