// The job seal_audit, and how the audit log is.
#include "pulse/audit/store_job.hpp"

#include "pulse/audit/store_chain.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/metric_report.hpp"

namespace pulse::audit {

namespace {

RunResult RunSealJob(bool in_worker) {
    RunResult result;
    if (in_worker) {
        result.rows = RunSealWorker();
    } else {
        const pg::OwnerSession session;
        LockChain(true);
        result.rows = 0;
        for (Sealed sealed{0, true}; sealed.more;) {
            pg::CheckInterrupts();
            sealed = SealBatch();
            *result.rows += sealed.rows;
        }
        WriteCheckpoint(true);
    }
    result.message = std::to_string(*result.rows) + " sealed";
    return result;
}

struct Waiting {
    int64_t rows = 0;
    std::optional<Moment> oldest;
};

// The oldest by its number, which is nearly the order of time.
Waiting ReadWaiting() {
    static pg::Statement statement(
        "SELECT (SELECT count(*) FROM (SELECT FROM pulse.audit_unsealed LIMIT " PULSE_MOST_COUNTED
        ") AS u),"
        " (SELECT a.at FROM (SELECT audit_id FROM pulse.audit_unsealed ORDER BY audit_id LIMIT 1) AS u"
        " JOIN pulse.audit AS a ON a.id = u.audit_id)",
        {});
    const pg::Result rows = statement.Execute({}, true);
    return {rows[0].Int8(0), rows[0].TimeOrNull(1)};
}

void ReportSealing(pg::StatusReport& report) {
    const Waiting waiting = ReadWaiting();
    report.AddQueue("unsealed audit rows", waiting.rows, waiting.oldest);
    const std::optional<Checkpoint> checkpoint = ReadCheckpoint();
    report.Add("audit checkpoint", "ok", checkpoint ? std::to_string(checkpoint->seq) : "none",
               checkpoint ? FormatMoment(checkpoint->at) + ": " + DigestText(checkpoint->hash) : "");
}

double SecondsSince(const std::optional<Moment>& at) {
    return at ? static_cast<double>(std::max<int64_t>(0, pg::WallClock() - *at)) / kSecond : 0;
}

void ReportAudit(pg::MetricReport& report) {
    const Waiting waiting = ReadWaiting();
    report.Family(MetricType::kGauge, "pulse_audit_unsealed",
                  "Rows of the audit log that wait for sealing, at most " PULSE_MOST_COUNTED ".");
    report.Add(static_cast<double>(waiting.rows));
    report.Family(MetricType::kGauge, "pulse_audit_unsealed_age_seconds",
                  "How long the oldest of them has waited; 0 if none does.", "seconds");
    report.Add(SecondsSince(waiting.oldest));
    const std::optional<Checkpoint> checkpoint = ReadCheckpoint();
    report.Family(MetricType::kGauge, "pulse_audit_checkpoint_age_seconds",
                  "How old the newest checkpoint of the audit log is; 0 if there is none.", "seconds");
    report.Add(SecondsSince(checkpoint ? std::optional(checkpoint->at) : std::nullopt));
}

}  // namespace

const pg::JobKind kSealJob{
    .id = 12,
    .name = "seal_audit",
    .description = "Seals rows of the audit log in a chain, and writes its checkpoints.",
    .schedule = "5 seconds",
    .timeout = "0",
    .max_retries = 0,
    .retry_delay = "0",
    .own_process = true,
    .next_due = [] { return NextSealing().value_or(pg::kNever); },
    .run = RunSealJob,
    .status = {{.order = 45, .add = ReportSealing}}};

namespace {

[[maybe_unused]] const bool job_registered =
    pg::RegisterJobKind(kSealJob) && pg::RegisterMetrics(65, ReportAudit);

}  // namespace

}  // namespace pulse::audit
