// The launcher: starts a worker where a job is due, and otherwise sleeps. It is not connected to a database,
// so it blocks no DROP DATABASE; all its information is in the scheduler state.
#include <algorithm>
#include <map>
#include <tuple>

#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/wait.hpp"

namespace pulse::worker {

namespace {

using pg::Lane;
using pg::SchedulerState;

// Pause after a worker failed, and while no process is free.
constexpr int64_t kPause = kSecond;
constexpr int64_t kLongestBadPause = kMinute;
// After a start no database is known yet: a few are looked at at a time.
constexpr int kNewAtOnce = 4;
// A change of the system clock wakes no sleeping process.
constexpr int64_t kLongestSleep = kHour;
// Looks at one database without a request.
constexpr int kLooksPerSecond = 8;

class Launcher {
  public:
    explicit Launcher(const pg::Order& order) : order_(order) {
        if (OidIsValid(order.database)) handle_ = pg::MakeSchedulerState();
        scheduler_ = SchedulerState::Find();
    }

    void Run() {
        scheduler_->EnterLauncher();
        // Workers of a killed launcher would keep their slots forever.
        for (const int pid : scheduler_->Orphans()) pg::Terminate(pid);
        pg::Arena arena("pulse launcher");
        while (!pg::ShutdownRequested() && !gone_) {
            Reload();
            if (pg::TakeSignal()) scheduler_->Notify(order_.database);
            if (pg::TakeWakeSignal())
                for (const Lane lane : pg::OwnLanes()) scheduler_->Wake(order_.database, lane);
            Reap();
            if (scheduler_->TakeRescan()) Scan();
            const Moment wake = pg::settings::run_jobs ? StartWhatIsDue() : pg::kNever;
            arena.Reset();
            if (!pg::ShutdownRequested() && !gone_) Sleep(wake);
        }
        if (OidIsValid(order_.database))
            for (const auto& [place, child] : children_) child.Terminate();
    }

  private:
    void Reload() {
        std::vector<const pg::JobKind*> off;
        for (const pg::JobKind* kind : pg::JobKinds())
            if (kind->enabled && !*kind->enabled) off.push_back(kind);
        if (!pg::ReloadIfAsked()) return;
        if (!pg::settings::run_jobs)
            for (const auto& [place, child] : children_) child.Terminate();
        // Nothing was due while it was off.
        for (const pg::JobKind* kind : off)
            if (*kind->enabled) scheduler_->WakeAll(pg::LaneOf(*kind));
    }

    void Sleep(Moment wake) {
        // Rounded up, so that it does not wake just before the time.
        constexpr int64_t kMilliseconds = 1000;
        if (wake == pg::kNever) {
            pg::Wait(-1);
            return;
        }
        const int64_t left = std::clamp<int64_t>(wake - pg::WallClock(), 0, kLongestSleep);
        pg::Wait(left / kMilliseconds + 1);
    }

    void Reap() {
        for (auto it = children_.begin(); it != children_.end();) {
            if (!it->second.Stopped()) {
                ++it;
                continue;
            }
            const SchedulerState::Worker worker = scheduler_->Free(it->first);
            it = children_.erase(it);
            // Retry after a pause, which grows with each failure. Failures of one role delay only the next
            // process of that role.
            Failures& failures = failures_[{worker.database, worker.role, worker.lane}];
            if (worker.clean || (OidIsValid(worker.role) && worker.begun)) failures = {};
            if (worker.clean) continue;
            if (!OidIsValid(worker.role) || !worker.begun) failures.count = std::min(failures.count + 1, 10);
            const Moment now = pg::WallClock();
            const int64_t pause = std::min(kPause << std::max(0, failures.count - 1), kLongestBadPause);
            failures.until = now + pause;
            scheduler_->Failed(worker.database, worker.lane,
                               now + (OidIsValid(worker.role) ? kPause : pause));
            scheduler_->Rescan();
        }
    }

    void Scan() {
        std::vector<Oid> databases = pg::ListDatabases();
        if (OidIsValid(order_.database))
            std::erase_if(databases, [&](Oid id) { return id != order_.database; });
        std::erase_if(looks_, [&](const auto& entry) {
            return std::find(databases.begin(), databases.end(), entry.first) == databases.end();
        });
        std::erase_if(failures_, [&](const auto& entry) {
            return std::find(databases.begin(), databases.end(), std::get<0>(entry.first)) == databases.end();
        });
        gone_ = OidIsValid(order_.database) && databases.empty();
        if (scheduler_->SetDatabases(databases)) return;
        if (!std::exchange(told_full_, true))
            pg::Warning("pulse serves only the first " + std::to_string(SchedulerState::kDatabases) +
                        " databases of this server");
    }

