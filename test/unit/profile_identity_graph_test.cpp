// The layout of graphs of ids, and the drawing.
#include "pulse/profile/identity_graph.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace pulse::profile {
namespace {

IdentityGraphView Graph(size_t nodes, const std::vector<std::pair<size_t, size_t>>& edges) {
    IdentityGraphView graph;
    graph.person = 7;
    for (size_t i = 0; i < nodes; ++i)
        graph.nodes.push_back({.kind = "device_id",
                               .value = "d" + std::to_string(i),
                               .first_seen_at = "2026-01-01T00:00:00+00:00",
                               .profile = 7,
                               .priority = 40});
    for (const auto& [from, to] : edges)
        graph.edges.push_back({.from = from,
                               .to = to,
                               .kind = "same_event",
                               .confidence = 0.5,
                               .linked_at = "2026-01-01T00:00:00+00:00",
                               .evidence = ""});
    return graph;
}

double Distance(const GraphNode& a, const GraphNode& b) {
    return std::hypot(a.x - b.x, a.y - b.y);
}

TEST(IdentityGraph, DepthIsTheNumberOfLinks) {
    IdentityGraphView graph = Graph(6, {{0, 1}, {1, 2}, {2, 3}, {0, 4}, {4, 3}});
    ArrangeGraph(graph, 3);
    const int depths[] = {0, 1, 2, 2, 1, 1};  // the last one has no link
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(graph.nodes[i].depth, depths[i]) << i;
    EXPECT_EQ(graph.left_out, 0U);
}

TEST(IdentityGraph, DeeperNodesAreLeftOut) {
    IdentityGraphView graph = Graph(5, {{0, 3}, {3, 1}, {1, 2}, {2, 4}});
    ArrangeGraph(graph, 2);
    ASSERT_EQ(graph.nodes.size(), 3U);
    EXPECT_EQ(graph.nodes[1].value, "d1");
    EXPECT_EQ(graph.nodes[2].value, "d3");
    EXPECT_EQ(graph.left_out, 2U);
    ASSERT_EQ(graph.edges.size(), 2U);
    EXPECT_EQ(graph.edges[0].to, 2U);
    EXPECT_EQ(graph.edges[1].from, 2U);
    EXPECT_EQ(graph.edges[1].to, 1U);
    ArrangeGraph(graph, 0);
    EXPECT_EQ(graph.nodes.size(), 1U);
    EXPECT_EQ(graph.left_out, 4U);
}

TEST(IdentityGraph, NodesAreApartAndOnTheirCircles) {
    for (const size_t count : {2, 9, 60, 400}) {
        std::vector<std::pair<size_t, size_t>> edges;
        for (size_t i = 1; i < count; ++i) edges.emplace_back(i < 4 ? 0 : 1 + i % 3, i);
        IdentityGraphView graph = Graph(count, edges);
        ArrangeGraph(graph, 10);
        for (size_t i = 0; i < count; ++i) {
            EXPECT_GE(graph.nodes[i].x, 0);
            EXPECT_LE(graph.nodes[i].x, graph.width);
            EXPECT_GE(graph.nodes[i].y, 0);
            EXPECT_LE(graph.nodes[i].y, graph.height);
            for (size_t j = 0; j < i; ++j)
                EXPECT_GT(Distance(graph.nodes[i], graph.nodes[j]), 20) << i << " " << j;
        }
        IdentityGraphView again = Graph(count, edges);
        ArrangeGraph(again, 10);
        EXPECT_EQ(WriteGraph(graph), WriteGraph(again));
        EXPECT_EQ(DrawGraph(graph), DrawGraph(again));
    }
}

TEST(IdentityGraph, NobodyHasAGraphToo) {
    IdentityGraphView graph = Graph(0, {});
    ArrangeGraph(graph, 3);
    EXPECT_TRUE(WriteGraph(graph)["nodes"].empty());
    EXPECT_NE(DrawGraph(graph).find("The ids of profile 7"), std::string::npos);
}

TEST(IdentityGraph, ValuesAreOnlyText) {
    IdentityGraphView graph = Graph(2, {{0, 1}});
    graph.nodes[0].value = "</title><script>alert('1')</script>&\"\x01\u202E";
    graph.nodes[1].value = std::string(300, 'x');
    graph.edges[0].kind = "manual";
    graph.edges[0].evidence = R"({"merge": 1})";
    ArrangeGraph(graph, 3);
    const std::string svg = DrawGraph(graph);
    EXPECT_EQ(svg.find("<script"), std::string::npos);
    EXPECT_EQ(svg.find('\x01'), std::string::npos);
    EXPECT_EQ(svg.find("\u202E"), std::string::npos);
    EXPECT_NE(svg.find("&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;"),
              std::string::npos);
    EXPECT_NE(svg.find("stroke-dasharray"), std::string::npos);
    EXPECT_TRUE(svg.starts_with("<svg xmlns="));
    EXPECT_TRUE(svg.ends_with("</svg>"));
    EXPECT_NE(svg.find("role=\"img\" aria-labelledby=\"pulse-graph-7-title pulse-graph-7-desc\""),
              std::string::npos);
    EXPECT_EQ(WriteGraph(graph)["edges"][0]["evidence"]["merge"], 1);
    EXPECT_EQ(WriteGraph(graph)["nodes"][0]["value"], graph.nodes[0].value);
}

}  // namespace
}  // namespace pulse::profile
