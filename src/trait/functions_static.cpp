// SQL functions for static segments.
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/trait/store_static_member.hpp"

namespace pg = pulse::pg;
namespace trait = pulse::trait;

namespace pulse::trait {

namespace {

Datum ReportStaticChanges(FunctionCallInfo fcinfo, StaticAction action) {
    const pg::Args args(fcinfo);
    const std::string segment = args.RequireText(0, "segment");
    const std::vector<std::string> users = args.RequireTexts(1, "users");
    const std::vector<StaticChange> changes = ChangeStaticMembers(segment, users, action, pg::ActorName());
    pg::ResultSet rows(fcinfo);
    for (const StaticChange& change : changes)
        rows.Add(
            {pg::Value::Text(change.user), pg::Value::Int8(change.profile), pg::Value::Text(change.result)});
    return pg::ResultSet::Done();
}

}  // namespace

}  // namespace pulse::trait

PULSE_WRITING_FUNCTION(pulse_add_to_segment) {
    return trait::ReportStaticChanges(fcinfo, trait::StaticAction::kAdd);
}

PULSE_WRITING_FUNCTION(pulse_remove_from_segment) {
    return trait::ReportStaticChanges(fcinfo, trait::StaticAction::kRemove);
}
