// Takes snapshots: one per segment and moment, even when several sessions ask.
#include <algorithm>
#include <chrono>

#include "pulse/base/duration.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/segment/store.hpp"
#include "store_take_internal.hpp"
#include "store_take_servers.hpp"

namespace pulse::snapshot {

namespace {

// Segments between two progress notices.
constexpr size_t kProgressEvery = 100;

Record MeasureServersAndStore(const segment::Segment& segment, MeasureSpec spec,
                              SourceCircuitBreaker* breaker, std::vector<source::Usage>& usages) {
    ServersTake take(segment, breaker);
    take.Prepare(std::move(spec));
    take.Read();
    usages = take.Usages();
    take.Merge();
    for (const source::Usage& usage : usages) source::RecordUsage(usage);
    return StoreMeasured(segment, take.spec(), take.Finish());
}

// The caller holds the lock, and no good snapshot of this moment exists. Fills `usages`, also when it throws.
// `breaker` is for several servers, and may be null.
Record MeasureAndStore(const segment::Segment& segment, Moment moment, SourceCircuitBreaker* breaker,
                       std::vector<source::Usage>& usages) {
    MeasureSpec spec = PrepareMeasurement(segment, moment);
    if (spec.several) return MeasureServersAndStore(segment, std::move(spec), breaker, usages);
    source::Usage& usage = usages.emplace_back(UsageFor(segment));
    const source::Target target =
        source::ResolveTarget(segment::AccessOf(segment), pg::settings::statement_timeout);
    MeasureResult measured;
    segment::ReadForDefinition(target, usage,
                               [&](source::Reader& reader) { measured = MeasureSegment(reader, spec); });
    source::RecordUsage(usage);
    return StoreMeasured(segment, spec, std::move(measured));
}

bool Monitored(const segment::Segment& segment) {
    const auto flag = segment.baseline.find("monitoringEnabled");
    return flag == segment.baseline.end() || !flag->is_boolean() || flag->get<bool>();
}

// Whether the newest snapshot was measured as of a time that was long past when it was recorded, and `moment`
// is not: the present does not continue a replay, until a snapshot is taken by hand.
bool Replayed(const segment::Segment& segment, Moment moment) {
    static pg::Statement statement(
        "SELECT s.origin = 'measured' AND s.taken_at < s.recorded_at - $3 * interval '1 microsecond'"
        " AND $2 >= clock_timestamp() - $3 * interval '1 microsecond'"
        " FROM pulse.snapshot AS s WHERE s.segment_id = $1 AND s.taken_at <= $2 AND s.status = 'ok'"
        " ORDER BY s.taken_at DESC LIMIT 1",
        {INT8OID, TIMESTAMPTZOID, FLOAT8OID});
    const pg::OwnerSession session;
    const pg::Result rows =
        statement.Execute({pg::Value::Int8(segment.id), pg::Value::Time(moment),
                           pg::Value::Float8(2.0 * static_cast<double>(segment.cadence))});
    return !rows.empty() && rows[0].Bool(0);
}

// A job that starts every day at the same hour must find its segments due, even if it once started a little
// late.
bool Due(const segment::Segment& segment, Moment moment) {
    const std::optional<Moment> last = LastTaken(segment.id, moment);
    const int64_t tolerance = std::min(segment.cadence / 10, kHour);
    return !last || moment - *last >= segment.cadence - tolerance;
}

}  // namespace

TakeResult TakeOne(const segment::Segment& segment, Moment moment, SourceCircuitBreaker& breaker) {
    const std::string source = OnlySource(segment);
    if (const auto reason = breaker.OpenReason(source)) return Skipped(segment, *reason);
    if (!LockSegment(segment.id, 0)) return Skipped(segment, "another session is measuring it");
    if (const auto known = FindAt(segment.id, moment); known && known->whole()) return Taken(segment, *known);
    std::vector<source::Usage> usages;
    const auto record_usages = [&] {
        for (const source::Usage& usage : usages) source::RecordUsage(usage);
    };
    try {
        pg::Subtransaction subtransaction;
        const Record record = MeasureAndStore(segment, moment, &breaker, usages);
        subtransaction.Commit();
        breaker.RecordSuccess(source);
        return Taken(segment, record);
    } catch (const source::Unavailable& error) {
        if (!source.empty())
            breaker.RecordFailure(source, ReasonOf(error), usages.front().status == "unreachable");
        record_usages();
        return Skipped(segment, ReasonOf(error));
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        return Failed(segment, moment, error.State(), error.message, error.detail);
    } catch (const UserError& error) {
        record_usages();
        return Failed(segment, moment, error.state(), error.message(), error.detail());
    }
}

namespace {

int64_t MicrosecondsSince(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin)
        .count();
}

}  // namespace

