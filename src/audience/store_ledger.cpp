// What must be sent is written to the ledger, and counted. One sync at a time works on an audience; only
// erasures interfere.
#include "pulse/audience/store_ledger.hpp"

#include "pulse/pg/array.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

struct LedgerState {
    std::string state, cells;
    bool tried = false, accepted = false;
    int consent = 0;
};

std::map<int64_t, LedgerState> ReadLedger(int64_t audience, const std::vector<int64_t>& people) {
    static pg::Statement statement(
        "SELECT profile_id, state, cells, tried, sent_at IS NOT NULL, consent::int FROM pulse.audience_member"
        " WHERE audience_id = $1 AND profile_id = ANY ($2) FOR UPDATE",
        {INT8OID, INT8ARRAYOID});
    const pg::Result rows = statement.Execute({Value::Int8(audience), Value::Int8s(people)});
    std::map<int64_t, LedgerState> found;
    for (uint64_t i = 0; i < rows.size(); ++i)
        found[rows[i].Int8(0)] = {rows[i].Text(1), pg::ToBytes(rows[i].Raw(2)), rows[i].Bool(3),
                                  rows[i].Bool(4), rows[i].Int4(5)};
    return found;
}

// The changes of one call, written together.
class LedgerWriter {
  public:
    LedgerWriter(int64_t audience, Platform platform) : audience_(audience), platform_(platform) {}

    void Add(const WantedPerson& wanted, const LedgerState* row, bool again) {
        if (wanted.fit != Fit::kWanted) {
            if (row) Leave(wanted.person, *row);
            return;
        }
        const std::string cells = Pack(wanted.prepared);
        const int consent = static_cast<int>(wanted.consent);
        if (row && row->cells == cells && row->consent == consent) {
            Keep(wanted.person, *row, again);
            return;
        }
        if (row && row->cells != cells) Change(wanted.person, *row, wanted.prepared);
        people_.push_back(wanted.person);
        cells_.push_back(cells);
        consents_.push_back(consent);
        if (!row || row->cells != cells)
            for (const int64_t key : LedgerKeys(wanted.prepared)) {
                keys_.push_back(key);
                owners_.push_back(wanted.person);
            }
    }

    void Write() {
        static pg::Statement drop(
            "DELETE FROM pulse.audience_member WHERE audience_id = $1 AND profile_id = ANY ($2)",
            {INT8OID, INT8ARRAYOID});
        static pg::Statement set(
            "UPDATE pulse.audience_member SET state = $3, error = NULL WHERE audience_id = $1"
            " AND profile_id = ANY ($2)",
            {INT8OID, INT8ARRAYOID, TEXTOID});
        static pg::Statement upsert(
            "INSERT INTO pulse.audience_member AS m (audience_id, profile_id, state, tried, cells, consent)"
            " SELECT $1, u.id, 'adding', false, u.cells, u.consent::smallint"
            " FROM unnest($2, $3, $4) AS u (id, cells, consent)"
            " ON CONFLICT (audience_id, profile_id) DO UPDATE SET state = 'adding', cells = excluded.cells,"
            " consent = excluded.consent, sent_at = NULL, error = NULL",
            {INT8OID, INT8ARRAYOID, BYTEAARRAYOID, INT8ARRAYOID});
        static pg::Statement remember(
            "INSERT INTO pulse.audience_cell (audience_id, key, profile_id)"
            " SELECT $1, u.key, u.id FROM unnest($2, $3) AS u (key, id) ORDER BY u.key ON CONFLICT DO NOTHING",
            {INT8OID, INT8ARRAYOID, INT8ARRAYOID});
        static pg::Statement queue(
            "INSERT INTO pulse.audience_removal (audience_id, cells, cause, queued_at)"
            " SELECT $1, u.cells, 'changed', $3 FROM unnest($2) AS u (cells)",
            {INT8OID, BYTEAARRAYOID, TIMESTAMPTZOID});
        const Value id = Value::Int8(audience_);
        ForgetKeys(audience_, gone_keys_, gone_owners_);
        if (!drop_.empty()) drop.Execute({id, Value::Int8s(drop_)});
        if (!remove_.empty()) set.Execute({id, Value::Int8s(remove_), Value::Text("removing")});
        if (!restore_.empty()) set.Execute({id, Value::Int8s(restore_), Value::Text("sent")});
        if (!resend_.empty()) set.Execute({id, Value::Int8s(resend_), Value::Text("adding")});
        if (!people_.empty())
            upsert.Execute({id, Value::Int8s(people_), pg::Byteas(cells_), Value::Int8s(consents_)});
        if (!keys_.empty()) remember.Execute({id, Value::Int8s(keys_), Value::Int8s(owners_)});
        if (!leaving_.empty()) queue.Execute({id, pg::Byteas(leaving_), Value::Time(pg::WallClock())});
    }

