// The verbs of ids and merges: arguments in, result out.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_merge.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;

PULSE_FUNCTION(pulse_announce_identity_kind) {
    pg::Watch::Announce("identity_kind");
    return static_cast<Datum>(0);
}

PULSE_WRITING_FUNCTION(pulse_merge) {
    const pg::Args args(fcinfo);
    const std::string one = args.RequireText(0, "one"), other = args.RequireText(1, "other"), reason = args.RequireText(2, "reason");
    const std::string actor = pg::CallerName();
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    return Int64GetDatum(profile::Merge(one, other, reason, actor));
}

PULSE_WRITING_FUNCTION(pulse_unmerge) {
    const pg::Args args(fcinfo);
    const int64_t merge = args.RequireInt8(0, "merge");
    const std::string reason = args.RequireText(1, "reason");
    const std::string actor = pg::CallerName();
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    profile::Unmerge(merge, reason, actor);
    PG_RETURN_VOID();
}
