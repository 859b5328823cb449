// The table of routes, as the planner reads it.
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/timezone.hpp"

namespace pulse::delivery {

namespace {

constexpr int64_t kGroupWait = 3 * kSecond;

// UTC if the zone is unknown, as after a restore on another system: better than sending nothing.
OffsetAt ZoneOf(const std::string& name) {
    try {
        return [zone = pg::TimeZone(name)](Moment moment) { return zone.OffsetAt(moment); };
    } catch (const UserError&) {
        return [](Moment) { return int64_t{0}; };
    }
}

Route DefaultRoute() {
    Route route;
    route.channels = OrdinaryChannels();
    route.events = {"opened", "reopened", "worsened", "resolved", "health", "action"};
    route.offset = [](Moment) { return int64_t{0}; };
    route.group_wait = kGroupWait;
    return route;
}

Route ReadRoute(const pg::Row& row) {
    Route route;
    route.id = row.Int8(0);
    route.name = row.Text(1);
    route.channels = row.Texts(2);
    route.min_severity = Rank(row.Text(3));
    route.segments = row.Texts(4);
    route.tables = row.Texts(5);
    route.owners = row.Texts(6);
    route.tags = row.Texts(7);
    route.detectors = row.Texts(8);
    route.events = row.Texts(9);
    const auto from = row.Int8OrNull(10), until = row.Int8OrNull(11);
    if (from && until) route.quiet = QuietHours{*from, *until};
    route.offset = ZoneOf(row.Text(12));
    route.cool_down = row.Int8(13);
    const std::string digest = row.TextOrNull(14).value_or("");
    route.digest = digest == "hourly" ? Digest::kHourly : digest == "daily" ? Digest::kDaily : Digest::kNone;
    route.digest_at = row.Int8(15);
    route.group_wait = row.Int8(16);
    route.escalate_after = row.Int8OrNull(17);
    route.escalate_to = row.Texts(18);
    return route;
}

}  // namespace

std::vector<Route> LoadRoutes() {
    static pg::Statement statement(
        "SELECT id, name, channels, min_severity, coalesce(segments, '{}'), coalesce(tables, '{}'),"
        " coalesce(owners, '{}'), "
        "coalesce(tags, '{}'), coalesce(detectors, '{}'), events, (extract(epoch"
        " FROM quiet_from) * 1e6)::bigint, "
        "(extract(epoch FROM quiet_until) * 1e6)::bigint, time_zone, "
        "coalesce((extract(epoch FROM cool_down) * 1e6)::bigint, 0), digest, (extract(epoch"
        " FROM digest_at) * 1e6)::bigint, "
        "(extract(epoch FROM group_wait) * 1e6)::bigint, (extract(epoch FROM escalate_after) * 1e6)::bigint, "
        "coalesce(escalate_to, '{}'), enabled FROM pulse.route WHERE events <> '{}' ORDER BY id",
        {});
    const pg::Result rows = statement.Execute({}, true);
    std::vector<Route> routes;
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (rows[i].Bool(19)) routes.push_back(ReadRoute(rows[i]));
    if (rows.empty()) routes.push_back(DefaultRoute());
    return routes;
}

std::vector<std::string> OrdinaryChannels() {
    static pg::Statement statement(
        "SELECT coalesce(array_agg(s.srvname::text ORDER BY s.srvname::text), '{}')"
        " FROM pg_foreign_server AS s "
        "JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw AND w.fdwname = 'pulse_channel' "
        "WHERE NOT EXISTS (SELECT FROM pulse.subscription AS u WHERE u.channel = s.srvname::text)",
        {});
    return statement.Execute({}, true)[0].Texts(0);
}

std::set<std::string> Followers() {
    static pg::Statement statement(
        "SELECT coalesce(array_agg(s.srvname::text), '{}') FROM pg_foreign_server AS s "
        "JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw AND w.fdwname = 'pulse_channel' "
        "WHERE 'kind=pagerduty' = ANY (s.srvoptions)",
        {});
    const std::vector<std::string> names = statement.Execute({}, true)[0].Texts(0);
    return {names.begin(), names.end()};
}

void ReleaseAfter(const pg::Result& cancelled) {
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < cancelled.size(); ++i) ids.push_back(cancelled[i].Int8(0));
    if (Release(ids)) WakeDelivery();
}

}  // namespace pulse::delivery
