// SQL functions that find people by a filter.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/trait/store_find.hpp"

namespace pg = pulse::pg;
namespace trait = pulse::trait;

namespace {

trait::PeopleFilter RequireFilter(const pg::Args& args) {
    return trait::ReadPeopleFilter(args.Jsonb(0).value_or(pg::Json::object()));
}

}  // namespace

PULSE_FUNCTION(pulse_find_profiles) {
    const pg::Args args(fcinfo);
    const trait::PeopleFilter filter = RequireFilter(args);
    const int max = args.Int4(1).value_or(50), skip = args.Int4(3).value_or(0);
    if (max < 1 || max > 1000 || skip < 0 || skip > 10'000)
        pulse::ThrowInvalid("\"max\" or \"skip\" is out of range", "",
                            "max is from 1 to 1000, skip from 0 to 10000.");
    std::optional<trait::PeoplePlace> after;
    if (const auto text = args.Text(2)) after = trait::ReadPlace(filter, *text);
    const pg::Identity owner = pg::Identity::Owner();
    std::string text;
    {
        const pg::Session session;
        text = trait::FindProfiles(filter, max, after, skip);
    }
    return pg::Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str())); });
}

PULSE_FUNCTION(pulse_count_profiles) {
    const trait::PeopleFilter filter = RequireFilter(pg::Args(fcinfo));
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    const pulse::profile::Count count = trait::CountProfiles(filter);
    result.Add({pg::Value::Int8(count.rows), pg::Value::Bool(count.exact)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_segment_statistics) {
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    for (const trait::SegmentSize& size : trait::CountMembers())
        result.Add({pg::Value::Text(size.name), pg::Value::Int8(size.members.rows),
                    pg::Value::Bool(size.members.exact)});
    return pg::ResultSet::Done();
}
