// What users write about trust is read or refused with a UserError, whatever it is, and what was read is in
// its ranges: definitions of automations, limits, settings, options of campaigns, subjects; digests of the
// audit log.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "pulse/audit/chain.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/trust/automation.hpp"
#include "pulse/trust/campaign.hpp"
#include "pulse/trust/subject.hpp"
#include "pulse/trust/trust_settings.hpp"

namespace {

using namespace pulse::trust;

void Expect(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

template <typename Body>
void Try(const Body& body) {
    try {
        body();
    } catch (const pulse::UserError& error) {
        Expect(!error.message().empty() && error.state() != pulse::sqlstate::kInternalError, "error");
    }
}

void ExpectLimits(const Limits& limits) {
    Expect(!limits.per_day || *limits.per_day >= 0, "per_day");
    Expect(!limits.apart || *limits.apart >= 0, "apart");
    Expect(!limits.max_change || *limits.max_change >= 0, "max_change");
    Expect(!limits.max_value || std::isfinite(*limits.max_value), "max_value");
}

void ExpectOrder(const TrustSettings& settings) {
    Expect(settings.degraded <= settings.healthy, "degraded");
    for (const Risk risk : {Risk::kHigh, Risk::kStandard, Risk::kConservative})
        Expect(settings.Threshold(risk) >= settings.hold, "hold");
}

void ReadTexts(const std::string& text) {
    Try([&] { Expect(Write(ReadSubject(text)) == text, "subject"); });
    Try([&] { RequireActionName(text); });
    Try([&] { ReadLevel(text); });
    Try([&] { ReadMode(text, "mode"); });
    Try([&] { ReadRisk(text); });
    const std::string digest = pulse::audit::ReadDigest(text);
    Expect(digest.empty() || pulse::audit::ReadDigest(pulse::audit::DigestText(digest)) == digest, "digest");
}

void ReadJson(const nlohmann::json& json) {
    Try([&] {
        const AutomationDefinition read = ReadAutomation(json);
        Expect(!Describe(read.when).empty(), "description");
        Expect(read.cool_down >= 0 && (!read.max_share || (*read.max_share >= 0 && *read.max_share <= 1)),
               "limits of an automation");
        ExpectLimits(read.limits);
    });
    Try([&] {
        const Limits limits = ReadLimits(json, "limits");
        ExpectLimits(limits);
        Violations(limits, {.today = 3, .last = 0, .now = 1}, json);
    });
    Violations({.max_change = 0.3, .max_value = 10}, {}, json);
    Try([&] {
        TrustSettings settings;
        ChangeTrustSettings(json, settings);
        ExpectOrder(settings);
        Expect(ReadTrustSettings(settings.Json()).Json() == settings.Json(), "settings as JSON");
    });
    ExpectOrder(ReadTrustSettings(json));
    Try([&] {
        CampaignOptions options;
        ChangeCampaignOptions(json, options);
        Expect(options.period > 0 && options.min_share >= 0 && options.min_share <= 1, "campaign");
    });
    DescribeChange(json, nlohmann::json::object());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    ReadTexts(text);
    nlohmann::json json;
    try {
        json = pulse::ParseJson(text);
    } catch (const pulse::UserError&) {
        return 0;
    } catch (const nlohmann::json::exception&) {
        return 0;
    }
    ReadJson(json);
    return 0;
}
