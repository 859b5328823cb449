// What the platform has done or refused, in the ledger.
#include "pulse/audience/store_ledger.hpp"

#include "pulse/pg/array.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

using pg::Value;

int64_t RecordAdded(int64_t audience, const std::vector<int64_t>& people, Moment at) {
    static pg::Statement statement(
        "UPDATE pulse.audience_member SET state = 'sent', sent_at = $3, error = NULL WHERE audience_id = $1"
        " AND profile_id = ANY ($2) AND state = 'adding'",
        {INT8OID, INT8ARRAYOID, TIMESTAMPTZOID});
    if (people.empty()) return 0;
    const trait::ForceIndexPlans force_index_plans;
    return static_cast<int64_t>(
        statement.Execute({Value::Int8(audience), Value::Int8s(people), Value::Time(at)}).processed());
}

int64_t RecordRefused(int64_t audience, const std::vector<int64_t>& people,
                      const std::vector<std::string>& reasons) {
    static pg::Statement statement(
        "UPDATE pulse.audience_member AS m SET state = 'refused', error = u.reason"
        " FROM unnest($2, $3) AS u (id, reason) WHERE m.audience_id = $1 AND m.profile_id = u.id"
        " AND m.state = 'adding'",
        {INT8OID, INT8ARRAYOID, TEXTARRAYOID});
    if (people.empty()) return 0;
    const trait::ForceIndexPlans force_index_plans;
    return static_cast<int64_t>(
        statement.Execute({Value::Int8(audience), Value::Int8s(people), Value::Texts(reasons)}).processed());
}

int64_t RecordRemoved(int64_t audience, const Claimed& claimed, const std::vector<int64_t>& ids) {
    if (ids.empty()) return 0;
    const trait::ForceIndexPlans force_index_plans;
    if (claimed.queue) {
        static pg::Statement queued(
            "DELETE FROM pulse.audience_removal WHERE audience_id = $1 AND id = ANY ($2)",
            {INT8OID, INT8ARRAYOID});
        return static_cast<int64_t>(queued.Execute({Value::Int8(audience), Value::Int8s(ids)}).processed());
    }
    static pg::Statement removed(
        "DELETE FROM pulse.audience_member WHERE audience_id = $1 AND profile_id = ANY ($2)"
        " AND state = 'removing' RETURNING profile_id, cells",
        {INT8OID, INT8ARRAYOID});
    const pg::Result rows = removed.Execute({Value::Int8(audience), Value::Int8s(ids)});
    std::vector<int64_t> keys, owners;
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (const auto person = Unpack(pg::ToBytes(rows[i].Raw(1))))
            for (const int64_t key : LedgerKeys(*person)) {
                keys.push_back(key);
                owners.push_back(rows[i].Int8(0));
            }
    ForgetKeys(audience, keys, owners);
    AddPeople(audience, -static_cast<int64_t>(rows.size()));
    return static_cast<int64_t>(rows.size());
}

void ReopenUpload(int64_t audience, Operation operation, const std::vector<int64_t>& people,
                  const std::vector<std::string>& cells, bool erasure) {
    if (operation == Operation::kAdd) {
        pg::Execute(
            "UPDATE pulse.audience_member SET state = 'adding', sent_at = NULL WHERE audience_id = $1"
            " AND profile_id = ANY ($2) AND state = 'sent'",
            {Value::Int8(audience), Value::Int8s(people)});
        return;
    }
    pg::Execute(
        "INSERT INTO pulse.audience_removal (audience_id, cells, cause, queued_at)"
        " SELECT $1, u.cells, $4, $3 FROM unnest($2) AS u (cells)",
        {Value::Int8(audience), pg::Byteas(cells), Value::Time(pg::WallClock()),
         Value::Text(erasure ? "erased" : "changed")});
}

}  // namespace pulse::audience
