// Taking snapshots: once per segment and moment, whoever asks.
#include <algorithm>
#include <chrono>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

namespace {

// How many segments pass between two words of progress.
constexpr size_t kProgressEvery = 100;

void AddFlow(Record& record) {
    const auto previous = FindPrevious(record.segment_id, record.taken_at);
    if (!previous || !previous->sketch || !record.sketch || !record.size) return;
    const Flow flow = FlowBetween(*previous->sketch, previous->size, *record.sketch, *record.size);
    record.entered = flow.entered;
    record.exited = flow.exited;
    record.flow_error = flow.standard_error;
}

// The lock is held, and there is no good one of this moment yet.
Record MeasureAndWrite(const segment::Segment& segment, Moment moment) {
    Record record = Measure(segment, moment);
    if (!Hold(segment.id))
        throw UserError(sqlstate::kUndefinedObject, "segment \"" + segment.name + "\" was deleted while it was measured");
    AddFlow(record);
    record.id = Write(record);
    return record;
}

void RequireNotArchived(const segment::Segment& segment) {
    if (segment.status == segment::Status::kArchived)
        throw UserError(sqlstate::kNotReady, "segment \"" + segment.name + "\" is archived", "",
                        "Bring it back with pulse_resume_segment() first.");
}

bool Monitored(const segment::Segment& segment) {
    const auto flag = segment.baseline.find("monitoringEnabled");
    return flag == segment.baseline.end() || !flag->is_boolean() || flag->get<bool>();
}

// A job that starts every day at the same hour must find its segments due, also when it once began a little late.
bool Due(const segment::Segment& segment, Moment moment) {
    const std::optional<Moment> last = LastTaken(segment.id, moment);
    const int64_t tolerance = std::min(segment.cadence / 10, kHour);
    return !last || moment - *last >= segment.cadence - tolerance;
}

Outcome Failed(const segment::Segment& segment, Moment moment, const std::string& state, const std::string& message,
               const std::string& detail) {
    if (!Hold(segment.id)) return {segment.name, std::nullopt, "skipped", std::nullopt, "it was deleted meanwhile"};
    Record record;
    record.segment_id = segment.id;
    record.taken_at = moment;
    record.version = segment.version;
    record.failed = true;
    record.error_state = state;
    record.error = detail.empty() ? message : message + " (" + detail + ")";
    record.id = Write(record);
    return {segment.name, record.id, "failed", std::nullopt, record.error};
}

// One segment, whose failure leaves the others alone. What only a person or the whole server means goes on.
Outcome TakeOne(const segment::Segment& segment, Moment moment) {
    if (!Lock(segment.id, 0))
        return {segment.name, std::nullopt, "skipped", std::nullopt, "another session is measuring it"};
    if (const auto known = FindAt(segment.id, moment); known && !known->failed)
        return {segment.name, known->id, "ok", known->size, std::nullopt};
    try {
        pg::Subtransaction subtransaction;
        const Record record = MeasureAndWrite(segment, moment);
        subtransaction.Commit();
        return {segment.name, record.id, "ok", record.size, std::nullopt};
    } catch (const pg::Error& error) {
        // A cancel or a shutdown is meant for all. It is told by where it was raised: any SQLSTATE can come from a
        // definition's own functions.
        if (error.function == "ProcessInterrupts") throw;
        return Failed(segment, moment, error.State(), error.message, error.detail);
    } catch (const UserError& error) {
        return Failed(segment, moment, error.state(), error.message(), error.detail());
    }
}

std::string Seconds(std::chrono::steady_clock::duration duration) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(duration).count());
    return text;
}

}  // namespace

int64_t Take(const std::string& name) {
    const segment::Segment segment = segment::Load(name);
    RequireNotArchived(segment);
    const Moment moment = pg::PastNow();
    if (!Lock(segment.id, pg::settings::lock_timeout))
        throw UserError(sqlstate::kLockNotAvailable, "another session is measuring segment \"" + segment.name + "\"",
                        "Waited " + std::to_string(pg::settings::lock_timeout) + " ms.",
                        "Try again when it is done, or raise pulse.lock_timeout.");
    if (const auto known = FindAt(segment.id, moment); known && !known->failed) return known->id;
    return MeasureAndWrite(segment, moment).id;
}

std::vector<Outcome> TakeDue() {
    const Moment moment = pg::PastNow();
    std::vector<segment::Segment> due;
    for (segment::Segment& segment : segment::LoadActive())
        if (Monitored(segment) && Due(segment, moment)) due.push_back(std::move(segment));

    const auto begin = std::chrono::steady_clock::now();
    std::vector<Outcome> outcomes;
    size_t failed = 0;
    pg::Arena arena("pulse snapshots");
    for (const segment::Segment& segment : due) {
        pg::CheckInterrupts();
        outcomes.push_back(TakeOne(segment, moment));
        failed += outcomes.back().status == "failed";
        arena.Reset();
        if (outcomes.size() % kProgressEvery == 0 && outcomes.size() < due.size())
            pg::Notice("measured " + std::to_string(outcomes.size()) + " of " + std::to_string(due.size()) +
                       " segments in " + Seconds(std::chrono::steady_clock::now() - begin) + ", " +
                       std::to_string(failed) + " failed");
    }
    return outcomes;
}

}  // namespace pulse::snapshot
