// TikTok: {"code", "message", "data"}; nearly every error comes with status 200.
#include <algorithm>

#include "answer_text.hpp"

namespace pulse::audience {

namespace {

using nlohmann::json;

constexpr int64_t kMaintenance = 5 * kMinute;

bool AmongCodes(int64_t code, std::initializer_list<int64_t> codes) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// Without another word, a limit per minute is assumed: it is the one that is reached.
int64_t TiktokWait(const std::string& message, Moment now) {
    if (Mentions(message, "day") || Mentions(message, "daily")) {
        const int64_t passed = ((now % kDay) + kDay) % kDay;
        return kDay - passed;
    }
    if (Mentions(message, "second") || Mentions(message, "qps")) return kSecond;
    return 5 * kMinute;
}

// One audience, as /get/ and /list/ write it.
const json& Details(const json& entry) {
    const json& details = At(entry, {"audience_details"});
    return details.is_object() ? details : entry;
}

Answer TiktokAudience(const json& body) {
    const json& entry = Details(FirstAt(body, {"data", "list"}));
    if (!entry.is_object()) return Say(Outcome::kGone, "TikTok does not have this audience any more");
    Answer answer = Say(Outcome::kDone, "");
    AudienceState state;
    state.size_low = state.size_high = WholeAt(entry, {"cover_num"});
    state.usable = !At(entry, {"is_valid"}).is_boolean() || FlagAt(entry, {"is_valid"});
    state.expiring = FlagAt(entry, {"is_expiring"});
    state.status = TextAt(entry, {"error_msg"});
    if (state.status.empty()) state.status = state.usable ? "valid" : "not valid";
    answer.audience = std::move(state);
    return answer;
}

Answer TiktokError(Call call, int64_t code, const std::string& message, Moment now) {
    const auto reason = [&](const char* what) {
        return std::string("TikTok ") + what + " (" + std::to_string(code) + ")" +
               (message.empty() ? "" : ": " + message);
    };
    if (AmongCodes(code, {40102, 40104, 40105, 40106}))
        return Say(Outcome::kRenewToken, reason("did not accept the access token"));
    if (AmongCodes(code, {40100, 40016, 40133, 40132}))
        return Say(Outcome::kThrottled, reason("gets too many requests"), TiktokWait(message, now));
    if (AmongCodes(code, {50000, 50002, 51305, 60001}))
        return Say(Outcome::kRetry, reason("reported a temporary error"), kMaintenance);
    if (AmongCodes(code, {40202, 40201})) return Say(Outcome::kRetry, reason("is busy with this audience"));
    if (AmongCodes(code, {40002}) && (Mentions(message, "updating") || Mentions(message, "being updated")))
        return Say(Outcome::kRetry, reason("is busy with this audience"), kMaintenance);
    if (code == 20001) return Say(Outcome::kPartial, reason("did it in part"));
    const bool audience = call != Call::kCreate && call != Call::kFind;
    if (audience && AmongCodes(code, {40002, 40007}) && Mentions(message, "audience") &&
        (Mentions(message, "not exist") || Mentions(message, "not found") || Mentions(message, "deleted")))
        return Say(Outcome::kGone, reason("does not have this audience any more"));
    if (AmongCodes(code, {40001, 40118, 40119, 40125}))
        return SayBlocked(Platform::kTiktok, Need::kPermission, reason("does not allow this"));
    if (code >= 50000) return Say(Outcome::kRetry, reason("reported a temporary error"), kMaintenance);
    return Say(Outcome::kRefused, reason("refused the request"));
}

}  // namespace

Answer ReadTiktok(Call call, const http::Response& response, const json& body, Moment now) {
    const std::optional<int64_t> code = WholeAt(body, {"code"});
    const std::string message = TextAt(body, {"message"});
    if (!code || (*code == 0 && !response.ok())) {
        Answer answer = ByStatus(Platform::kTiktok, response, message);
        if (answer.outcome == Outcome::kDone)
            return Say(Outcome::kRetry, "TikTok's answer is not the JSON that it documents");
        return answer;
    }
    if (*code == 40050) {
        Answer answer = Say(Outcome::kDone, "");
        answer.warnings.push_back("TikTok took an earlier request for this one (40050)");
        return answer;
    }
    if (*code != 0) return TiktokError(call, *code, message, now);
    if (call == Call::kAudience) return TiktokAudience(body);
    Answer answer = Say(Outcome::kDone, "");
    if (call == Call::kCreate) {
        answer.id = TextAt(body, {"data", "audience_id"});
        if (answer.id.empty()) return Say(Outcome::kRetry, "TikTok's answer has no id of the audience");
    }
    return answer;
}

}  // namespace pulse::audience
