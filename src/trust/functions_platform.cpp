// SQL functions about platforms, and about what may be done now.
#include <map>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/platform_emq.hpp"
#include "pulse/trust/store_action_type.hpp"
#include "pulse/trust/store_gate_detail.hpp"
#include "pulse/trust/store_health.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

struct PlatformReadings {
    PlatformReading now, before;
};

void SetReading(PlatformReading& reading, const std::string& name, const std::optional<double>& value) {
    if (name == "match_rate") reading.match_rate = value;
    if (name == "coverage") reading.coverage = value;
    if (name == "conversion_latency") reading.latency = value;
}

// The mean of a platform's accounts, now and a week ago.
std::map<std::string, PlatformReadings> ReadPlatforms(Moment now,
                                                      const std::optional<std::string>& platform) {
    std::map<std::string, PlatformReadings> platforms;
    const pg::Result rows = pg::Execute(
        "SELECT s.source, s.name, avg(s.last_value), max(s.last_at), avg(p.value) FROM pulse.signal_series AS s"
        " LEFT JOIN LATERAL (SELECT g.value FROM pulse.signal AS g WHERE g.name = s.name AND g.source = s.source"
        " AND g.entity = s.entity AND g.at <= $1 - interval '7 days' ORDER BY g.at DESC LIMIT 1) AS p ON true"
        " WHERE s.name IN ('match_rate', 'coverage', 'conversion_latency') AND s.source NOT IN ('', 'pulse') AND"
        " ($2 IS NULL OR s.source = $2) AND s.last_at > $1 - interval '30 days' AND s.last_at <= $1"
        " GROUP BY s.source, s.name",
        {Value::Time(now), Value::Text(platform)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        PlatformReadings& one = platforms[rows[i].Text(0)];
        SetReading(one.now, rows[i].Text(1), rows[i].Float8(2));
        SetReading(one.before, rows[i].Text(1), rows[i].Float8OrNull(4));
        const int64_t age = now - rows[i].Time(3);
        one.now.age = std::min(one.now.age.value_or(age), age);
    }
    std::map<std::string, std::pair<double, int>> variances;
    for (const AttributionReading& one : ReadAttributions({{{"all", ""}}, {}}, now)) {
        if (platform && one.platform != *platform) continue;
        auto& [sum, count] = variances[one.platform];
        sum += AttributionVariance(one.platform_value, one.analytics_value);
        ++count;
    }
    for (const auto& [name, variance] : variances)
        platforms[name].now.variance = variance.first / variance.second;
    return platforms;
}

}  // namespace

}  // namespace pulse::trust

namespace pg = pulse::pg;
namespace trust = pulse::trust;
using pg::Value;

PULSE_FUNCTION(pulse_platform_emq) {
    const auto platform = pg::Args(fcinfo).Text(0);
    pg::ResultSet rows(fcinfo);
    const pg::OwnerSession session;
    for (const auto& [name, readings] : trust::ReadPlatforms(pg::Now(), platform)) {
        const trust::PlatformEmq emq = trust::ComputePlatformEmq(readings.now, readings.before);
        rows.Add({Value::Text(name), Value::Float8(emq.score), Value::Text(emq.band),
                  Value::Float8(trust::ToScore(emq.known * 100) / 100),
                  Value::Jsonb(trust::Json(emq.drivers))});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_attribution_variance) {
    const trust::Subject scope = trust::ReadSubject(pg::Args(fcinfo).RequireText(0, "scope"));
    pg::ResultSet rows(fcinfo);
    const pulse::Moment now = pg::Now();
    const pg::OwnerSession session;
    for (const trust::AttributionReading& one : trust::ReadAttributions(trust::DependenciesOf(scope), now)) {
        const double variance = trust::AttributionVariance(one.platform_value, one.analytics_value);
        rows.Add({Value::Text(one.platform), Value::Text(one.account), Value::Text(one.metric),
                  Value::Float8(one.platform_value), Value::Float8(one.analytics_value),
                  Value::Float8(variance), Value::Text(trust::VarianceBand(variance)),
                  Value::Float8(trust::VarianceScore(variance)), Value::Time(now - one.age)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_trust_status) {
    static const pg::RecordType record({{"status", TEXTOID},
                                        {"score", FLOAT8OID},
                                        {"mode", TEXTOID},
                                        {"frozen", BOOLOID},
                                        {"frozen_because", TEXTOID},
                                        {"allowed", TEXTARRAYOID},
                                        {"restricted", TEXTARRAYOID},
                                        {"issues", TEXTARRAYOID},
                                        {"held", INT8OID},
                                        {"blocked", INT8OID},
                                        {"as_of", TIMESTAMPTZOID},
                                        {"last_history", TIMESTAMPTZOID}});
    const std::string scope = pg::Args(fcinfo).RequireText(0, "scope");
    std::vector<Value> values;
    trust::FullDecision full;
    trust::Allowance allowance;
    int64_t held = 0, blocked = 0;
    {
        const pg::OwnerSession session;
        // Throws where the gate would only refuse.
        trust::DependenciesOf(trust::ReadSubject(scope));
        full = trust::EvaluateGateFully("sync_audience", scope, true);
        allowance = trust::AllowanceOf(full, trust::ActionTypes());
        const pg::Result counts = pg::Execute(
            "SELECT count(*) FILTER (WHERE decision = 'hold'), count(*) FILTER (WHERE decision = 'block') FROM"
            " (SELECT decision FROM pulse.gate_decision WHERE subject = $1 AND at > $2 - interval '24 hours' AND at"
            " <= $2 AND decision <> 'pass' LIMIT 10000) AS d",
            {Value::Text(full.facts.subject), Value::Time(full.facts.now)});
        held = counts[0].Int8(0);
        blocked = counts[0].Int8(1);
    }
    const trust::GateFacts& facts = full.facts;
    const bool frozen = facts.frozen.value_or(true);
    return record.Make({Value::Text(trust::Name(facts.status)), Value::Float8(facts.score),
                        Value::Text(trust::ModeOf(facts.score, facts.status, frozen, full.settings)),
                        Value::Bool(frozen), frozen ? Value::Text(facts.frozen_why) : Value::Null(TEXTOID),
                        Value::Texts(allowance.allowed), Value::Texts(allowance.restricted),
                        Value::Texts(facts.issues), Value::Int8(held), Value::Int8(blocked),
                        Value::Time(facts.as_of), Value::Time(facts.last_history)});
}
