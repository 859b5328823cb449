// What the audit log holds about people. The room audit cannot register it itself: it comes before this one.
#include "pulse/audit/store.hpp"

#include <nlohmann/json.hpp>

#include "pulse/profile/personal_data.hpp"

namespace pulse::profile {

namespace {

constexpr const char* kAuditTables[] = {"audit_personal", nullptr};

void ExportAudit(const DataSubject& person, nlohmann::json& document) {
    nlohmann::json rows = nlohmann::json::array();
    audit::ExportPersonal(person.profiles, rows);
    if (!rows.empty()) document["audit"] = std::move(rows);
}

[[maybe_unused]] const bool audit_registered = RegisterPersonalData(
    {.room = "audit",
     .tables = kAuditTables,
     .export_to = ExportAudit,
     .erase = [](const DataSubject& person) { return audit::ErasePersonal(person.profiles); }});

}  // namespace

}  // namespace pulse::profile
