// Accounts, created by pulse_group(). For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::profile {

// The account and its traits in one event.
struct AccountWrite {
    std::string key;   // the groupId: trimmed, 1 to 255 characters
    pg::Value traits;  // jsonb object, or null
    Moment time = 0;

    int64_t account = 0;  // its id, set by WriteAccounts()
};

// An account whose attributes changed.
struct AccountChange {
    int64_t account = 0;
    std::vector<std::string> attributes;  // keys
    std::vector<int64_t> members;         // the people of the account: each is evaluated again
    bool too_large = false;               // too many members to lock: `members` is empty
};

// Create new accounts and add traits to attributes, for a whole batch, in its order. Locks all of these
// accounts: new members are evaluated with attributes that cannot change meanwhile, and a later change sees
// the new members. Call it before ResolveIdentities(), because accounts are locked before people, and pass
// the members of changed accounts as `also`.
std::vector<AccountChange> WriteAccounts(std::vector<AccountWrite>& writes);

// A person was named with an account.
struct AccountJoin {
    int64_t profile = 0;    // of the event
    int64_t canonical = 0;  // locked
    int64_t account = 0;
    Moment time = 0;
};

// Record the accounts of people, in the order given; the last one becomes account.* of the person. Call it
// after ResolveIdentities(). Returns the people whose account changed.
std::vector<int64_t> JoinAccounts(const std::vector<AccountJoin>& joins);

}  // namespace pulse::profile
