-- Room snapshot: import of snapshots, and comparison of two snapshots.

-- Level: writer
CREATE FUNCTION pulse_import_snapshot(
    segment text,
    taken_at timestamptz,
    size bigint,
    converted bigint DEFAULT NULL,
    conversion_rate double precision DEFAULT NULL,
    inactive bigint DEFAULT NULL,
    entered bigint DEFAULT NULL,
    exited bigint DEFAULT NULL,
    distributions jsonb DEFAULT NULL,
    replace boolean DEFAULT false)
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_import_snapshot';
COMMENT ON FUNCTION pulse_import_snapshot(text, timestamptz, bigint, bigint, double precision, bigint, bigint, bigint, jsonb, boolean) IS
'Imports a snapshot that was measured elsewhere and returns its id. distributions: {"platform": {"ios": 4500, "__null__": 20}, "ltv": {"edges": [10, 100], "counts": [3, 5, 2], "nulls": 0}}; members without a listed value count as other. The same import again changes nothing. Errors: 42704 unknown segment, 22023 impossible figures, 42710 another snapshot of that moment (replace => true replaces an imported or a failed one), 55000 archived segment.';
-- Level: writer
CREATE FUNCTION pulse.import_snapshot(segment text, taken_at timestamptz, size bigint, converted bigint, conversion_rate double precision, inactive bigint,
                                      entered bigint, exited bigint, distributions jsonb, replace boolean)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_import_snapshot';
COMMENT ON FUNCTION pulse.import_snapshot(text, timestamptz, bigint, bigint, double precision, bigint, bigint, bigint, jsonb, boolean) IS 'The function pulse_import_snapshot() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: owner
CREATE FUNCTION pulse.compare_snapshots(a bigint, b bigint)
RETURNS TABLE (measure text, attribute text, value text, before numeric, after numeric, difference numeric, percent numeric)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH side AS MATERIALIZED (
        SELECT s.id = a AS first, s.* FROM pulse.snapshot AS s WHERE s.id IN (a, b)
    ), pair AS (
        SELECT x AS old, y AS new FROM pulse.snapshot AS x, pulse.snapshot AS y WHERE x.id = a AND y.id = b
    ), figure (place, measure, before, after) AS (
        SELECT m.place, m.measure, m.before, m.after
        FROM pair, LATERAL (VALUES
            (1, 'size', (old).size::numeric, (new).size::numeric),
            (2, 'converted', (old).converted, (new).converted),
            (3, 'conversion rate', (old).converted::numeric / nullif((old).size, 0), (new).converted::numeric / nullif((new).size, 0)),
            (4, 'inactive', (old).inactive, (new).inactive),
            (5, 'inactive share', (old).inactive::numeric / nullif((old).size, 0), (new).inactive::numeric / nullif((new).size, 0)),
            (6, 'members in both', NULL, round((pulse.sketch_overlap((old).sketch, (new).sketch)).in_both::numeric)),
            (7, 'only before', round((pulse.sketch_overlap((old).sketch, (new).sketch)).only_a::numeric), NULL),
            (8, 'only after', NULL, round((pulse.sketch_overlap((old).sketch, (new).sketch)).only_b::numeric))
        ) AS m (place, measure, before, after)
        WHERE m.before IS NOT NULL OR m.after IS NOT NULL
    ), both_sides AS (
        -- Rows older than the column nans counted the NaN of measured numbers as other.
        SELECT d.*, s.first, coalesce(d.nans, CASE WHEN d.kind = 'numeric' AND s.origin = 'measured' THEN d.other END, 0) AS not_numbers
        FROM side AS s JOIN pulse.distribution AS d ON d.snapshot_id = s.id
    ), comparable AS (
        SELECT x.attribute, x.total AS total_before, y.total AS total_after, x AS old, y AS new
        FROM both_sides AS x JOIN both_sides AS y
            ON y.attribute = x.attribute AND y.kind = x.kind AND y.edges IS NOT DISTINCT FROM x.edges
        WHERE x.first AND (NOT y.first OR a = b)
    ), counted AS (
        SELECT d.attribute, d.first, cell.value, cell.members, cell.place
        FROM both_sides AS d, LATERAL (
            SELECT coalesce(d.labels[i], CASE WHEN i = 1 THEN coalesce('below ' || d.edges[1], 'all values')
                                              WHEN i = cardinality(d.counts) THEN d.edges[i - 1] || ' and above'
                                              ELSE d.edges[i - 1] || ' to ' || d.edges[i] END),
                   d.counts[i], i
            FROM generate_subscripts(d.counts, 1) AS i
            UNION ALL SELECT '(other)', m.members, 1000001 FROM (SELECT CASE WHEN d.nans IS NULL THEN d.other - d.not_numbers ELSE d.other END AS members) AS m
            WHERE m.members > 0
            UNION ALL SELECT '(NaN)', d.not_numbers, 1000002 WHERE d.not_numbers > 0
            UNION ALL SELECT '(null)', d.nulls, 1000003 WHERE d.nulls > 0
        ) AS cell (value, members, place)
    ), share AS (
        SELECT c.attribute, v.value, min(v.place) AS place,
               coalesce(sum(v.members) FILTER (WHERE v.first), 0)::numeric / nullif(c.total_before, 0) AS before,
               coalesce(sum(v.members) FILTER (WHERE NOT v.first OR a = b), 0)::numeric / nullif(c.total_after, 0) AS after
        FROM comparable AS c JOIN counted AS v ON v.attribute = c.attribute
        GROUP BY c.attribute, v.value, c.total_before, c.total_after
    ), line (part, attribute, place, measure, value, before, after) AS (
        SELECT 0, NULL::text, f.place::bigint, f.measure, NULL::text, f.before, f.after FROM figure AS f
        UNION ALL
        SELECT 1, s.attribute, -1, 'total variation distance', NULL, NULL, sum(abs(s.after - s.before)) / 2
        FROM share AS s GROUP BY s.attribute
        UNION ALL
        SELECT 1, c.attribute, 0, 'mean', NULL, (c.old).mean::numeric, (c.new).mean::numeric
        FROM comparable AS c WHERE (c.old).mean IS NOT NULL AND (c.new).mean IS NOT NULL
        UNION ALL
        SELECT 1, s.attribute, s.place, 'share', s.value, s.before, s.after FROM share AS s
    )
    SELECT l.measure, l.attribute, l.value, trim_scale(round(l.before, 4)), trim_scale(round(l.after, 4)), trim_scale(round(l.after - l.before, 4)),
           round(100 * (l.after - l.before) / nullif(l.before, 0), 1)
    FROM line AS l
    ORDER BY l.part, l.attribute, l.place, l.value;
$$;
COMMENT ON FUNCTION pulse.compare_snapshots(bigint, bigint) IS 'What pulse_compare_snapshots() returns for two snapshots that have not failed. Only the owner of the extension can call it.';

-- Level: people_reader
CREATE FUNCTION pulse_compare_snapshots(a bigint, b bigint)
RETURNS TABLE (measure text, attribute text, value text, before numeric, after numeric, difference numeric, percent numeric)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_compare_snapshots';
COMMENT ON FUNCTION pulse_compare_snapshots(bigint, bigint) IS
'Compares two snapshots: sizes and rates, members in both (from the sketches), and per attribute the total variation distance and the share of each value or interval. An attribute is compared when both snapshots have it with the same kind and edges. Error: 42704 unknown or failed snapshot.';
