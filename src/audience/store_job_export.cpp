// The job exports: writes files that were asked for in the background.
#include "pulse/audience/store_export.hpp"
#include "pulse/base/number.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::audience {

namespace {

Moment NextExportDue() {
    static pg::Statement next("SELECT min(created_at) FROM pulse.export WHERE state = 'queued'", {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

struct WrittenExport {
    int64_t id = 0;
    bool ready = false;
};

// The next one; empty if there is none.
std::optional<WrittenExport> WriteNextExport(int64_t after) {
    const pg::OwnerSession session;
    const std::optional<int64_t> id = NextQueuedExport(after);
    return id ? std::optional(WrittenExport{*id, WriteQueuedExport(*id)}) : std::nullopt;
}

// In a worker each file in a transaction of its own.
std::optional<WrittenExport> WriteNextExport(int64_t after, bool in_worker) {
    if (!in_worker) return WriteNextExport(after);
    pg::Transaction transaction("pulse: writing an export");
    const std::optional<WrittenExport> written = WriteNextExport(after);
    transaction.Commit();
    return written;
}

RunResult RunExportsJob(bool in_worker) {
    int64_t ready = 0, failed = 0, last = 0;
    while (const std::optional<WrittenExport> written = WriteNextExport(last, in_worker)) {
        last = written->id;
        ++(written->ready ? ready : failed);
    }
    RunResult result;
    result.rows = ready;
    result.message = Plural(ready, "file") + (failed > 0 ? ", " + std::to_string(failed) + " failed" : "");
    return result;
}

const pg::JobKind kExportsJob{.id = 18,
                              .name = "exports",
                              .description = "Writes exports that were asked for in the background.",
                              .schedule = "1 second",
                              .timeout = "6 hours",
                              .retry_delay = "1 minute",
                              .next_due = NextExportDue,
                              .pause_after_success = true,
                              .run = RunExportsJob};

[[maybe_unused]] const bool exports_job_registered = pg::RegisterJobKind(kExportsJob);

}  // namespace

}  // namespace pulse::audience
