-- ---------------------------------------------------------------------------------------------------------
-- Room rule: the rule language.

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
