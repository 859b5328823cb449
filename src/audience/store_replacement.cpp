// A whole audience sent in one session, which becomes the audience with its last batch. Before that the
// ledger records nobody as sent: whatever happens meanwhile, those who are still to be added are.
#include <algorithm>

#include "pulse/audience/store_sync.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr int kMostRestarts = 5;
constexpr int64_t kSettledAtOnce = 10'000;

// Of a session: safely what the rate of requests allows within its life.
int64_t MostPeople(const Destination& destination) {
    int64_t requests = kSessionLife / kSecond;
    for (const RateRule& rule : destination.rates)
        requests = std::min(requests, rule.requests * (kSessionLife / 2) / std::max<int64_t>(rule.span, 1));
    return std::min<int64_t>(requests * static_cast<int64_t>(destination.batch_rows), 90'000'000);
}

void SetReplacement(Run& run, const char* value) {
    run.replacement = value;
    pg::Execute("UPDATE pulse.sync_run SET replacement = nullif($2, '') WHERE id = $1",
                {Value::Int8(run.id), Value::Text(value)});
}

void SetAfter(Run& run, int64_t after) {
    run.after = after;
    pg::Execute("UPDATE pulse.sync_run SET after = $2 WHERE id = $1",
                {Value::Int8(run.id), Value::Int8(after)});
}

// The next people of a replacement that has become the audience are recorded; false: there are no more.
bool Settle(const Run& run, ClaimPlace& place) {
    static pg::Statement next(
        "SELECT max(n.profile_id) FROM (SELECT m.profile_id FROM pulse.audience_member AS m"
        " WHERE m.audience_id = $1 AND m.state = 'adding' AND m.profile_id > $2 AND m.profile_id <= $3"
        " ORDER BY m.profile_id LIMIT $4) AS n",
        {INT8OID, INT8OID, INT8OID, INT8OID});
    static pg::Statement settle(
        "UPDATE pulse.audience_member SET state = 'sent', sent_at = $4, error = NULL WHERE audience_id = $1"
        " AND state = 'adding' AND profile_id > $2 AND profile_id <= $3",
        {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID});
    const trait::ForceIndexPlans force_index_plans;
    const Value audience = Value::Int8(run.audience), from = Value::Int8(place.settled);
    const std::optional<int64_t> upto =
        next.Execute({audience, from, Value::Int8(run.after), Value::Int8(kSettledAtOnce)})[0].Int8OrNull(0);
    if (!upto) return false;
    const uint64_t settled =
        settle.Execute({audience, from, Value::Int8(*upto), Value::Time(pg::WallClock())}).processed();
    pg::Execute("UPDATE pulse.sync_run SET added = added + $2 WHERE id = $1",
                {Value::Int8(run.id), Value::Int8(static_cast<int64_t>(settled))});
    place.settled = *upto;
    return true;
}

// The last person who was sent already, to close a session whose last people were not wanted any more.
std::optional<int64_t> LastAddition(const Run& run, int64_t upto) {
    static pg::Statement last(
        "SELECT profile_id FROM pulse.audience_member WHERE audience_id = $1 AND state = 'adding'"
        " AND profile_id <= $2 ORDER BY profile_id DESC LIMIT 1",
        {INT8OID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = last.Execute({Value::Int8(run.audience), Value::Int8(upto)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

}  // namespace

void ChooseReplacement(Run& run, const Audience& audience, const Destination& destination) {
    if (run.operation != "replace" || FactsOf(destination.platform).replacement != Replacement::kSession ||
        !audience.platform_id)
        return;
    const OpenRows open = CountOpen(audience.id);
    if (open.adding > 0 && open.adding <= MostPeople(destination)) SetReplacement(run, "sending");
}

bool ClaimReplacement(Run& run, Work& work, ClaimPlace& place) {
    if (run.replacement == "sent") {
        if (!Settle(run, place)) SetReplacement(run, "");
        return false;
    }
    // A new session begins with the first person.
    if (run.session.id == 0 && run.after > 0) SetAfter(run, 0), place.adding = 0;
    place.adding = std::max(place.adding, run.after);
    const int64_t most = static_cast<int64_t>(work.destination->batch_rows);
    std::vector<int64_t> people = LockAdditions(run.audience, place.adding, most);
    if (people.empty()) {
        const auto last = run.session.id != 0 ? LastAddition(run, place.adding) : std::nullopt;
        if (!last) {
            SetReplacement(run, "");  // nobody is wanted any more
            return false;
        }
        people = {*last};
        place.adding = *last - 1;
    }
    PlanAgain(run, work, people);
    work.claimed = ClaimAdditions(run.audience, place.adding, people.back());
    place.adding = people.back();
    if (work.claimed.none()) return false;
    work.claimed.last = !AnybodyFollows(run, work, place.adding);
    return true;
}

void CloseReplacement(int64_t run, int64_t upto) {
    pg::Execute(
        "UPDATE pulse.sync_run SET replacement = 'sent', after = greatest(after, $2), session_id = NULL,"
        " session_batches = 0, session_at = NULL, session_first_done = false WHERE id = $1",
        {Value::Int8(run), Value::Int8(upto)});
}

bool RestartReplacement(const Run& run) {
    const bool again = run.after == 0 || run.restarts < kMostRestarts;
    pg::Execute(
        "UPDATE pulse.sync_run SET after = 0, session_id = NULL, session_batches = 0, session_at = NULL,"
        " session_first_done = false, restarts = restarts + (after > 0)::int, error = $2 WHERE id = $1",
        {Value::Int8(run.id), Value::Text("the session of the replacement was lost")});
    return again;
}

}  // namespace pulse::audience
