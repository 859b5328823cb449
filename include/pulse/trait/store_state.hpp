// The tables that store the state of people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_evaluate.hpp"

namespace pulse::trait {

// A person with the stored state.
struct PersonState {
    int64_t profile = 0;
    pg::Value attributes, account;
    Moment first_seen_at = 0;
    std::optional<Moment> as_of;  // empty: never evaluated
    std::optional<Moment> next_change_at;
    std::vector<pg::Timed> metrics, segments;  // by number
    bool unsettled = false;                    // an evaluation failed before
};

// The result of evaluating one person.
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

// Rows to write, collected for a batch.
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

// Lock people in ascending order, waiting for those locked by others or skipping them. Returns the canonical
// ones, ascending.
std::vector<int64_t> LockProfiles(const std::vector<int64_t>& ids, bool wait);
// The canonical ones among these ids, ascending.
std::vector<int64_t> FilterCanonical(const std::vector<int64_t>& ids);
// Whether the queue is empty: then the stored states include every committed event.
bool QueueIsEmpty();
std::vector<PersonState> ReadStates(const std::vector<int64_t>& ids);
void WriteAll(const StateWrites& writes);

const pg::Timed* FindById(const std::vector<pg::Timed>& list, int64_t number);
// Whether it is the permanent value of a person without events: such metrics are not stored.
bool IsEmptyValue(const StoredMetric& metric, const MetricValue& measured);

// The index of an id in a list sorted by id.
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
