// The job report: makes the reports of routes that are due.
#include "pulse/base/number.hpp"
#include "pulse/base/error.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/report/store_schedule.hpp"

namespace pulse::report {

namespace {

std::vector<PlannedReport> ReadDue() {
    const pg::OwnerSession session;
    return DueReports(pg::Now());
}

std::vector<PlannedReport> ReadDueAside() {
    pg::Transaction transaction("pulse: planning reports");
    std::vector<PlannedReport> due = ReadDue();
    transaction.Commit();
    return due;
}

// One report with its messages: all of it or nothing. The error of one delays no other.
template <typename Scope, typename... Args>
bool Try(const PlannedReport& planned, std::string& problem, Args... args) {
    try {
        Scope scope(args...);
        const bool made = MakeReport(planned);
        scope.Commit();
        return made;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        problem = "route \"" + planned.name + "\": " + error.message;
    } catch (const UserError& error) {
        problem = "route \"" + planned.name + "\": " + error.message();
    }
    return false;
}

RunResult RunReports(bool in_worker) {
    RunResult result;
    int64_t made = 0;
    std::string problem;
    for (const PlannedReport& planned : in_worker ? ReadDueAside() : ReadDue()) {
        pg::CheckInterrupts();
        made += in_worker ? Try<pg::Transaction>(planned, problem, "pulse: making a report")
                          : Try<pg::Subtransaction>(planned, problem);
    }
    if (!problem.empty() && in_worker)
        throw UserError(
            sqlstate::kNotReady, "a report could not be made", problem + ".",
            "It is tried again. A role that may change the route can make the report run as itself with "
            "pulse_update_route().");
    result.rows = made;
    result.message = Plural(made, "report") + (problem.empty() ? "" : "; " + problem);
    return result;
}

// Rows of former periods; the newest of each route says that it is made.
constexpr const char* kForget =
    "DELETE FROM pulse.report WHERE id = ANY (ARRAY(SELECT r.id FROM pulse.report AS r WHERE r.made_at < $1"
    " AND (EXISTS (SELECT FROM pulse.report AS n WHERE n.route_id = r.route_id AND n.until > r.until)"
    " OR NOT EXISTS (SELECT FROM pulse.route AS x WHERE x.id = r.route_id)) ORDER BY r.made_at LIMIT $2))";

const pg::JobKind kReportJob{
    .id = 40,
    .name = "report",
    .description = "Makes the daily and weekly reports of routes.",
    .schedule = "5 minutes",
    .next_due = NextReportDue,
    .run = RunReports,
    .retention = {
        {.order = 75, .what = "reports", .minutes = &pg::settings::message_retention, .sql = kForget}}};

[[maybe_unused]] const bool report_job_registered = pg::RegisterJobKind(kReportJob);

}  // namespace

}  // namespace pulse::report
