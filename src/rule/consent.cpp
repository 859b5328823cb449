// A row of pulse.consent has all instants at which one person's consent for one purpose is live. Room profile
// keeps it in the transactions that change it, so past moments, merges and unmerges need no code here.
#include "pulse/rule/consent.hpp"

#include <algorithm>

#include "pulse/rule/literal.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

const std::string* PurposeOf(const Reference& reference) {
    constexpr size_t kMostCharacters = 63;
    if (reference.kind != Reference::Kind::kPath || reference.path.size() != 2 ||
        reference.path[0] != Name(Aggregate::kConsent))
        return nullptr;
    const std::string& name = reference.path[1];
    const bool good = !name.empty() && name.size() <= kMostCharacters && name[0] >= 'a' && name[0] <= 'z' &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                      });
    return good ? &name : nullptr;
}

MetricSql CompileConsent(const Metric& metric, const std::string& now_sql, const std::string& profile_sql) {
    const std::string of_purpose =
        " FROM pulse.consent AS h WHERE h.purpose = " + QuoteText(metric.purpose) + "::text";
    const std::string live = " AND h.live OPERATOR(pg_catalog.@>) (" + now_sql + ")",
                      person = " AND h.profile_id = " + profile_sql;
    MetricSql sql{.type = ValueType::kBoolean,
                  .sql_type = "boolean",
                  .value = "EXISTS (SELECT" + of_purpose + person + live + ")"};
    sql.until = "(SELECT pg_catalog.min(b.instant) FROM (SELECT h.live" + of_purpose + person +
                ") AS h CROSS JOIN LATERAL pg_catalog.unnest(h.live) AS r (period)"
                " CROSS JOIN LATERAL (VALUES (pg_catalog.lower(r.period)), (pg_catalog.upper(r.period)))"
                " AS b (instant) WHERE b.instant > " +
                now_sql + ")";
    sql.empty = "false";
    sql.events = {Print(metric)};
    sql.correlated = true;
    sql.people = "SELECT h.profile_id AS id" + of_purpose + live;
    return sql;
}

}  // namespace pulse::rule
