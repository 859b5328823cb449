// What this room has as definitions that go from one database to another: funnels, and the settings of RFM,
// the lifecycle and event quality.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/time.hpp"
#include "pulse/insight/lifecycle.hpp"
#include "pulse/rule/referenced_definitions.hpp"

namespace pulse::insight {

namespace {

using Type = DefinitionField::Type;
using Json = nlohmann::json;

size_t StepsOf(const Json& funnel) {
    const auto found = funnel.find("definition");
    if (found == funnel.end() || !found->is_object()) return 0;
    const auto steps = found->find("steps");
    return steps == found->end() ? 0 : steps->size();
}

// The time within may be written in another way.
Json MonitorOf(const Json* funnel) {
    Json monitor = funnel == nullptr ? Json() : funnel->value("monitor", Json());
    if (!monitor.is_object()) return Json();
    if (const auto found = monitor.find("within"); found != monitor.end() && found->is_string())
        if (const auto within = ParseDuration(found->get<std::string>()))
            *found = std::to_string(*within / kSecond) + " s";
    return monitor;
}

// A monitor has a segment for each step: other attributes or another number of steps are another monitor.
void SetFunnelMonitor(const std::string& name, const Json* current, bool, const Json& wanted,
                      DefinitionCalls& calls) {
    const Json before = MonitorOf(current), after = MonitorOf(&wanted);
    if (before == after && (before.is_null() || StepsOf(*current) == StepsOf(wanted))) return;
    if (!before.is_null()) calls.insert(calls.begin(), {"pulse_unmonitor_funnel", {{"name", name}}});
    if (after.is_null()) return;
    DefinitionCall call{"pulse_monitor_funnel", {{"name", name}}};
    if (const auto found = after.find("attributes"); found != after.end())
        call.arguments.push_back({"attributes", ArgumentText(*found, Type::kTexts)});
    if (const auto found = after.find("within"); found != after.end())
        call.arguments.push_back({"within", ArgumentText(*found, Type::kText)});
    calls.push_back(std::move(call));
}

DefinitionCalls RemoveFunnel(const std::string& name, const Json& current) {
    DefinitionCalls calls;
    if (!MonitorOf(&current).is_null()) calls.push_back({"pulse_unmonitor_funnel", {{"name", name}}});
    calls.push_back({"pulse_delete_funnel", {{"name", name}}});
    return calls;
}

void AddLifecycleSegments(const std::string&, const Json&, std::vector<DefinitionUse>& made) {
    for (size_t stage = 0; stage < kStages; ++stage) made.push_back({"segment", StageSegment(stage)});
}

void AddLifecycleUses(const std::string&, const Json& settings, std::vector<DefinitionUse>& uses) {
    rule::AddUses(settings.value("known", ""), uses);
}

DefinitionCalls SwitchOffRfm(const std::string&, const Json&) {
    return {{"pulse_disable_rfm", {}}};
}

DefinitionCalls SwitchOffLifecycle(const std::string&, const Json&) {
    return {{"pulse_disable_lifecycle", {}}};
}

// The attributes and the time within are in the query of each step's segment; see StepDefinition().
[[maybe_unused]] const bool funnels_registered = RegisterDefinitionKind(
    {.name = "funnel",
     .order = 70,
     .tables = {"funnel", "funnel_version", "funnel_monitor"},
     .read =
         "SELECT f.name, jsonb_build_object('definition', f.definition, 'description', f.description,"
         " 'monitor', (SELECT jsonb_build_object('attributes', coalesce((SELECT jsonb_agg(a.value -> 'name'"
         " ORDER BY a.place) FROM jsonb_array_elements(s.definition -> 'attributes') WITH ORDINALITY AS a"
         " (value, place) WHERE a.place % 2 = 1), '[]'), 'within', substring(s.definition ->> 'query' FROM"
         " '''([0-9]+ s)''[)] AS c$')) FROM pulse.funnel_monitor AS m JOIN pulse.segment AS s ON s.id ="
         " m.segment_id WHERE m.funnel_id = f.id ORDER BY m.step LIMIT 1)), false, false"
         " FROM pulse.funnel AS f",
     .fields = {{.key = "definition", .type = Type::kJson, .required = true},
                {.key = "description", .absent = "\"\""},
                {.key = "monitor", .type = Type::kJson, .absent = "null", .apart = true}},
     .create = "pulse_create_funnel",
     .update = "pulse_update_funnel",
     .adapt = SetFunnelMonitor,
     .remove_calls = RemoveFunnel});

[[maybe_unused]] const bool settings_registered =
    RegisterDefinitionKind(
        {.name = "rfm",
         .order = 40,
         .tables = {"rfm_version"},
         .read = "SELECT 'rfm', jsonb_build_object('event', event, 'property', property, 'window_days',"
                 " window_days, 'groups', groups, 'cuts', CASE WHEN cuts = 'quintiles' THEN '\"quintiles\"'"
                 " ELSE jsonb_build_object('recency', to_jsonb(recency), 'frequency', to_jsonb(frequency),"
                 " 'monetary', to_jsonb(monetary)) END), false, false FROM (SELECT * FROM pulse.rfm_version"
                 " ORDER BY version DESC LIMIT 1) AS v WHERE v.enabled",
         .fields = {{.key = "event"},
                    {.key = "property"},
                    {.key = "window_days", .type = Type::kNumber},
                    {.key = "groups"},
                    {.key = "cuts", .type = Type::kJson}},
         .name_argument = "",
         .create = "pulse_enable_rfm",
         .update = "pulse_enable_rfm",
         .remove_calls = SwitchOffRfm}) &&
    RegisterDefinitionKind(
        {.name = "lifecycle",
         .order = 45,
         .tables = {"lifecycle_version"},
         .read = "SELECT 'lifecycle', jsonb_build_object('purchase_events', to_jsonb(purchase_events),"
                 " 'inactive_days', inactive_days, 'known', known), false, false FROM (SELECT * FROM"
                 " pulse.lifecycle_version ORDER BY version DESC LIMIT 1) AS v WHERE v.enabled",
         .fields = {{.key = "purchase_events", .type = Type::kTexts},
                    {.key = "inactive_days", .type = Type::kNumber},
                    {.key = "known"}},
         .name_argument = "",
         .create = "pulse_enable_lifecycle",
         .update = "pulse_enable_lifecycle",
         .uses = AddLifecycleUses,
         .makes = AddLifecycleSegments,
         .remove_calls = SwitchOffLifecycle}) &&
    RegisterDefinitionKind(
        {.name = "event_quality",
         .order = 48,
         .tables = {"event_quality_setting"},
         .read = "SELECT 'event_quality', jsonb_build_object('settings', settings), true, false FROM"
                 " pulse.event_quality_setting ORDER BY valid_from DESC LIMIT 1",
         .fields = {{.key = "settings", .type = Type::kJson, .required = true}},
         .name_argument = "",
         .create = "pulse_set_event_quality",
         .update = "pulse_set_event_quality"}) &&
    RegisterWithoutDefinitions("Until when events were checked.", {"event_check"});

}  // namespace

}  // namespace pulse::insight
