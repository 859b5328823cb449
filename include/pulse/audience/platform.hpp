// The platforms that audiences are sent to, and what each of them can do. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::audience {

enum class Platform : uint8_t { kMeta, kGoogle, kTiktok, kSnapchat, kWebhook, kFile };
inline constexpr Platform kPlatforms[] = {Platform::kMeta,     Platform::kGoogle,  Platform::kTiktok,
                                          Platform::kSnapchat, Platform::kWebhook, Platform::kFile};

// "meta", "google", "tiktok", "snapchat", "webhook", "file".
const char* Name(Platform platform);
// "Meta", "Google", "TikTok", "Snapchat", "the webhook", "the file": for sentences.
const char* Title(Platform platform);
std::optional<Platform> FindPlatform(std::string_view name);

// How all members are replaced at once.
enum class Replacement : uint8_t {
    kNone,     // only by additions and removals
    kSession,  // one upload that becomes the audience with its last batch; nothing else may be sent meanwhile
    kRemoveOld,  // everybody is added again, then all who were not added since are removed
    kRewrite,    // the file is written anew
};

// At most so many requests in any span of this length.
struct RateRule {
    int64_t requests = 0;
    int64_t span = kMinute;

    bool operator==(const RateRule&) const = default;
};

struct PlatformFacts {
    size_t most_rows = 0;      // of a request
    size_t most_bytes = 0;     // of its body
    int64_t minimum_size = 0;  // people that an audience needs to be used; 0: none
    Replacement replacement = Replacement::kNone;
    bool has_audiences = false;     // audiences are created and have an id there
    bool reports_size = false;      // AudienceRequest() is answered
    bool reports_progress = false;  // ProgressRequest() is answered
    // Without an upload members are forgotten: everybody is sent again after this time; 0: never.
    int64_t longest_silence = 0;
    std::vector<RateRule> rates;
};

const PlatformFacts& FactsOf(Platform platform);

}  // namespace pulse::audience
