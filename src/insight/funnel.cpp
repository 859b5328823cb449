#include "pulse/insight/funnel.hpp"

#include <algorithm>
#include <bit>
#include <sstream>
#include <tuple>

#include "pulse/base/error.hpp"

namespace pulse::insight {

namespace {

bool FunnelEventBefore(const FunnelEvent& a, const FunnelEvent& b) {
    if (a.time != b.time) return a.time < b.time;
    return std::tie(a.mask, a.key, a.value) < std::tie(b.mask, b.key, b.value);
}

constexpr uint32_t FunnelBit(size_t bit) {
    return uint32_t{1} << bit;
}

// The steps from `from`, including it, to `to`, excluding it.
constexpr uint32_t FunnelBits(size_t from, size_t to) {
    return (FunnelBit(to) - 1) & ~(FunnelBit(from) - 1);
}

[[noreturn]] void ThrowNoPlan(const std::string& text) {
    ThrowInvalid("not the plan of a funnel", "It is \"" + text.substr(0, 100) + "\".",
                 "It is an internal value: pulse_funnel() makes it.");
}

void CheckPlan(const FunnelPlan& plan, const std::string& text) {
    bool valid = plan.steps >= 2 && plan.steps <= kMaxFunnelSteps && plan.timeouts.size() == plan.steps &&
                 plan.exclusions.size() <= kMaxFunnelExclusions && plan.window >= 0 && plan.session_gap >= 0;
    for (const int64_t timeout : plan.timeouts) valid = valid && timeout >= 0;
    for (const FunnelExclusion& exclusion : plan.exclusions)
        valid = valid && exclusion.after < exclusion.before && exclusion.before < plan.steps;
    if (!valid) ThrowNoPlan(text);
}

}  // namespace

std::string WritePlan(const FunnelPlan& plan) {
    std::ostringstream text;
    text << plan.steps << ' ' << plan.window << ' ' << static_cast<int>(plan.order) << ' '
         << static_cast<int>(plan.entry) << ' ' << plan.session_gap << ' ' << plan.hold << ' ' << plan.now;
    for (const int64_t timeout : plan.timeouts) text << ' ' << timeout;
    text << ' ' << plan.exclusions.size();
    for (const FunnelExclusion& exclusion : plan.exclusions)
        text << ' ' << exclusion.after << ' ' << exclusion.before;
    return text.str();
}

FunnelPlan ReadPlan(const std::string& text) {
    std::istringstream words(text);
    FunnelPlan plan;
    int order = -1, entry = -1;
    size_t exclusions = 0;
    words >> plan.steps >> plan.window >> order >> entry >> plan.session_gap >> plan.hold >> plan.now;
    if (!words || plan.steps > kMaxFunnelSteps || order < 0 || order > 2 || entry < 0 || entry > 2)
        ThrowNoPlan(text);
    plan.order = static_cast<FunnelOrder>(order);
    plan.entry = static_cast<FunnelEntry>(entry);
    plan.timeouts.resize(plan.steps);
    for (int64_t& timeout : plan.timeouts) words >> timeout;
    words >> exclusions;
    if (!words || exclusions > kMaxFunnelExclusions) ThrowNoPlan(text);
    plan.exclusions.resize(exclusions);
    for (FunnelExclusion& exclusion : plan.exclusions) words >> exclusion.after >> exclusion.before;
    if (!words) ThrowNoPlan(text);
    CheckPlan(plan, text);
    return plan;
}

void SortEvents(std::vector<FunnelEvent>& events) {
    if (!std::is_sorted(events.begin(), events.end(), FunnelEventBefore))
        std::sort(events.begin(), events.end(), FunnelEventBefore);
}

void MergeEvents(std::vector<FunnelEvent>& into, const std::vector<FunnelEvent>& from) {
    const auto middle = static_cast<std::ptrdiff_t>(into.size());
    into.insert(into.end(), from.begin(), from.end());
    std::inplace_merge(into.begin(), into.begin() + middle, into.end(), FunnelEventBefore);
}

FunnelFollower::FunnelFollower(FunnelPlan plan) : plan_(std::move(plan)) {
    CheckPlan(plan_, "");
    step_bits_ = FunnelBits(0, plan_.steps);
    for (const FunnelExclusion& exclusion : plan_.exclusions)
        excluded_.push_back(FunnelBits(exclusion.after, exclusion.before));
    has_timeouts_ = std::any_of(plan_.timeouts.begin() + 1, plan_.timeouts.end(),
                                [](int64_t timeout) { return timeout != kNoLimit; });
    chains_.resize(plan_.steps);
}

const std::vector<FunnelPath>& FunnelFollower::Follow(const std::vector<FunnelEvent>& events) {
    events_ = &events;
    paths_.clear();
    for (size_t begin = 0; begin < events.size();) {
        size_t end = events.size();
        Moment session_end = kNoLimit;
        if (plan_.session_gap > 0) {
            end = begin + 1;
            while (end < events.size() && events[end].time - events[end - 1].time <= plan_.session_gap) ++end;
            session_end = events[end - 1].time + plan_.session_gap;
        }
        if (plan_.hold)
            FollowKeys(begin, end, session_end);
        else
            FollowRun(
                end - begin, [begin](size_t i) { return static_cast<uint32_t>(begin + i); }, session_end);
        begin = end;
    }
    return paths_;
}

// Each key is followed by itself.
void FunnelFollower::FollowKeys(size_t begin, size_t end, Moment session_end) {
    const std::vector<FunnelEvent>& events = *events_;
    order_.clear();
    uint32_t only = 0;
    for (size_t i = begin; i < end; ++i) {
        if (events[i].key == 0) continue;
        if (only == 0 && (events[i].mask & 1) != 0) only = events[i].key;
        order_.push_back(static_cast<uint32_t>(i));
    }
    if (plan_.entry == FunnelEntry::kFirst)
        std::erase_if(order_, [&](uint32_t i) { return events[i].key != only; });
    std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
        return events[a].key != events[b].key ? events[a].key < events[b].key : a < b;
    });
    const size_t before = paths_.size();
    for (size_t from = 0; from < order_.size();) {
        size_t to = from + 1;
        while (to < order_.size() && events[order_[to]].key == events[order_[from]].key) ++to;
        FollowRun(
            to - from, [this, from](size_t i) { return order_[from + i]; }, session_end);
        from = to;
        if (plan_.entry != FunnelEntry::kBest || paths_.size() < before + 2) continue;
        // The best of all keys.
        if (Improves(paths_.back(), paths_[before])) paths_[before] = paths_.back();
        paths_.pop_back();
    }
}

