-- Room rule: any() and all() over the elements of a list, with true, false and unknown told apart.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;

-- The value of a rule for a person with these attributes.
CREATE FUNCTION elements_value(rule text, attributes jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    result boolean;
BEGIN
    EXECUTE 'SELECT ' || (SELECT v.sql FROM pulse_validate_rule(rule) AS v) || ' FROM (SELECT $1 AS attributes, NULL::jsonb AS account, NULL::jsonb AS context) AS s'
    INTO result USING attributes;
    RETURN result;
END $$;
CREATE TABLE elements_case (id serial, rule text, attributes jsonb, wanted boolean);
INSERT INTO elements_case (rule, attributes, wanted)
SELECT rule, ('{"d": ' || list || '}')::jsonb, wanted FROM (VALUES
    ('any(profile.d, os = "ios" && number(version) >= 15)', '[{"os": "android", "version": 15}, {"os": "ios", "version": "16.1"}]', true),
    ('any(profile.d, os = "ios" && number(version) >= 15)', '[{"os": "android", "version": 16}, {"os": "ios", "version": "14"}]', false),
    -- Unknown for one element, false for the others; true for one of them.
    ('any(profile.d, os = "ios")', '[{"os": "android"}, {}]', NULL), ('any(profile.d, os = "ios")', '[{}, {"os": "ios"}]', true), ('any(profile.d, os = "ios")', '[1, "ios", null, [], true]', NULL),
    ('not any(profile.d, os = "ios")', '[{"os": "android"}, {}]', NULL), ('not any(profile.d, os = "ios")', '[{"os": "android"}]', true), ('not any(profile.d, os = "ios")', '[{"os": "ios"}]', false),
    ('all(profile.d, os = "ios")', '[{"os": "ios"}, {"os": "ios"}]', true), ('all(profile.d, os = "ios")', '[{"os": "ios"}, {"os": "android"}]', false), ('all(profile.d, os = "ios")', '[{"os": "ios"}, {}]', NULL),
    ('all(profile.d, os = "ios")', '[{}, {"os": "android"}]', false), ('not all(profile.d, os = "ios")', '[{"os": "ios"}]', false), ('not all(profile.d, os = "ios")', '[{"os": "x"}]', true),
    -- An empty list; no list.
    ('any(profile.d, os = "ios")', '[]', false), ('all(profile.d, os = "ios")', '[]', true), ('not any(profile.d, os = "ios")', '[]', true), ('not all(profile.d, os = "ios")', '[]', false),
    ('any(profile.d, os = "ios")', '{"os": "ios"}', NULL), ('all(profile.d, os = "ios")', '"ios"', NULL), ('all(profile.d, os = "ios")', '5', NULL), ('any(profile.d, os = "ios")', 'null', NULL), ('any(profile.e, os = "ios")', '[]', NULL),
    ('any(profile.d, os is null)', '[{"os": null}]', true), ('any(profile.d, os is null)', '[{"os": 1}]', false), ('all(profile.d, exists os)', '[{"os": 1}, {"os": 2}]', true), ('all(profile.d, exists os)', '[{"os": 1}, 5]', false),
    -- The element itself.
    ('any(profile.d, $ > 10)', '[5, 11]', true), ('any(profile.d, $ > 10)', '[5, 10]', false), ('any(profile.d, $ > 10)', '[5, "11"]', NULL), ('all(profile.d, number($) > 10)', '["11", 12]', true), ('any(profile.d, $ matches "^a")', '["b", "ab"]', true),
    ('all(profile.d, type($) = "object")', '[{}, {"a": 1}]', true), ('all(profile.d, type($) = "object")', '[{}, [1]]', false), ('any(profile.d, $ = "a")', '["b"]', false), ('any(profile.d, $ in ["a", 5])', '[5]', true), ('any(profile.d, len($) = 2)', '[[1, 2]]', true),
    -- Every operator and cast; texts with quotes and backslashes; elements of elements.
    ('any(profile.d, semver(v) >= "2.10.0")', '[{"v": "2.9.9"}, {"v": "2.10.0"}]', true), ('any(profile.d, semver(v) >= "2.10.0")', '[{"v": "2.9.9"}, {"v": "2.10.0-rc.1"}]', false), ('any(profile.d, inet(ip) in ["10.0.0.0/8"])', '[{"ip": "10.1.1.1"}]', true),
    ('all(profile.d, inet(ip) not in ["10.0.0.0/8"])', '[{"ip": "10.1.1.1"}]', false), ('any(profile.d, ignore_case(os) = "IOS")', '[{"os": "iOS"}]', true), ('any(profile.d, os = "IOS")', '[{"os": "iOS"}]', false), ('any(profile.d, tags contains_all ["a", "b"])', '[{"tags": ["b", "a"]}]', true),
    ('any(profile.d, tags contains_all ["a", "b"])', '[{"tags": ["b"]}, {"tags": ["a"]}]', false), ('any(profile.d, a * b > 10 && a % 2 = 1)', '[{"a": 3, "b": 4}]', true), ('any(profile.d, a * b > 10)', '[{"a": 3, "b": 3}]', false), ('any(profile.d, (os ?? "none") = "none")', '[{}]', true),
    ('any(profile.d, os = "it''s \"\\here\\\"")', '[{"os": "it''s \"\\here\\\""}]', true), ('any(profile.d, os matches "^\\d+\\b")', '[{"os": "12 a"}]', true), ('any(profile.d, os matches "^\\d+\\b")', '[{"os": "12a"}]', false), ('any(profile.d, at < "2024-03-10T06:00:00+01:00")', '[{"at": "2024-03-10T04:59:59Z"}]', true),
    ('any(profile.d, at < "2024-03-10T06:00:00+01:00")', '[{"at": "2024-03-10T05:00:00Z"}]', false), ('any(profile.d, a < b)', '[{"a": 2, "b": 10}]', true), ('any(profile.d, a.b["c d"] = 1)', '[{"a": {"b": {"c d": 1}}}]', true), ('any(profile.d, if(a > 1, b, c) = 5)', '[{"a": 1, "b": 1, "c": 5}]', true),
    ('any(profile.d, any(items, sku = "it''s" && n > 1))', '[{"items": [{"sku": "it''s", "n": 1}]}, {"items": [{"sku": "x"}, {"sku": "it''s", "n": 2}]}]', true), ('any(profile.d, all(items, n > 1))', '[{"items": [{"n": 2}, {"n": 1}]}]', false), ('all(profile.d, any($, $ > 1))', '[[1, 2], [3]]', true),
    ('all(profile.d, any($, $ > 1))', '[[1, 2], [0]]', false), ('all(profile.d, any($, any($, $ = "\\")))', '[[["\\"]]]', true), ('len(profile.d) = 2 && any(profile.d, a = 1) && !any(profile.d, a = 2)', '[{"a": 1}, {"a": 3}]', true)
) AS t (rule, list, wanted);
-- No case may differ.
SELECT rule, attributes, wanted, elements_value(rule, attributes) AS got FROM elements_case WHERE elements_value(rule, attributes) IS DISTINCT FROM wanted ORDER BY id;
SELECT count(*) AS cases, count(*) FILTER (WHERE wanted) AS true, count(*) FILTER (WHERE NOT wanted) AS false, count(*) FILTER (WHERE wanted IS NULL) AS unknown FROM elements_case;
-- From the canonical text, too.
SELECT c.rule, v.canonical FROM elements_case AS c, pulse_validate_rule(c.rule) AS v WHERE elements_value(v.canonical, c.attributes) IS DISTINCT FROM wanted ORDER BY id;
SELECT canonical FROM pulse_validate_rule('{"rules": [{"field": "profile.d", "operator": "any", "value": {"logicalOperator": "OR", "rules": [{"field": "os", "operator": "=", "value": "ios"}, {"field": "$", "operator": ">", "value": 5}]}},
    {"field": "any(profile.d, os = \"x\")", "operator": "=", "value": true}, {"field": "profile.e", "operator": "not_all", "value": {"rules": [{"field": "number(a)", "operator": "between", "value": [1, 2]}]}}]}'::jsonb);

