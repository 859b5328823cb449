// Checking, launching and finishing campaigns.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_campaign.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr const char* kCampaignsJobName = "campaigns";

void RequireWaitingCampaign(const Campaign& campaign, const char* what) {
    if (campaign.Waits()) return;
    throw UserError(
        sqlstate::kNotReady, "campaign " + InQuotes(campaign.name) + " cannot be " + std::string(what),
        "It is " + (campaign.status == "fell_short" ? "done and fell short" : campaign.status) + ".",
        "pulse.campaign_overview shows its result.");
}

CampaignCheck LookAtCampaign(const Campaign& campaign, bool dry_run) {
    GatheredFacts gathered = GatherCampaignFacts(campaign, dry_run);
    CampaignCheck check;
    check.judgement = JudgeCampaign(gathered.facts);
    check.facts = std::move(gathered.facts);
    check.score = gathered.score;
    check.incidents = std::move(gathered.incidents);
    check.at = pg::PastNow();
    for (const CampaignOverlap& overlap : check.facts.overlaps)
        if (overlap.people) check.overlap = std::max(check.overlap.value_or(0), *overlap.people);
    return check;
}

void SaveCampaignCheck(const Campaign& campaign, CampaignCheck& check, const std::string& checked_by) {
    const CampaignFacts& facts = check.facts;
    check.id =
        pg::Execute(
            "INSERT INTO pulse.campaign_check (campaign_id, at, checked_by, answer, planned, reach, with_address,"
            " with_consent, reachable, gate, score, incidents, overlap, reasons, advice) VALUES ($1, $2, $3, $4,"
            " $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
            {Value::Int8(campaign.id), Value::Time(check.at), Value::Text(checked_by),
             Value::Text(Name(check.judgement.answer)), Value::Int8(facts.planned), Value::Int8(facts.reach),
             Value::Int8(facts.with_address), Value::Int8(facts.with_consent), Value::Int8(facts.reachable),
             Value::Text(facts.gate), Value::Float8(check.score), Value::Int8s(check.incidents),
             Value::Int8(check.overlap), Value::Texts(check.judgement.reasons),
             Value::Texts(check.judgement.advice)})[0]
            .Int8(0);
}

pg::Json CampaignNumber(const std::optional<int64_t>& number) {
    return number ? pg::Json(*number) : pg::Json();
}

pg::Json CampaignFigures(const CampaignCheck& check) {
    return {{"answer", Name(check.judgement.answer)},
            {"planned", check.facts.planned},
            {"reach", CampaignNumber(check.facts.reach)},
            {"reachable", CampaignNumber(check.facts.reachable)},
            {"incidents", check.incidents}};
}

// The status that an answer means. A campaign that was not to be sent and now is was saved by the warning,
// until it falls short all the same.
void ApplyCampaignAnswer(Campaign& campaign, const CampaignCheck& check) {
    const bool good = check.judgement.answer == CampaignAnswer::kYes;
    const std::string before = campaign.answer.value_or("yes"), now = Name(check.judgement.answer);
    campaign.status = good ? "planned" : "warned";
    if (!good) {
        if (!campaign.warned_at) campaign.warned_at = check.at;
        campaign.saved_at.reset();
    } else if (before != "yes") {
        campaign.saved_at = check.at;
    }
    campaign.answer = now;
    campaign.next_check_at = NextCampaignCheck(campaign.at, check.at, check.judgement.answer);
    pg::Execute(
        "UPDATE pulse.campaign SET status = $2, answer = $3, warned_at = $4, saved_at = $5, next_check_at = $6"
        " WHERE id = $1",
        {Value::Int8(campaign.id), Value::Text(campaign.status), Value::Text(campaign.answer),
         Value::Time(campaign.warned_at), Value::Time(campaign.saved_at),
         Value::Time(campaign.next_check_at)});
    if (before != now)
        AnnounceCampaign(campaign, good ? "campaign.cleared" : "campaign.warned", check.judgement.reasons,
                         check.judgement.advice, CampaignFigures(check));
}

}  // namespace