// Whether a path reached more steps, or as many and earlier, or then and began later.
bool FunnelFollower::Improves(const FunnelPath& path, const FunnelPath& on) const {
    if (path.reached != on.reached) return path.reached > on.reached;
    const auto time = [&](const FunnelPath& of, size_t step) { return (*events_)[of.events[step]].time; };
    const Moment end = time(path, path.reached - 1), other_end = time(on, on.reached - 1);
    return end != other_end ? end < other_end : time(path, 0) > time(on, 0);
}

template <typename At>
void FunnelFollower::FollowRun(size_t count, At at, Moment session_end) {
    const std::vector<FunnelEvent>& events = *events_;
    Restart();
    for (size_t i = 0; i < count;) {
        const uint32_t first = at(i);
        const Moment time = events[first].time;
        uint32_t mask = events[first].mask;
        size_t next = i + 1;
        for (; next < count && events[at(next)].time == time; ++next) mask |= events[at(next)].mask;
        if (next == i + 1) {
            Advance(
                mask, [first](size_t) { return first; }, time);
        } else {
            group_.clear();
            for (; i < next; ++i)
                if (events[at(i)].mask != 0) group_.push_back(at(i));
            Exclude(mask);
            if (plan_.order == FunnelOrder::kLoose)
                AdvanceTogether(time);
            else
                Advance(
                    mask & step_bits_,
                    [&](size_t step) {
                        return *std::find_if(group_.begin(), group_.end(), [&](uint32_t event) {
                            return (events[event].mask >> step & 1) != 0;
                        });
                    },
                    time);
        }
        i = next;
    }
    Finish(session_end);
}

void FunnelFollower::Restart() {
    alive_ = 0;
    started_ = false;
    best_.reached = 0;
}

// Chains that were at a step before this instant end; those that reach it now go on.
void FunnelFollower::Exclude(uint32_t mask) {
    for (uint32_t bits = mask >> plan_.steps; bits != 0; bits &= bits - 1) {
        const auto exclusion = static_cast<size_t>(std::countr_zero(bits));
        if (exclusion < excluded_.size()) alive_ &= ~excluded_[exclusion];
    }
}

bool FunnelFollower::Fits(const Chain& chain, size_t step, Moment time) const {
    return time - chain.start <= plan_.window && time - chain.last <= plan_.timeouts[step];
}

