// Builds definitions for existing people in batches, then swaps versions.
#include "pulse/trait/store_build.hpp"

#include <map>
#include <optional>
#include <set>

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/trait/macro.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/trait/store_unsettled.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr int64_t kPortion = 2000;

// Invalidate the compiled definitions of all backends, including this one.
void PublishDefinitions() {
    InvalidateDefinitions();
    // Own caches are invalidated at the end of a command that writes.
    pg::Execute("UPDATE pulse.definition SET version = version + 1");
}

int64_t MaxProfileId() {
    return pg::Execute("SELECT coalesce(max(id), 0) FROM pulse.profile")[0].Int8(0);
}

// ---- desired versions ----

struct DesiredVersion {
    int64_t segment;
    int number;
    std::string rule;  // expanded
};

std::vector<DesiredVersion> DesiredVersions() {
    const pg::Result rows = pg::Execute(
        "SELECT id, version, name FROM pulse.segment WHERE kind = 'profile'"
        " AND status IN ('active', 'paused')"
        " ORDER BY id");
    std::vector<DesiredVersion> wanted;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string name = rows[i].Text(2);
        const rule::Definitions& definitions = SavedDefinitions();
        const rule::ExprPtr tree = definitions.Find(rule::Reference::Kind::kSegment, name, 0);
        wanted.push_back({rows[i].Int8(0), rows[i].Int4(1),
                          rule::Print(*rule::Expand(*tree, definitions, "segment " + name))});
    }
    return wanted;
}

void DropUnfinishedVersion(int64_t segment) {
    pg::Execute(
        "WITH gone AS (DELETE FROM pulse.live_segment WHERE segment_id = $1 AND status = 'building'"
        " RETURNING id)"
        " DELETE FROM pulse.next_member WHERE version_id IN (SELECT id FROM gone)",
        {Value::Int8(segment)});
}

// Whether it is the rule of a static segment that nobody was added to: nobody has to be evaluated.
bool IsEmptyList(const std::string& rule) {
    if (!rule.starts_with(rule::Name(rule::Aggregate::kStatic))) return false;
    const rule::ExprPtr tree = rule::ParseStored(rule);
    const rule::Metric* metric = rule::As<rule::Metric>(*tree);
    return metric && pg::Execute("SELECT FROM pulse.static_member WHERE segment_id = $1 LIMIT 1",
                                 {Value::Int8(metric->segment)})
                         .empty();
}

// What is stored of a segment's versions.
struct StoredVersion {
    int64_t id;
    int number;
    std::string rule;
};
struct StoredVersions {
    std::optional<StoredVersion> live, building;
};

std::map<int64_t, StoredVersions> ReadStoredVersions() {
    const pg::Result rows =
        pg::Execute("SELECT segment_id, status = 'live', id, version, rule FROM pulse.live_segment");
    std::map<int64_t, StoredVersions> stored;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        StoredVersions& versions = stored[rows[i].Int8(0)];
        (rows[i].Bool(1) ? versions.live : versions.building) =
            StoredVersion{rows[i].Int8(2), rows[i].Int4(3), rows[i].Text(4)};
    }
    return stored;
}

void SyncVersion(const DesiredVersion& wanted, const StoredVersions& stored, int64_t last) {
    const bool is_live = stored.live && stored.live->rule == wanted.rule;
    const std::optional<StoredVersion>& nearest = is_live ? stored.live : stored.building;
    if (nearest && nearest->rule == wanted.rule) {
        if (is_live && stored.building) DropUnfinishedVersion(wanted.segment);
        if (nearest->number != wanted.number)
            pg::Execute("UPDATE pulse.live_segment SET version = $2 WHERE id = $1",
                        {Value::Int8(nearest->id), Value::Int4(wanted.number)});
        return;
    }
    if (stored.building) DropUnfinishedVersion(wanted.segment);
    const bool complete = !stored.live && IsEmptyList(wanted.rule);
    pg::Execute(
        "INSERT INTO pulse.live_segment (segment_id, version, rule, status, built_to, after_profile,"
        " changed_at)"
        " VALUES ($1, $2, $3, CASE WHEN $6 THEN 'live' ELSE 'building' END, CASE WHEN NOT $6 THEN 0 END, $4, $5)",
        {Value::Int8(wanted.segment), Value::Int4(wanted.number), Value::Text(wanted.rule), Value::Int8(last),
         Value::Time(pg::Now()), Value::Bool(complete)});
}

