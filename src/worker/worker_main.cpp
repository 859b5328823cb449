// A worker: connected to one database, it runs the jobs that are due and ends when none is left.
#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/source/reader.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

namespace {

using pg::SchedulerState;

constexpr int64_t kTroublePause = kSecond;

class Worker {
  public:
    Worker(const pg::Order& order, SchedulerState& scheduler) : order_(order), scheduler_(scheduler) {
        if (OidIsValid(order.role)) role_ = RoleName();
    }

    void Run() {
        bool jobs = false;
        do {
            // Later notifications are seen by the next look.
            if (order_.lane != pg::Lane::kJobs) scheduler_.TakeNotification(order_.database, order_.lane);
            const SchedulerState::Epochs epochs = scheduler_.EpochsOf(order_.database);
            try {
                if (!Ready(epochs)) return;
                jobs = RunOne(epochs);
            } catch (const std::exception&) {
                // The transaction was rolled back. The extension may have been dropped, or another session
                // may be changing or locking it: look again after a pause.
                if (!Trouble(ResultOfError().error_state.value_or(""), epochs)) throw;
                return;
            }
            pg::ReloadIfAsked();
        } while (jobs && pg::settings::run_jobs);
    }

  private:
    std::string RoleName() {
        pg::Transaction transaction("pulse: beginning");
        const std::string name = pg::Call([&] { return GetUserNameFromId(order_.role, false); });
        transaction.Commit();
        return name;
    }

    // Whether the extension exists in a version that fits this library.
    bool Ready(const SchedulerState::Epochs& epochs) {
        std::string version;
        pg::Transaction transaction("pulse: looking for the extension");
        const Installed installed = FindExtension(&version);
        transaction.Commit();
        if (installed == Installed::kYes) return true;
        const pg::Presence presence =
            installed == Installed::kNo ? pg::Presence::kAbsent : pg::Presence::kOtherVersion;
        if (presence == pg::Presence::kOtherVersion && scheduler_.PresenceOf(order_.database) != presence)
            pg::Warning(
                "pulse runs no jobs in this database: the extension is of another version than the library",
                "The extension is " + version + ", the library " PULSE_VERSION ".",
                "Run ALTER EXTENSION pulse UPDATE; after installing a new library restart the server.");
        Publish(presence, pg::kNever, epochs);
        return false;
    }

    bool RunOne(const SchedulerState::Epochs& epochs) {
        Look look = LookForWork(role_, order_.lane, begun_);
        if (!look.roles.empty()) {
            scheduler_.Want(order_.database, look.roles);
            // Those workers will report what is due after them.
            if (look.next_due <= pg::WallClock()) look.next_due = pg::kNever;
        } else if (!look.claim && !begun_) {
            // A worker that found nothing to do does not ask for another look immediately, whatever seems to
            // be due.
            look.next_due = std::max(look.next_due, pg::WallClock() + kTroublePause);
        }
        Publish(pg::Presence::kPresent, look.next_due, epochs);
        if (order_.lane == pg::Lane::kJobs && !role_)
            for (const pg::Lane lane : pg::OwnLanes())
                scheduler_.Publish(order_.database, pg::Presence::kPresent, lane,
                                   look.lanes[static_cast<size_t>(lane)], epochs);
        if (!look.claim) return false;
        begun_ = true;
        scheduler_.Begun(order_.worker);
        RunClaim(std::move(*look.claim));
        source::CloseIdle();
        if (role_) pg::DiscardSession();
        return true;
    }

    bool Trouble(const std::string& state, const SchedulerState::Epochs& epochs) {
        pg::Transaction transaction("pulse: looking for the extension");
        const Installed installed = FindExtension();
        transaction.Commit();
        if (installed != Installed::kYes) {
            Publish(pg::Presence::kAbsent, pg::kNever, epochs);
            return true;
        }
        if (!sqlstate::IsLockFailure(state)) return false;
        Publish(pg::Presence::kPresent, pg::WallClock() + kTroublePause, epochs);
        return true;
    }

    void Publish(pg::Presence presence, Moment next_due, const SchedulerState::Epochs& epochs) {
        scheduler_.Publish(order_.database, presence, order_.lane, next_due, epochs);
    }

    pg::Order order_;
    SchedulerState& scheduler_;
    std::optional<std::string> role_;
    bool begun_ = false;  // it has run a job
};

}  // namespace

Installed FindExtension(std::string* version) {
    const std::optional<std::string> found = pg::ExtensionVersion();
    if (!found) return Installed::kNo;
    if (version) *version = *found;
    return *found == PULSE_VERSION ? Installed::kYes : Installed::kOtherVersion;
}

}  // namespace pulse::worker

PULSE_PROCESS(pulse_worker_main) {
    namespace pg = pulse::pg;
    const pg::Order order = pg::MyOrder();
    pg::BecomeWorker(order);
    pg::SchedulerState* scheduler = pg::SchedulerState::Find();
    if (!scheduler) pg::EndProcess(0);  // its launcher has ended
    // Background work uses no parallel workers: these are left to the users' queries.
    pg::SetForProcess("max_parallel_workers_per_gather", "0");
    // A superuser's process ignores the search_path of the database's settings. A role's process has the
    // rights and the search_path of the role; Pulse's own statements in it run under an Identity.
    if (!OidIsValid(order.role)) {
        pg::SetForProcess("search_path", "pg_catalog, pg_temp");
        pg::SetForProcess("lock_timeout", pg::ShortLockTimeout().c_str());
    }
    pulse::worker::Worker(order, *scheduler).Run();
    scheduler->Leave(order.worker);
    pg::EndProcess(0);
}
