// Loads the monitors that are due, measures them and stores the results.
#include <algorithm>

#include "pulse/health/store.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::health {

namespace {

using pg::Row;
using pg::Value;

constexpr int64_t kHistory = 36 * kDay;  // five weeks of the grid and a margin
constexpr int kNewest = 100;             // newest results used while the history is short

// One result per step of the grid, the nearest to its middle, by two probes of the index: a check every
// minute has many more than are needed. While the grid is nearly empty, the newest good results instead.
void ReadHistory(StoredCheck& stored, Moment now) {
    static pg::Statement grid(
        "SELECT n.at, n.observed, n.status <> 'bad' FROM (SELECT $2 - s * $3 * interval '1 second' AS middle, "
        "$3 * interval '0.5 second' AS half FROM generate_series(0, $5) AS s) AS g CROSS JOIN LATERAL ("
        "SELECT u.at, u.observed, u.status FROM ("
        "(SELECT r.at, r.observed, r.status FROM pulse.check_result AS r WHERE r.check_id = $1 "
        "AND r.at <= g.middle AND r.at < $2 AND r.at > g.middle - g.half AND r.at >= $4 "
        "AND r.status IN ('ok', 'learning', 'bad') AND r.observed IS NOT NULL ORDER BY r.at DESC LIMIT 1) "
        "UNION ALL "
        "(SELECT r.at, r.observed, r.status FROM pulse.check_result AS r WHERE r.check_id = $1 "
        "AND r.at > g.middle AND r.at < $2 AND r.at <= g.middle + g.half AND r.at >= $4 "
        "AND r.status IN ('ok', 'learning', 'bad') AND r.observed IS NOT NULL ORDER BY r.at LIMIT 1)) AS u "
        "ORDER BY abs(extract(epoch FROM u.at - g.middle)) LIMIT 1) AS n",
        {INT8OID, TIMESTAMPTZOID, FLOAT8OID, TIMESTAMPTZOID, INT4OID});
    static pg::Statement newest(
        "SELECT r.at, r.observed, true FROM pulse.check_result AS r WHERE r.check_id = $1 AND r.at < $2 AND "
        "r.at >= $3 AND r.status IN ('ok', 'learning') AND r.observed IS NOT NULL ORDER BY r.at DESC LIMIT $4",
        {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID});
    Moment from = now - kHistory;
    if (const auto accepted = ParseMoment(stored.state.value("accepted_from", "")))
        from = std::max(from, *accepted);
    int good = 0;
    const auto keep = [&](const pg::Result& rows) {
        stored.history.clear();
        for (uint64_t i = 0; i < rows.size(); ++i) {
            stored.history.push_back({rows[i].Time(0), rows[i].Float8(1), rows[i].Bool(2)});
            good += stored.history.back().good;
        }
    };
    const int64_t step = GridStep(stored.every);
    keep(grid.Execute({Value::Int8(stored.id), Value::Time(now),
                       Value::Float8(static_cast<double>(step) / kSecond), Value::Time(from),
                       Value::Int4(static_cast<int32_t>((now - from) / step))}));
    if (good < pg::settings::min_history)
        keep(newest.Execute(
            {Value::Int8(stored.id), Value::Time(now), Value::Time(from), Value::Int4(kNewest)}));
}

// In how many of the last four weeks the table was empty at about this hour.
int ReadEmptyWeeks(const StoredCheck& stored, Moment now) {
    static pg::Statement statement(
        "SELECT count(*)::int FROM (SELECT $2 - w * interval '7 days' AS middle FROM generate_series(1, 4) AS "
        "w) AS g WHERE EXISTS (SELECT FROM pulse.check_result AS r WHERE r.check_id = $1 AND r.at BETWEEN "
        "g.middle - $3 * interval '1 second' AND g.middle + $3 * interval '1 second' AND r.status IN ('ok', "
        "'bad') AND CASE WHEN $4 THEN r.observed IS NULL ELSE r.observed = 0 END)",
        {INT8OID, TIMESTAMPTZOID, FLOAT8OID, BOOLOID});
    const int64_t around = std::max(kHour, stored.every / 2);
    return statement
        .Execute({Value::Int8(stored.id), Value::Time(now),
                  Value::Float8(static_cast<double>(around) / kSecond),
                  Value::Bool(stored.check.type == CheckType::kFreshness)})[0]
        .Int4(0);
}

// A failed check with the error of its statement.
CheckMeasurement Failed(const std::string& state, const std::string& message) {
    CheckMeasurement m;
    m.reading = ReadStatus::kFailed;
    m.state = state;
    m.reason = message;
    return m;
}

// A check that exceeded a limit of Pulse: skipped, because that says nothing about the data.
CheckMeasurement LimitExceeded(const std::string& state, const std::string& message, int milliseconds) {
    CheckMeasurement m = Failed(state, message);
    m.reading = ReadStatus::kSkipped;
    if (state == sqlstate::kQueryCanceled)
        m.reason = "it took longer than pulse.check_timeout (" + FormatSeconds(milliseconds / 1000.0) + ")";
    return m;
}

// Measures checks that share a visit. A failure leaves no effects and gives its reason.
class Visitor {
  public:
    Visitor(const MonitorRun& run, const source::Target& target, const ReadLimits& limits,
            RunMeasurements& measured)
        : work_(run), target_(target), limits_(limits), findings_(measured) {}

