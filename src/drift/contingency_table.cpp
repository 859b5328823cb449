#include "contingency_table.hpp"

#include <algorithm>
#include <numeric>
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

int64_t Total(const std::vector<int64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

// Column by column.
std::vector<int64_t> Sum(const std::vector<std::vector<int64_t>>& rows, size_t columns) {
    std::vector<int64_t> sums(columns, 0);
    for (const auto& row : rows)
        for (size_t c = 0; c < row.size(); ++c) sums[c] += row[c];
    return sums;
}

ContingencyTable TabulateIntervals(const AttributeView& view) {
    ContingencyTable table;
    table.intervals = true;
    table.now = view.now->counts;
    for (size_t i = 0; i < table.now.size(); ++i) table.names.push_back(IntervalName(view.now->edges, i));
    for (const Distribution* row : view.baseline)
        if (row->edges == view.now->edges && IsConsistent(*row)) table.rows.push_back(row->counts);
    table.pooled = Sum(table.rows, table.names.size());
    return table;
}

// The most members that a value not kept by name can have.
int64_t Hidden(const Distribution& distribution) {
    if (distribution.counts.empty()) return distribution.other;
    return std::min(distribution.other,
                    *std::min_element(distribution.counts.begin(), distribution.counts.end()));
}

using Places = std::unordered_map<std::string_view, size_t>;

// A snapshot, or several of them: members by value, "other" last, and how many more of each value may be in
// "other".
struct Side {
    explicit Side(size_t values) : counts(values + 1, 0), hidden(values, 0) {}
    Side(const Distribution& row, const Places& place) : Side(place.size()) {
        std::fill(hidden.begin(), hidden.end(), Hidden(row));
        for (size_t i = 0; i < row.labels.size(); ++i) {
            const size_t c = place.at(row.labels[i]);
            counts[c] += row.counts[i];
            hidden[c] = 0;
        }
        counts.back() = row.other;
        total = Total(counts);
    }
    void Add(const Side& side) {
        for (size_t c = 0; c < counts.size(); ++c) counts[c] += side.counts[c];
        for (size_t c = 0; c < hidden.size(); ++c) hidden[c] += side.hidden[c];
        total += side.total;
    }
    double Share(size_t c) const {
        return total > 0 ? static_cast<double>(counts[c]) / static_cast<double>(total) : 0;
    }

    std::vector<int64_t> counts, hidden;
    int64_t total = 0;
};

// Takes members of values not kept by name out of "other", as many as bring the side nearest to the shares:
// what differs then, differs whatever "other" holds.
void Reveal(Side& side, const std::vector<double>& shares) {
    int64_t& other = side.counts.back();
    for (size_t c = 0; c < side.hidden.size(); ++c) {
        const double wanted = shares[c] * static_cast<double>(side.total);
        const int64_t taken =
            std::clamp<int64_t>(std::llround(wanted) - side.counts[c], 0, std::min(side.hidden[c], other));
        side.counts[c] += taken;
        other -= taken;
    }
}

std::vector<double> Shares(const Side& side) {
    std::vector<double> shares;
    for (size_t c = 0; c < side.hidden.size(); ++c) shares.push_back(side.Share(c));
    return shares;
}

// The shares of the values in the snapshots that know them.
std::vector<double> KnownShares(const std::vector<Side>& sides, size_t values) {
    std::vector<double> shares(values, 0);
    for (size_t c = 0; c < values; ++c) {
        double members = 0, total = 0;
        for (const Side& side : sides) {
            if (side.hidden[c] > 0) continue;
            members += static_cast<double>(side.counts[c]);
            total += static_cast<double>(side.total);
        }
        if (total > 0) shares[c] = members / total;
    }
    return shares;
}

ContingencyTable TabulateLabels(const AttributeView& view) {
    std::vector<const Distribution*> all{view.now};
    for (const Distribution* row : view.baseline)
        if (row->labelled() && IsConsistent(*row)) all.push_back(row);
    ContingencyTable table;
    Places place;
    for (const Distribution* row : all)
        for (const std::string& label : row->labels)
            if (place.try_emplace(label, table.names.size()).second) table.names.push_back(label);
    Side now(*view.now, place), before(place.size());
    std::vector<Side> sides;
    sides.reserve(all.size());
    for (size_t i = 1; i < all.size(); ++i) before.Add(sides.emplace_back(*all[i], place));
    table.bounded = now.counts.back() > 0 || before.counts.back() > 0;
    if (table.bounded) {
        const std::vector<double> known = KnownShares(sides, place.size()), now_shares = Shares(now);
        for (Side& side : sides) Reveal(side, known);
        Reveal(now, Shares(before));
        Reveal(before, now_shares);
    }
    for (Side& side : sides) table.rows.push_back(std::move(side.counts));
    table.names.emplace_back("(other)");
    table.now = std::move(now.counts);
    table.pooled = std::move(before.counts);
    return table;
}

}  // namespace

std::optional<ContingencyTable> BuildContingencyTable(const AttributeView& view) {
    if (!IsConsistent(*view.now)) return std::nullopt;
    ContingencyTable table = view.now->labelled() ? TabulateLabels(view) : TabulateIntervals(view);
    table.now_total = Total(table.now);
    table.pooled_total = Total(table.pooled);
    if (table.rows.empty() || table.now_total <= 0 || table.pooled_total <= 0) return std::nullopt;
    return table;
}

double Dispersion(const ContingencyTable& table) {
    const size_t rows = table.rows.size();
    if (rows < 2) return 1;
    std::vector<double> totals;
    for (const auto& row : table.rows) totals.push_back(static_cast<double>(Total(row)));
    const std::vector<int64_t> sums = Sum(table.rows, table.names.size());
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
        const auto pooled = static_cast<double>(sums[c]);
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
        const auto known = static_cast<double>(row.known());
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
