#include "pulse/profile/store_count.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/profile/store_index_scan.hpp"
#include "pulse/source/local.hpp"

namespace pulse::profile {

int64_t EstimateRows(const std::string& query) {
    const pg::Result plan = pg::Execute("EXPLAIN (FORMAT JSON) " + query);
    return std::llround(source::ReadPlan(plan[0].Output(0).value_or("")).rows);
}

Count CountRows(const std::string& query) {
    const ForceIndexScans force_index;
    const int64_t counted = pg::Execute("SELECT count(*) FROM (" + query + " LIMIT " +
                                            std::to_string(kMostCounted + 1) + ") AS c",
                                        {}, true)[0]
                                .Int8(0);
    if (counted <= kMostCounted) return {counted, true};
    return {std::max(EstimateRows(query), kMostCounted + 1), false};
}

}  // namespace pulse::profile
