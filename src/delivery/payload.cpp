#include "pulse/delivery/payload.hpp"

#include <nlohmann/json.hpp>

#include "pulse/delivery/wording.hpp"

namespace pulse::delivery {

namespace {

nlohmann::json Make(const Channel& channel, const Envelope& envelope,
                    const std::vector<IncidentSummary>& summaries) {
    switch (channel.kind) {
        case ChannelKind::kSlack: return SlackPayload(envelope, summaries);
        case ChannelKind::kTeams: return TeamsPayload(envelope, summaries);
        case ChannelKind::kResend: return ResendPayload(channel, envelope, summaries);
        case ChannelKind::kSmtp: return SmtpPayload(channel, envelope, summaries);
        case ChannelKind::kPagerduty: return PagerdutyPayload(envelope, summaries);
        case ChannelKind::kWebhook: break;
    }
    return WebhookPayload(envelope, summaries);
}

}  // namespace

nlohmann::json MakePayload(const Channel& channel, const Envelope& envelope,
                           const std::vector<IncidentSummary>& summaries) {
    return Make(channel, envelope, WorstFirst(summaries));
}

nlohmann::json MakeTestPayload(const Channel& channel, const Envelope& envelope) {
    Envelope marked = envelope;
    marked.event = "test";
    return Make(channel, marked, WorstFirst({TestIncidentSummary(envelope.created_at)}));
}

}  // namespace pulse::delivery
