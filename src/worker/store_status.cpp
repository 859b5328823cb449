// How Pulse itself is.
#include <algorithm>

#include "pulse/delivery/store_by_index.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

namespace {

constexpr int64_t kLate = kMinute;  // overdue by this is degraded
constexpr int64_t kVeryLate = 10 * kMinute;

std::string Age(int64_t span) {
    const int64_t seconds = std::max<int64_t>(0, span) / kSecond;
    if (seconds < 120) return std::to_string(seconds) + " s";
    if (seconds < 7200) return std::to_string(seconds / 60) + " min";
    if (seconds < 172800) return std::to_string(seconds / 3600) + " h";
    return std::to_string(seconds / 86400) + " days";
}

class Report {
  public:
    std::vector<StatusRow> Make() {
        Version();
        Launcher();
        Queues();
        Pipeline();
        Messages();
        Channels();
        for (const Job& job : LoadAll()) Newest(job);
        Sources();
        StatusRow head{"pulse", "ok", "ok", ""};
        for (const StatusRow& row : rows_) {
            if (row.state == "ok") continue;
            if (head.state != "down") head.state = row.state;
            head.detail += (head.detail.empty() ? "" : "; ") + row.item + ": " +
                           (row.detail.empty() ? row.value : row.detail);
        }
        head.value = head.state;
        rows_.insert(rows_.begin(), head);
        return std::move(rows_);
    }

  private:
    void Add(std::string item, std::string state, std::string value, std::string detail = "") {
        rows_.push_back({std::move(item), std::move(state), std::move(value), std::move(detail)});
    }

    void Version() {
        std::string version;
        const bool same = FindExtension(&version) == Installed::kYes;
        Add("version", same ? "ok" : "down", version,
            same
                ? ""
                : "the extension is " + version +
                      ", the library " PULSE_VERSION
                      ": run ALTER EXTENSION pulse UPDATE, or restart the server after installing a library");
    }

    static bool AnyJob() {
        return pg::Execute("SELECT EXISTS (SELECT FROM pulse.job WHERE enabled)")[0].Bool(0);
    }

    void Launcher() {
        if (standby_) {
            Add("launcher", "ok", "standby", "jobs run on the primary");
            return;
        }
        const char* how = pg::Preloaded() ? "preloaded" : "started by pulse_start()";
        running_ = pg::FindLauncher() != 0;
        if (running_)
            Add("launcher", "ok", "running", how);
        else if (pg::Preloaded())
            Add("launcher", "down", "not running", "the launcher is not running; the server's log says why");
        else if (!AnyJob())
            Add("launcher", "ok", "not running", "no job is enabled");
        else
            Add("launcher", "down", "not running",
                "jobs do not run by themselves: put pulse into shared_preload_libraries, or SELECT "
                "pulse_start()");
        const std::string workers = std::to_string(pg::CountWorkers(MyDatabaseId));
        const pg::SchedulerState* found = pg::SchedulerState::Find();
        if (!pg::settings::run_jobs)
            Add("workers", "degraded", workers, "pulse.run_jobs is off");
        else if (found && pg::SchedulerState::Find()->OutOfWorkers())
            Add("workers", "degraded", workers,
                "no background worker process is free: raise max_worker_processes");
        else
            Add("workers", "ok", workers);
    }

    // How much waits, and since when. A standby only shows what the primary does.
    void Queue(const std::string& item, int64_t count, std::optional<Moment> oldest) {
        const int64_t wait = oldest ? pg::WallClock() - *oldest : 0;
        const std::string detail =
            count == 0 ? "" : std::to_string(count) + " overdue, the oldest by " + Age(wait);
        Add(item,
            count == 0 || wait < kLate || standby_ ? "ok"
            : wait < kVeryLate                     ? "degraded"
                                                   : "down",
            std::to_string(count), detail);
    }

