// What this room has as definitions that go from one database to another: actions and their limits, signals,
// automations, settings. Campaigns stay: each is about one moment.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"

namespace pulse::trust {

namespace {

using Type = DefinitionField::Type;
using nlohmann::json;

void AddNamed(const json& object, const char* key, const char* kind, std::vector<DefinitionUse>& uses) {
    if (!object.is_object()) return;
    const auto found = object.find(key);
    if (found != object.end() && found->is_string() && !found->get_ref<const std::string&>().empty())
        uses.push_back({kind, found->get<std::string>()});
}

void AddEnforcementUses(const std::string&, const json& settings, std::vector<DefinitionUse>& uses) {
    AddNamed(settings, "channel", "channel", uses);
}

void AddAutomationUses(const std::string&, const json& automation, std::vector<DefinitionUse>& uses) {
    const json definition = automation.value("definition", json());
    if (!definition.is_object()) return;
    const json when = definition.value("when", json()), action = definition.value("do", json());
    if (when.is_object())
        for (const char* cause : {"incident", "membership"})
            if (const auto found = when.find(cause); found != when.end())
                AddNamed(*found, "segment", "segment", uses);
    AddNamed(action, "channel", "channel", uses);
}

void SetAutomationStatus(const std::string& name, const json* current, bool, const json& wanted,
                         DefinitionCalls& calls) {
    const bool before = current != nullptr && current->value("paused", false);
    const bool after = wanted.value("paused", false);
    if (before != after)
        calls.push_back({after ? "pulse_pause_automation" : "pulse_resume_automation", {{"name", name}}});
}

[[maybe_unused]] const bool actions_registered =
    RegisterDefinitionKind(
        {.name = "action_type",
         .order = 30,
         .tables = {"action_type"},
         .read = "SELECT name, jsonb_build_object('risk', risk, 'description', description), false, false"
                 " FROM pulse.action_type",
         .fields = {{.key = "risk", .required = true, .always = true}, {.key = "description"}},
         .name_argument = "action",
         .create = "pulse_set_action_type",
         .update = "pulse_set_action_type",
         .remove = "pulse_delete_action_type"}) &&
    RegisterDefinitionKind(
        {.name = "enforcement",
         .order = 120,
         .tables = {"enforcement"},
         .read = "SELECT 'enforcement', jsonb_build_object('mode', mode, 'risk_modes', risk_modes,"
                 " 'expire_after', expire_after, 'confirm_within', confirm_within, 'max_share', max_share,"
                 " 'channel', channel), true, false FROM pulse.enforcement",
         .fields = {{.key = "mode", .absent = "\"soft_block\""},
                    {.key = "risk_modes", .type = Type::kJson, .absent = "{}"},
                    {.key = "expire_after", .absent = "\"24:00:00\""},
                    {.key = "confirm_within", .absent = "\"00:15:00\""},
                    {.key = "max_share", .type = Type::kNumber, .absent = "0.2"},
                    {.key = "channel", .absent = "\"\""}},
         .name_argument = "",
         .create = "pulse_set_enforcement",
         .update = "pulse_set_enforcement",
         .uses = AddEnforcementUses}) &&
    RegisterDefinitionKind({.name = "enforcement_rule",
                            .order = 130,
                            .tables = {"enforcement_rule"},
                            .read = "SELECT name, jsonb_build_object('actions', to_jsonb(actions), 'limits',"
                                    " limits, 'mode', mode), false, false FROM pulse.enforcement_rule",
                            .fields = {{.key = "actions", .type = Type::kTexts, .required = true},
                                       {.key = "limits", .type = Type::kJson, .required = true},
                                       {.key = "mode", .absent = "\"soft_block\""}},
                            .create = "pulse_create_enforcement_rule",
                            .remove = "pulse_delete_enforcement_rule"});

[[maybe_unused]] const bool automations_registered =
    RegisterDefinitionKind({.name = "signal",
                            .order = 140,
                            .tables = {"signal_query"},
                            .read =
                                "SELECT name, jsonb_build_object('query', query, 'every', every, 'source',"
                                " source, 'entity', entity), false, false FROM pulse.signal_query",
                            .fields = {{.key = "query", .required = true},
                                       {.key = "every", .absent = "\"01:00:00\""},
                                       {.key = "source", .absent = "\"\""},
                                       {.key = "entity", .absent = "\"\""}},
                            .create = "pulse_create_signal",
                            .remove = "pulse_delete_signal"}) &&
    RegisterDefinitionKind(
        {.name = "automation",
         .order = 150,
         .tables = {"automation", "automation_version"},
         .read = "SELECT name, jsonb_build_object('definition', definition, 'description', description,"
                 " 'paused', status = 'paused'), false, false FROM pulse.automation",
         .fields = {{.key = "definition", .type = Type::kJson, .required = true},
                    {.key = "description", .absent = "\"\""},
                    {.key = "paused", .type = Type::kBoolean, .absent = "false", .apart = true}},
         .create = "pulse_create_automation",
         .update = "pulse_update_automation",
         .remove = "pulse_delete_automation",
         .uses = AddAutomationUses,
         .adapt = SetAutomationStatus}) &&
    RegisterDefinitionKind({.name = "trust",
                            .order = 160,
                            .tables = {"trust_setting"},
                            .read =
                                "SELECT 'trust', jsonb_build_object('settings', settings), true, false FROM"
                                " pulse.trust_setting ORDER BY valid_from DESC LIMIT 1",
                            .fields = {{.key = "settings", .type = Type::kJson, .required = true}},
                            .name_argument = "",
                            .create = "pulse_set_trust",
                            .update = "pulse_set_trust"}) &&
    RegisterWithoutDefinitions(
        "Signals, decisions and actions.",
        {"signal", "signal_series", "signal_health_state", "signal_health_history", "gate_decision",
         "trust_change", "freeze", "action", "action_event", "action_token", "automation_trigger"}) &&
    RegisterWithoutDefinitions("Each campaign is about one moment.", {"campaign", "campaign_check"});

}  // namespace

}  // namespace pulse::trust
