// From a payload to the request that sends it. This is the only place that adds secrets.
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/mime.hpp"
#include "pulse/delivery/sign.hpp"
#include "pulse/delivery/wording.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

std::string ServerOption(const Channel& channel, const char* name) {
    return ChannelOptions().Get(channel.server, name);
}

std::string Secret(const Channel& channel, const char* name) {
    return options::Value(channel.mapping, name).value_or("");
}

void AddSecret(http::Request& request, const std::string& secret) {
    if (!secret.empty()) request.secrets.push_back(secret);
}

// The path and the query of a URL are secret; an error may show them without the host.
void AddUrlSecret(http::Request& request, const std::string& url) {
    AddSecret(request, url);
    const size_t path = url.find('/', url.find("://") + 3);
    if (path != std::string::npos && url.size() - path > 8) request.secrets.push_back(url.substr(path));
}

// Receivers accept a webhook if one of its signatures is right.
void AddSignatures(http::Request& request, const Channel& channel, const Envelope& envelope, int64_t now) {
    std::vector<std::string> secrets{Secret(channel, "secret")};
    if (secrets[0].empty()) return;
    for (FormerSecret& former :
         ParseFormerSecrets(Secret(channel, "former_secrets")).value_or(std::vector<FormerSecret>()))
        if (former.until > now) secrets.push_back(std::move(former.secret));
    std::string signatures;
    for (const std::string& secret : secrets) {
        AddSecret(request, secret);
        if (const auto key = SigningKey(secret))
            signatures += (signatures.empty() ? "" : " ") + Signature(*key, envelope.key, now, request.body);
    }
    request.headers.emplace_back("webhook-signature", signatures);
    if (ServerOption(channel, "signature") == "stratum")
        request.headers.emplace_back("X-Stratum-Signature", StratumSignature(secrets[0], request.body));
}

void AddWebhookHeaders(http::Request& request, const Channel& channel, const Envelope& envelope, Moment now) {
    request.headers.emplace_back("webhook-id", envelope.key);
    request.headers.emplace_back("webhook-timestamp", std::to_string(UnixTime(now)));
    AddSignatures(request, channel, envelope, UnixTime(now));
    const std::string header = Secret(channel, "header");
    const size_t colon = header.find(':');
    if (colon == std::string::npos) return;
    const size_t value = header.find_first_not_of(' ', colon + 1);
    request.headers.emplace_back(header.substr(0, colon),
                                 value == std::string::npos ? "" : header.substr(value));
    AddSecret(request, request.headers.back().second);
    // "Bearer abc": the token alone is secret, too.
    const size_t last = request.headers.back().second.rfind(' ');
    if (last != std::string::npos) AddSecret(request, request.headers.back().second.substr(last + 1));
}

void FillResend(http::Request& request, const Channel& channel, const Envelope& envelope) {
    const std::string url = ServerOption(channel, "api_url"), key = Secret(channel, "api_key");
    request.url = url.empty() ? "https://api.resend.com/emails" : url;
    request.headers.emplace_back("Authorization", "Bearer " + key);
    request.headers.emplace_back("Idempotency-Key", envelope.key);
    AddSecret(request, key);
}

void FillPagerduty(http::Request& request, const Channel& channel, const json& payload) {
    const std::string url = ServerOption(channel, "api_url"), key = Secret(channel, "routing_key");
    request.url = url.empty() ? "https://events.pagerduty.com/v2/enqueue" : url;
    json body = payload;
    body["routing_key"] = key;
    request.body = DumpJson(body);
    AddSecret(request, key);
}

// The content of a message with its attachments, as Resend takes them.
json WithAttachments(json body, const std::vector<Attachment>& attachments) {
    if (attachments.empty()) return body;
    json& list = body["attachments"] = json::array();
    for (const Attachment& attachment : attachments)
        list.push_back({{"filename", attachment.name},
                        {"content", Base64(attachment.content)},
                        {"content_type", attachment.type}});
    return body;
}

void FillSmtp(http::Request& request, const Channel& channel, const Envelope& envelope, const json& payload,
              const std::vector<Attachment>& attachments) {
    const std::string tls = ServerOption(channel, "tls");
    std::string port = ServerOption(channel, "port");
    if (tls == "tls" && !options::Value(channel.server, "port")) port = "465";
    request.url = (tls == "tls" ? "smtps://" : "smtp://") + ServerOption(channel, "host") + ":" + port;
    http::Mail mail;
    Mail letter = SmtpMail(payload, envelope);
    letter.attachments = attachments;
    mail.from = letter.from.email;
    for (const MailAddress& address : letter.to) mail.to.push_back(address.email);
    mail.user = Secret(channel, "user");
    mail.password = Secret(channel, "password");
    mail.require_tls = tls != "none";
    AddSecret(request, mail.user);
    AddSecret(request, mail.password);
    request.mail = std::move(mail);
    request.body = MakeMime(letter);
}

int Milliseconds(const Channel& channel, const char* option) {
    return options::ParseSpan(ServerOption(channel, option)).value_or(10'000);
}

}  // namespace

http::Request MakeRequest(const Channel& channel, const Envelope& envelope, const json& payload, Moment now,
                          const std::vector<Attachment>& attachments) {
    http::Request request;
    request.connect_timeout = Milliseconds(channel, "connect_timeout");
    request.timeout = Milliseconds(channel, "timeout");
    request.ca_file = ServerOption(channel, "ca_file");
    if (channel.kind == ChannelKind::kSmtp) {
        FillSmtp(request, channel, envelope, payload, attachments);
        return request;
    }
    request.headers.emplace_back("Content-Type", "application/json");
    request.body =
        DumpJson(channel.kind == ChannelKind::kResend ? WithAttachments(payload, attachments) : payload);
    switch (channel.kind) {
        case ChannelKind::kResend: FillResend(request, channel, envelope); break;
        case ChannelKind::kPagerduty: FillPagerduty(request, channel, payload); break;
        default:
            request.url = Secret(channel, "url");
            AddUrlSecret(request, request.url);
            if (channel.kind == ChannelKind::kWebhook) AddWebhookHeaders(request, channel, envelope, now);
    }
    return request;
}

}  // namespace pulse::delivery
