// The metrics and segments that a change of a person affects: metrics to read again from the events, metrics
// to update with the new events, and segments to evaluate again. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/profile/listener.hpp"

namespace pulse::trait {

inline constexpr size_t kNotStored = SIZE_MAX;

// A change of one person, to be evaluated besides what has expired.
struct ProfileChange {
    int64_t profile = 0;
    std::vector<std::string> events;  // names of new events
    // The new events themselves, if no other change of this person is waiting; else null.
    const std::vector<profile::NewEvent>* happened = nullptr;
    std::vector<std::string> attributes;  // keys of profile.* that changed
    bool account = false;                 // an attribute of the account, or the account itself
    bool everything = false;              // e.g. after a merge
};
// Add another change of the same person; names stay unique.
void MergeInto(ProfileChange& change, const ProfileChange& more);
// Add a name unless it is empty or there already.
void AddName(std::vector<std::string>& names, const std::string& name);

// The profiles that a metric or segment version is stored for: while it is being built, those up to built_to
// and those created after it.
struct BuildState {
    std::optional<int64_t> built_to;  // empty: complete
    int64_t after_profile = 0;

    bool Covers(int64_t profile) const {
        return !built_to || profile <= *built_to || profile > after_profile;
    }
};

// Finds the definitions that an event, a metric, an attribute or an account affects. All are named by their
// index in the lists given.
class DefinitionIndex {
  public:
    struct Metric {
        int64_t id = 0;
        BuildState build;
        bool incremental = false;           // can be updated with a new event
        Moment window = 0;                  // microseconds; 0: all events
        std::optional<Moment> lost_before;  // retention dropped events before this
    };
    // Metrics read together, of events with these names; none: of any event.
    struct Group {
        std::vector<std::string> events;
        std::vector<size_t> metrics;
    };
    struct Version {
        int64_t id = 0;
        BuildState build;
        std::vector<size_t> metrics;  // kNotStored: one that cannot be stored, so the version is not either
        std::vector<std::string> attributes;
        bool account = false;  // reads account.*
    };

    DefinitionIndex() = default;
    DefinitionIndex(std::vector<Metric> metrics, std::vector<Group> groups, std::vector<Version> versions);

    size_t GroupOfMetric(size_t metric) const { return group_of_metric_[metric]; }
    std::vector<size_t> GroupsOfEvent(const std::string& event) const;
    const std::vector<size_t>& VersionsOfMetric(size_t metric) const { return by_metric_[metric]; }
    const std::vector<size_t>& VersionsOfAttribute(const std::string& key) const;
    const std::vector<size_t>& VersionsOfAccount() const { return of_account_; }
    bool IsStored(size_t version) const { return stored_[version]; }
    // Profiles above this id were created after every definition.
    int64_t last_profile_before_definitions() const { return last_profile_; }

    const std::vector<Metric>& metrics() const { return metrics_; }
    const std::vector<Group>& groups() const { return groups_; }
    const std::vector<Version>& versions() const { return versions_; }

  private:
    std::vector<Metric> metrics_;
    std::vector<Group> groups_;
    std::vector<Version> versions_;
    std::unordered_map<std::string, std::vector<size_t>> by_event_, by_attribute_;
    std::vector<size_t> of_any_event_, of_account_, group_of_metric_;
    std::vector<std::vector<size_t>> by_metric_;
    std::vector<bool> stored_;
    int64_t last_profile_ = 0;
};

// Whether a change affects any definition.
bool Affects(const DefinitionIndex& index, const ProfileChange& change);

// How far definitions are built, by index, and the people that this batch builds.
struct BuildProgress {
    std::vector<std::optional<int64_t>> metrics, versions;
};
struct Batch {
    BuildProgress progress;
    std::optional<int64_t>
        build_to;  // definitions in progress are built for the people of this batch, all up to this id
    bool incremental = false;  // the stored states hold every earlier event
};

// The parts of a person's stored state that determine the affected definitions.
struct StoredSummary {
    int64_t profile = 0;
    std::optional<Moment> as_of;  // empty: never evaluated
    std::optional<Moment> next_change_at;
    Moment at = 0;             // the instant to evaluate at
    bool from_future = false;  // as_of is later than the clock: the state is ignored
    std::vector<int64_t> expired_metrics, expired_versions;  // ids whose value no longer holds at `at`
    // Only for a new person:
    std::vector<std::string> attributes;  // keys of profile.*
    bool account = false;                 // the account has attributes
    std::vector<size_t> always;           // versions that can hold for a person without data
};

// The ids of a list of stored values that have expired.
template <typename Stored>
std::vector<int64_t> ExpiredIds(const std::vector<Stored>& stored, Moment at) {
    std::vector<int64_t> ids;
    for (const Stored& value : stored)
        if (value.until <= at) ids.push_back(value.number);
    return ids;
}

// Whether a person was created after every definition and never evaluated: there are only the new events.
bool IsNew(const DefinitionIndex& index, const Batch& batch, const ProfileChange& change,
           const StoredSummary& stored);

struct Affected {
    bool any = false;              // false: nothing to do
    std::vector<size_t> read;      // groups whose metrics are read from the events, ascending
    std::vector<size_t> move;      // groups to update with the new events, ascending
    std::vector<size_t> versions;  // segment versions to evaluate, ascending
    const char* cause = "time";    // event, attributes, account or time
};
Affected FindAffected(const DefinitionIndex& index, const Batch& batch, const ProfileChange& change,
                      const StoredSummary& stored);

// Whether a metric is stored for a person, or is being built in this batch.
bool CoversMetric(const DefinitionIndex& index, const Batch& batch, size_t metric, int64_t profile);

// The position of an event relative to a window (0: all events) that ends now.
enum class EventPosition { kCounted, kTooOld, kInFuture };
EventPosition FindPosition(Moment event, Moment now, Moment window);

}  // namespace pulse::trait
