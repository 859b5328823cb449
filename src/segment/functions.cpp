// SQL functions for segments.
#include "pulse/pg/entry.hpp"
#include "pulse/segment/store.hpp"

namespace pg = pulse::pg;
namespace segment = pulse::segment;

PULSE_WRITING_FUNCTION(pulse_create_segment) {
    const pg::Args args(fcinfo);
    segment::SegmentInput input;
    input.name = args.RequireText(0, "name");
    input.definition = args.RequireJsonb(1, "definition");
    input.owner = args.Text(2);
    input.description = args.Text(3);
    input.baseline = args.Jsonb(4);
    input.tags = args.Texts(5);
    input.draft = args.Bool(6).value_or(false);
    return Int64GetDatum(segment::Create(input));
}

PULSE_WRITING_FUNCTION(pulse_update_segment) {
    const pg::Args args(fcinfo);
    segment::SegmentInput input;
    input.definition = args.Jsonb(1);
    input.owner = args.Text(2);
    input.description = args.Text(3);
    input.baseline = args.Jsonb(4);
    input.tags = args.Texts(5);
    input.name = args.Text(6);
    return Int32GetDatum(segment::Update(args.RequireText(0, "name"), input));
}

PULSE_WRITING_FUNCTION(pulse_pause_segment) {
    segment::SetStatus(pg::Args(fcinfo).RequireText(0, "name"), segment::Status::kPaused);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_resume_segment) {
    segment::SetStatus(pg::Args(fcinfo).RequireText(0, "name"), segment::Status::kActive);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_publish_segment) {
    segment::Publish(pg::Args(fcinfo).RequireText(0, "name"));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_archive_segment) {
    segment::SetStatus(pg::Args(fcinfo).RequireText(0, "name"), segment::Status::kArchived);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_delete_segment) {
    const pg::Args args(fcinfo);
    segment::Delete(args.RequireText(0, "name"), args.Bool(1).value_or(false));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_set_monitoring) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    segment::SetMonitoring(name, args.RequireBool(1, "enabled"));
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_preview_segment) {
    const pg::Args args(fcinfo);
    const segment::Request request = segment::ParseRequest(args.RequireJsonb(0, "definition"));
    const std::vector<segment::PreviewRow> rows = segment::Preview(request, args.Int4(1).value_or(10));
    pg::ResultSet results(fcinfo);
    for (const segment::PreviewRow& row : rows)
        results.Add({pg::Value::Text(row.part), pg::Value::Text(row.item), pg::Value::Text(row.value),
                     pg::Value::Int8(row.members), pg::Value::Text(row.share)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_preview_segment_change) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const segment::Request request = segment::ParseRequest(args.RequireJsonb(1, "definition"));
    const std::vector<segment::ChangeRow> rows =
        segment::PreviewChange(name, request, args.Int4(2).value_or(10));
    pg::ResultSet results(fcinfo);
    for (const segment::ChangeRow& row : rows)
        results.Add(
            {pg::Value::Text(row.change), pg::Value::Int8(row.members), pg::Value::Texts(row.sample)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_explain_segment) {
    const std::vector<segment::ExplainRow> rows = segment::Explain(pg::Args(fcinfo).RequireText(0, "name"));
    pg::ResultSet results(fcinfo);
    for (const segment::ExplainRow& row : rows)
        results.Add({pg::Value::Text(row.item), pg::Value::Text(row.value)});
    return pg::ResultSet::Done();
}
