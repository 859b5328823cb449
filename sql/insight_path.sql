-- ---------------------------------------------------------------------------------------------------------
-- Room insight: what people do before and after an event.

-- Level: reader
CREATE FUNCTION pulse_paths(event text, direction text DEFAULT 'next', depth bigint DEFAULT 3, top bigint DEFAULT 5, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
                            session_gap interval DEFAULT '30 minutes', ignored text[] DEFAULT NULL, event_where text DEFAULT NULL)
    RETURNS TABLE (step bigint, before text[], name text, kind text, sessions bigint, people bigint, share double precision, share_of_all double precision)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_paths';
COMMENT ON FUNCTION pulse_paths(text, text, bigint, bigint, timestamptz, timestamptz, interval, text[], text) IS
'Returns what people do next after an event, or before it (direction: next, previous), as a tree: one row for each step, with the names of the steps before it. A session ends where the next event of the person is
later than session_gap. Its path begins with the first event of that name (previous: the last one), and has the next depth events of the session; repeats right after each other count once. kind: start, event,
end (the session has no further event), other (events beyond the top most frequent ones). sessions, people: with this beginning; of others, people is null. share: of the sessions with the step before;
share_of_all: of all. since (default 30 days ago), until: events of that time only, up to pulse_now(). ignored: names of events left out. event_where: a rule over the properties of the event that paths begin
with. Merged profiles count as one person. Below the level people_reader, steps of fewer than 10 people count as others, numbers below 10 are null, and rules are refused. Errors: 22004 no event; 22023 unknown direction, numbers
or times out of range, the event is ignored; 42501 a rule without the level people_reader; 42601 syntax of a rule; 0A000 a rule about something else; 54000 the tree would be too large, too many ignored names.';
