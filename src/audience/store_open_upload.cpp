// Uploads that the platform takes its time for: when it is asked what became of them, and what it answers.
#include <algorithm>
#include <optional>

#include "pulse/audience/store_sync.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::audience {

using pg::Value;

std::vector<OpenUpload> UploadsToCheck(int64_t most) {
    const pg::Result rows = pg::Execute(
        "SELECT b.id, b.audience_id, b.upload_id, a.destination, a.platform_id, b.checks"
        " FROM pulse.sync_batch AS b JOIN pulse.audience AS a ON a.id = b.audience_id"
        " JOIN pulse.audience_home AS h ON h.audience_id = a.id"
        " WHERE b.check_at <= $1 ORDER BY b.check_at LIMIT $2",
        {Value::Time(pg::WallClock()), Value::Int8(most)});
    std::vector<OpenUpload> uploads;
    for (uint64_t i = 0; i < rows.size(); ++i)
        uploads.push_back({rows[i].Int8(0), rows[i].Int8(1), rows[i].Text(2), rows[i].Text(3),
                           rows[i].TextOrNull(4), rows[i].Int4(5)});
    return uploads;
}

void RecordUploadCheck(const OpenUpload& upload, const Answer& answer, Platform platform) {
    const int checks = upload.checks + 1;
    const int64_t delay = ProgressDelay(platform, checks + 1);
    const bool wait = answer.outcome == Outcome::kPending || answer.outcome == Outcome::kRetry ||
                      answer.outcome == Outcome::kThrottled || answer.outcome == Outcome::kRenewToken;
    if (wait && delay > 0) {
        pg::Execute(
            "UPDATE pulse.sync_batch SET checks = $2::int, check_at = $3, error = nullif($4, '')"
            " WHERE id = $1",
            {Value::Int8(upload.id), Value::Int8(checks),
             Value::Time(pg::WallClock() + std::max(delay, answer.wait)),
             Value::Text(AnswerExcerpt(answer.reason))});
        return;
    }
    const pg::Result rows = pg::Execute(
        "SELECT operation, coalesce(people, '{}'), cells, run_id, EXISTS (SELECT FROM pulse.sync_run AS r"
        " WHERE r.id = run_id AND r.operation = 'erase') FROM pulse.sync_batch WHERE id = $1 FOR UPDATE",
        {Value::Int8(upload.id)});
    if (rows.empty()) return;
    if (answer.outcome == Outcome::kRefused || answer.outcome == Outcome::kRestart ||
        answer.outcome == Outcome::kPartial || answer.outcome == Outcome::kBadRows) {
        // Taken, and not done: it is done again with the next sync.
        std::vector<std::string> cells;
        if (!rows[0].IsNull(2)) {
            const pg::Result packed = pg::Execute(
                "SELECT u.cells FROM pulse.sync_batch AS b CROSS JOIN LATERAL unnest(b.cells) AS u (cells)"
                " WHERE b.id = $1",
                {Value::Int8(upload.id)});
            for (uint64_t i = 0; i < packed.size(); ++i) cells.push_back(pg::ToBytes(packed[i].Raw(0)));
        }
        ReopenUpload(upload.audience, rows[0].Text(0) == "add" ? Operation::kAdd : Operation::kRemove,
                     rows[0].Int8s(1), cells, rows[0].Bool(4));
    }
    pg::Execute(
        "UPDATE pulse.sync_batch SET checks = $2::int, check_at = NULL, outcome = $3, people = NULL,"
        " cells = NULL, error = nullif($4, '') WHERE id = $1",
        {Value::Int8(upload.id), Value::Int8(checks), Value::Text(Name(answer.outcome)),
         Value::Text(AnswerExcerpt(answer.reason))});
    if (!answer.progress || (!answer.progress->match_low && !answer.progress->match_high)) return;
    const std::optional<double> low = answer.progress->match_low, high = answer.progress->match_high;
    pg::Execute("UPDATE pulse.sync_run SET match_low = $2, match_high = $3 WHERE id = $1",
                {Value::Int8(rows[0].Int8(3)), Value::Float8(low ? *low : *high),
                 Value::Float8(high ? *high : *low)});
    if (const auto audience = FindAudience(upload.audience))
        NoteMatchRate(*audience, low, high, "an upload, by the platform");
}

}  // namespace pulse::audience
