// Making two people one, and two again. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity_resolution.hpp"

namespace pulse::profile {

// Fill in Facts::people and Facts::apart for these people.
void ReadPeople(const std::set<int64_t>& people, Facts& facts);

// Write down one merge of people that are locked: their rows and pulse.merge_history. Returns its id. Tells
// nobody.
int64_t WriteMerge(const Plan::Merge& merge);

// pulse_merge(), pulse_unmerge(): `actor` is who called. They lock, write and tell Listening().
int64_t Merge(const std::string& one, const std::string& other, const std::string& reason,
              const std::string& actor);
void Unmerge(int64_t merge, const std::string& reason, const std::string& actor);

}  // namespace pulse::profile
