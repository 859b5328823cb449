-- ---------------------------------------------------------------------------------------------------------
-- Room diagnosis: what changed, why it likely changed, what to do next.

-- Level: people_reader
CREATE FUNCTION pulse_explain_incident(incident bigint)
    RETURNS TABLE (explanation text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 40 AS 'MODULE_PATHNAME', 'pulse_explain_incident';
COMMENT ON FUNCTION pulse_explain_incident(bigint) IS
'Explains an incident in plain sentences, one line of at most 100 columns per row: what changed, the likely causes (with confidence and evidence), where the change lies, what to do (with the SQL for it). The same data gives the same text. Errors: 42704 unknown incident, 22004 null.';

-- Level: people_reader
CREATE FUNCTION pulse_diagnose_incident(incident bigint) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_diagnose_incident';
COMMENT ON FUNCTION pulse_diagnose_incident(bigint) IS
'The diagnosis behind pulse_explain_incident(): {incident, segment, title, what_changed[], since, evidence[], attribution[], attribution_of, hypotheses[] (the likeliest first, confidence 0 to 1, evidence by id), recommendations[] (action, reason, priority, sql), related_incidents[]}. pulse_diagnose_incidents() stores it. Errors: 42704 unknown incident, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_diagnose_incidents()
    RETURNS TABLE (incident bigint, "group" bigint, segment text, cause text, confidence double precision, sentence text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_diagnose_incidents';
COMMENT ON FUNCTION pulse_diagnose_incidents() IS
'Diagnoses every live incident, stores the diagnosis with it, groups incidents that share a cause, and returns the likeliest cause of each. Errors: none of its own.';
-- Level: operator
CREATE FUNCTION pulse.diagnose_incidents()
    RETURNS TABLE (incident bigint, "group" bigint, segment text, cause text, confidence double precision, sentence text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_diagnose_incidents';
COMMENT ON FUNCTION pulse.diagnose_incidents() IS 'The function pulse_diagnose_incidents() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: reader
CREATE FUNCTION pulse_list_unused_segments()
    RETURNS TABLE (segment text, size bigint, since timestamptz, evidence text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_list_unused_segments';
COMMENT ON FUNCTION pulse_list_unused_segments() IS
'Lists by name the segments, except archived ones, that no flag, trait, other segment, route, subscription or consumer of changes uses, and that nobody has changed, and of which nobody has handled an incident, for pulse.unused_after up to pulse_now(): since is the last time somebody did. Queries that read a segment are not recorded. Errors: none of its own.';
