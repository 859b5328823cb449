#include "pulse/audience/platform.hpp"

namespace pulse::audience {

namespace {

constexpr size_t kMegabyte = 1'000'000;

// Limits of requests, and of the rate at which each platform takes them, as documented in 2026. Platforms
// that publish no limit of bytes have one that their connectors are known to keep.
PlatformFacts MakeFacts(Platform platform) {
    PlatformFacts facts;
    facts.has_audiences = true;
    switch (platform) {
        case Platform::kMeta:
            facts.most_rows = 10'000;
            facts.most_bytes = 8 * kMegabyte;
            facts.minimum_size = 100;
            facts.replacement = Replacement::kSession;
            facts.reports_size = facts.reports_progress = true;
            // The lowest documented limit of calls about custom audiences is 5,000 an hour.
            facts.rates = {{5'000, kHour}, {80, kMinute}};
            // Audiences that nobody uses are deleted after two years.
            facts.longest_silence = 600 * kDay;
            break;
        case Platform::kGoogle:
            facts.most_rows = 10'000;
            facts.most_bytes = 8 * kMegabyte;
            facts.minimum_size = 100;
            facts.replacement = Replacement::kRemoveOld;
            facts.reports_size = facts.reports_progress = true;
            facts.rates = {{300, kMinute}, {100'000, kDay}};
            // Memberships end after 540 days.
            facts.longest_silence = 500 * kDay;
            break;
        case Platform::kTiktok:
            // The number of rows is not published; 1,000 is in general use.
            facts.most_rows = 1'000;
            facts.most_bytes = 4 * kMegabyte;
            facts.minimum_size = 1'000;
            facts.reports_size = true;
            facts.rates = {{10, kSecond}, {600, kMinute}};
            break;
        case Platform::kSnapchat:
            facts.most_rows = 100'000;
            facts.most_bytes = 8 * kMegabyte;
            facts.minimum_size = 1'000;
            facts.reports_size = true;
            facts.rates = {{10, kSecond}};
            // Audiences end after 13 months without a change.
            facts.longest_silence = 330 * kDay;
            break;
        case Platform::kWebhook:
            // Receivers of webhooks expect small bodies.
            facts.most_rows = 1'000;
            facts.most_bytes = kMegabyte;
            facts.has_audiences = false;
            facts.rates = {{10, kSecond}};
            break;
        case Platform::kFile:
            facts.most_rows = 10'000;
            facts.most_bytes = 8 * kMegabyte;
            facts.has_audiences = false;
            facts.replacement = Replacement::kRewrite;
            break;
    }
    return facts;
}

}  // namespace

const char* Name(Platform platform) {
    switch (platform) {
        case Platform::kMeta: return "meta";
        case Platform::kGoogle: return "google";
        case Platform::kTiktok: return "tiktok";
        case Platform::kSnapchat: return "snapchat";
        case Platform::kWebhook: return "webhook";
        case Platform::kFile: return "file";
    }
    return "";
}

const char* Title(Platform platform) {
    switch (platform) {
        case Platform::kMeta: return "Meta";
        case Platform::kGoogle: return "Google";
        case Platform::kTiktok: return "TikTok";
        case Platform::kSnapchat: return "Snapchat";
        case Platform::kWebhook: return "the webhook";
        case Platform::kFile: return "the file";
    }
    return "";
}

std::optional<Platform> FindPlatform(std::string_view name) {
    for (const Platform platform : kPlatforms)
        if (name == Name(platform)) return platform;
    return std::nullopt;
}

const PlatformFacts& FactsOf(Platform platform) {
    static const std::vector<PlatformFacts> facts = [] {
        std::vector<PlatformFacts> all;
        for (const Platform each : kPlatforms) all.push_back(MakeFacts(each));
        return all;
    }();
    return facts[static_cast<size_t>(platform)];
}

}  // namespace pulse::audience
