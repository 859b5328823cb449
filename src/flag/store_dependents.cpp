// Flags as dependents of traits and segments.
#include <nlohmann/json.hpp>

#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/trait/dependents.hpp"

namespace pulse::flag {

namespace {

std::vector<trait::Dependent> FlagDependents() {
    const pg::Result rows =
        pg::Execute("SELECT key, definition FROM pulse.flag WHERE archived_at IS NULL ORDER BY key");
    std::vector<trait::Dependent> users;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        trait::Dependent user{"flag", rows[i].Text(0), {}, true};
        const pg::Json definition = rows[i].Jsonb(1);
        for (const pg::Json& rule : definition.value("rules", pg::Json::array()))
            if (rule.contains("when") && rule["when"].is_string())
                user.rules.push_back(rule::Parse(rule["when"].get<std::string>()));
        users.push_back(std::move(user));
    }
    return users;
}

[[maybe_unused]] const bool lists_dependents = trait::RegisterDependents(FlagDependents);

}  // namespace

}  // namespace pulse::flag
