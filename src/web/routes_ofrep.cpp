// Decisions by the OpenFeature Remote Evaluation Protocol (OFREP), version 0.3.0.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// Ours are finer: what clients do not know is in the metadata.
#define PULSE_REASON                                                                           \
    "CASE d.reason WHEN 'OVERRIDE' THEN 'TARGETING_MATCH' WHEN 'PREREQUISITE' THEN 'DEFAULT' " \
    "WHEN 'HOLDOUT' THEN 'SPLIT' ELSE d.reason END"
// Everybody can read a public key: segments and rules are not for its holder.
#define PULSE_METADATA(kind)                                                              \
    "json_strip_nulls(CASE WHEN " kind                                                    \
    "::text = 'public' THEN json_build_object('version', d.version) "                     \
    "ELSE json_build_object('version', d.version, 'rule', d.rule, 'segment', d.segment, " \
    "'bucket', d.bucket, 'pulseReason', nullif(d.reason, " PULSE_REASON ")) END)"
// Whether the decision d came to a percentage, weights or a holdout and had no id for it: what it gives then
// is not the flag's answer.
#define PULSE_WITHOUT_ID(context)                                                  \
    "(SELECT (jsonb_typeof(" context " -> 'targetingKey') = 'string' AND " context \
    " ->> 'targetingKey' <> '') IS NOT TRUE AND EXISTS (SELECT FROM "              \
    "{v}.pulse_explain_decision(NULL::text, f.key, " context                       \
    ") AS e WHERE e.note = 'no id for bucketing') "                                \
    "AS missing OFFSET 0) AS id "
#define PULSE_DECISION(kind)                                                                                 \
    "CASE WHEN id.missing THEN json_build_object('key', f.key, 'errorCode', "                                \
    "'TARGETING_KEY_MISSING', 'errorDetails', 'The flag splits people by their id: the context "             \
    "needs a targetingKey.') ELSE json_build_object('key', f.key, 'value', d.value, 'reason', " PULSE_REASON \
    ", 'variant', d.variant, 'metadata', " PULSE_METADATA(kind) ") END"
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
         .sql = "SELECT " PULSE_DECISION(
             "$3") ", CASE WHEN id.missing THEN 400 ELSE 200 END AS status "
                   "FROM pulse.flag AS f CROSS JOIN LATERAL {v}.pulse_decide(NULL::text, f.key, $2::jsonb) AS d "
                   "CROSS JOIN LATERAL " PULSE_WITHOUT_ID(
                       "$2::jsonb") "WHERE f.key = $1::text AND " PULSE_SEEN("$3"),
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
         .sql = "SELECT json_build_object('flags', coalesce(json_agg(" PULSE_DECISION(
             "$2") " ORDER BY d.flag), '[]')) "
                   "FROM {v}.pulse_decide_all(NULL::text, $1::jsonb) AS d JOIN pulse.flag AS f ON f.key = d.flag "
                   "CROSS JOIN LATERAL " PULSE_WITHOUT_ID("$1::jsonb") "WHERE " PULSE_SEEN(
                       "$2") " "
                             "AND (jsonb_typeof($1::jsonb -> 'flags') IS DISTINCT FROM 'array' OR $1::jsonb -> 'flags' ? d.flag)",
         .parameters = {{"context", In::kBody, Type::kJson, true}, {"kind", In::kRequest}}},
    };
}

}  // namespace pulse::web
