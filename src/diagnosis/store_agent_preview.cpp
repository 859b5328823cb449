#include "pulse/diagnosis/store_agent_preview.hpp"

#include "pulse/diagnosis/agent_tools.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/store.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

// Noise from -5 to 5: the same for the same rule, and not predictable for the model.
int64_t Noise(const VisibleSegment& segment, const std::string& rule) {
    const pg::Result rows = pg::Execute(
        "SELECT pg_catalog.hashtextextended($1, system_identifier) FROM pg_catalog.pg_control_system()",
        {Value::Text(std::to_string(segment.id) + " " + rule)});
    return static_cast<int64_t>(static_cast<uint64_t>(rows[0].Int8(0)) % 11) - 5;
}

}  // namespace

Preview PreparePreview(const AgentScope& scope, const std::string& name_of_segment,
                       const std::string& where) {
    Preview preview{FindSegment(scope, name_of_segment), {}, 0};
    preview.request = segment::ParseRequest(preview.segment.definition);
    const std::string name = Short(preview.segment.name);
    if (preview.request.kind == segment::SegmentKind::kProfile)
        throw UserError(sqlstate::kNotSupported,
                        "\"" + name + "\" is a segment over people; previews do not support these");
    if (preview.request.kind != segment::SegmentKind::kRelation)
        throw UserError(sqlstate::kNotSupported,
                        "the definition of \"" + name + "\" is a query without a rule");
    if (!preview.request.source.empty())
        throw UserError(sqlstate::kNotSupported,
                        "\"" + name + "\" is read from another server; previews do not support these");
    const std::string rule = CheckPreview(preview.request, where);
    preview.noise = Noise(preview.segment, rule);
    preview.request.where = rule;
    preview.request.rules.reset();
    return preview;
}

Json PreviewCount(const AgentScope& scope, const Preview& preview, const Redactor& redactor) {
    const source::Access place{"", scope.role, preview.segment.search_path};
    const segment::ResolvedDefinition resolved =
        segment::ResolveDefinition(preview.request, place, preview.segment.name, nullptr);
    int64_t people = 0;
    segment::ReadAndRecord(place, "preview", preview.segment.name, [&](source::Reader& reader) {
        const source::Rows rows = reader.Query("SELECT pg_catalog.count(*) FROM " + resolved.query.from +
                                               " WHERE " + resolved.query.Where());
        people = std::stoll(rows.values.at(0).at(0).value_or("0"));
    });
    return {{"segment", preview.segment.name},
            {"where", preview.request.where.value_or("")},
            {"people", redactor.share() ? Json(people) : redactor.Count(BlurCount(people, preview.noise))}};
}

}  // namespace pulse::diagnosis
