// Taking snapshots in a background worker: nothing of this database is held while a server is read, and each
// segment stands or falls alone.
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

namespace pulse::snapshot {

namespace {

// A transaction of the run: in all of them it is the moment at which the run began, also for definitions that
// call pulse_now() themselves.
class Step {
  public:
    Step(const char* what, Moment moment) : transaction_(what) {
        const pg::Session session;
        pg::Execute("SELECT pg_catalog.set_config('pulse.now', $1, true)",
                    {pg::Value::Text(FormatMoment(moment))});
    }
    void Commit() { transaction_.Commit(); }

  private:
    pg::Transaction transaction_;
};

// One segment, which it keeps locked as long as it lives. A local one takes one transaction, a remote one a
// short one before the visit and one after it.
class Taking {
  public:
    Taking(const segment::Segment& segment, Moment moment)
        : segment_(segment), moment_(moment), place_(segment::PlaceOf(segment)), usage_(UsageFor(segment)) {}

    const std::string& source() const { return place_.source; }
    const source::Usage& usage() const { return usage_; }

    // Throws what went wrong, rolled back.
    Outcome Run() { return place_.source.empty() ? RunHere() : RunThere(); }

  private:
    Outcome RunHere() {
        Step step("pulse: measuring a segment", moment_);
        if (auto done = Settle()) return *done;
        Read();
        return Finish(step);
    }

    Outcome RunThere() {
        {
            Step step("pulse: preparing to measure a segment", moment_);
            if (auto done = Settle()) return *done;
            step.Commit();
        }
        AwaitTurn();
        Read();
        Step step("pulse: keeping a snapshot", moment_);
        source::Record(usage_);
        return Finish(step);
    }

    // What the visit needs; or the outcome when there is nothing to visit for.
    std::optional<Outcome> Settle() {
        if (auto lock = pg::SessionLock::Try("segment", segment_.id))
            lock_.emplace(*std::move(lock));
        else
            return Skipped(segment_, "another session is measuring it");
        if (const auto known = FindAt(segment_.id, moment_); known && !known->failed)
            return Taken(segment_, *known);
        order_ = Prepare(segment_, moment_);
        target_ = source::Find(place_, pg::settings::statement_timeout);
        return std::nullopt;
    }

    // A run of many segments keeps to max_queries_per_minute by itself. A limit that is not to be had in
    // time, or is 0, refuses the visit as any other.
    void AwaitTurn() {
        constexpr auto kLongest = std::chrono::seconds(70);  // the limit looks back a minute
        constexpr long kPause = 1000;
        const auto begin = std::chrono::steady_clock::now();
        while (target_.server->limits.max_queries_per_minute > 0 && source::RateRefusal(*target_.server) &&
               std::chrono::steady_clock::now() - begin < kLongest) {
            pg::Wait(kPause);
            Step step("pulse: waiting for a source", moment_);
            target_ = source::Find(place_, pg::settings::statement_timeout);
            step.Commit();
        }
    }

    void Read() {
        segment::ReadChecked(target_, usage_,
                             [&](source::Reader& reader) { survey_ = Measure(reader, order_); });
    }

    Outcome Finish(Step& step) {
        const Record record = Keep(segment_, order_, std::move(survey_));
        step.Commit();
        return Taken(segment_, record);
    }

    const segment::Segment& segment_;
    const Moment moment_;
    const source::Place place_;
    source::Usage usage_;
    std::optional<pg::SessionLock> lock_;
    Order order_;
    source::Target target_;
    Survey survey_;
};

void RecordApart(const source::Usage& usage, Moment moment) {
    if (usage.source.empty()) return;
    Step step("pulse: recording a visit", moment);
    source::Record(usage);
    step.Commit();
}

Outcome FailedApart(const segment::Segment& segment, Moment moment, const std::string& state,
                    const std::string& message, const std::string& detail) {
    Step step("pulse: recording a failure", moment);
    const Outcome outcome = Failed(segment, moment, state, message, detail);
    step.Commit();
    return outcome;
}

Outcome TakeApart(const segment::Segment& segment, Moment moment, GivenUp& given_up) {
    Taking taking(segment, moment);
    const std::string& source = taking.source();
    if (const auto reason = given_up.Reason(source)) return Skipped(segment, *reason);
    try {
        const Outcome outcome = taking.Run();
        if (outcome.status == "ok") given_up.Read(source);
        return outcome;
    } catch (const source::Unavailable& error) {
        given_up.Missed(source, ReasonOf(error), taking.usage().status == "unreachable");
        RecordApart(taking.usage(), moment);
        return Skipped(segment, ReasonOf(error));
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        return FailedApart(segment, moment, error.State(), error.message, error.detail);
    } catch (const UserError& error) {
        RecordApart(taking.usage(), moment);
        return FailedApart(segment, moment, error.state(), error.message(), error.detail());
    }
}

}  // namespace

std::vector<Outcome> TakeDueApart() {
    Moment moment = 0;
    std::vector<segment::Segment> due;
    {
        pg::Transaction transaction("pulse: finding segments that are due");
        moment = pg::PastNow();
        due = FindDue(moment);
        transaction.Commit();
    }
    std::vector<Outcome> outcomes;
    GivenUp given_up;
    pg::Arena arena("pulse snapshots");
    for (const segment::Segment& segment : due) {
        pg::CheckInterrupts();
        outcomes.push_back(TakeApart(segment, moment, given_up));
        arena.Reset();
    }
    return outcomes;
}

}  // namespace pulse::snapshot
