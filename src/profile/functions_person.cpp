// SQL functions that show one person's events, merges and ids.
#include <limits>

#include "pulse/base/error.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/profile/store_describe.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/profile/store_person_events.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;

namespace {

int RequirePageSize(const pg::Args& args, int i) {
    const int max = args.Int4(i).value_or(50);
    if (max < 1 || max > 1000)
        pulse::ThrowInvalid("\"max\" is out of range", "It is " + std::to_string(max) + ".",
                            "max is from 1 to 1000.");
    return max;
}

constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

// The rows that `query` finds for the person given as the first argument.
template <typename Query>
Datum RowsOfPerson(FunctionCallInfo fcinfo, Query query) {
    const std::string user = pg::Args(fcinfo).RequireText(0, "user");
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, query(profile::RequirePerson(user).id));
    return pg::ResultSet::Done();
}

}  // namespace

PULSE_FUNCTION(pulse_profile_events) {
    const pg::Args args(fcinfo);
    const int max = RequirePageSize(args, 1);
    const auto name = args.Text(2);
    const auto before = args.Time(3);
    const auto before_id = args.Int8(4);
    if (before_id && !before)
        pulse::ThrowInvalid("\"before_id\" needs \"before\"", "",
                            "Give both: the time and the id of the last event of the page before.");
    return RowsOfPerson(fcinfo, [&](int64_t person) {
        return profile::PersonEvents(person, max, name, before.value_or(kLargest),
                                     before_id.value_or(std::numeric_limits<int64_t>::min()));
    });
}

PULSE_FUNCTION(pulse_profile_event_counts) {
    return RowsOfPerson(fcinfo, profile::PersonEventCounts);
}

PULSE_FUNCTION(pulse_merge_history) {
    const pg::Args args(fcinfo);
    const int max = RequirePageSize(args, 1);
    const int64_t before = args.Int8(2).value_or(kLargest);
    const auto show = [&](std::optional<int64_t> person) {
        return profile::MergeHistory(person, max, before);
    };
    if (!args.IsNull(0)) return RowsOfPerson(fcinfo, show);
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, show(std::nullopt));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_canonical_identity) {
    return RowsOfPerson(fcinfo, profile::CanonicalIdentity);
}

PULSE_FUNCTION(pulse_identity_links) {
    return RowsOfPerson(fcinfo, profile::IdentityLinks);
}