    void Queues() {
        const pg::Result jobs = pg::Execute(
            "SELECT count(*), min(next_run) FROM pulse.job WHERE enabled AND next_run <= clock_timestamp() "
            "AND running_since IS NULL");
        Queue("overdue jobs", jobs[0].Int8(0), jobs[0].TimeOrNull(1));
        const pg::Result checks = pg::Execute(
            "SELECT count(*), min(c.next_check_at) FROM pulse.monitor_check AS c JOIN pulse.monitor AS m "
            "ON m.id = c.monitor_id WHERE m.status = 'active' AND c.next_check_at <= clock_timestamp()");
        Queue("overdue checks", checks[0].Int8(0), checks[0].TimeOrNull(1));
        const pg::Result failing = pg::Execute(
            "SELECT count(*), min(m.relation || ': ' || c.last_message) FROM pulse.monitor_check AS c "
            "JOIN pulse.monitor AS m ON m.id = c.monitor_id WHERE m.status = 'active' AND c.last_status = "
            "'error'");
        const int64_t failed = failing[0].Int8(0);
        Add("failing checks", failed == 0 ? "ok" : "degraded", std::to_string(failed),
            failing[0].TextOrNull(1).value_or(""));
        const int64_t incidents = pg::Execute(
                                      "SELECT count(*) FROM pulse.incident_record WHERE status IN ('open', "
                                      "'acknowledged') AND diagnosis IS NULL")[0]
                                      .Int8(0);
        Add("undiagnosed incidents", "ok", std::to_string(incidents));
    }

    // People whom the pipeline has still to evaluate. What is read of them is exact all the same, unless they
    // are queued.
    void Pipeline() {
        const pg::Result rows = pg::Execute(
            "SELECT (SELECT count(*) FROM (SELECT FROM pulse.dirty LIMIT 10001) AS d), (SELECT d.at"
            " FROM pulse.dirty AS d ORDER BY d.id LIMIT 1),"
            " (SELECT count(*) FROM (SELECT FROM pulse.profile_state"
            " WHERE next_change_at <= clock_timestamp() LIMIT 10001) AS s),"
            " (SELECT min(next_change_at) FROM pulse.profile_state"
            " WHERE next_change_at <= clock_timestamp()),"
            " (SELECT count(*) FROM pulse.live_segment WHERE built_to IS NOT NULL)");
        Queue("pipeline", rows[0].Int8(0), rows[0].TimeOrNull(1));
        Queue("pipeline timers", rows[0].Int8(2), rows[0].TimeOrNull(3));
        Add("pipeline builds", "ok", std::to_string(rows[0].Int8(4)));
    }

    // Counted up to a limit: a queue may hold millions.
    void Messages() {
        const delivery::ByIndex by_index;
        const pg::Result waiting =
            pg::Execute(PULSE_DUE_CHANNELS
                        "SELECT count(*), (SELECT min(l.send_at) FROM line AS l WHERE NOT EXISTS (SELECT"
                        " FROM pulse.channel_state AS s"
                        " WHERE s.channel = l.channel AND (s.disabled_at IS NOT NULL"
                        " OR s.open_until > clock_timestamp())))"
                        " FROM (SELECT FROM pulse.outbox WHERE status = 'pending' LIMIT 10001) AS p");
        const int64_t count = waiting[0].Int8(0);
        const std::string number = count > 10000 ? "more than 10000" : std::to_string(count);
        const auto oldest = waiting[0].TimeOrNull(1);
        const int64_t late = oldest ? pg::WallClock() - *oldest : 0;
        if (!pg::settings::send_messages && !standby_)
            Add("messages", "degraded", number, "pulse.send_messages is off");
        else
            Add("messages",
                late < kLate || standby_ ? "ok"
                : late < kVeryLate       ? "degraded"
                                         : "down",
                number, late > kSecond ? "the oldest is overdue by " + Age(late) : "");
        const pg::Result dead = pg::Execute(
            "SELECT count(*), (SELECT d.channel || ': ' || coalesce(d.error, '') FROM pulse.outbox AS d"
            " WHERE d.status = 'dead' AND d.folded_into IS NULL"
            " AND d.finished_at > clock_timestamp() - interval '1 day' ORDER BY d.finished_at DESC LIMIT 1)"
            " FROM (SELECT FROM pulse.outbox WHERE status = 'dead' AND folded_into IS NULL"
            " AND finished_at > clock_timestamp() - interval '1 day'"
            " LIMIT 10000) AS p");
        Add("dead messages", dead[0].Int8(0) == 0 ? "ok" : "degraded", std::to_string(dead[0].Int8(0)),
            dead[0].Int8(0) == 0 ? "" : "within a day, the newest to " + dead[0].TextOrNull(1).value_or(""));
        Add("investigations", "ok",
            std::to_string(
                pg::Execute(
                    "SELECT count(*) FROM pulse.investigation WHERE status IN ('queued', 'running')")[0]
                    .Int8(0)));
    }