// End the memberships of segments that are not stored any more.
void EndRemovedSegments(const std::vector<DesiredVersion>& wanted) {
    std::vector<int64_t> kept;
    for (const DesiredVersion& version : wanted) kept.push_back(version.segment);
    const Moment now = pg::Now();
    const pg::Result gone = pg::Execute(
        "WITH RECURSIVE s (id) AS (SELECT min(segment_id) FROM pulse.member UNION ALL"
        " SELECT (SELECT min(m.segment_id) FROM pulse.member AS m WHERE m.segment_id > s.id) FROM s"
        " WHERE s.id IS NOT NULL)"
        " SELECT id FROM s WHERE id IS NOT NULL AND NOT id = ANY ($1)",
        {Value::Int8s(kept)});
    for (uint64_t i = 0; i < gone.size(); ++i) {
        profile::EnsurePartitions("membership_change", now, now);
        pg::Execute(
            "WITH gone AS (DELETE FROM pulse.member WHERE segment_id = $1 RETURNING profile_id)"
            " INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet)"
            " SELECT $1, g.profile_id, 'exited', $2, coalesce((SELECT l.version FROM pulse.live_segment AS l"
            " WHERE l.segment_id = $1"
            " AND l.status = 'live'), 0), 'definition', true FROM gone AS g ORDER BY g.profile_id",
            {Value::Int8(gone[i].Int8(0)), Value::Time(now)});
    }
    pg::Execute("DELETE FROM pulse.live_segment WHERE NOT segment_id = ANY ($1)", {Value::Int8s(kept)});
    pg::Execute(
        "DELETE FROM pulse.next_member AS n WHERE NOT EXISTS (SELECT FROM pulse.live_segment AS l"
        " WHERE l.id = n.version_id)");
}

// ---- desired metrics ----

void AddMetrics(const Rule& rule, std::set<std::string>& texts) {
    for (const std::string& metric : rule.compiled().metrics) texts.insert(metric);
}

void SyncMetrics(int64_t last) {
    std::set<std::string> texts;
    const pg::Result versions = pg::Execute("SELECT rule FROM pulse.live_segment");
    for (uint64_t i = 0; i < versions.size(); ++i) AddMetrics(Rule::OfStored(versions[i].Text(0)), texts);
    const pg::Result traits = pg::Execute("SELECT expression FROM pulse.trait");
    for (uint64_t i = 0; i < traits.size(); ++i) {
        try {
            AddMetrics(Rule(traits[i].Text(0), rule::Expect::kAny, false), texts);
        } catch (const UserError&) {
            // It uses a missing definition, so it has no value and needs no metrics.
        }
    }
    const Value all = Value::Texts(std::vector<std::string>(texts.begin(), texts.end()));
    std::vector<std::string> complete;
    for (const std::string& text : texts)
        if (IsEmptyList(text)) complete.push_back(text);
    pg::Execute("DELETE FROM pulse.metric WHERE NOT text = ANY ($1)", {all});
    // Without definitions no state is stored.
    if (texts.empty() && versions.empty()) {
        pg::Execute("DELETE FROM pulse.profile_state");
        pg::Execute("DELETE FROM pulse.unsettled_person");
    }
    pg::Execute(
        "INSERT INTO pulse.metric (text, built_to, after_profile, created_at)"
        " SELECT n.text, CASE WHEN NOT n.text = ANY ($4) THEN 0 END, $2, $3 FROM unnest($1::text[])"
        " WITH ORDINALITY AS n (text, place) ORDER BY n.place ON CONFLICT DO NOTHING",
        {all, Value::Int8(last), Value::Time(pg::Now()), Value::Texts(complete)});
}

// ---- building ----

struct BuildRange {
    int64_t from = 0, to = 0;
};

std::optional<BuildRange> RemainingBuild() {
    const pg::Result rows = pg::Execute(
        "SELECT min(b.built_to), max(b.after_profile) FROM (SELECT built_to, after_profile FROM pulse.metric"
        " WHERE built_to IS NOT NULL"
        " UNION ALL SELECT built_to, after_profile FROM pulse.live_segment WHERE built_to IS NOT NULL) AS b");
    if (rows[0].IsNull(0)) return std::nullopt;
    return BuildRange{rows[0].Int8(0), rows[0].Int8(1)};
}

