// Before and after a visit to a segment's source.
#include <cmath>

#include "pulse/pg/settings.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

namespace {

using segment::AttributeKind;

void WarnOfKeys(const segment::Segment& segment, const MeasureResult& measured) {
    const std::string of = " of segment \"" + segment.name + "\"";
    const int64_t size = *measured.record.size;
    constexpr const char* kHint = "Name a column that identifies members as the \"key\" of the definition.";
    if (measured.null_keys > 0)
        pg::Warning("the key is null in " + std::to_string(measured.null_keys) + " of " +
                        std::to_string(size) + " members" + of,
                    "They count in its size and distributions, but not as entered or exited.", kHint);
    const Sketch& sketch = *measured.record.sketch;
    const double keys = static_cast<double>(size - measured.null_keys), distinct = sketch.Cardinality();
    // Keys on several servers are in a column of their own.
    const double shared = measured.record.overlap.value_or(0) + 6 * measured.record.overlap_error.value_or(0);
    // Beyond the sketch's capacity, only a difference far above its error is certain.
    if (keys > distinct * (1 + 6 * sketch.RelativeError()) + shared + 0.5)
        pg::Warning("the key repeats in the members" + of,
                    (sketch.exact() ? "" : "About ") + std::to_string(std::llround(distinct)) +
                        " different keys stand in " + std::to_string(std::llround(keys)) +
                        " rows; each row counts in its size.",
                    kHint);
}

void WarnOfMissing(const segment::Segment& segment, const Record& record) {
    if (record.missing.empty() || record.incomplete) return;
    pg::Warning("the snapshot of segment \"" + segment.name + "\" is partial",
                "Not measured: " + record.error + ".",
                "Its size and everything else is measured. Give the definition the columns of today with "
                "pulse_update_segment().");
}

void WarnOfServers(const segment::Segment& segment, const Record& record) {
    if (!record.incomplete) return;
    const std::string share =
        record.coverage
            ? "About " + std::to_string(std::lround(100 * *record.coverage)) + " % of its members are in it."
            : "Which share of its members is in it is unknown.";
    pg::Warning("the snapshot of segment \"" + segment.name + "\" is incomplete",
                "Not measured: " + record.error + ".", share + " It is not checked for drift.");
}

void AddFlow(Record& record, const std::optional<PreviousSnapshot>& previous) {
    // What an incomplete snapshot lacks has not left.
    if (record.incomplete || !previous || !previous->sketch || !record.sketch || !record.size) return;
    const Flow flow = FlowBetween(*previous->sketch, previous->size, *record.sketch, *record.size);
    record.entered = flow.entered;
    record.exited = flow.exited;
    record.flow_error = flow.standard_error;
}

}  // namespace

MeasureSpec PrepareMeasurement(const segment::Segment& segment, Moment moment) {
    MeasureSpec spec;
    spec.segment_id = segment.id;
    spec.version = segment.version;
    spec.request = segment::PrepareRequest(segment::ParseRequest(segment.definition), moment);
    spec.several = !spec.request.sources.empty();
    spec.moment = moment;
    spec.now_sql = segment::MomentLiteral(moment);
    spec.inactive_after = pg::settings::inactive_after * kMinute;
    spec.sketch_size = static_cast<uint32_t>(pg::settings::sketch_size);
    spec.max_values = static_cast<size_t>(pg::settings::max_values);
    spec.previous = FindPrevious(segment.id, moment);
    if (!spec.request.attributes) return spec;
    for (const segment::AttributeRequest& attribute : *spec.request.attributes) {
        pg::CheckInterrupts();
        // The kinds are set when the segment is defined.
        const AttributeKind kind = attribute.kind.value_or(AttributeKind::kCategorical);
        if (kind != AttributeKind::kNumeric && kind != AttributeKind::kTimestamp) continue;
        if (auto edges = FindEdges(segment.id, moment, attribute.name, kind))
            spec.edges.emplace(attribute.name, *std::move(edges));
    }
    return spec;
}

Record StoreMeasured(const segment::Segment& segment, const MeasureSpec& spec, MeasureResult measured) {
    if (!LockSegmentRow(segment.id))
        throw UserError(sqlstate::kUndefinedObject,
                        "segment \"" + segment.name + "\" was deleted while it was measured");
    WarnOfKeys(segment, measured);
    WarnOfMissing(segment, measured.record);
    WarnOfServers(segment, measured.record);
    AddFlow(measured.record, spec.previous);
    measured.record.id = Write(measured.record);
    return std::move(measured.record);
}

}  // namespace pulse::snapshot
