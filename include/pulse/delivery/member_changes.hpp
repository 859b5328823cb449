// Who entered or left which segment over people, for subscriptions: read by a room that comes after this one.
// Pure C++.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pulse/base/time.hpp"

namespace pulse::delivery {

struct MemberChange {
    std::string key;    // the same whoever is told of it
    std::string event;  // segment.entered, segment.exited
    int64_t profile = 0;
    Moment at = 0;
    nlohmann::json data;
};

// What a subscription wants to be told.
struct MemberQuery {
    std::string subscription;
    std::vector<std::string> events, segments;  // no segment: any
    Moment oldest = 0;                          // what happened before is passed over
    int64_t most = 0;
};

struct MemberChanges {
    std::vector<MemberChange> changes;
    bool more = false;  // there are more to be taken at once
    bool busy = false;  // somebody holds others back for a moment
};

// All calls are made with a pg::Session as pg::Identity::Owner() open.
struct MemberReader {
    // A subscription is told what happens after this transaction. Waits for those that bring events. Throws
    // UserError 55P03, 25001.
    void (*begin)(const std::string& subscription) = nullptr;
    void (*end)(const std::string& subscription) = nullptr;
    // The subscriptions that began and have not ended.
    std::vector<std::string> (*begun)() = nullptr;
    // The next ones, in order; they are taken when the transaction commits. One that has not begun begins.
    MemberChanges (*take)(const MemberQuery& query) = nullptr;
    // Whether take() has anything to look at.
    bool (*waiting)(const std::string& subscription) = nullptr;
};

// Set when the library is loaded; returns true, so that a constant can do it.
bool ImplementMembers(const MemberReader& reader);
const MemberReader& Members();

}  // namespace pulse::delivery
