// Hints for names that do not exist. Pure C++.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pulse {

// A name in double quotes.
std::string InQuotes(std::string_view name);

// The nearest of the valid names by edit distance, at most `farthest`; null when none is near.
const std::string* FindNearest(const std::string& name, const std::vector<std::string>& valid,
                               size_t farthest = std::string::npos);

// "Keys are a, b."; after 20 names "…". `print` shows a name.
std::string ListNames(const std::vector<std::string>& valid, const std::string& what,
                      std::string (*print)(std::string_view) = InQuotes);

// The hint for an unknown name: "Did you mean …?" with the nearest valid one, or all as ListNames().
std::string SuggestName(const std::string& name, const std::vector<std::string>& valid,
                        const std::string& what, std::string (*print)(std::string_view) = InQuotes);

// Names that are valid in another place, and the sentence that says where; each % in it stands for the name.
struct Elsewhere {
    std::vector<std::string> names;
    std::string home;
};

// The sentence about the first place that has the name; empty if none has.
std::string FindHome(const std::string& name, const std::vector<Elsewhere>& places);

}  // namespace pulse