    // Returns when to wake.
    Moment StartWhatIsDue() {
        const Moment now = pg::WallClock();
        if (blocked_until_ > now) return blocked_until_;
        Moment wake = pg::kNever;
        std::vector<SchedulerState::Database> databases = scheduler_->Databases();
        int news = 0;
        for (const SchedulerState::Database& database : databases)
            news += database.presence == pg::Presence::kUnknown && database.of(Lane::kJobs).running > 0;
        for (const SchedulerState::Database& database : databases) {
            for (const Lane lane : pg::OwnLanes())
                if (!StartLane(database, lane, now, wake)) return blocked_until_;
            const int running = database.of(Lane::kJobs).running;
            int free = pg::settings::max_parallel_jobs - running;
            for (size_t i = 0; i < database.wanted && free > 0; ++i) {
                const auto failed = failures_.find({database.id, database.roles[i], Lane::kJobs});
                if (failed != failures_.end() && failed->second.until > now) {
                    wake = std::min(wake, failed->second.until);
                    continue;
                }
                if (!Start(database.id, database.roles[i], Lane::kJobs, false)) return blocked_until_;
                --free;
            }
            const bool notified = database.of(Lane::kJobs).notified;
            const Moment due = std::max(database.of(Lane::kJobs).At(), database.not_before);
            if (due > now) {
                wake = std::min(wake, due);
                continue;
            }
            if (free <= 0) continue;  // the end of a worker wakes the launcher
            const bool is_new = database.presence == pg::Presence::kUnknown;
            if (is_new && (news >= kNewAtOnce || running > 0)) continue;
            news += is_new;
            if (!notified && !Allow(database.id, now)) {
                wake = std::min(wake, looks_[database.id].since + kSecond);
                continue;
            }
            if (!Start(database.id, InvalidOid, Lane::kJobs, true)) return blocked_until_;
        }
        return wake;
    }

    // One worker per lane: while it runs it is woken directly, and its end wakes the launcher. False if no
    // process is free.
    bool StartLane(const SchedulerState::Database& database, Lane lane, Moment now, Moment& wake) {
        // In a new database a look at the jobs finds out what is due, and whether the extension exists.
        if (database.presence != pg::Presence::kPresent || database.of(lane).running > 0) return true;
        Moment due = std::max(database.of(lane).At(), database.not_before);
        if (due <= now && !Allow(database.id, now)) due = looks_[database.id].since + kSecond;
        if (due > now) {
            wake = std::min(wake, due);
            return true;
        }
        return Start(database.id, InvalidOid, lane, true);
    }

    // A safeguard against workers that find a due job and do not run it. Many jobs with the same time cause
    // many looks, but a limited number.
    bool Allow(Oid database, Moment now) {
        Looks& looks = looks_[database];
        if (now < looks.since || now >= looks.since + kSecond) looks = {now, 0};
        return looks.count++ < kLooksPerSecond;
    }

    bool Start(Oid database, Oid role, Lane lane, bool look) {
        const std::optional<size_t> place = scheduler_->Reserve(database, role, lane, look);
        std::optional<pg::Child> child;
        if (place) child = pg::Child::Start({database, role, lane, static_cast<uint32_t>(*place), handle_});
        if (child) {
            children_.emplace(*place, std::move(*child));
            scheduler_->SetOutOfWorkers(false);
            return true;
        }
        if (place) scheduler_->Free(*place);
        if (lane == Lane::kJobs)
            scheduler_->Notify(database);  // it is still due
        else
            scheduler_->Wake(database, lane);
        blocked_until_ = pg::WallClock() + kPause;
        if (!scheduler_->OutOfWorkers())
            pg::Warning("pulse could not start a worker", "No background worker process is free.",
                        "Raise max_worker_processes in postgresql.conf and restart the server.");
        scheduler_->SetOutOfWorkers(true);
        return false;
    }

    pg::Order order_;
    uint32_t handle_ = 0;
    SchedulerState* scheduler_ = nullptr;
    std::map<size_t, pg::Child> children_;  // by slot in the scheduler state
    struct Failures {
        int count = 0;
        Moment until = pg::kAtOnce;
    };
    std::map<std::tuple<Oid, Oid, Lane>, Failures> failures_;  // by database, role and lane
    struct Looks {
        Moment since = pg::kAtOnce;
        int count = 0;
    };
    std::map<Oid, Looks> looks_;  // in the second that began then
    Moment blocked_until_ = pg::kAtOnce;
    bool told_full_ = false;
    bool gone_ = false;  // the only database it serves
};

}  // namespace

}  // namespace pulse::worker

PULSE_PROCESS(pulse_launcher_main) {
    namespace pg = pulse::pg;
    const pg::Order order = pg::MyOrder();
    pg::BecomeLauncher();
    // With exit code 0 the postmaster does not restart it.
    if (OidIsValid(order.database) && !pg::ClaimDatabase(order.database)) pg::EndProcess(0);
    pulse::worker::Launcher(order).Run();
    pg::EndProcess(OidIsValid(order.database) ? 0 : 1);
}
