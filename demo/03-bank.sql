-- A check says what it did; here that would be a line per day.
SET client_min_messages = warning;

-- Real telephone campaigns of a bank, May 2008 to November 2010, with the financial crisis in the middle.
CREATE TABLE demo.contact (
    age int, job text, marital text, education text, in_default text, housing text, loan text, channel text, month text,
    day_of_week text, duration int, campaign int, pdays int, previous int, poutcome text, emp_var_rate numeric,
    cons_price_idx numeric, cons_conf_idx numeric, euribor3m numeric, nr_employed numeric, y text, n serial, contacted_at timestamptz
);
\copy demo.contact(age,job,marital,education,in_default,housing,loan,channel,month,day_of_week,duration,campaign,pdays,previous,poutcome,emp_var_rate,cons_price_idx,cons_conf_idx,euribor3m,nr_employed,y) FROM PROGRAM 'zcat demo/data/bank-marketing/bank-additional-full.csv.gz' CSV HEADER DELIMITER ';'

-- The file has no dates: the year follows from the order, and a month's contacts are spread evenly over it.
WITH month AS (
    SELECT n, to_date((CASE WHEN n <= 27690 THEN 2008 WHEN n <= 39130 THEN 2009 ELSE 2010 END) || c.month, 'YYYYmon') AS first_day
    FROM demo.contact AS c
), placed AS (
    SELECT n, first_day, (row_number() OVER w - 0.5) / count(*) OVER (PARTITION BY first_day) AS part
    FROM month WINDOW w AS (PARTITION BY first_day ORDER BY n)
)
UPDATE demo.contact AS c
SET contacted_at = p.first_day::timestamptz + p.part * ((p.first_day + interval '1 month')::timestamptz - p.first_day::timestamptz)
FROM placed AS p WHERE p.n = c.n;
CREATE INDEX ON demo.contact (contacted_at);
ANALYZE demo.contact;

-- The window turns over with every campaign, so members come and go by design: those two detectors are switched off.
SELECT pulse_create_segment('Last 1,000 contacts', '{
    "query": "SELECT n, channel, job, poutcome, y FROM demo.contact WHERE contacted_at <= pulse_now() ORDER BY contacted_at DESC LIMIT 1000",
    "key": "n", "attributes": ["channel", "job", "poutcome"], "converted": "y = \"yes\"", "cadence": "7 days"}',
    owner => 'campaign-team', description => 'The people called last; converted: took the deposit',
    baseline => '{"alertThresholds": {"inactivityCreep": 1.0, "membershipChurn": 1.0}}') AS campaign;

CALL demo.replay('{"Last 1,000 contacts"}', '2008-06-02', '2009-12-28', '7 days');
SELECT pulse_pause_segment('Last 1,000 contacts') \g /dev/null
