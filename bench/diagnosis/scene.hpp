// One segment over a simulated world, day by day, up to the incident to be diagnosed.
#pragma once

#include <functional>

#include "world.hpp"

namespace pulse::bench {

inline constexpr Moment kStart = 10'000 * kDay;

struct Scene {
    World world;
    diagnosis::DiagnosisInput input;
    Moment now = kStart;
    size_t named = 50;
    bool clauses = true;
    bool flows = true;
    double usual_replaced = 0;
    bool answers = true;                         // the source is asked, and answers
    std::vector<diagnosis::Condition> together;  // what was struck, if a combination
};

// Draw a world, and how much of it a snapshot shows.
Scene Begin(Random& random);

// Add a history and the snapshot before the incident.
void Settle(Scene& scene, Random& random);

// Add a day with these entries and exits to the history.
void AddPoint(Scene& scene, const Flow& flow);

// Add days; `entry` and `exit` multiply the usual flows.
void Days(Scene& scene, Random& random, int days, double entry = 1, double exit = 1);

// The newest day as a snapshot.
diagnosis::SegmentSnapshot Snap(const Scene& scene);

// Change the world and add the snapshot after it. The change shows as one more day: its entries and exits
// follow from the members before and after.
void Strike(Scene& scene, Random& random, const std::function<void(World&)>& deed);

// Answer what the diagnosis asks the source, from the world as it is now.
void Answer(Scene& scene);

// Find the detectors whose materiality threshold is passed, and make one of them, at random, the incident.
// False if there is none.
bool Detect(Scene& scene, Random& random);

}  // namespace pulse::bench
