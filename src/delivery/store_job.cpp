// The job delivery.
#include "pulse/delivery/store_job.hpp"

#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::delivery {

namespace {

RunResult RunDeliveryJob(bool) {
    DeliveryRun run = Deliver();
    RunResult result;
    result.rows = run.done;
    result.message = std::move(run.message);
    return result;
}

// Counted up to a limit: a queue may hold millions.
void ReportMessages(pg::StatusReport& report) {
    const ByIndex by_index;
    const pg::Result waiting =
        pg::Execute(PULSE_DUE_CHANNELS
                    "SELECT count(*), (SELECT min(l.send_at) FROM line AS l WHERE NOT EXISTS (SELECT"
                    " FROM pulse.channel_state AS s"
                    " WHERE s.channel = l.channel AND (s.disabled_at IS NOT NULL"
                    " OR s.open_until > clock_timestamp())))"
                    " FROM (SELECT FROM pulse.outbox WHERE status = 'pending' LIMIT 10001) AS p");
    const int64_t count = waiting[0].Int8(0);
    const std::string number = count > 10000 ? "more than 10000" : std::to_string(count);
    const auto oldest = waiting[0].TimeOrNull(1);
    const int64_t late = oldest ? pg::WallClock() - *oldest : 0;
    if (!pg::settings::send_messages && !report.standby())
        report.Add("messages", "degraded", number, "pulse.send_messages is off");
    else
        report.Add("messages", report.StateOf(late), number,
                   late > kSecond ? "the oldest is overdue by " + pg::FormatAge(late) : "");
    const pg::Result dead = pg::Execute(
        "SELECT count(*), (SELECT ARRAY[d.channel, coalesce(d.error, '')] FROM pulse.outbox AS d"
        " WHERE d.status = 'dead' AND d.folded_into IS NULL"
        " AND d.finished_at > clock_timestamp() - interval '1 day' ORDER BY d.finished_at DESC LIMIT 1)"
        " FROM (SELECT FROM pulse.outbox WHERE status = 'dead' AND folded_into IS NULL"
        " AND finished_at > clock_timestamp() - interval '1 day'"
        " LIMIT 10000) AS p");
    const std::vector<std::string> latest = dead[0].IsNull(1) ? std::vector<std::string>() : dead[0].Texts(1);
    report.Add("dead messages", dead[0].Int8(0) == 0 ? "ok" : "degraded", std::to_string(dead[0].Int8(0)),
               latest.empty() ? ""
                              : "in the last 24 hours; the latest, to channel " + latest[0] + ": " +
                                    report.ErrorText(latest[1]));
}

void ReportChannels(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT n.name, s.disabled_at, CASE WHEN s.open_until > clock_timestamp() THEN s.open_until"
        " END, s.last_error,"
        " s.last_ok_at FROM unnest($1::text[]) AS n (name) LEFT"
        " JOIN pulse.channel_state AS s ON s.channel = n.name"
        " ORDER BY n.name LIMIT 1000",
        {pg::Value::Texts(pg::ServerNames("pulse_channel"))});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string item = "channel " + rows[i].Text(0);
        const std::string why = report.ErrorText(rows[i].TextOrNull(3).value_or(""));
        if (!rows[i].IsNull(1)) {
            report.Add(item, "degraded", "disabled",
                       why + "; a successful pulse_test_channel() re-enables it");
        } else if (!rows[i].IsNull(2)) {
            report.Add(item, "degraded", "resting",
                       "until " + FormatMoment(rows[i].Time(2) / kSecond * kSecond) + ": " + why);
        } else {
            const auto ok = rows[i].TimeOrNull(4);
            report.Add(item, "ok", ok ? "ok" : "unused",
                       ok ? "sent " + pg::FormatAge(pg::WallClock() - *ok) + " ago" : "");
        }
    }
}

}  // namespace

const pg::JobKind kDeliveryJob{
    .id = 5,
    .name = "delivery",
    .description = "Sends messages as they come.",
    .schedule = "5 seconds",
    .timeout = "0",
    .max_retries = 0,
    .retry_delay = "0",
    .own_process = true,
    .enabled = &pg::settings::send_messages,
    .next_due = [] { return NextMessage(true); },
    .runs_in_session = false,
    .run = RunDeliveryJob,
    .status = {{.order = 40, .add = ReportMessages}, {.order = 60, .add = ReportChannels}},
    .retention = {{.order = 10,
                   .what = "messages that were pending for too long",
                   .minutes = &pg::settings::message_lifetime,
                   .work = ExpireMessages,
                   .enabled = &pg::settings::send_messages},
                  {.order = 70,
                   .what = "messages",
                   .minutes = &pg::settings::message_retention,
                   .sql = "DELETE FROM pulse.outbox WHERE id = ANY (ARRAY(SELECT o.id FROM pulse.outbox AS o"
                          " WHERE o.finished_at < $1 ORDER BY o.finished_at LIMIT $2))"}}};

namespace {

[[maybe_unused]] const bool job_registered = pg::RegisterJobKind(kDeliveryJob);

}  // namespace

}  // namespace pulse::delivery
