#include "pulse/insight/funnel.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "pulse/base/error.hpp"

namespace pulse::insight {
namespace {

FunnelPlan Steps(size_t steps) {
    FunnelPlan plan;
    plan.steps = steps;
    plan.timeouts.assign(steps, kNoLimit);
    return plan;
}

// Events as "A1 B2 AC3": step letters, then the time; X and Y are the first two exclusions of a funnel of
// three steps.
std::vector<FunnelEvent> Events(const std::string& text, size_t steps = 3) {
    std::vector<FunnelEvent> events;
    for (size_t i = 0; i < text.size();) {
        FunnelEvent event;
        for (; text[i] >= 'A' && text[i] <= 'Z'; ++i)
            event.mask |=
                text[i] >= 'X' ? 1u << (steps + static_cast<size_t>(text[i] - 'X')) : 1u << (text[i] - 'A');
        if (text[i] == '\'') event.key = static_cast<uint32_t>(text[++i] - '0'), ++i;
        size_t length = 0;
        event.time = std::stoll(text.substr(i), &length);
        i += length;
        while (i < text.size() && text[i] == ' ') ++i;
        events.push_back(event);
    }
    SortEvents(events);
    return events;
}

// The paths as times: "1 2 3; 7", "+" behind one that can still go on.
std::string Paths(const FunnelPlan& plan, const std::string& text) {
    const std::vector<FunnelEvent> events = Events(text, plan.steps);
    FunnelFollower follower(plan);
    std::string result;
    for (const FunnelPath& path : follower.Follow(events)) {
        if (!result.empty()) result += "; ";
        for (size_t i = 0; i < path.reached; ++i)
            result += (i > 0 ? " " : "") + std::to_string(events[path.events[i]].time);
        if (path.waiting) result += "+";
    }
    return result;
}

TEST(Funnel, FollowsStepsInOrder) {
    FunnelPlan plan = Steps(3);
    EXPECT_EQ(Paths(plan, ""), "");
    EXPECT_EQ(Paths(plan, "B1 C2"), "");
    EXPECT_EQ(Paths(plan, "A1 B2 C3"), "1 2 3");
    EXPECT_EQ(Paths(plan, "A1 C2 B3"), "1 3");
    EXPECT_EQ(Paths(plan, "A1 B2 B3 C4"), "1 2 4") << "the first event of each step";
    plan.window = 5;
    EXPECT_EQ(Paths(plan, "A1 A4 B7 C8"), "1");
    EXPECT_EQ(Paths(plan, "A2 B7"), "2 7") << "the window includes its end";
    plan.entry = FunnelEntry::kBest;
    EXPECT_EQ(Paths(plan, "A1 A4 B7 C8"), "4 7 8");
    plan.entry = FunnelEntry::kEvery;
    EXPECT_EQ(Paths(plan, "A1 B2 C3 A4 A5 B6 C7 A8 B9"), "1 2 3; 5 6 7; 8 9");
}

TEST(Funnel, OneEventTakesOneStep) {
    // ClickHouse/ClickHouse#21835: the same event counts for two steps.
    FunnelPlan plan = Steps(2);
    for (const FunnelOrder order : {FunnelOrder::kIncreasing, FunnelOrder::kLoose, FunnelOrder::kStrict}) {
        plan.order = order;
        EXPECT_EQ(Paths(plan, "AB1"), "1");
        EXPECT_EQ(Paths(plan, "AB1 AB2"), "1 2");
    }
    plan = Steps(3);
    plan.order = FunnelOrder::kLoose;
    EXPECT_EQ(Paths(plan, "AB1 AB1"), "1 1");
    EXPECT_EQ(Paths(plan, "ABC1 AB1 A1"), "1 1 1") << "events are assigned so that all steps get one";
    EXPECT_EQ(Paths(plan, "C1 B1 A1"), "1 1 1") << "whatever the order in which they are stored";
    plan.order = FunnelOrder::kIncreasing;
    EXPECT_EQ(Paths(plan, "C1 B1 A1"), "1");
}

TEST(Funnel, StrictOrderGoesOnAfterARepeat) {
    // ClickHouse/ClickHouse#27469: a repeat ends the whole search.
    FunnelPlan plan = Steps(3);
    plan.order = FunnelOrder::kStrict;
    plan.entry = FunnelEntry::kBest;
    EXPECT_EQ(Paths(plan, "A1 A2 B3 C4"), "2 3 4");
    EXPECT_EQ(Paths(plan, "A1 C2 B3 A4 B5 C6"), "4 5 6");
    EXPECT_EQ(Paths(plan, "A1 B2 A3 C4"), "1 2");
    // What no step uses is not in between.
    EXPECT_EQ(Paths(plan, "A1 B2 Z3 C4"), "1 2 4");
}

TEST(Funnel, RepeatsNeitherCutNorSkip) {
    FunnelPlan plan = Steps(4);
    plan.entry = FunnelEntry::kBest;
    for (const FunnelOrder order : {FunnelOrder::kIncreasing, FunnelOrder::kLoose, FunnelOrder::kStrict}) {
        plan.order = order;
        // ClickHouse/ClickHouse#37177: 1 instead of 4, because a step is repeated afterwards.
        EXPECT_EQ(Paths(plan, "A1 B2 C3 D4 B5 A6"), "1 2 3 4");
    }
    // ClickHouse/ClickHouse#40263, #58711: 4 instead of 2, although a repeat comes between.
    EXPECT_EQ(Paths(plan, "A1 B2 B3 C4 D5"), "1 2");
    EXPECT_EQ(Paths(plan, "A1 B2 A3 C4 D5"), "1 2");
}

TEST(Funnel, TiesDoNotOverwriteEarlierCandidates) {
    // ClickHouse/ClickHouse#93789: an event at the same time overwrites a candidate that was valid.
    FunnelPlan plan = Steps(3);
    plan.entry = FunnelEntry::kBest;
    plan.window = 10;
    for (const FunnelOrder order : {FunnelOrder::kIncreasing, FunnelOrder::kLoose}) {
        plan.order = order;
        EXPECT_EQ(Paths(plan, "A1 A5 B5 C6"), order == FunnelOrder::kLoose ? "5 5 6" : "1 5 6");
        EXPECT_EQ(Paths(plan, "B5 A5 A1 C6"), order == FunnelOrder::kLoose ? "5 5 6" : "1 5 6");
    }
    plan.order = FunnelOrder::kIncreasing;
    EXPECT_EQ(Paths(plan, "A1 AB5 C5 B7 C8"), "5 7 8");
}

TEST(Funnel, ExcludedEventsEndChains) {
    FunnelPlan plan = Steps(3);
    plan.exclusions = {{1, 2}};
    EXPECT_EQ(Paths(plan, "A1 B2 X3 C4"), "1 2");
    EXPECT_EQ(Paths(plan, "A1 X2 B3 C4"), "1 3 4") << "it is not between these steps";
    EXPECT_EQ(Paths(plan, "A1 B2 X3 B4 C5"), "1 4 5") << "the step may be taken again";
    EXPECT_EQ(Paths(plan, "A1 B2 X2 C4"), "1 2 4") << "at the time of the step before: not after it";
    EXPECT_EQ(Paths(plan, "A1 B2 X4 C4"), "1 2") << "at the time of the step after: before it";
    plan.exclusions = {{0, 2}};
    EXPECT_EQ(Paths(plan, "A1 B2 X3 B4 C5"), "1 2");
    EXPECT_EQ(Paths(plan, "A1 B2 C4 X5"), "1 2 4");
}

TEST(Funnel, TimeoutsComeOnTopOfTheWindow) {
    FunnelPlan plan = Steps(3);
    plan.timeouts = {kNoLimit, 5, 3};
    EXPECT_EQ(Paths(plan, "A1 B7"), "1");
    EXPECT_EQ(Paths(plan, "A1 B6 C9"), "1 6 9");
    EXPECT_EQ(Paths(plan, "A1 B2 B5 C8"), "1 5 8") << "a later event of the same step keeps the chain alive";
    plan.window = 6;
    EXPECT_EQ(Paths(plan, "A1 B2 B5 C8"), "1 2");
}

TEST(Funnel, SessionsAreFollowedApart) {
    FunnelPlan plan = Steps(2);
    plan.session_gap = 10;
    EXPECT_EQ(Paths(plan, "A1 B12"), "1");
    EXPECT_EQ(Paths(plan, "A1 Z9 B12"), "1 12") << "any event belongs to the session";
    EXPECT_EQ(Paths(plan, "A1 B2 A30 A60 B61"), "1 2; 30; 60 61");
}

TEST(Funnel, TheSamePropertyAlongTheWay) {
    FunnelPlan plan = Steps(3);
    plan.hold = true;
    EXPECT_EQ(Paths(plan, "A'11 B'22 B'13 C'24 C'15"), "1 3 5");
    EXPECT_EQ(Paths(plan, "A'11 A'22 B'23 C'24"), "1") << "first: the value of the first start counts";
    EXPECT_EQ(Paths(plan, "A1 A'12 B'13 B4"), "2 3") << "an event without the property is in no chain";
    plan.entry = FunnelEntry::kBest;
    EXPECT_EQ(Paths(plan, "A'11 A'22 B'23 C'24"), "2 3 4");
    plan.entry = FunnelEntry::kEvery;
    EXPECT_EQ(Paths(plan, "A'11 A'22 B'23 C'24"), "1; 2 3 4");
}

TEST(Funnel, KnowsWhoMayStillGoOn) {
    FunnelPlan plan = Steps(3);
    plan.window = 10;
    plan.now = 10;
    EXPECT_EQ(Paths(plan, "A1 B2"), "1 2+");
    EXPECT_EQ(Paths(plan, "A1 B2 C3"), "1 2 3");
    EXPECT_EQ(Paths(plan, "A0 B2"), "0 2") << "an event after now would be too late";
    plan.timeouts = {kNoLimit, 4, 4};
    EXPECT_EQ(Paths(plan, "A1 B5"), "1 5");
    EXPECT_EQ(Paths(plan, "A3 B6 B7"), "3 6+");
    plan = Steps(2);
    plan.now = 10;
    plan.exclusions = {{0, 1}};
    EXPECT_EQ(Paths(plan, "A1 X2"), "1");
    plan.session_gap = 5;
    EXPECT_EQ(Paths(plan, "A1"), "1");
    EXPECT_EQ(Paths(plan, "A6"), "6+");
}

TEST(Funnel, PlansSurviveTheRoundTrip) {
    FunnelPlan plan = Steps(4);
    plan.window = 86'400'000'000;
    plan.timeouts[2] = 5;
    plan.order = FunnelOrder::kStrict;
    plan.entry = FunnelEntry::kEvery;
    plan.exclusions = {{0, 2}, {1, 3}};
    plan.session_gap = 7;
    plan.hold = true;
    plan.now = 42;
    EXPECT_EQ(ReadPlan(WritePlan(plan)), plan);
    const std::string text = WritePlan(plan);
    for (size_t length = 0; length + 1 < text.size(); ++length)
        if (text[length] == ' ') {
            EXPECT_THROW(ReadPlan(text.substr(0, length)), UserError) << length;
        }
    for (const char* bad : {"", "x", "21 1 0 0 0 0 1", "2 1 3 0 0 0 1 1 1 0", "2 1 0 0 0 0 1 1 1 1 1 1",
                            "2 1 0 0 0 0 1 1 1 99999999999"})
        EXPECT_THROW(ReadPlan(bad), UserError) << bad;
}

TEST(Funnel, PartsOfAPersonAreMerged) {
    std::vector<FunnelEvent> into = Events("A1 C3 C7");
    MergeEvents(into, Events("B2 A3 B9"));
    std::vector<Moment> times;
    for (const FunnelEvent& event : into) times.push_back(event.time);
    EXPECT_EQ(times, (std::vector<Moment>{1, 2, 3, 3, 7, 9}));
    EXPECT_EQ(into[2].mask, 1u);
    MergeEvents(into, {});
    EXPECT_EQ(into.size(), 6u);
}

// ---- All chains, tried one by one ----

struct Result {
    size_t reached = 0;
    Moment end = 0, start = 0;
    bool operator==(const Result&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Result& result) {
    return out << result.reached << " steps from " << result.start << " to " << result.end;
}

class Oracle {
  public:
    Oracle(const FunnelPlan& plan, std::vector<FunnelEvent> events)
        : plan_(plan), events_(std::move(events)) {}

