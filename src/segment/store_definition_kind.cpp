// Segments as definitions that go from one database to another.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"
#include "pulse/base/error.hpp"
#include "pulse/rule/referenced_definitions.hpp"
#include "pulse/segment/member_query.hpp"

namespace pulse::segment {

namespace {

using Type = DefinitionField::Type;

void AddSegmentUses(const std::string&, const Json& definition, std::vector<DefinitionUse>& uses) {
    try {
        const Request request = ParseRequest(definition.value("definition", Json::object()));
        for (const std::string& source : SourcesOf(request)) uses.push_back({"source", source});
        if (request.kind != SegmentKind::kProfile) return;
        if (!request.static_segment) rule::AddUses(*ReadRule(request), uses);
        if (request.converted) rule::AddUses(*request.converted, uses);
    } catch (const UserError&) {
        return;  // writing it will tell
    }
}

// One over people reads none.
bool ReadsTables(const Json& definition) {
    const auto found = definition.find("definition");
    return found != definition.end() && found->is_object() &&
           (found->contains("from") || found->contains("query"));
}

// Whether it is measured; from an archived segment or a draft it becomes one that is.
void SetSegmentStatus(const std::string& name, const Json* current, bool, const Json& wanted,
                      DefinitionCalls& calls) {
    const std::string before = current == nullptr ? "active" : current->value("status", "active");
    const std::string after = wanted.value("status", "active");
    if (after != "active" && after != "paused")
        ThrowInvalid("the status of segment \"" + name + "\" is not valid", "It is \"" + after + "\".",
                     "Give active or paused.");
    if (before == after) return;
    if (before == "draft") calls.push_back({"pulse_publish_segment", {{"name", name}}});
    if (before == "archived" || (before == "paused" && after == "active"))
        calls.push_back({"pulse_resume_segment", {{"name", name}}});
    if (after == "paused") calls.push_back({"pulse_pause_segment", {{"name", name}}});
}

// Its history stays.
DefinitionCalls ArchiveSegment(const std::string& name, const Json&) {
    return {{"pulse_archive_segment", {{"name", name}}}};
}

// Those that a funnel or the lifecycle made come with these. The list of a static segment is people, and
// stays here.
[[maybe_unused]] const bool segments_registered = RegisterDefinitionKind(
    {.name = "segment",
     .order = 60,
     .tables = {"segment", "segment_version"},
     .read = "SELECT s.name, jsonb_build_object('definition', CASE WHEN s.definition ? 'static' THEN"
             " s.definition || '{\"static\": true}' ELSE s.definition END, 'owner', s.owner, 'description',"
             " s.description, 'baseline', s.baseline, 'tags', to_jsonb(s.tags), 'status', s.status), false,"
             " s.status IN ('archived', 'draft') FROM pulse.segment AS s"
             " WHERE NOT EXISTS (SELECT FROM pulse.funnel_monitor AS f WHERE f.segment_id = s.id)"
             " AND NOT EXISTS (SELECT FROM pulse.lifecycle_version AS l WHERE s.id = ANY (l.segments))",
     .fields = {{.key = "definition", .type = Type::kJson, .required = true},
                {.key = "owner", .absent = "\"\""},
                {.key = "description", .absent = "\"\""},
                {.key = "baseline", .type = Type::kJson, .absent = "{}"},
                {.key = "tags", .type = Type::kTexts, .absent = "[]"},
                {.key = "status", .absent = "\"active\"", .apart = true}},
     .create = "pulse_create_segment",
     .update = "pulse_update_segment",
     .reads_tables = ReadsTables,
     .uses = AddSegmentUses,
     .adapt = SetSegmentStatus,
     .remove_calls = ArchiveSegment});

}  // namespace

}  // namespace pulse::segment
