// The graph of a person's ids: what is linked with what, where each is drawn, and the drawing. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pulse::profile {

struct GraphNode {
    std::string kind, value, first_seen_at;
    int64_t profile = 0;
    int priority = 0;
    int depth = 0;        // links from the primary id
    double x = 0, y = 0;  // of its centre, from the upper left corner
};

struct GraphEdge {
    size_t from = 0, to = 0;  // nodes
    std::string kind;         // same_event, login, alias, merge, manual
    double confidence = 0;    // 0…1
    std::string linked_at;
    std::string evidence;  // a JSON object; empty: none is kept
};

struct IdentityGraphView {
    int64_t person = 0;
    std::vector<GraphNode> nodes;  // the primary id first
    std::vector<GraphEdge> edges;
    size_t left_out = 0;  // ids that are further away than asked for
    double width = 0, height = 0;
};

// Find the depth of all nodes, remove those deeper than `depth` with their edges, and place the others: each
// on the circle of its depth around the primary id, beside those it is linked with. The same graph is always
// placed alike.
void ArrangeGraph(IdentityGraphView& graph, int depth);

// The graph as JSON; edges name nodes by their index.
nlohmann::json WriteGraph(const IdentityGraphView& graph);
// The graph as an SVG element of its own, without scripts and links; text and lines have the colour of the
// text around it.
std::string DrawGraph(const IdentityGraphView& graph);

}  // namespace pulse::profile
