#include "pulse/delivery/channel.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/base/error.hpp"
#include "pulse/delivery/mime.hpp"
#include "pulse/delivery/sign.hpp"

namespace pulse::delivery {

using options::Holder;

namespace {

// The limit of Resend.
constexpr size_t kMostReceivers = 50;

bool Among(char c, std::string_view marks) {
    return IsLetter(c) || IsDigit(c) || marks.find(c) != std::string_view::npos;
}

bool AllAmong(std::string_view text, std::string_view marks) {
    return std::all_of(text.begin(), text.end(), [&](char c) { return Among(c, marks); });
}

bool Printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// `value` is empty for a secret.
[[noreturn]] void ThrowBad(const char* option, const std::string& value, const char* hint) {
    throw UserError(sqlstate::kInvalidParameter,
                    std::string("invalid value for option \"") + option + "\" of a channel",
                    value.empty() ? "" : "It is \"" + value + "\".", hint);
}

bool IsHeader(const std::string& text) {
    const size_t colon = text.find(':');
    if (colon == 0 || colon == std::string::npos || !Printable(text)) return false;
    std::string name = text.substr(0, colon);
    if (!AllAmong(name, "!#$%&'*+-.^_`|~")) return false;
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    static constexpr std::string_view kOurs[] = {
        "host",       "content-type", "content-length", "transfer-encoding",
        "connection", "expect",       "user-agent",     "x-stratum-signature"};
    return std::find(std::begin(kOurs), std::end(kOurs), name) == std::end(kOurs) &&
           !name.starts_with("webhook-");
}

void CheckServer(const options::List& options) {
    if (!options::Value(options, "kind"))
        throw UserError(sqlstate::kInvalidParameter, "a channel needs the option \"kind\"", "",
                        "Give slack, teams, email, webhook or pagerduty.");
    for (const auto& [name, value] : options) {
        if (name == "max_in_flight" && options::ParseWhole(value).value_or(0) < 1)
            ThrowBad("max_in_flight", value, "Give an integer from 1.");
        if (name == "max_attempts" && options::ParseWhole(value).value_or(0) < 1)
            ThrowBad("max_attempts", value, "Give an integer from 1.");
        if (name == "host" && !AllAmong(value, ".-:[]_"))
            ThrowBad("host", value, "Give a host name or an IP address.");
        if (name != "from" && name != "to" && name != "reply_to") continue;
        const auto addresses = ParseAddresses(value);
        if (name == "to" && (!addresses || addresses->size() > kMostReceivers))
            ThrowBad("to", value, "Give up to 50 addresses such as ops@example.com, separated by commas.");
        if (name != "to" && (!addresses || addresses->size() != 1))
            ThrowBad(name.c_str(), value, "Give one address, such as 'Pulse <alerts@example.com>'.");
    }
}

void CheckMapping(const options::List& options) {
    for (const auto& [name, value] : options) {
        if (name == "secret" && !SigningKey(value))
            ThrowBad("secret", "", "Give whsec_ followed by 24 to 64 random bytes in Base64.");
        if (name == "former_secrets" && !ParseFormerSecrets(value))
            ThrowBad("former_secrets", "", "It is set by pulse_rotate_subscription_secret().");
        if (name == "header" && !IsHeader(value))
            ThrowBad("header", "",
                     "Give one header in ASCII, such as 'Authorization: Bearer ...'. Headers that Pulse sets "
                     "itself are not allowed.");
        if (name == "routing_key" && (value.size() != 32 || !AllAmong(value, "")))
            ThrowBad("routing_key", "",
                     "Give the integration key of PagerDuty's Events API v2: 32 letters and digits.");
        if (name == "api_key" && (!AllAmong(value, "_-.") || value.size() > 500))
            ThrowBad("api_key", "", "Give the key exactly as Resend shows it.");
        if ((name == "user" || name == "password") && std::any_of(value.begin(), value.end(), [](char c) {
                return static_cast<unsigned char>(c) < 0x20;
            }))
            ThrowBad(name.c_str(), "", "Control characters are not allowed.");
    }
}

}  // namespace

const char* Name(ChannelKind kind) {
    switch (kind) {
        case ChannelKind::kSlack: return "slack";
        case ChannelKind::kTeams: return "teams";
        case ChannelKind::kResend:
        case ChannelKind::kSmtp: return "email";
        case ChannelKind::kWebhook: return "webhook";
        case ChannelKind::kPagerduty: return "pagerduty";
    }
    return "";
}

const options::Table& ChannelOptions() {
    using K = options::Kind;
    constexpr Holder kServer = Holder::kServer, kMapping = Holder::kMapping;
    static const options::Table table(
        "channel",
        {{"kind",
          kServer,
          K::kWord,
          "",
          "kind of channel",
          {"slack", "teams", "email", "webhook", "pagerduty"}},
         {"provider", kServer, K::kWord, "", "how mail is sent; smtp if there is a host", {"resend", "smtp"}},
         {"from", kServer, K::kText, "", "sender of mail, such as Pulse <alerts@example.com>"},
         {"to", kServer, K::kText, "", "recipients of mail, separated by commas"},
         {"reply_to", kServer, K::kText, "", "address for replies to mail"},
         {"host", kServer, K::kText, "", "SMTP server"},
         {"port", kServer, K::kPort, "587", "port of the SMTP server"},
         {"tls",
          kServer,
          K::kWord,
          "starttls",
          "how SMTP is encrypted; none needs pulse.allow_http",
          {"starttls", "tls", "none"}},
         {"api_url", kServer, K::kUrl, "", "another URL of Resend's or PagerDuty's API"},
         {"ca_file",
          kServer,
          K::kText,
          "",
          "file with the certificates of trusted authorities",
          {},
          false,
          true},
         {"signature",
          kServer,
          K::kWord,
          "standard",
          "how webhooks are signed; stratum adds the header X-Stratum-Signature",
          {"standard", "stratum"}},
         {"connect_timeout", kServer, K::kDuration, "10s", "maximum wait for a connection"},
         {"timeout", kServer, K::kDuration, "30s", "maximum wait for an answer"},
         {"max_in_flight", kServer, K::kCount, "10", "maximum number of concurrent requests"},
         {"max_attempts", kServer, K::kCount, "10", "maximum number of attempts per message"},
         {"url", kMapping, K::kUrl, "", "URL of a Slack, Teams or other webhook", {}, true},
         {"secret",
          kMapping,
          K::kText,
          "",
          "key that signs webhooks: whsec_ and 24 to 64 bytes in Base64",
          {},
          true},
         {"former_secrets",
          kMapping,
          K::kText,
          "",
          "secrets before the last rotation and their ends: set by pulse_rotate_subscription_secret()",
          {},
          true},
         {"header",
          kMapping,
          K::kText,
          "",
          "additional header of webhooks, such as Authorization: Bearer ...",
          {},
          true},
         {"api_key", kMapping, K::kText, "", "Resend's key", {}, true},
         {"user", kMapping, K::kText, "", "SMTP user", {}, true},
         {"password", kMapping, K::kText, "", "SMTP password", {}, true},
         {"routing_key", kMapping, K::kText, "", "PagerDuty's integration key", {}, true}},
        {{{"min_severity", "segments", "tables", "owners", "tags", "detectors", "events", "quiet_hours",
           "time_zone", "cool_down", "digest", "digest_at", "group_wait", "escalate_after", "escalate_to"},
          "It is an argument of pulse_create_route(), which sends incidents to channels: % => ..."},
         {{"name"}, "It is an argument of the function: % => ..."}});
    return table;
}

void CheckChannelOptions(Holder holder, const options::List& options) {
    holder == Holder::kServer ? CheckServer(options) : CheckMapping(options);
}

Channel MakeChannel(const std::string& name, const options::List& server, const options::List& mapping) {
    Channel channel{name, ChannelKind::kWebhook, server, mapping};
    const std::string kind = ChannelOptions().Get(server, "kind");
    if (kind == "slack") channel.kind = ChannelKind::kSlack;
    if (kind == "teams") channel.kind = ChannelKind::kTeams;
    if (kind == "pagerduty") channel.kind = ChannelKind::kPagerduty;
    if (kind == "email") {
        const std::string provider = ChannelOptions().Get(server, "provider");
        const bool smtp = provider.empty() ? options::Value(server, "host").has_value() : provider == "smtp";
        channel.kind = smtp ? ChannelKind::kSmtp : ChannelKind::kResend;
    }
    // Checked again: an earlier version or a dump may have set options without these checks.
    CheckServer(server);
    CheckMapping(mapping);
    const std::string title = "channel \"" + name + "\"";
    switch (channel.kind) {
        case ChannelKind::kSlack:
        case ChannelKind::kTeams:
        case ChannelKind::kWebhook: options::Require(title, mapping, Holder::kMapping, {"url"}); break;
        case ChannelKind::kPagerduty:
            options::Require(title, mapping, Holder::kMapping, {"routing_key"});
            break;
        case ChannelKind::kResend:
            options::Require(title, server, Holder::kServer, {"from", "to"});
            options::Require(title, mapping, Holder::kMapping, {"api_key"});
            break;
        case ChannelKind::kSmtp:
            options::Require(title, server, Holder::kServer, {"host", "from", "to"});
            if (options::Value(mapping, "user"))
                options::Require(title, mapping, Holder::kMapping, {"password"});
            break;
    }
    return channel;
}

int MaxInFlight(const Channel& channel) {
    return static_cast<int>(
        options::ParseWhole(ChannelOptions().Get(channel.server, "max_in_flight")).value_or(1));
}

int MaxAttempts(const Channel& channel) {
    return static_cast<int>(
        options::ParseWhole(ChannelOptions().Get(channel.server, "max_attempts")).value_or(1));
}

}  // namespace pulse::delivery
