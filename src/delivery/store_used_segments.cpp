// The segments that routes and subscriptions use.
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::delivery {

namespace {

// Those that they name. A subscription that names none still hands on all members of segments over people.
void AddUsedSegments(std::set<std::string>& used) {
    const pg::Result rows = pg::Execute(
        "SELECT unnest(segments) FROM pulse.route UNION SELECT unnest(segments) FROM pulse.subscription "
        "UNION SELECT name FROM pulse.segment WHERE kind = 'profile' AND EXISTS (SELECT FROM "
        "pulse.subscription WHERE segments IS NULL "
        "AND events && ARRAY['segment.entered', 'segment.exited'])");
    for (uint64_t i = 0; i < rows.size(); ++i) used.insert(rows[i].Text(0));
}

[[maybe_unused]] const bool lists_used_segments = diagnosis::RegisterUsedSegments(AddUsedSegments);

}  // namespace

}  // namespace pulse::delivery
