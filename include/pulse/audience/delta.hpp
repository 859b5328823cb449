// What a synchronisation has to do: desired minus sent is added, sent minus desired is removed. Pure C++.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pulse/audience/platform.hpp"

namespace pulse::audience {

// A person in a stream that is sorted by person.
struct LedgerRow {
    int64_t person = 0;
    std::string cells;  // packed
};
// Gives the next row; nothing at the end.
using RowSource = std::function<std::optional<LedgerRow>()>;

enum class Move : uint8_t { kKeep, kAdd, kRemove, kChange };

// What is to be done for one person; nothing: not desired, or not sent.
Move Compare(const std::optional<std::string_view>& desired, const std::optional<std::string_view>& sent);

struct DeltaStep {
    int64_t person = 0;
    Move move = Move::kKeep;
    std::string desired, sent;  // packed cells; empty where there are none
};

struct DeltaCounts {
    int64_t desired = 0, sent = 0, kept = 0, added = 0, removed = 0, changed = 0;

    // The share of people moved, of the larger of what is sent and what is desired; 0 to 1.
    double MovedShare() const;
    void Count(Move move);
};

// Merges both streams; throws std::invalid_argument when one is not sorted.
class DeltaMerge {
  public:
    DeltaMerge(RowSource desired, RowSource sent);
    // The next person to add, remove or change; nothing at the end.
    std::optional<DeltaStep> Next();
    const DeltaCounts& counts() const { return counts_; }

  private:
    std::optional<LedgerRow> Take(RowSource& source, const std::optional<LedgerRow>& before) const;

    RowSource desired_source_, sent_source_;
    std::optional<LedgerRow> desired_, sent_;
    DeltaCounts counts_;
};

struct SyncLimits {
    double max_share = 1;      // of the people in the audience that one synchronisation may remove or change
    int64_t free_moves = 100;  // so many always may be
    double replace_share = 0.5;  // moved: from here on a replacement is cheaper
    bool states_parted = false;  // the platform has others than the ledger says
};

enum class SyncWay : uint8_t { kNothing, kDelta, kReplace, kHeld };

struct SyncPlan {
    SyncWay way = SyncWay::kNothing;
    std::string reason;  // why it is held or replaces; a sentence
};

// How to bring the audience to the desired state. Held: more people would be moved at once than is allowed.
SyncPlan PlanSync(Platform platform, const DeltaCounts& counts, const SyncLimits& limits);

}  // namespace pulse::audience
