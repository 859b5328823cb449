// Audiences as definitions that go from one database to another. Destinations stay: they name accounts of
// this place, and their secrets are in user mappings.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"
#include "pulse/base/error.hpp"

namespace pulse::audience {

namespace {

using Type = DefinitionField::Type;
using Json = nlohmann::json;

void AddAudienceUses(const std::string&, const Json& audience, std::vector<DefinitionUse>& uses) {
    uses.push_back({"segment", audience.value("segment", "")});
    uses.push_back({"destination", audience.value("destination", "")});
}

// A new audience is paused: people leave for a platform only when somebody here says so.
void WriteAudience(const std::string& name, const Json* current, bool, const Json& wanted,
                   DefinitionCalls& calls) {
    Json options = wanted;
    options.erase("segment");
    options.erase("destination");
    calls.clear();
    if (current == nullptr) {
        calls.push_back({"pulse_create_audience",
                         {{"name", name},
                          {"segment", wanted.value("segment", "")},
                          {"destination", wanted.value("destination", "")},
                          {"options", ArgumentText(options, Type::kJson)}}});
        calls.push_back(
            {"pulse_pause_audience",
             {{"name", name},
              {"reason", std::string("It came from another database. Resume it here to send.")}}});
        return;
    }
    if (wanted["destination"] != (*current)["destination"])
        throw UserError(sqlstate::kNotSupported, "audience \"" + name + "\" cannot get another destination",
                        "It is on " + current->value("destination", "") + ".",
                        "Delete it with pulse_delete_audience() first.");
    options["segment"] = wanted["segment"];
    calls.push_back(
        {"pulse_update_audience", {{"name", name}, {"options", ArgumentText(options, Type::kJson)}}});
}

#define PULSE_SPAN(column)                                                                  \
    "CASE WHEN extract(epoch FROM " column ") % 86400 = 0 THEN (extract(epoch FROM " column \
    ") / 86400)::bigint || ' days' ELSE (extract(epoch FROM " column ") / 60)::bigint || ' minutes' END"
[[maybe_unused]] const bool audience_definitions_registered =
    RegisterDefinitionKind(
        {.name = "audience",
         .order = 110,
         .tables = {"audience"},
         .read =
             "SELECT a.name, jsonb_build_object('segment', s.name, 'destination', a.destination,"
             " 'purposes', to_jsonb(a.purposes), 'identifiers', to_jsonb(a.identifiers), 'interval',"
             " CASE WHEN a.on_change THEN 'change' WHEN a.sync_every IS NULL THEN 'manual' ELSE " PULSE_SPAN(
                 "a.sync_every") " END, 'full_every', " PULSE_SPAN("a.full_every") ", 'max_share', a.max_share, 'key', a.key_kind, 'platform_name',"
                                                                                   " nullif(a.platform_name, a.name), 'description', a.description), false, false"
                                                                                   " FROM pulse.audience AS a JOIN pulse.segment AS s ON s.id = a.segment_id"
                                                                                   " WHERE a.status <> 'deleting'",
         .fields = {{.key = "segment", .required = true, .apart = true},
                    {.key = "destination", .required = true, .apart = true},
                    {.key = "purposes", .type = Type::kTexts, .apart = true},
                    {.key = "identifiers", .type = Type::kTexts, .apart = true},
                    {.key = "interval", .apart = true},
                    {.key = "full_every", .apart = true},
                    {.key = "max_share", .type = Type::kNumber, .apart = true},
                    {.key = "key", .apart = true},
                    {.key = "platform_name", .apart = true},
                    {.key = "description", .apart = true}},
         .create = "pulse_create_audience",
         .update = "pulse_update_audience",
         .remove = "pulse_delete_audience",
         .uses = AddAudienceUses,
         .adapt = WriteAudience}) &&
    RegisterWithoutDefinitions(
        "Who is on which platform, and work that waits.",
        {"audience_member", "audience_cell", "audience_removal", "audience_mark", "audience_scan",
         "audience_home", "sync_run", "sync_batch", "destination_state"});
#undef PULSE_SPAN

}  // namespace

}  // namespace pulse::audience
