// Rows of the ledger are claimed for a request: from then on the platform may have them, or have them no
// more.
#include "pulse/audience/store_ledger.hpp"

#include <algorithm>
#include <set>

#include "pulse/pg/convert.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

// The identifiers of these that another person of the audience has now.
std::set<int64_t> KeysOfOthers(int64_t audience, const std::vector<int64_t>& keys) {
    static pg::Statement statement(
        "SELECT DISTINCT c.key FROM unnest($2) AS k (key) JOIN pulse.audience_cell AS c"
        " ON c.audience_id = $1 AND c.key = k.key JOIN pulse.audience_member AS m"
        " ON m.audience_id = $1 AND m.profile_id = c.profile_id AND m.state <> 'removing'",
        {INT8OID, INT8ARRAYOID});
    std::set<int64_t> found;
    if (keys.empty()) return found;
    const pg::Result rows = statement.Execute({Value::Int8(audience), Value::Int8s(keys)});
    for (uint64_t i = 0; i < rows.size(); ++i) found.insert(rows[i].Int8(0));
    return found;
}

// Reads up to `most` rows of id and cells that are to be removed, without identifiers that others have. One
// row more says that there are more.
Claimed ReadRemovals(int64_t audience, const pg::Result& rows, int64_t most) {
    Claimed claimed;
    claimed.operation = Operation::kRemove;
    claimed.last = static_cast<int64_t>(rows.size()) <= most;
    const uint64_t count = std::min<uint64_t>(rows.size(), static_cast<uint64_t>(most));
    std::vector<std::pair<int64_t, PreparedPerson>> people;
    std::vector<int64_t> keys;
    for (uint64_t i = 0; i < count; ++i) {
        claimed.reached = rows[i].Int8(0);
        people.emplace_back(rows[i].Int8(0), Unpack(pg::ToBytes(rows[i].Raw(1))).value_or(PreparedPerson{}));
        const std::vector<int64_t> own = LedgerKeys(people.back().second);
        keys.insert(keys.end(), own.begin(), own.end());
    }
    const std::set<int64_t> kept = KeysOfOthers(audience, keys);
    for (auto& [id, person] : people) {
        const bool strong = std::any_of(person.cells.begin(), person.cells.end(),
                                        [](const Cell& cell) { return IsStrong(cell.kind); });
        std::erase_if(person.cells, [&](const Cell& cell) {
            return IsStrong(cell.kind) && kept.contains(LedgerKey(cell));
        });
        const bool left = std::any_of(person.cells.begin(), person.cells.end(),
                                      [](const Cell& cell) { return IsStrong(cell.kind); });
        if (person.empty() || (strong && !left)) {
            claimed.empty.push_back(id);
            continue;
        }
        claimed.ids.push_back(id);
        claimed.members.push_back({std::move(person), ConsentState::kGranted});
    }
    return claimed;
}

}  // namespace

std::vector<int64_t> LockAdditions(int64_t audience, int64_t after, int64_t most) {
    static pg::Statement next(
        "SELECT profile_id FROM pulse.audience_member WHERE audience_id = $1 AND state = 'adding'"
        " AND profile_id > $2 ORDER BY profile_id LIMIT $3 FOR UPDATE",
        {INT8OID, INT8OID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = next.Execute({Value::Int8(audience), Value::Int8(after), Value::Int8(most)});
    std::vector<int64_t> people;
    for (uint64_t i = 0; i < rows.size(); ++i) people.push_back(rows[i].Int8(0));
    return people;
}

bool HasAdditions(int64_t audience, int64_t after, int64_t upto) {
    static pg::Statement any(
        "SELECT FROM pulse.audience_member WHERE audience_id = $1 AND state = 'adding' AND profile_id > $2"
        " AND profile_id <= $3 ORDER BY profile_id LIMIT 1",
        {INT8OID, INT8OID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    return !any.Execute({Value::Int8(audience), Value::Int8(after), Value::Int8(upto)}).empty();
}

Claimed ClaimAdditions(int64_t audience, int64_t after, int64_t upto) {
    static pg::Statement next(
        "SELECT profile_id, cells, consent::int FROM pulse.audience_member WHERE audience_id = $1"
        " AND state = 'adding' AND profile_id > $2 AND profile_id <= $3 ORDER BY profile_id",
        {INT8OID, INT8OID, INT8OID});
    static pg::Statement tried(
        "UPDATE pulse.audience_member SET tried = true WHERE audience_id = $1 AND profile_id = ANY ($2)"
        " AND NOT tried",
        {INT8OID, INT8ARRAYOID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = next.Execute({Value::Int8(audience), Value::Int8(after), Value::Int8(upto)});
    Claimed claimed;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        claimed.reached = rows[i].Int8(0);
        auto person = Unpack(pg::ToBytes(rows[i].Raw(1)));
        if (!person || person->empty()) continue;
        claimed.ids.push_back(claimed.reached);
        claimed.members.push_back({std::move(*person), static_cast<ConsentState>(rows[i].Int4(2))});
    }
    if (!claimed.ids.empty())
        AddPeople(audience,
                  static_cast<int64_t>(
                      tried.Execute({Value::Int8(audience), Value::Int8s(claimed.ids)}).processed()));
    return claimed;
}

Claimed ClaimRemovals(int64_t audience, int64_t after, int64_t most) {
    static pg::Statement next(
        "SELECT profile_id, cells FROM pulse.audience_member WHERE audience_id = $1 AND state = 'removing'"
        " AND profile_id > $2 ORDER BY profile_id LIMIT $3",
        {INT8OID, INT8OID, INT8OID});
    static pg::Statement tried(
        "UPDATE pulse.audience_member SET sent_at = NULL WHERE audience_id = $1 AND profile_id = ANY ($2)"
        " AND sent_at IS NOT NULL",
        {INT8OID, INT8ARRAYOID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = next.Execute({Value::Int8(audience), Value::Int8(after), Value::Int8(most + 1)});
    Claimed claimed = ReadRemovals(audience, rows, most);
    if (!claimed.ids.empty()) tried.Execute({Value::Int8(audience), Value::Int8s(claimed.ids)});
    return claimed;
}

Claimed ClaimQueued(int64_t audience, int64_t after, int64_t most) {
    static pg::Statement next(
        "SELECT id, cells FROM pulse.audience_removal WHERE audience_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        {INT8OID, INT8OID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = next.Execute({Value::Int8(audience), Value::Int8(after), Value::Int8(most + 1)});
    Claimed claimed = ReadRemovals(audience, rows, most);
    claimed.queue = true;
    return claimed;
}

}  // namespace pulse::audience