    // Returns false when the source is unavailable; the rest is then not tried.
    bool Try(const std::vector<size_t>& places) {
        std::vector<Check> checks;
        for (const size_t place : places) checks.push_back(work_.checks[place].check);
        std::vector<CheckMeasurement> measurements;
        std::optional<CheckMeasurement> failed;
        source::Usage usage;
        usage.source = work_.place.source;
        usage.purpose = "health";
        usage.object = work_.relation;
        try {
            source::ReadTarget(target_, usage, [&](source::Reader& reader) {
                measurements = MeasureTogether(reader, work_.relation, checks, limits_);
            });
        } catch (const source::Unavailable& error) {
            findings_.unavailable = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
        } catch (const UserError& error) {
            const bool limit =
                error.state() == sqlstate::kQueryCanceled || error.state() == sqlstate::kProgramLimit;
            failed = limit ? LimitExceeded(error.state(), error.message(), target_.milliseconds)
                           : Failed(error.state(), error.message());
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            failed = Failed(error.State(), error.message);
        }
        findings_.usages.push_back(usage);
        if (findings_.unavailable) return false;
        if (failed && places.size() > 1 && failed->state != sqlstate::kUndefinedTable &&
            failed->reading != ReadStatus::kSkipped) {
            for (const size_t place : places)
                if (!Try({place})) return false;
            return true;
        }
        for (size_t i = 0; i < places.size(); ++i)
            findings_.measurements[places[i]] = failed ? *failed : std::move(measurements[i]);
        return true;
    }

  private:
    const MonitorRun& work_;
    const source::Target& target_;
    const ReadLimits& limits_;
    RunMeasurements& findings_;
};

CheckRound Counted(const std::vector<CheckReport>& reports) {
    CheckRound round;
    round.tables = 1;
    for (const CheckReport& one : reports) {
        ++round.checks;
        round.bad += one.result.status == CheckStatus::kBad;
        round.skipped += one.result.status == CheckStatus::kSkipped;
        round.failed += one.result.status == CheckStatus::kError;
        if (one.result.status == CheckStatus::kError)
            round.message += (round.message.empty() ? "" : "; ") + one.relation + " " + one.check + ": " +
                             one.result.message;
    }
    return round;
}

void Add(CheckRound& sum, const CheckRound& one) {
    sum.tables += one.tables;
    sum.checks += one.checks;
    sum.bad += one.bad;
    sum.skipped += one.skipped;
    sum.failed += one.failed;
    constexpr size_t kMost = 2000;
    if (!one.message.empty() && sum.message.size() < kMost)
        sum.message += (sum.message.empty() ? "" : "; ") + one.message;
}

// Locks the monitor for this session, so that the lock also holds without a transaction.
std::optional<pg::SessionLock> Reserve(int64_t monitor) {
    pg::Transaction transaction("pulse table check: whose turn");
    std::optional<pg::SessionLock> lock = pg::SessionLock::Try("monitor", monitor);
    transaction.Commit();
    return lock;
}

// A monitor that is ready to run, and where to read it. A table of this database is checked immediately, in
// the same transaction.
struct PreparedRun {
    std::optional<MonitorRun> run;
    std::optional<source::Target> target;
    RunMeasurements measured;
    CheckRound round;
};

PreparedRun Prepare(int64_t monitor) {
    pg::Transaction transaction("pulse table check");
    PreparedRun prepared;
    prepared.run = LoadRun(monitor, false, pg::Now(), true);
    if (prepared.run && prepared.run->checks.empty()) prepared.run.reset();
    if (prepared.run) prepared.target = FindTarget(*prepared.run, prepared.measured);
    if (prepared.target && prepared.target->local()) {
        prepared.round =
            Counted(StoreResults(*prepared.run, MeasureRun(*prepared.run, *prepared.target,
                                                           ReadLimitsFromSettings(prepared.run->now))));
        prepared.run.reset();
    }
    transaction.Commit();
    return prepared;
}

// Checks one monitor; no transaction is open while a server is read.
CheckRound RunMonitor(int64_t monitor) {
    const std::optional<pg::SessionLock> lock = Reserve(monitor);
    if (!lock) return {};
    const PreparedRun prepared = Prepare(monitor);
    if (!prepared.run) return prepared.round;
    const RunMeasurements measured = prepared.target ? MeasureRun(*prepared.run, *prepared.target,
                                                                  ReadLimitsFromSettings(prepared.run->now))
                                                     : prepared.measured;
    pg::Transaction transaction("pulse table check: what was found");
    for (const source::Usage& usage : measured.usages) source::RecordUsage(usage);
    const CheckRound round = Counted(StoreResults(*prepared.run, measured));
    transaction.Commit();
    return round;
}

}  // namespace

ReadLimits ReadLimitsFromSettings(Moment now) {
    return {now, static_cast<double>(pg::settings::row_limit),
            static_cast<double>(pg::settings::sample_rows)};
}