    std::vector<Result> Run() {
        std::vector<Result> results;
        Moment after = -1;
        for (;;) {
            const Result best = Best(after);
            if (best.reached > 0) results.push_back(best);
            if (best.reached < plan_.steps || plan_.entry != FunnelEntry::kEvery) return results;
            after = best.end;
        }
    }

    // Whether these events are a chain.
    bool Valid(const std::vector<size_t>& chain) const {
        for (size_t i = 0; i < chain.size(); ++i) {
            if ((events_[chain[i]].mask >> i & 1) == 0) return false;
            if (i > 0 && !Follows(chain, i)) return false;
        }
        return true;
    }

  private:
    bool Follows(const std::vector<size_t>& chain, size_t i) const {
        const Moment from = events_[chain[i - 1]].time, to = events_[chain[i]].time;
        if (plan_.order == FunnelOrder::kLoose ? to < from : to <= from) return false;
        if (std::count(chain.begin(), chain.end(), chain[i]) > 1) return false;
        if (to - events_[chain[0]].time > plan_.window || to - from > plan_.timeouts[i]) return false;
        for (const FunnelEvent& event : events_) {
            if (plan_.order == FunnelOrder::kStrict && event.time > from && event.time < to &&
                (event.mask & ((1u << plan_.steps) - 1)) != 0)
                return false;
            for (size_t x = 0; x < plan_.exclusions.size(); ++x)
                if ((event.mask >> (plan_.steps + x) & 1) != 0 && i - 1 >= plan_.exclusions[x].after &&
                    i - 1 < plan_.exclusions[x].before && event.time > from && event.time <= to)
                    return false;
        }
        return true;
    }

