#include "pulse/profile/consent_evidence.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/json_object.hpp"

namespace pulse::profile {

namespace {

constexpr const char* kExample = R"({"source": "preference centre", "text_version": "3", "ip": "192.0.2.1"})";
constexpr size_t kMaxShortText = 255;  // bytes

std::optional<std::string> ShortText(const JsonObject& evidence, const char* key) {
    std::optional<std::string> text = evidence.Text(key);
    if (text && text->size() > kMaxShortText)
        evidence.Refuse(key, "must have at most " + std::to_string(kMaxShortText) + " bytes");
    return text;
}

std::optional<ConsentStatus> ReadRefusal(const JsonObject& evidence, bool granted) {
    const std::optional<std::string> name = evidence.Text("status");
    if (!name) return std::nullopt;
    const std::optional<ConsentStatus> status = FindConsentStatus(*name);
    if (!status) evidence.Refuse("status", "must be granted, denied or withdrawn");
    if ((*status == ConsentStatus::kGranted) != granted)
        evidence.Refuse("status",
                        granted ? "is a refusal, but granted is true" : "is a consent, but granted is false");
    return granted ? std::nullopt : status;
}

}  // namespace

ConsentEvidence ReadEvidence(const nlohmann::json& json, bool granted, Moment now) {
    const JsonObject object(json, {.name = "the evidence"}, kExample);
    if (const size_t size = DumpJson(json).size(); size > kMaxEvidence)
        throw UserError(sqlstate::kProgramLimit, "the evidence is too large",
                        "It has " + std::to_string(size) + " bytes.",
                        "Keep documents elsewhere and give their names; at most " +
                            std::to_string(kMaxEvidence) + " bytes are kept.");
    ConsentEvidence evidence;
    evidence.at = object.Time("at").value_or(now);
    if (evidence.at > now)
        object.Refuse("at", "must not be in the future",
                      "Give the time at which the person said so; now is " + FormatMoment(now) + ".");
    evidence.expires_at = object.Time("expires_at");
    if (evidence.expires_at && !granted) object.Refuse("expires_at", "is only for a consent");
    if (evidence.expires_at && *evidence.expires_at <= evidence.at)
        object.Refuse("expires_at", "must be later than the consent itself");
    evidence.refusal = ReadRefusal(object, granted);
    evidence.source = ShortText(object, "source").value_or(evidence.source);
    if (evidence.source.empty()) object.Refuse("source", "must not be empty");
    evidence.basis = ShortText(object, "basis");
    evidence.text = object.Text("text");
    evidence.text_version = ShortText(object, "text_version");
    nlohmann::json proof = json;
    for (const char* key : {"at", "expires_at", "status", "source", "basis", "text", "text_version"})
        proof.erase(key);
    evidence.proof = DumpJson(proof);
    return evidence;
}

}  // namespace pulse::profile
