// Cells: databases that should have the same definitions.
#include "pulse/cell/store_cell.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"

namespace pg = pulse::pg;
namespace cell = pulse::cell;

PULSE_WRITING_FUNCTION(pulse_add_cell) {
    cell::AddCell(pg::Args(fcinfo).RequireText(0, "source"));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_remove_cell) {
    cell::RemoveCell(pg::Args(fcinfo).RequireText(0, "source"));
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_compare_cells) {
    return Int64GetDatum(cell::CompareCells(false).rows.value_or(0));
}
