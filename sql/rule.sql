-- ---------------------------------------------------------------------------------------------------------
-- Room rule: the rule language.

-- Level: reader
CREATE FUNCTION pulse.to_moment(value jsonb) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_to_moment_jsonb';
COMMENT ON FUNCTION pulse.to_moment(jsonb) IS
'Converts a property or attribute to a timestamp, as rules do: an ISO 8601 date or timestamp in a text (without an offset it is UTC), or a number of seconds since 1970, from 100000000000 on of milliseconds. Null for anything else; never an error.';

-- Level: reader
CREATE FUNCTION pulse.to_moment(seconds numeric) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_to_moment_numeric';
COMMENT ON FUNCTION pulse.to_moment(numeric) IS
'Converts seconds since 1970 to a timestamp, rounded to the microsecond; null outside the years 1 to 9999.';

-- Level: reader
CREATE FUNCTION pulse.to_number(value jsonb) RETURNS numeric
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_to_number';
COMMENT ON FUNCTION pulse.to_number(jsonb) IS
'Converts a property or attribute to a number, as rules do. Null for anything else, and beyond 1e300, where a calculation could overflow; never an error.';

-- Level: reader
CREATE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_compare';
COMMENT ON FUNCTION pulse.compare(jsonb, jsonb) IS
'Compares two properties or attributes, as <, <=, > and >= do in rules. The result is below 0, 0 or above 0. Two times (as pulse.to_moment() reads them) are compared as times, two numbers as numbers, two other texts as texts. Null for all other values, for example a time and another text; never an error.';

-- Level: reader
CREATE FUNCTION pulse.equal(a jsonb, b jsonb) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_equal';
COMMENT ON FUNCTION pulse.equal(jsonb, jsonb) IS
'Says whether two properties or attributes are equal, as = does in rules. Two times (as pulse.to_moment() reads them) are compared as times, other values by their JSON type. Null for values of different types; never an error.';

-- Level: reader
CREATE FUNCTION pulse.version_key(version text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_version_key';
COMMENT ON FUNCTION pulse.version_key(text) IS
'Converts a semantic version to a text that sorts bytewise (COLLATE "C") as semver.org orders versions. Accepts a v before it and missing parts (v2.10 is 2.10.0); builds do not count. Null for anything else; never an error.';

-- Level: reader
CREATE FUNCTION pulse.to_inet(address text) RETURNS inet
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'pulse_to_inet';
COMMENT ON FUNCTION pulse.to_inet(text) IS
'Converts an IPv4 or IPv6 address, or a network such as 10.0.0.0/8, to inet. Null for anything else; never an error.';

-- Level: reader
CREATE FUNCTION pulse.each_element(list jsonb, condition text) RETURNS boolean[]
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'pulse_each_element';
COMMENT ON FUNCTION pulse.each_element(jsonb, text) IS
'Evaluates a condition for each element of a JSON list, as any() and all() do in rules: true = ANY (...) and true = ALL (...) of the result. The condition is a SQL expression over $1, the element, with the rights of the caller. Null for anything but a list. Errors: 42804 the condition is not boolean.';

-- Level: reader
CREATE FUNCTION pulse_validate_rule(rule text)
    RETURNS TABLE (canonical text, type text, clauses text[], traits text[], segments text[], attributes text[], account_attributes text[],
                   metrics text[], sql text, until text, metric_sql text[], metric_until text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_profile_rule_text';
COMMENT ON FUNCTION pulse_validate_rule(text) IS
'Checks a rule about people (text, or JSON in quotes): returns its canonical text, the type of its value, its top-level conditions, the traits and segments it references, the attributes and metrics it reads (also through these), its SQL over s.attributes, s.account, s.context and s.metric_1, ..., until (SQL of the first time after now at which the value can change without a new event while the metrics keep their values), and the value and until of each metric as SQL over events e of the person s.id. Errors: 42601 syntax, with the position; 42703 unknown name; 42704 unknown trait or segment; 42804 types; 42P17 circular definitions; 2201B invalid regular expression; 0A000 not available in rules; 54000 too large.';

-- Level: reader
CREATE FUNCTION pulse_validate_rule(rule jsonb)
    RETURNS TABLE (canonical text, type text, clauses text[], traits text[], segments text[], attributes text[], account_attributes text[],
                   metrics text[], sql text, until text, metric_sql text[], metric_until text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_profile_rule_jsonb';
COMMENT ON FUNCTION pulse_validate_rule(jsonb) IS
'Checks a JSON rule about people, {"rules": [{"field", "operator", "value"}, ...], "logicalOperator": "AND" | "OR", "groups": [...]}, as pulse_validate_rule(text) does.';

-- Level: reader
CREATE FUNCTION pulse_validate_rule(rule text, relation regclass)
    RETURNS TABLE (canonical text, columns text[], sql text, clauses text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_rule_text';
COMMENT ON FUNCTION pulse_validate_rule(text, regclass) IS
'Checks a rule (text, or JSON in quotes) against the columns of a relation: returns its canonical text, the columns it reads, its SQL over the alias s, and its top-level conditions. An error names the position, the problem and what is valid. The caller needs SELECT on the relation.';

-- Level: reader
CREATE FUNCTION pulse_validate_rule(rule jsonb, relation regclass)
    RETURNS TABLE (canonical text, columns text[], sql text, clauses text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_validate_rule_jsonb';
COMMENT ON FUNCTION pulse_validate_rule(jsonb, regclass) IS
'Checks a JSON rule, {"rules": [{"field", "operator", "value"}, ...], "logicalOperator": "AND" | "OR", "groups": [...]}, as pulse_validate_rule(text, regclass) does.';
