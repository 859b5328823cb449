// Campaigns: what is planned, and the answer to "can I send now?". Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trust {

// What the gate calls the action.
inline constexpr const char* kLaunchAction = "launch_campaign";

enum class CampaignAnswer { kYes, kHold, kNo };
const char* Name(CampaignAnswer answer);

// The channels of campaigns: email, sms, push, ads, other.
const std::vector<std::string>& CampaignChannels();
// Throws UserError 22023.
void CheckCampaignChannel(const std::string& channel);
// The kinds of ids that a channel can reach people by; none: everybody.
std::vector<std::string> AddressesOf(const std::string& channel);

// The options of pulse_create_campaign().
struct CampaignOptions {
    std::optional<std::string> purpose;  // of the consent that it needs
    int64_t period = kDay;               // after the launch, until what was reached is recorded
    double min_share = 0.8;              // of the plan, below which it is not to be sent
    std::optional<double> max_overlap;   // share of the people whom another campaign may reach, too
    std::optional<std::string> reach_event, conversion_event;
    std::optional<std::string> event_property;          // holds the name of the campaign
    std::optional<std::vector<std::string>> notify;     // channels for messages; empty: all ordinary ones
    std::optional<std::vector<std::string>> addresses;  // kinds of ids; empty: those of the channel
    std::optional<std::string> description;
};
// Change the options that are given; null removes one. Throws UserError 22023.
void ChangeCampaignOptions(const nlohmann::json& changes, CampaignOptions& options);

struct CampaignIncident {
    int64_t id = 0;
    std::string severity, subject;       // segment "Valuable users"
    std::string summary, cause, advice;  // sentences; may be empty
};

struct CampaignOverlap {
    std::string campaign;
    Moment at = 0;
    std::optional<int64_t> people;  // in both; empty: unknown
};

// What speaks for and against sending now.
struct CampaignFacts {
    std::string name, segment;
    std::string segment_problem;  // "was deleted", "is archived", "is a draft"; empty: none
    int64_t planned = 0;
    double min_share = 0.8;
    std::optional<double> max_overlap;
    std::string channel;
    std::optional<std::string> purpose;
    std::optional<int64_t> reach, with_address, with_consent, reachable;
    std::optional<Moment> measured_at;  // of a snapshot; empty: counted now
    bool stale = false;
    bool of_people = false;      // the members are people, whose consent and addresses are known
    std::string gate = "block";  // its decision: pass, hold or block
    std::vector<std::string> gate_reasons;
    std::vector<CampaignIncident> incidents;  // open ones of what it stands on, the worst first
    std::vector<CampaignOverlap> overlaps;
};

struct CampaignJudgement {
    CampaignAnswer answer = CampaignAnswer::kNo;
    std::vector<std::string> reasons, advice;  // sentences
};
CampaignJudgement JudgeCampaign(const CampaignFacts& facts);

// The number that counts against the plan: who can be reached, if it is known, else the members.
std::optional<int64_t> ReachOf(const CampaignFacts& facts);

// "Reached 5,800 of the planned 10,000 (58 %); 120 converted."
std::string DescribeResult(int64_t planned, const std::optional<int64_t>& reached,
                           const std::optional<int64_t>& conversions);

// When to look again: a day and an hour before the launch, and at it; every hour while it is not to be sent.
Moment NextCampaignCheck(Moment at, Moment now, CampaignAnswer answer);

}  // namespace pulse::trust
