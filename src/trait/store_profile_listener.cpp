// What happens to people is settled: by the transaction that brings it, or by the pipeline after it.
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

void SettleOrEnqueue(const std::vector<Change>& changes, const std::string& cause, bool quiet) {
    if (pg::settings::evaluation == pg::settings::kAsync) {
        Enqueue(changes, cause, quiet);
        return;
    }
    const std::vector<int64_t> left = Settle(changes, {cause, quiet, false, std::nullopt});
    if (left.empty()) return;
    // Somebody else is changing these people, and we change others that they may wait for: the pipeline comes
    // after both.
    std::vector<Change> later;
    for (const Change& change : changes)
        if (std::find(left.begin(), left.end(), change.profile) != left.end()) later.push_back(change);
    Enqueue(later, cause, quiet);
}

Change Everything(int64_t profile) {
    Change change;
    change.profile = profile;
    change.everything = true;
    return change;
}

// Partitions are made before rows are locked.
void Begin() {
    pg::LockTable("definition", pg::TableLock::kShared);
    const std::shared_ptr<const Program> program = CurrentProgram();
    if (program->idle()) return;
    const Moment now = pg::PastNow();
    // States are read as the transaction sees them, and mean what the newest definitions say.
    if (IsolationUsesXactSnapshot() && !program->Seen())
        throw UserError("40001", "definitions over people changed since this transaction began",
                        "Its isolation level shows what was kept of people before that.",
                        "Try the transaction again.");
    if (program->versions.empty()) return;
    profile::EnsurePartitions("membership_change", now, now);
}

void Touched(const std::vector<profile::Touch>& touches, Cause cause) {
    const std::shared_ptr<const Program> program = CurrentProgram();
    if (program->idle()) return;
    const bool at_once = pg::settings::evaluation != pg::settings::kAsync;
    std::vector<Change> changes;
    changes.reserve(touches.size());
    for (const profile::Touch& touch : touches) {
        Change change;
        change.profile = touch.profile;
        change.events = touch.events;
        if (!touch.happened.empty()) change.happened = &touch.happened;
        change.attributes = touch.attributes;
        change.account = touch.account;
        // What is kept of the others stays true, until the clock says otherwise.
        if (at_once && !touch.made && !Concerns(*program, change)) continue;
        changes.push_back(std::move(change));
    }
    SettleOrEnqueue(changes, NameOf(cause), cause == Cause::kImport);
}

void Merged(int64_t survivor, int64_t merged) {
    // Also where nothing is defined any more: what is left of it would never go.
    Forget(merged, "merge");
    if (CurrentProgram()->idle()) return;
    SettleOrEnqueue({Everything(survivor)}, "merge", false);
}

void Unmerged(int64_t survivor, int64_t restored) {
    if (CurrentProgram()->idle()) return;
    SettleOrEnqueue({Everything(survivor), Everything(restored)}, "unmerge", false);
}

bool Writes(const std::string& event) {
    return !CurrentProgram()->GroupsOf(event).empty();
}

bool Listens() {
    return !CurrentProgram()->idle();
}

void Crowded(int64_t account, Cause cause) {
    EnqueueAccount(account, NameOf(cause), cause == Cause::kImport);
}

[[maybe_unused]] const bool listening =
    profile::Listen({Begin, Touched, Merged, Unmerged, Listens, Writes, Settlements, Crowded});

}  // namespace

}  // namespace pulse::trait
