#include "contingency_table.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <unordered_map>

#include "pulse/drift/statistics/divergence.hpp"

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

// A snapshot, or several of them: members by value, "other" last, and how many more of each value may be in
// "other".
struct Side {
    explicit Side(size_t values) : counts(values + 1, 0), hidden(values, 0) {}
    explicit Side(const AlignedValues::Row& row) : Side(row.counts.size()) {
        for (size_t c = 0; c < row.counts.size(); ++c)
            (row.Keeps(c) ? counts[c] : hidden[c]) = row.Keeps(c) ? row.counts[c] : row.hidden;
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

ContingencyTable TabulateLabels(const AlignedValues& values) {
    ContingencyTable table;
    table.names.assign(values.names.begin(), values.names.end());
    Side now(values.now), before(values.names.size());
    std::vector<Side> sides;
    sides.reserve(values.baseline.size());
    for (const AlignedValues::Row& row : values.baseline) before.Add(sides.emplace_back(row));
    table.bounded = now.counts.back() > 0 || before.counts.back() > 0;
    if (table.bounded) {
        const std::vector<double> known = KnownShares(sides, values.names.size()), now_shares = Shares(now);
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

std::optional<double> PlainDistance(const AttributeView& view) {
    if (!IsConsistent(*view.now)) return std::nullopt;
    std::vector<int64_t> pooled(view.now->counts.size(), 0);
    const auto add = [&](std::span<const int64_t> counts) {
        for (size_t c = 0; c < counts.size(); ++c) pooled[c] += counts[c];
    };
    if (!view.now->labelled()) {
        for (const Distribution* row : view.baseline)
            if (row->edges == view.now->edges && IsConsistent(*row)) add(row->counts);
    } else {
        if (view.now->other != 0 || view.values.names.size() != pooled.size()) return std::nullopt;
        for (const AlignedValues::Row& row : view.values.baseline) {
            if (row.other != 0 || !row.reordered.empty()) return std::nullopt;
            add(row.counts);
        }
    }
    if (Total(view.now->counts) <= 0 || Total(pooled) <= 0) return std::nullopt;
    return statistics::TotalVariation(pooled, view.now->counts);
}

std::optional<ContingencyTable> BuildContingencyTable(const AttributeView& view) {
    if (!IsConsistent(*view.now)) return std::nullopt;
    ContingencyTable table = view.now->labelled() ? TabulateLabels(view.values) : TabulateIntervals(view);
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

AlignedValues AlignValues(const Distribution& now, const std::vector<const Distribution*>& baseline) {
    AlignedValues values;
    std::unordered_map<std::string_view, size_t> places;
    const auto place_of = [&](const std::string& label) {
        const auto [found, fresh] = places.try_emplace(label, values.names.size());
        if (fresh) values.names.emplace_back(label);
        return found->second;
    };
    const auto add = [&](const Distribution& distribution) {
        AlignedValues::Row row;
        row.other = distribution.other;
        row.known = distribution.known();
        row.hidden = Hidden(distribution);
        // Most snapshots keep the same values in the same order as the tested one.
        if (&distribution == &now || distribution.labels == now.labels) {
            row.counts = distribution.counts;
            return row;
        }
        if (places.empty())
            for (size_t i = 0; i < now.labels.size(); ++i) places.emplace(now.labels[i], i);
        for (size_t i = 0; i < distribution.labels.size(); ++i) {
            const size_t place = place_of(distribution.labels[i]);
            if (place >= row.reordered.size()) row.reordered.resize(place + 1, AlignedValues::kNotKept);
            row.reordered[place] = distribution.counts[i];
        }
        return row;
    };
    values.names.assign(now.labels.begin(), now.labels.end());
    values.now = add(now);
    values.baseline.reserve(baseline.size());
    for (const Distribution* row : baseline)
        if (row->labelled() && IsConsistent(*row)) values.baseline.push_back(add(*row));
    const auto complete = [&](AlignedValues::Row& row) {
        if (row.counts.size() == values.names.size()) return;
        if (row.reordered.empty()) row.reordered.assign(row.counts.begin(), row.counts.end());
        row.reordered.resize(values.names.size(), AlignedValues::kNotKept);
        row.counts = row.reordered;
    };
    complete(values.now);
    for (AlignedValues::Row& row : values.baseline) complete(row);
    return values;
}

std::vector<NamedValue> NamedValues(const AlignedValues& values) {
    std::vector<NamedValue> result;
    result.reserve(values.names.size());
    for (size_t c = 0; c < values.names.size(); ++c) {
        NamedValue& named = result.emplace_back(NamedValue{values.names[c]});
        if (values.now.Keeps(c)) named.now = values.now.counts[c];
        named.now_hidden = named.now > 0 ? 0 : values.now.hidden;
        for (const AlignedValues::Row& row : values.baseline) {
            named.before += row.Keeps(c) ? row.counts[c] : 0;
            named.before_hidden += row.Keeps(c) ? 0 : row.hidden;
            named.rows += row.Keeps(c);
        }
    }
    return result;
}

bool HasValueTurnover(const AlignedValues& values, double share) {
    // Oldest first: the values that are new in each snapshot.
    std::vector<double> best(values.names.size(), 0);
    size_t bringing = 0;
    for (size_t r = values.baseline.size(); r-- > 0;) {
        const AlignedValues::Row& row = values.baseline[r];
        if (row.known <= 0) continue;
        bool brings = false;
        for (size_t c = 0; c < best.size(); ++c) {
            if (!row.Keeps(c)) continue;
            const double now = static_cast<double>(row.counts[c]) / static_cast<double>(row.known);
            brings = brings || (r + 1 < values.baseline.size() && now >= share && best[c] <= kTrace * now);
            best[c] = std::max(best[c], now);
        }
        bringing += brings;
    }
    return bringing >= 2;
}

}  // namespace pulse::drift
