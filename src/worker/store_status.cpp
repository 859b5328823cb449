// The rows of pulse_status().
#include <algorithm>

#include "pulse/pg/background.hpp"
#include "pulse/pg/citus.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

namespace {

class Report {
  public:
    explicit Report(const std::string& caller)
        : caller_(caller),
          report_(pg::Execute("SELECT has_table_privilege($1::text::name, 'pulse.person', 'SELECT')",
                              {pg::Value::Text(caller)})[0]
                      .Bool(0)) {}

    std::vector<pg::StatusRow> Make() {
        Version();
        Citus();
        Launcher();
        OverdueJobs();
        SectionsOfJobs();
        for (const Job& job : LoadAll()) Newest(job);
        Sources();
        pg::StatusRow head{"pulse", "ok", "ok", ""};
        std::vector<pg::StatusRow>& rows = report_.rows();
        for (const pg::StatusRow& row : rows) {
            if (row.state == "ok") continue;
            if (head.state != "down") head.state = row.state;
            head.detail += (head.detail.empty() ? "" : "; ") + row.item + ": " +
                           (row.detail.empty() ? row.value : row.detail);
        }
        head.value = head.state;
        rows.insert(rows.begin(), head);
        return std::move(rows);
    }

  private:
    void Version() {
        std::string version;
        const bool same = FindExtension(&version) == Installed::kYes;
        report_.Add(
            "version", same ? "ok" : "down", version,
            same
                ? ""
                : "the extension is " + version +
                      ", the library " PULSE_VERSION
                      ": run ALTER EXTENSION pulse UPDATE, or restart the server after installing a library");
    }

    void Citus() {
        const std::vector<std::string> tables = pg::DistributedTables();
        if (!tables.empty())
            report_.Add(
                "citus", "down", std::to_string(tables.size()),
                tables.front() + " cannot be distributed; calls that write refuse and say what to do");
    }

    // Jobs that another scheduler runs do not need a launcher, nor do those with nothing to do.
    static bool AnyJob() {
        return pg::Execute("SELECT EXISTS (SELECT FROM pulse.job WHERE enabled AND next_run < 'infinity')")[0]
            .Bool(0);
    }

    void Launcher() {
        if (report_.standby()) {
            report_.Add("launcher", "ok", "standby", "jobs run on the primary");
            return;
        }
        const char* how = pg::Preloaded() ? "preloaded" : "started by pulse_start()";
        running_ = pg::FindLauncher() != 0;
        if (running_)
            report_.Add("launcher", "ok", "running", how);
        else if (pg::Preloaded())
            report_.Add("launcher", "down", "not running",
                        "the launcher is not running; the server's log says why");
        else if (!AnyJob())
            report_.Add("launcher", "ok", "not running", "no job waits for it");
        else
            report_.Add("launcher", "down", "not running",
                        "jobs do not run by themselves: put pulse into shared_preload_libraries, or SELECT "
                        "pulse_start()");
        const std::string workers = std::to_string(pg::CountWorkers(MyDatabaseId));
        const pg::SchedulerState* found = pg::SchedulerState::Find();
        if (!pg::settings::run_jobs)
            report_.Add("workers", "degraded", workers, "pulse.run_jobs is off");
        else if (found && pg::SchedulerState::Find()->OutOfWorkers())
            report_.Add("workers", "degraded", workers,
                        "no background worker process is free: raise max_worker_processes");
        else
            report_.Add("workers", "ok", workers);
    }

    void OverdueJobs() {
        const pg::Result jobs = pg::Execute(
            "SELECT count(*), min(next_run) FROM pulse.job WHERE enabled AND next_run <= clock_timestamp() "
            "AND running_since IS NULL");
        report_.AddQueue("overdue jobs", jobs[0].Int8(0), jobs[0].TimeOrNull(1));
    }

    void SectionsOfJobs() {
        std::vector<pg::StatusSection> sections;
        for (const pg::JobKind* kind : pg::JobKinds())
            sections.insert(sections.end(), kind->status.begin(), kind->status.end());
        std::sort(sections.begin(), sections.end(),
                  [](const pg::StatusSection& a, const pg::StatusSection& b) { return a.order < b.order; });
        for (const pg::StatusSection& section : sections) section.add(report_);
    }

    // Whether the caller is the role of a job, or a member of it. Others do not see what its runs say.
    bool ActsAs(const Job& job) {
        return pg::Execute(
                   "SELECT coalesce((SELECT pg_has_role($2::text::name, j.role_oid, 'USAGE') FROM pulse.job AS j "
                   "JOIN pg_roles AS r ON r.oid = j.role_oid WHERE j.id = $1), false)",
                   {pg::Value::Int8(job.id), pg::Value::Text(caller_)})[0]
            .Bool(0);
    }

    void Newest(const Job& job) {
        const pg::Result rows = pg::Execute(
            "SELECT status, started_at, coalesce(error, message), scheduled_for IS NULL FROM pulse.job_run "
            "WHERE job_id = $1 ORDER BY id DESC LIMIT 1",
            {pg::Value::Int8(job.id)}, true);
        const bool shown = job.built_in() ? report_.sees_people() : ActsAs(job);
        // Not scheduled here, but run by pulse_run_job(): by pg_cron, for instance.
        const bool elsewhere = !job.enabled && !rows.empty() && rows[0].Bool(3);
        const bool runs = job.enabled || elsewhere;
        std::string value = !runs ? "disabled" : rows.empty() ? "never ran" : rows[0].Text(0);
        std::string detail;
        if (!rows.empty()) {
            detail = pg::FormatAge(pg::WallClock() - rows[0].Time(1)) + " ago";
            if (const auto said = rows[0].TextOrNull(2); said && shown) detail += ": " + *said;
        }
        if (elsewhere) detail += ", by pulse_run_job()";
        const bool bad = runs && (value == "failed" || value == "timed out" || value == "crashed");
        if (job.enabled && job.next_run && *job.next_run != kForEver)
            detail += (detail.empty() ? "next run " : ", next run ") +
                      FormatMoment(*job.next_run / kSecond * kSecond);
        report_.Add("job " + job.name, bad ? "degraded" : "ok", value, detail);
    }

    // An error in a definition says nothing about the source.
    void Sources() {
        const pg::Result rows = pg::Execute(
            "SELECT name, status, last_reached_at, last_error FROM pulse.source ORDER BY name LIMIT 1000", {},
            true);
        for (uint64_t i = 0; i < rows.size(); ++i) {
            const std::string status = rows[i].Text(1);
            const bool bad = status == "refused" || status == "unreachable";
            const auto reached = rows[i].TimeOrNull(2);
            report_.Add("source " + rows[i].Text(0), bad ? "degraded" : "ok", status,
                        bad       ? report_.ErrorText(rows[i].TextOrNull(3).value_or(""))
                        : reached ? "reached " + pg::FormatAge(pg::WallClock() - *reached) + " ago"
                                  : "");
        }
    }

    std::string caller_;
    pg::StatusReport report_;
    bool running_ = false;
};

}  // namespace

std::vector<pg::StatusRow> Status() {
    const std::string caller = pg::CallerName();
    const pg::OwnerSession session;
    return Report(caller).Make();
}

}  // namespace pulse::worker