  private:
    void Forget(int64_t person, const std::string& cells) {
        const auto before = Unpack(cells);
        if (!before) return;
        for (const int64_t key : LedgerKeys(*before)) {
            gone_keys_.push_back(key);
            gone_owners_.push_back(person);
        }
    }

    // Not wanted any more.
    void Leave(int64_t person, const LedgerState& row) {
        if (row.state == "removing") return;
        if (row.tried) {
            remove_.push_back(person);
            return;
        }
        Forget(person, row.cells);
        drop_.push_back(person);
    }

    // Wanted as it was sent.
    void Keep(int64_t person, const LedgerState& row, bool again) {
        if (row.state == "removing" && row.accepted && !again)
            restore_.push_back(person);  // nobody was told to remove it yet
        else if (row.state == "removing" || (again && row.state != "adding"))
            resend_.push_back(person);
    }

    // Wanted with other identifiers: what it has no more is removed.
    void Change(int64_t person, const LedgerState& row, const PreparedPerson& after) {
        const auto before = Unpack(row.cells);
        if (!before) return;
        Forget(person, row.cells);
        if (!row.tried) return;
        const PreparedPerson leaving = Leaving(platform_, *before, after);
        if (!leaving.empty()) leaving_.push_back(Pack(leaving));
    }

    const int64_t audience_;
    const Platform platform_;
    std::vector<int64_t> drop_, remove_, restore_, resend_;
    std::vector<int64_t> people_, consents_;
    std::vector<std::string> cells_, leaving_;
    std::vector<int64_t> keys_, owners_, gone_keys_, gone_owners_;
};

}  // namespace

void PlanCounts::Count(const WantedPerson& person) {
    ++examined;
    if (person.fit == Fit::kNoMember) return;
    ++members;
    if (person.fit == Fit::kWanted) return;
    ++suppressed;
    ++suppressed_by[Name(person.fit)];
}

void ForgetKeys(int64_t audience, const std::vector<int64_t>& keys, const std::vector<int64_t>& owners) {
    static pg::Statement statement(
        "DELETE FROM pulse.audience_cell AS c USING unnest($2, $3) AS u (key, id)"
        " WHERE c.audience_id = $1 AND c.key = u.key AND c.profile_id = u.id",
        {INT8OID, INT8ARRAYOID, INT8ARRAYOID});
    if (keys.empty()) return;
    statement.Execute({Value::Int8(audience), Value::Int8s(keys), Value::Int8s(owners)});
}

void AddPeople(int64_t audience, int64_t number) {
    if (number == 0) return;
    static pg::Statement statement(
        "UPDATE pulse.audience SET people = greatest(0, people + $2) WHERE id = $1", {INT8OID, INT8OID});
    statement.Execute({Value::Int8(audience), Value::Int8(number)});
}

void WriteLedger(int64_t audience, Platform platform, const std::vector<WantedPerson>& people, bool again) {
    if (people.empty()) return;
    const trait::ForceIndexPlans force_index_plans;
    std::vector<int64_t> ids;
    ids.reserve(people.size());
    for (const WantedPerson& person : people) ids.push_back(person.person);
    const std::map<int64_t, LedgerState> ledger = ReadLedger(audience, ids);
    LedgerWriter writer(audience, platform);
    for (const WantedPerson& person : people) {
        const auto found = ledger.find(person.person);
        writer.Add(person, found == ledger.end() ? nullptr : &found->second, again);
    }
    writer.Write();
}

void RemoveEverybody(int64_t audience) {
    pg::Execute("UPDATE pulse.audience_member SET state = 'removing' WHERE audience_id = $1",
                {Value::Int8(audience)});
}

OpenRows CountOpen(int64_t audience) {
    static pg::Statement statement(
        "SELECT count(*) FILTER (WHERE m.state = 'adding'), count(*) FILTER (WHERE m.state = 'removing'),"
        " (SELECT count(*) FROM pulse.audience_removal AS r WHERE r.audience_id = $1)"
        " FROM pulse.audience_member AS m WHERE m.audience_id = $1 AND m.state IN ('adding', 'removing')",
        {INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = statement.Execute({Value::Int8(audience)});
    return {rows[0].Int8(0), rows[0].Int8(1), rows[0].Int8(2)};
}

}  // namespace pulse::audience
