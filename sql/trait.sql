-- ---------------------------------------------------------------------------------------------------------
-- Room trait: definitions over profiles.

CREATE TABLE pulse.trait (
    id bigserial PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE CHECK (key ~ '^[A-Za-z_][A-Za-z0-9_]*$' AND char_length(key) <= 128),
    expression text NOT NULL,
    type text NOT NULL,
    version int NOT NULL DEFAULT 1,
    description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.trait IS 'One row per computed trait. Changed only through pulse_create_trait() and its siblings.';
COMMENT ON COLUMN pulse.trait.expression IS 'In canonical form.';
COMMENT ON COLUMN pulse.trait.type IS 'boolean, number, text, timestamp, list, or json (whatever the property holds).';

CREATE TABLE pulse.metric (
    id bigserial PRIMARY KEY,
    text text COLLATE "C" NOT NULL UNIQUE,
    built_to bigint,
    after_profile bigint NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.metric IS 'The aggregates of events that traits and segments use, each once however many use it.';
COMMENT ON COLUMN pulse.metric.text IS 'Canonical, e.g. events.purchase.count(30d).';
COMMENT ON COLUMN pulse.metric.built_to IS 'Profiles up to this id have it in their state; null: all have.';
COMMENT ON COLUMN pulse.metric.after_profile IS 'Profiles above this id came after the metric and always had it.';

CREATE TABLE pulse.live_segment (
    id bigserial PRIMARY KEY,
    segment_id bigint NOT NULL REFERENCES pulse.segment ON DELETE CASCADE,
    version int NOT NULL,
    rule text NOT NULL,
    status text NOT NULL CHECK (status IN ('building', 'live')),
    built_to bigint,
    after_profile bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    UNIQUE (segment_id, status)
);
COMMENT ON TABLE pulse.live_segment IS 'Versions of profile segments that are kept up to date: the live one, and beside it the next while it is built.';
COMMENT ON COLUMN pulse.live_segment.version IS 'That of the segment''s definition. A changed trait or segment that it uses makes a new row, too.';
COMMENT ON COLUMN pulse.live_segment.rule IS 'Canonical, with the definitions of the traits and segments it mentions in the place of their names.';
COMMENT ON COLUMN pulse.live_segment.built_to IS 'People up to this id are evaluated; null: all are.';
COMMENT ON COLUMN pulse.live_segment.after_profile IS 'People above this id came after it and always were evaluated.';

CREATE TABLE pulse.definition (
    version bigint NOT NULL
);
INSERT INTO pulse.definition VALUES (1);
COMMENT ON TABLE pulse.definition IS 'One row. Announced (and locked) whenever a trait, a metric, a live segment or a flag changes.';

SELECT pg_catalog.pg_extension_config_dump('pulse.trait', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.trait_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.metric', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.metric_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.live_segment', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.live_segment_id_seq', '');
