// Computes how much of the change each value explains: Adtributor per attribute, for sizes and for shares.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/value_shift.hpp"
#include "pulse/diagnosis/context.hpp"
#include "pulse/drift/statistics/attribution.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMaxValuesListed = 8;  // per attribute
constexpr size_t kMostAttributes = 10;
constexpr double kMinContribution = 0.01;  // share of the change

struct Part {
    double surprise = 0;
    std::vector<Contribution> values;
};

// Shares of the change of size: they sum to 1, and a value that moved against it counts below 0.
// When the size did not change: each value's part of the total variation distance.
Part Explain(const DistributionChange& change, bool of_size) {
    std::vector<double> before, after;
    for (const Cell& cell : change.cells) {
        before.push_back(static_cast<double>(cell.before));
        after.push_back(static_cast<double>(cell.after));
    }
    const auto attribution = drift::statistics::Attribute(before, after);
    double total_before = 0, total_after = 0, moved = 0;
    for (size_t i = 0; i < before.size(); ++i) {
        total_before += before[i];
        total_after += after[i];
    }
    const auto share_change = [&](size_t i) {
        return after[i] / std::max(total_after, 1.0) - before[i] / std::max(total_before, 1.0);
    };
    for (size_t i = 0; i < before.size(); ++i) moved += std::abs(share_change(i));
    Part part;
    for (size_t i = 0; i < change.cells.size(); ++i) {
        const Cell& cell = change.cells[i];
        const double share = of_size     ? (i < attribution.explained.size() ? attribution.explained[i] : 0)
                             : moved > 0 ? share_change(i) / moved
                                         : 0;
        const double surprise = i < attribution.surprise.size() ? attribution.surprise[i] : 0;
        part.surprise += surprise;
        if (std::abs(share) >= kMinContribution)
            part.values.push_back(
                {change.attribute, CellLabel(cell), cell.before, cell.after, share, surprise});
    }
    std::stable_sort(
        part.values.begin(), part.values.end(),
        [](const Contribution& a, const Contribution& b) { return std::abs(a.share) > std::abs(b.share); });
    if (part.values.size() > kMaxValuesListed) part.values.resize(kMaxValuesListed);
    return part;
}

}  // namespace

std::vector<Contribution> Attribute(const DiagnosisContext& context, std::string& of_what) {
    of_what.clear();
    if (context.changes.empty()) return {};
    const bool of_size = context.change_type != ChangeType::kShape && context.growth() != 0 &&
                         std::abs(context.relative()) >= 0.02;
    of_what =
        of_size ? "the change of size" : "what changed places between values; above 0 gained, below 0 lost";
    std::vector<Part> parts;
    for (const DistributionChange& change : context.changes) parts.push_back(Explain(change, of_size));
    // The attribute whose values changed least alike is the most significant; the incident's own goes first.
    const auto own = [&](const Part& part) {
        return !part.values.empty() && part.values.front().attribute == context.input.attribute;
    };
    std::stable_sort(parts.begin(), parts.end(), [&](const Part& a, const Part& b) {
        return own(a) != own(b) ? own(a) : a.surprise > b.surprise;
    });
    if (parts.size() > kMostAttributes) parts.resize(kMostAttributes);
    std::vector<Contribution> all;
    for (const Part& part : parts) all.insert(all.end(), part.values.begin(), part.values.end());
    return all;
}

}  // namespace pulse::diagnosis
