// The SQL-callable functions about routes: arguments in, result out.
#include "pulse/audit/store.hpp"
#include "pulse/delivery/store_route_edit.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"

namespace pulse::delivery {

namespace {

std::optional<pg::Value> Span(const pg::Args& args, int i, int64_t& length) {
    if (args.IsNull(i)) return std::nullopt;
    length = pg::IntervalLength(args.Raw(i));
    return pg::Value{INTERVALOID, args.Raw(i), false};
}

// The arguments from `channels` on, which both functions have in the same positions; `report` is the first of
// those about reports.
RouteRequest ReadRequest(const pg::Args& args, int report) {
    RouteRequest request;
    request.channels = args.Texts(1);
    request.min_severity = args.Text(2);
    request.segments = args.Texts(3);
    request.tables = args.Texts(4);
    request.owners = args.Texts(5);
    request.tags = args.Texts(6);
    request.detectors = args.Texts(7);
    request.events = args.Texts(8);
    request.quiet_hours = args.Text(9);
    request.time_zone = args.Text(10);
    request.cool_down = Span(args, 11, request.cool_down_length);
    request.digest = args.Text(12);
    if (!args.IsNull(13)) request.digest_at = pg::Value{TIMEOID, args.Raw(13), false};
    request.group_wait = Span(args, 14, request.group_wait_length);
    request.escalate_after = Span(args, 15, request.escalate_after_length);
    request.escalate_to = args.Texts(16);
    request.report = args.Text(report);
    request.report_day = args.Text(report + 1);
    if (!args.IsNull(report + 2)) request.report_at = pg::Value{TIMEOID, args.Raw(report + 2), false};
    request.role = pg::CallerName();
    return request;
}

}  // namespace

}  // namespace pulse::delivery

namespace pg = pulse::pg;
namespace delivery = pulse::delivery;

PULSE_WRITING_FUNCTION(pulse_create_route) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const delivery::RouteRequest request = delivery::ReadRequest(args, 17);
    if (!request.channels)
        throw pulse::UserError(pulse::sqlstate::kNullValue, "\"channels\" must not be null", "",
                               "Name one or several channels, as in '{team-slack}'.");
    const std::string creator = pg::ActorName();
    const pg::OwnerSession session;
    const int64_t id = delivery::CreateRoute(name, request, creator);
    pulse::audit::Write("route.created", name);
    return Int64GetDatum(id);
}

PULSE_WRITING_FUNCTION(pulse_update_route) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const delivery::RouteRequest request = delivery::ReadRequest(args, 18);
    const pg::OwnerSession session;
    delivery::UpdateRoute(name, request, args.Bool(17));
    pulse::audit::Write("route.updated", name);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_delete_route) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    const pg::OwnerSession session;
    delivery::DeleteRoute(name);
    pulse::audit::Write("route.deleted", name);
    PG_RETURN_VOID();
}
