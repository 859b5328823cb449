-- Traits: creating, changing, errors, explanations.
SET client_min_messages = warning;
-- There are no people yet.
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET pulse.now = '2015-03-31 12:00:00+00';
\pset null '-'

-- ---- The syntax of TinyCDP works unchanged ----
SELECT pulse_create_trait('power_user', 'events.app_open.unique_days_14d >= 5') > 0 AS ok,
       pulse_create_trait('recent_buyer', 'events.purchase.count_30d >= 1 && last_seen_minutes_ago < 1440') > 0 AS ok,
       pulse_create_trait('frequent_visitor', 'events.page_view.count_7d >= 10', 'Looks often') > 0 AS ok,
       pulse_create_trait('total_spent', '{"function": "sum", "event": "purchase", "property": "total", "window_days": 30}') > 0 AS ok,
       pulse_create_trait('frequent_buyer', 'events.purchase.count_30d >= 1 && events.app_open.count_7d >= 3') > 0 AS ok,
       pulse_create_trait('last_sku', 'events.purchase.last(sku)') > 0 AS ok,
       pulse_create_trait('skus', 'events.purchase.list(sku)') > 0 AS ok,
       pulse_create_trait('last_bought', 'events.purchase.last_seen') > 0 AS ok,
       pulse_create_trait('plan_name', 'profile.plan ?? "free"') > 0 AS ok;
SELECT key, expression, type, version, description, used_by FROM pulse_list_traits();

-- ---- Errors ----
SELECT pulse_create_trait('power_user', '1');
SELECT pulse_create_trait('last_seen_minutes_ago', '1');
SELECT pulse_create_trait('9lives', '1');
SELECT pulse_create_trait('', '1');
SELECT pulse_create_trait(NULL, '1');
SELECT pulse_create_trait('x', NULL);
SELECT pulse_create_trait('x', '');
SELECT pulse_create_trait('x', 'events.purchase.count_30d >=');
SELECT pulse_create_trait('x', 'events.purchase.count_30d >= "many"');
SELECT pulse_create_trait('x', 'powr_user == true');
SELECT pulse_create_trait('x', 'segment("nobody")');
SELECT pulse_create_trait('x', 'context.country == "DE"');
SELECT pulse_create_trait('x', 'profile.name matches "("');
SELECT pulse_create_trait('x', '{"function": "total", "event": "purchase"}');
SELECT pulse_create_trait('x', repeat('(', 500) || '1' || repeat(')', 500));
SELECT pulse_update_trait('powr_user', 'true');
SELECT pulse_delete_trait('powr_user');

-- A cycle is refused; the error shows its path.
SELECT pulse_create_trait('a', 'total_spent > 5') > 0 AS ok, pulse_create_trait('b', 'a || power_user') > 0 AS ok;
SELECT pulse_update_trait('a', 'b == true');
SELECT pulse_update_trait('a', 'a == true');
SELECT pulse_create_segment('s', '{"where": "b == true"}') > 0 AS ok;
SELECT pulse_update_trait('a', 'segment("s")');
-- A change that would break dependents is refused.
SELECT pulse_update_trait('total_spent', 'events.purchase.first(sku) == "x"');
SELECT pulse_delete_trait('a');
SELECT pulse_delete_trait('power_user');
-- At most sixteen levels.
DO $$ BEGIN
    PERFORM pulse_create_trait('n0', 'events.x.count > 0');
    FOR i IN 1 .. 30 LOOP PERFORM pulse_create_trait('n' || i, format('n%s == true', i - 1)); END LOOP;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', sqlstate, sqlerrm;
END $$;

-- ---- Versions ----
SELECT pulse_update_trait('total_spent', 'events.purchase.sum(total, 90d)');
SELECT pulse_update_trait('total_spent', 'events.purchase.sum(total,90d)');
SELECT pulse_update_trait('total_spent', NULL, 'Money');
SELECT v.version, v.expression, v.change, v.changed_by = current_user AS by_me, v.changed_at
FROM pulse.trait_version AS v JOIN pulse.trait AS t ON t.id = v.trait_id WHERE t.key = 'total_spent' ORDER BY 1;
SELECT version, description FROM pulse.trait WHERE key = 'total_spent';

-- ---- Dependencies ----
SELECT * FROM pulse.dependency WHERE name IN ('recent_buyer', 'b', 's', 'plan_name', 'frequent_buyer') ORDER BY 1, 2, 3, 4;

