// Monitored tables as definitions that go from one database to another.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"

namespace pulse::health {

namespace {

using Type = DefinitionField::Type;

std::string SourceOfMonitor(const nlohmann::json& monitor) {
    return monitor.value("source", "");
}

// The name is the relation, with "@source" if it is read there.
std::string RelationOfMonitor(const std::string& name, const nlohmann::json& monitor) {
    const std::string source = SourceOfMonitor(monitor);
    const std::string ending = "@" + source;
    return !source.empty() && name.ends_with(ending) ? name.substr(0, name.size() - ending.size()) : name;
}

bool MonitorReadsTables(const nlohmann::json&) {
    return true;
}

void AddMonitorUses(const std::string&, const nlohmann::json& monitor, std::vector<DefinitionUse>& uses) {
    if (const std::string source = SourceOfMonitor(monitor); !source.empty())
        uses.push_back({"source", source});
}

void NameTable(const std::string& name, const nlohmann::json*, bool, const nlohmann::json& wanted,
               DefinitionCalls& calls) {
    for (DefinitionCall& call : calls) {
        for (DefinitionCall::Argument& argument : call.arguments)
            if (argument.name == "relation") argument.value = RelationOfMonitor(name, wanted);
        if (const std::string source = SourceOfMonitor(wanted); !source.empty())
            call.arguments.insert(call.arguments.begin() + 1, {"source", source});
    }
}

DefinitionCalls EndMonitor(const std::string& name, const nlohmann::json& current) {
    DefinitionCall call{"pulse_unmonitor_table", {{"relation", RelationOfMonitor(name, current)}}};
    if (const std::string source = SourceOfMonitor(current); !source.empty())
        call.arguments.push_back({"source", source});
    return {call};
}

[[maybe_unused]] const bool monitors_registered =
    RegisterDefinitionKind(
        {.name = "monitor",
         .order = 90,
         .tables = {"monitor", "monitor_check"},
         .read = "SELECT m.relation || coalesce('@' || m.source, ''), jsonb_build_object('source', m.source,"
                 " 'every', m.every, 'owner', m.owner, 'tags', to_jsonb(m.tags), 'checks', coalesce((SELECT"
                 " jsonb_agg(c.settings ORDER BY c.kind COLLATE \"C\", c.attribute COLLATE \"C\") FROM"
                 " pulse.monitor_check AS c WHERE c.monitor_id = m.id), '[]')), false, false"
                 " FROM pulse.monitor AS m WHERE m.status = 'active'",
         .fields = {{.key = "source", .apart = true},
                    {.key = "checks", .type = Type::kJson, .required = true},
                    {.key = "every", .absent = "\"00:05:00\"", .always = true},
                    {.key = "owner", .absent = "\"\"", .always = true},
                    {.key = "tags", .type = Type::kTexts, .absent = "[]", .always = true}},
         .name_argument = "relation",
         .create = "pulse_monitor_table",
         .update = "pulse_monitor_table",
         .reads_tables = MonitorReadsTables,
         .uses = AddMonitorUses,
         .adapt = NameTable,
         .remove_calls = EndMonitor}) &&
    RegisterWithoutDefinitions("Figures and states.", {"check_result", "mute"});

}  // namespace

}  // namespace pulse::health
