// Takes snapshots in a background worker: no transaction, lock or snapshot of this database is held while a
// server is read, and a failing segment does not affect the others.
#include <chrono>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/server.hpp"
#include "store_take_internal.hpp"
#include "store_take_servers.hpp"

namespace pulse::snapshot {

namespace {

// A transaction of the run. In each of them pulse_now() is the time at which the run began, also for
// definitions that call it themselves.
class RunTransaction {
  public:
    RunTransaction(const char* what, Moment moment) : transaction_(what) {
        const pg::Session session;
        pg::Execute("SELECT pg_catalog.set_config('pulse.now', $1, true)",
                    {pg::Value::Text(FormatMoment(moment))});
    }
    void Commit() { transaction_.Commit(); }

  private:
    pg::Transaction transaction_;
};

// Takes the snapshot of one segment and holds its lock meanwhile. A local segment takes one transaction, a
// remote one a short transaction before the visit and one after it.
class BackgroundTake {
  public:
    BackgroundTake(const segment::Segment& segment, Moment moment, SourceCircuitBreaker& breaker)
        : segment_(segment),
          moment_(moment),
          place_(segment::AccessOf(segment)),
          usage_(UsageFor(segment)),
          servers_(segment, &breaker) {}

    // What the visits cost, also after an error.
    std::vector<source::Usage> Usages() const {
        return spec_.several ? servers_.Usages() : std::vector<source::Usage>{usage_};
    }

    // Throws on failure, rolled back.
    TakeResult Run() {
        if (segment::SourcesOf(segment_.definition).size() > 1) return RunServers();
        return place_.source.empty() ? RunLocal() : RunRemote();
    }

  private:
    TakeResult RunLocal() {
        RunTransaction transaction("pulse: measuring a segment", moment_);
        if (auto done = PrepareVisit()) return *done;
        Read();
        return Finish(transaction);
    }

    TakeResult RunRemote() {
        {
            RunTransaction transaction("pulse: preparing to measure a segment", moment_);
            if (auto done = PrepareVisit()) return *done;
            transaction.Commit();
        }
        WaitForRateLimit();
        Read();
        RunTransaction transaction("pulse: keeping a snapshot", moment_);
        source::RecordUsage(usage_);
        return Finish(transaction);
    }

    TakeResult RunServers() {
        {
            RunTransaction transaction("pulse: preparing to measure a segment", moment_);
            if (auto done = PrepareVisit()) return *done;
            transaction.Commit();
        }
        servers_.Read();
        servers_.Merge();
        RunTransaction transaction("pulse: keeping a snapshot", moment_);
        for (const source::Usage& usage : servers_.Usages()) source::RecordUsage(usage);
        measured_ = servers_.Finish();
        return Finish(transaction);
    }

    // Prepares the visit; or returns the result if no visit is needed.
    std::optional<TakeResult> PrepareVisit() {
        if (auto lock = pg::SessionLock::Try("segment", segment_.id))
            lock_.emplace(*std::move(lock));
        else
            return Skipped(segment_, "another session is measuring it");
        if (const auto known = FindAt(segment_.id, moment_); known && known->whole())
            return Taken(segment_, *known);
        spec_ = PrepareMeasurement(segment_, moment_);
        if (spec_.several)
            servers_.Prepare(spec_);
        else
            target_ = source::ResolveTarget(place_, pg::settings::statement_timeout);
        return std::nullopt;
    }

    // A run of many segments waits for max_queries_per_minute. If the limit is 0, or leaves no room in
    // time, the visit is refused.
    void WaitForRateLimit() {
        constexpr auto kLongest = std::chrono::seconds(70);  // the limit looks back a minute
        constexpr long kPause = 1000;
        const auto begin = std::chrono::steady_clock::now();
        while (target_.server->limits.max_queries_per_minute > 0 && source::RateRefusal(*target_.server) &&
               std::chrono::steady_clock::now() - begin < kLongest) {
            pg::Wait(kPause);
            RunTransaction transaction("pulse: waiting for a source", moment_);
            target_ = source::ResolveTarget(place_, pg::settings::statement_timeout);
            transaction.Commit();
        }
    }

    void Read() {
        segment::ReadForDefinition(
            target_, usage_, [&](source::Reader& reader) { measured_ = MeasureSegment(reader, spec_); });
    }

    TakeResult Finish(RunTransaction& transaction) {
        const Record record = StoreMeasured(segment_, spec_, std::move(measured_));
        transaction.Commit();
        return Taken(segment_, record);
    }

    const segment::Segment& segment_;
    const Moment moment_;
    const source::Access place_;
    source::Usage usage_;
    ServersTake servers_;
    std::optional<pg::SessionLock> lock_;
    MeasureSpec spec_;
    source::Target target_;
    MeasureResult measured_;
};

void RecordUsages(const std::vector<source::Usage>& usages, Moment moment) {
    if (usages.empty() || usages.front().source.empty()) return;
    RunTransaction transaction("pulse: recording visits", moment);
    for (const source::Usage& usage : usages) source::RecordUsage(usage);
    transaction.Commit();
}

TakeResult RecordFailure(const segment::Segment& segment, Moment moment, const std::string& state,
                         const std::string& message, const std::string& detail) {
    RunTransaction transaction("pulse: recording a failure", moment);
    const TakeResult result = Failed(segment, moment, state, message, detail);
    transaction.Commit();
    return result;
}

}  // namespace

TakeResult TakeInBackground(const segment::Segment& segment, Moment moment, SourceCircuitBreaker& breaker) {
    BackgroundTake take(segment, moment, breaker);
    const std::string source = OnlySource(segment);
    if (const auto reason = breaker.OpenReason(source)) return Skipped(segment, *reason);
    try {
        const TakeResult result = take.Run();
        if (result.status == "ok") breaker.RecordSuccess(source);
        return result;
    } catch (const source::Unavailable& error) {
        if (!source.empty())
            breaker.RecordFailure(source, ReasonOf(error), take.Usages().front().status == "unreachable");
        RecordUsages(take.Usages(), moment);
        return Skipped(segment, ReasonOf(error));
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        return RecordFailure(segment, moment, error.State(), error.message, error.detail);
    } catch (const UserError& error) {
        RecordUsages(take.Usages(), moment);
        return RecordFailure(segment, moment, error.state(), error.message(), error.detail());
    }
}

std::vector<TakeResult> TakeDueInBackground() {
    Moment moment = 0;
    std::vector<segment::Segment> due;
    {
        pg::Transaction transaction("pulse: finding segments that are due");
        moment = pg::PastNow();
        due = FindDue(moment);
        transaction.Commit();
    }
    std::vector<TakeResult> results;
    SourceCircuitBreaker breaker;
    pg::Arena arena("pulse snapshots");
    for (const segment::Segment& segment : due) {
        pg::CheckInterrupts();
        results.push_back(TakeInBackground(segment, moment, breaker));
        arena.Reset();
    }
    return results;
}

}  // namespace pulse::snapshot
