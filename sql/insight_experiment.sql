-- ---------------------------------------------------------------------------------------------------------
-- Room insight: experiments.

-- Level: reader
CREATE FUNCTION pulse_experiment(flag text, metric text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, control text DEFAULT NULL, guardrails jsonb DEFAULT '[]',
                                 split jsonb DEFAULT NULL, confidence double precision DEFAULT 0.95, least_people bigint DEFAULT 100) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_experiment';
COMMENT ON FUNCTION pulse_experiment(text, text, timestamptz, timestamptz, text, jsonb, jsonb, double precision, bigint) IS
'Compares the variants of a flag by what people did after their first exposure (pulse.exposure) between since and until, up to pulse_now().
metric: the name of an event (the share of people who have one after the exposure), or a JSON object: {"event", "where", "within", "count": true or "sum": property} counts or adds up events; {"value": expression} takes a number of each person
as it is now, such as trait("spent"). Both may have "good": up or down, the direction that is better, and "name".
guardrails: a list of such metrics. control: the variant to compare with; default: the one named control, else the off variant. split: the expected shares, as {"control": 50, "new": 50}; default: those of the flag''s rule.
Returns an object. people: their number by variant. excluded: the people who saw several variants. sample_ratio: whether the variants have the expected shares (chi-square; a mismatch if p is below 0.001). For each metric and variant: value,
difference and lift, an interval that holds for one look, and a sequential_interval that holds however often you look. verdict, by the sequential interval: better, worse or unclear; unknown, with a note, below least_people people.
Below the level people_reader, figures of fewer than 10 people are null, a value must name an attribute, a trait or a segment, and rules are refused.
Errors: 22004 no flag or metric; 22023 unknown keys, values out of range, since not before until; 22P02 the metric is not valid JSON; 42501 a rule without the level people_reader; 42601 syntax of a rule; 42704 unknown flag, variant, trait
or segment; 42804 the value is not a number; 54000 too many guardrails, or a metric that is nested too deeply.';
