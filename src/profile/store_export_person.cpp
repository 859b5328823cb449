// Everything held on a person, from the registry.
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/profile/store_erasure.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr long kRowsAtOnce = 500;

using VisitPart = std::function<void(const std::string& part, const std::string& json)>;

void VisitQuery(const DataSubject& person, const ExportPart& part, const VisitPart& visit) {
    const std::string sql = "SELECT e.data::text FROM (" + std::string(part.sql) + ") AS e (data)";
    pg::Cursor cursor(sql, {Value::Int8s(person.profiles), Value::Texts(person.identifiers)});
    for (;;) {
        pg::CheckInterrupts();
        const pg::Result rows = cursor.Fetch(kRowsAtOnce);
        if (rows.empty()) return;
        for (uint64_t i = 0; i < rows.size(); ++i) visit(part.name, rows[i].Text(0));
    }
}

}  // namespace

void VisitPersonalData(const DataSubject& person, const VisitPart& visit) {
    // The person itself first.
    const std::vector<PersonalData>& all = RegisteredPersonalData();
    for (auto data = all.rbegin(); data != all.rend(); ++data) {
        for (const ExportPart* part = data->parts; part && part->name; ++part)
            VisitQuery(person, *part, visit);
        if (!data->export_to) continue;
        nlohmann::json document = nlohmann::json::object();
        data->export_to(person, document);
        for (const auto& [key, value] : document.items()) {
            if (!value.is_array()) {
                visit(key, DumpJson(value));
                continue;
            }
            for (const nlohmann::json& element : value) visit(key, DumpJson(element));
        }
    }
}

}  // namespace pulse::profile