// Build the next people. Returns their number.
int64_t BuildPortion(BuildRange& progress, int64_t people) {
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.profile WHERE id > $1 AND id <= $2 AND canonical_id = id ORDER BY id LIMIT $3",
        {Value::Int8(progress.from), Value::Int8(progress.to), Value::Int8(people)});
    if (rows.empty()) return 0;
    std::vector<ProfileChange> changes(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i) changes[i].profile = rows[i].Int8(0);
    const int64_t last = changes.back().profile;
    UpdateState(changes, {"event", false, true, last});
    pg::Execute("UPDATE pulse.metric SET built_to = $1 WHERE built_to < $1", {Value::Int8(last)});
    pg::Execute("UPDATE pulse.live_segment SET built_to = $1 WHERE built_to < $1", {Value::Int8(last)});
    progress.from = last;
    return static_cast<int64_t>(rows.size());
}

// Throw if a person is not built: swapping the version would end that person's memberships.
void RequireComplete() {
    const std::optional<BuildRange> progress = RemainingBuild();
    if (!progress) return;
    const pg::Result left =
        pg::Execute("SELECT id FROM pulse.profile WHERE id > $1 AND id <= $2 AND canonical_id = id LIMIT 1",
                    {Value::Int8(progress->from), Value::Int8(progress->to)});
    if (!left.empty())
        throw UserError(sqlstate::kNotReady, "the build is not complete",
                        "Person " + std::to_string(left[0].Int8(0)) + " has not been evaluated.",
                        "CALL pulse_build() continues it.");
}

struct Swap {
    int64_t id, segment;
    int number;
    std::string name;
};

// Make the members of the built version the members of the segment.
void SwapVersion(const Swap& swap, bool tell) {
    const Moment now = pg::Now();
    const bool is_new =
        pg::Execute("SELECT FROM pulse.live_segment WHERE segment_id = $1 AND status = 'live'",
                    {Value::Int8(swap.segment)})
            .empty();
    profile::EnsurePartitions("membership_change", now, now);
    const pg::Result entered = pg::Execute(
        "WITH entered AS (INSERT INTO pulse.member (segment_id, profile_id, since)"
        " SELECT $1, n.profile_id, $2 FROM pulse.next_member AS n"
        " WHERE n.version_id = $3 ON CONFLICT DO NOTHING RETURNING profile_id)"
        " INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet)"
        " SELECT $1, e.profile_id, 'entered', $2, $4, $5, $6 FROM entered AS e ORDER BY e.profile_id",
        {Value::Int8(swap.segment), Value::Time(now), Value::Int8(swap.id), Value::Int4(swap.number),
         Value::Text(is_new ? "build" : "definition"), Value::Bool(is_new)});
    const pg::Result exited = pg::Execute(
        "WITH exited AS (DELETE FROM pulse.member AS m WHERE m.segment_id = $1 AND NOT EXISTS (SELECT"
        " FROM pulse.next_member AS n"
        " WHERE n.version_id = $3 AND n.profile_id = m.profile_id) RETURNING profile_id)"
        " INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet)"
        " SELECT $1, e.profile_id, 'exited', $2, $4, $5, $6 FROM exited AS e ORDER BY e.profile_id",
        {Value::Int8(swap.segment), Value::Time(now), Value::Int8(swap.id), Value::Int4(swap.number),
         Value::Text(is_new ? "build" : "definition"), Value::Bool(is_new)});
    pg::Execute("DELETE FROM pulse.next_member WHERE version_id = $1", {Value::Int8(swap.id)});
    pg::Execute("DELETE FROM pulse.live_segment WHERE segment_id = $1 AND status = 'live'",
                {Value::Int8(swap.segment)});
    pg::Execute(
        "UPDATE pulse.live_segment SET status = 'live', built_to = NULL, changed_at = $2 WHERE id = $1",
        {Value::Int8(swap.id), Value::Time(now)});
    if (!tell) return;
    pg::Notice("segment \"" + swap.name + "\" is live: " + std::to_string(entered.processed()) + " entered" +
               (is_new ? "" : ", " + std::to_string(exited.processed()) + " left"));
}

// Whether everybody is done but those who need archived events: the job that reads these goes on.
bool WaitsForArchivedEvents(const BuildRange& progress) {
    static pg::Statement left(
        "SELECT FROM pulse.profile WHERE id > $1 AND id <= $2 AND canonical_id = id LIMIT 1",
        {INT8OID, INT8OID});
    return ABuildWaitsForArchive() &&
           left.Execute({Value::Int8(progress.from), Value::Int8(progress.to)}).empty();
}

