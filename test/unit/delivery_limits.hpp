// The documented limits of each platform, for the unit tests and the fuzz target. An empty result means that
// a payload is valid.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/mime.hpp"
#include "pulse/delivery/wording.hpp"

namespace pulse::testing {

using nlohmann::json;

inline bool IsUtf8(const std::string& text) {
    try {
        (void)json(text).dump();
        return true;
    } catch (const json::exception&) {
        return false;
    }
}

// Checks that no text of a payload has direction marks, invisible characters, or control characters other
// than line breaks and tabs.
inline std::string TextTrouble(const json& value) {
    if (value.is_string()) {
        const std::string text = value.get<std::string>();
        if (!IsUtf8(text)) return "not UTF-8";
        for (const char c : text)
            if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
                return "a control character";
        for (const char* mark : {"\xE2\x80\xAE", "\xE2\x80\x8B", "\xE2\x81\xA6", "\xEF\xBB\xBF"})
            if (text.find(mark) != std::string::npos) return "an invisible character";
    }
    if (value.is_structured())
        for (const auto& [key, inner] : value.items())
            if (const std::string trouble = TextTrouble(inner); !trouble.empty()) return key + ": " + trouble;
    return "";
}

inline bool SlackEscaped(const std::string& text, bool tokens) {
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '&') {
            const std::string rest = text.substr(i, 5);
            if (!rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;"))
                return false;
        }
        if ((text[i] == '<' || text[i] == '>') && !tokens) return false;
        if (text[i] == '<' && !text.substr(i).starts_with("<!date^") && !text.substr(i).starts_with("<http"))
            return false;
    }
    return true;
}

inline std::string SlackTextTrouble(const json& object, size_t limit) {
    const std::string text = object.value("text", "");
    if (text.empty()) return "empty text";
    if (delivery::Units(text) > limit) return "text of " + std::to_string(delivery::Units(text));
    const bool plain = object.value("type", "") == "plain_text";
    if (!plain && object.value("type", "") != "mrkdwn") return "type of text";
    return SlackEscaped(text, !plain) ? "" : "not escaped: " + text;
}

