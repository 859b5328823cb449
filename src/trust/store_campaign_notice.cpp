// Messages about campaigns: to the channels that it names, or to all ordinary ones, and to subscriptions.
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/payload.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/trust/store_campaign.hpp"

namespace pulse::trust {

namespace {

// Each event, and how the headline of a message says it.
struct CampaignEvent {
    const char* name;
    const char* headline;
    const char* severity;
    bool good;
};
constexpr CampaignEvent kCampaignEvents[] = {{"campaign.warned", "not to be sent", "high", false},
                                             {"campaign.cleared", "can be sent", "low", true},
                                             {"campaign.launched", "launched", "low", true},
                                             {"campaign.done", "done", "low", true},
                                             {"campaign.fell_short", "fell short", "high", false}};

const CampaignEvent& FindCampaignEvent(const std::string& name) {
    for (const CampaignEvent& event : kCampaignEvents)
        if (name == event.name) return event;
    throw UserError(sqlstate::kInternalError, "unknown event " + name + " of a campaign");
}

// The formats of channels are made for incidents; a campaign looks like one without a number.
delivery::IncidentSummary CampaignSummary(const Campaign& campaign, const CampaignEvent& event,
                                          const std::vector<std::string>& reasons,
                                          const std::vector<std::string>& advice, Moment now) {
    delivery::IncidentSummary summary;
    summary.subject = "campaign " + InQuotes(campaign.name);
    summary.detector = event.headline;
    summary.severity = event.severity;
    summary.status = event.good ? "resolved" : "open";
    summary.direction = "changed";
    if (!reasons.empty()) summary.summary = reasons[0];
    summary.what_changed = reasons;
    if (!advice.empty()) summary.advice = advice[0];
    for (size_t i = 1; i < advice.size(); ++i) summary.more_advice.emplace_back("then", advice[i]);
    summary.since = summary.opened_at = now;
    if (event.good) summary.closed_at = now;
    return summary;
}

pg::Json CampaignBody(const Campaign& campaign, const std::string& event,
                      const std::vector<std::string>& reasons, const std::vector<std::string>& advice,
                      const pg::Json& figures, Moment now) {
    pg::Json data = figures;
    data["campaign"] = campaign.name;
    data["segment"] = campaign.segment.empty() ? pg::Json() : pg::Json(campaign.segment);
    data["channel"] = campaign.channel;
    data["at"] = delivery::IsoTime(campaign.at);
    data["status"] = campaign.status;
    data["reasons"] = reasons;
    data["advice"] = advice;
    return {{"type", event}, {"timestamp", delivery::IsoTime(now)}, {"data", std::move(data)}};
}

std::vector<std::string> CampaignReceivers(const Campaign& campaign) {
    return campaign.options.notify ? *campaign.options.notify : delivery::OrdinaryChannels();
}

[[maybe_unused]] const bool campaign_events_registered = delivery::RegisterEventNames(
    {"campaign.warned", "campaign.cleared", "campaign.launched", "campaign.done", "campaign.fell_short"});

}  // namespace

void AnnounceCampaign(const Campaign& campaign, const std::string& name,
                      const std::vector<std::string>& reasons, const std::vector<std::string>& advice,
                      const pg::Json& figures) {
    const CampaignEvent& event = FindCampaignEvent(name);
    const Moment now = pg::WallClock();
    const pg::Json body = CampaignBody(campaign, name, reasons, advice, figures, now);
    const std::string order = "campaign:" + std::to_string(campaign.id);
    std::vector<delivery::EventMessage> messages;
    for (const delivery::Subscription& each : delivery::LoadSubscriptions())
        if (each.Wants(name, campaign.segment))
            messages.push_back({each.channel, name, std::nullopt, order, body});
    for (const std::string& receiver : CampaignReceivers(campaign)) {
        pg::Json payload;
        try {
            const delivery::Channel channel = delivery::LoadChannel(receiver);
            delivery::Envelope envelope;
            envelope.key = "msg_campaign_" + std::to_string(campaign.id) + "_" + std::to_string(now);
            envelope.thread = "campaign_" + std::to_string(campaign.id);
            envelope.event = event.good ? "resolved" : "opened";
            envelope.created_at = now;
            payload = channel.kind == delivery::ChannelKind::kWebhook
                          ? body
                          : delivery::MakePayload(channel, envelope,
                                                  {CampaignSummary(campaign, event, reasons, advice, now)});
        } catch (const UserError&) {
            continue;  // It was dropped, or is incomplete: pulse_status() says so.
        }
        messages.push_back({receiver, name, std::nullopt, order, std::move(payload)});
    }
    delivery::InsertEvents(messages);
}

}  // namespace pulse::trust
