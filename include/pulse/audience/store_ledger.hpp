// The ledger: who was sent with what. What a request may do is written here before it is made. For entry code
// of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/audience/store_wanted.hpp"

namespace pulse::audience {

// ---- store_ledger.cpp: what must be sent ----

struct PlanCounts {
    int64_t examined = 0, members = 0, suppressed = 0;
    std::map<std::string, int64_t> suppressed_by;

    void Count(const WantedPerson& person);
};

// Writes what must be sent for these people, each of them once: rows become adding or removing. `again`: also
// those that are sent already.
void WriteLedger(int64_t audience, Platform platform, const std::vector<WantedPerson>& people, bool again);
// Everybody who was sent is to be removed.
void RemoveEverybody(int64_t audience);

struct OpenRows {
    int64_t adding = 0, removing = 0, queued = 0;  // queued: rows of pulse.audience_removal
};
OpenRows CountOpen(int64_t audience);

// The number of people whom the platform may have.
void AddPeople(int64_t audience, int64_t number);
// These people have these identifiers no more, pair by pair.
void ForgetKeys(int64_t audience, const std::vector<int64_t>& keys, const std::vector<int64_t>& owners);

// ---- store_ledger_claim.cpp: who is sent ----

// People who are claimed for requests.
struct Claimed {
    Operation operation = Operation::kAdd;
    bool queue = false;        // `ids` are those of pulse.audience_removal, else of people
    std::vector<int64_t> ids;  // of each member
    std::vector<Member> members;
    std::vector<int64_t> empty;  // nothing of them must be sent: done
    int64_t reached = 0;         // the next claim continues after it
    bool last = false;           // no more of this kind
    bool none() const { return ids.empty() && empty.empty(); }
};
// The next rows after `after`, at most `most`. From now on the platform may have them, or have them no more.
// Of additions those behind `after` and up to `upto`, whom LockAdditions() has locked against an erasure.
std::vector<int64_t> LockAdditions(int64_t audience, int64_t after, int64_t most);
// ClaimAdditions() leaves `last` to the caller.
Claimed ClaimAdditions(int64_t audience, int64_t after, int64_t upto);
// Whether anybody behind `after` and up to `upto` is to be added.
bool HasAdditions(int64_t audience, int64_t after, int64_t upto = INT64_MAX);
Claimed ClaimRemovals(int64_t audience, int64_t after, int64_t most);
Claimed ClaimQueued(int64_t audience, int64_t after, int64_t most);

// ---- store_ledger_record.cpp: what the platform answered ----

// The platform has done it; `refused`: it refuses what these people have, with the reason. Returns the number
// of rows.
int64_t RecordAdded(int64_t audience, const std::vector<int64_t>& people, Moment at);
int64_t RecordRefused(int64_t audience, const std::vector<int64_t>& people,
                      const std::vector<std::string>& reasons);
int64_t RecordRemoved(int64_t audience, const Claimed& claimed, const std::vector<int64_t>& ids);

// An upload that was taken has failed later: what it should have done is open again.
// `erasure`: it was the removal of erased people, which waits for no sync.
void ReopenUpload(int64_t audience, Operation operation, const std::vector<int64_t>& people,
                  const std::vector<std::string>& cells, bool erasure);

// ---- store_removal.cpp: who leaves the ledger for the queue of removals ----

// Those whose consent for one of these purposes was withdrawn or has ended are queued for removal like erased
// people: of the people to be removed, of those that are marked, or of these. Return how many.
int64_t QueueRemovedWithdrawn(int64_t audience, const std::vector<std::string>& purposes);
int64_t QueueMarkedWithdrawn(int64_t audience, const std::vector<std::string>& purposes);
int64_t QueueWithdrawnOf(int64_t audience, const std::vector<std::string>& purposes,
                         const std::vector<int64_t>& people);

// These people are erased: what was sent of them is queued for removal, and their rows are deleted. Returns
// the audiences that have something to remove.
std::vector<int64_t> EraseFromLedger(const std::vector<int64_t>& profiles);

}  // namespace pulse::audience
