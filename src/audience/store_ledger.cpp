// Writing the ledger. One sync at a time works on an audience; only erasures interfere.
#include "pulse/audience/store_ledger.hpp"

#include <algorithm>
#include <set>

#include "pulse/pg/array.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

Value BytesArray(const std::vector<std::string>& values) {
    std::vector<Datum> elements;
    for (const std::string& value : values) elements.push_back(pg::FromBytes(value));
    std::vector<char> nulls(elements.size(), 0);
    return pg::detail::Array(elements, nulls, BYTEAOID, BYTEAARRAYOID);
}

// The key of an identifier in pulse.audience_cell.
int64_t KeyOf(const Cell& cell) {
    const std::string hash = Sha256Hex(std::string(1, static_cast<char>(cell.kind)) + cell.value);
    return static_cast<int64_t>(std::stoull(hash.substr(0, 16), nullptr, 16));
}

// Names and parts of addresses belong to many.
std::vector<int64_t> KeysOf(const PreparedPerson& person) {
    std::vector<int64_t> keys;
    for (const Cell& cell : person.cells)
        if (IsStrong(cell.kind)) keys.push_back(KeyOf(cell));
    return keys;
}

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
            for (const int64_t key : KeysOf(wanted.prepared)) {
                keys_.push_back(key);
                owners_.push_back(wanted.person);
            }
    }

    void Write() {
        static pg::Statement forget(
            "DELETE FROM pulse.audience_cell AS c USING unnest($2, $3) AS u (key, id)"
            " WHERE c.audience_id = $1 AND c.key = u.key AND c.profile_id = u.id",
            {INT8OID, INT8ARRAYOID, INT8ARRAYOID});
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
        if (!gone_keys_.empty()) forget.Execute({id, Value::Int8s(gone_keys_), Value::Int8s(gone_owners_)});
        if (!drop_.empty()) drop.Execute({id, Value::Int8s(drop_)});
        if (!remove_.empty()) set.Execute({id, Value::Int8s(remove_), Value::Text("removing")});
        if (!restore_.empty()) set.Execute({id, Value::Int8s(restore_), Value::Text("sent")});
        if (!resend_.empty()) set.Execute({id, Value::Int8s(resend_), Value::Text("adding")});
        if (!people_.empty())
            upsert.Execute({id, Value::Int8s(people_), BytesArray(cells_), Value::Int8s(consents_)});
        if (!keys_.empty()) remember.Execute({id, Value::Int8s(keys_), Value::Int8s(owners_)});
        if (!leaving_.empty()) queue.Execute({id, BytesArray(leaving_), Value::Time(pg::WallClock())});
    }

  private:
    void ForgetKeys(int64_t person, const std::string& cells) {
        const auto before = Unpack(cells);
        if (!before) return;
        for (const int64_t key : KeysOf(*before)) {
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
        ForgetKeys(person, row.cells);
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
        ForgetKeys(person, row.cells);
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

// Reads rows of id and cells that are to be removed, without identifiers that others have.
void ReadRemovals(int64_t audience, const pg::Result& rows, uint64_t count, Claimed& claimed) {
    std::vector<std::pair<int64_t, PreparedPerson>> people;
    std::vector<int64_t> keys;
    for (uint64_t i = 0; i < count; ++i) {
        claimed.reached = rows[i].Int8(0);
        people.emplace_back(rows[i].Int8(0), Unpack(pg::ToBytes(rows[i].Raw(1))).value_or(PreparedPerson{}));
        const std::vector<int64_t> own = KeysOf(people.back().second);
        keys.insert(keys.end(), own.begin(), own.end());
    }
    const std::set<int64_t> kept = KeysOfOthers(audience, keys);
    for (auto& [id, person] : people) {
        const bool strong = std::any_of(person.cells.begin(), person.cells.end(),
                                        [](const Cell& cell) { return IsStrong(cell.kind); });
        std::erase_if(person.cells,
                      [&](const Cell& cell) { return IsStrong(cell.kind) && kept.contains(KeyOf(cell)); });
        const bool left = std::any_of(person.cells.begin(), person.cells.end(),
                                      [](const Cell& cell) { return IsStrong(cell.kind); });
        if (person.empty() || (strong && !left)) {
            claimed.empty.push_back(id);
            continue;
        }
        claimed.ids.push_back(id);
        claimed.members.push_back({std::move(person), ConsentState::kGranted});
    }
}

void AddPeople(int64_t audience, int64_t number) {
    if (number == 0) return;
    static pg::Statement statement(
        "UPDATE pulse.audience SET people = greatest(0, people + $2) WHERE id = $1", {INT8OID, INT8OID});
    statement.Execute({Value::Int8(audience), Value::Int8(number)});
}

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
            for (const int64_t key : KeysOf(*person)) {
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

}  // namespace

void PlanCounts::Count(const WantedPerson& person) {
    ++looked_at;
    if (person.fit == Fit::kNoMember) return;
    ++members;
    if (person.fit == Fit::kWanted) return;
    ++suppressed;
    ++suppressed_by[Name(person.fit)];
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
    Claimed claimed;
    claimed.operation = Operation::kRemove;
    claimed.last = static_cast<int64_t>(rows.size()) <= most;
    ReadRemovals(audience, rows, std::min<uint64_t>(rows.size(), static_cast<uint64_t>(most)), claimed);
    if (!claimed.ids.empty()) tried.Execute({Value::Int8(audience), Value::Int8s(claimed.ids)});
    return claimed;
}

Claimed ClaimQueued(int64_t audience, int64_t after, int64_t most) {
    static pg::Statement next(
        "SELECT id, cells FROM pulse.audience_removal WHERE audience_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        {INT8OID, INT8OID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = next.Execute({Value::Int8(audience), Value::Int8(after), Value::Int8(most + 1)});
    Claimed claimed;
    claimed.operation = Operation::kRemove;
    claimed.queue = true;
    claimed.last = static_cast<int64_t>(rows.size()) <= most;
    ReadRemovals(audience, rows, std::min<uint64_t>(rows.size(), static_cast<uint64_t>(most)), claimed);
    return claimed;
}

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
    static pg::Statement forget(
        "DELETE FROM pulse.audience_cell AS c USING unnest($2, $3) AS u (key, id)"
        " WHERE c.audience_id = $1 AND c.key = u.key AND c.profile_id = u.id",
        {INT8OID, INT8ARRAYOID, INT8ARRAYOID});
    const pg::Result rows = removed.Execute({Value::Int8(audience), Value::Int8s(ids)});
    std::vector<int64_t> keys, owners;
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (const auto person = Unpack(pg::ToBytes(rows[i].Raw(1))))
            for (const int64_t key : KeysOf(*person)) {
                keys.push_back(key);
                owners.push_back(rows[i].Int8(0));
            }
    if (!keys.empty()) forget.Execute({Value::Int8(audience), Value::Int8s(keys), Value::Int8s(owners)});
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
        {Value::Int8(audience), BytesArray(cells), Value::Time(pg::WallClock()),
         Value::Text(erasure ? "erased" : "changed")});
}

namespace {

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
