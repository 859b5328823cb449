// Kinds of ids and purposes of consent as definitions that go from one database to another.
#include <nlohmann/json.hpp>
#include <set>

#include "pulse/base/definition_kind.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"

namespace pulse::profile {

namespace {

using Type = DefinitionField::Type;

// What a region without a default of its own has is what the purpose says.
void SetRegions(const std::string& name, const nlohmann::json* current, bool, const nlohmann::json& wanted,
                DefinitionCalls& calls) {
    const nlohmann::json none = nlohmann::json::object();
    const nlohmann::json before = current == nullptr ? none : current->value("regions", none);
    const nlohmann::json after = wanted.value("regions", none);
    std::set<std::string> regions;
    for (const nlohmann::json* side : {&before, &after})
        for (const auto& item : side->items()) regions.insert(item.key());
    for (const std::string& region : regions) {
        const auto old_value = before.find(region), new_value = after.find(region);
        if (new_value != after.end() && old_value != before.end() && *old_value == *new_value) continue;
        std::optional<std::string> granted;
        if (new_value != after.end() && !new_value->is_boolean())
            ThrowInvalid("regions of consent_purpose \"" + name + "\" are not valid",
                         "That of " + region + " is " + DumpJson(*new_value) + ".", "Give true or false.");
        if (new_value != after.end()) granted = ArgumentText(*new_value, Type::kBoolean);
        calls.push_back(
            {"pulse_set_consent_default", {{"purpose", name}, {"region", region}, {"granted", granted}}});
    }
}

[[maybe_unused]] const bool kinds_registered =
    RegisterDefinitionKind(
        {.name = "identity_kind",
         .order = 10,
         .tables = {"identity_kind"},
         .read = "SELECT kind, jsonb_build_object('normalisation', normalisation, 'priority', priority,"
                 " 'max_values', max_values, 'per', per, 'blocked', to_jsonb(blocked)), built_in, false"
                 " FROM pulse.identity_kind",
         .fields = {{.key = "normalisation"},
                    {.key = "priority", .type = Type::kNumber},
                    {.key = "max_values", .type = Type::kNumber, .absent = "0"},
                    {.key = "per", .absent = "\"\"", .cleared = "0"},
                    {.key = "blocked", .type = Type::kTexts, .absent = "[]"}},
         .name_argument = "kind",
         .create = "pulse_set_identity_kind",
         .update = "pulse_set_identity_kind",
         .remove = "pulse_drop_identity_kind"}) &&
    RegisterDefinitionKind(
        {.name = "consent_purpose",
         .order = 20,
         .tables = {"consent_purpose", "consent_default"},
         .read = "SELECT p.purpose, jsonb_build_object('categories', to_jsonb(p.categories),"
                 " 'granted_by_default', p.granted_by_default, 'regions', (SELECT jsonb_object_agg(d.region,"
                 " d.granted) FROM pulse.consent_default AS d WHERE d.purpose = p.purpose)), p.built_in,"
                 " false FROM pulse.consent_purpose AS p",
         .fields = {{.key = "categories", .type = Type::kTexts, .absent = "[]"},
                    {.key = "granted_by_default", .type = Type::kBoolean, .absent = "false"},
                    {.key = "regions", .type = Type::kJson, .absent = "{}", .apart = true}},
         .name_argument = "purpose",
         .create = "pulse_set_consent_purpose",
         .update = "pulse_set_consent_purpose",
         .remove = "pulse_drop_consent_purpose",
         .adapt = SetRegions}) &&
    RegisterWithoutDefinitions("People, their events, and what is counted of these.",
                               {"account",         "account_member",     "archived_profile",
                                "archive_erasure", "event_archive",      "event_archive_change",
                                "activity",        "activity_tally",     "consent",
                                "consent_record",  "erased_identifier",  "erasure",
                                "erasure_key",     "erasure_subject",    "event",
                                "event_copy",      "event_day",          "event_hour",
                                "event_kind",      "event_late",         "event_month",
                                "event_property",  "event_property_day", "event_source_hour",
                                "feed_consumer",   "feed_item",          "identity",
                                "ingest_tally",    "merge_history",      "message_seen",
                                "profile",         "rejected_event"}) &&
    RegisterWithoutDefinitions("The names of the permission levels.", {"level"});

}  // namespace

}  // namespace pulse::profile
