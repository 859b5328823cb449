// The job order_events.
#include <algorithm>
#include <chrono>
#include <functional>

#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/vacuum.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/profile/store_event_order.hpp"

namespace pulse::profile {

namespace {

using std::chrono::steady_clock;
using Step = MonthWork::Step;

constexpr std::chrono::seconds kRun{50};
constexpr long kLongestPause = 2000;  // milliseconds
constexpr const char* kWhat = "pulse: ordering events";

// False if somebody is in the way.
bool InTransaction(const std::function<void()>& work) {
    return pg::RunShortTransaction(kWhat, work) == pg::ShortTransaction::kDone;
}

bool Freeze(const std::string& table) {
    try {
        pg::VacuumFreeze(table);
    } catch (const pg::Error& error) {
        if (!sqlstate::IsLockFailure(error.State())) throw;
        return false;
    }
    return true;
}

// Returns whether the month is ordered.
bool Swap(const MonthWork& work) {
    bool frozen = false, swapped = false;
    for (bool more = true; more;)
        if (!InTransaction([&] { more = AddLate(work); })) return false;
    if (!InTransaction([&] { frozen = IsFrozen(work); })) return false;
    if (!frozen && !Freeze(CopyName(work.partition))) return false;
    if (InTransaction([&] { swapped = IsFrozen(work) && SwapMonth(work); }) && swapped) return true;
    InTransaction([&] { WaitForOthers(work); });
    return false;
}

enum class Outcome { kMore, kNothing, kOrdered, kFrozen };

Outcome DoStep(const MonthWork& work) {
    switch (work.step) {
        case Step::kNone: break;
        case Step::kCopy:
            return InTransaction([&] { CopyPeople(work); }) ? Outcome::kMore : Outcome::kNothing;
        case Step::kCompare:
            return InTransaction([&] { ComparePeople(work); }) ? Outcome::kMore : Outcome::kNothing;
        case Step::kSwap: return Swap(work) ? Outcome::kOrdered : Outcome::kNothing;
        case Step::kFreeze:
            if (Freeze(work.partition) && InTransaction([&] { NoteFrozen(work); })) return Outcome::kFrozen;
            break;
    }
    return Outcome::kNothing;
}

// What goes wrong with one month does not stop the others: an error of `work` is noted by `note`, with its
// reason. Returns whether there was none.
bool TryMonth(const std::string& month, const std::function<void()>& work,
              const std::function<void(const std::string&)>& note) {
    std::string state, message;
    try {
        work();
        return true;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error) || error.State() == sqlstate::kQueryCanceled) throw;
        state = error.State();
        message = error.message;
    } catch (const UserError& error) {
        state = error.state();
        message = error.message();
    }
    pg::Warning(month + " is not put into the order of people", message);
    InTransaction([&] { note("SQLSTATE " + state + "; the server's log has the rest."); });
    return false;
}

MonthWork TakeWork() {
    bool left = true, taken = false;
    MonthWork work;
    if (!InTransaction([&] { left = DropUnknownCopies(); }) || left) return {};
    TryMonth(
        "A month of events", [&] { taken = InTransaction([&] { work = NextMonthWork(); }); }, NoteNotBegun);
    return taken ? work : MonthWork{};
}

RunResult RunOrderJob(bool) {
    RunResult result;
    int64_t ordered = 0, frozen = 0;
    std::string begun;
    for (const auto end = steady_clock::now() + kRun; steady_clock::now() < end;) {
        pg::CheckInterrupts();
        const auto begin = steady_clock::now();
        const MonthWork work = TakeWork();
        if (work.step == Step::kNone) break;
        Outcome outcome = Outcome::kMore;
        TryMonth(
            "pulse." + work.partition, [&] { outcome = DoStep(work); },
            [&](const std::string& reason) { GiveUp(work.partition, reason, 7 * kDay); });
        begun = outcome == Outcome::kOrdered || outcome == Outcome::kFrozen ? "" : work.partition;
        if (outcome == Outcome::kNothing) break;
        if (outcome == Outcome::kOrdered) ++ordered;
        if (outcome == Outcome::kFrozen) ++frozen;
        // Half of the time is for others.
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
        pg::Wait(std::min<long>(took.count(), kLongestPause));
    }
    result.rows = ordered + frozen;
    result.message = std::to_string(ordered) + " months ordered, " + std::to_string(frozen) + " frozen" +
                     (begun.empty() ? "" : ", goes on with " + begun);
    return result;
}

void ReportOrder(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT string_agg(partition || ': ' || state, ', ' ORDER BY partition) FILTER (WHERE state IN"
        " ('copying', 'comparing', 'swapping')), string_agg(partition || ': ' || reason, ' ' ORDER BY partition)"
        " FILTER (WHERE state = 'failed' AND next_try_at > clock_timestamp()) FROM pulse.event_month");
    if (const auto open = rows[0].TextOrNull(0)) report.Add("month being ordered", "ok", *open);
    if (const auto failed = rows[0].TextOrNull(1)) report.Add("months not ordered", "ok", "", *failed);
}

const pg::JobKind kOrderJob{
    .id = 27,
    .name = "order_events",
    .description = "Freezes closed months of events and puts them into the order of people.",
    .schedule = "1 minute",
    .retry_delay = "1 minute",
    .next_due = NextOrderDue,
    .pause_after_success = true,
    .runs_in_session = false,
    .run = RunOrderJob,
    .status = {{.order = 37, .add = ReportOrder}}};

[[maybe_unused]] const bool order_registered = pg::RegisterJobKind(kOrderJob);

}  // namespace

}  // namespace pulse::profile
