#include "pulse/trust/campaign.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/number.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::trust {

namespace {

using Json = nlohmann::json;

constexpr size_t kLongestCampaignText = 1000, kMostCampaignNames = 20;
constexpr int64_t kLongestCampaignPeriod = 366 * kDay;

// "58 %"; a share just below a whole per cent must not look like it.
std::string CampaignPercent(int64_t part, int64_t whole) {
    if (whole <= 0) return "0 %";
    return Thousands(static_cast<int64_t>(
               std::floor(100.0 * static_cast<double>(part) / static_cast<double>(whole)))) +
           " %";
}

std::optional<std::string> CampaignOptionText(const JsonObject& changes, const char* key) {
    auto text = changes.Text(key);
    if (text && text->empty()) return std::nullopt;
    if (text && text->size() > kLongestCampaignText)
        changes.Refuse(key, "must have at most " + std::to_string(kLongestCampaignText) + " bytes");
    return text;
}

std::optional<std::vector<std::string>> CampaignOptionNames(const JsonObject& changes, const char* key,
                                                            const char* hint) {
    const Json* list = changes.List(key, kMostCampaignNames);
    if (!list) return std::nullopt;
    std::vector<std::string> names;
    for (const Json& name : *list) {
        if (!name.is_string()) changes.Refuse(key, "must be a list of texts", hint);
        names.push_back(name.get<std::string>());
    }
    return names;
}

int64_t ReadCampaignPeriod(const JsonObject& changes) {
    const auto text = changes.Text("period", "Give a duration such as \"3d\".");
    if (!text) return kDay;
    const std::optional<int64_t> period = ParseDuration(*text);
    if (!period || *period <= 0 || *period > kLongestCampaignPeriod)
        changes.Refuse("period", "must be a duration of at most 366 days", "Give a duration such as \"3d\".");
    return *period;
}

// ---- the answer ----

struct CampaignDraft {
    CampaignJudgement judgement{CampaignAnswer::kYes, {}, {}};

