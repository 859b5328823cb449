// The tables of what is kept of people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_evaluate.hpp"

namespace pulse::trait {

// A person and what is kept of it.
struct PersonState {
    int64_t profile = 0;
    pg::Value attributes, account;
    Moment first_seen_at = 0;
    std::optional<Moment> as_of;  // empty: never evaluated
    std::optional<Moment> next_change_at;
    std::vector<pg::Timed> metrics, segments;  // by number
};

// What an evaluation came to.
struct Evaluation {
    int64_t profile = 0;
    Moment at = 0;
    std::vector<pg::Timed> metrics, segments;
    Moment next_change_at = pg::kHoldsForEver;
    struct MembershipChange {
        const SegmentVersion* version;
        bool member;
    };
    std::vector<MembershipChange> changes;
    std::string cause;
    bool quiet = false;
};

// Rows to be written, gathered for a batch.
struct StateWrites {
    std::vector<int64_t> profiles;
    std::vector<Moment> as_of, next;
    std::vector<Datum> metrics, segments;
    // Changes of live versions, and of those being built.
    struct MembershipChanges {
        std::vector<int64_t> segments, profiles, versions;
        std::vector<Moment> at;
        std::vector<std::string> change, cause;
        std::vector<bool> quiet;
    };
    MembershipChanges live;
    std::vector<int64_t> next_in_version, next_in_profile, next_out_version, next_out_profile;

    void Add(Evaluation evaluation);
};

// Lock people in ascending order, waiting or leaving out whom others have locked; those that are canonical,
// ascending.
std::vector<int64_t> LockProfiles(const std::vector<int64_t>& ids, bool wait);
// Those of them that are canonical.
std::vector<int64_t> FilterCanonical(const std::vector<int64_t>& ids);
// Whether the pipeline has nothing to evaluate: states hold all that is committed.
bool QueueIsEmpty();
std::vector<PersonState> ReadStates(const std::vector<int64_t>& ids);
void WriteAll(const StateWrites& writes);

const pg::Timed* FindById(const std::vector<pg::Timed>& list, int64_t number);
// Whether it is what somebody without events has, for ever: such metrics are not kept.
bool IsEmptyValue(const StoredMetric& metric, const MetricValue& measured);

// Where the one with an id stands in a list by id.
template <typename T>
size_t IndexOf(const std::vector<T>& list, int64_t id) {
    size_t low = 0, high = list.size();
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (list[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list.size() && list[low].id == id ? low : kNotStored;
}

}  // namespace pulse::trait
