-- A check says what it did; here that would be a line per day.
SET client_min_messages = warning;
SET pulse.now = '2011-08-01';

-- The shop again, this time as events that an application sends while they happen: every invoice a purchase, every customer a person.
SELECT pulse_create_trait('total_spent', 'events.purchase.sum(amount, 90d)') AS total_spent,
       pulse_create_trait('frequent_buyer', 'events.purchase.count_30d >= 3') AS frequent_buyer,
       pulse_create_segment('recent_buyers', '{"where": "events.purchase.count_14d >= 1", "attributes": ["country"]}',
                            owner => 'crm-team', description => 'Bought in the last 14 days') AS recent,
       pulse_create_segment('high_value', '{"where": "trait(\"total_spent\") >= 2000", "attributes": ["country"]}') AS high_value,
       pulse_create_segment('best_buyers', '{"where": "segment(\"recent_buyers\") && (segment(\"high_value\") || frequent_buyer == true)"}') AS best,
       pulse_create_flag('christmas_offer', 'segment("best_buyers") && profile.country == "United Kingdom"') AS flag;

-- Day by day: the morning's batch comes in, the segments are right with its commit, and are measured. From 21 November on a new
-- client of the shop sends "Purchase" where the old one said "purchase".
CREATE PROCEDURE demo.live(first_day date, last_day date, renamed_from date) LANGUAGE plpgsql AS $$
DECLARE
    day date;
BEGIN
    FOR day IN SELECT generate_series(first_day, last_day, '1 day') LOOP
        PERFORM set_config('pulse.now', (day + 1)::timestamptz::text, false);
        PERFORM count(*) FROM pulse_ingest((
            SELECT coalesce(jsonb_agg(e.event ORDER BY i.invoice_at, i.invoice_no), '[]')
            FROM demo.invoice AS i, LATERAL (VALUES
                (jsonb_build_object('type', 'identify', 'messageId', i.invoice_no || '-who', 'userId', i.customer_id::text,
                                    'timestamp', i.invoice_at AT TIME ZONE 'UTC', 'traits', jsonb_build_object('country', i.country))),
                (jsonb_build_object('type', 'track', 'messageId', i.invoice_no, 'userId', i.customer_id::text,
                                    'event', CASE WHEN day < renamed_from THEN 'purchase' ELSE 'Purchase' END,
                                    'timestamp', i.invoice_at AT TIME ZONE 'UTC',
                                    'properties', jsonb_build_object('amount', i.revenue, 'pieces', i.pieces)))) AS e (event)
            WHERE i.invoice_no NOT LIKE 'C%' AND i.customer_id IS NOT NULL AND i.invoice_at::date = day), 'shop');
        IF day >= '2011-09-15' THEN
            PERFORM pulse_take_snapshot(s), pulse_check_drift(s) FROM unnest('{recent_buyers,high_value,best_buyers}'::text[]) AS s;
        END IF;
        COMMIT;
    END LOOP;
END $$;
CALL demo.live('2011-08-01', '2011-11-27', '2011-11-21');

\echo
\echo '=> Live segments on the last day, and what was said of them'
SELECT segment, count(*) AS members FROM pulse.membership GROUP BY segment ORDER BY segment;
SELECT opened, segment, severity, status, what FROM demo.story WHERE segment IN ('recent_buyers', 'high_value', 'best_buyers');

\echo '=> SELECT pulse_explain_incident(id) …    -- why they became fewer'
\pset format unaligned
\pset tuples_only on
SELECT pulse_explain_incident(max(id)) FROM pulse.incident WHERE segment = 'recent_buyers' AND detector IN ('size_change', 'slow_erosion');
\pset format aligned
\pset tuples_only off

\echo '=> SELECT * FROM pulse_decide(''12748'', ''christmas_offer'');    -- one customer, one flag'
SELECT * FROM pulse_decide('12748', 'christmas_offer');

\echo '=> SELECT * FROM pulse_explain_membership(''12748'', ''recent_buyers'');'
SELECT * FROM pulse_explain_membership('12748', 'recent_buyers');

\echo '=> What the catalogue of events knew: one name went, another came'
SELECT * FROM pulse.event_catalog WHERE lower(event) = 'purchase';
SELECT pulse_pause_segment(s) FROM unnest('{recent_buyers,high_value,best_buyers}'::text[]) AS s \g /dev/null
