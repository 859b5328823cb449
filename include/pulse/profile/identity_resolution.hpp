// Plans identity resolution from facts that were read: which claims find, create, extend and merge people.
// Pure C++.
#pragma once

#include <map>
#include <set>

#include "pulse/profile/identity_claim.hpp"

namespace pulse::profile {

// A person before the batch.
struct PersonFacts {
    Moment first_seen_at = 0;
    int profiles = 1;  // number of profiles
    int best = 0;      // the highest priority among the kinds of its ids
    std::map<std::string, std::vector<Moment>>
        seen;  // for kinds with a limit: when each value was first seen; at most max_values + 1 values
};

struct ResolutionFacts {
    struct Owner {
        int64_t profile = 0;  // profile of the id
        int64_t person = 0;   // canonical
    };
    std::map<Identity, Owner> ids;          // the claims' ids that exist
    std::map<int64_t, PersonFacts> people;  // people of claims with NeedsResolution()
    std::set<std::pair<int64_t, int64_t>>
        unmerged;  // people between whom a merge was undone; the lower id first
};

// The rows to write. New people and profiles have negative ids: -1 is new_people[0], -2 is new_people[1].
struct ResolutionPlan {
    struct NewPerson {
        std::string bucketing_id;
        Moment first_seen_at = 0;
    };
    struct NewIdentity {
        Identity id;
        int64_t profile = 0;
        Moment first_seen_at = 0;
    };
    struct Merge {
        int64_t survivor = 0, merged = 0;
        Identity one, other;  // the ids of one event that linked them
        Moment time = 0;
        int64_t history = 0;  // its row of pulse.merge_history, once it is written
    };
    std::vector<NewPerson> new_people;
    std::vector<NewIdentity> new_identities;
    std::vector<Merge> merges;  // in this order
};

// Whether the claim could change people: an id is new, or not all ids belong to one person. These people must
// be in ResolutionFacts::people.
bool NeedsResolution(const IdentityClaim& claim, const ResolutionFacts& facts);

// Resolve all claims in order, as if they came one by one, and fill in their results.
ResolutionPlan PlanResolution(std::vector<IdentityClaim>& claims, ResolutionFacts facts,
                              const std::vector<IdentityKind>& kinds, int max_linked);

// The limit that prevents merging two people, or empty. Used by simulations.
std::string MergeRefusal(const PersonFacts& one, const PersonFacts& other, Moment time,
                         const std::vector<IdentityKind>& kinds, int max_linked);
// Whether `one` (with id `one_id`) is the survivor of a merge with `other`.
bool Survives(int64_t one_id, const PersonFacts& one, int64_t other_id, const PersonFacts& other);

}  // namespace pulse::profile
