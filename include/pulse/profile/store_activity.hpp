// What happens to people, for subscriptions: rows of pulse.activity. For entry code of this room; needs an
// open pg::Session as pg::Identity::Owner().
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pulse/base/time.hpp"

namespace pulse::profile {

// The kinds, as subscriptions name them.
inline constexpr const char* kEventReceived = "event.received";
inline constexpr const char* kProfileCreated = "profile.created";
inline constexpr const char* kProfileUpdated = "profile.updated";
inline constexpr const char* kProfileMerged = "profile.merged";

// Whether a subscription receives this kind. After Listener::before_write(), the answer is valid until the
// end of the transaction.
bool IsSubscribed(const char* kind);

// Collects what one transaction did and writes it at once.
class ActivityWriter {
  public:
    // Ignored unless IsSubscribed().
    void Add(const char* kind, int64_t person, Moment at, const nlohmann::json& data);
    void AddMerge(int64_t history, int64_t survivor, int64_t merged, const std::string& reason, Moment at);
    // Wakes the delivery worker, too.
    void Write() const;

  private:
    std::vector<std::string> kinds_, data_;
    std::vector<int64_t> people_;
    std::vector<Moment> times_;
};

}  // namespace pulse::profile
