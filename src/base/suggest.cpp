#include "pulse/base/suggest.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace pulse {

namespace {

constexpr size_t kLongestName = 128;  // for which a near one is looked for
constexpr size_t kListedNames = 20;

std::string Lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

// The Damerau-Levenshtein distance, ignoring case.
size_t EditDistance(const std::string& from, const std::string& to) {
    const std::string a = Lowered(from), b = Lowered(to);
    std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j - 1] + (a[i - 1] != b[j - 1]), last[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = std::exchange(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::string InQuotes(std::string_view name) {
    return '"' + std::string(name) + '"';
}

const std::string* FindNearest(const std::string& name, const std::vector<std::string>& valid,
                               size_t farthest) {
    if (name.size() > kLongestName) return nullptr;
    // Something of the name must be left.
    size_t least = std::min(std::max<size_t>(name.size() / 3, 1) + 1, std::max<size_t>(name.size(), 1));
    if (farthest < least) least = farthest + 1;
    const std::string* nearest = nullptr;
    for (const std::string& candidate : valid) {
        const size_t distance = EditDistance(name, candidate);
        if (distance < least) {
            least = distance;
            nearest = &candidate;
        }
    }
    return nearest;
}

std::string ListNames(const std::vector<std::string>& valid, const std::string& what,
                      std::string (*print)(std::string_view)) {
    std::string list = what + " are ";
    for (size_t i = 0; i < valid.size() && i < kListedNames; ++i)
        list += (i > 0 ? ", " : "") + print(valid[i]);
    return list + (valid.size() > kListedNames ? ", …" : ".");
}

std::string SuggestName(const std::string& name, const std::vector<std::string>& valid,
                        const std::string& what, std::string (*print)(std::string_view)) {
    const std::string* nearest = FindNearest(name, valid);
    return nearest ? "Did you mean " + print(*nearest) + "?" : ListNames(valid, what, print);
}

std::string FindHome(const std::string& name, const std::vector<Elsewhere>& places) {
    for (const Elsewhere& place : places) {
        if (std::find(place.names.begin(), place.names.end(), name) == place.names.end()) continue;
        std::string home;
        for (const char c : place.home) c == '%' ? home += name : home += c;
        return home;
    }
    return "";
}

}  // namespace pulse
