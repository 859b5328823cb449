// Decisions by the OpenFeature Remote Evaluation Protocol (OFREP), version 0.3.0.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// Ours are finer: what clients do not know is in the metadata.
#define PULSE_REASON                                                                           \
    "CASE d.reason WHEN 'OVERRIDE' THEN 'TARGETING_MATCH' WHEN 'PREREQUISITE' THEN 'DEFAULT' " \
    "WHEN 'HOLDOUT' THEN 'SPLIT' ELSE d.reason END"
#define PULSE_METADATA                                                                                \
    "json_strip_nulls(json_build_object('version', d.version, 'rule', d.rule, 'segment', d.segment, " \
    "'bucket', d.bucket, 'pulseReason', nullif(d.reason, " PULSE_REASON ")))"
// A public key sees flags that are public, and no other.
#define PULSE_SEEN(kind) "(" kind "::text <> 'public' OR f.definition -> 'public' = 'true')"

}  // namespace

std::vector<Route> OfrepRoutes() {
    return {
        {.method = "POST",
         .path = "/ofrep/v1/evaluate/flags/{key...}",
         .family = Family::kOfrep,
         .access = Access::kDecide,
         .read_only = true,
         .lane = Lane::kDecide,
         .summary = "Decides one flag",
         .sql = "SELECT json_build_object('key', f.key, 'value', d.value, 'reason', " PULSE_REASON
                ", 'variant', d.variant, 'metadata', " PULSE_METADATA ") "
                "FROM pulse.flag AS f CROSS JOIN LATERAL {v}.pulse_decide(NULL::text, f.key, $2::jsonb) AS d "
                "WHERE f.key = $1::text AND " PULSE_SEEN("$3"),
         .parameters = {{"key", In::kPath},
                        {"context", In::kBody, Type::kJson, true},
                        {"kind", In::kRequest}}},
        {.method = "POST",
         .path = "/ofrep/v1/evaluate/flags",
         .family = Family::kOfrep,
         .access = Access::kDecide,
         .read_only = true,
         .lane = Lane::kDecide,
         .tagged = true,
         .summary = "Decides all flags, or those that context.flags names",
         .sql =
             "SELECT json_build_object('flags', coalesce(json_agg(json_build_object('key', d.flag, 'value', "
             "d.value, 'reason', " PULSE_REASON ", 'variant', d.variant, 'metadata', " PULSE_METADATA
             ") ORDER BY d.flag), '[]')) "
             "FROM {v}.pulse_decide_all(NULL::text, $1::jsonb) AS d JOIN pulse.flag AS f ON f.key = d.flag "
             "WHERE " PULSE_SEEN("$2") " AND (jsonb_typeof($1::jsonb -> 'flags') IS DISTINCT FROM 'array' "
                                       "OR $1::jsonb -> 'flags' ? d.flag)",
         .parameters = {{"context", In::kBody, Type::kJson, true}, {"kind", In::kRequest}}},
    };
}

}  // namespace pulse::web
