// SQL functions for API keys.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/web/origin.hpp"
#include "pulse/web/store_key.hpp"

namespace pg = pulse::pg;
namespace web = pulse::web;

PULSE_WRITING_FUNCTION(pulse_create_api_key) {
    const pg::Args args(fcinfo);
    web::NewKey key;
    key.name = args.RequireText(0, "name");
    key.kind = web::ParseKeyKind(args.RequireText(1, "kind"));
    key.role = args.RequireText(2, "role");
    key.expires = args.Time(3);
    if (const auto origins = args.Texts(4)) key.origins = web::CheckOrigins(*origins);
    key.rate = args.Int4(5);
    key.source = args.Text(6);
    return pg::FromText(web::CreateKey(key));
}

PULSE_WRITING_FUNCTION(pulse_rotate_api_key) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const int64_t keep = pg::KeepArgument(args, 1, "Give 0 if the old text ends at once.");
    return pg::FromText(web::RotateKey(name, keep, args.Time(2)));
}

PULSE_WRITING_FUNCTION(pulse_revoke_api_key) {
    web::RevokeKey(pg::Args(fcinfo).RequireText(0, "name"));
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_list_api_keys) {
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(
        results,
        pg::Execute(
            "SELECT k.name, CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'"
            " WHEN k.expires_at <= clock_timestamp() THEN 'expired'"
            " WHEN k.role_oid::bigint = ANY ($1) THEN 'live' ELSE 'unusable' END,"
            " k.kind, pulse.role_name(k.runs_as, k.role_oid), k.source,"
            " ARRAY(SELECT s.prefix FROM pulse.api_key_secret AS s WHERE s.key_id = k.id"
            " AND (s.expires_at > clock_timestamp()) IS NOT FALSE ORDER BY s.created_at DESC, s.prefix)::text[],"
            " k.origins, k.rate, k.created_by, k.created_at, k.rotated_at, k.expires_at, k.revoked_at,"
            " u.last_used_at, coalesce(u.requests, 0), coalesce(u.refusals, 0)"
            " FROM pulse.api_key AS k"
            " CROSS JOIN LATERAL (SELECT max(d.last_used_at) AS last_used_at, sum(d.requests)::bigint AS requests,"
            " sum(d.refusals)::bigint AS refusals FROM pulse.api_key_usage AS d WHERE d.key_id = k.id) AS u"
            " ORDER BY k.name",
            {pg::Value::Int8s(web::UsableRoles())}, true));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_find_api_key) {
    const pg::Args args(fcinfo);
    pg::ResultSet results(fcinfo);
    pg::ShowActivity("SELECT * FROM pulse.find_api_key(...)");
    pg::HideStatement([&] {
        const std::optional<web::FoundKey> key = web::FindKey(args.RequireText(0, "key"));
        if (!key) return;
        const auto role = pg::Call([&] { return GetUserNameFromId(key->role, false); });
        results.Add({pg::Value::Int8(key->id), pg::Value::Text(key->name),
                     pg::Value::Text(web::Name(key->kind)), pg::Value::Text(role),
                     key->origins ? pg::Value::Texts(*key->origins) : pg::Value::Null(TEXTARRAYOID),
                     key->rate ? pg::Value::Int4(*key->rate) : pg::Value::Null(INT4OID),
                     pg::Value::Text(key->source)});
    });
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_add_api_key_usage) {
    const pg::Args args(fcinfo);
    std::vector<int64_t> columns[3];
    constexpr const char* kNames[] = {"keys", "requests", "refusals"};
    for (int i = 0; i < 3; ++i) {
        if (args.IsNull(i))
            throw pulse::UserError(pulse::sqlstate::kNullValue,
                                   std::string("\"") + kNames[i] + "\" must not be null");
        columns[i] = pg::ToInt64Array(args.Raw(i));
    }
    std::vector<web::KeyUsage> usage;
    if (columns[0].size() != columns[1].size() || columns[0].size() != columns[2].size())
        pulse::ThrowInvalid("the arrays must have the same length");
    for (size_t i = 0; i < columns[0].size(); ++i) {
        if (columns[1][i] < 0 || columns[2][i] < 0)
            pulse::ThrowInvalid("a number of requests must not be negative");
        usage.push_back({columns[0][i], columns[1][i], columns[2][i]});
    }
    const pg::OwnerSession session;
    web::AddUsage(usage);
    PG_RETURN_VOID();
}
