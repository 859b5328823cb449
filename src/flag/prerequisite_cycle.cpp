// Finding cycles of prerequisites.
#include <algorithm>

#include "pulse/flag/definition.hpp"
#include "pulse/rule/profile.hpp"

namespace pulse::flag {

namespace {

using Required = std::map<std::string, std::vector<std::string>>;

std::string FormatPath(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& key : path) text += (text.empty() ? "" : " → ") + key;
    return text;
}

// Depth-first search; `done` has the completely visited flags with the length of their longest path.
std::string FindPathTo(const std::string& target, std::vector<std::string>& path,
                       const std::vector<std::string>& next, const Required& others,
                       std::map<std::string, size_t>& done, size_t& longest) {
    longest = 0;
    for (const std::string& key : next) {
        path.push_back(key);
        if (key == target) return FormatPath(path);
        if (path.size() > rule::kMaxNesting)
            throw UserError(
                sqlstate::kProgramLimit, "prerequisites are nested too deeply", FormatPath(path),
                "A chain of prerequisites may have at most " + std::to_string(rule::kMaxNesting) + " flags.");
        size_t length = 0;
        const auto known = done.find(key);
        if (known != done.end()) {
            length = known->second;
        } else if (const auto found = others.find(key); found != others.end()) {
            if (std::string way = FindPathTo(target, path, found->second, others, done, length); !way.empty())
                return way;
            done[key] = length;
        }
        longest = std::max(longest, length + 1);
        if (path.size() + length > rule::kMaxNesting)
            throw UserError(
                sqlstate::kProgramLimit, "prerequisites are nested too deeply", FormatPath(path) + " → …",
                "A chain of prerequisites may have at most " + std::to_string(rule::kMaxNesting) + " flags.");
        path.pop_back();
    }
    return "";
}

}  // namespace

std::string FindCycle(const std::string& key, const std::vector<std::string>& required,
                      const Required& others) {
    std::vector<std::string> path{key};
    std::map<std::string, size_t> done;
    size_t longest = 0;
    return FindPathTo(key, path, required, others, done, longest);
}

}  // namespace pulse::flag
