// The job campaigns: checks those that are planned before their launch, and records what they reached. What
// Pulse says of campaigns elsewhere: retention, segments in use, metrics.
#include <map>

#include "pulse/base/number.hpp"
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/trust/store_campaign.hpp"

namespace pulse::trust {

namespace {

constexpr int kMostCampaignsInARun = 1000;

Moment NextCampaignDue() {
    static pg::Statement next("SELECT min(next_check_at) FROM pulse.campaign WHERE next_check_at IS NOT NULL",
                              {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

// In a worker each in a transaction of its own, so that nothing is locked for long.
std::vector<int64_t> ListDueCampaigns(bool in_worker) {
    if (!in_worker) {
        const pg::OwnerSession session;
        return DueCampaigns(kMostCampaignsInARun);
    }
    const pg::Transaction transaction("pulse: looking for campaigns");
    const pg::OwnerSession session;
    return DueCampaigns(kMostCampaignsInARun);
}

template <typename Scope>
std::string WorkWithin(Scope& scope, int64_t id) {
    std::string done;
    {
        const pg::OwnerSession session;
        done = WorkOnCampaign(id);
    }
    scope.Commit();
    return done;
}

std::string WorkOnOneCampaign(int64_t id, bool in_worker) {
    if (in_worker) {
        pg::Transaction transaction("pulse: checking a campaign");
        return WorkWithin(transaction, id);
    }
    pg::Subtransaction subtransaction;
    return WorkWithin(subtransaction, id);
}

// One that cannot be worked on does not stop the others. What is wrong with it.
std::optional<std::string> TryCampaign(int64_t id, bool in_worker, std::string& done) {
    try {
        done = WorkOnOneCampaign(id, in_worker);
        return std::nullopt;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        return error.message;
    } catch (const UserError& error) {
        return error.message();
    }
}

RunResult RunCampaignsJob(bool in_worker) {
    std::map<std::string, int64_t> counts;
    int64_t all = 0, failed = 0;
    std::string first;
    for (const int64_t id : ListDueCampaigns(in_worker)) {
        pg::CheckInterrupts();
        std::string done;
        if (const auto problem = TryCampaign(id, in_worker, done); problem && failed++ == 0) first = *problem;
        if (done.empty()) continue;
        ++counts[done];
        ++all;
    }
    RunResult result;
    result.rows = all;
    std::string message;
    for (const auto& [what, count] : counts)
        message += (message.empty() ? "" : ", ") + std::to_string(count) + " " + what;
    result.message = message.empty() && failed == 0 ? "no campaign is due" : message;
    if (failed > 0) {
        result.status = "failed";
        result.error = Plural(failed, "failure") + ", first: " + first;
    }
    return result;
}

const pg::JobKind kCampaignsJob{
    .id = 17,
    .name = "campaigns",
    .description = "Checks campaigns before their launch, and records what they reached.",
    .schedule = "10 seconds",
    .retry_delay = "1 minute",
    .next_due = NextCampaignDue,
    .pause_after_success = true,
    .run = RunCampaignsJob,
    .retention = {
        {.order = 170,
         .what = "checks of campaigns",
         .minutes = &pg::settings::check_retention,
         .sql =
             "DELETE FROM pulse.campaign_check WHERE id = ANY (ARRAY(SELECT k.id FROM pulse.campaign_check AS k"
             " WHERE k.at < $1 ORDER BY k.at LIMIT $2))"}}};

[[maybe_unused]] const bool campaigns_job_registered = pg::RegisterJobKind(kCampaignsJob);

void AddSegmentsOfCampaigns(std::set<std::string>& used) {
    const pg::Result rows = pg::Execute(
        "SELECT DISTINCT s.name FROM pulse.campaign AS c JOIN pulse.segment AS s ON s.id = c.segment_id"
        " WHERE c.status IN ('planned', 'warned', 'launched')",
        {}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) used.insert(rows[i].Text(0));
}

[[maybe_unused]] const bool campaign_segments_registered =
    diagnosis::RegisterUsedSegments(AddSegmentsOfCampaigns);

void ReportCampaigns(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_campaigns",
                  "Campaigns by status: planned, warned, launched, done, fell_short, cancelled.");
    report.AddRows(
        pg::Execute(
            "SELECT t.status, (SELECT count(*) FROM (SELECT FROM pulse.campaign AS c WHERE c.status ="
            " t.status LIMIT " PULSE_MOST_COUNTED
            ") AS n)::float8 FROM unnest('{planned,warned,launched,done,fell_short,cancelled}'::text[])"
            " AS t (status)",
            {}, true),
        {"status"}, 1);
    report.Family(
        MetricType::kGauge, "pulse_campaigns_saved",
        "Campaigns that a warning saved: they were not to be sent, and could be before their launch.");
    report.AddRows(
        pg::Execute("SELECT count(*)::float8 FROM (SELECT FROM pulse.campaign AS c WHERE c.saved_at IS"
                    " NOT NULL AND c.status <> 'fell_short' LIMIT " PULSE_MOST_COUNTED ") AS n",
                    {}, true),
        {}, 0);
}

[[maybe_unused]] const bool campaign_metrics_registered = pg::RegisterMetrics(130, ReportCampaigns);

}  // namespace

}  // namespace pulse::trust
