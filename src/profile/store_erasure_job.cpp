// The job erasures, and how long erasures are kept.
#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/vacuum.hpp"
#include "pulse/profile/store_archive_erasure.hpp"
#include "pulse/profile/store_erasure.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kPauseAfterFailure = kHour;

Moment NextErasureDue() {
    static pg::Statement next(
        "SELECT min(CASE WHEN state = 'done' THEN finished_at ELSE coalesce(next_try_at, requested_at) END)"
        " FROM pulse.erasure AS e WHERE (state <> 'done' OR vacuumed_at IS NULL) AND NOT (place LIKE 'verify:%'"
        " AND EXISTS (SELECT FROM pulse.archive_erasure AS a WHERE a.erasure_id = e.id))",
        {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

RunStep StepsOf(bool in_worker) {
    if (!in_worker)
        return [](const std::function<void()>& work) {
            const pg::OwnerSession session;
            work();
            return true;
        };
    return [](const std::function<void()>& work) {
        return pg::RunShortTransaction("pulse: erasing people", work) == pg::ShortTransaction::kDone;
    };
}

// One that fails does not stop the others. Messages of errors can quote what is erased: only their code is
// kept.
void NoteFailure(int64_t erasure, const std::string& state, const RunStep& step) {
    step([&] {
        pg::Execute(
            "UPDATE pulse.erasure SET state = 'failed', error = $2, attempts = attempts + 1, next_try_at = $3"
            " WHERE id = $1",
            {Value::Int8(erasure), Value::Text(state), Value::Time(pg::WallClock() + kPauseAfterFailure)});
    });
}

void EraseOne(int64_t id, bool waited, bool in_worker, const RunStep& step) {
    std::string state;
    try {
        EraseInSteps(id, waited, step);
        return;
    } catch (const pg::Error& error) {
        // In a session nothing was rolled back yet.
        if (!in_worker || pg::MeantForAll(error) || error.State() == sqlstate::kQueryCanceled) throw;
        state = error.State();
        pg::Warning("erasure " + std::to_string(id) + " failed", error.message);
    } catch (const UserError& error) {
        if (!in_worker) throw;
        state = error.state();
        pg::Warning("erasure " + std::to_string(id) + " failed", error.message());
    }
    NoteFailure(id, state, step);
}

void VacuumTouched(const RunStep& step) {
    std::vector<std::string> tables;
    std::vector<int64_t> erasures;
    step([&] {
        const pg::Result rows = pg::Execute(
            "SELECT coalesce(array_agg(e.id), '{}'), ARRAY(SELECT DISTINCT t.name FROM pulse.erasure AS o"
            " CROSS JOIN unnest(o.touched) AS t (name) WHERE o.id = ANY (array_agg(e.id)) ORDER BY t.name)"
            " FROM pulse.erasure AS e WHERE e.state = 'done' AND e.vacuumed_at IS NULL");
        erasures = rows[0].Int8s(0);
        tables = rows[0].Texts(1);
    });
    if (erasures.empty()) return;
    for (const std::string& table : tables) {
        pg::CheckInterrupts();
        pg::Vacuum(table);
    }
    step([&] {
        pg::Execute("UPDATE pulse.erasure SET vacuumed_at = $2 WHERE id = ANY ($1)",
                    {Value::Int8s(erasures), Value::Time(pg::WallClock())});
    });
}

RunResult RunErasuresJob(bool in_worker) {
    const RunStep step = StepsOf(in_worker);
    std::vector<int64_t> open;
    step([&] { open = OpenErasures(false); });
    const bool waited = !open.empty() && WaitForWriters(step);
    for (const int64_t id : open) {
        pg::CheckInterrupts();
        EraseOne(id, waited, in_worker, step);
    }
    RunResult result;
    result.rows = VerifyErasures(step);
    result.message = *result.rows == 0   ? "no erasure ended"
                     : *result.rows == 1 ? "1 erasure ended"
                                         : std::to_string(*result.rows) + " erasures ended";
    // In a session there is a transaction, in which VACUUM cannot run.
    if (in_worker) VacuumTouched(step);
    return result;
}

void ReportErasures(pg::StatusReport& report) {
    const pg::Result open = pg::Execute(
        "SELECT count(*), min(requested_at), count(*) FILTER (WHERE state = 'failed'), min(error)"
        " FROM pulse.erasure WHERE state <> 'done'");
    ReportArchiveErasures(report);
    report.AddQueue("erasures", open[0].Int8(0), open[0].TimeOrNull(1));
    if (open[0].Int8(2) > 0)
        report.Add("failing erasures", "degraded", std::to_string(open[0].Int8(2)),
                   "SQLSTATE " + open[0].TextOrNull(3).value_or("?") +
                       "; the server's log has the rest. The job tries again every hour.");
    const int64_t found = pg::Execute(
                              "SELECT count(*) FROM pulse.erasure WHERE state = 'done' AND findings <> '[]'"
                              " AND finished_at > clock_timestamp() - interval '7 days'")[0]
                              .Int8(0);
    if (found > 0)
        report.Add("remains of erased people", "degraded", std::to_string(found),
                   "Rows about something else have ids of people who were erased this week: findings in "
                   "pulse.erasure names tables and columns.");
}

int64_t DeleteOldErasures(Moment before, int64_t rows) {
    static pg::Statement statement(
        "WITH gone AS (DELETE FROM pulse.erasure WHERE id = ANY (ARRAY(SELECT e.id FROM pulse.erasure AS e"
        // Whose ids are still refused is still recognised.
        " WHERE e.state = 'done' AND e.finished_at < $1 AND e.refused_until < clock_timestamp() ORDER BY e.finished_at LIMIT $2)) RETURNING id),"
        " forgotten AS (DELETE FROM pulse.erased_identifier WHERE erasure_id IN (SELECT g.id FROM gone AS g))"
        " SELECT count(*) FROM gone",
        {TIMESTAMPTZOID, INT8OID});
    return statement.Execute({Value::Time(before), Value::Int8(rows)})[0].Int8(0);
}

const pg::JobKind kErasuresJob{
    .id = 16,
    .name = "erasures",
    .description = "Deletes everything of people who are being erased, and searches for remains.",
    .schedule = "10 seconds",
    .retry_delay = "1 minute",
    .next_due = NextErasureDue,
    .pause_after_success = true,
    .run = RunErasuresJob,
    .status = {{.order = 36, .add = ReportErasures}},
    .retention = {{.order = 125,
                   .what = "erasures",
                   .minutes = &pg::settings::erasure_retention,
                   .work = DeleteOldErasures}}};

[[maybe_unused]] const bool erasures_registered = pg::RegisterJobKind(kErasuresJob);

}  // namespace

}  // namespace pulse::profile
