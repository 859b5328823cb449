// Meta: {"error": {"code", "error_subcode", …}}; an expired token comes with status 400.
#include <algorithm>

#include "answer_text.hpp"
#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"

namespace pulse::audience {

namespace {

using nlohmann::json;

enum class MetaAnswer {
    kToken,
    kRefused,
    kTerms,
    kPermission,
    kAccount,
    kShared,
    kGone,
    kFlagged,
    kThrottled,
    kRetry,
    kRestart,
    kBusy
};

struct MetaCode {
    int code;
    int subcode;  // 0: any
    MetaAnswer answer;
};
// The first that fits counts.
constexpr MetaCode kMetaCodes[] = {{190, 0, MetaAnswer::kToken},
                                   {102, 0, MetaAnswer::kToken},
                                   {100, 33, MetaAnswer::kGone},
                                   {100, 1713230, MetaAnswer::kFlagged},
                                   {100, 1713231, MetaAnswer::kFlagged},
                                   {100, 0, MetaAnswer::kRefused},
                                   {2650, 1870145, MetaAnswer::kBusy},
                                   {2650, 1870158, MetaAnswer::kRestart},
                                   {2650, 1870147, MetaAnswer::kRestart},
                                   {2650, 1870159, MetaAnswer::kRestart},
                                   {2650, 0, MetaAnswer::kRefused},
                                   {1487366, 0, MetaAnswer::kGone},
                                   {1487301, 0, MetaAnswer::kShared},
                                   {471, 0, MetaAnswer::kFlagged},
                                   {4, 0, MetaAnswer::kThrottled},
                                   {17, 0, MetaAnswer::kThrottled},
                                   {32, 0, MetaAnswer::kThrottled},
                                   {613, 0, MetaAnswer::kThrottled},
                                   {80003, 0, MetaAnswer::kThrottled},
                                   {1, 0, MetaAnswer::kRetry},
                                   {2, 0, MetaAnswer::kRetry},
                                   {341, 0, MetaAnswer::kRetry},
                                   {200, 1870050, MetaAnswer::kTerms},
                                   {200, 1870090, MetaAnswer::kTerms},
                                   {200, 0, MetaAnswer::kPermission},
                                   {294, 0, MetaAnswer::kPermission},
                                   {10, 0, MetaAnswer::kPermission},
                                   {105, 0, MetaAnswer::kRefused},
                                   {368, 0, MetaAnswer::kAccount},
                                   {2655, 0, MetaAnswer::kTerms}};

// How long Meta asks to wait, from its header about usage: minutes, of several accounts the longest.
int64_t RegainWait(const http::Response& response) {
    double minutes = 0;
    for (const auto& [name, value] : response.headers) {
        if (name != "x-business-use-case-usage") continue;
        const json usage = ReadBody(value);
        for (const auto& [account, entries] : usage.items())
            if (entries.is_array())
                for (const json& entry : entries)
                    minutes =
                        std::max(minutes, NumberAt(entry, {"estimated_time_to_regain_access"}).value_or(0));
    }
    return static_cast<int64_t>(std::clamp(minutes, 0.0, 24.0 * 60) * static_cast<double>(kMinute));
}

std::optional<MetaAnswer> FindMetaCode(int64_t code, int64_t subcode) {
    // Long codes about audiences stand in either place, and say more than the code beside them.
    for (const MetaCode& known : kMetaCodes)
        if (known.code > 1'000'000 && (known.code == code || known.code == subcode)) return known.answer;
    // Terms that nobody accepted are said with several codes.
    if (subcode == 1870050 || subcode == 1870090) return MetaAnswer::kTerms;
    for (const MetaCode& known : kMetaCodes)
        if (known.code == code && (known.subcode == 0 || known.subcode == subcode)) return known.answer;
    if (code >= 200 && code < 300) return MetaAnswer::kPermission;
    if (code >= 80'000 && code < 80'015) return MetaAnswer::kThrottled;
    return std::nullopt;
}

Answer SayFlagged(std::string reason) {
    Answer answer = Say(Outcome::kFlagged, std::move(reason));
    answer.advice = FlaggedAdvice();
    return answer;
}

Answer MetaError(Call call, const http::Response& response, const json& error) {
    const int64_t code = WholeAt(error, {"code"}).value_or(0),
                  subcode = WholeAt(error, {"error_subcode"}).value_or(0);
    std::string said = TextAt(error, {"error_user_msg"});
    if (said.empty()) said = TextAt(error, {"message"});
    const std::string number = std::to_string(code) + (subcode ? "/" + std::to_string(subcode) : "");
    const auto reason = [&](const char* what) {
        return std::string("Meta ") + what + " (" + number + ")" + (said.empty() ? "" : ": " + said);
    };
    std::optional<MetaAnswer> known = FindMetaCode(code, subcode);
    if (FlagAt(error, {"is_transient"}) && (!known || *known == MetaAnswer::kRefused))
        known = MetaAnswer::kRetry;
    if (!known) {
        if (response.status == 400) return Say(Outcome::kRefused, reason("refused the request"));
        Answer answer = ByStatus(Platform::kMeta, response, said);
        if (answer.outcome == Outcome::kDone) answer = Say(Outcome::kRefused, reason("refused the request"));
        if (answer.outcome == Outcome::kThrottled) answer.wait = RegainWait(response);
        return answer;
    }
    switch (*known) {
        case MetaAnswer::kToken: return Say(Outcome::kRenewToken, reason("did not accept the access token"));
        case MetaAnswer::kGone:
            if (call == Call::kCreate || call == Call::kFind)
                return SayBlocked(Platform::kMeta, Need::kAccount, reason("does not know the ad account"));
            return Say(Outcome::kGone, reason("does not have this audience any more"));
        case MetaAnswer::kFlagged: return SayFlagged(reason("has flagged this audience"));
        case MetaAnswer::kTerms:
            return SayBlocked(Platform::kMeta, Need::kTerms, reason("wants its terms to be accepted"));
        case MetaAnswer::kPermission:
            return SayBlocked(Platform::kMeta, Need::kPermission, reason("does not allow this"));
        case MetaAnswer::kAccount:
            return SayBlocked(Platform::kMeta, Need::kAccount, reason("has blocked this"));
        case MetaAnswer::kShared:
            return SayBlocked(Platform::kMeta, Need::kShared, reason("does not share this audience"));
        case MetaAnswer::kThrottled:
            return Say(Outcome::kThrottled, reason("gets too many requests"), RegainWait(response));
        case MetaAnswer::kRetry: return Say(Outcome::kRetry, reason("reported a temporary error"));
        case MetaAnswer::kRestart: return Say(Outcome::kRestart, reason("has lost the upload session"));
        case MetaAnswer::kBusy: {
            Answer answer = Say(Outcome::kRetry, reason("is still replacing this audience"), 5 * kMinute);
            answer.busy = true;
            return answer;
        }
        case MetaAnswer::kRefused: break;
    }
    return Say(Outcome::kRefused, reason("refused the request"));
}

AudienceState MetaAudience(const json& body) {
    AudienceState state;
    state.size_low = WholeAt(body, {"approximate_count_lower_bound"});
    state.size_high = WholeAt(body, {"approximate_count_upper_bound"});
    // -1: not known yet.
    if (state.size_low && *state.size_low < 0) state.size_low.reset();
    if (state.size_high && *state.size_high < 0) state.size_high.reset();
    const int64_t code = WholeAt(body, {"operation_status", "code"}).value_or(200);
    state.status = TextAt(body, {"operation_status", "description"});
    if (state.status.empty()) state.status = std::to_string(code);
    state.usable = code == 200 && WholeAt(body, {"delivery_status", "code"}).value_or(200) == 200;
    state.expiring = Mentions(state.status, "expir") ||
                     Mentions(TextAt(body, {"delivery_status", "description"}), "expir");
    return state;
}

// What debug_token says of a token: when it ends, 0 for never, and when the access to data ends.
Answer MetaLogin(const json& body) {
    const json& data = At(body, {"data"});
    if (!data.is_object()) return Say(Outcome::kRetry, "Meta's answer says nothing of the token");
    if (At(data, {"is_valid"}) == json(false))
        return Say(Outcome::kRenewToken, "Meta says that the access token is not valid any more: " +
                                             TextAt(data, {"error", "message"}));
    Answer answer = Say(Outcome::kDone, "");
    answer.login.emplace();
    for (const char* key : {"expires_at", "data_access_expires_at"}) {
        const std::optional<Moment> ends = ParseEpoch(TextAt(data, {key}));
        if (ends && WholeAt(data, {key}).value_or(0) > 0)
            answer.login->ends = answer.login->ends ? std::min(*answer.login->ends, *ends) : *ends;
    }
    return answer;
}

UploadProgress MetaProgress(const json& session) {
    UploadProgress progress;
    progress.received = WholeAt(session, {"num_received"});
    progress.matched = WholeAt(session, {"num_matched"});
    progress.invalid = WholeAt(session, {"num_invalid_entries"});
    if (progress.received && progress.matched && *progress.received > 0) {
        const double rate = std::clamp(
            static_cast<double>(*progress.matched) / static_cast<double>(*progress.received), 0.0, 1.0);
        progress.match_low = progress.match_high = rate;
    }
    return progress;
}

Answer MetaUpload(const json& body) {
    Answer answer = Say(Outcome::kDone, "");
    answer.id = TextAt(body, {"session_id"});
    answer.received = WholeAt(body, {"num_received"});
    answer.invalid = WholeAt(body, {"num_invalid_entries"});
    return answer;
}

}  // namespace

Answer ReadMeta(Call call, const http::Response& response, const json& body) {
    const json& error = At(body, {"error"});
    if (error.is_object()) return MetaError(call, response, error);
    if (!response.ok()) {
        Answer answer = ByStatus(Platform::kMeta, response, "");
        if (answer.outcome == Outcome::kThrottled) answer.wait = RegainWait(response);
        return answer;
    }
    Answer answer = Say(Outcome::kDone, "");
    if (call == Call::kCreate) answer.id = TextAt(body, {"id"});
    if (call == Call::kUpload || call == Call::kReplace) answer = MetaUpload(body);
    if (call == Call::kLogin) return MetaLogin(body);
    if (call == Call::kAudience) {
        const AudienceState state = MetaAudience(body);
        if (WholeAt(body, {"operation_status", "code"}) == 471)
            answer = SayFlagged("Meta has flagged this audience: " + state.status);
        answer.audience = state;
    }
    if (call == Call::kProgress) {
        // A list of sessions, or one.
        const json& first = FirstAt(body, {"data"});
        const json& session = first.is_object() ? first : body;
        answer.progress = MetaProgress(session);
        const std::string stage = TextAt(session, {"stage"}), done = TextAt(session, {"progress"});
        const bool unfinished =
            Mentions(stage, "progress") || Mentions(stage, "processing") || Mentions(stage, "uploading") ||
            (!done.empty() && done != "100" && NumberAt(session, {"progress"}).value_or(100) < 100);
        if (unfinished) answer.outcome = Outcome::kPending, answer.reason = "Meta is still matching";
    }
    if (call == Call::kCreate && answer.id.empty())
        return Say(Outcome::kRetry, "Meta's answer has no id of the audience");
    // Meta may ask for a rest before it refuses anything.
    answer.wait = RegainWait(response);
    return answer;
}

}  // namespace pulse::audience
