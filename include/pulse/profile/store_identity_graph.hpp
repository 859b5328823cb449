// Reading the graph of a person's ids. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/profile/identity_graph.hpp"

namespace pulse::profile {

// The graph, arranged, of at most 500 ids and up to a distance from the id that stands for the person.
IdentityGraphView ReadIdentityGraph(int64_t person, int depth);

}  // namespace pulse::profile
