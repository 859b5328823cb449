-- ---------------------------------------------------------------------------------------------------------
-- Room trait: definitions over profiles.

-- Level: reader
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
COMMENT ON TABLE pulse.trait IS 'One row per computed trait. Changed only by pulse_create_trait() and related functions.';
COMMENT ON COLUMN pulse.trait.expression IS 'In canonical form.';
COMMENT ON COLUMN pulse.trait.type IS 'One of boolean, number, text, timestamp, list, json (any value of a property).';

-- Level: reader
CREATE TABLE pulse.trait_version (
    trait_id bigint NOT NULL REFERENCES pulse.trait ON DELETE CASCADE,
    version int NOT NULL,
    expression text NOT NULL,
    change text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (trait_id, version)
);
COMMENT ON TABLE pulse.trait_version IS 'All expressions that a trait has had, with the role that made the change, the time, and a description of the change.';

-- Level: reader
CREATE TABLE pulse.metric (
    id bigserial PRIMARY KEY,
    text text COLLATE "C" NOT NULL,
    built_to bigint,
    after_profile bigint NOT NULL,
    lost_before timestamptz,
    created_at timestamptz NOT NULL,
    EXCLUDE USING hash (text WITH =)  -- a btree cannot hold texts of more than 2.7 kB
);
COMMENT ON TABLE pulse.metric IS 'The aggregates of events that traits and segments use, one row each, however many definitions share it.';
COMMENT ON COLUMN pulse.metric.text IS 'Canonical text, e.g. events.purchase.count(30d).';
COMMENT ON COLUMN pulse.metric.built_to IS 'Profiles up to this id have the metric in their state; null: all of them.';
COMMENT ON COLUMN pulse.metric.after_profile IS 'Profiles above this id were created after the metric and have had it from the start.';
COMMENT ON COLUMN pulse.metric.lost_before IS 'Retention has dropped events before this instant while the metric was stored: values that reach back further may still count them until they are read again.';

-- Level: reader
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
COMMENT ON TABLE pulse.live_segment IS 'Versions of profile segments that are kept up to date: the live one and, while it is being built, the next one.';
COMMENT ON COLUMN pulse.live_segment.version IS 'The version of the segment''s definition. A change of a trait or segment that it uses creates a new row, too.';
COMMENT ON COLUMN pulse.live_segment.rule IS 'Canonical text, in which traits and segments are replaced by their definitions.';
COMMENT ON COLUMN pulse.live_segment.built_to IS 'Profiles up to this id are evaluated; null: all of them.';
COMMENT ON COLUMN pulse.live_segment.after_profile IS 'Profiles above this id were created after this row and are always evaluated.';

-- Level: reader
CREATE TABLE pulse.definition (
    version bigint NOT NULL
);
ALTER TABLE pulse.definition REPLICA IDENTITY FULL;
INSERT INTO pulse.definition VALUES (1);
COMMENT ON TABLE pulse.definition IS 'One row. Invalidated (and locked) whenever a trait, a metric, a live segment or a flag changes.';

SELECT pg_catalog.pg_extension_config_dump('pulse.trait', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.trait_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.trait_version', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.metric', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.metric_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.live_segment', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.live_segment_id_seq', '');

-- Level: operator
CREATE FUNCTION pulse_create_trait(key text, expression text, description text DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_trait';
COMMENT ON FUNCTION pulse_create_trait(text, text, text) IS
'Creates a trait of people and returns its id. The expression is rule text such as events.purchase.sum(total, 30d), or JSON such as {"function": "sum", "event": "purchase", "property": "total", "window_days": 30}. Errors: 22023 not a name for a trait, 42710 name taken, 42601 syntax, 42704 unknown trait or segment, 42804 types, 42P17 the definition refers to itself, 55P03 a transaction that writes events is open for too long.';

-- Level: operator
CREATE FUNCTION pulse_update_trait(key text, expression text DEFAULT NULL, description text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_trait';
COMMENT ON FUNCTION pulse_update_trait(text, text, text) IS
'Changes a trait and returns its version: null leaves a value as it is, an empty description removes it. Another expression creates a new version and must be valid for everything that uses the trait. Errors: as for pulse_create_trait(), and 42704 unknown trait.';

-- Level: operator
CREATE FUNCTION pulse_delete_trait(key text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_trait';
COMMENT ON FUNCTION pulse_delete_trait(text) IS
'Deletes a trait and its versions. Errors: 42704 unknown trait, 2BP01 the trait is used (the detail lists its dependents).';

-- Level: reader
CREATE FUNCTION pulse_list_traits()
    RETURNS TABLE (key text, expression text, type text, version int, description text, used_by text[], updated_at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_list_traits';
COMMENT ON FUNCTION pulse_list_traits() IS 'Lists all traits by name, with the traits, segments and flags that use each.';

-- Level: reader
CREATE FUNCTION pulse_dependencies()
    RETURNS TABLE (kind text, name text, uses_kind text, uses text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 200 AS 'MODULE_PATHNAME', 'pulse_dependencies';
COMMENT ON FUNCTION pulse_dependencies() IS
'Lists the direct references of every trait, profile segment and flag: kind and name of the definition; kind (trait, segment, macro as rfm.group, event, attribute or account attribute) and name of the referenced object, * for any event.';

-- Level: reader
CREATE VIEW pulse.dependency AS SELECT kind, name, uses_kind, uses FROM @extschema@.pulse_dependencies();
COMMENT ON VIEW pulse.dependency IS 'Dependencies between definitions over people: the result of pulse_dependencies().';

-- Level: people_reader
CREATE FUNCTION pulse_test_expression(expression text, "user" text)
    RETURNS TABLE (depth int, part text, value text, note text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_test_expression';
COMMENT ON FUNCTION pulse_test_expression(text, text) IS
'Evaluates an expression for one person as of pulse_now(), without saving anything: returns each part with its value, down to the aggregates of events and attributes, and when it will change without a new event. Traits and segments are expanded into their definitions. Errors: as for pulse_create_trait(), and 42704 no person with that id.';

-- Level: people_reader
CREATE FUNCTION pulse_explain_membership("user" text, segment text)
    RETURNS TABLE (item text, part text, value text, note text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 30 AS 'MODULE_PATHNAME', 'pulse_explain_membership';
COMMENT ON FUNCTION pulse_explain_membership(text, text) IS
'Explains why a person is or is not a member of a profile segment as of pulse_now(): the verdict and its start, every part of the rule with its value, up to 20 counted events of each aggregate, and when the result will next change without a new event. Errors: 42704 unknown segment, or no person with that id; 42809 a segment over a relation.';