    Result Best(Moment after) const {
        Moment first = kNoLimit;
        for (const FunnelEvent& event : events_)
            if ((event.mask & 1) != 0 && event.time < first) first = event.time;
        Result best;
        std::vector<size_t> chain;
        const std::function<void()> extend = [&] {
            if (!chain.empty()) {
                const Result result{chain.size(), events_[chain.back()].time, events_[chain[0]].time};
                if (result.reached > best.reached ||
                    (result.reached == best.reached &&
                     (result.end < best.end || (result.end == best.end && result.start > best.start))))
                    best = result;
            }
            if (chain.size() == plan_.steps) return;
            for (size_t i = 0; i < events_.size(); ++i) {
                if (events_[i].time <= after) continue;
                if (chain.empty() && plan_.entry == FunnelEntry::kFirst && events_[i].time != first) continue;
                chain.push_back(i);
                if ((events_[i].mask >> (chain.size() - 1) & 1) != 0 &&
                    (chain.size() == 1 || Follows(chain, chain.size() - 1)))
                    extend();
                chain.pop_back();
            }
        };
        extend();
        return best;
    }

    const FunnelPlan& plan_;
    std::vector<FunnelEvent> events_;
};

std::string Show(const FunnelPlan& plan, const std::vector<FunnelEvent>& events) {
    std::string text = WritePlan(plan) + ":";
    for (const FunnelEvent& event : events)
        text += " " + std::to_string(event.mask) + "@" + std::to_string(event.time);
    return text;
}

TEST(Funnel, EqualsTryingAllChains) {
    std::mt19937 random(20260301);
    const auto upto = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
    for (int round = 0; round < 40'000; ++round) {
        FunnelPlan plan = Steps(2 + static_cast<size_t>(upto(2)));
        plan.order = static_cast<FunnelOrder>(upto(2));
        plan.entry = static_cast<FunnelEntry>(upto(2));
        if (upto(1)) plan.window = upto(8);
        if (upto(2) == 0)
            for (size_t i = 1; i < plan.steps; ++i)
                if (upto(1)) plan.timeouts[i] = upto(4);
        if (upto(1))
            for (int x = upto(1); x >= 0; --x) {
                const auto after = static_cast<uint32_t>(upto(static_cast<int>(plan.steps) - 2));
                const auto before =
                    after + 1 + static_cast<uint32_t>(upto(static_cast<int>(plan.steps - after) - 2));
                plan.exclusions.push_back({after, before});
            }
        std::vector<FunnelEvent> events(static_cast<size_t>(upto(9)));
        const int span = 3 + upto(12);
        for (FunnelEvent& event : events) {
            event.time = upto(span);
            // Mostly one bit, as in most funnels.
            const auto bits = static_cast<int>(plan.steps + plan.exclusions.size());
            event.mask = 1u << upto(bits - 1);
            if (upto(3) == 0) event.mask |= 1u << upto(bits - 1);
            if (upto(15) == 0) event.mask = 0;
        }
        SortEvents(events);
        FunnelFollower follower(plan);
        Oracle oracle(plan, events);
        std::vector<Result> found;
        for (const FunnelPath& path : follower.Follow(events)) {
            const std::vector<size_t> chain(path.events.begin(),
                                            path.events.begin() + static_cast<std::ptrdiff_t>(path.reached));
            ASSERT_TRUE(oracle.Valid(chain)) << Show(plan, events);
            found.push_back({path.reached, events[chain.back()].time, events[chain[0]].time});
        }
        const std::vector<Result> expected = oracle.Run();
        ASSERT_EQ(found, expected) << Show(plan, events);
    }
}

// Sessions and values of a property divide the events; each part is a person of its own.
TEST(Funnel, DividesAsASearchOverTheParts) {
    std::mt19937 random(7);
    const auto upto = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
    for (int round = 0; round < 5'000; ++round) {
        FunnelPlan plan = Steps(3);
        plan.entry = static_cast<FunnelEntry>(upto(2));
        plan.hold = upto(1) == 1;
        plan.session_gap = upto(1) * 3;
        std::vector<FunnelEvent> events(static_cast<size_t>(upto(12)));
        for (FunnelEvent& event : events)
            event = {upto(25), 1u << upto(3) & 7u, static_cast<uint32_t>(upto(2)), 0};
        SortEvents(events);
        std::vector<std::vector<FunnelEvent>> sessions;
        for (const FunnelEvent& event : events) {
            if (sessions.empty() ||
                (plan.session_gap > 0 && event.time - sessions.back().back().time > plan.session_gap))
                sessions.emplace_back();
            sessions.back().push_back(event);
        }
        std::vector<Result> expected;
        for (const std::vector<FunnelEvent>& session : sessions) {
            std::map<uint32_t, std::vector<FunnelEvent>> parts;
            uint32_t only = 0;
            for (const FunnelEvent& event : session) {
                if (plan.hold && event.key == 0) continue;
                if (only == 0 && (event.mask & 1) != 0) only = event.key;
                parts[plan.hold ? event.key : 0].push_back(event);
            }
            std::vector<Result> here;
            for (const auto& [key, part] : parts)
                if (!plan.hold || plan.entry != FunnelEntry::kFirst || key == only)
                    for (const Result& result : Oracle(plan, part).Run()) here.push_back(result);
            if (plan.hold && plan.entry == FunnelEntry::kBest && here.size() > 1) {
                std::stable_sort(here.begin(), here.end(), [](const Result& a, const Result& b) {
                    if (a.reached != b.reached) return a.reached > b.reached;
                    return a.end != b.end ? a.end < b.end : a.start > b.start;
                });
                here.resize(1);
            }
            expected.insert(expected.end(), here.begin(), here.end());
        }
        std::vector<Result> found;
        FunnelFollower follower(plan);
        for (const FunnelPath& path : follower.Follow(events))
            found.push_back(
                {path.reached, events[path.events[path.reached - 1]].time, events[path.events[0]].time});
        ASSERT_EQ(found, expected) << Show(plan, events);
    }
}

// What is stored first makes no difference, and neither does how the events were divided into parts.
TEST(Funnel, DoesNotDependOnTheOrderOfStorage) {
    std::mt19937 random(11);
    for (int round = 0; round < 2'000; ++round) {
        FunnelPlan plan = Steps(3);
        plan.order = static_cast<FunnelOrder>(random() % 3);
        plan.entry = FunnelEntry::kBest;
        std::vector<FunnelEvent> events(random() % 10);
        for (FunnelEvent& event : events)
            event = {static_cast<Moment>(random() % 6), 1 + static_cast<uint32_t>(random() % 7), 0, 0};
        std::vector<FunnelEvent> sorted = events, merged, other;
        SortEvents(sorted);
        for (const FunnelEvent& event : events) (random() % 2 ? merged : other).push_back(event);
        SortEvents(merged);
        SortEvents(other);
        MergeEvents(merged, other);
        FunnelFollower follower(plan);
        std::vector<Moment> times;
        for (const FunnelPath& path : follower.Follow(sorted))
            for (size_t i = 0; i < path.reached; ++i) times.push_back(sorted[path.events[i]].time);
        size_t at = 0;
        for (const FunnelPath& path : follower.Follow(merged))
            for (size_t i = 0; i < path.reached; ++i) ASSERT_EQ(merged[path.events[i]].time, times.at(at++));
        ASSERT_EQ(at, times.size());
    }
}

}  // namespace
}  // namespace pulse::insight
