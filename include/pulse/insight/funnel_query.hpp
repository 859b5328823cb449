// A funnel as SQL. Pure C++.
#pragma once

#include <optional>
#include <string>

#include "pulse/insight/funnel_definition.hpp"

namespace pulse::insight {

inline constexpr size_t kMaxFunnelValues = 50;  // of a breakdown; the others are one

// What a query needs besides the definition.
struct FunnelQuery {
    Moment now = 0;
    std::string members = {};            // query for the ids of the people who are followed; empty: everybody
    std::string by_members = {};         // the same for a breakdown by segment
    std::optional<int64_t> person = {};  // only this one
    std::optional<int64_t> after = {};   // only people with a greater id
};

// One row for each path: person, value, reached, waiting, times (bigint[], microseconds since 2000).
std::string FunnelPathsSql(const FunnelDefinition& funnel, const FunnelQuery& query);

// One row for each path that reached a step: member (text, the person and when it began), converted (whether
// it took the next step), values (text[]: one for each attribute).
std::string FunnelCohortSql(const FunnelDefinition& funnel, const FunnelQuery& query, size_t step,
                            const std::vector<FunnelBreakdown>& attributes);

// One row for each value: value, then for each step the paths that end there, those of them that wait, and
// median and p90 of the time from the step before (bigint[]; null without any). `all_values`: also those of
// fewer than 10 people.
std::string FunnelSummarySql(const FunnelDefinition& funnel, const FunnelQuery& query, bool all_values);

}  // namespace pulse::insight
