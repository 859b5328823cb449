// Routes about consent: what people said for each purpose.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> ConsentRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/users/{userId}/consent", Access::kRead,
            "A person's consent for each purpose, now or as of a moment",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'consents', coalesce(json_agg(json_build_object('purpose', c.purpose, 'status', c.status, "
            "'granted', c.granted, 'since', c.since, 'expiresAt', c.expires_at, 'source', c.source, 'basis', c.basis, "
            "'textVersion', c.text_version, 'record', c.record_id)), '[]')) FROM {v}.pulse_consents_of($1::text, $2::timestamptz) AS c",
            {{"userId", In::kPath}, {.name = "at", .type = Type::kTime}}),
        PulseRoute(
            "GET", "/v1/users/{userId}/consent/history", Access::kRead,
            "What a person said about consent, newest first",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'records', coalesce(json_agg(h), '[]')) FROM {v}.pulse_consent_history($1::text, $2::bigint) AS h",
            {{"userId", In::kPath},
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000}}),
        PulseRoute(
            "POST", "/v1/users/{userId}/consent", Access::kWrite,
            "Records consent for a purpose, or its refusal",
            "SELECT json_build_object('record', {v}.pulse_set_consent($1::text, $2::text, $3::boolean, coalesce($4::jsonb, '{}')))",
            {{"userId", In::kPath},
             {"purpose", In::kBody, Type::kText, true},
             {"granted", In::kBody, Type::kBoolean, true},
             {"evidence", In::kBody, Type::kJson}}),
        PulseRoute(
            "GET", "/v1/consent", Access::kRead, "How many people gave consent, by purpose",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'purposes', coalesce(json_agg(c), '[]')) "
            "FROM {v}.pulse_consent_coverage() AS c"),
        PulseRoute(
            "GET", "/v1/consent/records", Access::kRead, "What people said about consent, the newest first",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'records', coalesce(json_agg(json_build_object('id', r.id::text, 'profileId', r.profile_id::text, 'purpose', r.purpose, "
            "'status', r.status, 'at', r.at, 'expiresAt', r.expires_at, 'recordedAt', r.recorded_at, 'recordedBy', r.recorded_by, 'source', r.source) ORDER BY r.id DESC), '[]'), "
            "'next', CASE WHEN count(*) = $2::bigint THEN min(r.id)::text END) FROM (SELECT * FROM pulse.consent_record AS c WHERE c.id < coalesce($1::bigint, 9223372036854775807) "
            "ORDER BY c.id DESC LIMIT $2::bigint) AS r",
            {kBeforeId, kRowsOfPage}),
        PulseRoute(
            "POST", "/v1/consent", Access::kWrite, "Records what many people said: an array",
            "SELECT json_build_object('recorded', count(*) FILTER (WHERE s.result = 'recorded'), 'results', coalesce(json_agg(s), '[]')) "
            "FROM {v}.pulse_set_consents($1::jsonb) AS s",
            {{"consents", In::kWholeBody, Type::kJson}}),
        PulseRoute(
            "GET", "/v1/consent/purposes", Access::kRead, "The purposes of consent",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'purposes', coalesce(json_agg(json_build_object('purpose', p.purpose, 'categories', p.categories, "
            "'grantedByDefault', p.granted_by_default) ORDER BY p.purpose), '[]')) FROM pulse.consent_purpose AS p"),
        PulseRoute(
            "POST", "/v1/consent/purposes", Access::kAdmin, "Creates or changes a purpose of consent",
            "SELECT json_build_object('purpose', $1::text) FROM (SELECT {v}.pulse_set_consent_purpose($1::text, $2::text[], $3::boolean)) AS s",
            {{"purpose", In::kBody, Type::kText, true},
             {"categories", In::kBody, Type::kTexts},
             {"grantedByDefault", In::kBody, Type::kBoolean}}),
    };
}

}  // namespace pulse::web
