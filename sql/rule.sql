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