std::vector<int64_t> DueMonitors(const std::optional<int64_t>& only, Moment now) {
    if (only) return {*only};
    static pg::Statement statement(
        "SELECT m.id FROM pulse.monitor AS m JOIN pulse.monitor_check AS c ON c.monitor_id = m.id "
        "WHERE m.status = 'active' AND c.next_check_at <= $1 "
        "AND (NOT m.replayed OR $1 < clock_timestamp() - 2 * m.every) "
        "GROUP BY m.id ORDER BY min(c.next_check_at), m.id",
        {TIMESTAMPTZOID});
    const pg::OwnerSession session;
    const pg::Result rows = statement.Execute({Value::Time(now)});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

void NoteClock(const std::vector<int64_t>& monitors, Moment now) {
    static pg::Statement statement(
        "UPDATE pulse.monitor SET replayed = NOT replayed WHERE id = ANY ($1) "
        "AND replayed <> (greatest($2, checked_at) < clock_timestamp() - 2 * every)",
        {INT8ARRAYOID, TIMESTAMPTZOID});
    const pg::OwnerSession session;
    statement.Execute({Value::Int8s(monitors), Value::Time(now)});
}

std::optional<MonitorRun> LoadRun(int64_t monitor, bool all, Moment now, bool lock) {
    const pg::OwnerSession session;
    const pg::Result found = pg::Execute(
        std::string("SELECT relation, coalesce(source, ''), pulse.role_name(runs_as, role_oid), search_path "
                    "FROM pulse.monitor WHERE id = $1 AND status = 'active'") +
            (lock ? " FOR NO KEY UPDATE SKIP LOCKED" : ""),
        {Value::Int8(monitor)});
    if (found.empty()) return std::nullopt;
    MonitorRun run;
    run.monitor = monitor;
    run.now = now;
    run.relation = found[0].Text(0);
    run.place = {found[0].Text(1), found[0].Text(2), found[0].Text(3)};
    static pg::Statement statement(
        "SELECT c.id, c.settings, c.state, (extract(epoch FROM coalesce(c.every, m.every)) * "
        "1000000)::bigint, "
        "c.consecutive_bad, c.bad_since FROM pulse.monitor_check AS c JOIN pulse.monitor AS m ON m.id = "
        "c.monitor_id "
        "WHERE c.monitor_id = $1 AND ($2 OR c.next_check_at <= $3) ORDER BY c.id",
        {INT8OID, BOOLOID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Int8(monitor), Value::Bool(all), Value::Time(now)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        StoredCheck stored;
        stored.id = rows[i].Int8(0);
        stored.check = ParseCheck(rows[i].Jsonb(1), i + 1);
        stored.state = rows[i].Jsonb(2);
        stored.every = rows[i].Int8(3);
        stored.consecutive_bad = rows[i].Int4(4);
        stored.bad_since = rows[i].TimeOrNull(5);
        // The server's clock may differ.
        if (stored.check.type == CheckType::kSql && !run.place.source.empty())
            stored.check.query =
                pg::ReplaceNowCalls(stored.check.query, source::Literal(FormatMoment(now)) + "::timestamptz");
        if (stored.check.type == CheckType::kVolume && stored.check.anomaly) ReadHistory(stored, now);
        if (stored.state.value("had_rows", false)) stored.empty_weeks = ReadEmptyWeeks(stored, now);
        run.checks.push_back(std::move(stored));
    }
    return run;
}

std::optional<source::Target> FindTarget(const MonitorRun& run, RunMeasurements& measured) {
    try {
        return source::ResolveTarget(run.place, pg::settings::check_timeout);
    } catch (const UserError& error) {
        measured.unavailable = error.message();
        return std::nullopt;
    }
}

RunMeasurements MeasureRun(const MonitorRun& run, const source::Target& target, const ReadLimits& limits) {
    RunMeasurements measured;
    measured.measurements.resize(run.checks.size());
    Visitor visitor(run, target, limits, measured);
    // The first visit is for all checks that share one.
    std::vector<std::vector<size_t>> visits(1);
    for (size_t i = 0; i < run.checks.size(); ++i)
        if (Shares(run.checks[i].check))
            visits.front().push_back(i);
        else
            visits.push_back({i});
    for (const std::vector<size_t>& places : visits)
        if (!places.empty() && !visitor.Try(places)) break;
    return measured;
}

CheckRound RunDueChecks() {
    CheckRound sum;
    std::vector<int64_t> due;
    {
        pg::Transaction transaction("pulse table checks: what is due");
        due = DueMonitors(std::nullopt, pg::Now());
        transaction.Commit();
    }
    for (const int64_t monitor : due) {
        pg::CheckInterrupts();
        const auto fail = [&](const std::string& message) {
            Add(sum, {1, 0, 0, 0, 1, "monitor " + std::to_string(monitor) + ": " + message});
        };
        try {
            Add(sum, RunMonitor(monitor));
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            fail(error.message);
        } catch (const UserError& error) {
            fail(error.message());
        }
    }
    return sum;
}

}  // namespace pulse::health
