-- ---------------------------------------------------------------------------------------------------------
-- A demo for psql: five segments with eight days of history; in the last three days they have lost members.

-- Level: admin
CREATE FUNCTION pulse.inner_drop_demo() RETURNS int
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry record;
    dropped int := 0;
BEGIN
    FOR entry IN SELECT s.name FROM pulse.segment AS s WHERE 'pulse-demo' = ANY (s.tags) ORDER BY s.id LOOP
        PERFORM pulse.delete_segment(entry.name, true);
        dropped := dropped + 1;
    END LOOP;
    IF to_regnamespace('pulse_demo') IS NOT NULL THEN
        IF obj_description(to_regnamespace('pulse_demo'), 'pg_namespace') IS DISTINCT FROM 'Made by pulse_load_demo().' THEN
            RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = 'schema "pulse_demo" is not the demo''s',
                DETAIL = 'pulse_load_demo() marks the schema it makes with a comment, and this one has another.',
                HINT = 'Rename the schema, or drop it yourself if nobody needs it.';
        END IF;
        SET LOCAL client_min_messages = warning;
        DROP SCHEMA pulse_demo CASCADE;
    END IF;
    RETURN dropped;
END $$;
COMMENT ON FUNCTION pulse.inner_drop_demo() IS 'What pulse_drop_demo() does. Its errors have it as their context; those of pulse_drop_demo() have none.';
-- Level: admin
CREATE FUNCTION pulse_drop_demo() RETURNS int
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_call_inner';
COMMENT ON FUNCTION pulse_drop_demo() IS
'Removes everything that pulse_load_demo() created, history included, and returns the number of segments removed. Errors: 42P06 a schema pulse_demo that the demo did not create.';

-- Level: admin
CREATE FUNCTION pulse.inner_load_demo()
    RETURNS TABLE (segment text, snapshots int, size_before bigint, size_today bigint)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today CONSTANT timestamptz := date_trunc('day', pulse.now());
    entry record;
    moment timestamptz;
    eroded boolean;
    conversion double precision;
    -- Small variation on earlier days, in members per thousand; today's size is that of the table.
    wobble CONSTANT int[] := ARRAY[0, 4, -3, 2, 0, 1, -2, 0];
