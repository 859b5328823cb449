// Counts, per clause of a rule, the rows that pass it alone and the rows that miss membership by it only.
// When the rows are a sample of whole blocks, says how far off the counts are, with rows of one block being
// alike taken into account. Pure C++.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace pulse::snapshot {

inline constexpr int kMaxTallyClauses = 16;

// Plain data: copied as it is between processes of one server.
struct ClauseTally {
    int32_t clauses = 0;
    int64_t rows = 0;
    int64_t members = 0;
    std::array<int64_t, kMaxTallyClauses> passed{}, missed_only{};
    // Of finished blocks: how many, and sums of squares and products of their rows and members.
    double blocks = 0, rows_rows = 0, rows_members = 0, members_members = 0;
    int64_t block = -1, block_rows = 0, block_members = 0;

    // `truth` has a bit per clause that is true; `block` is negative when blocks do not matter.
    void Take(uint32_t truth, int64_t in_block) {
        const uint32_t missing = ~truth & ((1u << clauses) - 1);
        ++rows;
        for (int i = 0; i < clauses; ++i) passed[i] += truth >> i & 1;
        if (missing == 0)
            ++members;
        else if ((missing & (missing - 1)) == 0)
            ++missed_only[__builtin_ctz(missing)];
        if (in_block >= 0) {
            if (in_block != block) EndBlock(in_block);
            ++block_rows;
            block_members += missing == 0;
        }
    }
    void Merge(ClauseTally other);
    // rows, relative standard error of the count of members, then passed and missed_only of each clause in
    // turn.
    std::vector<double> Figures() const;

  private:
    void EndBlock(int64_t next);
};

}  // namespace pulse::snapshot
