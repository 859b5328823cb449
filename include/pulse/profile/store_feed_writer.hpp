// What happens to people, for subscriptions: rows of pulse.feed_item. For entry code of this room; needs an
// open pg::Session as pg::Identity::Owner().
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pulse/profile/consent_state.hpp"
#include "pulse/profile/event.hpp"
#include "pulse/profile/identity_resolution.hpp"

namespace pulse::profile {

// The kinds, as subscriptions name them.
inline constexpr const char* kEventReceived = "event.received";
inline constexpr const char* kProfileCreated = "profile.created";
inline constexpr const char* kProfileUpdated = "profile.updated";
inline constexpr const char* kProfileMerged = "profile.merged";
inline constexpr const char* kConsentUpdated = "consent.updated";

// Whether a subscription receives this kind. After Listener::before_write(), the answer is valid until the
// end of the transaction.
bool IsSubscribed(const char* kind);

// Collects what one transaction did, as far as somebody subscribes to it, and writes it at once.
class FeedWriter {
  public:
    explicit FeedWriter(Moment at) : at_(at) {}

    void AddEvent(int64_t person, int64_t id, const Event& event, const std::string& source);
    void AddCreated(int64_t person, Moment first_seen_at);
    void AddUpdate(int64_t person, const std::vector<std::string>& attributes);
    // States that changed, by purpose.
    void AddConsent(int64_t person, const std::map<std::string, ConsentState>& states);
    void AddMerge(const ResolutionPlan::Merge& merge, const std::string& reason);
    // Wakes the delivery worker, too.
    void Write() const;

  private:
    void Add(const char* kind, int64_t person, const nlohmann::json& data);

    Moment at_;
    std::vector<std::string> kinds_, data_;
    std::vector<int64_t> people_;
};

}  // namespace pulse::profile
