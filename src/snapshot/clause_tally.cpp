#include "pulse/snapshot/clause_tally.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::snapshot {

void ClauseTally::EndBlock(int64_t next) {
    if (block_rows > 0) {
        const auto r = static_cast<double>(block_rows), m = static_cast<double>(block_members);
        blocks += 1;
        rows_rows += r * r;
        rows_members += r * m;
        members_members += m * m;
    }
    block = next;
    block_rows = block_members = 0;
}

void ClauseTally::Merge(ClauseTally other) {
    other.EndBlock(-1);
    EndBlock(-1);
    clauses = std::max(clauses, other.clauses);
    rows += other.rows;
    members += other.members;
    for (int i = 0; i < kMaxTallyClauses; ++i) {
        passed[i] += other.passed[i];
        missed_only[i] += other.missed_only[i];
    }
    blocks += other.blocks;
    rows_rows += other.rows_rows;
    rows_members += other.rows_members;
    members_members += other.members_members;
}

std::vector<double> ClauseTally::Figures() const {
    ClauseTally all = *this;
    all.EndBlock(-1);
    double error = 0;
    if (all.blocks > 0) {
        // The ratio estimator of cluster sampling (Cochran, Sampling Techniques, 3rd ed., 6.3). Without
        // members, or with a single block, the error is taken to be as large as the count.
        const double share = static_cast<double>(members) / static_cast<double>(rows);
        const double squares =
            std::max(0.0, all.members_members - 2 * share * all.rows_members + share * share * all.rows_rows);
        error = members == 0 || all.blocks < 2
                    ? 1
                    : std::sqrt(squares * all.blocks / (all.blocks - 1)) / static_cast<double>(members);
    }
    std::vector<double> figures{static_cast<double>(rows), error};
    for (int i = 0; i < clauses; ++i) {
        figures.push_back(static_cast<double>(passed[i]));
        figures.push_back(static_cast<double>(missed_only[i]));
    }
    return figures;
}

}  // namespace pulse::snapshot
