// Routes as definitions that go from one database to another. Channels and subscriptions stay: they name
// places, and their secrets are in user mappings.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"

namespace pulse::delivery {

namespace {

using Type = DefinitionField::Type;

void AddRouteUses(const std::string&, const nlohmann::json& route, std::vector<DefinitionUse>& uses) {
    for (const auto& [key, kind] : {std::pair("channels", "channel"), std::pair("escalate_to", "channel"),
                                    std::pair("segments", "segment")}) {
        const auto names = route.find(key);
        if (names == route.end()) continue;
        for (const nlohmann::json& name : *names) uses.push_back({kind, name.get<std::string>()});
    }
}

// pulse_create_route() has no argument for it.
void SwitchRoute(const std::string& name, const nlohmann::json* current, bool, const nlohmann::json& wanted,
                 DefinitionCalls& calls) {
    const bool before = current == nullptr || current->value("enabled", true);
    const bool after = wanted.value("enabled", true);
    if (before != after)
        calls.push_back(
            {"pulse_update_route", {{"name", name}, {"enabled", std::string(after ? "true" : "false")}}});
}

#define PULSE_TIME(column) "to_char(" column ", 'HH24:MI')"
[[maybe_unused]] const bool routes_registered =
    RegisterDefinitionKind(
        {.name = "route",
         .order = 100,
         .tables = {"route"},
         .read =
             "SELECT name, jsonb_build_object('channels', to_jsonb(channels), 'min_severity',"
             " min_severity, 'segments', to_jsonb(segments), 'tables', to_jsonb(tables), 'owners',"
             " to_jsonb(owners), 'tags', to_jsonb(tags), 'detectors', to_jsonb(detectors), 'events',"
             " to_jsonb(events), 'quiet_hours', " PULSE_TIME("quiet_from") " || '-' || " PULSE_TIME(
                 "quiet_until") ", 'time_zone', time_zone, 'cool_down', cool_down, 'digest', digest,"
                                " 'digest_at', " PULSE_TIME(
                                    "digest_at") ", 'group_wait', group_wait, 'escalate_after',"
                                                 " escalate_after, 'escalate_to', to_jsonb(escalate_to), 'report', report, 'report_day',"
                                                 " report_day, 'report_at', " PULSE_TIME(
                                                     "report_at") ", 'enabled', enabled), false, false"
                                                                  " FROM pulse.route",
         .fields = {{.key = "channels", .type = Type::kTexts, .required = true},
                    {.key = "min_severity", .absent = "\"low\""},
                    {.key = "segments", .type = Type::kTexts, .absent = "[]"},
                    {.key = "tables", .type = Type::kTexts, .absent = "[]"},
                    {.key = "owners", .type = Type::kTexts, .absent = "[]"},
                    {.key = "tags", .type = Type::kTexts, .absent = "[]"},
                    {.key = "detectors", .type = Type::kTexts, .absent = "[]"},
                    {.key = "events", .type = Type::kTexts},
                    {.key = "quiet_hours", .absent = "\"\""},
                    {.key = "time_zone"},
                    {.key = "cool_down", .absent = "\"\"", .cleared = "0"},
                    {.key = "digest", .absent = "\"\""},
                    {.key = "digest_at", .absent = "\"09:00\""},
                    {.key = "group_wait", .absent = "\"00:00:03\""},
                    {.key = "escalate_after", .absent = "\"\"", .cleared = "0"},
                    {.key = "escalate_to", .type = Type::kTexts, .absent = "[]"},
                    {.key = "report", .absent = "\"\""},
                    {.key = "report_day", .absent = "\"monday\""},
                    {.key = "report_at", .absent = "\"08:00\""},
                    {.key = "enabled", .type = Type::kBoolean, .absent = "true", .apart = true}},
         .create = "pulse_create_route",
         .update = "pulse_update_route",
         .remove = "pulse_delete_route",
         .uses = AddRouteUses,
         .adapt = SwitchRoute}) &&
    RegisterWithoutDefinitions("It names an address of this place, which has a secret.", {"subscription"}) &&
    RegisterWithoutDefinitions("Messages, and the state of channels.",
                               {"notice", "outbox", "told", "channel_state", "cool_down"});
#undef PULSE_TIME

}  // namespace

}  // namespace pulse::delivery
