// Campaigns and their checks. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/trust/campaign.hpp"

namespace pulse::trust {

// A row of pulse.campaign.
struct Campaign {
    int64_t id = 0;
    std::string name;
    std::optional<int64_t> segment_id;
    std::string segment;  // its name; empty: it was deleted
    int64_t planned = 0;
    Moment at = 0;
    std::string channel;
    CampaignOptions options;
    std::string status;
    std::optional<std::string> answer;
    std::optional<Moment> next_check_at, warned_at, saved_at, launched_at;
    std::optional<int64_t> launch_reach;

    // It was not sent yet, and will be.
    bool Waits() const { return status == "planned" || status == "warned"; }
};

// ---- store_campaign.cpp ----

// Locks the row. Throws UserError 42704 with similar names.
Campaign LoadCampaign(const std::string& name);
// The same by id, unless somebody else holds it or it is gone.
std::optional<Campaign> TakeCampaign(int64_t id);

struct CampaignInput {
    std::optional<std::string> name, segment, channel;  // name: the new one
    std::optional<int64_t> planned;
    std::optional<Moment> at;
    const pg::Json* options = nullptr;
    std::string actor;
};
int64_t CreateCampaign(const CampaignInput& input);
void UpdateCampaign(const std::string& name, const CampaignInput& input);
void CancelCampaign(const std::string& name, const std::optional<std::string>& reason);
void DeleteCampaign(const std::string& name);
// Returns the status that the result means.
std::string RecordCampaignResult(const std::string& name, int64_t reached,
                                 const std::optional<int64_t>& conversions);

// ---- store_campaign_facts.cpp ----

// The gate needs a history of the health of what it is asked about: it begins with the campaign, and the job
// signal_health keeps it while the campaign is checked.
void BeginCampaignHealth(const std::string& name);
void KeepCampaignHealth(const std::string& name);

// `dry_run`: the gate writes no decision.
struct GatheredFacts {
    CampaignFacts facts;
    std::optional<double> score;
    std::vector<int64_t> incidents;
};
GatheredFacts GatherCampaignFacts(const Campaign& campaign, bool dry_run);

// Who was reached, and who of them converted, from the launch to its period's end; empty where no event says.
struct CampaignOutcome {
    std::optional<int64_t> reached, conversions;
};
CampaignOutcome MeasureCampaign(const Campaign& campaign);

// ---- store_campaign_check.cpp ----

struct CampaignCheck {
    int64_t id = 0;
    CampaignFacts facts;
    CampaignJudgement judgement;
    std::optional<double> score;
    std::vector<int64_t> incidents;
    std::optional<int64_t> overlap;  // of the campaign with most people in common
    Moment at = 0;
};
// Check a campaign that waits, record it, and send a message to the channels if the answer has changed.
// `checked_by` is a role or key, or the job. Throws UserError 55000 for one that does not wait.
CampaignCheck CheckCampaign(Campaign& campaign, const std::string& checked_by);
// Check it by a decision of the gate, and if the answer is yes, or `regardless`, mark it as launched.
CampaignCheck LaunchCampaign(Campaign& campaign, const std::string& launched_by, bool regardless);
// Record what was reached of a launched one.
std::string FinishCampaign(const Campaign& campaign, const std::string& result_by,
                           const std::optional<int64_t>& reached, const std::optional<int64_t>& conversions);

// What the job does: the ids of campaigns that are due, and one of them. Returns what was done.
std::vector<int64_t> DueCampaigns(int most);
std::string WorkOnCampaign(int64_t id);

// ---- store_campaign_notice.cpp ----

// Send "campaign.warned" and other events of a campaign to channels and subscriptions.
void AnnounceCampaign(const Campaign& campaign, const std::string& event,
                      const std::vector<std::string>& reasons, const std::vector<std::string>& advice,
                      const pg::Json& figures);

}  // namespace pulse::trust