std::vector<segment::Segment> FindDue(Moment moment) {
    std::vector<segment::Segment> due;
    for (segment::Segment& segment : segment::LoadActive())
        if (Monitored(segment) && Due(segment, moment) && !Replayed(segment, moment))
            due.push_back(std::move(segment));
    return due;
}

TakeResult Taken(const segment::Segment& segment, const Record& record) {
    return {segment.name, record.id, "ok", record.size,
            record.error.empty() ? std::nullopt : std::optional(record.error)};
}

TakeResult Skipped(const segment::Segment& segment, const std::string& reason) {
    return {segment.name, std::nullopt, "skipped", std::nullopt, reason};
}

TakeResult Failed(const segment::Segment& segment, Moment moment, const std::string& state,
                  const std::string& message, const std::string& detail) {
    if (!LockSegmentRow(segment.id)) return Skipped(segment, "the segment was deleted meanwhile");
    Record record;
    record.segment_id = segment.id;
    record.taken_at = moment;
    record.version = segment.version;
    record.source = segment::SourceText(segment::SourcesOf(segment.definition));
    record.failed = true;
    record.error_state = state;
    record.error = detail.empty() ? message : message + " (" + detail + ")";
    record.id = Write(record);
    return {segment.name, record.id, "failed", std::nullopt, record.error};
}

std::string OnlySource(const segment::Segment& segment) {
    const std::vector<std::string> sources = segment::SourcesOf(segment.definition);
    return sources.size() == 1 ? sources.front() : "";
}

source::Usage UsageFor(const segment::Segment& segment) {
    source::Usage usage;
    usage.purpose = "snapshot";
    usage.object = segment.name;
    return usage;
}

std::string ReasonOf(const UserError& error) {
    return error.detail().empty() ? error.message() : error.message() + " (" + error.detail() + ")";
}

int64_t Take(const std::string& name) {
    const segment::Segment segment = segment::Load(name);
    segment::RequireMeasured(segment);
    const Moment moment = pg::PastNow();
    if (!LockSegment(segment.id, pg::settings::lock_timeout))
        throw UserError(sqlstate::kLockNotAvailable,
                        "another session is measuring segment \"" + segment.name + "\"",
                        "Waited " + std::to_string(pg::settings::lock_timeout) + " ms.",
                        "Try again later, or raise pulse.lock_timeout.");
    if (const auto known = FindAt(segment.id, moment); known && known->whole()) return known->id;
    std::vector<source::Usage> usages;
    return MeasureAndStore(segment, moment, nullptr, usages).id;
}

std::vector<TakeResult> TakeDue() {
    const Moment moment = pg::PastNow();
    const std::vector<segment::Segment> due = FindDue(moment);
    const auto begin = std::chrono::steady_clock::now();
    std::vector<TakeResult> results;
    size_t failed = 0;
    SourceCircuitBreaker breaker;
    pg::Arena arena("pulse snapshots");
    for (const segment::Segment& segment : due) {
        pg::CheckInterrupts();
        results.push_back(TakeOne(segment, moment, breaker));
        failed += results.back().status == "failed";
        arena.Reset();
        if (results.size() % kProgressEvery == 0 && results.size() < due.size())
            pg::Notice("measured " + std::to_string(results.size()) + " of " + std::to_string(due.size()) +
                       " segments in " + FormatDuration(MicrosecondsSince(begin)) + ", " +
                       std::to_string(failed) + " failed");
    }
    return results;
}

}  // namespace pulse::snapshot