-- Errors.
SELECT pulse_validate_rule('any(profile.d, os = "ios"');
SELECT pulse_validate_rule('any(profile.d)');
SELECT pulse_validate_rule('any(profile.d, at within last 7d)');
SELECT pulse_validate_rule('any(profile.d, $.os = "ios")');
SELECT pulse_validate_rule('any(profile.d, os matches "(")');
SELECT pulse_validate_rule('any(lifecycle, os = "ios")');
SELECT pulse_validate_rule('{"rules": [{"field": "profile.d", "operator": "any", "value": ["ios"]}]}'::jsonb);
SELECT pulse_validate_rule('{"rules": [{"field": "profile.d", "operator": "any", "value": {"rules": [{"field": "at", "operator": "within_last", "value": 7}]}}]}'::jsonb);
CREATE TABLE elements_column (id int, data jsonb);
SELECT pulse_validate_rule('any(data, os = "ios")', 'elements_column');

-- Segments, flags and traits: evaluated with the event, in queries, and explained.
SET client_min_messages = warning;
SET pulse.evaluation = 'sync';
SELECT pulse_create_segment('elements ios', '{"where": "any(profile.devices, os = \"ios\" && semver(version) >= \"15.0\")"}') > 0 AS made;
SELECT pulse_create_segment('elements bought', '{"where": "events.order{any(products, sku = \"a\" && price > 10)}.count >= 1"}') > 0 AS made;
SELECT pulse_create_trait('elements_seats', 'all(account.seats, used)') > 0 AS made;
SELECT pulse_create_flag('elements_flag', '!any(context.carts, total > 100) && elements_seats') > 0 AS made;
SELECT count(*) FROM pulse_ingest('[{"type": "identify", "userId": "elements-ann", "traits": {"devices": [{"os": "ios", "version": "15.2"}]}}, {"type": "identify", "userId": "elements-bob", "traits": {"devices": [{"os": "ios", "version": "14"}]}},
    {"type": "group", "userId": "elements-ann", "groupId": "elements-acme", "traits": {"seats": [{"used": true}]}},
    {"type": "track", "userId": "elements-ann", "event": "order", "properties": {"products": [{"sku": "a", "price": 5}, {"sku": "b", "price": 50}]}}, {"type": "track", "userId": "elements-bob", "event": "order", "properties": {"products": [{"sku": "a", "price": 11}]}}]');
