// The SQL-callable functions of this room.
#include <cstdlib>

#include "pulse/base/duration.hpp"
#include "pulse/health/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::health {

namespace {

using pg::Value;

int64_t Microseconds(Datum interval) {
    const int64_t length = pg::IntervalLength(interval);
    if (std::abs(length) == pg::kLongestInterval)
        throw UserError(sqlstate::kInvalidParameter, "the interval is too long", "",
                        "Give at most 100 years.");
    return length;
}

// Parses an interval or a timestamp.
std::optional<Moment> UntilOf(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    if (const auto span = ParseDuration(*text)) return pg::Now() + *span;
    if (const auto moment = ParseMoment(*text)) return *moment;
    throw UserError(
        sqlstate::kInvalidParameter, "\"until\" is neither a timestamp nor an interval",
        "It is \"" + *text + "\".",
        "Give for example '2 hours' or '2026-03-01 06:00'; a timestamp without an offset is UTC.");
}

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

// Checks one monitor in a subtransaction of its own. Empty when another session is checking it.
std::vector<CheckReport> CheckOne(int64_t monitor, bool all) {
    pg::Subtransaction subtransaction;
    if (!pg::TryLock("monitor", monitor)) return {};
    const std::optional<MonitorRun> run = LoadRun(monitor, all, pg::PastNow(), true);
    if (!run) return {};
    RunMeasurements measured;
    const std::optional<source::Target> target = FindTarget(*run, measured);
    if (target) measured = MeasureRun(*run, *target, ReadLimitsFromSettings(run->now));
    for (const source::Usage& usage : measured.usages) source::RecordUsage(usage);
    std::vector<CheckReport> reports = StoreResults(*run, measured);
    subtransaction.Commit();
    return reports;
}

void CheckTables(const std::vector<int64_t>& monitors, bool all, pg::ResultSet& results) {
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
    const std::string subject = args.RequireText(0, "subject"), actor = pg::CallerName();
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
    if (!args.IsNull(3)) spec.every = health::Microseconds(args.Raw(3));
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
    return health::Mute(fcinfo, health::UntilOf(pg::Args(fcinfo).Text(1)));
}

PULSE_WRITING_FUNCTION(pulse_mute_until) {
    return health::Mute(fcinfo, pg::Args(fcinfo).Time(1));
}

PULSE_WRITING_FUNCTION(pulse_mute_for) {
    const pg::Args args(fcinfo);
    return health::Mute(
        fcinfo, args.IsNull(1) ? std::nullopt
                               : std::optional<pulse::Moment>(pg::Now() + health::Microseconds(args.Raw(1))));
}

PULSE_WRITING_FUNCTION(pulse_unmute) {
    const std::string subject = pg::Args(fcinfo).RequireText(0, "subject");
    const pg::OwnerSession session;
    return BoolGetDatum(health::EndMute(subject));
}