-- ---- Values for one person ----
SELECT pulse_identify('u1', '{"plan": "premium", "email": "ann@example.com"}', at => '2015-03-01 10:00:00+00') > 0 AS ok;
SELECT count(pulse_track('u1', 'app_open', '{}', timestamptz '2015-03-24 09:00:00+00' + i * interval '1 day')) FROM generate_series(0, 6) AS i;
SELECT count(pulse_track('u1', 'purchase', jsonb_build_object('total', 10 * i, 'sku', 'sku-' || i), timestamptz '2015-03-10 10:00:00+00' + i * interval '5 days'))
FROM generate_series(1, 3) AS i;
SELECT * FROM pulse_test_expression('events.purchase.count_30d >= 1 && events.app_open.count_7d >= 3', 'u1');
SELECT * FROM pulse_test_expression('total_spent > 50 || profile.plan == "basic"', 'email:ann@example.com');
SELECT * FROM pulse_test_expression('{"function": "average", "event": "purchase", "property": "total"}', 'u1');
SELECT * FROM pulse_test_expression('segment("s") && plan_name in ["premium", "enterprise"]', 'u1');
SELECT * FROM pulse_test_expression('events.purchase.count_30d', 'nobody');
SELECT * FROM pulse_test_expression('events.purchase.count_30d +', 'u1');
SELECT * FROM pulse_test_expression(NULL, 'u1');
SELECT * FROM pulse_test_expression('1', NULL);
SELECT * FROM pulse_test_expression('42', 'u1');
SELECT * FROM pulse_test_expression('"x"', 'u1');
SELECT * FROM pulse_test_expression('2 < 3', 'u1');
SELECT * FROM pulse_explain_membership('u1', 's');
-- An event whose amount is a text does not count, so it is not listed.
BEGIN;
SELECT pulse_track('u1', 'purchase', '{"total": "many"}', pulse_now() - interval '1 hour') IS NOT NULL AS tracked;
SELECT count(*) FILTER (WHERE e::text ~ 'many') AS of_text, count(*) > 0 AS others FROM pulse_explain_membership('u1', 's') AS e WHERE e.item = 'event' AND e.part ~ 'sum';
ROLLBACK;
SELECT * FROM pulse_explain_membership('u1', 'nothing');
SELECT * FROM pulse_explain_membership('nobody', 's');

-- ---- Notices about unknown events and properties ----
SELECT pulse_create_trait('typo', 'events.purchse.count_30d > 0') > 0 AS ok;
SELECT pulse_create_trait('no_property', 'events.purchase.sum(totals, 30d)') > 0 AS ok;
SELECT pulse_update_trait('no_property', 'events.purchase.sum(wholly_unlike, 30d)');
SELECT pulse_create_trait('no_number', 'events.purchase.sum(sku)') > 0 AS ok;
SELECT pulse_identify('u3', '{"login": "2015-03-01 10:00", "ends": "later", "starts": "2015-03-01T09:00:00Z"}') IS NOT NULL AS done;
SELECT pulse_create_trait('no_time', 'profile.login < profile.ends') > 0 AS ok, pulse_create_trait('times', 'profile.login < profile.starts') > 0 AS ok;
SELECT key, value FROM pulse_traits('u3') WHERE key IN ('no_time', 'times');

-- ---- Large definitions ----
SELECT pulse_create_trait('long', format('events.purchase{sku in [%s]}.count > 0', (SELECT string_agg('"' || md5(i::text) || '"', ', ') FROM generate_series(1, 500) AS i))) > 0 AS ok;
SELECT length(text) > 2700 AS longer_than_a_btree_holds FROM pulse.metric WHERE text LIKE '%sku in%';
SELECT pulse_create_trait('level_0', 'events.purchase.count') > 0 AS ok;
SELECT bool_and(pulse_create_trait('level_' || i, format('level_%1$s + level_%1$s + level_%1$s + level_%1$s', i - 1)) > 0) AS ok FROM generate_series(1, 6) AS i;
SELECT pulse_create_trait('level_7', 'level_6 + level_6 + level_6 + level_6');
SELECT pulse_create_trait('level_7', '4 * level_6') > 0 AS ok;
SELECT sum(total_bytes) < 10000000 AS small FROM pg_backend_memory_contexts WHERE name LIKE 'pulse expression%';
SET pulse.now = '294276-12-31';
SET pulse.now = '4713-01-01 BC';
SET pulse.now = '9999-12-31 23:59:59.999999';
SELECT value FROM pulse_traits('u3') WHERE key = 'times';
SET pulse.now = '0001-01-01 00:00:00';
SELECT value FROM pulse_traits('u3') WHERE key = 'times';
SET pulse.now = '2015-03-31 12:00:00+00';

SET client_min_messages = warning;
SELECT pulse_delete_segment('s', confirm => true);
SELECT pulse_delete_trait(k) FROM unnest('{level_7,level_6,level_5,level_4,level_3,level_2,level_1,level_0,long,times,no_time,b,a,typo,no_property,no_number,power_user,recent_buyer,frequent_visitor,total_spent,frequent_buyer,last_sku,skus,last_bought,plan_name}'::text[]) AS k;
SELECT count(*) FROM pulse.trait;

-- Very deep nesting, and numbers out of range.
SELECT pulse_create_trait('x', '{"function":' || repeat('[', 1000000) || repeat(']', 1000000) || '}');
SELECT pulse_create_trait('x', '{"function": 1e400}');
SELECT pulse_create_flag('x', '{"when":' || repeat('[', 1000000) || repeat(']', 1000000) || '}');
SELECT pulse_validate_rule('{"rules":' || repeat('[', 1000000) || repeat(']', 1000000) || '}');

-- A prepared transaction would keep the lock on definitions, and nobody could write events.
\set VERBOSITY default
BEGIN;
SELECT pulse_create_trait('prepared', 'events.app_open.count') > 0 AS made;
PREPARE TRANSACTION 'pulse_definition';
SELECT count(*) FROM pulse.trait WHERE key = 'prepared';
\set VERBOSITY terse
