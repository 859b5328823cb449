// Routes about campaigns.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_CAMPAIGN_ROW                                                                                     \
    "'name', c.name, 'segment', c.segment, 'status', c.status, 'answer', c.answer, "                           \
    "'at', c.at, 'channel', c.channel, 'purpose', c.purpose, 'planned', c.planned, 'reach', c.reach, "         \
    "'share', c.share, 'incidents', c.incidents, 'overlap', c.overlap, 'gate', c.gate, 'reasons', c.reasons, " \
    "'advice', c.advice, 'checkedAt', c.checked_at, 'nextCheckAt', c.next_check_at, 'warnedAt', c.warned_at, " \
    "'saved', c.saved, 'launchedAt', c.launched_at, 'launchedBy', c.launched_by, 'launchAnswer', "             \
    "c.launch_answer, 'reached', c.reached, 'reachedShare', c.reached_share, 'conversions', c.conversions, "   \
    "'resultBy', c.result_by, 'finishedAt', c.finished_at, 'description', c.description, 'createdBy', "        \
    "c.created_by, 'cancelReason', c.cancel_reason"
#define PULSE_CAMPAIGN_CHECK                                                                                   \
    "json_build_object('answer', k.answer, 'planned', k.planned, 'reach', k.reach, 'withAddress', "            \
    "k.with_address, 'withConsent', k.with_consent, 'reachable', k.reachable, 'incidents', "                   \
    "(SELECT coalesce(json_agg(i::text), '[]') FROM unnest(k.incidents) AS i), 'overlap', k.overlap, 'gate', " \
    "k.gate, 'score', k.score, 'reasons', k.reasons, 'advice', k.advice, 'checkedAt', k.checked_at)"

constexpr std::string_view kShowCampaign =
    "SELECT json_build_object('asOf', {v}.pulse_now(), " PULSE_CAMPAIGN_ROW
    ") FROM pulse.campaign_overview AS c WHERE c.name = $1::text";
constexpr Parameter kCampaignName{"name", In::kPath};

}  // namespace

std::vector<Route> CampaignRoutes() {
    Route create = PulseRoute(
        "POST", "/v1/campaigns", Access::kAdmin, "Plans a campaign to a segment",
        "SELECT $1::text FROM {v}.pulse_create_campaign($1::text, $2::text, $3::bigint, $4::timestamptz, $5::text, $6::jsonb)",
        {{"name", In::kBody, Type::kText, true},
         {"segment", In::kBody, Type::kText, true},
         {"expectedReach", In::kBody, Type::kInteger, true},
         {"at", In::kBody, Type::kTime, true},
         {"channel", In::kBody, Type::kText, true},
         {"options", In::kBody, Type::kJson}},
        kShowCampaign);
    create.status = 201;
    return {
        PulseRoute(
            "GET", "/v1/campaigns", Access::kRead, "Lists campaigns, the next ones first",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'campaigns', coalesce(json_agg(json_build_object(" PULSE_CAMPAIGN_ROW
            ") ORDER BY c.at DESC, c.name), '[]'), 'next', CASE WHEN count(*) = $2::bigint THEN (array_agg(c.name ORDER BY c.at, c.name DESC))[1] END) "
            "FROM (SELECT o.* FROM pulse.campaign_overview AS o WHERE ($1::text IS NULL OR o.status = $1::text) "
            "AND ($3::text IS NULL OR EXISTS (SELECT FROM pulse.campaign AS x WHERE x.name = $3::text AND (o.at < x.at OR o.at = x.at AND o.name > x.name))) "
            "ORDER BY o.at DESC, o.name LIMIT $2::bigint) AS c",
            {{.name = "status", .one_of = "planned, warned, launched, done, fell_short, cancelled"},
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000},
             {"after"}}),
        create,
        PulseRoute("GET", "/v1/campaigns/{name}", Access::kRead, "One campaign", kShowCampaign,
                   {kCampaignName}),
        PulseRoute(
            "PATCH", "/v1/campaigns/{name}", Access::kAdmin, "Changes a campaign that was not launched",
            "SELECT coalesce($7::text, $1::text) FROM {v}.pulse_update_campaign($1::text, $2::text, $3::bigint, $4::timestamptz, $5::text, $6::jsonb, $7::text)",
            {kCampaignName,
             {"segment", In::kBody},
             {"expectedReach", In::kBody, Type::kInteger},
             {"at", In::kBody, Type::kTime},
             {"channel", In::kBody},
             {"options", In::kBody, Type::kJson},
             {"newName", In::kBody}},
            kShowCampaign),
        PulseRoute("DELETE", "/v1/campaigns/{name}", Access::kAdmin, "Deletes a campaign with its checks",
                   "SELECT nullif({v}.pulse_delete_campaign($1::text)::text, '')", {kCampaignName}),
        PulseRoute("POST", "/v1/campaigns/{name}/cancel", Access::kWrite,
                   "Cancels a campaign that was not launched",
                   "SELECT $1::text FROM {v}.pulse_cancel_campaign($1::text, $2::text)",
                   {kCampaignName, {"reason", In::kBody}}, kShowCampaign),
        PulseRoute("POST", "/v1/campaigns/{name}/check", Access::kWrite, "Whether a campaign can be sent now",
                   "SELECT " PULSE_CAMPAIGN_CHECK " FROM {v}.pulse_check_campaign($1::text) AS k",
                   {kCampaignName}),
        PulseRoute(
            "POST", "/v1/campaigns/{name}/launch", Access::kWrite,
            "Marks a campaign as launched if it can be sent now; else 409",
            "SELECT " PULSE_CAMPAIGN_CHECK
            ", CASE WHEN k.answer = 'yes' THEN 200 ELSE 409 END AS status FROM {v}.pulse_launch_campaign($1::text) AS k",
            {kCampaignName}),
        PulseRoute("POST", "/v1/campaigns/{name}/result", Access::kWrite, "Records what a campaign reached",
                   "SELECT $1::text FROM {v}.pulse_record_campaign_result($1::text, $2::bigint, $3::bigint)",
                   {kCampaignName,
                    {"reached", In::kBody, Type::kInteger, true},
                    {"conversions", In::kBody, Type::kInteger}},
                   kShowCampaign),
        PulseRoute(
            "GET", "/v1/campaigns/{name}/checks", Access::kRead, "The checks of a campaign, the newest first",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'checks', (SELECT coalesce(json_agg(json_build_object('answer', k.answer, 'at', k.at, 'checkedBy', k.checked_by, "
            "'planned', k.planned, 'reach', k.reach, 'reachable', k.reachable, 'gate', k.gate, 'score', k.score, 'incidents', cardinality(k.incidents)) "
            "ORDER BY k.at DESC, k.id DESC), '[]') FROM (SELECT h.* FROM (SELECT r.id, r.answer, r.at, r.checked_by, r.planned, r.reach, r.reachable, r.gate, r.score, r.incidents "
            "FROM pulse.campaign_check AS r WHERE r.campaign_id = c.id ORDER BY r.at DESC, r.id DESC LIMIT $2::bigint) AS h) AS k)) "
            "FROM pulse.campaign AS c WHERE c.name = $1::text",
            {kCampaignName,
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000}}),
    };
}

}  // namespace pulse::web
