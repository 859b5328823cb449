-- ---------------------------------------------------------------------------------------------------------
-- Room rule: the rule language.

CREATE FUNCTION pulse.to_moment(value jsonb) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_to_moment_jsonb';
COMMENT ON FUNCTION pulse.to_moment(jsonb) IS
'A property or attribute as an instant, as rules read it: an ISO 8601 date or timestamp in a text (without an offset it is UTC), or a number of seconds since 1970, from 100000000000 on of milliseconds. Null for anything else; never an error.';

CREATE FUNCTION pulse.to_moment(seconds numeric) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_to_moment_numeric';
COMMENT ON FUNCTION pulse.to_moment(numeric) IS
'The first instant that is not earlier than so many seconds since 1970; null outside the years 1 to 9999.';

CREATE FUNCTION pulse.to_number(value jsonb) RETURNS numeric
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_to_number';
COMMENT ON FUNCTION pulse.to_number(jsonb) IS
'A property or attribute as a number, as rules read it. Null for anything else, and beyond 1e300, with which no calculation could be sure not to fail; never an error.';

CREATE FUNCTION pulse_validate_rule(rule text)
    RETURNS TABLE (canonical text, type text, clauses text[], traits text[], segments text[], attributes text[], account_attributes text[],
                   metrics text[], sql text, until text, metric_sql text[], metric_until text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_profile_rule_text';
COMMENT ON FUNCTION pulse_validate_rule(text) IS
'Checks a rule about people (text, or JSON in quotes): its canonical text, the type of its value, its top-level conditions, the traits and segments it names, the attributes and metrics it reads with what it names, its SQL over s.attributes, s.account, s.context and s.metric_1, ..., the SQL of the first instant after now at which the clock alone can change it while the metrics keep their values, and each metric''s value and until as SQL over events e of the person s.id. Errors: 42601 syntax, with the position; 42703 unknown name; 42704 unknown trait or segment; 42804 types; 42P17 circle; 2201B invalid regular expression; 0A000 not available in rules; 54000 too large.';

CREATE FUNCTION pulse_validate_rule(rule jsonb)
    RETURNS TABLE (canonical text, type text, clauses text[], traits text[], segments text[], attributes text[], account_attributes text[],
                   metrics text[], sql text, until text, metric_sql text[], metric_until text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_profile_rule_jsonb';
COMMENT ON FUNCTION pulse_validate_rule(jsonb) IS
'Checks a JSON rule about people, {"rules": [{"field", "operator", "value"}, ...], "logicalOperator": "AND" | "OR", "groups": [...]}, as pulse_validate_rule(text) does.';

CREATE FUNCTION pulse_validate_rule(rule text, relation regclass)
    RETURNS TABLE (canonical text, columns text[], sql text, clauses text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_rule_text';
COMMENT ON FUNCTION pulse_validate_rule(text, regclass) IS
'Checks a rule (text, or JSON in quotes) against the columns of a relation: its canonical text, the columns it reads, its SQL over the alias s, and its top-level conditions. Raises an error with the position, what is wrong and what is valid. The caller needs SELECT on the relation.';

CREATE FUNCTION pulse_validate_rule(rule jsonb, relation regclass)
    RETURNS TABLE (canonical text, columns text[], sql text, clauses text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_rule_jsonb';
COMMENT ON FUNCTION pulse_validate_rule(jsonb, regclass) IS
'Checks a JSON rule, {"rules": [{"field", "operator", "value"}, ...], "logicalOperator": "AND" | "OR", "groups": [...]}, as pulse_validate_rule(text, regclass) does.';
