// Paths of events as a tree of their most frequent beginnings. Pure C++.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pulse::insight {

// How often a path began like this, and how many people took it.
struct PathCount {
    int64_t sessions = 0, people = 0;
};

// Keeps the most frequent steps after each beginning and adds up the others, with memory for the steps kept.
class PathTree {
  public:
    // Keep at most `top` steps after each beginning, each of at least `least_people` people.
    PathTree(size_t top, int64_t least_people) : top_(top), least_people_(least_people) {}

    // Add a beginning. They come in ascending order of their steps, so that each follows the one it
    // continues; the first has no steps. An empty text is the end of the session.
    void Add(std::span<const std::string> steps, PathCount count);

    enum class Kind : uint8_t { kStart, kEvent, kEnd, kOther };
    struct Node {
        Kind kind = Kind::kEvent;
        std::string event;            // of kEvent
        PathCount count;              // kOther: no people, who can be in several
        std::vector<Node> next = {};  // most frequent first; then the end and others
    };
    // The tree, once all beginnings are added.
    Node Finish();

  private:
    struct Open {
        Node node;
        PathCount end;
        int64_t others = 0;
    };
    void Close();
    void Keep(Open& before, Node node) const;

    size_t top_;
    int64_t least_people_;
    std::vector<Open> open_;  // the beginning that was added last, step by step
};

}  // namespace pulse::insight
