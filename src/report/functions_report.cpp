// The SQL-callable function of reports.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/report/page.hpp"
#include "pulse/report/store_report.hpp"

namespace pg = pulse::pg;
namespace report = pulse::report;

PULSE_FUNCTION(pulse_report) {
    const pg::Args args(fcinfo);
    const report::ReportOptions options =
        report::ParseReportOptions(args.Jsonb(2).value_or(pg::Json::object()));
    return pg::FromText(report::MakePage(report::ReadFigures(options, args.Time(0), args.Time(1))));
}
