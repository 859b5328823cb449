// SQL functions for event sources.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/web/origin.hpp"
#include "pulse/web/store_event_source.hpp"

namespace pg = pulse::pg;
namespace web = pulse::web;

PULSE_WRITING_FUNCTION(pulse_create_event_source) {
    const pg::Args args(fcinfo);
    web::NewKey key;
    key.source = args.RequireText(0, "name");
    key.role = args.RequireText(1, "role");
    const std::string kind = args.RequireText(2, "kind");
    key.expires = args.Time(4);
    if (const auto origins = args.Texts(5)) key.origins = web::CheckOrigins(*origins);
    key.rate = args.Int4(6);
    key.name = args.Text(7).value_or(*key.source);
    return pg::FromText(web::CreateEventSource(kind, args.Text(3), key));
}

PULSE_WRITING_FUNCTION(pulse_update_event_source) {
    const pg::Args args(fcinfo);
    web::UpdateEventSource(args.RequireText(0, "name"), args.Text(1), args.Text(2));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_delete_event_source) {
    web::DeleteEventSource(pg::Args(fcinfo).RequireText(0, "name"));
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_list_event_sources) {
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(
        results,
        pg::Execute(
            "SELECT r.name, r.kind, r.description,"
            " (SELECT count(*) FROM pulse.api_key AS k WHERE k.source = r.name AND k.revoked_at IS NULL"
            " AND (k.expires_at > clock_timestamp()) IS NOT FALSE AND k.role_oid::bigint = ANY ($1))::int,"
            " coalesce(s.accepted, 0), coalesce(s.duplicates, 0), coalesce(s.rejected, 0), s.first_at,"
            " s.last_at, r.created_by, r.created_at FROM pulse.registered_source AS r"
            " LEFT JOIN pulse.event_source AS s ON s.source = r.name ORDER BY r.name",
            {pg::Value::Int8s(web::UsableRoles())}, true));
    return pg::ResultSet::Done();
}
