#include "pulse/delivery/classify_response.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::delivery {

namespace {

using http::Classification;
using http::ClassifyStatus;
using http::kLongestWait;
using http::Reason;
using http::Verdict;
using nlohmann::json;

// An inactive n8n workflow may be activated later; Resend's quotas are renewed daily.
constexpr int64_t kInactiveWait = 10 * kMinute;
constexpr int64_t kQuotaWait = 6 * kHour;
constexpr size_t kLongestReason = 300;

// The beginning of the answer in one line, short enough for a reason.
std::string Excerpt(const std::string& body) {
    std::string line;
    for (const char c : body) {
        const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
        if (!blank)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
        if (line.size() > kLongestReason) break;
    }
    line.resize(CharacterBorder(line, kLongestReason));
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

bool Contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

bool LooksLikeHtml(const http::Response& answer) {
    const size_t first = answer.body.find_first_not_of(" \t\r\n");
    return answer.content_type.starts_with("text/html") ||
           (first != std::string::npos && answer.body[first] == '<');
}

// A string of the answer's JSON object; empty if there is none.
std::string Field(const http::Response& answer, const char* name) {
    const json value = ParseJsonOrDiscard(answer.body);
    if (!value.is_object()) return "";
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : "";
}

bool IsOneOf(const std::string& word, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* known) { return word == known; });
}

// Slack answers with error codes in plain text.
Classification ClassifySlack(const http::Response& answer) {
    const std::string word = Excerpt(answer.body);
    if (IsOneOf(word, {"no_service", "no_service_id", "channel_is_archived", "channel_not_found",
                       "team_disabled", "invalid_token"}))
        return Classification::Gone(Reason("Slack's webhook no longer works", answer.status, word));
    if (IsOneOf(word,
                {"invalid_payload", "no_text", "user_not_found", "too_many_attachments", "action_prohibited",
                 "posting_to_general_channel_denied", "invalid_blocks", "msg_blocks_too_long"}))
        return Classification::Refused(Reason("Slack refused the message", answer.status, word));
    return ClassifyStatus(answer.status, word);
}

// Old connectors answer with status 200 and put the status of a failure into the text.
Classification ClassifyTeams(const http::Response& answer) {
    constexpr const char* kHidden = "HTTP error ";
    const size_t at = answer.body.find(kHidden);
    if (answer.status == 200 && at != std::string::npos) {
        const int hidden = std::atoi(answer.body.c_str() + at + std::char_traits<char>::length(kHidden));
        if (hidden >= 300 && hidden < 600)
            return ClassifyStatus(hidden, "reported in an answer with status 200");
        return Classification::Retry(Excerpt(answer.body));
    }
    return ClassifyStatus(answer.status, Excerpt(answer.body));
}

Classification ClassifyResend(const http::Response& answer) {
    const std::string name = Field(answer, "name");
    const std::string message = Excerpt(Field(answer, "message"));
    const std::string said =
        name.empty() ? Excerpt(answer.body) : name + (message.empty() ? "" : ", " + message);
    // All attempts have the same key, so sending again is harmless.
    if (answer.status < 300 && LooksLikeHtml(answer))
        return Classification::Retry("the answer is an HTML page instead of Resend's JSON");
    if (answer.status == 409 && name == "concurrent_idempotent_requests")
        return Classification::Retry(Reason("Resend is still processing this message", answer.status, name));
    if (answer.status == 429 && IsOneOf(name, {"daily_quota_exceeded", "monthly_quota_exceeded"})) {
        Classification classified =
            Classification::Retry(Reason("Resend's quota is used up", answer.status, name), true);
        classified.wait = kQuotaWait;
        return classified;
    }
    return ClassifyStatus(answer.status, said);
}

Classification ClassifyPagerduty(const http::Response& answer) {
    if (answer.status < 300 && LooksLikeHtml(answer))
        return Classification::Retry("the answer is an HTML page instead of PagerDuty's JSON");
    const json value = ParseJsonOrDiscard(answer.body);
    std::string said = Field(answer, "message");
    if (value.is_object() && value.contains("errors") && value["errors"].is_array())
        for (const json& error : value["errors"])
            if (error.is_string()) said += "; " + error.get<std::string>();
    return ClassifyStatus(answer.status, Excerpt(said.empty() ? answer.body : said));
}

Classification ClassifyWebhook(const http::Response& answer) {
    if (answer.status == 404 && Contains(answer.body, "webhook") && Contains(answer.body, "not registered")) {
        Classification classified = Classification::Retry("the workflow is not active (404)");
        classified.wait = kInactiveWait;
        return classified;
    }
    return ClassifyStatus(answer.status, Excerpt(answer.body));
}

Classification ClassifyMail(const http::Response& answer) {
    const std::string said = Excerpt(answer.body);
    if (answer.status >= 200 && answer.status < 300) return Classification::Delivered();
    if (answer.status == 530 || answer.status == 534 || answer.status == 535 || answer.status == 538)
        return Classification::Refused(Reason("the mail server refused the login", answer.status, said));
    if (answer.status >= 500)
        return Classification::Refused(Reason("the mail server refused the mail", answer.status, said));
    // 421: the server closes the connection; 450, 451, 452: rate limit, greylisting or full mailbox.
    return Classification::Retry(Reason("the mail server asked to try again later", answer.status, said));
}

Classification ByKind(ChannelKind kind, const http::Response& answer) {
    switch (kind) {
        case ChannelKind::kSlack: return ClassifySlack(answer);
        case ChannelKind::kTeams: return ClassifyTeams(answer);
        case ChannelKind::kResend: return ClassifyResend(answer);
        case ChannelKind::kSmtp: return ClassifyMail(answer);
        case ChannelKind::kWebhook: return ClassifyWebhook(answer);
        case ChannelKind::kPagerduty: return ClassifyPagerduty(answer);
    }
    return ClassifyStatus(answer.status, Excerpt(answer.body));
}

}  // namespace

Classification ClassifyResponse(ChannelKind kind, const http::Response& answer) {
    if (answer.forbidden) return Classification::Refused(answer.error);
    const bool refused_mail = kind == ChannelKind::kSmtp && answer.status >= 500;
    Classification classified;
    if (refused_mail || (answer.error.empty() && answer.status != 0)) {
        classified = ByKind(kind, answer);
    } else {
        // A certificate may be renewed and a host name may resolve again. A refusal stays one even if the
        // connection was lost after it.
        classified = Classification::Retry(answer.error.empty() ? "no answer" : answer.error);
        if (answer.status >= 400) {
            const Classification said = ByKind(kind, answer);
            if (said.verdict != Verdict::kRetry || said.overloaded) classified = said;
        }
    }
    if (classified.verdict == Verdict::kRetry && answer.retry_after && *answer.retry_after > 0) {
        classified.wait =
            std::max(classified.wait, std::min(*answer.retry_after, kLongestWait / kSecond) * kSecond);
        classified.overloaded = true;  // a receiver that sends Retry-After expects to recover
    }
    return classified;
}

}  // namespace pulse::delivery
