-- ---------------------------------------------------------------------------------------------------------
-- Room snapshot: size, distributions, conversion and members of a segment at one time.

-- ---- The type pulse_sketch ----

CREATE TYPE pulse_sketch;
-- Level: people_reader
CREATE FUNCTION pulse_sketch_in(cstring) RETURNS pulse_sketch
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_in';
-- Level: people_reader
CREATE FUNCTION pulse_sketch_out(pulse_sketch) RETURNS cstring
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_out';
-- Level: people_reader
CREATE FUNCTION pulse_sketch_recv(internal) RETURNS pulse_sketch
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_recv';
-- Level: people_reader
CREATE FUNCTION pulse_sketch_send(pulse_sketch) RETURNS bytea
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_send';
CREATE TYPE pulse_sketch (
    INPUT = pulse_sketch_in, OUTPUT = pulse_sketch_out, RECEIVE = pulse_sketch_recv, SEND = pulse_sketch_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = external
);
COMMENT ON TYPE pulse_sketch IS
'A set of members, kept as their smallest 64-bit hashes (bottom-k): exact up to pulse.sketch_size distinct members, an estimate with a known error beyond. It contains no ids. 20 bytes + 8 per hash.';
COMMENT ON FUNCTION pulse_sketch_in(cstring) IS 'Reads hexadecimal text. Errors: 22P02 not hexadecimal, XX001 not a sketch.';
COMMENT ON FUNCTION pulse_sketch_out(pulse_sketch) IS 'Prints hexadecimal text.';
COMMENT ON FUNCTION pulse_sketch_recv(internal) IS 'Reads the binary form. Errors: XX001 not a sketch.';
COMMENT ON FUNCTION pulse_sketch_send(pulse_sketch) IS 'Writes the binary form: "PSK1", capacity, limit, number of hashes, hashes; little-endian.';

