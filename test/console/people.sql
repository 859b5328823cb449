-- People for the pages about them: 300 who visited and bought, an experiment, ids and names that are hostile on purpose.
SET client_min_messages = warning;
SET pulse.now = '2026-10-21 02:00+00';
SET pulse.exposure_sample = 1;
CREATE ROLE boss;
CREATE ROLE outsider;
SELECT pulse_grant('boss', 'admin'), pulse_grant('outsider', 'reader') \g /dev/null
SELECT pulse_create_flag('checkout', '{"type": "string", "variants": {"control": "two steps", "new": "one step"}, "rules": [{"name": "everybody", "variants": {"control": 50, "new": 50}}], "off": "control"}', 'One step or two') \g /dev/null
SELECT accepted FROM pulse_import_events($$
    SELECT 'shopper-' || i AS user_id, e.event, '2026-09-25'::timestamptz + (i - 1) / 15 * interval '1 day' + e.hours * interval '1 hour' AS "timestamp", format('{"amount": %s}', 10 + i % 40) AS properties
    FROM generate_series(1, 300) AS i, (VALUES ('visit', -1), ('purchase', 5)) AS e (event, hours) WHERE e.event = 'visit' OR i % 10 < CASE WHEN i % 2 = 0 THEN 7 ELSE 3 END $$) \g /dev/null
INSERT INTO pulse.exposure (day, flag_id, bucketing_id, variant, version, profile_id, first_at)
SELECT '2026-09-25'::date + (i - 1) / 15, f.id, p.bucketing_id, CASE WHEN i % 2 = 0 THEN 'new' ELSE 'control' END, 1, p.id, '2026-09-25'::timestamptz + (i - 1) / 15 * interval '1 day'
FROM generate_series(1, 300) AS i JOIN pulse.identity AS d ON d.kind = 'user_id' AND d.value = 'shopper-' || i JOIN pulse.profile AS p ON p.id = d.profile_id, pulse.flag AS f WHERE f.key = 'checkout';
SELECT pulse_create_trait('spent', 'events.purchase.sum(amount, 90d)', 'Money of the last 90 days <img src=x onerror="window.hacked = 1">'), pulse_create_trait('big_spender', 'spent >= 40'),
    pulse_create_segment('Big spenders <svg onload="window.hacked = 4">', '{"where": "big_spender == true"}'),
    pulse_create_flag('offer', '{"rules": [{"name": "<b>best</b>", "when": "segment(\"Big spenders <svg onload=\\\"window.hacked = 4\\\">\")", "percentage": 80, "variant": "on"}]}', '"><script>window.hacked = 5</script>') \g /dev/null
-- One person with whatever can be wrong in a name: markup, 10,000 characters, emoji, text from right to left.
SELECT pulse_identify('<script>window.hacked = 6</script>', jsonb_build_object('email', 'mallory@x.example', 'name', '<svg onload="window.hacked = 7">', 'long', repeat('long ', 2000), 'שם', 'مرحبا 🦔'), at => '2026-10-01'),
    pulse_track('<script>window.hacked = 6</script>', '<img src=x onerror="window.hacked = 8">', jsonb_build_object('text', repeat('x', 10000)), '2026-10-02'), pulse_track('<script>window.hacked = 6</script>', 'شراء 🦔', '{}', '2026-10-03'),
    count(pulse_track('<script>window.hacked = 6</script>', 'purchase', '{"amount": 1}', '2026-10-04'::timestamptz + i * interval '1 minute')) FROM generate_series(1, 120) AS i \g /dev/null
SELECT pulse_identify('anna', '{"email": "anna@x.example", "phone": "+4930123456", "plan": "pro"}', anonymous_id => 'anna-phone', at => '2026-10-05'), pulse_identify('anne', '{"plan": "free", "city": "Bonn"}', at => '2026-10-06') \g /dev/null
SELECT count(pulse_set_consent('shopper-' || i, (ARRAY['ads', 'email', 'analytics'])[1 + i % 3], i % 4 > 0, '{"source": "form"}')) FROM generate_series(1, 120) AS i \g /dev/null
SELECT status FROM pulse_run_job('activity') \g /dev/null
