-- A check says what it did; here that would be a line per day.
SET client_min_messages = warning;

-- Real customers of an online gift shop, seen through a view that says how each one looked at any moment.
CREATE TABLE demo.invoice (
    invoice_no text, customer_id int, country text, invoice_at timestamp, lines int, pieces int, revenue numeric
);
\copy demo.invoice FROM PROGRAM 'zcat demo/data/online-retail/invoices.csv.gz' CSV HEADER
CREATE INDEX ON demo.invoice (invoice_at);

CREATE VIEW demo.customer AS
SELECT customer_id,
       CASE WHEN min(country) = 'United Kingdom' THEN 'United Kingdom' ELSE 'abroad' END AS market,
       sum(revenue) AS revenue,
       count(*) AS invoices,
       max(invoice_at) AT TIME ZONE 'UTC' AS last_invoice_at,
       extract(day FROM pulse_now() - max(invoice_at) AT TIME ZONE 'UTC')::int AS days_since
FROM demo.invoice
WHERE invoice_at AT TIME ZONE 'UTC' <= pulse_now() AND invoice_no NOT LIKE 'C%'
GROUP BY customer_id;

ANALYZE demo.invoice;

SELECT pulse_create_segment('Active customers', '{
    "from": "demo.customer", "key": "customer_id", "where": "days_since <= 90",
    "attributes": ["market", "revenue", "invoices"], "converted": "invoices >= 2", "last_active": "last_invoice_at"}',
    owner => 'crm-team', description => 'Customers with an invoice in the last 90 days') AS active,
    pulse_create_segment('High-value customers', '{
    "from": "demo.customer", "key": "customer_id", "where": "days_since <= 90 && revenue > 1000",
    "attributes": ["market", "revenue"]}', owner => 'growth-team') AS high_value,
    pulse_create_segment('Customers of the week', '{
    "from": "demo.customer", "key": "customer_id", "where": "days_since < 7", "attributes": ["market"]}',
    owner => 'crm-team') AS week;

CALL demo.replay('{Active customers,High-value customers,Customers of the week}', '2011-04-04', '2011-12-09', '1 day');

-- Here the data ends.
SELECT pulse_pause_segment(s) FROM unnest('{Active customers,High-value customers,Customers of the week}'::text[]) AS s \g /dev/null