    void Say(std::string reason, CampaignAnswer answer = CampaignAnswer::kYes, std::string advice = "") {
        judgement.answer = std::max(judgement.answer, answer);
        judgement.reasons.push_back(std::move(reason));
        if (!advice.empty() &&
            std::find(judgement.advice.begin(), judgement.advice.end(), advice) == judgement.advice.end())
            judgement.advice.push_back(std::move(advice));
    }
};

std::string QuotedForCampaignSql(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
    return quoted + "'";
}

bool IsGraveForCampaign(const CampaignIncident& incident) {
    return incident.severity == "high" || incident.severity == "critical";
}

std::string MoveCampaignAdvice(const CampaignFacts& facts) {
    return "Move the launch until the people are back: SELECT pulse_update_campaign(" +
           QuotedForCampaignSql(facts.name) + ", at => …), or plan for fewer.";
}

void SayCampaignReach(const CampaignFacts& facts, CampaignDraft& draft) {
    const char* who = facts.of_people ? "people" : "members";
    if (!facts.reach) {
        draft.Say(
            "Segment " + InQuotes(facts.segment) + " was never measured.", CampaignAnswer::kHold,
            "Take a snapshot: SELECT pulse_take_snapshot(" + QuotedForCampaignSql(facts.segment) + ").");
        return;
    }
    const int64_t counts = *ReachOf(facts);
    const bool short_of = static_cast<double>(counts) < facts.min_share * static_cast<double>(facts.planned);
    std::string sentence =
        "Segment " + InQuotes(facts.segment) + " has " + Thousands(*facts.reach) + " " + who;
    if (facts.measured_at) sentence += " in its snapshot of " + FormatMinute(*facts.measured_at);
    if (facts.reachable && *facts.reachable != *facts.reach)
        sentence += ", of whom " + Thousands(*facts.reachable) + " can be reached";
    sentence +=
        ": " + CampaignPercent(counts, facts.planned) + " of the planned " + Thousands(facts.planned) + ".";
    const CampaignAnswer answer = counts == 0 ? CampaignAnswer::kNo
                                  : short_of  ? CampaignAnswer::kHold
                                              : CampaignAnswer::kYes;
    const bool explained = std::any_of(facts.incidents.begin(), facts.incidents.end(), IsGraveForCampaign);
    draft.Say(sentence, answer, short_of && !explained ? MoveCampaignAdvice(facts) : "");
    if (facts.stale)
        draft.Say(
            "This snapshot is older than two of the segment's intervals.", CampaignAnswer::kHold,
            "Take a snapshot: SELECT pulse_take_snapshot(" + QuotedForCampaignSql(facts.segment) + ").");
}

void SayCampaignGaps(const CampaignFacts& facts, CampaignDraft& draft) {
    if (!facts.reach) return;
    if (!facts.of_people) {
        if (facts.purpose || facts.channel != "other")
            draft.Say("Who of them has " + std::string(facts.purpose ? "given consent and has " : "") +
                      "an address is unknown: they are not people of Pulse.");
        return;
    }
    if (facts.with_address && *facts.with_address < *facts.reach)
        draft.Say(Thousands(*facts.reach - *facts.with_address) + " of them have no address for " +
                  facts.channel + ".");
    if (facts.purpose && facts.with_consent && *facts.with_consent < *facts.reach) {
        const int64_t without = *facts.reach - *facts.with_consent;
        // Only who is worth asking.
        draft.Say(Thousands(without) + " of them have given no consent for " + *facts.purpose + ".",
                  CampaignAnswer::kYes, 5 * without >= *facts.reach ? "Ask them for consent." : "");
    }
}

// With a full stop at its end.
std::string AsSentence(std::string text) {
    if (!text.empty() && text.back() != '.' && text.back() != '?' && text.back() != '!') text += '.';
    return text;
}

void SayCampaignIncidents(const CampaignFacts& facts, CampaignDraft& draft) {
    std::string last_cause;
    for (const CampaignIncident& incident : facts.incidents) {
        std::string sentence = "Incident " + std::to_string(incident.id) + " (" + incident.severity +
                               ") of " + incident.subject + " is open";
        sentence += incident.summary.empty() ? "." : ": " + AsSentence(incident.summary);
        // Those that began together have one cause.
        if (!incident.cause.empty() && incident.cause != last_cause)
            sentence += " " + AsSentence(incident.cause);
        last_cause = incident.cause;
        draft.Say(sentence, IsGraveForCampaign(incident) ? CampaignAnswer::kHold : CampaignAnswer::kYes,
                  !IsGraveForCampaign(incident) ? ""
                  : incident.advice.empty() ? "Resolve incident " + std::to_string(incident.id) + " first."
                                            : incident.advice);
    }
}

// The gate's sentence about an incident that another reason describes with more words.
bool NamesIncident(const CampaignFacts& facts, const std::string& reason) {
    return std::any_of(facts.incidents.begin(), facts.incidents.end(), [&](const CampaignIncident& incident) {
        return reason.starts_with("Incident " + std::to_string(incident.id) + " is open");
    });
}

void SayCampaignOverlaps(const CampaignFacts& facts, CampaignDraft& draft) {
    for (const CampaignOverlap& overlap : facts.overlaps) {
        const std::string which =
            "Campaign " + InQuotes(overlap.campaign) + " of " + FormatMinute(overlap.at);
        if (!overlap.people) {
            draft.Say(which + " is in the same days; how many people are in both is unknown.");
            continue;
        }
        if (*overlap.people == 0 || facts.reach.value_or(0) == 0) continue;
        const double share = static_cast<double>(*overlap.people) / static_cast<double>(*facts.reach);
        const bool too_many = facts.max_overlap && share > *facts.max_overlap;
        draft.Say(which + " reaches " + Thousands(*overlap.people) + " of the same people (" +
                      CampaignPercent(*overlap.people, *facts.reach) + ").",
                  too_many ? CampaignAnswer::kHold : CampaignAnswer::kYes,
                  too_many
                      ? "Move one of the two, or leave the people of " + InQuotes(overlap.campaign) + " out."
                      : "");
    }
}

}  // namespace

const char* Name(CampaignAnswer answer) {
    switch (answer) {
        case CampaignAnswer::kYes: return "yes";
        case CampaignAnswer::kHold: return "hold";
        case CampaignAnswer::kNo: break;
    }
    return "no";
}

const std::vector<std::string>& CampaignChannels() {
    static const std::vector<std::string> channels{"email", "sms", "push", "ads", "other"};
    return channels;
}

