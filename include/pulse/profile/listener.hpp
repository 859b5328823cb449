// Who wants to know what happened to people: a room that comes after this one. Pure C++.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::profile {

// A new event.
struct Happening {
    std::string_view name;
    Moment time = 0;
    const void* properties = nullptr;  // jsonb, as kept
};

// Something of one person changed.
struct Touch {
    int64_t profile = 0;              // canonical
    std::vector<std::string> events;  // names of new events, each once
    std::vector<Happening>
        happened;  // all of these, valid during the call; empty: some may have been looked at before
    std::vector<std::string> attributes;  // keys of profile.* that changed
    bool account = false;                 // another account, or one of its attributes
    bool made = false;                    // the person came with these events
};

enum class Cause { kEvent, kImport, kMerge, kUnmerge, kErasure };

// All calls are made in the transaction that did it, with a pg::Session as pg::Identity::Owner() open, after
// everything is written.
struct Listener {
    // Before anything is written: what is defined stays as it is until the transaction ends.
    void (*begin)() = nullptr;
    // `touches`: each person once, any order.
    void (*touched)(const std::vector<Touch>& touches, Cause cause) = nullptr;
    // `merged` has no events and ids of its own any more; `survivor` has them. Both rows of pulse.profile are
    // locked.
    void (*merged)(int64_t survivor, int64_t merged) = nullptr;
    // The reverse. Both are people of their own again.
    void (*unmerged)(int64_t survivor, int64_t restored) = nullptr;
    // After begin(): whether anything is defined that touched() would look at; it is not called otherwise.
    // Null: it may be.
    bool (*listens)() = nullptr;
    // Whether touched() will write of somebody who has a new event of this name. Null: it may.
    bool (*writes)(const std::string& event) = nullptr;
    // A number that is another one after anybody was evaluated: by a trigger of the tables written, with
    // events that touched() has yet to tell.
    uint64_t (*evaluations)() = nullptr;
    // Attributes of an account changed that has more members than one transaction should lock; none of them
    // was told of by touched().
    void (*crowded)(int64_t account, Cause cause) = nullptr;
};

// Set when the library is loaded; returns true, so that a constant can do it.
bool Listen(const Listener& listener);
const Listener& Listening();

// What a room that comes after this one knows of a person: JSON objects by key, as {"traits": {…}} and
// {"segments": […]}, for pulse_profile(). Called with a pg::Session as pg::Identity::Owner() open; returns
// the text of one JSON object.
using MoreOfPerson = std::string (*)(int64_t canonical);
bool DescribeMore(MoreOfPerson describe);
MoreOfPerson DescribedMore();  // null: nobody knows more

}  // namespace pulse::profile
