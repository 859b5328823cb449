-- ---------------------------------------------------------------------------------------------------------
-- Room web: event sources with API keys of their own.

-- Level: reader
CREATE TABLE pulse.registered_source (
    name text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('website', 'server', 'sgtm', 'import', 'crm')),
    description text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE pulse.registered_source IS 'Event sources that pulse_create_event_source() made: names under which events come in, with API keys of their own (pulse.api_key.source). pulse.event_source counts the events of all names.';
COMMENT ON COLUMN pulse.registered_source.name IS 'The source of its events, as in pulse.event.';
COMMENT ON COLUMN pulse.registered_source.kind IS 'website: its keys are public, for browsers; server, sgtm (server-side Google Tag Manager), import, crm: its keys are of kind write.';
SELECT pg_catalog.pg_extension_config_dump('pulse.registered_source', '');
ALTER TABLE pulse.registered_source ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.registered_source FOR SELECT USING (true);

-- pulse_delete_event_source() and pulse_list_event_sources() find the keys of a source.
CREATE INDEX api_key_source ON pulse.api_key (source) WHERE source IS NOT NULL;

-- Level: admin
CREATE FUNCTION pulse_create_event_source(name text, role text, kind text DEFAULT 'server', description text DEFAULT NULL, expires timestamptz DEFAULT NULL,
                                          origins text[] DEFAULT NULL, rate bigint DEFAULT NULL, key text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_event_source';
COMMENT ON FUNCTION pulse_create_event_source(text, text, text, text, timestamptz, text[], bigint, text) IS
'Creates an event source and an API key that sends events under this source and does nothing else; returns the text of the key, which is shown only this once. kind is website (the key is public, for browsers), server, sgtm, import or crm (of kind write); role, expires, origins and rate are those of pulse_create_api_key(); key is the name of the key, that of the source if null. Errors: 42710 the source or the key exists, 22023 invalid name, kind or description, and those of pulse_create_api_key().';

-- Level: admin
CREATE FUNCTION pulse_update_event_source(name text, kind text DEFAULT NULL, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_event_source';
COMMENT ON FUNCTION pulse_update_event_source(text, text, text) IS
'Changes an event source. Null leaves a value as it is; an empty description removes it. A website, whose keys are public, and the other kinds change into each other only while the source has no keys. Errors: 42704 unknown source, 22023 invalid kind or description, 55000 it has keys of another kind, 25001 the transaction is REPEATABLE READ or SERIALIZABLE, 55P03 another transaction changes it.';

-- Level: admin
CREATE FUNCTION pulse_delete_event_source(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_event_source';
COMMENT ON FUNCTION pulse_delete_event_source(text) IS
'Deletes an event source and revokes its keys for good. Its events and their counters stay. Errors: 42704 unknown source, 25001 the transaction is REPEATABLE READ or SERIALIZABLE, 55P03 another transaction changes it or one of its keys.';

-- Level: reader
CREATE FUNCTION pulse_list_event_sources()
    RETURNS TABLE (name text, kind text, description text, keys int, accepted bigint, duplicates bigint, rejected bigint, first_event_at timestamptz,
                   last_event_at timestamptz, created_by text, created_at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_list_event_sources';
COMMENT ON FUNCTION pulse_list_event_sources() IS
'Lists the event sources that pulse_create_event_source() made: keys is the number of their keys that work; accepted, duplicates and rejected count all events that came in under the name, and first_event_at and last_event_at say when they came. pulse.event_source shows the names that were not created, too.';
