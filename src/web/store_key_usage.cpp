// Counting requests with API keys.
#include "pulse/pg/background.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/web/store_key.hpp"

namespace pulse::web {

namespace {

using pg::Value;

// The newest row of a key stays, so that it is known when a key was used that nobody uses any more.
[[maybe_unused]] const bool retention_registered = pg::RegisterRetention(
    {{.order = 170,
      .what = "days of API keys",
      .minutes = &pg::settings::usage_retention,
      .sql =
          "DELETE FROM pulse.api_key_usage WHERE ctid = ANY (ARRAY(SELECT u.ctid FROM pulse.api_key_usage AS u"
          " WHERE u.day < ($1 AT TIME ZONE 'UTC')::date AND EXISTS (SELECT FROM pulse.api_key_usage AS n"
          " WHERE n.key_id = u.key_id AND n.day > u.day) ORDER BY u.day LIMIT $2))"}});

}  // namespace

void AddUsage(const std::vector<KeyUsage>& usage) {
    std::vector<int64_t> keys, requests, refusals;
    for (const KeyUsage& one : usage) {
        keys.push_back(one.key);
        requests.push_back(one.requests);
        refusals.push_back(one.refusals);
    }
    // In the order of the keys, so that two programs do not wait for each other in a circle.
    pg::Execute(
        "INSERT INTO pulse.api_key_usage AS u (key_id, day, requests, refusals, last_used_at)"
        " SELECT k.id, ($4 AT TIME ZONE 'UTC')::date, sum(n.requests)::bigint, sum(n.refusals)::bigint, $4"
        " FROM unnest($1, $2, $3) AS n (id, requests, refusals) JOIN pulse.api_key AS k ON k.id = n.id"
        " GROUP BY k.id HAVING sum(n.requests) > 0 ORDER BY k.id"
        " ON CONFLICT (key_id, day) DO UPDATE SET requests = u.requests + excluded.requests,"
        " refusals = u.refusals + excluded.refusals, last_used_at = greatest(u.last_used_at, excluded.last_used_at)",
        {Value::Int8s(keys), Value::Int8s(requests), Value::Int8s(refusals), Value::Time(pg::WallClock())});
}

}  // namespace pulse::web
