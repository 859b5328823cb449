// SQL functions for sources.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/source/store.hpp"

namespace pg = pulse::pg;
namespace source = pulse::source;

PULSE_FUNCTION(pulse_source_validator) {
    pg::ValidateOptions(fcinfo, "pulse_source", source::Options(), source::CheckOptions);
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_create_source) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT pulse_create_source(...)");
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_create_source()");
        source::CreateSource(args.RequireText(0, "name"), args.RequireJsonb(1, "options"));
    });
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_delete_source) {
    source::DeleteSource(pg::Args(fcinfo).RequireText(0, "name"));
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_test_source) {
    const std::vector<source::TestRow> rows = source::TestSource(pg::Args(fcinfo).RequireText(0, "name"));
    pg::ResultSet results(fcinfo);
    for (const source::TestRow& row : rows)
        results.Add({pg::Value::Text(row.item), pg::Value::Text(row.value), pg::Value::Text(row.verdict)});
    return pg::ResultSet::Done();
}
