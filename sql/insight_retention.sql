-- ---------------------------------------------------------------------------------------------------------
-- Room insight: who comes back, and how often.

-- Level: reader
CREATE FUNCTION pulse_retention(first text, again text DEFAULT NULL, period text DEFAULT 'week', periods bigint DEFAULT 12, mode text DEFAULT 'exact',
                                recurring boolean DEFAULT false, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, time_zone text DEFAULT NULL,
                                by text DEFAULT NULL, first_where text DEFAULT NULL, again_where text DEFAULT NULL)
    RETURNS TABLE (value text, cohort date, people bigint, after bigint, returned bigint, share double precision, complete boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_retention';
COMMENT ON FUNCTION pulse_retention(text, text, text, bigint, text, boolean, timestamptz, timestamptz, text, text, text, text) IS
'Returns how many people of each cohort come back, up to pulse_now(). A cohort are the people whose first event `first` ever is in that day, week (from Monday) or month; with recurring, all who have one in it.
returned: the people with an event `again` in the period that is `after` periods later (0: the same period, not before the start). mode: exact (in that period) or unbounded (in it or later). Null as an event
stands for any event; first_where and again_where are rules over properties, as in amount > 10. since, until: cohorts whose period contains a moment between them; without since, the last twelve.
time_zone: default pulse.timezone. by: an expression over people, as profile.plan or segment("Valuable users"); value is its value now, for the 20 most frequent ones, else (other), or (none) without a value. complete: the period is over.
Merged profiles count as one person. Below the level people_reader, numbers below 10 are null, by must be a name, and rules are refused. Errors: 22023 unknown period, mode or time zone, an empty text, numbers
out of range, since not before until; 42501 a rule without the level people_reader; 42601 syntax of a rule; 42704 unknown segment or trait; 42804 types; 0A000 a rule about something else; 54000 too many cohorts.';

-- Level: reader
CREATE FUNCTION pulse_stickiness(event text DEFAULT NULL, period text DEFAULT 'month', since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, time_zone text DEFAULT NULL,
                                 event_where text DEFAULT NULL)
    RETURNS TABLE (begins date, active bigint, daily_active double precision, stickiness double precision, complete boolean, days bigint, people bigint, share double precision)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_stickiness';
COMMENT ON FUNCTION pulse_stickiness(text, text, timestamptz, timestamptz, text, text) IS
'Returns how many people are active on how many days of a week (from Monday) or month, up to pulse_now(): one row per period and number of days; share: of the people active in it. active: these people (WAU or
MAU); daily_active: the mean number of people a day (DAU), over the days that have begun; stickiness: DAU/MAU. Null as an event stands for any event; event_where is a rule over properties, as in amount > 10.
since, until: periods that contain a moment between them; without since, the last twelve. time_zone: default pulse.timezone. complete: the period is over. Merged profiles count as one person. Below the
level people_reader, numbers below 10 are null and rules are refused. Errors: 22023 unknown period or time zone, an empty text, since not before until; 42501 a rule without the level people_reader; 42601 syntax of a rule; 0A000 a rule about something else.';
