// The SQL-callable functions of audiences and syncs.
#include <nlohmann/json.hpp>

#include "pulse/audience/store_audience.hpp"
#include "pulse/audience/store_mark.hpp"
#include "pulse/audience/store_preview.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/audience/store_worker.hpp"
#include "pulse/audit/store.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"

namespace pg = pulse::pg;
namespace audience = pulse::audience;
using pg::Value;

PULSE_WRITING_FUNCTION(pulse_create_audience) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name"), segment = args.RequireText(1, "segment"),
                      destination = args.RequireText(2, "destination");
    const audience::AudienceOptions options =
        audience::ReadAudienceOptions(args.Jsonb(3).value_or(pg::Json::object()), true);
    return Int64GetDatum(audience::CreateAudience(name, segment, destination, options));
}

PULSE_WRITING_FUNCTION(pulse_update_audience) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    audience::UpdateAudience(name, audience::ReadAudienceOptions(args.RequireJsonb(1, "options"), false));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_delete_audience) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const std::string result = audience::DeleteAudience(name, args.Bool(1).value_or(true));
    return pg::FromText(result);
}

PULSE_WRITING_FUNCTION(pulse_pause_audience) {
    const pg::Args args(fcinfo);
    audience::PauseAudience(args.RequireText(0, "name"), args.Text(1));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_resume_audience) {
    audience::ResumeAudience(pg::Args(fcinfo).RequireText(0, "name"));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_sync_audience) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name"), operation = args.RequireText(1, "operation");
    const pg::OwnerSession session;
    return Int64GetDatum(audience::RequestSync(name, operation, "manual"));
}

PULSE_WRITING_FUNCTION(pulse_cancel_sync) {
    const int64_t run = pg::Args(fcinfo).RequireInt8(0, "run");
    const pg::OwnerSession session;
    audience::CancelSync(run);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_retry_sync) {
    const int64_t run = pg::Args(fcinfo).RequireInt8(0, "run");
    const pg::OwnerSession session;
    audience::RetrySync(run);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_run_syncs) {
    const pg::OwnerSession session;
    return Int64GetDatum(audience::RunSyncsHere());
}

PULSE_FUNCTION(pulse_preview_audience) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const int64_t sample = args.RequireInt8(1, "sample");
    const std::optional<int64_t> among = args.Int8(2);
    pg::ResultSet results(fcinfo);
    for (const audience::PreviewLine& line : audience::PreviewAudience(name, sample, among))
        results.Add({Value::Text(line.part), Value::Text(line.item), Value::Int8(line.people),
                     Value::Text(line.value)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_read_audience_file) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    const int64_t people =
        audience::ReadAudienceFile(name, [&](const std::string& line) { results.Add({Value::Text(line)}); });
    if (!pg::ReadOnly()) pulse::audit::Write("audience.file_read", name, {{"people", people}});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_announce_audience) {
    pg::Watch::Announce("audience");
    return static_cast<Datum>(0);
}

PULSE_FUNCTION(pulse_mark_sent_people) {
    const pg::Args args(fcinfo);
    const std::vector<int64_t> people =
        args.IsNull(0) ? std::vector<int64_t>() : pg::ToInt64Array(args.Raw(0));
    const pg::OwnerSession session;
    audience::MarkSentPeople(people);
    PG_RETURN_VOID();
}
