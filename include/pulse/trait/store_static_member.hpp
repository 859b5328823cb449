// Static segments: people who are added and removed by hand. For entry code of this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trait {

inline constexpr size_t kMaxStaticUsers = 10'000;  // of one call

// What happened to one of the users given, in their order.
struct StaticChange {
    std::string user;
    std::optional<int64_t> profile;  // the person; empty: unknown
    const char* result;              // added, already_member, removed, not_member, unknown_user
};

// Add people to a static segment, or remove them, and evaluate them in the same transaction. Ids may repeat
// and may be unknown. `actor` is kept with each membership. Throws UserError 42704 unknown segment, 42809 not
// a static one, 55000 a draft or archived, 54000 too many users.
enum class StaticAction { kAdd, kRemove };
std::vector<StaticChange> ChangeStaticMembers(const std::string& segment,
                                              const std::vector<std::string>& users, StaticAction action,
                                              const std::string& actor);

// When a person was added to a static segment and removed, up to a moment; newest first, at most `limit`.
struct StaticPeriod {
    Moment added_at = 0;
    std::string added_by;
    std::optional<Moment> removed_at;
    std::optional<std::string> removed_by;
};
// Needs a pg::Session as pg::Identity::Owner().
std::vector<StaticPeriod> StaticPeriods(int64_t segment, int64_t person, Moment now, int limit);

}  // namespace pulse::trait
