-- ---------------------------------------------------------------------------------------------------------
-- Room trait: finding people by a filter.

-- Level: people_reader
CREATE FUNCTION pulse_find_profiles(filter jsonb DEFAULT '{}', max bigint DEFAULT 50, after text DEFAULT NULL, skip bigint DEFAULT 0) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_find_profiles';
COMMENT ON FUNCTION pulse_find_profiles(jsonb, bigint, text, bigint) IS
'Finds people. Keys of the filter, which must all hold: query (a part of an id), ids, segments, any_segments and not_segments (in all of them, in any, in none), identity_kinds (has an id of each), first_seen_from and _to,
last_seen_from and _to (from, including it, to, excluding it), min_events and max_events; sort (created, first_seen, last_seen) and direction (desc, asc). Returns {"people": [{profile_id, user_id, email,
identities, first_seen_at, last_seen_at, events, segments}], "next", "examined", "complete"}. next: give it as after for the next page; null: there is none. A page looks at most at 20,000 people, so it can be
short or empty although next is not null. complete is false if the query matches more ids than are searched. skip: number of people to skip, up to 10,000. Times and numbers of events are those of
pulse.activity, about a minute behind; segments those of the last evaluation. Errors: 22023 unknown keys, values of a wrong kind, numbers out of range, or after is of another filter; 42704 unknown segment or
kind of ids; 54000 a list is too long.';

-- Level: people_reader
CREATE FUNCTION pulse_count_profiles(filter jsonb DEFAULT '{}')
    RETURNS TABLE (people bigint, exact boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_count_profiles';
COMMENT ON FUNCTION pulse_count_profiles(jsonb) IS
'Returns how many people a filter of pulse_find_profiles() matches. Looks at most at 20,000 people: if there are more, exact is false, and the number is estimated from the share of them that matches. Errors: as
for pulse_find_profiles().';

-- Level: reader
CREATE FUNCTION pulse_segment_statistics()
    RETURNS TABLE (segment text, members bigint, exact boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_segment_statistics';
COMMENT ON FUNCTION pulse_segment_statistics() IS
'Returns the number of members that each profile segment had at the last evaluations, largest first. Counted up to 10,000 and then exact; beyond, exact is false and the number is estimated from the statistics
that ANALYZE collects. A segment that is being built for the first time has none yet.';
