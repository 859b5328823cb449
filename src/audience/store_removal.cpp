// People who leave the ledger for the queue of removals: those who are erased, and those who have withdrawn
// consent.
#include "pulse/audience/store_ledger.hpp"

#include <algorithm>

#include "pulse/pg/background.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

// Moves people from the ledger to the queue of removals; in one audience, or in all. Returns the audience of
// each who was sent.
std::vector<int64_t> QueueLeaving(const std::vector<int64_t>& profiles, std::optional<int64_t> audience,
                                  const char* cause) {
    const pg::Result rows = pg::Execute(
        "WITH gone AS (DELETE FROM pulse.audience_member WHERE profile_id = ANY ($1)"
        " AND ($3 IS NULL OR audience_id = $3) RETURNING audience_id, profile_id, cells, tried),"
        " queued AS (INSERT INTO pulse.audience_removal (audience_id, cells, cause, queued_at)"
        // Where the platform has deleted the audience nobody is left.
        " SELECT g.audience_id, g.cells, $4, $2 FROM gone AS g WHERE g.tried AND NOT EXISTS (SELECT"
        " FROM pulse.audience AS s WHERE s.id = g.audience_id AND s.status = 'stale')),"
        " counted AS (UPDATE pulse.audience AS a SET people = greatest(0, a.people - n.people),"
        // They do not count as people whom a broken segment has lost.
        " share_people = greatest(0, a.share_people - n.people)"
        " FROM (SELECT g.audience_id, count(*) AS people FROM gone AS g WHERE g.tried GROUP BY 1) AS n"
        " WHERE a.id = n.audience_id) SELECT g.audience_id, g.profile_id, g.cells, g.tried FROM gone AS g",
        {Value::Int8s(profiles), Value::Time(pg::WallClock()), Value::Int8(audience), Value::Text(cause)});
    std::vector<int64_t> audiences, keys, owners, of;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        if (rows[i].Bool(3)) audiences.push_back(rows[i].Int8(0));
        if (const auto person = Unpack(pg::ToBytes(rows[i].Raw(2))))
            for (const int64_t key : LedgerKeys(*person)) {
                of.push_back(rows[i].Int8(0));
                keys.push_back(key);
                owners.push_back(rows[i].Int8(1));
            }
    }
    pg::Execute(
        "DELETE FROM pulse.audience_cell AS c USING unnest($1::bigint[], $2::bigint[], $3::bigint[])"
        " AS u (audience, key, id) WHERE c.audience_id = u.audience AND c.key = u.key"
        " AND c.profile_id = u.id",
        {Value::Int8s(of), Value::Int8s(keys), Value::Int8s(owners)});
    return audiences;
}

#define PULSE_WITHDRAWN                                                                                  \
    " EXISTS (SELECT FROM pulse.consent AS c WHERE c.profile_id = m.profile_id AND c.purpose = ANY ($3)" \
    " AND NOT c.live @> $4)"

constexpr int64_t kWithdrawnAtOnce = 5'000;

// Portion by portion, by the number of the person.
int64_t QueueFound(pg::Statement& next, int64_t audience, const std::vector<std::string>& purposes) {
    int64_t moved = 0, after = 0;
    for (;;) {
        pg::CheckInterrupts();
        const pg::Result rows =
            next.Execute({Value::Int8(audience), Value::Int8(after), Value::Texts(purposes),
                          Value::Time(pg::Now()), Value::Int8(kWithdrawnAtOnce)});
        if (rows.empty()) return moved;
        std::vector<int64_t> people;
        for (uint64_t i = 0; i < rows.size(); ++i) people.push_back(rows[i].Int8(0));
        after = people.back();
        moved += static_cast<int64_t>(QueueLeaving(people, audience, "withdrawn").size());
    }
}

}  // namespace

int64_t QueueRemovedWithdrawn(int64_t audience, const std::vector<std::string>& purposes) {
    static pg::Statement next(
        "SELECT m.profile_id FROM pulse.audience_member AS m WHERE m.audience_id = $1"
        " AND m.state = 'removing' AND m.profile_id > $2 AND" PULSE_WITHDRAWN
        " ORDER BY m.profile_id LIMIT $5",
        {INT8OID, INT8OID, TEXTARRAYOID, TIMESTAMPTZOID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    return QueueFound(next, audience, purposes);
}

int64_t QueueMarkedWithdrawn(int64_t audience, const std::vector<std::string>& purposes) {
    static pg::Statement next(
        "SELECT DISTINCT m.profile_id FROM pulse.audience_mark AS k JOIN pulse.audience_member AS m"
        " ON m.audience_id = $1 AND m.profile_id = k.profile_id WHERE k.audience_id = $1"
        " AND k.profile_id > $2 AND m.profile_id > $2 AND" PULSE_WITHDRAWN " ORDER BY m.profile_id LIMIT $5",
        {INT8OID, INT8OID, TEXTARRAYOID, TIMESTAMPTZOID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    return QueueFound(next, audience, purposes);
}

int64_t QueueWithdrawnOf(int64_t audience, const std::vector<std::string>& purposes,
                         const std::vector<int64_t>& people) {
    static pg::Statement find(
        "SELECT m.profile_id FROM unnest($2) AS u (id) JOIN pulse.audience_member AS m"
        " ON m.audience_id = $1 AND m.profile_id = u.id WHERE" PULSE_WITHDRAWN " ORDER BY 1",
        {INT8OID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = find.Execute(
        {Value::Int8(audience), Value::Int8s(people), Value::Texts(purposes), Value::Time(pg::Now())});
    std::vector<int64_t> found;
    for (uint64_t i = 0; i < rows.size(); ++i) found.push_back(rows[i].Int8(0));
    return found.empty() ? 0 : static_cast<int64_t>(QueueLeaving(found, audience, "withdrawn").size());
}

#undef PULSE_WITHDRAWN

std::vector<int64_t> EraseFromLedger(const std::vector<int64_t>& profiles) {
    std::vector<int64_t> audiences = QueueLeaving(profiles, std::nullopt, "erased");
    pg::Execute("DELETE FROM pulse.audience_mark WHERE profile_id = ANY ($1)", {Value::Int8s(profiles)});
    std::sort(audiences.begin(), audiences.end());
    audiences.erase(std::unique(audiences.begin(), audiences.end()), audiences.end());
    return audiences;
}

}  // namespace pulse::audience
