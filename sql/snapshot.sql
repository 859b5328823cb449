-- ---------------------------------------------------------------------------------------------------------
-- Room snapshot: what a segment looked like at a moment.

CREATE TABLE pulse.snapshot (
    id bigserial PRIMARY KEY,
    segment_id bigint NOT NULL REFERENCES pulse.segment ON DELETE CASCADE,
    taken_at timestamptz NOT NULL,
    version int NOT NULL,
    origin text NOT NULL DEFAULT 'measured' CHECK (origin IN ('measured', 'imported')),
    status text NOT NULL DEFAULT 'ok' CHECK (status IN ('ok', 'failed')),
    size bigint,
    converted bigint,
    inactive bigint,
    entered bigint,
    exited bigint,
    flow_error double precision,
    clauses text[],
    clause_passed bigint[],
    clause_missed_only bigint[],
    clause_rows bigint,
    clause_error double precision,
    columns jsonb,
    sketch bytea,  -- becomes pulse_sketch
    duration_ms double precision,
    plan_cost double precision,
    error_state text,
    error text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (segment_id, taken_at)
);
COMMENT ON TABLE pulse.snapshot IS 'One row per segment and moment. Written by pulse_take_snapshot() and pulse_import_snapshot().';
COMMENT ON COLUMN pulse.snapshot.taken_at IS 'The moment the snapshot is of: pulse_now() when it was taken.';
COMMENT ON COLUMN pulse.snapshot.version IS 'The version of the definition that was measured.';
COMMENT ON COLUMN pulse.snapshot.converted IS 'Members for whom the definition''s "converted" is true; null without one.';
COMMENT ON COLUMN pulse.snapshot.inactive IS 'Members whose "last_active" is null or older than pulse.inactive_after; null without one.';
COMMENT ON COLUMN pulse.snapshot.entered IS 'Members that were not in the previous snapshot; size change = entered - exited.';
COMMENT ON COLUMN pulse.snapshot.exited IS 'Members of the previous snapshot that are gone.';
COMMENT ON COLUMN pulse.snapshot.flow_error IS 'Standard error of entered and exited, in members; 0 when counted exactly.';
COMMENT ON COLUMN pulse.snapshot.clauses IS 'The rule''s top-level clauses, canonical text.';
COMMENT ON COLUMN pulse.snapshot.clause_passed IS 'Per clause: rows that pass it alone.';
COMMENT ON COLUMN pulse.snapshot.clause_missed_only IS 'Per clause: rows that pass every other clause and miss membership by this one only.';
COMMENT ON COLUMN pulse.snapshot.clause_rows IS 'Rows the clause counts are about (scaled up when sampled).';
COMMENT ON COLUMN pulse.snapshot.clause_error IS 'Relative standard error of the clause counts: 0 when counted in the same scan, above when sampled.';
COMMENT ON COLUMN pulse.snapshot.columns IS 'Columns of what was read, {"name": "type"}: with it a schema change can be named.';

CREATE TABLE pulse.distribution (
    snapshot_id bigint NOT NULL REFERENCES pulse.snapshot ON DELETE CASCADE,
    attribute text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('categorical', 'boolean', 'numeric', 'timestamp')),
    total bigint NOT NULL,
    nulls bigint NOT NULL,
    other bigint NOT NULL DEFAULT 0,
    distinct_values bigint,
    labels text[],
    edges double precision[],
    counts bigint[] NOT NULL,
    mean double precision,
    stddev double precision,
    minimum double precision,
    maximum double precision,
    quantiles double precision[],
    PRIMARY KEY (snapshot_id, attribute)
);
COMMENT ON TABLE pulse.distribution IS 'One row per snapshot and attribute. total = nulls + other + sum(counts).';
COMMENT ON COLUMN pulse.distribution.total IS 'Members, with and without a value.';
COMMENT ON COLUMN pulse.distribution.other IS 'Members with a value that is not kept by name.';
COMMENT ON COLUMN pulse.distribution.labels IS 'Categorical and boolean: the values kept, most frequent first (ties by text).';
COMMENT ON COLUMN pulse.distribution.edges IS 'Numeric and timestamp: ascending inner edges, frozen by the first snapshot. n edges make n+1 intervals, each including its lower edge.';
COMMENT ON COLUMN pulse.distribution.counts IS 'Members per label, or per interval.';
COMMENT ON COLUMN pulse.distribution.mean IS 'Timestamps are measured as age in days at the snapshot''s moment.';
COMMENT ON COLUMN pulse.distribution.quantiles IS 'At 1, 5, 25, 50, 75, 95 and 99 %; relative error at most 1/128.';

SELECT pg_catalog.pg_extension_config_dump('pulse.snapshot', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.snapshot_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.distribution', '');
