#include "pulse/insight/path_tree.hpp"

#include <algorithm>

namespace pulse::insight {

namespace {

bool MoreFrequent(const PathTree::Node& a, const PathTree::Node& b) {
    if (a.count.sessions != b.count.sessions) return a.count.sessions > b.count.sessions;
    return a.event < b.event;
}

}  // namespace

void PathTree::Add(std::span<const std::string> steps, PathCount count) {
    while (open_.size() > steps.size()) Close();
    Open open;
    open.node.kind = steps.empty() ? Kind::kStart : steps.back().empty() ? Kind::kEnd : Kind::kEvent;
    if (!steps.empty()) open.node.event = steps.back();
    open.node.count = count;
    open_.push_back(std::move(open));
}

// Completes the last open beginning and hands it to the one that it continues.
void PathTree::Close() {
    Open open = std::move(open_.back());
    open_.pop_back();
    Node& node = open.node;
    if (open.end.sessions) node.next.push_back({.kind = Kind::kEnd, .event = "", .count = open.end});
    if (open.others) node.next.push_back({.kind = Kind::kOther, .event = "", .count = {open.others, 0}});
    if (open_.empty())
        open_.push_back(std::move(open));
    else
        Keep(open_.back(), std::move(node));
}

void PathTree::Keep(Open& before, Node node) const {
    if (node.count.people < least_people_) {
        before.others += node.count.sessions;
        return;
    }
    if (node.kind == Kind::kEnd) {
        before.end = node.count;
        return;
    }
    std::vector<Node>& next = before.node.next;
    next.insert(std::upper_bound(next.begin(), next.end(), node, MoreFrequent), std::move(node));
    if (next.size() <= top_) return;
    before.others += next.back().count.sessions;
    next.pop_back();
}

PathTree::Node PathTree::Finish() {
    if (open_.empty()) return {.kind = Kind::kStart, .event = "", .count = {}};
    while (open_.size() > 1) Close();
    Close();
    return std::move(open_.front().node);
}

}  // namespace pulse::insight