inline std::string SlackTrouble(const json& payload) {
    const json& blocks = payload.at("blocks");
    if (payload.at("text").get<std::string>().empty()) return "no fallback";
    if (!SlackEscaped(payload.at("text"), false)) return "fallback not escaped";
    if (blocks.size() > 50 || delivery::Units(DumpJson(blocks)) > 13'000) return "too long";
    for (const json& block : blocks) {
        const std::string type = block.at("type");
        std::string trouble;
        if (type == "header") {
            trouble = block.at("text").at("type") == "plain_text" ? SlackTextTrouble(block.at("text"), 150)
                                                                  : "header";
        } else if (type == "section") {
            if (!block.contains("text") && !block.contains("fields")) trouble = "empty section";
            if (block.contains("text")) trouble = SlackTextTrouble(block.at("text"), 3000);
            if (block.contains("fields") && (block["fields"].size() > 10 || block["fields"].empty()))
                trouble = "fields";
            for (const json& field : block.value("fields", json::array()))
                if (trouble.empty()) trouble = SlackTextTrouble(field, 2000);
        } else if (type == "context") {
            for (const json& element : block.at("elements"))
                if (trouble.empty()) trouble = SlackTextTrouble(element, 3000);
        } else if (type == "actions") {
            for (const json& element : block.at("elements"))
                if (element.at("url").get<std::string>().size() > 3000) trouble = "url";
        } else if (type != "divider") {
            trouble = "unknown block";
        }
        if (!trouble.empty()) return type + ": " + trouble;
    }
    return "";
}

inline std::string TeamsTrouble(const json& payload) {
    if (payload.at("type") != "message" || payload.at("attachments").size() != 1) return "not a message";
    const json& attachment = payload["attachments"][0];
    if (attachment.at("contentType") != "application/vnd.microsoft.card.adaptive") return "content type";
    const json& card = attachment.at("content");
    if (card.at("type") != "AdaptiveCard" || card.at("version") != "1.4" || card.at("body").empty())
        return "not a card";
    return DumpJson(payload).size() < 20'000 ? ""
                                             : "of " + std::to_string(DumpJson(payload).size()) + " bytes";
}

inline std::string ResendTrouble(const json& payload) {
    for (const char* name : {"from", "subject", "html", "text"})
        if (!payload.at(name).is_string() || payload[name].get<std::string>().empty()) return name;
    if (!payload.at("to").is_array() || payload["to"].empty() || payload["to"].size() > 50) return "to";
    if (payload["subject"].get<std::string>().find('\n') != std::string::npos) return "subject";
    return DumpJson(payload).size() < 5'000'000 ? "" : "size";
}

inline std::string MimeTrouble(const std::string& mime) {
    for (size_t begin = 0; begin < mime.size();) {
        const size_t end = mime.find("\r\n", begin);
        if (end == std::string::npos) return "no line break at the end";
        if (end - begin > 998) return "a long line";
        for (size_t i = begin; i < end; ++i)
            if (mime[i] == '\r' || mime[i] == '\n' || static_cast<unsigned char>(mime[i]) >= 0x80)
                return "not ASCII or a bare line break";
        begin = end + 2;
    }
    const std::string head = mime.substr(0, mime.find("\r\n\r\n"));
    for (const char* name : {"\r\nFrom: ", "\r\nTo: ", "\r\nSubject: ", "\r\nMessage-ID: "})
        if (head.find(name) == std::string::npos || head.find(name) != head.rfind(name)) return name;
    return head.find("\r\nBcc") == std::string::npos ? "" : "Bcc";
}

inline std::string PagerdutyTrouble(const json& payload) {
    const std::string action = payload.at("event_action");
    const std::string key = payload.at("dedup_key");
    if (key.empty() || delivery::Units(key) > 255) return "dedup_key";
    if (payload.contains("routing_key")) return "a secret";
    if (action == "acknowledge" || action == "resolve") return "";
    if (action != "trigger") return "action";
    const json& event = payload.at("payload");
    if (delivery::Units(event.at("summary").get<std::string>()) > 1024) return "summary";
    const std::string severity = event.at("severity");
    if (severity != "critical" && severity != "error" && severity != "warning" && severity != "info")
        return "severity";
    return DumpJson(payload).size() < 512'000 ? "" : "size";
}

inline std::string WebhookTrouble(const json& payload) {
    for (const char* name : {"type", "timestamp", "data"})
        if (!payload.contains(name)) return name;
    return DumpJson(payload).size() < 20'000 ? ""
                                             : "of " + std::to_string(DumpJson(payload).size()) + " bytes";
}

inline std::string Trouble(const delivery::Channel& channel, const delivery::Envelope& envelope,
                           const json& payload) {
    using delivery::ChannelKind;
    if (const std::string trouble = TextTrouble(payload); !trouble.empty()) return trouble;
    switch (channel.kind) {
        case ChannelKind::kSlack: return SlackTrouble(payload);
        case ChannelKind::kTeams: return TeamsTrouble(payload);
        case ChannelKind::kResend: return ResendTrouble(payload);
        case ChannelKind::kSmtp:
            return MimeTrouble(delivery::MakeMime(delivery::SmtpMail(payload, envelope)));
        case ChannelKind::kPagerduty: return PagerdutyTrouble(payload);
        case ChannelKind::kWebhook: return WebhookTrouble(payload);
    }
    return "unknown kind";
}

// One complete channel of each kind.
inline std::vector<delivery::Channel> AllChannels() {
    const std::string url = "https://hooks.example.com/services/T000/B000/secretsecret";
    const std::string mail = "\"P\xC3\xBClse, Inc.\" <alerts@example.com>";
    return {delivery::MakeChannel("slack", {{"kind", "slack"}}, {{"url", url}}),
            delivery::MakeChannel("teams", {{"kind", "teams"}}, {{"url", url}}),
            delivery::MakeChannel(
                "resend", {{"kind", "email"}, {"from", mail}, {"to", "a@example.com, B <b@example.com>"}},
                {{"api_key", "re_1234567890"}}),
            delivery::MakeChannel(
                "smtp",
                {{"kind", "email"}, {"host", "mail.example.com"}, {"from", mail}, {"to", "a@example.com"}},
                {{"user", "mail-user"}, {"password", "p"}}),
            delivery::MakeChannel("webhook", {{"kind", "webhook"}},
                                  {{"url", url}, {"secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}),
            delivery::MakeChannel("pagerduty", {{"kind", "pagerduty"}},
                                  {{"routing_key", "0123456789abcdef0123456789abcdef"}})};
}

}  // namespace pulse::testing
