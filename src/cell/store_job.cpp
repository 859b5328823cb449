// The job cells.
#include "pulse/cell/store_cell.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::cell {

namespace {

// Whenever there are cells: the schedule is the pause between two runs.
Moment NextComparisonDue() {
    const pg::Result rows =
        pg::Execute("SELECT min(coalesce(checked_at, added_at)) FROM pulse.cell_state", {}, true);
    return rows[0].TimeOrNull(0).value_or(pg::kNever);
}

void ReportCells(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT count(*), count(*) FILTER (WHERE state = 'differs'), count(*) FILTER (WHERE state = 'down'),"
        " coalesce(string_agg(source || ': ' || state, ', ' ORDER BY source) FILTER (WHERE state IN ('differs',"
        " 'down')), '') FROM pulse.cell_state",
        {}, true);
    if (rows[0].Int8(0) == 0) return;
    report.Add("cells", rows[0].Int8(1) + rows[0].Int8(2) == 0 ? "ok" : "degraded",
               std::to_string(rows[0].Int8(0)), rows[0].Text(3));
}

const pg::JobKind kCellsJob{.id = 30,
                            .name = "cells",
                            .description = "Compares definitions with those of the cells.",
                            .schedule = "5 minutes",
                            .retry_delay = "5 minutes",
                            .next_due = NextComparisonDue,
                            .pause_after_success = true,
                            .run = CompareCells,
                            .status = {{.order = 95, .add = ReportCells}}};

[[maybe_unused]] const bool cells_job_registered = pg::RegisterJobKind(kCellsJob);

}  // namespace

}  // namespace pulse::cell
