// Accounts: what pulse_group() names. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::profile {

// What one event says of an account.
struct AccountWrite {
    std::string key;   // the groupId: trimmed, 1 to 255 characters
    pg::Value traits;  // jsonb object, or null
    Moment time = 0;

    int64_t account = 0;  // its id, set by WriteAccounts()
};

// An account whose attributes are others now.
struct AccountChange {
    int64_t account = 0;
    std::vector<std::string> attributes;  // keys
    std::vector<int64_t> members;         // the people whose account it is: each is touched
    bool too_large = false;               // they are too many to be locked: none is in `members`
};

// Make the accounts that are new and add traits to attributes, for a whole batch, in its order. All of them
// are locked: who becomes a member is judged by attributes that stay, and whoever changes these later sees
// the member. Call it before ResolveIdentities(), and give it the members of what changed as `also`: accounts
// are locked before people.
std::vector<AccountChange> WriteAccounts(std::vector<AccountWrite>& writes);

// A person was named with an account.
struct AccountJoin {
    int64_t profile = 0;    // of the event
    int64_t canonical = 0;  // locked
    int64_t account = 0;
    Moment time = 0;
};

// Note who is in which account, in the order given; the last one is account.* of that person. Call it after
// ResolveIdentities(). Returns the people whose account is another one now.
std::vector<int64_t> JoinAccounts(const std::vector<AccountJoin>& joins);

}  // namespace pulse::profile
