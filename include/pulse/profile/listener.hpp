// Notifications to later rooms about changes of people. Pure C++.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::profile {

// A new event.
struct NewEvent {
    std::string_view name;
    Moment time = 0;
    const void* properties = nullptr;  // jsonb, as kept
};

// Something of one person changed.
struct PersonChange {
    int64_t profile = 0;                   // canonical
    std::vector<std::string> event_names;  // names of new events, each once
    std::vector<NewEvent>
        new_events;  // all of them, valid during the call; empty: some may already have been evaluated
    std::vector<std::string> attributes;  // keys of profile.* that changed
    bool account = false;                 // another account, or one of its attributes
    bool created = false;                 // the person is new with these events
    bool locked = false;                  // by this transaction, so that nobody else changes the person
};

enum class Cause { kEvent, kImport, kMerge, kUnmerge, kErasure };

// All calls run in the transaction that made the change, with a pg::Session as pg::Identity::Owner() open,
// after everything is written.
struct Listener {
    // Before anything is written: locks definitions until the transaction ends.
    void (*before_write)() = nullptr;
    // Waits for the transactions that have called before_write(), and keeps others waiting until this one
    // ends. Throws UserError 55P03, 25001.
    void (*keep_writers_out)() = nullptr;
    // `changes`: each person once, any order.
    void (*people_changed)(const std::vector<PersonChange>& changes, Cause cause) = nullptr;
    // `survivor` now has the events and ids of `merged`. Both rows of pulse.profile are locked.
    void (*merged)(int64_t survivor, int64_t merged) = nullptr;
    // The reverse: both are separate people again.
    void (*unmerged)(int64_t survivor, int64_t restored) = nullptr;
    // After before_write(): whether any definition needs people_changed(); false: it is not called. Null:
    // true.
    bool (*is_active)() = nullptr;
    // Whether people_changed() writes for a person with a new event of this name. Null: it may.
    bool (*evaluates)(const std::string& event) = nullptr;
    // Grows whenever a person is evaluated, for example by a trigger on the written tables, before
    // people_changed() reports these events.
    uint64_t (*evaluation_count)() = nullptr;
    // Attributes of an account changed that has more members than one transaction should lock:
    // people_changed() does not report them.
    void (*large_account_changed)(int64_t account, Cause cause) = nullptr;
};

// Once, when the library is loaded; a second listener is an error. Returns true, so that a constant can do
// it.
bool RegisterListener(const Listener& listener);
const Listener& GetListener();

// Adds an object with fields of a later room, such as "traits" and "segments", to what pulse_profile()
// returns: as text, because jsonb's numbers do not fit into any C++ document. Called with a pg::Session as
// pg::Identity::Owner() open.
using PersonDetails = void (*)(int64_t canonical, std::vector<std::string>& objects);
// When the library is loaded; all that are registered are called. Returns true, so that a constant can do it.
bool RegisterPersonDetails(PersonDetails details);
void AddPersonDetails(int64_t canonical, std::vector<std::string>& objects);

}  // namespace pulse::profile
