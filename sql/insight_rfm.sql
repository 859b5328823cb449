-- ---------------------------------------------------------------------------------------------------------
-- Room insight: recency, frequency and monetary value.

-- Level: reader
CREATE TABLE pulse.rfm_version (
    version int PRIMARY KEY,
    at timestamptz NOT NULL,
    enabled boolean NOT NULL,
    event text NOT NULL,
    property text NOT NULL,
    window_days int NOT NULL CHECK (window_days BETWEEN 30 AND 1095),
    groups text NOT NULL CHECK (groups IN ('rules', 'published')),
    cuts text NOT NULL CHECK (cuts IN ('fixed', 'quintiles')),
    recency int[] NOT NULL,
    frequency numeric[] NOT NULL,
    monetary numeric[] NOT NULL,
    people bigint,
    shares jsonb,
    change text NOT NULL CHECK (change IN ('enabled', 'changed', 'refreshed', 'disabled')),
    changed_by text NOT NULL
);
COMMENT ON TABLE pulse.rfm_version IS 'The settings of RFM, one row for each change. Each row holds from its moment on, so a past moment is scored as it was. Changed only by pulse_enable_rfm(), pulse_disable_rfm() and pulse_refresh_rfm().';
COMMENT ON COLUMN pulse.rfm_version.event IS 'The event that counts as a purchase.';
COMMENT ON COLUMN pulse.rfm_version.property IS 'The property with the amount; can be a path such as order.total.';
COMMENT ON COLUMN pulse.rfm_version.groups IS 'rules: the rules of the eleven groups; published: the published table of 125 codes. pulse_rfm_groups() lists both.';
COMMENT ON COLUMN pulse.rfm_version.recency IS 'For the scores 5, 4, 3 and 2: the last purchase is at most so many whole days ago.';
COMMENT ON COLUMN pulse.rfm_version.frequency IS 'For the scores 5, 4, 3 and 2: at least so many purchases; null: nobody can have the score.';
COMMENT ON COLUMN pulse.rfm_version.monetary IS 'For the scores 5, 4, 3 and 2: at least so much revenue; null: nobody can have the score.';
COMMENT ON COLUMN pulse.rfm_version.people IS 'With quintiles: the number of people from whom they were computed.';
COMMENT ON COLUMN pulse.rfm_version.shares IS 'With quintiles: the shares of these people that have the scores 1 to 5. People with the same value have the same score, so the shares are seldom exactly a fifth. Null for fewer than 10 people.';
SELECT pg_catalog.pg_extension_config_dump('pulse.rfm_version', '');

-- Level: operator
CREATE FUNCTION pulse_enable_rfm(event text DEFAULT NULL, property text DEFAULT NULL, window_days bigint DEFAULT NULL, cuts jsonb DEFAULT NULL,
                                 groups text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_enable_rfm';
COMMENT ON FUNCTION pulse_enable_rfm(text, text, bigint, jsonb, text) IS
'Switches RFM on, or changes its settings, and returns their version. Then rules may use rfm.recency, rfm.frequency, rfm.monetary (1 to 5), rfm.score and rfm.group. What is null stays as it is. Defaults: event is Purchase, purchase or Order Completed, whichever was received most often; property is total, revenue, amount or value, the first that the event has as a number;
window_days is 365 (30 to 1095); cuts is "fixed" (recency 7, 30, 90, 180; frequency 20, 10, 5, 2; monetary 1000, 500, 200, 50), or "quintiles", which pulse_refresh_rfm() computes from the people, or an object with the cuts for the scores 5, 4, 3 and 2 of each; groups is rules or published, see pulse_rfm_groups(). Segments and traits that use rfm.* are built again, and replace the live ones when they are ready.
Errors: 22023 an invalid setting, 55000 too few people for quintiles, 55P03 a transaction that writes events is open for too long.';

-- Level: operator
CREATE FUNCTION pulse_disable_rfm() RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_disable_rfm';
COMMENT ON FUNCTION pulse_disable_rfm() IS
'Switches RFM off; its settings are kept. Errors: 2BP01 a definition uses rfm.* (the detail lists them), 55P03 a transaction that writes events is open for too long.';

-- Level: operator
CREATE FUNCTION pulse_refresh_rfm() RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_refresh_rfm';
COMMENT ON FUNCTION pulse_refresh_rfm() IS
'Computes the quintiles of RFM from the people at pulse_now(), as a new version, and returns whether it did: it does not while the cuts are fixed or less than a day old. The job rfm does it every day. Errors: 55000 RFM is off, or there are too few people.';

-- Level: reader
CREATE FUNCTION pulse_rfm_groups(groups text DEFAULT 'rules') RETURNS TABLE (code int, "group" text, advice text)
    LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 125 AS 'MODULE_PATHNAME', 'pulse_rfm_groups';
COMMENT ON FUNCTION pulse_rfm_groups(text) IS
'Returns the group of each code of recency, frequency and monetary score, from 555 to 111, with the advice for its people. Errors: 22023 not rules or published.';

-- Level: reader
CREATE FUNCTION pulse_rfm("by" text DEFAULT 'group')
    RETURNS TABLE (value text, people bigint, share numeric, purchases bigint, revenue numeric, revenue_share numeric, advice text, coverage numeric)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 11 AS 'MODULE_PATHNAME', 'pulse_rfm';
COMMENT ON FUNCTION pulse_rfm(text) IS
'Returns figures of everybody who has purchases in the window at pulse_now(), by group, recency, frequency, monetary, score or code: people and their share (from 0 to 1), their purchases and revenue in the window, the share of the revenue, and the advice for a group. coverage is the share of all people who are scored. It reads the purchases of the window once.
Figures of fewer than 10 people are null below the level people_reader; if only one value has so few, those of the next smallest are null, too. Errors: 22023 by is none of these, 55000 RFM is off.';

-- Level: people_reader
CREATE FUNCTION pulse_rfm_of("user" text)
    RETURNS TABLE (recency int, frequency int, monetary int, score int, "group" text, last_purchase_at timestamptz, purchases bigint, revenue numeric,
                   valid_until timestamptz, version int)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_rfm_of';
COMMENT ON FUNCTION pulse_rfm_of(text) IS
'Returns the scores of one person at pulse_now(), the group, and what they come from: the last purchase in the window, the number of purchases and the revenue. The scores are null without a purchase in the window. valid_until: the first instant at which a score can change without an event (null: never); version: that of the settings. Errors: 42704 unknown person, 22004 null, 55000 RFM is off.';
