-- ---------------------------------------------------------------------------------------------------------
-- Room report: what Pulse knows, as one file for people.

-- Level: reader
CREATE TABLE pulse.report (
    id bigserial PRIMARY KEY,
    route_id bigint NOT NULL,
    route text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('daily', 'weekly')),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    runs_as name NOT NULL,
    made_at timestamptz NOT NULL,
    file_name text NOT NULL,
    bytes bigint NOT NULL,
    attached boolean NOT NULL,
    subject text NOT NULL,  -- Level: people_reader
    summary text NOT NULL,  -- Level: people_reader
    mail_text text,  -- Level: people_reader
    mail_html text,  -- Level: people_reader
    content text,  -- Level: people_reader
    messages bigint[] NOT NULL DEFAULT '{}',
    UNIQUE (route_id, until)
);
CREATE INDEX report_content ON pulse.report (id) WHERE content IS NOT NULL;
CREATE INDEX report_made ON pulse.report (made_at);
COMMENT ON TABLE pulse.report IS
'The reports that routes send, one row per route and period: written with their messages in one transaction, so each is sent once. Kept for pulse.message_retention, the newest of each route for as long as the route.';
COMMENT ON COLUMN pulse.report.route IS 'The name of the route when the report was made.';
COMMENT ON COLUMN pulse.report.since IS 'The beginning of the period; until: its end, exclusive.';
COMMENT ON COLUMN pulse.report.options IS 'The options of pulse_report() that make it again.';
COMMENT ON COLUMN pulse.report.runs_as IS 'The role as which it was made.';
COMMENT ON COLUMN pulse.report.bytes IS 'The size of the file.';
COMMENT ON COLUMN pulse.report.attached IS 'Whether mails carry the file: it is not larger than pulse.max_attachment.';
COMMENT ON COLUMN pulse.report.summary IS 'The text for channels that take no mail.';
COMMENT ON COLUMN pulse.report.messages IS 'Its messages in pulse.outbox, one for each channel.';
COMMENT ON COLUMN pulse.report.content IS 'The file, compressed by PostgreSQL, once for all channels; removed when all messages are sent.';
SELECT pg_catalog.pg_extension_config_dump('pulse.report', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.report_id_seq', '');
ALTER TABLE pulse.report ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.report FOR SELECT USING (true);

-- Level: reader
CREATE FUNCTION pulse_report(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, options jsonb DEFAULT NULL) RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_report';
COMMENT ON FUNCTION pulse_report(timestamptz, timestamptz, jsonb) IS
'Returns a report of a period as one HTML file, to send, print or keep: what is wrong now and what changed since the period before, segments with their expected size, incidents with causes and advice, tables, events and their quality, audiences, trust and waiting actions, messages, the mission, and the SQL behind it. Charts are inline SVG; the file has no script and refers to nothing outside of itself. since is exclusive for snapshots, incidents and messages; until (default: pulse_now()) is inclusive for them; default of since: 7 days before until.
options: segments, a name, a pattern such as "shop*", or a list of them, restricts segments, incidents, audiences and campaigns; sections, a list of segments, incidents, tables, events, audiences, trust, messages, mission and sql (default: all); title; time_zone (default: pulse.timezone); limit, the most rows of each list, 1 to 200 (default: 20; the worst come first, and the report says how many more there are). The file has at most 4 MB.
It shows what the caller may see: causes, advice and texts of errors from the level people_reader on. Its figures come from the snapshot of the calling statement; state and causes are those of now. Errors: 22023 an empty period, one that ends in the future, is infinite or longer than ten years, an unknown option, section or time zone, 42704 no such segment, 54000 more than 10000 segments.';
REVOKE EXECUTE ON FUNCTION pulse_report(timestamptz, timestamptz, jsonb) FROM PUBLIC;
