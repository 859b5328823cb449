#include "contingency_table.hpp"

#include <algorithm>
#include <unordered_map>

namespace pulse::drift {

namespace {

using snapshot::Distribution;

// The prior "no over-dispersion" weighs as much as four snapshots.
constexpr double kPriorRows = 4;
constexpr double kLeastExpected = 5;
// Negligible: a twentieth of the value's maximum.
constexpr double kTrace = 0.05;

std::string IntervalName(const std::vector<double>& edges, size_t i) {
    const auto number = [](double value) {
        std::string text = Fixed(value, 2);
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') text.pop_back();
        return text;
    };
    if (edges.empty()) return "any value";
    if (i == 0) return "below " + number(edges.front());
    if (i == edges.size()) return number(edges.back()) + " and above";
    return number(edges[i - 1]) + " to " + number(edges[i]);
}

bool IsConsistent(const Distribution& distribution) {
    return distribution.counts.size() ==
           (distribution.labelled() ? distribution.labels.size() : distribution.edges.size() + 1);
}

void Sum(ContingencyTable& table) {
    table.pooled.assign(table.names.size(), 0);
    for (const auto& row : table.rows)
        for (size_t c = 0; c < row.size(); ++c) table.pooled[c] += row[c];
    for (size_t c = 0; c < table.names.size(); ++c) {
        table.now_total += table.now[c];
        table.pooled_total += table.pooled[c];
    }
}

ContingencyTable TabulateIntervals(const AttributeView& view) {
    ContingencyTable table;
    table.intervals = true;
    table.now = view.now->counts;
    for (size_t i = 0; i < table.now.size(); ++i) table.names.push_back(IntervalName(view.now->edges, i));
    for (const Distribution* row : view.baseline)
        if (row->edges == view.now->edges && IsConsistent(*row)) table.rows.push_back(row->counts);
    return table;
}

// A value that one snapshot keeps by name and another may hide in "other" goes to (other) in all of them.
ContingencyTable TabulateLabels(const AttributeView& view) {
    std::vector<const Distribution*> all{view.now};
    for (const Distribution* row : view.baseline)
        if (row->labelled() && IsConsistent(*row)) all.push_back(row);
    ContingencyTable table;
    std::unordered_map<std::string_view, size_t> place;
    std::vector<size_t> seen;
    for (const Distribution* row : all)
        for (const std::string& label : row->labels) {
            const auto [found, fresh] = place.try_emplace(label, table.names.size());
            if (fresh) {
                table.names.push_back(label);
                seen.push_back(0);
            }
            ++seen[found->second];
        }
    const auto folding = static_cast<size_t>(
        std::count_if(all.begin(), all.end(), [](const Distribution* row) { return row->other > 0; }));
    const size_t other = table.names.size();
    const auto fill = [&](const Distribution& row) {
        std::vector<int64_t> counts(other + 1, 0);
        for (size_t i = 0; i < row.labels.size(); ++i) counts[place[row.labels[i]]] += row.counts[i];
        counts[other] = row.other;
        return counts;
    };
    table.names.emplace_back("(other)");
    table.now = fill(*view.now);
    for (size_t i = 1; i < all.size(); ++i) table.rows.push_back(fill(*all[i]));
    if (folding == 0) return table;
    std::vector<std::vector<int64_t>*> count_lists{&table.now};
    for (auto& row : table.rows) count_lists.push_back(&row);
    for (size_t c = 0; c < other; ++c) {
        if (seen[c] == all.size()) continue;
        for (auto* list : count_lists) {
            (*list)[other] += (*list)[c];
            (*list)[c] = 0;
        }
    }
    return table;
}

// The most members that a value not kept by name can have.
int64_t Hidden(const Distribution& distribution) {
    if (distribution.counts.empty()) return distribution.other;
    return std::min(distribution.other,
                    *std::min_element(distribution.counts.begin(), distribution.counts.end()));
}

}  // namespace

std::optional<ContingencyTable> BuildContingencyTable(const AttributeView& view) {
    if (!IsConsistent(*view.now)) return std::nullopt;
    ContingencyTable table = view.now->labelled() ? TabulateLabels(view) : TabulateIntervals(view);
    Sum(table);
    if (table.rows.empty() || table.now_total <= 0 || table.pooled_total <= 0) return std::nullopt;
    return table;
}

double Dispersion(const ContingencyTable& table) {
    const size_t rows = table.rows.size();
    if (rows < 2) return 1;
    std::vector<double> totals;
    for (const auto& row : table.rows) {
        double total = 0;
        for (const int64_t count : row) total += static_cast<double>(count);
        totals.push_back(total);
    }
    const double least = *std::min_element(totals.begin(), totals.end());
    const auto pooled_total = static_cast<double>(table.pooled_total);
    // Rare cells are merged into one, else a handful of members would inflate the dispersion.
    double statistic = 0, rare_pooled = 0;
    std::vector<double> rare(rows, 0);
    size_t used = 0;
    const auto add = [&](double pooled, auto count_of) {
        ++used;
        for (size_t r = 0; r < rows; ++r) {
            const double expected = pooled * totals[r] / pooled_total;
            if (expected > 0) statistic += (count_of(r) - expected) * (count_of(r) - expected) / expected;
        }
    };
    for (size_t c = 0; c < table.names.size(); ++c) {
        const auto pooled = static_cast<double>(table.pooled[c]);
        if (pooled <= 0) continue;
        if (pooled * least / pooled_total >= kLeastExpected) {
            add(pooled, [&](size_t r) { return static_cast<double>(table.rows[r][c]); });
            continue;
        }
        rare_pooled += pooled;
        for (size_t r = 0; r < rows; ++r) rare[r] += static_cast<double>(table.rows[r][c]);
    }
    if (rare_pooled * least / pooled_total >= kLeastExpected)
        add(rare_pooled, [&](size_t r) { return rare[r]; });
    if (used < 2) return 1;
    return std::max(1.0, (kPriorRows + statistic / static_cast<double>(used - 1)) /
                             (kPriorRows + static_cast<double>(rows) - 1));
}

std::vector<NamedValue> NamedValues(const AttributeView& view) {
    std::vector<NamedValue> values;
    std::unordered_map<std::string_view, size_t> place;
    const auto at = [&](const std::string& label) -> NamedValue& {
        const auto [found, fresh] = place.try_emplace(label, values.size());
        if (fresh) values.push_back({label});
        return values[found->second];
    };
    if (!IsConsistent(*view.now)) return values;
    for (size_t i = 0; i < view.now->labels.size(); ++i) at(view.now->labels[i]).now = view.now->counts[i];
    int64_t hidden_before = 0;
    std::vector<int64_t> hidden_where_kept;
    for (const Distribution* row : view.baseline) {
        if (!IsConsistent(*row)) continue;
        hidden_before += Hidden(*row);
        for (size_t i = 0; i < row->labels.size(); ++i) {
            NamedValue& named = at(row->labels[i]);
            named.before += row->counts[i];
            ++named.rows;
            named.before_hidden -= Hidden(*row);  // this row has it by name
        }
    }
    const int64_t hidden_now = Hidden(*view.now);
    for (NamedValue& named : values) {
        named.before_hidden += hidden_before;
        named.now_hidden = named.now > 0 ? 0 : hidden_now;
    }
    return values;
}

bool HasValueTurnover(const AttributeView& view, double share) {
    // Oldest first: the values that are new in each snapshot.
    std::unordered_map<std::string_view, double> best;
    size_t bringing = 0;
    for (size_t r = view.baseline.size(); r-- > 0;) {
        const Distribution& row = *view.baseline[r];
        const auto known = static_cast<double>(Known(row));
        if (known <= 0 || !IsConsistent(row)) continue;
        bool brings = false;
        for (size_t i = 0; i < row.labels.size(); ++i) {
            const double now = static_cast<double>(row.counts[i]) / known;
            double& before = best[row.labels[i]];
            brings = brings || (r + 1 < view.baseline.size() && now >= share && before <= kTrace * now);
            before = std::max(before, now);
        }
        bringing += brings;
    }
    return bringing >= 2;
}

}  // namespace pulse::drift