BEGIN
    PERFORM pulse.inner_drop_demo();
    CREATE SCHEMA pulse_demo;
    COMMENT ON SCHEMA pulse_demo IS 'Made by pulse_load_demo().';

    CREATE TABLE pulse_demo.plan (
        part int PRIMARY KEY, name text, owner text, size bigint, rate double precision, definition jsonb, baseline jsonb, shares jsonb
    );
    COMMENT ON TABLE pulse_demo.plan IS 'Each demo segment before the erosion: size, conversion, shares of values.';
    INSERT INTO pulse_demo.plan VALUES
    (1, 'High-Value Active Users', 'growth-team', 10000, 0.15,
     '{"where": "ltv > 1000 && last_active_days <= 7", "attributes": ["platform", "tier"]}',
     '{"expectedSize": {"min": 8000, "max": 12000}, "criticalAttributes": ["platform", "tier"],
       "alertThresholds": {"sizeChangePercent": 0.15, "distributionShift": 0.20}}',
     '{"platform": {"ios": 0.45, "android": 0.40, "web": 0.15}, "tier": {"basic": 0.30, "premium": 0.70}}'),
    (2, 'Premium Trial Users', 'revenue-team', 4600, 0.27,
     '{"where": "subscription_status = \"trial\" && tier = \"premium\"", "attributes": ["platform"]}',
     '{"expectedSize": {"min": 2000, "max": 5000}, "expectedConversionRate": {"min": 0.20, "max": 0.35}}',
     '{"platform": {"ios": 0.40, "android": 0.40, "web": 0.20}}'),
    (3, 'Churned Users - Last 30 Days', 'retention-team', 24000, 0.15,
     '{"where": "status = \"churned\" && churned_days_ago <= 30", "attributes": ["platform", "tier"]}',
     '{"alertThresholds": {"sizeChangePercent": 0.25}}',
     '{"platform": {"ios": 0.35, "android": 0.40, "web": 0.25}, "tier": {"basic": 0.80, "premium": 0.20}}'),
    (4, 'Mobile App Power Users', 'product-team', 18000, 0.15,
     '{"where": "platform in [\"ios\", \"android\"] && sessions_last_week >= 10", "attributes": ["platform", "app_version"]}',
     '{"criticalAttributes": ["platform", "app_version"]}',
     '{"platform": {"ios": 0.60, "android": 0.40}, "app_version": {"5.1": 0.65, "5.0": 0.25, "4.9": 0.10}}'),
    (5, 'Enterprise Customers', 'enterprise-team', 480, 0.15,
     '{"where": "tier = \"enterprise\" && is_active = true", "attributes": ["platform"]}',
     '{"expectedSize": {"min": 100, "max": 500}, "alertThresholds": {"sizeChangePercent": 0.10, "conversionAnomaly": 0.15}}',
     '{"platform": {"ios": 0.30, "android": 0.40, "web": 0.30}}');

    -- Shares as counts: the members with a value are those between its borders in a segment of that size.
    CREATE FUNCTION pulse_demo.cut(part int, eroded boolean, size bigint)
        RETURNS TABLE (attribute text, value text, low bigint, high bigint) LANGUAGE sql STABLE
        SET search_path = pg_catalog, pg_temp AS $cut$
        WITH weighed AS (
            SELECT a.key AS attribute, v.key AS value, v.value::float8 * CASE WHEN eroded AND v.key = 'android' THEN 0.7 ELSE 1 END AS weight
            FROM pulse_demo.plan AS p, jsonb_each(p.shares) AS a, jsonb_each_text(a.value) AS v WHERE p.part = cut.part
        ), piled AS (
            SELECT w.*, sum(w.weight) OVER pile AS top, sum(w.weight) OVER (PARTITION BY w.attribute) AS whole
            FROM weighed AS w WINDOW pile AS (PARTITION BY w.attribute ORDER BY w.value)
        )
        SELECT p.attribute, p.value, round(size * (p.top - p.weight) / p.whole)::bigint, round(size * p.top / p.whole)::bigint FROM piled AS p
    $cut$;

    -- Today's users. The groups of the five segments do not overlap; 7919 and 104729 are primes, so the attributes are
    -- independent of each other.
    CREATE TABLE pulse_demo.app_user (
        user_id bigint PRIMARY KEY, platform text, app_version text, tier text, status text, subscription_status text, ltv numeric,
        last_active_days int, churned_days_ago int, sessions_last_week int, is_active boolean, converted boolean
    );
    COMMENT ON TABLE pulse_demo.app_user IS 'The users of the demo segments, as of today.';
    INSERT INTO pulse_demo.app_user
    WITH size AS (
        SELECT p.part, p.rate * 2 / 3 AS rate, round(p.size * 0.58)::bigint AS size FROM pulse_demo.plan AS p
    ), cut AS MATERIALIZED (
        SELECT z.part, c.* FROM size AS z, pulse_demo.cut(z.part, true, z.size) AS c
    ), member AS (
        SELECT z.part, z.size, z.rate, i, i * 7919 % z.size AS j FROM size AS z, generate_series(0, z.size - 1) AS i
    )
    SELECT u.part * 100000 + u.i, coalesce(platform.value, 'web'), coalesce(version.value, '5.1'),
           CASE u.part WHEN 2 THEN 'premium' WHEN 5 THEN 'enterprise' ELSE coalesce(tier.value, 'basic') END,
           CASE u.part WHEN 3 THEN 'churned' ELSE 'active' END, CASE u.part WHEN 2 THEN 'trial' ELSE 'paid' END,
           CASE u.part WHEN 1 THEN 1001 + u.i % 4000 ELSE u.i % 900 END, CASE u.part WHEN 3 THEN 40 ELSE u.i % 8 END,
           CASE u.part WHEN 3 THEN u.i % 31 END, CASE u.part WHEN 4 THEN 10 + u.i % 20 ELSE u.i % 10 END,
           u.part <> 3, u.i * 104729 % u.size < round(u.size * u.rate)
    FROM member AS u
    LEFT JOIN cut AS platform ON platform.part = u.part AND platform.attribute = 'platform' AND u.i >= platform.low AND u.i < platform.high
    LEFT JOIN cut AS tier ON tier.part = u.part AND tier.attribute = 'tier' AND u.j >= tier.low AND u.j < tier.high
    LEFT JOIN cut AS version ON version.part = u.part AND version.attribute = 'app_version' AND u.j >= version.low AND u.j < version.high;
    ANALYZE pulse_demo.app_user;

    FOR entry IN SELECT * FROM pulse_demo.plan AS p ORDER BY p.part LOOP
        PERFORM pulse.create_segment(
            entry.name, entry.definition || '{"from": "pulse_demo.app_user", "key": "user_id", "converted": "converted", "members": "people"}',
            owner => entry.owner, description => 'Demo: removed by pulse_drop_demo()', baseline => entry.baseline, tags => '{pulse-demo}');
        segment := entry.name;
        snapshots := 0;
        FOR days_ago IN REVERSE 7..0 LOOP
            moment := today - make_interval(days => days_ago);
            eroded := days_ago <= 2;
            size_today := round(entry.size * CASE WHEN eroded THEN 0.58 ELSE 1 END * (1 + wobble[8 - days_ago] / 1000.0));
            conversion := entry.rate * CASE WHEN eroded THEN 2.0 / 3 ELSE 1 END;
            PERFORM pulse.import_snapshot(
                entry.name, moment, size_today, converted => round(size_today * conversion)::bigint, conversion_rate => NULL, inactive => NULL,
                entered => round(size_today * CASE WHEN eroded THEN 0.03 ELSE 0.05 END)::bigint,
                exited => round(size_today * CASE WHEN eroded THEN 0.08 ELSE 0.03 END)::bigint,
                distributions => (SELECT jsonb_object_agg(a.attribute, a.counts) FROM (
                    SELECT c.attribute, jsonb_object_agg(c.value, c.high - c.low) AS counts
                    FROM pulse_demo.cut(entry.part, eroded, size_today) AS c GROUP BY c.attribute) AS a), replace => false);
            snapshots := snapshots + 1;
            IF days_ago = 3 THEN size_before := size_today; END IF;
        END LOOP;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION pulse.inner_load_demo() IS 'What pulse_load_demo() does. Its errors have it as their context; those of pulse_load_demo() have none.';
-- Level: admin
CREATE FUNCTION pulse_load_demo()
    RETURNS TABLE (segment text, snapshots int, size_before bigint, size_today bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_call_inner';
COMMENT ON FUNCTION pulse_load_demo() IS
'Creates five demo segments over a table of their own in a schema pulse_demo, with eight days of history up to today as of pulse_now(); two days ago they lost 42 % of their members. Continue with: SELECT * FROM pulse_check_drift(). Loading again replaces the demo; pulse_drop_demo() removes it. Errors: 42710 a segment with such a name that is not the demo''s, 42P06 a schema pulse_demo that is not the demo''s, 42501 missing rights.';
