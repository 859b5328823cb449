// Trees of paths.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "pulse/insight/path_tree.hpp"

namespace pulse::insight {
namespace {

using Steps = std::vector<std::string>;
using Counts = std::map<Steps, PathCount>;

// Checks a node against the counts of all beginnings.
void Check(const PathTree::Node& node, const Steps& before, const Counts& counts, size_t top, int64_t least) {
    std::vector<std::pair<int64_t, std::string>> next;
    int64_t ends = 0, others = 0;
    for (const auto& [steps, count] : counts) {
        if (steps.size() != before.size() + 1 || !std::equal(before.begin(), before.end(), steps.begin()))
            continue;
        if (count.people < least)
            others += count.sessions;
        else if (steps.back().empty())
            ends = count.sessions;
        else
            next.emplace_back(-count.sessions, steps.back());
    }
    std::sort(next.begin(), next.end());
    for (size_t i = top; i < next.size(); ++i) others -= next[i].first;
    next.resize(std::min(next.size(), top));
    size_t at = 0;
    for (const auto& [sessions, name] : next) {
        ASSERT_LT(at, node.next.size());
        ASSERT_EQ(node.next[at].event, name);
        ASSERT_EQ(node.next[at].count.sessions, -sessions);
        Steps longer = before;
        longer.push_back(name);
        Check(node.next[at++], longer, counts, top, least);
    }
    if (ends) {
        ASSERT_EQ(node.next.at(at).kind, PathTree::Kind::kEnd);
        ASSERT_EQ(node.next.at(at++).count.sessions, ends);
    }
    if (others) {
        ASSERT_EQ(node.next.at(at).kind, PathTree::Kind::kOther);
        ASSERT_EQ(node.next.at(at++).count.sessions, others);
    }
    ASSERT_EQ(at, node.next.size());
}

TEST(InsightPath, EqualsTheDefinition) {
    std::mt19937 random(5);
    const auto below = [&](size_t n) { return random() % n; };
    for (int round = 0; round < 300; ++round) {
        Counts counts;
        const size_t depth = 1 + below(4), top = 1 + below(4);
        const int64_t least = static_cast<int64_t>(below(4));
        for (size_t path = 0; path < 1 + below(80); ++path) {
            Steps steps;
            const size_t length = below(depth + 1);
            while (steps.size() < length) steps.push_back(std::string(1, static_cast<char>('a' + below(6))));
            if (length < depth) steps.emplace_back();
            for (size_t k = 0; k <= steps.size(); ++k) {
                PathCount& count = counts[Steps(steps.begin(), steps.begin() + static_cast<long>(k))];
                ++count.sessions;
                count.people = (count.sessions + 1) / 2;
            }
        }
        PathTree tree(top, least);
        for (const auto& [steps, count] : counts) tree.Add(steps, count);
        const PathTree::Node root = tree.Finish();
        ASSERT_EQ(root.kind, PathTree::Kind::kStart);
        ASSERT_EQ(root.count.sessions, counts[{}].sessions);
        Check(root, {}, counts, top, least);
    }
}

TEST(InsightPath, NothingIsATree) {
    EXPECT_EQ(PathTree(3, 0).Finish().count.sessions, 0);
}

}  // namespace
}  // namespace pulse::insight
