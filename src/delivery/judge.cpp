#include "pulse/delivery/judge.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

constexpr int64_t kLongestWait = kDay;
// n8n: a workflow that is not active may be activated later. Resend: a quota comes back by the day.
constexpr int64_t kInactiveWait = 10 * kMinute;
constexpr int64_t kQuotaWait = 6 * kHour;
constexpr size_t kLongestReason = 300;

// The first line of the answer, as far as a reason can hold it.
std::string Excerpt(const std::string& body) {
    std::string line;
    for (const char c : body) {
        const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
        if (!blank)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
        if (line.size() >= kLongestReason) break;
    }
    // Never half a character: its last bytes are 10xxxxxx, its first is 11xxxxxx.
    if (line.size() >= kLongestReason) {
        while (!line.empty() && (line.back() & 0xC0) == 0x80) line.pop_back();
        if (!line.empty() && (line.back() & 0x80) != 0) line.pop_back();
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

bool Contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

bool LooksLikeHtml(const Answer& answer) {
    const size_t first = answer.body.find_first_not_of(" \t\r\n");
    return answer.content_type.starts_with("text/html") ||
           (first != std::string::npos && answer.body[first] == '<');
}

// The value of a text field of the answer's JSON object.
std::string Field(const Answer& answer, const char* name) {
    const json value = ParseJsonOrDiscard(answer.body);
    if (!value.is_object()) return "";
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string Reason(const char* what, int status, const std::string& said) {
    std::string reason = std::string(what) + " (" + std::to_string(status) + ")";
    return said.empty() ? reason : reason + ": " + said;
}

Judgement Delivered() {
    return {Verdict::kDelivered, "", 0, false};
}

Judgement Retry(std::string reason, bool overloaded = false) {
    return {Verdict::kRetry, std::move(reason), 0, overloaded};
}

Judgement Refused(std::string reason) {
    return {Verdict::kRefused, std::move(reason), 0, false};
}

Judgement Gone(std::string reason) {
    return {Verdict::kGone, std::move(reason), 0, false};
}

// What the status says by itself; any 2xx is delivered.
Judgement ByStatus(int status, const std::string& said) {
    if (status >= 200 && status < 300) return Delivered();
    if (status == 429) return Retry(Reason("too many messages", status, said), true);
    if (status == 408 || status == 425 || status >= 500) {
        const bool permanent = status == 501 || status == 505;
        if (!permanent) return Retry(Reason("the receiver has trouble", status, said), status == 529);
    }
    if (status >= 300 && status < 400)
        return Refused(Reason("the receiver leads elsewhere, which is not followed", status, ""));
    if (status == 401 || status == 403)
        return Refused(Reason("the receiver does not accept our key", status, said));
    if (status == 410) return Gone(Reason("the receiver is gone", status, said));
    if (status == 404) return Refused(Reason("there is no such receiver", status, said));
    if (status < 200) return Retry(Reason("no whole answer", status, said));
    return Refused(Reason("the receiver refuses the message", status, said));
}

bool IsOneOf(const std::string& word, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* known) { return word == known; });
}

// Answers are words in plain text.
Judgement JudgeSlack(const Answer& answer) {
    const std::string word = Excerpt(answer.body);
    if (IsOneOf(word, {"no_service", "no_service_id", "channel_is_archived", "channel_not_found",
                       "team_disabled", "invalid_token"}))
        return Gone(Reason("Slack's webhook does not work any more", answer.status, word));
    if (IsOneOf(word,
                {"invalid_payload", "no_text", "user_not_found", "too_many_attachments", "action_prohibited",
                 "posting_to_general_channel_denied", "invalid_blocks", "msg_blocks_too_long"}))
        return Refused(Reason("Slack refuses the message", answer.status, word));
    return ByStatus(answer.status, word);
}

// Old connectors hide the status of what failed behind them in a 200.
Judgement JudgeTeams(const Answer& answer) {
    constexpr const char* kHidden = "HTTP error ";
    const size_t at = answer.body.find(kHidden);
    if (answer.status == 200 && at != std::string::npos) {
        const int hidden = std::atoi(answer.body.c_str() + at + std::char_traits<char>::length(kHidden));
        if (hidden >= 300 && hidden < 600) return ByStatus(hidden, "hidden in an answer with status 200");
        return Retry(Excerpt(answer.body));
    }
    return ByStatus(answer.status, Excerpt(answer.body));
}

Judgement JudgeResend(const Answer& answer) {
    const std::string name = Field(answer, "name");
    const std::string message = Excerpt(Field(answer, "message"));
    const std::string said =
        name.empty() ? Excerpt(answer.body) : name + (message.empty() ? "" : ", " + message);
    // With one key for all tries, sending again is harmless.
    if (answer.status < 300 && LooksLikeHtml(answer))
        return Retry("the answer is a page instead of Resend's JSON");
    if (answer.status == 409 && name == "concurrent_idempotent_requests")
        return Retry(Reason("Resend is working on the same message", answer.status, name));
    if (answer.status == 429 && IsOneOf(name, {"daily_quota_exceeded", "monthly_quota_exceeded"})) {
        Judgement judgement = Retry(Reason("Resend's quota is used up", answer.status, name), true);
        judgement.wait = kQuotaWait;
        return judgement;
    }
    return ByStatus(answer.status, said);
}

Judgement JudgePagerduty(const Answer& answer) {
    if (answer.status < 300 && LooksLikeHtml(answer))
        return Retry("the answer is a page instead of PagerDuty's JSON");
    const json value = ParseJsonOrDiscard(answer.body);
    std::string said = Field(answer, "message");
    if (value.is_object() && value.contains("errors") && value["errors"].is_array())
        for (const json& error : value["errors"])
            if (error.is_string()) said += "; " + error.get<std::string>();
    return ByStatus(answer.status, Excerpt(said.empty() ? answer.body : said));
}

Judgement JudgeWebhook(const Answer& answer) {
    if (answer.status == 404 && Contains(answer.body, "webhook") && Contains(answer.body, "not registered")) {
        Judgement judgement = Retry("the workflow is not active (404)");
        judgement.wait = kInactiveWait;
        return judgement;
    }
    return ByStatus(answer.status, Excerpt(answer.body));
}

Judgement JudgeMail(const Answer& answer) {
    const std::string said = Excerpt(answer.body);
    if (answer.status >= 200 && answer.status < 300) return Delivered();
    if (answer.status == 530 || answer.status == 534 || answer.status == 535 || answer.status == 538)
        return Refused(Reason("the mail server refused the login", answer.status, said));
    if (answer.status >= 500) return Refused(Reason("the mail server refuses the mail", answer.status, said));
    // 421: the server closes; 450, 451, 452: too often, greylisted or full.
    return Retry(Reason("the mail server asks to try later", answer.status, said));
}

Judgement ByKind(ChannelKind kind, const Answer& answer) {
    switch (kind) {
        case ChannelKind::kSlack: return JudgeSlack(answer);
        case ChannelKind::kTeams: return JudgeTeams(answer);
        case ChannelKind::kResend: return JudgeResend(answer);
        case ChannelKind::kSmtp: return JudgeMail(answer);
        case ChannelKind::kWebhook: return JudgeWebhook(answer);
        case ChannelKind::kPagerduty: return JudgePagerduty(answer);
    }
    return ByStatus(answer.status, Excerpt(answer.body));
}

}  // namespace

