// The SQL-callable functions of this room.
#include "pulse/health/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::health {

namespace {

using pg::Value;

// A figure in the unit of the check.
std::string InUnit(CheckType type, double figure) {
    switch (type) {
        case CheckType::kFreshness:
        case CheckType::kReplicationLag: return FormatSeconds(figure);
        case CheckType::kNullRate:
        case CheckType::kUnique:
        case CheckType::kAcceptedValues:
        case CheckType::kRange:
        case CheckType::kReferences: return Percentage(figure);
        default: return Count(figure);
    }
}

std::string Expected(CheckType type, const CheckResult& result) {
    if (type == CheckType::kReplicationLag && result.low && *result.low > 0)
        return "at least " + Counted(*result.low, "standby");
    if (result.low && result.high && *result.low != 0)
        return InUnit(type, *result.low) + " to " + InUnit(type, *result.high);
    if (result.high) return *result.high == 0 ? "none" : "at most " + InUnit(type, *result.high);
    return result.low ? "at least " + InUnit(type, *result.low) : "";
}

void AppendReport(pg::ResultSet& results, const CheckReport& report) {
    const CheckResult& result = report.result;
    results.Add({Value::Text(report.relation), Value::Text(report.check), Value::Text(Name(result.status)),
                 Value::Float8(result.observed), Value::Text(Expected(report.type, result)),
                 Value::Text(result.message), Value::Int8(report.incident)});
}

// The relation of a monitor for a message; empty when it has been removed.
std::string RelationOf(int64_t monitor) {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT relation FROM pulse.monitor WHERE id = $1 AND status = 'active'", {Value::Int8(monitor)});
    return rows.empty() ? "" : rows[0].Text(0);
}

void ReportHeld(int64_t monitor) {
    if (const std::string relation = RelationOf(monitor); !relation.empty())
        pg::Notice(
            "another session is checking " + relation,
            "Its results are in pulse.check_result when it ends. Call this function again to check now.");
}

// Says why no check ran. A replayed table is due only in a session with a past pulse.now.
void ReportNothingDue() {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT m.relation, c.next_check_at, c.next_check_at <= $1 FROM pulse.monitor AS m "
        "JOIN pulse.monitor_check AS c ON c.monitor_id = m.id WHERE m.status = 'active' "
        "ORDER BY c.next_check_at <= $1, c.next_check_at, m.relation LIMIT 1",
        {Value::Time(pg::PastNow())});
    if (rows.empty()) return pg::Notice("no table is monitored", "Begin with pulse_monitor_table().");
    const std::string now = "SELECT * FROM pulse_check_tables(" + pg::QuoteLiteral(rows[0].Text(0)) + "); ";
    if (rows[0].Bool(2))
        pg::Notice("no check is due: the monitored tables are replayed with a past pulse.now",
                   now + "checks one table as of now, and the job goes on with it.");
    else
        pg::Notice("no check is due before " + FormatMoment(rows[0].Time(1)), now + "checks one table now.");
}

// Checks one monitor in a subtransaction of its own. Empty when another session is checking it.
std::vector<CheckReport> CheckOne(int64_t monitor, bool all) {
    pg::Subtransaction subtransaction;
    std::optional<MonitorRun> run;
    if (pg::TryLock("monitor", monitor)) run = LoadRun(monitor, all, pg::PastNow(), true);
    if (!run) {
        ReportHeld(monitor);
        return {};
    }
    RunMeasurements measured;
    const std::optional<source::Target> target = FindTarget(*run, measured);
    if (target) measured = MeasureRun(*run, *target, ReadLimitsFromSettings(run->now));
    for (const source::Usage& usage : measured.usages) source::RecordUsage(usage);
    std::vector<CheckReport> reports = StoreResults(*run, measured);
    subtransaction.Commit();
    return reports;
}

