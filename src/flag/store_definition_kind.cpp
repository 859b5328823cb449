// Flags as definitions that go from one database to another.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"
#include "pulse/rule/referenced_definitions.hpp"

namespace pulse::flag {

namespace {

using Json = nlohmann::json;
using Type = DefinitionField::Type;

void AddFlagUses(const std::string&, const Json& flag, std::vector<DefinitionUse>& uses) {
    const auto found = flag.find("definition");
    if (found == flag.end() || !found->is_object()) return;
    for (const auto& [list, key] : {std::pair("rules", "when"), std::pair("prerequisites", "flag")}) {
        const auto items = found->find(list);
        if (items == found->end() || !items->is_array()) continue;
        for (const Json& item : *items) {
            const auto text = item.is_object() ? item.find(key) : item.end();
            if (!item.is_object() || text == item.end() || !text->is_string()) continue;
            if (std::string_view(list) == "rules")
                rule::AddUses(text->get<std::string>(), uses);
            else
                uses.push_back({"flag", text->get<std::string>()});
        }
    }
    if (const auto rule = found->find("rule"); rule != found->end() && rule->is_string())
        rule::AddUses(rule->get<std::string>(), uses);
}

// A renamed flag has its old key as salt: without it people would get other variants.
void KeepSalt(const Json& wanted, const std::string& name, DefinitionCalls& calls) {
    for (DefinitionCall& call : calls)
        for (DefinitionCall::Argument& argument : call.arguments) {
            if (argument.name != "definition") continue;
            Json definition = wanted["definition"];
            if (definition.is_object() && !definition.contains("salt")) {
                definition["salt"] = name;
                argument.value = ArgumentText(definition, Type::kJson);
            }
        }
}

void SetFlagState(const std::string& name, const Json* current, bool retired, const Json& wanted,
                  DefinitionCalls& calls) {
    if (current != nullptr) KeepSalt(wanted, name, calls);
    if (retired) calls.push_back({"pulse_restore_flag", {{"key", name}}});
    const bool before = current == nullptr || current->value("enabled", true);
    const bool after = wanted.value("enabled", true);
    if (before != after)
        calls.push_back({after ? "pulse_enable_flag" : "pulse_disable_flag", {{"key", name}}});
}

// Its history stays.
DefinitionCalls ArchiveFlagCalls(const std::string& name, const Json&) {
    return {{"pulse_archive_flag", {{"key", name}}}};
}

[[maybe_unused]] const bool flags_registered =
    RegisterDefinitionKind(
        {.name = "flag",
         .order = 80,
         .tables = {"flag", "flag_version"},
         .read = "SELECT key, jsonb_build_object('definition', CASE WHEN salt = key THEN definition ELSE"
                 " definition || jsonb_build_object('salt', salt) END, 'description', description, 'enabled',"
                 " enabled), false, archived_at IS NOT NULL FROM pulse.flag",
         .fields = {{.key = "definition", .type = Type::kJson, .required = true},
                    {.key = "description", .absent = "\"\""},
                    {.key = "enabled", .type = Type::kBoolean, .absent = "true", .apart = true}},
         .name_argument = "key",
         .create = "pulse_create_flag",
         .update = "pulse_update_flag",
         .uses = AddFlagUses,
         .adapt = SetFlagState,
         .remove_calls = ArchiveFlagCalls}) &&
    RegisterWithoutDefinitions("What people saw.", {"exposure"});

}  // namespace

}  // namespace pulse::flag
