// Snapchat: request_status, and a sub_request_status for each part; the case of both varies.
#include <algorithm>

#include "answer_text.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::audience {

namespace {

using nlohmann::json;

// The name of the part that a call is about.
const char* PartOf(Call call) {
    return call == Call::kUpload ? "users" : "segments";
}

bool Succeeded(const std::string& status) {
    return LowerUtf8(status) == "success";
}

AudienceState SnapchatAudience(const json& segment) {
    AudienceState state;
    state.size_low = state.size_high = WholeAt(segment, {"approximate_number_users"});
    const std::string targetable = TextAt(segment, {"targetable_status"}),
                      upload = TextAt(segment, {"upload_status"});
    state.status = targetable + (upload.empty() ? "" : (targetable.empty() ? "" : ", ") + upload);
    state.usable = targetable.empty() || LowerUtf8(targetable) == "ready";
    return state;
}

}  // namespace

Answer ReadSnapchat(Call call, const http::Response& response, const json& body) {
    std::string said = TextAt(body, {"display_message"});
    if (said.empty()) said = TextAt(body, {"debug_message"});
    const std::string code = TextAt(body, {"error_code"});
    if (!code.empty()) said = code + (said.empty() ? "" : ", " + said);
    if (!response.ok()) {
        Answer answer = ByStatus(Platform::kSnapchat, response, said);
        const bool audience = call == Call::kUpload || call == Call::kAudience || call == Call::kDelete;
        if (audience && response.status == 404)
            answer =
                Say(Outcome::kGone, http::Reason("Snapchat does not have this audience any more", 404, said));
        return answer;
    }
    const std::string status = TextAt(body, {"request_status"});
    if (status.empty()) return Say(Outcome::kRetry, "Snapchat's answer is not the JSON that it documents");
    if (!Succeeded(status))
        return Say(Outcome::kRefused, http::Reason("Snapchat refused the request", response.status, said));
    const json& parts = At(body, {PartOf(call)});
    if (parts.is_array())
        for (const json& part : parts) {
            const std::string sub = TextAt(part, {"sub_request_status"});
            if (sub.empty() || Succeeded(sub)) continue;
            const std::string why = TextAt(part, {"sub_request_error_reason"});
            return Say(Outcome::kRetry, http::Reason("Snapchat did not do a part of the request",
                                                     response.status, why.empty() ? sub : why));
        }
    Answer answer = Say(Outcome::kDone, "");
    const json& first = FirstAt(body, {PartOf(call)});
    if (call == Call::kUpload) answer.received = WholeAt(first, {"user", "number_uploaded_users"});
    if (call == Call::kCreate) {
        answer.id = TextAt(first, {"segment", "id"});
        if (answer.id.empty()) return Say(Outcome::kRetry, "Snapchat's answer has no id of the audience");
    }
    if (call == Call::kAudience) answer.audience = SnapchatAudience(At(first, {"segment"}));
    return answer;
}

}  // namespace pulse::audience
