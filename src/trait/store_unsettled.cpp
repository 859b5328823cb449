#include "pulse/trait/store_unsettled.hpp"

#include <array>

#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trait/store_pipeline.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

// Errors of the connection, the transaction, locks, resources, the operator and the system: another attempt
// of the whole transaction is the answer.
bool ConcernsTransaction(const pg::Error& error) {
    constexpr std::array kClasses{"08", "25", "40", "53", "55", "57", "58"};
    const std::string state = error.State();
    for (const char* one : kClasses)
        if (state.compare(0, 2, one) == 0) return true;
    return pg::MeantForAll(error);
}

}  // namespace

Failure DescribeFailure(int64_t profile, std::string part) {
    try {
        throw;
    } catch (const pg::Error& error) {
        if (ConcernsTransaction(error)) throw;
        return {profile, error.State(), std::move(part), error.message};
    } catch (const UserError& error) {
        return {profile, error.state(), std::move(part), error.message()};
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return {profile, sqlstate::kInternalError, std::move(part), error.what()};
    }
}

void SetAside(const std::vector<Failure>& failures) {
    if (failures.empty()) return;
    // One minute after the first attempt, then twice as long each time, up to a day.
    static pg::Statement statement(
        "INSERT INTO pulse.unsettled_person AS u (profile_id, since, attempts, next_attempt_at, sqlstate,"
        " part, message)"
        " SELECT f.profile, $5, 1, $5 + interval '1 minute', f.state, f.part, f.message"
        " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS f (profile, state, part, message)"
        " ON CONFLICT (profile_id) DO UPDATE SET attempts = u.attempts + 1, next_attempt_at = $5"
        " + least(interval '1 minute' * 2 ^ least(u.attempts, 11), interval '1 day'),"
        " sqlstate = excluded.sqlstate, part = excluded.part, message = excluded.message"
        " RETURNING next_attempt_at",
        {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID});
    std::vector<int64_t> profiles;
    std::vector<std::string> states, parts, messages;
    for (const Failure& failure : failures) {
        profiles.push_back(failure.profile);
        states.push_back(failure.state);
        parts.push_back(failure.part);
        messages.push_back(failure.message);
    }
    const pg::Result rows =
        statement.Execute({Value::Int8s(profiles), Value::Texts(states), Value::Texts(parts),
                           Value::Texts(messages), Value::Time(pg::PastNow())});
    std::vector<Moment> next;
    for (uint64_t i = 0; i < rows.size(); ++i) next.push_back(rows[i].Time(0));
    WakePipelineAt(next);
    pg::Warning(
        std::to_string(failures.size()) + (failures.size() == 1 ? " person" : " people") +
            " could not be evaluated completely",
        failures[0].part + (failures[0].part.empty() ? "" : ": ") + failures[0].message,
        "What cannot be evaluated does not hold. pulse.unsettled_person has the people, the reasons and "
        "the next attempt.");
}

void ForgetUnsettled(const std::vector<int64_t>& profiles) {
    if (profiles.empty()) return;
    static pg::Statement statement("DELETE FROM pulse.unsettled_person WHERE profile_id = ANY ($1)",
                                   {INT8ARRAYOID});
    statement.Execute({Value::Int8s(profiles)});
}

std::vector<int64_t> UnsettledDue(Moment now, int64_t limit) {
    static pg::Statement statement(
        "SELECT u.profile_id FROM pulse.unsettled_person AS u WHERE u.next_attempt_at <= $1 AND NOT EXISTS"
        " (SELECT FROM pulse.archive_wait AS w WHERE w.profile_id = u.profile_id)"
        " ORDER BY u.next_attempt_at LIMIT $2",
        {TIMESTAMPTZOID, INT8OID});
    const pg::Result rows = statement.Execute({Value::Time(now), Value::Int8(limit)});
    std::vector<int64_t> profiles;
    for (uint64_t i = 0; i < rows.size(); ++i) profiles.push_back(rows[i].Int8(0));
    return profiles;
}

void RetryUnsettled() {
    const Moment now = pg::PastNow();
    if (pg::Execute("UPDATE pulse.unsettled_person SET next_attempt_at = $1 WHERE next_attempt_at > $1",
                    {Value::Time(now)})
            .processed() > 0)
        WakePipelineAt({now});
}

}  // namespace pulse::trait