SELECT s.name, i.value FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id JOIN pulse.identity AS i USING (profile_id) WHERE s.name LIKE 'elements%' ORDER BY 1, 2;
SELECT count(pulse_take_snapshot(name)) AS taken FROM pulse.segment WHERE name LIKE 'elements%';
SELECT g.name, s.size FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name LIKE 'elements%' ORDER BY 1;
SELECT pulse_trait('elements-ann', 'elements_seats') AS ann, pulse_trait('elements-bob', 'elements_seats') AS bob;
SELECT c, d.allow, d.reason FROM unnest('{"[]","[{\"total\": 200}]","5"}'::text[]) AS c, pulse_decide('elements-ann', 'elements_flag', ('{"carts": ' || c || '}')::jsonb) AS d;
SELECT item, part, value FROM pulse_explain_membership('elements-ann', 'elements ios');
SELECT part, value FROM pulse_explain_decision('elements-ann', 'elements_flag', '{"carts": [{"total": 1}]}') WHERE part <> 'person';
SELECT part, value FROM pulse_test_expression('any(profile.devices, os = "ios") && len(profile.devices) > 1', 'elements-ann');
-- A change of the list.
SELECT pulse_identify('elements-bob', '{"devices": [{"os": "android"}, {"os": "ios", "version": "17.1"}]}') > 0 AS accepted;
SELECT pulse_in_segment('elements-bob', 'elements ios') AS bob;

-- The function behind them. Operators are those of PostgreSQL, and functions need the caller's rights.
SELECT pulse.each_element('[1, null, "a"]', '($1 #>> ''{}'') = ''a'''), pulse.each_element('[]', 'true'), pulse.each_element('{}', 'true') IS NULL AS no_list, pulse.each_element(NULL, 'true') IS NULL AS none;
SELECT pulse.each_element('[1]', '1');
SELECT pulse.each_element('[1]', 'SELECT true');
SELECT pulse.each_element('[1]', '(SELECT true FROM pg_class)');
SELECT array_agg(pulse.each_element('[1, 2, 3]', c)) FROM unnest('{$1 > to_jsonb(2), $1 > to_jsonb(1)}'::text[]) AS c;
CREATE SCHEMA elements_evil;
CREATE FUNCTION elements_evil.fetch(jsonb, text) RETURNS jsonb LANGUAGE sql AS $$ SELECT '"ios"'::jsonb $$;
CREATE OPERATOR elements_evil.-> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = elements_evil.fetch);
CREATE ROLE elements_role;
GRANT USAGE ON SCHEMA pulse TO elements_role;
GRANT EXECUTE ON FUNCTION pulse.each_element TO elements_role;
SET search_path = elements_evil, pg_catalog, public;
SELECT pulse.each_element('[{"os": 1}]', '($1 -> ''os'') = ''1''') AS ours;
RESET search_path;
SET ROLE elements_role;
SELECT pulse.each_element('[1]', 'pulse.to_number($1) = 1');
RESET ROLE;
REVOKE ALL ON SCHEMA pulse FROM elements_role;
REVOKE ALL ON FUNCTION pulse.each_element FROM elements_role;
DROP ROLE elements_role;
DROP SCHEMA elements_evil CASCADE;

SELECT pulse_delete_flag('elements_flag');
SELECT count(pulse_delete_segment(s, confirm => true)) FROM unnest('{elements ios,elements bought}'::text[]) AS s;
SELECT pulse_delete_trait('elements_seats');
DELETE FROM pulse.event WHERE profile_id IN (SELECT profile_id FROM pulse.identity WHERE value LIKE 'elements-%');
DELETE FROM pulse.profile WHERE id IN (SELECT profile_id FROM pulse.identity WHERE value LIKE 'elements-%');
DELETE FROM pulse.account WHERE key = 'elements-acme';
DROP FUNCTION elements_value;
DROP TABLE elements_case, elements_column;
