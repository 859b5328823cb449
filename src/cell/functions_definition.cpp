// Definitions from one database to another.
#include "pulse/cell/store_definition.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/lock.hpp"

namespace pg = pulse::pg;
namespace cell = pulse::cell;
using pg::Value;

PULSE_FUNCTION(pulse_export_definitions) {
    const std::vector<std::string> kinds = pg::Args(fcinfo).Texts(0).value_or(std::vector<std::string>());
    return pg::FromJson(cell::WriteDocument(cell::ReadDefinitions(), kinds));
}

PULSE_FUNCTION(pulse_apply_definitions) {
    const pg::Args args(fcinfo);
    const pg::Json document = args.RequireJsonb(0, "definitions");
    const bool dry_run = args.RequireBool(1, "dry_run"), prune = args.RequireBool(2, "prune");
    if (!dry_run) {
        pg::RequireWritable("pulse_apply_definitions()");
        // A second call waits for the first one, and finds nothing left to do.
        pg::Lock("cell_state", 0);
    }
    pg::ResultSet results(fcinfo);
    const std::vector<cell::DifferenceRow> rows = cell::Compare(document, prune);
    if (!dry_run) cell::Apply(rows);
    for (const cell::DifferenceRow& row : rows) {
        std::string statements;
        for (const pulse::DefinitionCall& call : row.calls)
            statements += (statements.empty() ? "" : "\n") + call.Sql();
        results.Add({Value::Text(row.kind), Value::Text(row.name), Value::Text(cell::Name(row.change)),
                     Value::Texts(row.differs), Value::Texts(row.missing),
                     statements.empty() ? Value::Null(TEXTOID) : Value::Text(statements)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_definition_digests) {
    pg::ResultSet results(fcinfo);
    for (const auto& [key, digest] : cell::DigestsOf(cell::ReadDefinitions()))
        results.Add({Value::Text(key.first), Value::Text(key.second), Value::Text(digest)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_definition_tables) {
    pg::ResultSet results(fcinfo);
    for (const pulse::DefinitionTable& table : pulse::DefinitionTables())
        results.Add({Value::Text(table.table), Value::Text(table.kind),
                     table.kind ? Value::Null(TEXTOID) : Value::Text(table.reason)});
    return pg::ResultSet::Done();
}
