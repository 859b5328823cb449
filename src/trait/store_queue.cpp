#include "pulse/trait/store_queue.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "pulse/pg/background.hpp"
#include "pulse/pg/index_plans.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/trait/store_state.hpp"
#include "pulse/trait/store_unsettled.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

// Queued changes by person, grouped by cause and quiet.
using QueuePortions = std::map<std::pair<std::string, bool>, std::map<int64_t, ProfileChange>>;

QueuePortions Fold(const pg::Result& rows) {
    QueuePortions portions;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        ProfileChange& change = portions[{row.Text(5), row.Bool(6)}][row.Int8(0)];
        change.profile = row.Int8(0);
        AddName(change.events, row.TextOrNull(1).value_or(""));
        AddName(change.attributes, row.TextOrNull(2).value_or(""));
        change.account |= row.Bool(3);
        change.everything |= row.Bool(4);
    }
    return portions;
}

// The people that entries concern now: an entry has the person at the time of its transaction, who may have
// been merged or unmerged since.
using Pairs = std::set<std::pair<int64_t, int64_t>>;  // profile of the entry, current person
Pairs ResolvePeople(const std::vector<int64_t>& named) {
    static pg::Statement statement(
        "SELECT u.id, p.canonical_id FROM unnest($1::bigint[]) AS u (id)"
        " JOIN pulse.profile AS p ON p.id = u.id"
        " UNION SELECT u.id, p.canonical_id FROM unnest($1::bigint[]) AS u (id)"
        " JOIN pulse.merge_history AS h ON h.survivor_id = u.id"
        " AND h.undone_at IS NOT NULL JOIN pulse.profile AS p ON p.id = ANY (h.profiles)",
        {INT8ARRAYOID});
    const pg::Result rows = statement.Execute({Value::Int8s(named)});
    Pairs pairs;
    for (uint64_t i = 0; i < rows.size(); ++i) pairs.emplace(rows[i].Int8(0), rows[i].Int8(1));
    return pairs;
}

// Evaluate the people of entries with one cause. Returns the changes to queue again.
std::vector<ProfileChange> ProcessPortion(const std::map<int64_t, ProfileChange>& people,
                                          const UpdateOptions& options, BatchResult& result) {
    std::vector<int64_t> named;
    for (const auto& entry : people) named.push_back(entry.first);
    const Pairs before = ResolvePeople(named);
    std::map<int64_t, ProfileChange> by_person;
    for (const auto& [id, person] : before) {
        ProfileChange& change = by_person[person];
        change.profile = person;
        MergeInto(change, people.at(id));
    }
    std::vector<ProfileChange> changes, later;
    for (const auto& entry : by_person) changes.push_back(entry.second);
    const std::vector<int64_t> left = UpdateState(changes, options);
    for (const int64_t id : left) later.push_back(by_person.at(id));
    // People that were merged or unmerged before they were locked.
    for (const auto& [id, person] : ResolvePeople(named)) {
        if (before.contains({id, person})) continue;
        later.push_back(people.at(id));
        later.back().profile = person;
    }
    result.people += static_cast<int64_t>(changes.size() - left.size());
    result.skipped += static_cast<int64_t>(later.size());
    return later;
}

}  // namespace

void Enqueue(const std::vector<ProfileChange>& changes, const std::string& cause, bool quiet) {
    const std::shared_ptr<const Program> current = CurrentProgram();
    const Program& program = *current;
    if (program.TracksNothing()) return;
    std::vector<int64_t> profiles;
    std::vector<std::string> events, attributes;
    std::vector<bool> account, everything, concerns;
    for (const ProfileChange& change : changes) {
        const bool matters = Affects(program.index, change);
        const size_t rows =
            matters ? std::max<size_t>({change.events.size(), change.attributes.size(), 1}) : 1;
        for (size_t i = 0; i < rows; ++i) {
            profiles.push_back(change.profile);
            events.push_back(matters && i < change.events.size() ? change.events[i] : "");
            attributes.push_back(matters && i < change.attributes.size() ? change.attributes[i] : "");
            account.push_back(change.account);
            everything.push_back(change.everything);
            concerns.push_back(matters);
        }
    }
    static pg::Statement statement(
        "INSERT INTO pulse.dirty (profile_id, event, attribute, account, everything, cause, quiet)"
        " SELECT c.profile, nullif(c.event, ''), nullif(c.attribute, ''), c.account, c.everything, $7, $8"
        " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::boolean[])"
        " AS c (profile, event, attribute, account, everything, concerns)"
        " WHERE c.concerns OR NOT EXISTS (SELECT FROM pulse.profile_state AS s"
        " WHERE s.profile_id = c.profile)",
        {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, BOOLARRAYOID, BOOLARRAYOID, TEXTOID,
         BOOLOID});
    const pg::IndexPlans by_index;
    const pg::Result rows = statement.Execute(
        {Value::Int8s(profiles), Value::Texts(events), Value::Texts(attributes), pg::BoolArray(account),
         pg::BoolArray(everything), pg::BoolArray(concerns), Value::Text(cause), Value::Bool(quiet)});
    if (rows.processed() > 0) WakePipeline();
}