Judgement Judge(ChannelKind kind, const Answer& answer) {
    if (answer.forbidden) return Refused(answer.error);
    const bool refused_mail = kind == ChannelKind::kSmtp && answer.status >= 500;
    Judgement judgement;
    if (refused_mail || (answer.error.empty() && answer.status != 0)) {
        judgement = ByKind(kind, answer);
    } else {
        // A certificate can be renewed and a name come back. What broke off after a refusal was a refusal all
        // the same.
        judgement = Retry(answer.error.empty() ? "no answer" : answer.error);
        if (answer.status >= 400) {
            const Judgement said = ByKind(kind, answer);
            if (said.verdict != Verdict::kRetry || said.overloaded) judgement = said;
        }
    }
    if (judgement.verdict == Verdict::kRetry && answer.retry_after && *answer.retry_after > 0) {
        judgement.wait =
            std::max(judgement.wait, std::min(*answer.retry_after, kLongestWait / kSecond) * kSecond);
        judgement.overloaded = true;  // who names a time will be there again
    }
    return judgement;
}

int64_t RetryDelay(int attempts, int64_t wait, double jitter) {
    constexpr int64_t kFirst = 5 * kSecond, kMost = 6 * kHour;
    int64_t delay = kFirst;
    for (int i = 1; i < attempts && delay < kMost; ++i) delay *= 4;
    delay = std::min(delay, kMost);
    delay = static_cast<int64_t>(static_cast<double>(delay) * (0.75 + 0.25 * std::clamp(jitter, 0.0, 1.0)));
    return std::max(delay, std::clamp<int64_t>(wait, 0, kLongestWait));
}

int64_t RestPause(int overloads) {
    constexpr int64_t kMost = 10 * kMinute;
    int64_t pause = kSecond;
    for (int i = 1; i < overloads && pause < kMost; ++i) pause *= 2;
    return std::min(pause, kMost);
}

int64_t BreakerPause(int failures, double jitter) {
    constexpr int kTolerated = 4;
    constexpr int64_t kFirst = 10 * kSecond, kMost = 10 * kMinute;
    if (failures <= kTolerated) return 0;
    int64_t pause = kFirst;
    for (int i = kTolerated + 1; i < failures && pause < kMost; ++i) pause *= 2;
    pause = std::min(pause, kMost);
    return static_cast<int64_t>(static_cast<double>(pause) * (0.75 + 0.25 * std::clamp(jitter, 0.0, 1.0)));
}

}  // namespace pulse::delivery
