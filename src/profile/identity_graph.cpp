#include "pulse/profile/identity_graph.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numbers>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::profile {

namespace {

constexpr double kRing = 130;    // between two circles
constexpr double kSpacing = 36;  // between two nodes of a circle, at least
constexpr double kMargin = 40;   // above and below
constexpr double kLabel = 210;   // for texts, left and right
constexpr size_t kLabelCharacters = 28;

// The tree of shortest ways from the primary id.
struct GraphTree {
    std::vector<int> depth;
    std::vector<std::vector<size_t>> children;
};

GraphTree FindTree(const IdentityGraphView& graph) {
    const size_t count = graph.nodes.size();
    std::vector<std::vector<size_t>> near(count);
    for (const GraphEdge& edge : graph.edges) {
        near[edge.from].push_back(edge.to);
        near[edge.to].push_back(edge.from);
    }
    GraphTree tree{std::vector<int>(count, -1), std::vector<std::vector<size_t>>(count)};
    std::vector<size_t> queue;
    const auto visit = [&](size_t root, int depth) {
        tree.depth[root] = depth;
        queue.push_back(root);
    };
    if (count) visit(0, 0);
    // Without a link, an id is still one of the person: it stands beside the primary one.
    for (size_t next = 0, at = 0; at < count; ++at) {
        for (; next < queue.size(); ++next) {
            const size_t node = queue[next];
            std::sort(near[node].begin(), near[node].end());
            for (const size_t other : near[node]) {
                if (tree.depth[other] >= 0) continue;
                tree.children[node].push_back(other);
                visit(other, tree.depth[node] + 1);
            }
        }
        if (tree.depth[at] >= 0) continue;
        tree.children[0].push_back(at);
        visit(at, 1);
    }
    return tree;
}

void RemoveDeeper(IdentityGraphView& graph, const GraphTree& tree, int depth) {
    std::vector<size_t> place(graph.nodes.size());
    std::vector<GraphNode> nodes;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        place[i] = nodes.size();
        if (tree.depth[i] > depth) {
            ++graph.left_out;
            continue;
        }
        nodes.push_back(std::move(graph.nodes[i]));
        nodes.back().depth = tree.depth[i];
    }
    std::vector<GraphEdge> edges;
    for (GraphEdge& edge : graph.edges) {
        if (tree.depth[edge.from] > depth || tree.depth[edge.to] > depth) continue;
        edge.from = place[edge.from];
        edge.to = place[edge.to];
        edges.push_back(std::move(edge));
    }
    graph.nodes = std::move(nodes);
    graph.edges = std::move(edges);
}

double Rounded(double value) {
    return std::round(value * 10) / 10 + 0.0;
}

// Gives each subtree the part of the circle that its leaves need.
void PlaceNodes(IdentityGraphView& graph, const GraphTree& tree) {
    const size_t count = graph.nodes.size();
    std::vector<size_t> order{0};
    for (size_t i = 0; i < order.size(); ++i)
        for (const size_t child : tree.children[order[i]]) order.push_back(child);
    std::vector<double> leaves(count), begin(count);
    for (size_t i = count; i-- > 0;) {
        double& own = leaves[order[i]];
        for (const size_t child : tree.children[order[i]]) own += leaves[child];
        own = std::max(own, 1.0);
    }
    const double turn = 2 * std::numbers::pi / leaves[0];
    const double first_ring = std::max(kRing, kSpacing / turn);
    for (const size_t node : order) {
        double at = begin[node];
        for (const size_t child : tree.children[node]) {
            begin[child] = at;
            at += leaves[child];
        }
        const double radius = node == 0 ? 0 : first_ring + kRing * (tree.depth[node] - 1);
        const double angle = (begin[node] + leaves[node] / 2) * turn;
        graph.nodes[node].x = radius * std::sin(angle);
        graph.nodes[node].y = -radius * std::cos(angle);
    }
}

void MoveToCorner(IdentityGraphView& graph) {
    double left = 0, right = 0, top = 0, bottom = 0;
    for (const GraphNode& node : graph.nodes) {
        left = std::min(left, node.x), right = std::max(right, node.x);
        top = std::min(top, node.y), bottom = std::max(bottom, node.y);
    }
    for (GraphNode& node : graph.nodes) {
        node.x = Rounded(node.x - left + kLabel);
        node.y = Rounded(node.y - top + kMargin);
    }
    graph.width = Rounded(right - left + 2 * kLabel);
    graph.height = Rounded(bottom - top + 2 * kMargin);
}

std::string Figure(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.15g", value);
    return text;
}

// Text of an XML document; characters that XML does not have become U+FFFD.
std::string Escaped(std::string_view text) {
    std::string escaped;
    while (!text.empty()) {
        const char32_t code = NextCharacter(text);
        if (code == '&')
            escaped += "&amp;";
        else if (code == '<')
            escaped += "&lt;";
        else if (code == '>')
            escaped += "&gt;";
        else if (code == '"')
            escaped += "&quot;";
        else if (code == '\'')
            escaped += "&#39;";
        else if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xFFFE || code == 0xFFFF ||
                 IsInvisible(code))
            escaped += "\uFFFD";
        else
            AppendUtf8(escaped, code);
    }
    return escaped;
}

