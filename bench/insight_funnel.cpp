// How many events the pure part of a funnel follows in a second of one core: events in memory, in order,
// person after person.
#include <cstdio>
#include <ctime>
#include <random>

#include "pulse/insight/funnel.hpp"

namespace {

using pulse::insight::FunnelEntry;
using pulse::insight::FunnelEvent;
using pulse::insight::FunnelFollower;
using pulse::insight::FunnelOrder;
using pulse::insight::FunnelPlan;

constexpr size_t kPeople = 20'000, kEventsOfPerson = 50, kSteps = 5;

std::vector<std::vector<FunnelEvent>> MakePeople(bool ties) {
    std::mt19937 random(1);
    std::vector<std::vector<FunnelEvent>> people(kPeople);
    for (std::vector<FunnelEvent>& events : people) {
        for (size_t i = 0; i < kEventsOfPerson; ++i)
            events.push_back({static_cast<pulse::Moment>(random() % (ties ? 30 : 1'000'000)),
                              1u << (random() % (kSteps + 1)), 0, 0});
        pulse::insight::SortEvents(events);
    }
    return people;
}

void Measure(const char* name, const FunnelPlan& plan, bool ties) {
    const std::vector<std::vector<FunnelEvent>> people = MakePeople(ties);
    FunnelFollower follower(plan);
    size_t reached = 0, rounds = 0;
    const std::clock_t begin = std::clock();
    double seconds = 0;
    for (; seconds < 1; ++rounds) {
        for (const std::vector<FunnelEvent>& events : people)
            for (const auto& path : follower.Follow(events)) reached += path.reached;
        seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    }
    const double events = static_cast<double>(rounds * kPeople * kEventsOfPerson);
    std::printf("| %s | %.0f million | %.2f |\n", name, events / seconds / 1e6,
                static_cast<double>(reached) / static_cast<double>(rounds * kPeople));
}

}  // namespace

int main() {
    std::printf("| five steps, 50 events a person | events a second | steps reached |\n|---|---|---|\n");
    FunnelPlan plan;
    plan.steps = kSteps;
    plan.timeouts.assign(kSteps, pulse::insight::kNoLimit);
    Measure("first", plan, false);
    plan.entry = FunnelEntry::kBest;
    plan.window = 300'000;
    Measure("best, window", plan, false);
    plan.exclusions = {{1, 2}};
    for (size_t i = 1; i < kSteps; ++i) plan.timeouts[i] = 100'000;
    Measure("best, window, timeouts, exclusion", plan, false);
    plan.order = FunnelOrder::kStrict;
    Measure("the same in strict order", plan, false);
    plan = {};
    plan.steps = kSteps;
    plan.timeouts.assign(kSteps, pulse::insight::kNoLimit);
    plan.entry = FunnelEntry::kBest;
    plan.order = FunnelOrder::kLoose;
    Measure("best, loose, two events at the same instant", plan, true);
}
