// SQL functions of signal health and of the settings of the room.
#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_health.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

std::string ScopeOf(const pg::Args& args) {
    return Write(ReadSubject(args.RequireText(0, "scope")));
}

Value PartValue(const Health& health, size_t part) {
    const HealthPart& one = health.parts.at(part);
    return one.applies ? Value::Float8(one.value) : Value::Null(FLOAT8OID);
}

const pg::RecordType kHealthRecord({{"score", FLOAT8OID},
                                    {"status", TEXTOID},
                                    {"computed", FLOAT8OID},
                                    {"assumed", FLOAT8OID},
                                    {"emq", FLOAT8OID},
                                    {"freshness", FLOAT8OID},
                                    {"variance", FLOAT8OID},
                                    {"anomaly", FLOAT8OID},
                                    {"cdp", FLOAT8OID},
                                    {"issues", TEXTARRAYOID},
                                    {"parts", JSONBOID},
                                    {"reads", TEXTARRAYOID},
                                    {"as_of", TIMESTAMPTZOID}});

std::vector<Value> HealthValues(const ScopeHealth& result) {
    std::vector<std::string> reads;
    for (const Subject& one : result.reads.subjects) reads.push_back(Write(one));
    std::vector<Value> values{Value::Float8(result.score), Value::Text(Name(result.status)),
                              Value::Float8(result.health.score),
                              Value::Float8(ToScore(result.health.assumed * 100) / 100)};
    for (size_t part = 0; part < result.health.parts.size(); ++part)
        values.push_back(PartValue(result.health, part));
    values.insert(values.end(), {Value::Texts(result.health.issues), Value::Jsonb(Json(result.health.parts)),
                                 Value::Texts(reads), Value::Time(result.as_of)});
    return values;
}

}  // namespace

}  // namespace pulse::trust

namespace pg = pulse::pg;
namespace trust = pulse::trust;
using pg::Value;

PULSE_FUNCTION(pulse_signal_health) {
    const std::string scope = trust::ScopeOf(pg::Args(fcinfo));
    trust::ScopeHealth result;
    {
        const pulse::Moment now = pg::Now();
        const pg::OwnerSession session;
        result = trust::ComputeHealth(scope, now, trust::TrustSettingsAt(now));
    }
    return trust::kHealthRecord.Make(trust::HealthValues(result));
}

PULSE_WRITING_FUNCTION(pulse_update_signal_health) {
    static const pg::RecordType record({{"score", FLOAT8OID}, {"status", TEXTOID}});
    const std::string scope = trust::ScopeOf(pg::Args(fcinfo));
    std::optional<trust::ScopeHealth> result;
    {
        const pulse::Moment now = pg::PastNow();
        const pg::OwnerSession session;
        trust::MeasureOwnSignals(now);
        result = trust::UpdateHealth(scope, now, trust::TrustSettingsAt(now), true, true);
        pg::Execute("UPDATE pulse.signal_health_state SET used_at = greatest(used_at, $2) WHERE scope = $1",
                    {Value::Text(scope), Value::Time(now)});
    }
    return record.Make({Value::Float8(result.value().score), Value::Text(trust::Name(result->status))});
}

PULSE_WRITING_FUNCTION(pulse_update_all_signal_health) {
    pg::ResultSet rows(fcinfo);
    const pg::OwnerSession session;
    for (const trust::UpdatedScope& one : trust::UpdateAllHealth())
        rows.Add({Value::Text(one.scope), Value::Float8(one.score), Value::Text(trust::Name(one.status))});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_trust_settings) {
    pg::Json json;
    {
        const pg::OwnerSession session;
        json = trust::TrustSettingsAt(pg::Now()).settings.Json();
    }
    return pg::FromJson(json);
}

PULSE_WRITING_FUNCTION(pulse_set_trust) {
    const pg::Json changes = pg::Args(fcinfo).RequireJsonb(0, "settings");
    const std::string actor = pg::ActorName();
    pg::Json json;
    {
        const pg::OwnerSession session;
        const pulse::Moment now = pg::PastNow();
        trust::TrustSettings settings = trust::TrustSettingsAt(now).settings;
        const pg::Json before = settings.Json();
        trust::ChangeTrustSettings(changes, settings);
        json = settings.Json();
        trust::SaveTrustSettings(settings, actor, now);
        pulse::audit::Write("trust.changed", "settings", {{"before", before}, {"after", json}});
    }
    return pg::FromJson(json);
}
