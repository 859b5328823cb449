// Merging people, and undoing merges. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity_resolution.hpp"

namespace pulse::profile {

// Write one merge of locked people: their rows, their consent, and pulse.merge_history. Returns the id of the
// merge. Adds the people whose consent changed to `consents`. Does not notify GetListener().
int64_t WriteMerge(const ResolutionPlan::Merge& merge, std::set<int64_t>& consents);
// After GetListener() knows the merges.
void AnnounceMergedConsents(const std::set<int64_t>& people);

// pulse_merge() and pulse_unmerge(): lock, write and notify GetListener(). `actor` is the caller.
int64_t MergePeople(const std::string& one, const std::string& other, const std::string& reason,
                    const std::string& actor);
int64_t UnmergePeople(int64_t merge, const std::string& reason, const std::string& actor);

}  // namespace pulse::profile
