// Traits as definitions that go from one database to another, and what uses segments and traits.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"
#include "pulse/base/error.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/referenced_definitions.hpp"

namespace pulse::trait {

namespace {

using Type = DefinitionField::Type;

void AddTraitUses(const std::string&, const nlohmann::json& definition, std::vector<DefinitionUse>& uses) {
    rule::AddUses(definition.value("expression", ""), uses);
}

[[maybe_unused]] const bool traits_registered =
    RegisterDefinitionKind(
        {.name = "trait",
         .order = 50,
         .tables = {"trait", "trait_version"},
         .read = "SELECT key, jsonb_build_object('expression', expression, 'description', "
                 "description), false, false FROM pulse.trait",
         .fields = {{.key = "expression", .required = true}, {.key = "description", .absent = "\"\""}},
         .name_argument = "key",
         .create = "pulse_create_trait",
         .update = "pulse_update_trait",
         .remove = "pulse_delete_trait",
         .uses = AddTraitUses}) &&
    RegisterWithoutDefinitions(
        "State of people, and work that waits.",
        {"metric", "live_segment", "profile_state", "member", "next_member", "membership_change", "dirty",
         "unsettled_person", "archive_wait", "event_recalled", "change_consumer", "static_member", "export",
         "export_chunk", "export_secret"}) &&
    RegisterWithoutDefinitions("Counts the changes of definitions.", {"definition"});

}  // namespace

}  // namespace pulse::trait
