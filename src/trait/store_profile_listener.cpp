// Changes of people update their state: in the transaction that writes them, or later by the pipeline.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_queue.hpp"

namespace pulse::trait {

namespace {

using profile::Cause;

const char* NameOf(Cause cause) {
    switch (cause) {
        case Cause::kImport: return "import";
        case Cause::kMerge: return "merge";
        case Cause::kUnmerge: return "unmerge";
        case Cause::kErasure: return "erasure";
        default: return "event";
    }
}

void UpdateOrEnqueue(const std::vector<ProfileChange>& changes, const std::string& cause, bool quiet,
                     bool locked = false) {
    if (pg::settings::evaluation == pg::settings::kAsync) {
        Enqueue(changes, cause, quiet);
        return;
    }
    const std::vector<int64_t> left =
        UpdateState(changes, {.cause = cause, .quiet = quiet, .locked = locked});
    if (left.empty()) return;
    // Another session is changing these people, and may wait for people that this one changes: leave them to
    // the pipeline.
    std::vector<ProfileChange> later;
    for (const ProfileChange& change : changes)
        if (std::find(left.begin(), left.end(), change.profile) != left.end()) later.push_back(change);
    Enqueue(later, cause, quiet);
}

ProfileChange Everything(int64_t profile) {
    ProfileChange change;
    change.profile = profile;
    change.everything = true;
    return change;
}

// Create partitions before rows are locked.
void Begin() {
    pg::LockTable("definition", pg::TableLock::kShared);
    const std::shared_ptr<const Program> program = CurrentProgram();
    if (program->TracksNothing()) return;
    const Moment now = pg::PastNow();
    // States are read by the transaction's snapshot, but interpreted by the newest definitions.
    if (IsolationUsesXactSnapshot() && !program->Seen())
        throw UserError(sqlstate::kSerializationFailure,
                        "definitions over people have changed since this transaction began",
                        "At its isolation level it sees the older states of people.",
                        "Retry the transaction.");
    if (program->versions.empty()) return;
    profile::EnsurePartitions("membership_change", now, now);
}

void ProfilesChanged(const std::vector<profile::PersonChange>& changed, Cause cause) {
    const std::shared_ptr<const Program> program = CurrentProgram();
    if (program->TracksNothing()) return;
    const bool at_once = pg::settings::evaluation != pg::settings::kAsync;
    bool locked = true;
    std::vector<ProfileChange> changes;
    changes.reserve(changed.size());
    for (const profile::PersonChange& person : changed) {
        ProfileChange change;
        change.profile = person.profile;
        change.events = person.event_names;
        if (!person.new_events.empty()) change.happened = &person.new_events;
        change.attributes = person.attributes;
        change.account = person.account;
        // The stored state of unaffected people stays valid until the clock changes it.
        if (at_once && !person.created && !Affects(program->index, change)) continue;
        locked = locked && person.locked;
        changes.push_back(std::move(change));
    }
    UpdateOrEnqueue(changes, NameOf(cause), cause == Cause::kImport, locked);
}

void ProfilesMerged(int64_t survivor, int64_t merged) {
    // Also without definitions: otherwise its state would never be removed.
    RemoveMergedProfile(merged, "merge");
    if (CurrentProgram()->TracksNothing()) return;
    UpdateOrEnqueue({Everything(survivor)}, "merge", false);
}

void ProfileUnmerged(int64_t survivor, int64_t restored) {
    if (CurrentProgram()->TracksNothing()) return;
    UpdateOrEnqueue({Everything(survivor), Everything(restored)}, "unmerge", false);
}

bool IsEventRead(const std::string& event) {
    return !CurrentProgram()->index.GroupsOfEvent(event).empty();
}

bool IsActive() {
    return !CurrentProgram()->TracksNothing();
}

void AccountChanged(int64_t account, Cause cause) {
    EnqueueAccount(account, NameOf(cause), cause == Cause::kImport);
}

[[maybe_unused]] const bool listening =
    profile::RegisterListener({Begin, LockDefinitions, ProfilesChanged, ProfilesMerged, ProfileUnmerged,
                               IsActive, IsEventRead, StateUpdates, AccountChanged});

}  // namespace

}  // namespace pulse::trait