std::string NodeName(const GraphNode& node) {
    return node.kind + " " + node.value;
}

std::string DescribeEdge(const IdentityGraphView& graph, const GraphEdge& edge) {
    return NodeName(graph.nodes[edge.from]) + " and " + NodeName(graph.nodes[edge.to]) + ": " + edge.kind +
           ", confidence " + Figure(edge.confidence);
}

std::string DescribeGraph(const IdentityGraphView& graph) {
    constexpr size_t kDescribed = 20;
    std::string text;
    for (size_t i = 0; i < graph.edges.size() && i < kDescribed; ++i)
        text += (i ? "; " : "") + DescribeEdge(graph, graph.edges[i]);
    if (graph.edges.size() > kDescribed)
        text += "; and " + std::to_string(graph.edges.size() - kDescribed) + " more links";
    if (graph.left_out) text += "; " + std::to_string(graph.left_out) + " ids further away are left out";
    return text.empty() ? "There are no links." : text + ".";
}

std::string DrawEdge(const IdentityGraphView& graph, const GraphEdge& edge) {
    const GraphNode &from = graph.nodes[edge.from], &to = graph.nodes[edge.to];
    const bool merge = edge.kind == "merge" || edge.kind == "manual";
    return "<line x1=\"" + Figure(from.x) + "\" y1=\"" + Figure(from.y) + "\" x2=\"" + Figure(to.x) +
           "\" y2=\"" + Figure(to.y) + "\" stroke-opacity=\"" + Figure(edge.confidence) + "\"" +
           (merge ? " stroke-dasharray=\"6 4\"" : "") + "><title>" + Escaped(DescribeEdge(graph, edge)) +
           "</title></line>\n";
}

std::string DrawNode(const GraphNode& node, bool primary, double middle) {
    const bool left = node.x < middle;
    const std::string x = Figure(node.x), y = Figure(node.y), beside = Figure(node.x + (left ? -14 : 14));
    return "<g><title>" + Escaped(NodeName(node)) + "</title><circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"" +
           (primary ? "10\"" : "7\" fill-opacity=\"0.25\" stroke=\"currentColor\"") + "/><text x=\"" +
           beside + "\" y=\"" + Figure(node.y - 2) + "\" text-anchor=\"" + (left ? "end" : "start") + "\">" +
           Escaped(Shorten(node.value, kLabelCharacters)) + "</text><text x=\"" + beside + "\" y=\"" +
           Figure(node.y + 11) + "\" text-anchor=\"" + (left ? "end" : "start") +
           "\" font-size=\"10\" fill-opacity=\"0.7\">" + Escaped(node.kind) + "</text></g>\n";
}

}  // namespace

void ArrangeGraph(IdentityGraphView& graph, int depth) {
    RemoveDeeper(graph, FindTree(graph), depth);
    if (!graph.nodes.empty()) PlaceNodes(graph, FindTree(graph));
    MoveToCorner(graph);
}

nlohmann::json WriteGraph(const IdentityGraphView& graph) {
    nlohmann::json nodes = nlohmann::json::array(), edges = nlohmann::json::array();
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        const GraphNode& node = graph.nodes[i];
        nodes.push_back({{"kind", node.kind},
                         {"value", node.value},
                         {"profile_id", node.profile},
                         {"first_seen_at", node.first_seen_at},
                         {"priority", node.priority},
                         {"primary", i == 0},
                         {"depth", node.depth},
                         {"x", node.x},
                         {"y", node.y}});
    }
    for (const GraphEdge& edge : graph.edges)
        edges.push_back(
            {{"from", edge.from},
             {"to", edge.to},
             {"kind", edge.kind},
             {"confidence", edge.confidence},
             {"linked_at", edge.linked_at},
             {"evidence", edge.evidence.empty() ? nlohmann::json() : nlohmann::json::parse(edge.evidence)}});
    return {{"profile_id", graph.person}, {"nodes", std::move(nodes)}, {"edges", std::move(edges)},
            {"left_out", graph.left_out}, {"width", graph.width},      {"height", graph.height}};
}

std::string DrawGraph(const IdentityGraphView& graph) {
    const std::string width = Figure(graph.width), height = Figure(graph.height),
                      name = "pulse-graph-" + std::to_string(graph.person);
    std::string svg =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
        "\" viewBox=\"0 0 " + width + " " + height + "\" role=\"img\" aria-labelledby=\"" + name + "-title " +
        name + "-desc\" font-family=\"sans-serif\" font-size=\"12\" fill=\"currentColor\">\n<title id=\"" +
        name + "-title\">The ids of " +
        (graph.nodes.empty() ? "profile " + std::to_string(graph.person)
                             : Escaped(NodeName(graph.nodes[0]))) +
        "</title>\n<desc id=\"" + name + "-desc\">" + Escaped(DescribeGraph(graph)) +
        "</desc>\n<g stroke=\"currentColor\" stroke-width=\"1.5\">\n";
    for (const GraphEdge& edge : graph.edges) svg += DrawEdge(graph, edge);
    svg += "</g>\n";
    for (size_t i = 0; i < graph.nodes.size(); ++i) svg += DrawNode(graph.nodes[i], i == 0, graph.nodes[0].x);
    return svg + "</svg>";
}

}  // namespace pulse::profile