void CheckTables(const std::vector<int64_t>& monitors, bool all, pg::ResultSet& results) {
    if (monitors.empty()) ReportNothingDue();
    std::vector<CheckReport> reports;
    for (const int64_t monitor : monitors) {
        pg::CheckInterrupts();
        std::string trouble;
        try {
            for (CheckReport& one : CheckOne(monitor, all)) reports.push_back(std::move(one));
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            trouble = error.message;
        } catch (const UserError& error) {
            trouble = error.message();
        }
        if (!trouble.empty())
            pg::Warning("monitor " + std::to_string(monitor) + " could not be checked", trouble,
                        "The other tables were checked.");
    }
    for (const CheckReport& one : reports) AppendReport(results, one);
}

Datum Mute(FunctionCallInfo fcinfo, const std::optional<Moment>& until) {
    const pg::Args args(fcinfo);
    const std::string subject = args.RequireText(0, "subject"), actor = pg::ActorName();
    const std::optional<std::string> reason = args.Text(2);
    const pg::OwnerSession session;
    return Int64GetDatum(SetMute(subject, until, reason, actor));
}

}  // namespace

}  // namespace pulse::health

namespace pg = pulse::pg;
namespace health = pulse::health;

PULSE_WRITING_FUNCTION(pulse_monitor_table) {
    const pg::Args args(fcinfo);
    health::MonitorSpec spec;
    spec.relation = args.RequireText(0, "relation");
    spec.source = args.Text(1);
    spec.checks = args.Jsonb(2);
    if (!args.IsNull(3)) spec.every = pg::IntervalArgument(args.Raw(3));
    spec.owner = args.Text(4);
    spec.tags = args.Texts(5);
    const int64_t monitor = health::SaveMonitor(spec);
    pg::NotifyLauncher();
    return Int64GetDatum(monitor);
}

PULSE_WRITING_FUNCTION(pulse_unmonitor_table) {
    const pg::Args args(fcinfo);
    health::RemoveMonitor(args.RequireText(0, "relation"), args.Text(1));
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_suggest_checks) {
    const pg::Args args(fcinfo);
    pg::ResultSet results(fcinfo);
    for (const health::Suggestion& suggestion :
         health::SuggestFor(args.RequireText(0, "relation"), args.Text(1)))
        results.Add({pg::Value::Jsonb(suggestion.check), pg::Value::Text(suggestion.reason)});
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_request_check) {
    static const pg::RecordType type({{"checks", INT8OID}, {"state", TEXTOID}, {"detail", TEXTOID}});
    const pg::Args args(fcinfo);
    const health::RequestedCheck requested =
        health::RequestCheck(args.RequireText(0, "relation"), args.Text(1));
    return type.Make({pg::Value::Int8(requested.checks),
                      pg::Value::Text(requested.no_worker ? "no_worker" : "waiting"),
                      pg::Value::Text(requested.no_worker)});
}

PULSE_WRITING_FUNCTION(pulse_check_tables) {
    const pg::Args args(fcinfo);
    pg::ResultSet results(fcinfo);
    std::optional<int64_t> only;
    if (const auto relation = args.Text(0)) only = health::FindMonitor(*relation, args.Text(1));
    const std::vector<int64_t> due = health::DueMonitors(only, pg::PastNow());
    health::NoteClock(due, pg::Now());
    health::CheckTables(due, only.has_value(), results);
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_mute) {
    return health::Mute(fcinfo, pg::ParseUntil(pg::Args(fcinfo).Text(1)));
}

PULSE_WRITING_FUNCTION(pulse_mute_until) {
    return health::Mute(fcinfo, pg::Args(fcinfo).Time(1));
}

PULSE_WRITING_FUNCTION(pulse_mute_for) {
    return health::Mute(fcinfo, pg::AfterInterval(pg::Args(fcinfo), 1));
}

PULSE_WRITING_FUNCTION(pulse_unmute) {
    const std::string subject = pg::Args(fcinfo).RequireText(0, "subject");
    const pg::OwnerSession session;
    return BoolGetDatum(health::EndMute(subject));
}