void EnqueueAccount(int64_t account, const std::string& cause, bool quiet) {
    if (CurrentProgram()->index.VersionsOfAccount().empty()) return;
    static pg::Statement statement(
        "INSERT INTO pulse.dirty (profile_id, account, everything, cause, quiet)"
        " SELECT p.id, true, false, $2, $3 FROM pulse.profile AS p WHERE p.account_id = $1"
        " AND p.canonical_id = p.id",
        {INT8OID, TEXTOID, BOOLOID});
    const pg::IndexPlans by_index;
    if (statement.Execute({Value::Int8(account), Value::Text(cause), Value::Bool(quiet)}).processed() > 0)
        WakePipeline();
}

BatchResult ProcessQueue(int64_t limit) {
    static pg::Statement take(
        "DELETE FROM pulse.dirty AS d USING (SELECT id FROM pulse.dirty ORDER BY id LIMIT $1 FOR"
        " UPDATE SKIP LOCKED) AS n"
        " WHERE d.id = n.id RETURNING d.profile_id, d.event, d.attribute, d.account, d.everything, d.cause,"
        " d.quiet",
        {INT8OID});
    const pg::IndexPlans by_index;
    const pg::Result rows = take.Execute({Value::Int8(limit)});
    BatchResult result;
    result.full = static_cast<int64_t>(rows.size()) == limit;
    for (const auto& [kind, people] : Fold(rows)) {
        const std::vector<ProfileChange> later =
            ProcessPortion(people, {kind.first, kind.second, false, std::nullopt}, result);
        if (!later.empty()) Enqueue(later, kind.first, kind.second);
    }
    return result;
}

BatchResult ProcessDue(int64_t limit) {
    static pg::Statement due(
        "SELECT profile_id FROM pulse.profile_state WHERE next_change_at <= $1 ORDER BY next_change_at"
        " LIMIT $2",
        {TIMESTAMPTZOID, INT8OID});
    const pg::IndexPlans by_index;
    BatchResult result;
    if (CurrentProgram()->TracksNothing()) return result;
    const Moment now = pg::PastNow();
    const pg::Result rows = due.Execute({Value::Time(now), Value::Int8(limit)});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    const std::vector<int64_t> again = UnsettledDue(now, limit);
    result.full = static_cast<int64_t>(std::max(ids.size(), again.size())) == limit;
    for (const int64_t id : again)
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    const std::vector<int64_t> there = FilterCanonical(ids);
    std::vector<ProfileChange> changes;
    for (const int64_t id : ids) {
        if (!std::binary_search(there.begin(), there.end(), id)) {
            // A profile that was merged, or is gone: nothing else would remove its state.
            RemoveMergedProfile(id, "merge");
            continue;
        }
        changes.emplace_back();
        changes.back().profile = id;
    }
    result.skipped = static_cast<int64_t>(UpdateState(changes, {"event", false, false, std::nullopt}).size());
    result.people = static_cast<int64_t>(changes.size()) - result.skipped;
    return result;
}

std::optional<Moment> NextDue() {
    static pg::Statement queue("SELECT EXISTS (SELECT FROM pulse.dirty)", {});
    static pg::Statement due(
        "SELECT least((SELECT min(next_change_at) FROM pulse.profile_state WHERE next_change_at IS NOT NULL),"
        " (SELECT min(u.next_attempt_at) FROM pulse.unsettled_person AS u WHERE NOT EXISTS"
        " (SELECT FROM pulse.archive_wait AS w WHERE w.profile_id = u.profile_id)))",
        {});
    const pg::IndexPlans by_index;
    if (queue.Execute({})[0].Bool(0) || NeedsBuild()) return pg::WallClock();
    // Without definitions nothing is due.
    if (CurrentProgram()->TracksNothing()) return std::nullopt;
    return due.Execute({})[0].TimeOrNull(0);
}

}  // namespace pulse::trait
