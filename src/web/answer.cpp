#include "pulse/web/answer.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"

namespace pulse::web {

namespace {

using nlohmann::json;

constexpr std::string_view kSyncUnderWay = "55006";

// Whole codes first, then classes: the first that fits.
constexpr struct {
    std::string_view state;
    int status;
} kStatuses[] = {
    {sqlstate::kInvalidDefinition, 422},
    {sqlstate::kInsufficientPrivilege, 403},
    {sqlstate::kUndefinedObject, 404},
    {sqlstate::kDuplicateObject, 409},
    {sqlstate::kUniqueViolation, 409},
    {sqlstate::kDependentObjects, 409},
    {sqlstate::kNotReady, 409},
    {kSyncUnderWay, 409},
    {sqlstate::kLockNotAvailable, 503},
    {sqlstate::kReadOnlyTransaction, 503},
    {sqlstate::kInvalidOptionName, 400},
    {"02", 404},  // no data
    {"08", 503},  // connection
    {"0A", 422},  // not supported
    {"21", 422},  // more rows than one
    {"22", 400},  // data
    {"23", 400},  // constraints
    {"25", 422},  // state of the transaction
    {"40", 503},  // rolled back for another transaction
    {"42", 400},  // names and syntax
    {"53", 503},  // resources
    {"54", 413},  // limits
    {"57", 503},  // the operator, or a time limit
    {"HV", 422},  // foreign tables
    {"P0", 422},  // raised by functions of users
};

// The words of TinyCDP and OFREP for a status.
constexpr struct {
    int status;
    const char *tiny_code, *ofrep_code, *message;
} kWords[] = {
    {400, "invalid_argument", "INVALID_CONTEXT", "the request is not valid"},
    {401, "unauthenticated", "GENERAL", "an API key is missing, unknown or has ended"},
    {403, "permission_denied", "GENERAL", "the API key may not do this"},
    {404, "not_found", "FLAG_NOT_FOUND", "not found"},
    {405, "unimplemented", "GENERAL", "the method is not allowed here"},
    {408, "deadline_exceeded", "GENERAL", "the request took too long to arrive"},
    {409, "already_exists", "GENERAL", "this is not possible in the current state"},
    {413, "resource_exhausted", "GENERAL", "the request is too large"},
    {414, "invalid_argument", "GENERAL", "the request target is too long"},
    {415, "invalid_argument", "GENERAL", "the body is in a form that is not understood"},
    {421, "invalid_argument", "GENERAL", "the request is for another host"},
    {422, "failed_precondition", "GENERAL", "the request is understood, but not possible"},
    {429, "resource_exhausted", "GENERAL", "too many requests"},
    {431, "invalid_argument", "GENERAL", "the head of the request is too large"},
    {500, "internal", "GENERAL", "internal error"},
    {503, "unavailable", "GENERAL", "not available now, try again later"},
};

const auto& WordsOf(int status) {
    for (const auto& words : kWords)
        if (words.status == status) return words;
    return WordsOf(status >= 500 ? 500 : 400);
}

json BodyOf(Family family, int status, const std::string& message, std::string_view detail,
            std::string_view subject, std::string_view code) {
    switch (family) {
        case Family::kTinyCdp: {
            json body = {{"code", WordsOf(status).tiny_code}, {"message", message}};
            body["details"] = detail.empty() ? json() : json(detail);
            return body;
        }
        case Family::kOfrep: {
            json body = {{"errorCode", message == kNotJson ? "PARSE_ERROR" : WordsOf(status).ofrep_code},
                         {"errorDetails", detail.empty() ? message : message + ": " + std::string(detail)}};
            if (!subject.empty()) body["key"] = subject;
            return body;
        }
        case Family::kStratum: {
            json body = {{"detail", detail.empty() ? message : message + ". " + std::string(detail)}};
            if (!code.empty()) body["code"] = code;
            return body;
        }
        case Family::kPulse:
        case Family::kSegment: break;
    }
    json body = {{"error", message}};
    if (!detail.empty()) body["detail"] = detail;
    return body;
}

}  // namespace

int StatusOf(std::string_view state) {
    for (const auto& entry : kStatuses)
        if (state.starts_with(entry.state)) return entry.status;
    return 500;
}

std::string_view CodeOf(std::string_view state) {
    return state == kSyncUnderWay ? "SYNC_IN_PROGRESS" : "";
}

bool IsTransient(int status) {
    return status == 429 || status == 503;
}

Answer ErrorAnswer(Family family, int status, std::string_view message, std::string_view detail,
                   std::string_view subject, std::string_view code) {
    const std::string text(message.empty() ? DefaultMessage(status) : message);
    Answer answer{status, {{"content-type", "application/json"}, {"cache-control", "no-store"}}, ""};
    if (status == 401) answer.headers.emplace_back("www-authenticate", "Bearer realm=\"pulse\"");
    if (IsTransient(status)) answer.headers.emplace_back("retry-after", "1");
    answer.body = DumpJson(BodyOf(family, status, text, detail, subject, code));
    return answer;
}

std::string_view DefaultMessage(int status) {
    return WordsOf(status).message;
}

}  // namespace pulse::web
