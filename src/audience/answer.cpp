#include "pulse/audience/answer.hpp"

#include <algorithm>

#include "answer_text.hpp"
#include "pulse/delivery/classify_response.hpp"
#include "pulse/delivery/escape.hpp"
#include "wire.hpp"

namespace pulse::audience {

namespace {

using nlohmann::json;

constexpr size_t kLongestReason = 500;
// A shorter text may be anything.
constexpr size_t kShortestSecret = 6;

Answer ReadWebhook(const http::Response& response) {
    const http::Classification said = delivery::ClassifyResponse(delivery::ChannelKind::kWebhook, response);
    switch (said.verdict) {
        case http::Verdict::kDelivered: return Say(Outcome::kDone, "");
        case http::Verdict::kRetry:
            return Say(said.overloaded ? Outcome::kThrottled : Outcome::kRetry, said.reason, said.wait);
        case http::Verdict::kRefused:
            if (response.status == 401 || response.status == 403)
                return SayBlocked(Platform::kWebhook, Need::kReceiver, said.reason);
            return Say(Outcome::kRefused, said.reason);
        case http::Verdict::kGone: return Say(Outcome::kGone, said.reason);
    }
    return Say(Outcome::kRetry, said.reason);
}

// Whether the platform answers this call with a JSON object when all is well.
bool NeedsBody(Platform platform, Call call) {
    return call != Call::kDelete || platform != Platform::kSnapchat;
}

Answer ReadPlatform(const Destination& destination, Call call, const http::Response& response,
                    const json& body, Moment now) {
    switch (destination.platform) {
        case Platform::kMeta: return ReadMeta(call, response, body);
        case Platform::kGoogle: return ReadGoogle(call, response, body);
        case Platform::kTiktok: return ReadTiktok(call, response, body, now);
        case Platform::kSnapchat: return ReadSnapchat(call, response, body);
        default: return Say(Outcome::kRefused, "a file has no answers");
    }
}

std::string FoundId(Platform platform, const json& body, const std::string& name) {
    switch (platform) {
        case Platform::kMeta: return FindByName(At(body, {"data"}), name, "name", "id");
        case Platform::kGoogle: {
            std::string id = FindByName(At(body, {"userLists"}), name, "displayName", "id");
            if (id.empty()) id = FindByName(At(body, {"userLists"}), name, "displayName", "name");
            return id.erase(0, id.rfind('/') + 1);
        }
        case Platform::kTiktok:
            return FindByName(At(body, {"data", "list"}), TiktokName(name), "name", "audience_id");
        case Platform::kSnapchat: return FindByName(At(body, {"segments"}), name, "name", "id", "segment");
        default: return "";
    }
}

Answer ReadJson(const Destination& destination, Call call, const http::Response& response, Moment now,
                const std::string& audience_name) {
    bool readable = false;
    const json body = ReadBody(response.body, &readable);
    const std::string title = Title(destination.platform);
    if (call == Call::kRenew) return ReadToken(destination.platform, response, body, now);
    // An error page instead of JSON comes from something between, which is temporary. Snapchat's 401 is a
    // text.
    const bool means_something = response.status == 401 || response.status == 403 || response.status == 404 ||
                                 response.status == 410 || response.status == 429;
    if (!readable &&
        (response.ok() ? NeedsBody(destination.platform, call) && response.status != 204 : !means_something))
        return Say(Outcome::kRetry, http::Reason((title + "'s answer is not JSON").c_str(), response.status,
                                                 delivery::Clean(response.body, 100)));
    if (!readable && response.ok()) return Say(Outcome::kDone, "");
    Answer answer = ReadPlatform(destination, call, response, body, now);
    if (call == Call::kFind && answer.outcome == Outcome::kDone) {
        answer.id = FoundId(destination.platform, body, audience_name);
        const json& pages = At(body, {"data", "page_info"});
        answer.more = answer.id.empty() &&
                      WholeAt(pages, {"page"}).value_or(1) < WholeAt(pages, {"total_page"}).value_or(1);
    }
    // What is not there is deleted.
    if (call == Call::kDelete && answer.outcome == Outcome::kGone) answer = Say(Outcome::kDone, "");
    return answer;
}

void HideSecrets(const Destination& destination, std::string& text) {
    for (const auto& [name, value] : destination.mapping) {
        if (value.size() < kShortestSecret) continue;
        for (size_t at = text.find(value); at != std::string::npos; at = text.find(value, at + 3))
            text.replace(at, value.size(), "***");
    }
}

}  // namespace

const char* Name(Outcome outcome) {
    switch (outcome) {
        case Outcome::kDone: return "done";
        case Outcome::kPending: return "pending";
        case Outcome::kPartial: return "partial";
        case Outcome::kBadRows: return "bad_rows";
        case Outcome::kRetry: return "retry";
        case Outcome::kThrottled: return "throttled";
        case Outcome::kRenewToken: return "renew_token";
        case Outcome::kRestart: return "restart";
        case Outcome::kRefused: return "refused";
        case Outcome::kBlocked: return "blocked";
        case Outcome::kGone: return "gone";
        case Outcome::kFlagged: return "flagged";
    }
    return "";
}

Answer ReadToken(Platform platform, const http::Response& response, const json& body, Moment now) {
    const std::string error = TextAt(body, {"error"}), description = TextAt(body, {"error_description"});
    const std::string said = error + (description.empty() ? "" : ", " + description);
    const std::string title = Title(platform);
    if (response.ok()) {
        const json& token = At(body, {"access_token"});
        const bool valid = token.is_string() && !token.get_ref<const std::string&>().empty() &&
                           token.get_ref<const std::string&>().size() <= 5000;
        if (!valid || !error.empty())
            return Say(Outcome::kRetry,
                       title + "'s answer has no access token" + (said.empty() ? "" : ": " + said));
        Answer answer = Say(Outcome::kDone, "");
        answer.token.emplace();
        answer.token->access_token = token.get<std::string>();
        const json& refresh = At(body, {"refresh_token"});
        if (refresh.is_string() && !refresh.get_ref<const std::string&>().empty())
            answer.token->refresh_token = refresh.get<std::string>();
        answer.token->lifetime =
            std::clamp<int64_t>(WholeAt(body, {"expires_in"}).value_or(0), 0, 400 * 86'400) * kSecond;
        // What is left of the refresh token, where it ends by time at all.
        for (const char* key : {"refresh_token_expires_in", "refresh_expires_in"})
            if (const auto left = WholeAt(body, {key}); left && *left > 0)
                answer.token->login_ends = now + std::min<int64_t>(*left, 4000 * 86'400) * kSecond;
        return answer;
    }
    if (error == "invalid_grant")
        return Say(
            Outcome::kRenewToken,
            http::Reason(
                (title +
                 " does not accept the refresh token any more: log in again and set it in the user mapping")
                    .c_str(),
                response.status, said));
    if (error == "invalid_client" || error == "unauthorized_client")
        return Say(Outcome::kRenewToken,
                   http::Reason((title + " does not accept client_id and client_secret").c_str(),
                                response.status, said));
    return ByStatus(platform, response, said);
}

Answer ReadAnswer(const Destination& destination, Call call, const http::Response& response, Moment now,
                  const std::string& audience_name) {
    Answer answer;
    if (destination.platform == Platform::kWebhook) {
        answer = ReadWebhook(response);
    } else if (response.forbidden) {
        answer = Say(Outcome::kRefused, response.error);
    } else if (!response.error.empty() || response.status == 0) {
        answer = Say(Outcome::kRetry, response.error.empty() ? "no answer" : response.error);
    } else {
        answer = ReadJson(destination, call, response, now, audience_name);
    }
    if (response.retry_after && *response.retry_after > 0 &&
        (answer.outcome == Outcome::kRetry || answer.outcome == Outcome::kThrottled))
        answer.wait =
            std::max(answer.wait, std::min<int64_t>(*response.retry_after, kDay / kSecond) * kSecond);
    answer.wait = std::clamp<int64_t>(answer.wait, 0, kDay);
    HideSecrets(destination, answer.reason);
    for (std::string& warning : answer.warnings) HideSecrets(destination, warning);
    answer.reason = delivery::Clean(answer.reason, kLongestReason);
    return answer;
}

}  // namespace pulse::audience
