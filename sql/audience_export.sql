-- ---------------------------------------------------------------------------------------------------------
-- Room audience: exports of people with chosen columns.

-- Level: people_reader
CREATE FUNCTION pulse_export_audience(segment text, format text DEFAULT 'csv', options jsonb DEFAULT '{}')
    RETURNS TABLE (id bigint, segment text, filename text, users bigint, bytes bigint, etag text, created_by text, created_at timestamptz,
                   kept_until timestamptz, token text, expires_at timestamptz, state text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_export_audience';
COMMENT ON FUNCTION pulse_export_audience(text, text, jsonb) IS
'Writes the members of a segment over people at pulse_now(), or everybody (null), into a file of the format csv or jsonl, ordered by profile_id, and returns it as pulse_export_segment() does. Options: columns, a list of profile_id, external_id, since, first_seen_at, last_seen_at, event_count, segments, lifecycle, rfm.group and the other names of rfm, identity.KIND, profile.NAME, profile.*, trait.KEY, trait.*, and objects as {"name": "spent", "rule": "an expression over people"};
events (true, or an object with days, default 30, at most 365; most, default 100, at most 1000; names): the newest events of each person in a column of their own; hashed (true): ids as SHA-256 of their normal forms; consent: only people with live consent for this purpose; filters: those of pulse_find_profiles(); where: a rule over people; background (true): the job exports writes the file soon, with the people of that moment; state is queued until it is ready or failed, and the token is valid then. In a CSV file a value that a spreadsheet would run begins with an apostrophe.
Errors: 42704 unknown segment, trait, kind of ids or purpose, 42809 a segment over a relation or query, 55000 a draft or archived, 42501 the caller may not see people, 22023 an invalid format or option, 42601 and 42703 an invalid rule, 54000 more files or bytes than pulse.max_exports and pulse.max_export_size allow, 55P03 another transaction finishes an export, 40001 a person in the file was erased while it was written: try again.';
