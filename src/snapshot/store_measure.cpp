// Before and after a visit to a segment's source.
#include <cmath>

#include "pulse/pg/settings.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

namespace {

using segment::AttributeKind;

void WarnOfKeys(const segment::Segment& segment, const Survey& survey) {
    const std::string of = " of segment \"" + segment.name + "\"";
    const int64_t size = *survey.record.size;
    constexpr const char* kHint = "Name a column that identifies members as the \"key\" of the definition.";
    if (survey.null_keys > 0)
        pg::Warning("the key is null in " + std::to_string(survey.null_keys) + " of " + std::to_string(size) +
                        " members" + of,
                    "They count in its size and distributions, but not as entered or exited.", kHint);
    const Sketch& sketch = *survey.record.sketch;
    const double keys = static_cast<double>(size - survey.null_keys), distinct = sketch.Cardinality();
    // Beyond the sketch's capacity only what is far outside its error is certain.
    if (keys > distinct * (1 + 6 * sketch.RelativeError()) + 0.5)
        pg::Warning("the key repeats in the members" + of,
                    (sketch.exact() ? "" : "About ") + std::to_string(std::llround(distinct)) +
                        " different keys stand in " + std::to_string(std::llround(keys)) +
                        " rows; each row counts in its size.",
                    kHint);
}

void AddFlow(Record& record, const std::optional<Previous>& previous) {
    if (!previous || !previous->sketch || !record.sketch || !record.size) return;
    const Flow flow = FlowBetween(*previous->sketch, previous->size, *record.sketch, *record.size);
    record.entered = flow.entered;
    record.exited = flow.exited;
    record.flow_error = flow.standard_error;
}

}  // namespace

Order Prepare(const segment::Segment& segment, Moment moment) {
    Order order;
    order.segment_id = segment.id;
    order.version = segment.version;
    order.request = segment::RequestAt(segment::ParseRequest(segment.definition), moment);
    order.moment = moment;
    order.now_sql = segment::MomentLiteral(moment);
    order.inactive_after = pg::settings::inactive_after * kMinute;
    order.sketch_size = static_cast<uint32_t>(pg::settings::sketch_size);
    order.max_values = static_cast<size_t>(pg::settings::max_values);
    order.previous = FindPrevious(segment.id, moment);
    if (!order.request.attributes) return order;
    for (const segment::AttributeRequest& attribute : *order.request.attributes) {
        pg::CheckInterrupts();
        // Kinds are settled when a definition is made.
        const AttributeKind kind = attribute.kind.value_or(AttributeKind::kCategorical);
        if (kind != AttributeKind::kNumeric && kind != AttributeKind::kTimestamp) continue;
        if (auto edges = FindEdges(segment.id, moment, attribute.name, kind))
            order.edges.emplace(attribute.name, *std::move(edges));
    }
    return order;
}

Record Keep(const segment::Segment& segment, const Order& order, Survey survey) {
    if (!Hold(segment.id))
        throw UserError(sqlstate::kUndefinedObject,
                        "segment \"" + segment.name + "\" was deleted while it was measured");
    WarnOfKeys(segment, survey);
    AddFlow(survey.record, order.previous);
    survey.record.id = Write(survey.record);
    return std::move(survey.record);
}

}  // namespace pulse::snapshot