    void Channels() {
        const pg::Result rows = pg::Execute(
            "SELECT n.name, s.disabled_at, CASE WHEN s.open_until > clock_timestamp() THEN s.open_until"
            " END, s.last_error,"
            " s.last_ok_at FROM unnest($1::text[]) AS n (name) LEFT"
            " JOIN pulse.channel_state AS s ON s.channel = n.name"
            " ORDER BY n.name LIMIT 1000",
            {pg::Value::Texts(pg::ServerNames("pulse_channel"))});
        for (uint64_t i = 0; i < rows.size(); ++i) {
            const std::string item = "channel " + rows[i].Text(0);
            const std::string why = rows[i].TextOrNull(3).value_or("");
            if (!rows[i].IsNull(1)) {
                Add(item, "degraded", "disabled", why + ": pulse_test_channel() tries it again");
            } else if (!rows[i].IsNull(2)) {
                Add(item, "degraded", "resting",
                    "until " + FormatMoment(rows[i].Time(2) / kSecond * kSecond) + ": " + why);
            } else {
                const auto ok = rows[i].TimeOrNull(4);
                Add(item, "ok", ok ? "ok" : "unused",
                    ok ? "sent " + Age(pg::WallClock() - *ok) + " ago" : "");
            }
        }
    }

    void Newest(const Job& job) {
        const pg::Result rows = pg::Execute(
            "SELECT status, started_at, coalesce(error, message), rows FROM pulse.job_run WHERE job_id = $1 "
            "ORDER BY id DESC LIMIT 1",
            {pg::Value::Int8(job.id)}, true);
        std::string value = !job.enabled ? "disabled" : rows.empty() ? "never ran" : rows[0].Text(0);
        std::string detail;
        if (!rows.empty()) {
            detail = Age(pg::WallClock() - rows[0].Time(1)) + " ago";
            if (const auto said = rows[0].TextOrNull(2)) detail += ": " + *said;
        }
        const bool bad = job.enabled && (value == "failed" || value == "timed out" || value == "crashed");
        if (job.enabled && job.next_run && *job.next_run != kForEver)
            detail += (detail.empty() ? "next run " : ", next run ") +
                      FormatMoment(*job.next_run / kSecond * kSecond);
        Add("job " + job.name, bad ? "degraded" : "ok", value, detail);
    }

    // What a definition does wrong on a source is not the source's state.
    void Sources() {
        const pg::Result rows = pg::Execute(
            "SELECT name, status, last_reached_at, last_error FROM pulse.source ORDER BY name LIMIT 1000", {},
            true);
        for (uint64_t i = 0; i < rows.size(); ++i) {
            const std::string status = rows[i].Text(1);
            const bool bad = status == "refused" || status == "unreachable";
            const auto reached = rows[i].TimeOrNull(2);
            Add("source " + rows[i].Text(0), bad ? "degraded" : "ok", status,
                bad       ? rows[i].TextOrNull(3).value_or("")
                : reached ? "reached " + Age(pg::WallClock() - *reached) + " ago"
                          : "");
        }
    }

    std::vector<StatusRow> rows_;
    bool running_ = false;
    bool standby_ = pg::Call([] { return RecoveryInProgress(); });
};

}  // namespace

std::vector<StatusRow> Status() {
    const pg::OwnerSession session;
    return Report().Make();
}

}  // namespace pulse::worker
