#include "pulse/delivery/payload.hpp"

#include <nlohmann/json.hpp>

#include "pulse/delivery/wording.hpp"

namespace pulse::delivery {

namespace {

nlohmann::json Make(const Channel& channel, const Envelope& envelope,
                    const std::vector<IncidentSummary>& stories) {
    switch (channel.kind) {
        case ChannelKind::kSlack: return SlackPayload(envelope, stories);
        case ChannelKind::kTeams: return TeamsPayload(envelope, stories);
        case ChannelKind::kResend: return ResendPayload(channel, envelope, stories);
        case ChannelKind::kSmtp: return SmtpPayload(channel, envelope, stories);
        case ChannelKind::kPagerduty: return PagerdutyPayload(envelope, stories);
        case ChannelKind::kWebhook: break;
    }
    return WebhookPayload(envelope, stories);
}

}  // namespace

nlohmann::json MakePayload(const Channel& channel, const Envelope& envelope,
                           const std::vector<IncidentSummary>& stories) {
    return Make(channel, envelope, WorstFirst(stories));
}

nlohmann::json MakeTestPayload(const Channel& channel, const Envelope& envelope) {
    Envelope marked = envelope;
    marked.event = "test";
    return Make(channel, marked, WorstFirst({TestIncidentSummary(envelope.created_at)}));
}

}  // namespace pulse::delivery
