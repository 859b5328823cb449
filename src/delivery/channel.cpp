#include "pulse/delivery/channel.hpp"

#include "pulse/base/error.hpp"

namespace pulse::delivery {

using options::Holder;

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
        {{"kind", kServer, K::kWord, "", "what it is", {"slack", "teams", "email", "webhook", "pagerduty"}},
         {"provider", kServer, K::kWord, "", "how mail is sent; smtp when there is a host", {"resend", "smtp"}},
         {"from", kServer, K::kText, "", "sender of mail, as Pulse <alerts@example.com>"},
         {"to", kServer, K::kText, "", "receivers of mail, separated by commas"},
         {"reply_to", kServer, K::kText, "", "where answers to mail go"},
         {"host", kServer, K::kText, "", "SMTP server"},
         {"port", kServer, K::kPort, "587", "its port"},
         {"tls", kServer, K::kWord, "starttls", "how SMTP is encrypted; none needs pulse.allow_http",
          {"starttls", "tls", "none"}},
         {"api_url", kServer, K::kUrl, "", "another address of Resend's or PagerDuty's API"},
         {"ca_file", kServer, K::kText, "", "file with the certificates of authorities trusted", {}, false, true},
         {"connect_timeout", kServer, K::kDuration, "10s", "longest wait for a connection"},
         {"timeout", kServer, K::kDuration, "30s", "longest wait for an answer"},
         {"max_in_flight", kServer, K::kCount, "10", "most requests under way at once"},
         {"max_attempts", kServer, K::kCount, "10", "tries before a message is given up"},
         {"url", kMapping, K::kUrl, "", "address of a Slack, Teams or other webhook", {}, true},
         {"secret", kMapping, K::kText, "", "signs webhooks: whsec_ and Base64 of 24 to 64 bytes", {}, true},
         {"header", kMapping, K::kText, "", "one more header of webhooks, as Authorization: Bearer ...", {}, true},
         {"api_key", kMapping, K::kText, "", "Resend's key", {}, true},
         {"user", kMapping, K::kText, "", "SMTP user", {}, true},
         {"password", kMapping, K::kText, "", "SMTP password", {}, true},
         {"routing_key", kMapping, K::kText, "", "PagerDuty's integration key", {}, true}});
    return table;
}

void CheckChannelOptions(Holder holder, const options::List& options) {
    if (holder == Holder::kServer && !options::Value(options, "kind"))
        throw UserError(sqlstate::kInvalidParameter, "a channel needs the option \"kind\"", "",
                        "Give slack, teams, email, webhook or pagerduty.");
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
