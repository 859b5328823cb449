// The job recall_events: reads the archived events of people who wait for them, and evaluates these people.
// The archive is read while nobody is locked; what was read lies in pulse.event_recalled until the next
// transaction, which checks that nothing has moved meanwhile.
#include <algorithm>
#include <map>

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/trait/store_program.hpp"
#include "pulse/trait/store_state.hpp"
#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr int64_t kMostRecalled = 500;            // people at once
constexpr int64_t kMostEventsRecalled = 200'000;  // of these together; one person may have more
constexpr int kVisitDeadline = 600'000;           // milliseconds, for one month
constexpr int64_t kPauseOfMoved = kSecond;        // of people who changed while their events were read

// What is on the archive of a person.
struct ArchivedEvents {
    std::string stamp;  // changes with it
    int64_t events = 0;
    std::vector<int64_t> profiles;
    std::vector<std::string> months;  // the foreign tables
};

struct RecallBatch {
    // By cause and quiet.
    std::map<std::pair<std::string, bool>, std::vector<int64_t>> people;
    std::vector<int64_t> ids;
    std::map<int64_t, ArchivedEvents> archived;
    uint64_t program = 0;
    std::vector<std::string> names;  // of the events that its metrics read; empty: all
};

std::map<int64_t, ArchivedEvents> ReadArchived(const std::vector<int64_t>& people) {
    static pg::Statement statement(
        "SELECT n.person, string_agg(concat_ws(' ', n.profile_id, n.month, n.first_at, n.last_at, n.events,"
        " e.state, e.batch, e.rows, c.relkind), ',' ORDER BY n.profile_id, n.month), sum(n.events)::bigint,"
        " array_agg(DISTINCT n.profile_id), array_remove(array_agg(DISTINCT f.oid::regclass::text), NULL)"
        " FROM (SELECT m.canonical_id AS person, a.*, 'event_y' || to_char(a.month, 'YYYY') || 'm'"
        " || to_char(a.month, 'MM') AS name FROM pulse.profile AS m JOIN pulse.archived_profile AS a"
        " ON a.profile_id = m.id WHERE m.canonical_id = ANY ($1)) AS n"
        " LEFT JOIN pulse.event_archive AS e ON e.month = n.month"
        " LEFT JOIN pg_class AS c ON c.relnamespace = 'pulse'::regnamespace AND c.relname = n.name::name"
        " LEFT JOIN (pg_inherits AS i JOIN pg_class AS f ON f.oid = i.inhrelid AND f.relkind = 'f')"
        " ON i.inhparent = c.oid AND c.relkind = 'p' GROUP BY n.person",
        {INT8ARRAYOID});
    std::map<int64_t, ArchivedEvents> archived;
    const pg::Result rows = statement.Execute({Value::Int8s(people)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        archived[rows[i].Int8(0)] = {rows[i].Text(1), rows[i].Int8(2), rows[i].Int8s(3), rows[i].Texts(4)};
    return archived;
}

// The names of the events that metrics read; empty: all.
std::vector<std::string> NamesRead(const Program& program) {
    std::set<std::string> names;
    for (const StoredMetric& metric : program.metrics) {
        if (!metric.sql.people.empty()) continue;
        if (metric.sql.events.empty()) return {};
        names.insert(metric.sql.events.begin(), metric.sql.events.end());
    }
    return {names.begin(), names.end()};
}

RecallBatch ChooseBatch() {
    static pg::Statement due(
        "SELECT profile_id, cause, quiet FROM pulse.archive_wait WHERE next_attempt_at <= $1"
        " ORDER BY next_attempt_at, profile_id LIMIT $2",
        {TIMESTAMPTZOID, INT8OID});
    pg::Execute("DELETE FROM pulse.event_recalled");  // of a run that did not come to its end
    const pg::Result rows = due.Execute({Value::Time(pg::WallClock()), Value::Int8(kMostRecalled)});
    std::vector<int64_t> all;
    for (uint64_t i = 0; i < rows.size(); ++i) all.push_back(rows[i].Int8(0));
    RecallBatch batch;
    const std::shared_ptr<const Program> program = CurrentProgram();
    batch.program = program->number;
    batch.names = NamesRead(*program);
    std::map<int64_t, ArchivedEvents> archived = ReadArchived(all);
    int64_t events = 0;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        ArchivedEvents& own = archived[all[i]];
        if (!batch.ids.empty() && events + own.events > kMostEventsRecalled) break;
        events += own.events;
        batch.ids.push_back(all[i]);
        batch.people[{rows[i].Text(1), rows[i].Bool(2)}].push_back(all[i]);
        batch.archived.emplace(all[i], std::move(own));
    }
    return batch;
}

// In a transaction that locks nobody, and no table but those of the archive.
void VisitArchive(const RecallBatch& batch) {
    std::map<std::string, std::vector<int64_t>> months;
    for (const auto& [person, archived] : batch.archived)
        for (const std::string& month : archived.months) {
            std::vector<int64_t>& profiles = months[month];
            profiles.insert(profiles.end(), archived.profiles.begin(), archived.profiles.end());
        }
    if (months.empty()) return;
    const pg::PlainTransactions plain;
    pg::Transaction transaction("pulse: reading archived events");
    {
        const pg::OwnerSession session;
        for (const auto& [month, profiles] : months) {
            pg::CheckInterrupts();
            const pg::Deadline deadline(kVisitDeadline);
            pg::Execute(
                "INSERT INTO pulse.event_recalled (profile_id, name, time, received_at, id, properties)"
                " SELECT v.profile_id, v.name, v.time, v.received_at, v.id, v.properties FROM " +
                    month + " AS v WHERE v.profile_id = ANY ($1)" +
                    (batch.names.empty() ? "" : " AND v.name = ANY ($2)"),
                batch.names.empty() ? std::vector<Value>{Value::Int8s(profiles)}
                                    : std::vector<Value>{Value::Int8s(profiles), Value::Texts(batch.names)});
        }
    }
    transaction.Commit();
}

void Postpone(const std::vector<int64_t>& people, int64_t pause) {
    if (people.empty()) return;
    static pg::Statement statement(
        "UPDATE pulse.archive_wait SET next_attempt_at = $2 WHERE profile_id = ANY ($1)",
        {INT8ARRAYOID, TIMESTAMPTZOID});
    statement.Execute({Value::Int8s(people), Value::Time(pg::WallClock() + pause)});
}

// Ten seconds, then twice as long each time, up to an hour. The first who succeeds ends the pause of all.
void NoteRefusal(const std::vector<int64_t>& people, const std::string& message) {
    static pg::Statement statement(
        "UPDATE pulse.archive_wait SET attempts = attempts + 1, message = $3, next_attempt_at = $2"
        " + least(interval '10 seconds' * 2 ^ least(attempts, 10), interval '1 hour')"
        " WHERE profile_id = ANY ($1)",
        {INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID});
    statement.Execute({Value::Int8s(people), Value::Time(pg::WallClock()), Value::Text(message)});
}

void EndPauses() {
    static pg::Statement statement(
        "UPDATE pulse.archive_wait SET next_attempt_at = $1 WHERE message IS NOT NULL AND next_attempt_at > $1",
        {TIMESTAMPTZOID});
    statement.Execute({Value::Time(pg::WallClock())});
}

// Evaluates those of a batch of whom nothing has moved since. Returns their number.
int64_t EvaluateRecalled(const RecallBatch& batch) {
    // Late events can have gone to the archive since; only what is not here counts.
    static pg::Statement twice(
        "DELETE FROM pulse.event_recalled AS r WHERE EXISTS (SELECT FROM pulse.event AS v WHERE NOT v.archived"
        " AND v.profile_id = r.profile_id AND v.name = r.name AND v.time = r.time AND v.id = r.id OFFSET 0)",
        {});
    pg::LockTable("definition", pg::TableLock::kShared);
    const Moment now = pg::Now();
    profile::EnsurePartitions("membership_change", now, now);
    ArchiveInUse();  // nothing moves from here on
    std::vector<int64_t> done, moved;
    const std::vector<int64_t> locked = LockProfiles(batch.ids, false);
    if (CurrentProgram()->number == batch.program) {
        const std::map<int64_t, ArchivedEvents> archived = ReadArchived(locked);
        for (const int64_t id : locked) {
            const auto found = archived.find(id);
            if ((found == archived.end() ? "" : found->second.stamp) == batch.archived.at(id).stamp)
                done.push_back(id);
        }
    }
    {
        const ForceIndexPlans force_index_plans;
        twice.Execute({});
    }
    for (const auto& [kind, people] : batch.people) {
        std::vector<ProfileChange> changes;
        for (const int64_t id : people) {
            if (!std::binary_search(done.begin(), done.end(), id)) continue;
            changes.emplace_back();
            changes.back().profile = id;
            changes.back().everything = true;
        }
        UpdateOptions options{kind.first, kind.second};
        options.recalled = true;
        UpdateState(changes, options);
    }
    for (const int64_t id : batch.ids)
        if (!std::binary_search(done.begin(), done.end(), id)) moved.push_back(id);
    const std::vector<int64_t> there = FilterCanonical(moved);
    std::vector<int64_t> ended = done;
    for (const int64_t id : moved)
        if (!std::binary_search(there.begin(), there.end(), id)) ended.push_back(id);
    ForgetArchiveWaits(ended);
    Postpone(there, kPauseOfMoved);
    pg::Execute("DELETE FROM pulse.event_recalled");
    return static_cast<int64_t>(done.size());
}

bool Briefly(const std::function<void()>& work) {
    return pg::RunShortTransaction("pulse: evaluating people with archived events", work) ==
           pg::ShortTransaction::kDone;
}

RunResult RunRecallJob(bool) {
    RunResult result;
    result.rows = 0;
    for (bool first = true;; first = false) {
        pg::CheckInterrupts();
        RecallBatch batch;
        if (!Briefly([&] { batch = ChooseBatch(); }) || batch.ids.empty()) break;
        std::string refusal;
        try {
            VisitArchive(batch);
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            refusal = error.message + (error.detail.empty() ? "" : ": " + error.detail);
        }
        if (!refusal.empty()) {
            Briefly([&] { NoteRefusal(batch.ids, refusal); });
            throw UserError(sqlstate::kNotReady, "archived events cannot be read", refusal,
                            "The job tries again; pulse.archive_wait shows who waits.");
        }
        int64_t people = 0;
        const bool done = Briefly([&] {
            people = EvaluateRecalled(batch);
            if (first) EndPauses();
        });
        if (!done) break;
        *result.rows += people;
    }
    result.message = std::to_string(*result.rows) + " evaluated with archived events";
    return result;
}

Moment NextRecallDue() {
    static pg::Statement next(
        "SELECT CASE WHEN EXISTS (SELECT FROM pulse.event_recalled) THEN clock_timestamp()"
        " ELSE (SELECT min(next_attempt_at) FROM pulse.archive_wait) END",
        {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

void ReportWaiting(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT (SELECT count(*) FROM (SELECT FROM pulse.archive_wait LIMIT 10001) AS w),"
        " (SELECT min(since) FROM pulse.archive_wait), (SELECT w.message FROM pulse.archive_wait AS w"
        " WHERE w.message IS NOT NULL ORDER BY w.next_attempt_at DESC LIMIT 1)");
    const int64_t count = rows[0].Int8(0);
    const auto problem = rows[0].TextOrNull(2);
    report.Add("people who wait for an archive", problem ? "degraded" : "ok", std::to_string(count),
               problem ? report.ErrorText(*problem)
               : count ? "since " + FormatMoment(rows[0].Time(1) / kSecond * kSecond)
                       : "");
}

const pg::JobKind kRecallJob{
    .id = 42,
    .name = "recall_events",
    .description =
        "Reads archived events of people whose segments and traits depend on them, and evaluates these people.",
    .schedule = "10 seconds",
    .timeout = "0",
    .max_retries = 0,
    .retry_delay = "0",
    .next_due = NextRecallDue,
    .runs_in_session = false,
    .run = RunRecallJob,
    .status = {{.order = 31, .add = ReportWaiting}}};

[[maybe_unused]] const bool recall_registered = pg::RegisterJobKind(kRecallJob);

}  // namespace

}  // namespace pulse::trait
