// Claiming: who is sent with the next request. What was planned long ago is looked at again just before.
#include <algorithm>

#include "pulse/audience/store_sync.hpp"
#include "pulse/pg/background.hpp"

namespace pulse::audience {

namespace {

constexpr int64_t kMostClaimed = 10'000;

int64_t MostOf(const Destination& destination) {
    if (destination.batch_rows == 0) return kMostClaimed;  // a file has no requests
    return std::min<int64_t>(static_cast<int64_t>(destination.batch_rows), kMostClaimed);
}

}  // namespace

void PlanAgain(const Run& run, const Work& work, const std::vector<int64_t>& people) {
    WriteLedger(run.audience, work.destination->platform,
                FindWanted(*work.audience, *work.destination, people), false);
}

bool AnybodyFollows(const Run& run, const Work& work, int64_t after) {
    constexpr int64_t kAhead = 100;
    for (;;) {
        const std::vector<int64_t> people = LockAdditions(run.audience, after, kAhead);
        if (people.empty()) return HasAdditions(run.audience, after);
        PlanAgain(run, work, people);
        if (HasAdditions(run.audience, after, people.back())) return true;
        after = people.back();
        pg::CheckInterrupts();
    }
}

// First what nobody has any more, then who leaves, then who comes: so an identifier that goes from one person
// to another stays.
void ClaimRemovalStep(Run& run, Work& work, ClaimPlace& place) {
    const int64_t most = MostOf(*work.destination);
    work.claimed = ClaimQueued(run.audience, place.queued, most);
    if (!work.claimed.none())
        place.queued = work.claimed.reached;
    else if (run.operation != "erase") {
        work.claimed = ClaimRemovals(run.audience, place.removing, most);
        if (!work.claimed.none()) place.removing = work.claimed.reached;
    }
    if (work.claimed.none())
        SetPhase(run, run.operation == "erase" || run.operation == "delete" ? "finish" : "add");
    else
        work.kind = Work::Kind::kUpload;
}

void ClaimAdditionStep(Run& run, Work& work, ClaimPlace& place) {
    if (!run.replacement.empty()) {
        // Where nothing else is taken before a replacement has ended, removals follow it.
        if (ClaimReplacement(run, work, place))
            work.kind = Work::Kind::kUpload;
        else if (run.replacement.empty())
            SetPhase(run, "remove"), place = {};
        return;
    }
    // Who was erased meanwhile does not wait for the end, which can be hours away.
    work.claimed = ClaimQueued(run.audience, place.queued, MostOf(*work.destination));
    if (!work.claimed.none()) {
        place.queued = work.claimed.reached;
        work.kind = Work::Kind::kUpload;
        return;
    }
    // They were planned long ago, where the sync was held or has many people: since then they may have
    // withdrawn consent, left the segment or been erased.
    const std::vector<int64_t> people = LockAdditions(run.audience, place.adding, MostOf(*work.destination));
    if (people.empty()) {
        // None of these may be there any more, for an erasure can delete them while they are locked: those
        // behind them are claimed next.
        if (!HasAdditions(run.audience, place.adding)) SetPhase(run, "finish");
        return;
    }
    PlanAgain(run, work, people);
    work.claimed = ClaimAdditions(run.audience, place.adding, people.back());
    place.adding = people.back();
    if (work.claimed.none()) return;
    work.kind = Work::Kind::kUpload;
    work.claimed.last = !AnybodyFollows(run, work, place.adding);
}

}  // namespace pulse::audience
