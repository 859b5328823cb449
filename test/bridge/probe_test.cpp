// Calls expressions, probes and watches from SQL.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/expression.hpp"
#include "pulse/pg/plan.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"

namespace pg = pulse::pg;

namespace {

std::string ProbedText(const pg::Value& value) {
    return value.null ? "null" : pg::ToOutput(value.datum, value.type);
}

std::string ProbedText(const std::optional<int64_t>& id) {
    return std::to_string(id.value_or(0));
}

template <typename Found>
std::string ListOf(const std::vector<Found>& found) {
    std::string text;
    for (const Found& one : found) text += (text.empty() ? "" : " ") + ProbedText(one);
    return text;
}

// The names of an argument as keys.
std::vector<Datum> KeysOf(const pg::Args& args) {
    const std::vector<std::string> names = args.Texts(0).value();
    std::vector<Datum> keys;
    for (const std::string& name : names) keys.push_back(pg::FromText(name));
    return keys;
}

}  // namespace

// Evaluates an expression over $1 bigint and $2 text repeatedly, and returns the last value as text.
PULSE_FUNCTION(bridge_evaluate) {
    const pg::Args args(fcinfo);
    pg::Expression expression(args.RequireText(0, "sql"), {INT8OID, TEXTOID});
    const Datum values[] = {args.IsNull(1) ? 0 : args.Raw(1), args.IsNull(2) ? 0 : args.Raw(2)};
    const bool nulls[] = {args.IsNull(1), args.IsNull(2)};
    Datum value = 0;
    bool null = true;
    for (int32_t i = 0; i < args.Int4(3).value_or(1); ++i) value = expression.Eval(values, nulls, &null);
    if (null) PG_RETURN_NULL();
    return pg::FromText(pg::ToOutput(value, expression.type()));
}

// The id, version and tags of a segment, found by the unique index of names.
PULSE_FUNCTION(bridge_probe) {
    static const pg::Probe by_name("segment", "segment_name_key", {1, 5, 9});
    const pg::Args args(fcinfo);
    const auto found = by_name.Find({args.Raw(0)});
    if (!found) PG_RETURN_NULL();
    return pg::FromText(ListOf(*found));
}

// The ids of segments by name, in one scan; 0 if a segment does not exist.
PULSE_FUNCTION(bridge_probe_many) {
    static const pg::Probe by_name("segment", "segment_name_key", {1});
    return pg::FromText(ListOf(by_name.FindInt8s(KeysOf(pg::Args(fcinfo)))));
}

// The same, locking the rows; ends before a row that another transaction has locked.
PULSE_FUNCTION(bridge_lock_many) {
    static const pg::Probe by_name("segment", "segment_name_key", {1});
    return pg::FromText(ListOf(by_name.LockInt8s(KeysOf(pg::Args(fcinfo)))));
}

// Version and tags of segments by name, in one scan.
PULSE_FUNCTION(bridge_probe_rows) {
    static const pg::Probe by_name("segment", "segment_name_key", {5, 9});
    return pg::FromText(ListOf(by_name.FindRows(KeysOf(pg::Args(fcinfo)))));
}

PULSE_FUNCTION(bridge_is_empty) {
    const pg::Args args(fcinfo);
    return BoolGetDatum(pg::IsEmpty(args.RequireText(0, "table").c_str(), 16));
}

// Runs a statement for each number in turn, planned once, with plans by index. Returns the last number read.
PULSE_FUNCTION(bridge_by_index) {
    const pg::Args args(fcinfo);
    static std::unique_ptr<pg::Plan> plan;
    const pg::Session session;
    const pg::IndexPlans by_index;
    if (args.Bool(2).value_or(false))
        plan = std::make_unique<pg::Plan>(args.RequireText(0, "sql"), std::vector<Oid>{INT8OID});
    const pg::Result rows = plan->Execute({{INT8OID, args.Raw(1), false}});
    return Int64GetDatum(rows.empty() ? 0 : rows[0].Int8(0));
}

PULSE_FUNCTION(bridge_changed) {
    static pg::Watch watch("definition");
    return BoolGetDatum(watch.Changed());
}

PULSE_FUNCTION(bridge_announce) {
    pg::Watch::Announce("definition");
    PG_RETURN_VOID();
}

// Reads a number with the newest snapshot, independent of the transaction's own.
PULSE_FUNCTION(bridge_latest) {
    const pg::Session session;
    const pg::LatestSnapshot latest;
    return Int64GetDatum(pg::Execute(pg::Args(fcinfo).RequireText(0, "sql"), {}, true)[0].Int8(0));
}
