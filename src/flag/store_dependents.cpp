// Flags as dependents of traits and segments.
#include <nlohmann/json.hpp>

#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/trait/dependents.hpp"

namespace pulse::flag {

namespace {

void AddFlags(std::vector<trait::Dependent>& dependents) {
    const pg::Result rows =
        pg::Execute("SELECT key, definition FROM pulse.flag WHERE archived_at IS NULL ORDER BY key");
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        trait::Dependent flag{"flag", rows[i].Text(0), {}, true};
        const pg::Json definition = rows[i].Jsonb(1);
        for (const pg::Json& rule : definition.value("rules", pg::Json::array()))
            if (rule.contains("when") && rule["when"].is_string())
                flag.rules.push_back(rule::Parse(rule["when"].get<std::string>()));
        dependents.push_back(std::move(flag));
    }
}

[[maybe_unused]] const bool lists_dependents = trait::RegisterDependents(AddFlags);

}  // namespace

}  // namespace pulse::flag