void CheckCampaignChannel(const std::string& channel) {
    const std::vector<std::string>& channels = CampaignChannels();
    if (std::find(channels.begin(), channels.end(), channel) == channels.end())
        ThrowInvalid("unknown channel of a campaign", "It is " + InQuotes(Shorten(channel, 100)) + ".",
                     ListNames(channels, "Channels"));
}

std::vector<std::string> AddressesOf(const std::string& channel) {
    if (channel == "email") return {"email"};
    if (channel == "sms") return {"phone"};
    if (channel == "push") return {"device_id"};
    if (channel == "ads") return {"email", "phone", "device_id"};
    return {};
}

void ChangeCampaignOptions(const Json& json, CampaignOptions& options) {
    const JsonObject changes(json, {"the options", {}, {}, nullptr},
                             {"purpose", "period", "min_share", "max_overlap", "reach_event",
                              "conversion_event", "event_property", "notify", "addresses", "description"},
                             R"({"purpose": "email", "period": "3d"})");
    const auto given = [&](const char* key) { return json.contains(key); };
    if (given("purpose")) options.purpose = CampaignOptionText(changes, "purpose");
    if (given("period")) options.period = ReadCampaignPeriod(changes);
    if (given("min_share")) options.min_share = changes.Number("min_share", 0, 1).value_or(0.8);
    if (given("max_overlap")) options.max_overlap = changes.Number("max_overlap", 0, 1);
    if (given("reach_event")) options.reach_event = CampaignOptionText(changes, "reach_event");
    if (given("conversion_event")) options.conversion_event = CampaignOptionText(changes, "conversion_event");
    if (given("event_property")) options.event_property = CampaignOptionText(changes, "event_property");
    if (given("notify"))
        options.notify = CampaignOptionNames(changes, "notify", "Give channels as in [\"ops\"].");
    if (given("addresses"))
        options.addresses = CampaignOptionNames(changes, "addresses", "Give kinds of ids as in [\"email\"].");
    if (given("description")) options.description = CampaignOptionText(changes, "description");
}

std::optional<int64_t> ReachOf(const CampaignFacts& facts) {
    return facts.reachable ? facts.reachable : facts.reach;
}

CampaignJudgement JudgeCampaign(const CampaignFacts& facts) {
    CampaignDraft draft;
    if (!facts.segment_problem.empty()) {
        draft.Say("Segment " + (facts.segment.empty() ? "of the campaign" : InQuotes(facts.segment)) + " " +
                      facts.segment_problem + ".",
                  CampaignAnswer::kNo,
                  "Give the campaign another segment: SELECT pulse_update_campaign(" +
                      QuotedForCampaignSql(facts.name) + ", segment => …).");
        return draft.judgement;
    }
    SayCampaignReach(facts, draft);
    SayCampaignGaps(facts, draft);
    SayCampaignIncidents(facts, draft);
    if (facts.gate != "pass") {
        const bool blocks = facts.gate != "hold";
        std::string sentence = blocks ? "The gate blocks" : "The gate holds";
        bool first = true;
        for (const std::string& reason : facts.gate_reasons) {
            if (NamesIncident(facts, reason)) continue;
            sentence += (first ? ": " : " ") + reason;
            first = false;
        }
        if (first) sentence += ".";
        draft.Say(sentence, blocks ? CampaignAnswer::kNo : CampaignAnswer::kHold,
                  "Look at what the score consists of: SELECT * FROM pulse_signal_health(" +
                      QuotedForCampaignSql("campaign:" + facts.name) + ").");
    }
    SayCampaignOverlaps(facts, draft);
    return draft.judgement;
}

std::string DescribeResult(int64_t planned, const std::optional<int64_t>& reached,
                           const std::optional<int64_t>& conversions) {
    if (!reached) return "Nobody knows how many of the planned " + Thousands(planned) + " were reached.";
    std::string text = "Reached " + Thousands(*reached) + " of the planned " + Thousands(planned) + " (" +
                       CampaignPercent(*reached, planned) + ")";
    if (conversions) text += "; " + Thousands(*conversions) + " converted";
    return text + ".";
}

Moment NextCampaignCheck(Moment at, Moment now, CampaignAnswer answer) {
    Moment next = at;
    for (const int64_t before : {kHour, kDay})
        if (at - before > now) next = at - before;
    return answer == CampaignAnswer::kYes ? next : std::min(next, now + kHour);
}

}  // namespace pulse::trust