// Make everything that is built live.
void FinishBuild(bool tell) {
    RequireComplete();
    pg::Execute("UPDATE pulse.metric SET built_to = NULL WHERE built_to IS NOT NULL");
    const pg::Result rows = pg::Execute(
        "SELECT l.id, l.segment_id, l.version, s.name FROM pulse.live_segment AS l"
        " JOIN pulse.segment AS s ON s.id = l.segment_id"
        " WHERE l.status = 'building' ORDER BY l.id");
    for (uint64_t i = 0; i < rows.size(); ++i)
        SwapVersion({rows[i].Int8(0), rows[i].Int8(1), rows[i].Int4(2), rows[i].Text(3)}, tell);
    RetryUnsettled();
    PublishDefinitions();
}

// Whether there are few enough people to build at once.
bool BuildsAtOnce() {
    return pg::Execute("SELECT FROM pulse.profile LIMIT " +
                       std::to_string(int64_t{pg::settings::build_at_once} + 1))
               .processed() <= static_cast<uint64_t>(pg::settings::build_at_once);
}

}  // namespace

bool NeedsBuild() {
    const std::optional<BuildRange> progress = RemainingBuild();
    return progress && !WaitsForArchivedEvents(*progress);
}

BuildStep RunBuildStep(int64_t people) {
    RequireReadCommitted();
    if (people < 1)
        throw UserError(sqlstate::kInvalidParameter, "invalid number of people",
                        "It is " + std::to_string(people) + ".", kPeopleHint);
    BuildStep step;
    std::optional<BuildRange> progress = RemainingBuild();
    if (progress && progress->from < progress->to) {
        pg::LockTable("definition", pg::TableLock::kShared);
        progress = RemainingBuild();
        if (progress) step.people = BuildPortion(*progress, people);
        if (step.people > 0) {
            step.done = progress->from;
            step.total = progress->to;
            return step;
        }
    }
    if (progress && WaitsForArchivedEvents(*progress)) {
        step.waiting = BuildsWaitingForArchive();
        step.done = step.total = progress->to;
    } else if (progress) {
        LockDefinitions();
        progress = RemainingBuild();
        if (progress) {
            // No events can arrive now, and few people are left.
            while (const int64_t more = BuildPortion(*progress, people)) {
                pg::CheckInterrupts();
                step.people += more;
            }
            if (!ABuildWaitsForArchive())
                FinishBuild(true);
            else
                step.waiting = BuildsWaitingForArchive();
            step.done = step.total = progress->to;
        }
    }
    step.finished = true;
    return step;
}

void ApplyDefinitionChanges() {
    const MacrosAsOf newest(kNewestSettings);
    PublishDefinitions();
    const int64_t last = MaxProfileId();
    const std::vector<DesiredVersion> wanted = DesiredVersions();
    EndRemovedSegments(wanted);
    const std::map<int64_t, StoredVersions> stored = ReadStoredVersions();
    for (const DesiredVersion& version : wanted) {
        const auto found = stored.find(version.segment);
        SyncVersion(version, found == stored.end() ? StoredVersions() : found->second, last);
    }
    SyncMetrics(last);
    PublishDefinitions();
    std::optional<BuildRange> progress = RemainingBuild();
    if (!progress) return RetryUnsettled();
    if (!BuildsAtOnce()) {
        pg::Notice("the new definition is being built in the background",
                   "CALL pulse_build() builds it in this session; pulse.build shows the progress.");
        WakePipeline();
        return;
    }
    while (BuildPortion(*progress, kPortion)) pg::CheckInterrupts();
    if (const int64_t waiting = BuildsWaitingForArchive()) {
        pg::Notice("the new definition is being built in the background",
                   "The archived events of " + std::to_string(waiting) +
                       (waiting == 1 ? " person" : " people") +
                       " have to be read first; pulse.archive_wait shows for whom.");
        return;
    }
    FinishBuild(last > 0);
}

bool IsLive(int64_t segment) {
    return !pg::Execute("SELECT FROM pulse.live_segment WHERE segment_id = $1 AND status = 'live'",
                        {pg::Value::Int8(segment)}, true)
                .empty();
}

}  // namespace pulse::trait
