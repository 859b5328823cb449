// Google's Data Manager API: {"error": {"code", "status", "details": […]}}. One bad member fails a whole
// request.
#include <algorithm>
#include <cstdlib>

#include "answer_text.hpp"

namespace pulse::audience {

namespace {

using nlohmann::json;

constexpr size_t kMostReasons = 3;

// The index in "audienceMembers[3].userData…", or audience_members[3]; empty if the field is no member.
std::optional<size_t> MemberIndex(const std::string& field) {
    for (const std::string_view key :
         {"audienceMembers[", "audience_members[", "audience_members.audience_members["}) {
        const size_t at = field.find(key);
        if (at != 0) continue;
        const char* digits = field.c_str() + key.size();
        char* end = nullptr;
        const unsigned long index = std::strtoul(digits, &end, 10);
        if (end != digits && *end == ']' && *digits != '-' && *digits != '+' && *digits != ' ' &&
            index < 1'000'000)
            return index;
    }
    return std::nullopt;
}

struct GoogleDetails {
    std::vector<std::string> reasons;  // INVALID_SHA256_FORMAT, …
    std::vector<RowError> rows;
    bool only_rows = true;  // each violation is of a member

    void Note(const std::string& reason) {
        if (!reason.empty() && std::find(reasons.begin(), reasons.end(), reason) == reasons.end())
            reasons.push_back(reason);
    }
    bool Has(const char* reason) const {
        return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
    }
};

void NoteViolations(const json& violations, GoogleDetails& details) {
    if (!violations.is_array()) return;
    for (const json& violation : violations) {
        std::string reason = TextAt(violation, {"reason"});
        if (reason.empty()) reason = TextAt(violation, {"description"});
        const auto row = MemberIndex(TextAt(violation, {"field"}));
        details.Note(reason);
        if (!row)
            details.only_rows = false;
        else if (details.rows.empty() || details.rows.back().row != *row)
            details.rows.push_back({*row, reason});
    }
}

GoogleDetails ReadDetails(const json& error) {
    GoogleDetails details;
    const json& list = At(error, {"details"});
    if (list.is_array())
        for (const json& detail : list) {
            details.Note(TextAt(detail, {"reason"}));
            NoteViolations(At(detail, {"fieldViolations"}), details);
        }
    return details;
}

// What a person must do, by the reasons that stand in the details, or by the status.
std::optional<Need> NeedOf(const GoogleDetails& details, const http::Response& response,
                           const std::string& status) {
    constexpr struct {
        const char* reason;
        Need need;
    } kNeeds[] = {{"TERMS_AND_CONDITIONS_NOT_SIGNED", Need::kTerms},
                  {"CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS", Need::kTerms},
                  {"EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED", Need::kDeclaration},
                  {"NOT_ALLOWLISTED", Need::kAllowlist},
                  {"CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", Need::kAllowlist},
                  {"CUSTOMER_NOT_ENABLED", Need::kAccount}};
    for (const auto& known : kNeeds)
        if (details.Has(known.reason) || status == known.reason) return known.need;
    if (status == "PERMISSION_DENIED" || response.status == 403) return Need::kPermission;
    return std::nullopt;
}

Answer GoogleError(Call call, const http::Response& response, const json& error) {
    GoogleDetails details = ReadDetails(error);
    const std::string status = TextAt(error, {"status"}), message = TextAt(error, {"message"});
    std::string said = status;
    for (size_t i = 0; i < std::min(details.reasons.size(), kMostReasons); ++i)
        said += ", " + details.reasons[i];
    if (!message.empty()) said += ": " + message;
    const auto reason = [&](const char* what) { return http::Reason(what, response.status, said); };
    const bool audience = call != Call::kCreate && call != Call::kFind;
    if (response.status == 401 || status == "UNAUTHENTICATED")
        return Say(Outcome::kRenewToken, reason("Google did not accept the access token"));
    if (status == "ABORTED" || status == "INTERNAL" || status == "UNAVAILABLE" ||
        status == "DEADLINE_EXCEEDED")
        return Say(Outcome::kRetry, reason("Google reported a temporary error"));
    if (status == "RESOURCE_EXHAUSTED")
        return Say(Outcome::kThrottled, reason("Google gets too many requests"));
    if (const auto need = NeedOf(details, response, status))
        return SayBlocked(Platform::kGoogle, *need, reason("Google does not allow this"));
    if (audience && (status == "NOT_FOUND" || response.status == 404))
        return Say(Outcome::kGone, reason("Google does not have this audience any more"));
    if (call == Call::kUpload && !details.rows.empty() && details.only_rows && response.status == 400) {
        Answer answer =
            Say(Outcome::kBadRows, reason("Google refused some rows, and the request because of them"));
        answer.row_errors = std::move(details.rows);
        return answer;
    }
    if (response.status < 400 || response.status == 400)
        return Say(Outcome::kRefused, reason("Google refused the request"));
    return ByStatus(Platform::kGoogle, response, said);
}

// An invalid field that is optional is left out, with a warning.
void ReadWarnings(const json& body, Answer& answer) {
    const json& warnings = At(body, {"fieldWarnings"});
    if (!warnings.is_array() || warnings.empty()) return;
    answer.invalid = static_cast<int64_t>(warnings.size());
    for (const json& warning : warnings) {
        if (answer.warnings.size() == kMostReasons) break;
        std::string text = TextAt(warning, {"reason"});
        if (text.empty()) text = TextAt(warning, {"description"});
        answer.warnings.push_back("Google left out " + TextAt(warning, {"field"}) +
                                  (text.empty() ? "" : ": " + text));
    }
}

// "MATCH_RATE_RANGE_41_TO_50", "41-50", "…_LESS_THAN_20", "…_91_TO_100": percent.
void ReadRange(const std::string& range, UploadProgress& progress) {
    std::vector<double> numbers;
    for (size_t i = 0; i < range.size() && numbers.size() < 3;) {
        size_t end = i;
        while (end < range.size() && range[end] >= '0' && range[end] <= '9') ++end;
        if (end > i && end - i <= 3) numbers.push_back(std::atof(range.substr(i, end - i).c_str()));
        i = std::max(end, i + 1);
    }
    if (numbers.empty() || numbers.size() > 2 || numbers.front() > 100 || numbers.back() > 100) return;
    progress.match_low = numbers.size() == 2 ? numbers[0] / 100 : 0.0;
    progress.match_high = numbers.back() / 100;
    const bool above = Mentions(range, "GREATER") || Mentions(range, "MORE") || Mentions(range, "ABOVE");
    if (numbers.size() == 1 && above) progress.match_low = progress.match_high, progress.match_high = 1.0;
    if (*progress.match_low > *progress.match_high) std::swap(progress.match_low, progress.match_high);
}

void AddProgress(const json& one, UploadProgress& progress) {
    for (const char* kind : {"audienceMembersIngestionStatus", "audienceMembersRemovalStatus"}) {
        const json& status = At(one, {kind});
        if (!status.is_object()) continue;
        for (const auto& [name, data] : status.items()) {
            if (const auto count = WholeAt(data, {"recordCount"}))
                progress.received = progress.received.value_or(0) + *count;
            const std::string range = TextAt(data, {"uploadMatchRateRange"});
            if (!range.empty()) ReadRange(range, progress);
        }
    }
    for (const char* kind : {"errorInfo", "warningInfo"})
        for (const char* counts : {"errorCounts", "warningCounts"}) {
            const json& list = At(one, {kind, counts});
            if (list.is_array())
                for (const json& each : list)
                    progress.invalid =
                        progress.invalid.value_or(0) + WholeAt(each, {"recordCount"}).value_or(0);
        }
}

std::string FailureReasons(const json& one) {
    std::string reasons;
    const json& list = At(one, {"errorInfo", "errorCounts"});
    if (list.is_array())
        for (const json& each : list) reasons += (reasons.empty() ? "" : ", ") + TextAt(each, {"reason"});
    return reasons;
}

Answer GoogleProgress(const json& body) {
    Answer answer = Say(Outcome::kDone, "");
    answer.progress.emplace();
    const json& list = At(body, {"requestStatusPerDestination"});
    if (!list.is_array() || list.empty()) return Say(Outcome::kPending, "Google has not begun yet");
    for (const json& one : list) {
        const std::string status = TextAt(one, {"requestStatus"}), reasons = FailureReasons(one);
        AddProgress(one, *answer.progress);
        if (status == "FAILED" || status == "FAILURE") {
            const bool again = Mentions(reasons, "INTERNAL") || Mentions(reasons, "TIMEOUT") ||
                               Mentions(reasons, "UNAVAILABLE");
            answer.outcome = again ? Outcome::kRestart : Outcome::kRefused;
            answer.reason = "Google could not process the upload" + (reasons.empty() ? "" : ": " + reasons);
            return answer;
        }
        if (status == "PARTIAL_SUCCESS")
            answer.warnings.push_back("Google processed the upload in part" +
                                      (reasons.empty() ? "" : ": " + reasons));
        else if (status != "SUCCESS")
            answer.outcome = Outcome::kPending, answer.reason = "Google is still processing";
    }
    return answer;
}

AudienceState GoogleAudience(const json& body) {
    AudienceState state;
    const auto display = WholeAt(body, {"sizeInfo", "displayNetworkMembersCount"});
    const auto searching = WholeAt(body, {"sizeInfo", "searchNetworkMembersCount"});
    if (display || searching) {
        state.size_low = std::min(display ? *display : *searching, searching ? *searching : *display);
        state.size_high = std::max(display.value_or(0), searching.value_or(0));
    }
    state.status = TextAt(body, {"membershipStatus"});
    state.usable = state.status != "CLOSED";
    if (const auto rate = NumberAt(body, {"ingestedUserListInfo", "contactIdInfo", "matchRatePercentage"}))
        state.match_low = state.match_high = std::clamp(*rate / 100, 0.0, 1.0);
    return state;
}

}  // namespace

Answer ReadGoogle(Call call, const http::Response& response, const json& body) {
    const json& error = At(body, {"error"});
    if (error.is_object()) return GoogleError(call, response, error);
    if (!response.ok()) {
        Answer answer = ByStatus(Platform::kGoogle, response, "");
        const bool audience = call == Call::kAudience || call == Call::kDelete || call == Call::kUpload;
        if (audience && response.status == 404) answer.outcome = Outcome::kGone;
        return answer;
    }
    if (call == Call::kProgress) return GoogleProgress(body);
    Answer answer = Say(Outcome::kDone, "");
    if (call == Call::kCreate) {
        answer.id = TextAt(body, {"id"});
        // "accountTypes/GOOGLE_ADS/accounts/1/userLists/2"
        if (answer.id.empty()) answer.id = TextAt(body, {"name"});
        answer.id.erase(0, answer.id.rfind('/') + 1);
        if (answer.id.empty()) return Say(Outcome::kRetry, "Google's answer has no id of the audience");
    }
    if (call == Call::kUpload || call == Call::kRemoveAll) {
        ReadWarnings(body, answer);
        answer.id = TextAt(body, {"requestId"});
        // With validateOnly there is nothing to wait for.
        if (!answer.id.empty())
            answer.outcome = Outcome::kPending, answer.reason = "Google is still processing";
    }
    if (call == Call::kAudience) answer.audience = GoogleAudience(body);
    return answer;
}

}  // namespace pulse::audience
