// A funnel over the events of one person: how far the person came, and by which events. Pure C++.
//
// The algorithm keeps one chain per step: the chain that has reached the step and started last. A chain that
// started later leaves more of the window, and its newest event is never older, because the chains of a step
// are received in the order of their starts; so this chain is as good as any other, and the result equals a
// search over all chains (test/unit/insight_funnel_test.cpp). Events of the same instant are one group,
// compared with the state before it, so the order in which they are stored makes no difference.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::insight {

inline constexpr size_t kMaxFunnelSteps = 20;
inline constexpr size_t kMaxFunnelExclusions = 11;     // steps and exclusions are bits of an int4
inline constexpr size_t kMaxFunnelEvents = 1'000'000;  // of one person
inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

enum class FunnelOrder {
    kIncreasing,  // each step strictly later than the one before
    kLoose,       // each step at the same time or later, by another event
    kStrict       // as kIncreasing, and no other event of the steps in between
};
enum class FunnelEntry {
    kFirst,  // the first event of step 1 is the only start
    kBest,   // any start; the longest chain
    kEvery   // each conversion, then a new start
};

// An event that must not happen after step `after` until step `before`, counted from 0.
struct FunnelExclusion {
    uint32_t after = 0, before = 0;
    bool operator==(const FunnelExclusion&) const = default;
};

struct FunnelPlan {
    size_t steps = 0;
    int64_t window = kNoLimit;  // from the first event of a chain; microseconds, as below
    // By step: from the event before; the first has none. As many as steps.
    std::vector<int64_t> timeouts;
    FunnelOrder order = FunnelOrder::kIncreasing;
    FunnelEntry entry = FunnelEntry::kFirst;
    std::vector<FunnelExclusion> exclusions;  // the n-th is bit steps + n
    int64_t session_gap = 0;                  // a longer pause ends a session; 0: no sessions
    bool hold = false;                        // all events of a chain have the same key
    Moment now = kNoLimit;                    // whether a chain can still go on

    bool operator==(const FunnelPlan&) const = default;
};

// Write a plan as text; ReadPlan() reads it. Throws UserError if a text is none.
std::string WritePlan(const FunnelPlan& plan);
FunnelPlan ReadPlan(const std::string& text);

struct FunnelEvent {
    Moment time = 0;
    uint32_t mask = 0;   // bit i: it matches step i, or exclusion i - steps
    uint32_t key = 0;    // of plan.hold; 0: it has none, so it is in no chain
    uint32_t value = 0;  // for the caller
};

struct FunnelPath {
    size_t reached = 0;                              // steps, at least 1
    bool waiting = false;                            // it can still go on: the next step may come
    std::array<uint32_t, kMaxFunnelSteps> events{};  // by step, as indexes of the events given
};

// Order events by time, and the same instant by mask, key and value, so that results do not depend on chance.
void SortEvents(std::vector<FunnelEvent>& events);
// Add the events of another part of the same person; both are in order.
void MergeEvents(std::vector<FunnelEvent>& into, const std::vector<FunnelEvent>& from);

// Follows one person after another.
class FunnelFollower {
  public:
    explicit FunnelFollower(FunnelPlan plan);

    // The paths of a person whose events are in order; valid until the next call. None if the person never
    // began.
    const std::vector<FunnelPath>& Follow(const std::vector<FunnelEvent>& events);

    const FunnelPlan& plan() const { return plan_; }

  private:
    // The chain that has reached a step.
    struct Chain {
        Moment start = 0, last = 0;
        std::array<uint32_t, kMaxFunnelSteps> path{};
    };

    // `at` gives the n-th of `count` events, as an index of all. They are those of a session, or of one key
    // in it.
    template <typename At>
    void FollowRun(size_t count, At at, Moment session_end);
    void FollowKeys(size_t begin, size_t end, Moment session_end);
    // Events of one instant. `event_of` gives the event of a step.
    template <typename EventOf>
    void Advance(uint32_t mask, EventOf event_of, Moment time);
    void AdvanceTogether(Moment time);
    bool Assign(size_t step);

    void Restart();
    void Exclude(uint32_t mask);
    bool MayStart() const { return plan_.entry != FunnelEntry::kFirst || !started_; }
    bool Fits(const Chain& chain, size_t step, Moment time) const;
    bool IsAlive(size_t step) const { return alive_ >> step & 1; }
    void Enter(size_t step, const Chain& from, uint32_t event, Moment time);
    void NoteReached(size_t step);
    void Finish(Moment session_end);
    bool Improves(const FunnelPath& path, const FunnelPath& on) const;

    FunnelPlan plan_;
    uint32_t step_bits_ = 0;
    std::vector<uint32_t> excluded_;  // by exclusion: the steps whose chains it ends
    bool has_timeouts_ = false;

    const std::vector<FunnelEvent>* events_ = nullptr;
    std::vector<Chain> chains_, before_;  // by step
    uint32_t alive_ = 0;                  // bit i: chains_[i] is a chain
    bool started_ = false;                // there was an event of step 1
    FunnelPath best_;                     // of this run
    std::vector<FunnelPath> paths_;
    std::vector<uint32_t> order_;  // events by key
    std::vector<uint32_t> group_;  // events of one instant
    std::vector<char> visited_;
    std::vector<int> owner_;  // by event of the group: the step that it is assigned to; -1: none
};

}  // namespace pulse::insight