template <typename EventOf>
void FunnelFollower::Advance(uint32_t mask, EventOf event_of, Moment time) {
    Exclude(mask);
    mask &= step_bits_;
    if (mask == 0) return;
    const bool strict = plan_.order == FunnelOrder::kStrict;
    uint32_t entered = 0;
    // From the last step on, so that the chains of the step before are those before this instant.
    for (uint32_t steps = mask & (alive_ << 1); steps != 0;) {
        const auto step = static_cast<size_t>(std::bit_width(steps) - 1);
        steps &= ~FunnelBit(step);
        const Chain& from = chains_[step - 1];
        if (!Fits(from, step, time)) continue;
        entered |= FunnelBit(step);
        // Without timeouts, the earliest event of the same start is as good as any later one.
        if (!strict && !has_timeouts_ && IsAlive(step) && chains_[step].start == from.start) continue;
        Enter(step, from, event_of(step), time);
        NoteReached(step);
        if (step + 1 == plan_.steps && plan_.entry == FunnelEntry::kEvery) {
            paths_.push_back(best_);
            paths_.back().waiting = false;
            Restart();
            return;
        }
    }
    if ((mask & 1) != 0 && MayStart()) {
        started_ = true;
        entered |= 1;
        Enter(0, {time, time, {}}, event_of(0), time);
        NoteReached(0);
    }
    alive_ = strict ? entered : alive_ | entered;
}

void FunnelFollower::Enter(size_t step, const Chain& from, uint32_t event, Moment time) {
    Chain& chain = chains_[step];
    chain.start = from.start;
    chain.last = time;
    std::copy_n(from.path.begin(), step, chain.path.begin());
    chain.path[step] = event;
}

void FunnelFollower::NoteReached(size_t step) {
    if (step + 1 <= best_.reached) return;
    best_.reached = step + 1;
    std::copy_n(chains_[step].path.begin(), step + 1, best_.events.begin());
}

// Events of one instant, each of which takes one step: from the chains before this instant, as far as
// different events can be assigned to the next steps.
void FunnelFollower::AdvanceTogether(Moment time) {
    const std::vector<FunnelEvent>& events = *events_;
    // More events of a step than there are steps make no difference.
    std::array<size_t, kMaxFunnelSteps> count{};
    std::erase_if(group_, [&](uint32_t event) {
        bool needed = false;
        for (uint32_t bits = events[event].mask & step_bits_; bits != 0; bits &= bits - 1)
            needed = count[static_cast<size_t>(std::countr_zero(bits))]++ < plan_.steps || needed;
        return !needed;
    });
    if (group_.size() <= 1) {
        if (!group_.empty())
            Advance(
                events[group_[0]].mask & step_bits_, [&](size_t) { return group_[0]; }, time);
        return;
    }
    before_ = chains_;
    const uint32_t before = alive_;
    const bool starts = count[0] > 0 && MayStart();
    uint32_t entered = 0;
    // The steps that the chain has before this instant; with none it starts now.
    for (size_t done = 0; done < plan_.steps; ++done) {
        if (done == 0 ? !starts : (before >> (done - 1) & 1) == 0 || !Fits(before_[done - 1], done, time))
            continue;
        const Moment start = done == 0 ? time : before_[done - 1].start;
        owner_.assign(group_.size(), -1);
        for (size_t step = done; step < plan_.steps; ++step) {
            visited_.assign(group_.size(), 0);
            if (!Assign(step)) break;
            Chain& chain = chains_[step];
            if (IsAlive(step) && (start < chain.start || (start == chain.start && !has_timeouts_))) continue;
            if (done > 0) std::copy_n(before_[done - 1].path.begin(), done, chain.path.begin());
            for (size_t i = 0; i < group_.size(); ++i)
                if (owner_[i] >= 0) chain.path[static_cast<size_t>(owner_[i])] = group_[i];
            chain.start = start;
            chain.last = time;
            alive_ |= FunnelBit(step);
            entered |= FunnelBit(step);
        }
    }
    started_ = started_ || starts;
    if (entered == 0) return;
    const auto highest = static_cast<size_t>(std::bit_width(entered) - 1);
    NoteReached(highest);
    if (highest + 1 < plan_.steps || plan_.entry != FunnelEntry::kEvery) return;
    paths_.push_back(best_);
    paths_.back().waiting = false;
    Restart();
}

// Find an event for a step, by giving other events to the steps that have one.
bool FunnelFollower::Assign(size_t step) {
    for (size_t i = 0; i < group_.size(); ++i) {
        if (visited_[i] != 0 || ((*events_)[group_[i]].mask >> step & 1) == 0) continue;
        visited_[i] = 1;
        if (owner_[i] >= 0 && !Assign(static_cast<size_t>(owner_[i]))) continue;
        owner_[i] = static_cast<int>(step);
        return true;
    }
    return false;
}

void FunnelFollower::Finish(Moment session_end) {
    if (best_.reached == 0) return;
    best_.waiting = false;
    if (best_.reached < plan_.steps && IsAlive(best_.reached - 1) && plan_.now != kNoLimit)
        best_.waiting =
            plan_.now <= session_end && Fits(chains_[best_.reached - 1], best_.reached, plan_.now + 1);
    paths_.push_back(best_);
}

}  // namespace pulse::insight
