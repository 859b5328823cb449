// The SQL-callable functions of this room.
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

namespace {

// Says why no snapshot was taken.
void ReportNothingDue() {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT s.name, t.taken_at + s.cadence FROM pulse.segment AS s LEFT JOIN LATERAL (SELECT"
        " max(p.taken_at) AS taken_at FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND p.status <> 'failed'"
        " AND p.taken_at <= $1) AS t ON true WHERE s.status = 'active'"
        " AND s.baseline -> 'monitoringEnabled' IS DISTINCT FROM 'false'"
        " ORDER BY t.taken_at + s.cadence NULLS LAST, s.name LIMIT 1",
        {pg::Value::Time(pg::PastNow())});
    if (rows.empty())
        pg::Notice("no segment is active and monitored", "Create one with pulse_create_segment().");
    else
        pg::Notice(
            "no segment is due" + (rows[0].IsNull(1) ? "" : " before " + FormatMoment(rows[0].Time(1))),
            "SELECT pulse_take_snapshot(" + pg::QuoteLiteral(rows[0].Text(0)) +
                "); measures one segment now; its cadence is in pulse.segment.");
}

void RequireMeasured(int64_t id) {
    const Record record = Load(id);
    if (record.whole()) return;
    if (record.incomplete)
        throw UserError(sqlstate::kUndefinedObject, "snapshot " + std::to_string(id) + " is incomplete",
                        "Some servers are missing: " + record.error + ".",
                        "Compare snapshots whose status is ok in pulse.snapshot.");
    throw UserError(sqlstate::kUndefinedObject, "snapshot " + std::to_string(id) + " has failed",
                    "It has no measurements.", "Compare snapshots whose status is ok in pulse.snapshot.");
}

}  // namespace

}  // namespace pulse::snapshot

namespace pg = pulse::pg;
namespace snapshot = pulse::snapshot;

PULSE_WRITING_FUNCTION(pulse_take_snapshot) {
    return Int64GetDatum(snapshot::Take(pg::Args(fcinfo).RequireText(0, "segment")));
}

PULSE_WRITING_FUNCTION(pulse_take_snapshots) {
    const std::vector<snapshot::TakeResult> outcomes = snapshot::TakeDue();
    if (outcomes.empty()) snapshot::ReportNothingDue();
    pg::ResultSet results(fcinfo);
    for (const snapshot::TakeResult& outcome : outcomes)
        results.Add({pg::Value::Text(outcome.segment), pg::Value::Int8(outcome.snapshot),
                     pg::Value::Text(outcome.status), pg::Value::Int8(outcome.size),
                     pg::Value::Text(outcome.error)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_compare_snapshots) {
    const pg::Args args(fcinfo);
    const int64_t a = args.RequireInt8(0, "a"), b = args.RequireInt8(1, "b");
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    for (const int64_t id : {a, b}) snapshot::RequireMeasured(id);
    pg::AddRows(results, pg::Execute("SELECT * FROM pulse.compare_snapshots($1, $2)",
                                     {pg::Value::Int8(a), pg::Value::Int8(b)}, true));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_entropy) {
    const auto entropy =
        snapshot::Entropy(pg::ToInt64Array(fcinfo->args[0].value), DatumGetInt64(fcinfo->args[1].value));
    if (!entropy) PG_RETURN_NULL();
    return Float8GetDatum(*entropy);
}
