// What the statements of a person about consent come to. Pure C++.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::profile {

// What is said for it holds for each purpose.
inline constexpr const char* kAllPurposes = "all";

enum class ConsentStatus : uint8_t { kGranted, kDenied, kWithdrawn };
const char* NameOf(ConsentStatus status);
std::optional<ConsentStatus> FindConsentStatus(const std::string& name);

// A row of pulse.consent_record.
struct ConsentRecord {
    int64_t id = 0, profile = 0;
    std::string purpose;
    ConsentStatus status = ConsentStatus::kDenied;
    Moment at = 0, repeated_at = 0;    // said first, and said again the last time; at least `at`
    std::optional<Moment> expires_at;  // of a consent
};

// A merge of pulse.merge_history that is in effect.
struct ConsentMerge {
    int64_t survivor = 0, merged = 0;
    Moment at = 0;
};

struct ConsentState {
    ConsentStatus status = ConsentStatus::kDenied;
    Moment at = 0;
    std::optional<Moment> expires_at;
    int64_t record = 0;                           // the one that decides
    std::vector<std::pair<Moment, Moment>> live;  // with consent, from, until; kNeverEnds: without end
    bool operator==(const ConsentState&) const = default;
};
inline constexpr Moment kNeverEnds = INT64_MAX;

bool IsLive(const ConsentState& state, Moment at);

// The state of one person for each of these purposes about which something was said. A statement replaces
// what was said before by those who were the same person at its time. Of what remains the strictest decides:
// so a merge keeps the stricter of both, a later statement counts for both, and without the merge each has
// its own.
std::map<std::string, ConsentState> FoldConsent(const std::vector<ConsentRecord>& records,
                                                const std::vector<ConsentMerge>& merges,
                                                const std::vector<std::string>& purposes);

}  // namespace pulse::profile
