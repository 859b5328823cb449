#include "pulse/trust/store_trust_settings.hpp"

#include <nlohmann/json.hpp>

#include "pulse/pg/spi.hpp"

namespace pulse::trust {

StoredTrustSettings TrustSettingsAt(Moment now) {
    static pg::Statement statement(
        "SELECT s.settings, s.valid_from FROM pulse.trust_setting AS s WHERE s.valid_from <= $1"
        " ORDER BY s.valid_from DESC LIMIT 1",
        {TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({pg::Value::Time(now)});
    if (rows.empty()) return {};
    return {ReadTrustSettings(rows[0].Jsonb(0)), rows[0].Time(1)};
}

void SaveTrustSettings(const TrustSettings& settings, const std::string& actor, Moment now) {
    pg::Execute(
        "INSERT INTO pulse.trust_setting AS s (valid_from, settings, changed_by) VALUES ($1, $2, $3)"
        " ON CONFLICT (valid_from) DO UPDATE SET settings = excluded.settings, changed_by = excluded.changed_by",
        {pg::Value::Time(now), pg::Value::Jsonb(settings.Json()), pg::Value::Text(actor)});
}

}  // namespace pulse::trust