CampaignCheck CheckCampaign(Campaign& campaign, const std::string& checked_by) {
    RequireWaitingCampaign(campaign, "checked");
    CampaignCheck check = LookAtCampaign(campaign, true);
    SaveCampaignCheck(campaign, check, checked_by);
    ApplyCampaignAnswer(campaign, check);
    return check;
}

CampaignCheck LaunchCampaign(Campaign& campaign, const std::string& launched_by, bool regardless) {
    RequireWaitingCampaign(campaign, "launched");
    CampaignCheck check = LookAtCampaign(campaign, false);
    SaveCampaignCheck(campaign, check, launched_by);
    ApplyCampaignAnswer(campaign, check);
    if (check.judgement.answer != CampaignAnswer::kYes && !regardless) return check;
    campaign.status = "launched";
    campaign.launched_at = check.at;
    campaign.launch_reach = ReachOf(check.facts);
    campaign.next_check_at = check.at + campaign.options.period;
    pg::Execute(
        "UPDATE pulse.campaign SET status = 'launched', launched_at = $2, launched_by = $3, launch_answer = $4,"
        " launch_reach = $5, next_check_at = $6 WHERE id = $1",
        {Value::Int8(campaign.id), Value::Time(check.at), Value::Text(launched_by),
         Value::Text(Name(check.judgement.answer)), Value::Int8(campaign.launch_reach),
         Value::Time(campaign.next_check_at)});
    audit::Write("campaign.launched", campaign.name, CampaignFigures(check));
    AnnounceCampaign(campaign, "campaign.launched", check.judgement.reasons, {}, CampaignFigures(check));
    return check;
}

std::string FinishCampaign(const Campaign& campaign, const std::string& result_by,
                           const std::optional<int64_t>& reached, const std::optional<int64_t>& conversions) {
    const bool enough = reached && static_cast<double>(*reached) >=
                                       campaign.options.min_share * static_cast<double>(campaign.planned);
    const std::string status = enough ? "done" : "fell_short";
    pg::Execute(
        "UPDATE pulse.campaign SET status = $2, reached = $3, conversions = $4, result_by = $5, finished_at = $6,"
        " next_check_at = NULL WHERE id = $1",
        {Value::Int8(campaign.id), Value::Text(status), Value::Int8(reached), Value::Int8(conversions),
         Value::Text(result_by), Value::Time(pg::PastNow())});
    AnnounceCampaign(campaign, "campaign." + status, {DescribeResult(campaign.planned, reached, conversions)},
                     {},
                     {{"planned", campaign.planned},
                      {"reached", CampaignNumber(reached)},
                      {"conversions", CampaignNumber(conversions)}});
    return status;
}

std::vector<int64_t> DueCampaigns(int most) {
    const pg::Result rows = pg::Execute(
        "SELECT c.id FROM pulse.campaign AS c WHERE c.next_check_at <= $1 ORDER BY c.next_check_at, c.id LIMIT $2",
        {Value::Time(pg::Now()), Value::Int8(most)}, true);
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

std::string WorkOnCampaign(int64_t id) {
    std::optional<Campaign> campaign = TakeCampaign(id);
    const Moment now = pg::PastNow();
    if (!campaign || !campaign->next_check_at || *campaign->next_check_at > now) return "";
    if (campaign->Waits() && now < campaign->at) {
        CheckCampaign(*campaign, kCampaignsJobName);
        return "checked";
    }
    if (campaign->Waits()) {
        LaunchCampaign(*campaign, kCampaignsJobName, true);
        return "launched";
    }
    const CampaignOutcome outcome = MeasureCampaign(*campaign);
    FinishCampaign(*campaign, outcome.reached ? "events" : "launch",
                   outcome.reached ? outcome.reached : campaign->launch_reach, outcome.conversions);
    return "finished";
}

}  // namespace pulse::trust
