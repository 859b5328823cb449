// Consent as personal data: what an export shows of it, and what an erasure deletes.
#include <nlohmann/json.hpp>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/personal_data.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr const char* kConsentTables[] = {"consent", "consent_record", nullptr};

void ExportConsent(const DataSubject& person, nlohmann::json& document) {
    const pg::Result rows = pg::Execute(
        "SELECT (SELECT coalesce(jsonb_agg(to_jsonb(c) - 'profile_id' ORDER BY c.purpose), '[]')"
        " FROM pulse.consent AS c WHERE c.profile_id = ANY ($1)),"
        " (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.at, r.id), '[]')"
        " FROM pulse.consent_record AS r WHERE r.profile_id = ANY ($1))",
        {Value::Int8s(person.profiles)}, true);
    nlohmann::json current = rows[0].Jsonb(0), history = rows[0].Jsonb(1);
    if (!current.empty() || !history.empty())
        document["consents"] = {{"current", std::move(current)}, {"history", std::move(history)}};
}

int64_t EraseConsent(const DataSubject& person) {
    const Value profiles = Value::Int8s(person.profiles);
    return static_cast<int64_t>(
        pg::Execute("DELETE FROM pulse.consent WHERE profile_id = ANY ($1)", {profiles}).processed() +
        pg::Execute("DELETE FROM pulse.consent_record WHERE profile_id = ANY ($1)", {profiles}).processed());
}

[[maybe_unused]] const bool without_consent = RegisterWithoutPersonalData(
    "profile", {{"consent_purpose", "Definitions."}, {"consent_default", "Definitions."}});

[[maybe_unused]] const bool consent_registered = RegisterPersonalData(
    {.room = "profile", .tables = kConsentTables, .export_to = ExportConsent, .erase = EraseConsent});

}  // namespace

}  // namespace pulse::profile
