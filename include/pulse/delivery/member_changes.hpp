// Membership changes of segments over people, for subscriptions. A later room implements the reader. Pure
// C++.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pulse/base/time.hpp"

namespace pulse::delivery {

struct MemberChange {
    std::string key;    // the same for all subscriptions
    std::string event;  // segment.entered, segment.exited
    int64_t profile = 0;
    Moment at = 0;
    nlohmann::json data;
};

// The changes that a subscription receives.
struct MemberQuery {
    std::string subscription;
    std::vector<std::string> events, segments;  // no segment: any
    Moment oldest = 0;                          // older changes are skipped
    int64_t most = 0;
};

struct MemberChanges {
    std::vector<MemberChange> changes;
    bool more = false;  // there are more changes to take now
    bool busy = false;  // another session holds back changes at the moment
};

// All functions are called with a pg::Session as pg::Identity::Owner() open.
struct MemberReader {
    // Starts a subscription: it receives changes after this transaction. Waits for transactions that ingest
    // events. Throws UserError 55P03, 25001.
    void (*begin)(const std::string& subscription) = nullptr;
    void (*end)(const std::string& subscription) = nullptr;
    // The subscriptions that have begun and not ended.
    std::vector<std::string> (*begun)() = nullptr;
    // The next changes, in order; the commit marks them as taken. Begins the subscription if necessary.
    MemberChanges (*take)(const MemberQuery& query) = nullptr;
    // Whether take() may find changes.
    bool (*waiting)(const std::string& subscription) = nullptr;
};

// Sets the reader when the library is loaded; returns true, so that the initialiser of a constant can call
// it.
bool ImplementMembers(const MemberReader& reader);
const MemberReader& Members();

}  // namespace pulse::delivery