-- Level: people_reader
CREATE FUNCTION pulse.sketch_agg_step(internal, "any") RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_sketch_agg_step';
-- Level: people_reader
CREATE FUNCTION pulse.sketch_agg_combine(internal, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_sketch_agg_combine';
-- Level: people_reader
CREATE FUNCTION pulse.sketch_agg_serialize(internal) RETURNS bytea
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_agg_serialize';
-- Level: people_reader
CREATE FUNCTION pulse.sketch_agg_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_agg_deserialize';
-- Level: people_reader
CREATE FUNCTION pulse.sketch_agg_final(internal, "any") RETURNS pulse_sketch
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_sketch_agg_final';
COMMENT ON FUNCTION pulse.sketch_agg_step(internal, "any") IS 'Part of the aggregate pulse_sketch_agg.';
COMMENT ON FUNCTION pulse.sketch_agg_combine(internal, internal) IS 'Part of the aggregate pulse_sketch_agg.';
COMMENT ON FUNCTION pulse.sketch_agg_serialize(internal) IS 'Part of the aggregate pulse_sketch_agg.';
COMMENT ON FUNCTION pulse.sketch_agg_deserialize(bytea, internal) IS 'Part of the aggregate pulse_sketch_agg.';
COMMENT ON FUNCTION pulse.sketch_agg_final(internal, "any") IS 'Part of the aggregate pulse_sketch_agg.';
-- Level: people_reader
CREATE AGGREGATE pulse_sketch_agg("any") (
    SFUNC = pulse.sketch_agg_step, STYPE = internal, SSPACE = 524288, FINALFUNC = pulse.sketch_agg_final, FINALFUNC_EXTRA,
    COMBINEFUNC = pulse.sketch_agg_combine, SERIALFUNC = pulse.sketch_agg_serialize,
    DESERIALFUNC = pulse.sketch_agg_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sketch_agg("any") IS
'Builds the sketch of all values that are not null; a value is hashed by hashtextextended(value::text, 0). Capacity: pulse.sketch_size. Returns the empty sketch without values.';

-- Level: people_reader
CREATE FUNCTION pulse.to_sketch(bytea) RETURNS pulse_sketch
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_to_sketch';
COMMENT ON FUNCTION pulse.to_sketch(bytea) IS 'Reads a sketch from its binary form. Errors: XX001 not a sketch.';
-- Level: people_reader
CREATE FUNCTION pulse_sketch_union(a pulse_sketch, b pulse_sketch) RETURNS pulse_sketch
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_union';
COMMENT ON FUNCTION pulse_sketch_union(pulse_sketch, pulse_sketch) IS
'The union of two sketches. Its capacity is the smaller of the two.';
-- Level: people_reader
CREATE FUNCTION pulse_sketch_cardinality(sketch pulse_sketch) RETURNS double precision
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_cardinality';
COMMENT ON FUNCTION pulse_sketch_cardinality(pulse_sketch) IS
'Distinct members: exact up to the capacity of the sketch, else estimated with the relative error pulse_sketch_error().';
-- Level: people_reader
CREATE FUNCTION pulse_sketch_error(sketch pulse_sketch) RETURNS double precision
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_error';
COMMENT ON FUNCTION pulse_sketch_error(pulse_sketch) IS 'Relative standard error of pulse_sketch_cardinality(); 0 when it is exact.';
-- Level: people_reader
CREATE FUNCTION pulse_sketch_overlap(a pulse_sketch, b pulse_sketch, OUT in_both double precision,
                                     OUT only_a double precision, OUT only_b double precision,
                                     OUT standard_error double precision) RETURNS record
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_overlap';
COMMENT ON FUNCTION pulse_sketch_overlap(pulse_sketch, pulse_sketch) IS
'The number of members in both sets, only in a, and only in b, with the standard error in members; 0 when exact.';
-- Level: people_reader
CREATE FUNCTION pulse.sketch_overlap(a pulse_sketch, b pulse_sketch, OUT in_both double precision,
                                     OUT only_a double precision, OUT only_b double precision,
                                     OUT standard_error double precision) RETURNS record
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_sketch_overlap';
COMMENT ON FUNCTION pulse.sketch_overlap(pulse_sketch, pulse_sketch) IS 'The function pulse_sketch_overlap() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- ---- Measuring in one scan ----

-- Level: reader
CREATE FUNCTION pulse.measure_step(internal, text, VARIADIC "any") RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_measure_step';
-- Level: reader
CREATE FUNCTION pulse.measure_combine(internal, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_measure_combine';
-- Level: reader
CREATE FUNCTION pulse.measure_serialize(internal) RETURNS bytea
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_measure_serialize';
-- Level: reader
CREATE FUNCTION pulse.measure_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_measure_deserialize';
-- Level: reader
CREATE FUNCTION pulse.measure_final(internal) RETURNS bytea
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_measure_final';
COMMENT ON FUNCTION pulse.measure_step(internal, text, VARIADIC "any") IS 'Part of the aggregate pulse.measure.';
COMMENT ON FUNCTION pulse.measure_combine(internal, internal) IS 'Part of the aggregate pulse.measure.';
COMMENT ON FUNCTION pulse.measure_serialize(internal) IS 'Part of the aggregate pulse.measure.';
COMMENT ON FUNCTION pulse.measure_deserialize(bytea, internal) IS 'Part of the aggregate pulse.measure.';
COMMENT ON FUNCTION pulse.measure_final(internal) IS 'Part of the aggregate pulse.measure.';
-- Level: reader
CREATE AGGREGATE pulse.measure(options text, VARIADIC "any") (
    SFUNC = pulse.measure_step, STYPE = internal, SSPACE = 1048576, FINALFUNC = pulse.measure_final,
    COMBINEFUNC = pulse.measure_combine, SERIALFUNC = pulse.measure_serialize,
    DESERIALFUNC = pulse.measure_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.measure(text, VARIADIC "any") IS
'Internal: measures a snapshot in one scan over (options, key, converted, last_active, attributes...). Null without rows. pulse_take_snapshot() calls it with the rights of the role that owns the definition.';

-- ---- Measuring on the shards of Citus ----

CREATE TYPE pulse.measurement;
-- Level: reader
CREATE FUNCTION pulse.measurement_in(cstring) RETURNS pulse.measurement
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_measurement_in';
-- Level: reader
CREATE FUNCTION pulse.measurement_out(pulse.measurement) RETURNS cstring
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_measurement_out';
CREATE TYPE pulse.measurement (
    INPUT = pulse.measurement_in, OUTPUT = pulse.measurement_out, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4,
    STORAGE = external
);
COMMENT ON TYPE pulse.measurement IS
'Internal: what pulse.measure_distributed() has counted so far. Measurements of parts can be combined. As text: hexadecimal, like a bytea.';
COMMENT ON FUNCTION pulse.measurement_in(cstring) IS 'Reads hexadecimal text. Errors: 22P02 not a measurement.';
COMMENT ON FUNCTION pulse.measurement_out(pulse.measurement) IS 'Prints hexadecimal text.';
-- Level: reader
CREATE FUNCTION pulse.measure_distributed_step(pulse.measurement, text, record) RETURNS pulse.measurement
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_measure_distributed_step';
-- Level: reader
CREATE FUNCTION pulse.measure_distributed_combine(pulse.measurement, pulse.measurement) RETURNS pulse.measurement
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_measure_distributed_combine';
COMMENT ON FUNCTION pulse.measure_distributed_step(pulse.measurement, text, record) IS 'Part of the aggregate pulse.measure_distributed.';
COMMENT ON FUNCTION pulse.measure_distributed_combine(pulse.measurement, pulse.measurement) IS 'Part of the aggregate pulse.measure_distributed.';
-- Level: reader
CREATE AGGREGATE pulse.measure_distributed(options text, "row" record) (
    SFUNC = pulse.measure_distributed_step, STYPE = pulse.measurement, SSPACE = 1048576,
    COMBINEFUNC = pulse.measure_distributed_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.measure_distributed(text, record) IS
'Internal: pulse.measure() with one record (key, converted, last_active, attributes...) a row, for relations that Citus distributes: it hands arguments of this form to the shards, and combines their states.';

-- ---- Counting clauses ----

-- Level: reader
CREATE FUNCTION pulse.count_clauses_step(internal, tid, VARIADIC "any") RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_count_clauses_step';
-- Level: reader
CREATE FUNCTION pulse.count_clauses_combine(internal, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_count_clauses_combine';
-- Level: reader
CREATE FUNCTION pulse.count_clauses_serialize(internal) RETURNS bytea
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_count_clauses_serialize';
-- Level: reader
CREATE FUNCTION pulse.count_clauses_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_count_clauses_deserialize';
-- Level: reader
CREATE FUNCTION pulse.count_clauses_final(internal) RETURNS double precision[]
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_count_clauses_final';
COMMENT ON FUNCTION pulse.count_clauses_step(internal, tid, VARIADIC "any") IS 'Part of the aggregate pulse.count_clauses.';
COMMENT ON FUNCTION pulse.count_clauses_combine(internal, internal) IS 'Part of the aggregate pulse.count_clauses.';
COMMENT ON FUNCTION pulse.count_clauses_serialize(internal) IS 'Part of the aggregate pulse.count_clauses.';
COMMENT ON FUNCTION pulse.count_clauses_deserialize(bytea, internal) IS 'Part of the aggregate pulse.count_clauses.';
COMMENT ON FUNCTION pulse.count_clauses_final(internal) IS 'Part of the aggregate pulse.count_clauses.';
-- Level: reader
CREATE AGGREGATE pulse.count_clauses(block tid, VARIADIC "any") (
    SFUNC = pulse.count_clauses_step, STYPE = internal, SSPACE = 512, FINALFUNC = pulse.count_clauses_final,
    COMBINEFUNC = pulse.count_clauses_combine, SERIALFUNC = pulse.count_clauses_serialize,
    DESERIALFUNC = pulse.count_clauses_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.count_clauses(tid, VARIADIC "any") IS
'Internal: number of rows, relative standard error of the number of members (0 unless ctid is given, for a sample), then per clause the rows that pass it and the rows that fail only it. pulse_take_snapshot() calls it.';

-- ---- Tables ----

-- Level: reader
CREATE FUNCTION pulse.entropy(counts bigint[], other bigint) RETURNS double precision
    LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_entropy';
COMMENT ON FUNCTION pulse.entropy(bigint[], bigint) IS
'Shannon''s entropy of values with these numbers of members, in bits: 0 when all have the same value, log2(n) when n values have equally many. other counts as one value. Null without members.';

-- Level: reader
CREATE TABLE pulse.snapshot (
    id bigserial PRIMARY KEY,
    segment_id bigint NOT NULL REFERENCES pulse.segment ON DELETE CASCADE,
    taken_at timestamptz NOT NULL,
    version int NOT NULL,
    source text,
    origin text NOT NULL DEFAULT 'measured' CHECK (origin IN ('measured', 'imported')),
    status text NOT NULL DEFAULT 'ok' CHECK (status IN ('ok', 'failed', 'incomplete')),
    size bigint,
    converted bigint,
    inactive bigint,
    entered bigint,
    exited bigint,
    flow_error double precision,
    size_before bigint,
    net_velocity bigint GENERATED ALWAYS AS (entered - exited) STORED,
    churn_rate double precision GENERATED ALWAYS AS
        (exited::double precision / nullif(coalesce(size_before, size - entered + exited), 0)::double precision) STORED,
    growth_rate double precision GENERATED ALWAYS AS
        (size::double precision / nullif(coalesce(size_before, size - entered + exited), 0)::double precision - 1::double precision) STORED,
    clauses text[],
    clause_passed bigint[],
    clause_missed_only bigint[],
    clause_rows bigint,
    clause_error double precision,
    columns jsonb,
    sketch pulse_sketch,  -- Level: people_reader
    duration_ms double precision,
    plan_cost double precision,
    missing text[],
    coverage double precision,
    overlap double precision,
    overlap_error double precision,
    error_state text,
    error text,  -- Level: people_reader
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (segment_id, taken_at)
);
CREATE INDEX snapshot_with_sketch ON pulse.snapshot (segment_id, taken_at) WHERE sketch IS NOT NULL;
COMMENT ON TABLE pulse.snapshot IS 'One row per segment and moment. Written by pulse_take_snapshot() and pulse_import_snapshot().';
COMMENT ON COLUMN pulse.snapshot.taken_at IS 'The time that the snapshot describes: pulse_now() when it was taken.';
COMMENT ON COLUMN pulse.snapshot.version IS 'The version of the definition that was measured.';
COMMENT ON COLUMN pulse.snapshot.source IS 'The pulse_source server that was read, or all servers of the definition, separated by commas; null: this database.';
COMMENT ON COLUMN pulse.snapshot.status IS 'ok; failed (it has no figures); incomplete: some of several servers are missing, see coverage and pulse.snapshot_source. Only those that are ok are compared.';
COMMENT ON COLUMN pulse.snapshot.coverage IS 'Of several servers: the share of the members that was measured; servers that are missing count with their last known size. 1: all were measured. Null for one source, and if a missing server has never been measured.';
COMMENT ON COLUMN pulse.snapshot.overlap IS 'Of several servers: by how much size exceeds the number of different keys because keys are on more than one of them, from the sketches. Each row counts in size.';
COMMENT ON COLUMN pulse.snapshot.overlap_error IS 'Standard error of overlap, in members; 0 when counted exactly.';
COMMENT ON COLUMN pulse.snapshot.converted IS 'Members for whom the definition''s "converted" is true; null without one.';
COMMENT ON COLUMN pulse.snapshot.inactive IS 'Members whose "last_active" is null or older than pulse.inactive_after; null without one.';
COMMENT ON COLUMN pulse.snapshot.entered IS 'Members that the previous snapshot does not contain; size change = entered - exited.';
COMMENT ON COLUMN pulse.snapshot.exited IS 'Members of the previous snapshot that this one does not contain.';
COMMENT ON COLUMN pulse.snapshot.flow_error IS 'Standard error of entered and exited, in members; 0 when counted exactly.';
COMMENT ON COLUMN pulse.snapshot.size_before IS 'Size of the good snapshot before, when this one was written; null: there was none.';
COMMENT ON COLUMN pulse.snapshot.net_velocity IS 'Members gained since the previous snapshot, negative when they were lost: entered - exited.';
COMMENT ON COLUMN pulse.snapshot.churn_rate IS 'Share of the previous snapshot''s members that left since: exited / size_before. 0.1 is 10 %; null if it was empty.';
COMMENT ON COLUMN pulse.snapshot.growth_rate IS 'Change of size since the previous snapshot relative to its size: (size - size_before) / size_before. -0.1 is a loss of 10 %; null if it was empty.';
COMMENT ON COLUMN pulse.snapshot.clauses IS 'The rule''s top-level clauses as canonical text.';
COMMENT ON COLUMN pulse.snapshot.clause_passed IS 'Per clause: rows that pass it, regardless of the other clauses.';
COMMENT ON COLUMN pulse.snapshot.clause_missed_only IS 'Per clause: rows that pass every other clause and fail only this one.';
COMMENT ON COLUMN pulse.snapshot.clause_rows IS 'Rows that the clause counts cover (scaled up when sampled).';
COMMENT ON COLUMN pulse.snapshot.clause_error IS 'Relative standard error of the clause counts; 0 when all rows were counted, above 0 for a sample.';
COMMENT ON COLUMN pulse.snapshot.sketch IS 'The sketch of the members, for entered, exited and overlap; 8 bytes x min(members, pulse.sketch_size).';
COMMENT ON COLUMN pulse.snapshot.missing IS 'What could not be measured, because its column is gone or of another type: "attribute region", "converted", "last_active". Everything else is measured. Null: nothing is missing.';
COMMENT ON COLUMN pulse.snapshot.error IS 'Why the snapshot failed, or why something or a server is missing.';
COMMENT ON COLUMN pulse.snapshot.columns IS 'Columns of the relation or query, {"name": "type"}; the detector schema_change compares them.';

-- Level: reader
CREATE TABLE pulse.snapshot_source (
    snapshot_id bigint NOT NULL REFERENCES pulse.snapshot ON DELETE CASCADE,
    source text NOT NULL,
    size bigint,
    error text,  -- Level: people_reader
    PRIMARY KEY (snapshot_id, source)
);
COMMENT ON TABLE pulse.snapshot_source IS 'One row per server of a snapshot that was measured on several servers.';
COMMENT ON COLUMN pulse.snapshot_source.size IS 'Members on this server; null: it was not measured.';
COMMENT ON COLUMN pulse.snapshot_source.error IS 'Why the server was not measured.';

-- Level: reader
CREATE TABLE pulse.distribution (
    snapshot_id bigint NOT NULL REFERENCES pulse.snapshot ON DELETE CASCADE,
    attribute text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('categorical', 'boolean', 'numeric', 'timestamp')),
    total bigint NOT NULL,
    nulls bigint NOT NULL,
    nans bigint,
    other bigint NOT NULL DEFAULT 0,
    distinct_values bigint,
    labels text[],  -- Level: people_reader
    edges double precision[],  -- Level: people_reader
    counts bigint[] NOT NULL,  -- Level: people_reader
    mean double precision,  -- Level: people_reader
    stddev double precision,  -- Level: people_reader
    minimum double precision,  -- Level: people_reader
    maximum double precision,  -- Level: people_reader
    quantiles double precision[],  -- Level: people_reader
    entropy double precision GENERATED ALWAYS AS (pulse.entropy(counts, other)) STORED,  -- Level: people_reader
    PRIMARY KEY (snapshot_id, attribute)
);
COMMENT ON TABLE pulse.distribution IS 'One row per snapshot and attribute. total = nulls + nans + other + sum(counts).';
COMMENT ON COLUMN pulse.distribution.total IS 'All members, with or without a value.';
COMMENT ON COLUMN pulse.distribution.nans IS 'Numeric: members whose value is NaN, in no interval, mean or quantile; else 0. Null in rows of versions that counted them as other.';
COMMENT ON COLUMN pulse.distribution.other IS 'Members whose value is not in labels; of an import also those without a listed value.';
COMMENT ON COLUMN pulse.distribution.labels IS 'Categorical and boolean: the values kept, most frequent first (ties by text).';
COMMENT ON COLUMN pulse.distribution.edges IS 'Numeric and timestamp: ascending inner edges, frozen by the first snapshot. n edges make n+1 intervals, each including its lower edge.';
COMMENT ON COLUMN pulse.distribution.counts IS 'Members per label, or per interval.';
COMMENT ON COLUMN pulse.distribution.mean IS 'Timestamps are measured as age in days at the snapshot''s moment.';
COMMENT ON COLUMN pulse.distribution.quantiles IS 'At 1, 5, 25, 50, 75, 95 and 99 %; relative error at most 1/128.';
COMMENT ON COLUMN pulse.distribution.entropy IS 'Shannon''s entropy in bits over the members with a value: of labels and other, or of the intervals. 0: all have the same; log2(n): n are equally frequent. Null without a value.';

-- Level: reader
CREATE FUNCTION pulse.fold_intervals(edges double precision[], counts bigint[], OUT folded_edges double precision[],
                                     OUT folded_counts bigint[])
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    members bigint := 0;
BEGIN
    folded_edges := '{}';
    folded_counts := '{}';
    FOR i IN 1..cardinality(counts) LOOP
        members := members + counts[i];
        IF i = cardinality(counts) THEN
            IF members < 10 AND cardinality(folded_counts) > 0 THEN
                members := members + folded_counts[cardinality(folded_counts)];
                folded_counts := trim_array(folded_counts, 1);
                folded_edges := trim_array(folded_edges, 1);
            END IF;
            folded_counts := folded_counts || members;
        ELSIF members >= 10 THEN
            folded_counts := folded_counts || members;
            folded_edges := folded_edges || edges[i];
            members := 0;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION pulse.fold_intervals(double precision[], bigint[]) IS
'Joins neighbouring intervals of a distribution until each has at least 10 members.';

-- Operators in the view below are resolved now. This search_path finds only PostgreSQL's own, even if other roles can create objects in Pulse's schema.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.folded_distribution WITH (security_barrier) AS
SELECT d.snapshot_id, d.attribute, d.kind, d.total, d.nulls, d.nans,
       d.other + coalesce(l.folded, 0)::bigint AS other, d.distinct_values,
       CASE WHEN d.kind IN ('categorical', 'boolean') THEN coalesce(l.labels, '{}') END AS labels,
       i.folded_edges AS edges, coalesce(i.folded_counts, l.counts, '{}') AS counts,
       CASE WHEN k.known >= 10 THEN d.mean END AS mean,
       CASE WHEN k.known >= 10 THEN d.stddev END AS stddev,
       q.quantiles,
       CASE WHEN k.known >= 10 THEN d.entropy END AS entropy
FROM pulse.distribution AS d
CROSS JOIN LATERAL (SELECT d.total - d.nulls - coalesce(d.nans, 0) AS known) AS k
LEFT JOIN LATERAL (SELECT array_agg(v.label ORDER BY v.place) FILTER (WHERE v.members >= 10) AS labels,
                          array_agg(v.members ORDER BY v.place) FILTER (WHERE v.members >= 10) AS counts,
                          sum(v.members) FILTER (WHERE v.members < 10) AS folded
                   FROM unnest(d.labels, d.counts) WITH ORDINALITY AS v (label, members, place)) AS l
    ON d.kind IN ('categorical', 'boolean')
LEFT JOIN LATERAL pulse.fold_intervals(d.edges, d.counts) AS i ON d.kind IN ('numeric', 'timestamp')
LEFT JOIN LATERAL (SELECT array_agg(CASE WHEN k.known * least(p.percent, 100 - p.percent) >= 1000 THEN d.quantiles[p.place] END
                                    ORDER BY p.place) AS quantiles
                   FROM unnest('{1,5,25,50,75,95,99}'::int[]) WITH ORDINALITY AS p (percent, place)) AS q
    ON d.quantiles IS NOT NULL;
COMMENT ON VIEW pulse.folded_distribution IS
'pulse.distribution without values of fewer than 10 members: rare labels count as other, neighbouring intervals are joined, a quantile is null unless at least 10 members are below and above it, and there is no minimum or maximum. For the level reader, which cannot read pulse.distribution.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

SELECT pg_catalog.pg_extension_config_dump('pulse.snapshot', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.snapshot_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.snapshot_source', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.distribution', '');

-- ---- Functions ----

-- Level: writer
CREATE FUNCTION pulse_take_snapshot(segment text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_take_snapshot';
COMMENT ON FUNCTION pulse_take_snapshot(text) IS
'Measures a segment as of pulse_now() and returns the id of the snapshot, or of the existing snapshot of that time. Errors: 42704 unknown segment, 55000 archived segment, 55P03 another session is measuring it, 57014 longer than pulse.statement_timeout, and errors of the definition''s SQL.';
-- Level: writer
CREATE FUNCTION pulse.take_snapshot(segment text)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_take_snapshot';
COMMENT ON FUNCTION pulse.take_snapshot(text) IS 'The function pulse_take_snapshot() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';
-- Level: writer
CREATE FUNCTION pulse_take_snapshots(OUT segment text, OUT snapshot bigint, OUT status text, OUT size bigint, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_take_snapshots';
COMMENT ON FUNCTION pulse_take_snapshots() IS
'Measures every active segment that is due: its cadence has passed since its last good snapshot, and monitoring is on. status: ok (with an error: something is missing, see pulse.snapshot.missing, or a server, see pulse.snapshot.coverage); failed (the error is in the snapshot row, the other segments are measured); skipped, with the reason (another session measures the segment, or its source cannot be read). A source that is unreachable, or fails three times in a row, is not tried again for its other segments.';
