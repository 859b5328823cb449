#include "pulse/delivery/payload_text.hpp"

#include "pulse/base/error.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/mime.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

constexpr size_t kMostTitle = 150, kMostText = 2'500;

json TextForSlack(const TextMessage& message) {
    const auto plain = [](const std::string& text, size_t limit) -> json {
        return {{"type", "plain_text"}, {"text", SlackText(text, limit)}, {"emoji", false}};
    };
    return {{"text", SlackText(message.title, kMostTitle)},
            {"blocks", json::array({{{"type", "header"}, {"text", plain(message.title, kMostTitle)}},
                                    {{"type", "section"}, {"text", plain(message.text, kMostText)}}})}};
}

json TextForTeams(const TextMessage& message) {
    const auto block = [](const std::string& text, const char* weight) -> json {
        return {
            {"type", "TextBlock"}, {"text", CardText(text, kMostText)}, {"weight", weight}, {"wrap", true}};
    };
    const json card = {
        {"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
        {"type", "AdaptiveCard"},
        {"version", "1.4"},
        {"body", json::array({block(message.title, "Bolder"), block(message.text, "Default")})}};
    return {{"type", "message"},
            {"attachments", json::array({{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                          {"contentUrl", nullptr},
                                          {"content", card}}})}};
}

json TextForMail(const Channel& channel, const Envelope& envelope, const TextMessage& message) {
    const auto addresses = [&](const char* option) {
        return ParseAddresses(options::Value(channel.server, option).value_or(""))
            .value_or(std::vector<MailAddress>());
    };
    const std::vector<MailAddress> from = addresses("from");
    if (from.empty())
        throw UserError(sqlstate::kInvalidParameter, "channel \"" + channel.name + "\" is not complete",
                        "It has no valid option \"from\".", "ALTER SERVER ... OPTIONS.");
    json receivers = json::array();
    for (const MailAddress& address : addresses("to")) receivers.push_back(Print(address));
    const std::string domain = from.front().email.substr(from.front().email.find('@') + 1);
    return {
        {"from", Print(from.front())},
        {"to", std::move(receivers)},
        {"subject", "[Pulse] " + Clean(message.title, kMostTitle)},
        {"text", message.mail_text.empty() ? CleanLines(message.text, kMostText) + "\n" : message.mail_text},
        {"html", message.mail_html.empty() ? "<p>" + Html(CleanLines(message.text, kMostText)) + "</p>"
                                           : message.mail_html},
        {"headers",
         {{"Message-ID", "<" + envelope.key + "@" + domain + ">"}, {"Auto-Submitted", "auto-generated"}}}};
}

json TextForWebhook(const Envelope& envelope, const TextMessage& message) {
    json data = message.data;
    data["title"] = message.title;
    data["text"] = message.text;
    data["message_key"] = envelope.key;
    return {{"type", envelope.event}, {"timestamp", IsoTime(envelope.created_at)}, {"data", std::move(data)}};
}

}  // namespace

json MakeTextPayload(const Channel& channel, const Envelope& envelope, const TextMessage& message) {
    switch (channel.kind) {
        case ChannelKind::kSlack: return TextForSlack(message);
        case ChannelKind::kTeams: return TextForTeams(message);
        case ChannelKind::kResend:
        case ChannelKind::kSmtp: return TextForMail(channel, envelope, message);
        case ChannelKind::kWebhook: return TextForWebhook(envelope, message);
        case ChannelKind::kPagerduty: break;
    }
    throw UserError(sqlstate::kNotSupported, "PagerDuty takes no messages but alarms",
                    "Channel \"" + channel.name + "\" is one of PagerDuty.",
                    "Give a channel of another kind: slack, teams, email or webhook.");
}

}  // namespace pulse::delivery
