#include "pulse/trait/affected.hpp"

#include <algorithm>

namespace pulse::trait {

namespace {

using Indexes = std::vector<size_t>;

void AddIndexes(Indexes& list, const Indexes& more) {
    list.insert(list.end(), more.begin(), more.end());
}

void SortUnique(Indexes& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

bool Covers(const Batch& batch, const std::optional<int64_t>& built_to, int64_t after_profile,
            int64_t profile) {
    return BuildState{built_to, after_profile}.Covers(profile) ||
           (batch.build_to && profile <= *batch.build_to);
}

bool CoversVersion(const DefinitionIndex& index, const Batch& batch, size_t version, int64_t profile) {
    return index.IsStored(version) && Covers(batch, batch.progress.versions[version],
                                             index.versions()[version].build.after_profile, profile);
}

// The index of an id in a list sorted by id.
template <typename T>
size_t FindIndex(const std::vector<T>& list, int64_t id) {
    const auto found = std::lower_bound(list.begin(), list.end(), id,
                                        [](const T& one, int64_t wanted) { return one.id < wanted; });
    return found != list.end() && found->id == id ? static_cast<size_t>(found - list.begin()) : kNotStored;
}

Indexes All(size_t count) {
    Indexes all(count);
    for (size_t i = 0; i < count; ++i) all[i] = i;
    return all;
}

void AddForNewPerson(const DefinitionIndex& index, const ProfileChange& change, const StoredSummary& stored,
                     Affected& affected) {
    for (const std::string& event : change.events) AddIndexes(affected.read, index.GroupsOfEvent(event));
    AddIndexes(affected.versions, stored.always);
    for (const std::string& key : stored.attributes)
        AddIndexes(affected.versions, index.VersionsOfAttribute(key));
    if (stored.account) AddIndexes(affected.versions, index.VersionsOfAccount());
    affected.cause = change.events.empty() ? "time" : "event";
}

void AddChanged(const DefinitionIndex& index, const ProfileChange& change, Affected& affected) {
    for (const std::string& event : change.events) AddIndexes(affected.read, index.GroupsOfEvent(event));
    for (const std::string& key : change.attributes)
        AddIndexes(affected.versions, index.VersionsOfAttribute(key));
    if (change.account) AddIndexes(affected.versions, index.VersionsOfAccount());
    if (!affected.read.empty())
        affected.cause = "event";
    else if (!affected.versions.empty())
        affected.cause = change.attributes.empty() ? "account" : "attributes";
}

void AddBuilding(const DefinitionIndex& index, Affected& affected) {
    for (size_t i = 0; i < index.metrics().size(); ++i)
        if (index.metrics()[i].build.built_to) affected.read.push_back(index.GroupOfMetric(i));
    for (size_t i = 0; i < index.versions().size(); ++i)
        if (index.versions()[i].build.built_to) affected.versions.push_back(i);
}

void AddExpired(const DefinitionIndex& index, const StoredSummary& stored, Affected& affected) {
    for (const int64_t id : stored.expired_metrics)
        if (const size_t metric = FindIndex(index.metrics(), id); metric != kNotStored)
            affected.read.push_back(index.GroupOfMetric(metric));
    for (const int64_t id : stored.expired_versions)
        if (const size_t version = FindIndex(index.versions(), id); version != kNotStored)
            affected.versions.push_back(version);
}

// Whether every stored metric of a group is still valid and can be updated with a new event.
bool CanMove(const DefinitionIndex& index, const Batch& batch, const StoredSummary& stored, size_t group) {
    for (const size_t i : index.groups()[group].metrics) {
        if (!CoversMetric(index, batch, i, stored.profile)) continue;
        const DefinitionIndex::Metric& metric = index.metrics()[i];
        if (!metric.incremental) return false;
        // A value that may count dropped events is read again.
        if (metric.lost_before && (metric.window == 0 || stored.at - metric.window < *metric.lost_before))
            return false;
        if (std::find(stored.expired_metrics.begin(), stored.expired_metrics.end(), metric.id) !=
            stored.expired_metrics.end())
            return false;
    }
    return true;
}

}  // namespace

void AddName(std::vector<std::string>& names, const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

void MergeInto(ProfileChange& change, const ProfileChange& more) {
    for (const std::string& event : more.events) AddName(change.events, event);
    for (const std::string& attribute : more.attributes) AddName(change.attributes, attribute);
    change.account |= more.account;
    change.everything |= more.everything;
}

DefinitionIndex::DefinitionIndex(std::vector<Metric> metrics, std::vector<Group> groups,
                                 std::vector<Version> versions)
    : metrics_(std::move(metrics)), groups_(std::move(groups)), versions_(std::move(versions)) {
    group_of_metric_.resize(metrics_.size(), kNotStored);
    for (size_t i = 0; i < groups_.size(); ++i) {
        for (const size_t metric : groups_[i].metrics) group_of_metric_[metric] = i;
        for (const std::string& event : groups_[i].events) by_event_[event].push_back(i);
        if (groups_[i].events.empty()) of_any_event_.push_back(i);
    }
    by_metric_.resize(metrics_.size());
    for (const Metric& metric : metrics_) last_profile_ = std::max(last_profile_, metric.build.after_profile);
    for (size_t i = 0; i < versions_.size(); ++i) {
        const Version& version = versions_[i];
        const auto add = [&](Indexes& list) {
            if (list.empty() || list.back() != i) list.push_back(i);
        };
        stored_.push_back(std::find(version.metrics.begin(), version.metrics.end(), kNotStored) ==
                          version.metrics.end());
        for (const size_t metric : version.metrics)
            if (metric != kNotStored) add(by_metric_[metric]);
        for (const std::string& key : version.attributes) add(by_attribute_[key]);
        if (version.account) add(of_account_);
        last_profile_ = std::max(last_profile_, version.build.after_profile);
    }
}

std::vector<size_t> DefinitionIndex::GroupsOfEvent(const std::string& event) const {
    Indexes found = of_any_event_;
    if (const auto entry = by_event_.find(event); entry != by_event_.end()) AddIndexes(found, entry->second);
    return found;
}

const std::vector<size_t>& DefinitionIndex::VersionsOfAttribute(const std::string& key) const {
    static const Indexes none;
    const auto found = by_attribute_.find(key);
    return found == by_attribute_.end() ? none : found->second;
}

bool Affects(const DefinitionIndex& index, const ProfileChange& change) {
    if (change.everything) return true;
    for (const std::string& event : change.events)
        if (!index.GroupsOfEvent(event).empty()) return true;
    for (const std::string& key : change.attributes)
        if (!index.VersionsOfAttribute(key).empty()) return true;
    return change.account && !index.VersionsOfAccount().empty();
}

bool CoversMetric(const DefinitionIndex& index, const Batch& batch, size_t metric, int64_t profile) {
    return Covers(batch, batch.progress.metrics[metric], index.metrics()[metric].build.after_profile,
                  profile);
}

bool IsNew(const DefinitionIndex& index, const Batch& batch, const ProfileChange& change,
           const StoredSummary& stored) {
    return !stored.as_of && !change.everything && !batch.build_to &&
           stored.profile > index.last_profile_before_definitions();
}

Affected FindAffected(const DefinitionIndex& index, const Batch& batch, const ProfileChange& change,
                      const StoredSummary& stored) {
    Affected affected;
    const bool is_new = IsNew(index, batch, change, stored);
    if (is_new) {
        AddForNewPerson(index, change, stored, affected);
    } else if (change.everything || !stored.as_of || stored.from_future) {
        affected.read = All(index.groups().size());
        affected.versions = All(index.versions().size());
        affected.cause = change.events.empty() ? "time" : "event";
    } else {
        AddChanged(index, change, affected);
        const bool due = stored.next_change_at && *stored.next_change_at <= stored.at;
        if (affected.read.empty() && affected.versions.empty() && !due && !batch.build_to) return affected;
        if (batch.build_to) AddBuilding(index, affected);
        AddExpired(index, stored, affected);
    }
    affected.any = true;
    SortUnique(affected.read);
    // A group that is not yet built for this person is not read.
    std::erase_if(affected.read, [&](size_t group) {
        const Indexes& metrics = index.groups()[group].metrics;
        return std::none_of(metrics.begin(), metrics.end(), [&](size_t metric) {
            return CoversMetric(index, batch, metric, stored.profile);
        });
    });
    for (const size_t group : affected.read)
        for (const size_t metric : index.groups()[group].metrics)
            AddIndexes(affected.versions, index.VersionsOfMetric(metric));
    SortUnique(affected.versions);
    std::erase_if(affected.versions,
                  [&](size_t version) { return !CoversVersion(index, batch, version, stored.profile); });
    if (batch.incremental && change.happened && !change.everything && !stored.from_future &&
        (stored.as_of || is_new)) {
        const auto first_moved =
            std::stable_partition(affected.read.begin(), affected.read.end(),
                                  [&](size_t group) { return !CanMove(index, batch, stored, group); });
        affected.move.assign(first_moved, affected.read.end());
        affected.read.erase(first_moved, affected.read.end());
    }
    return affected;
}

EventPosition FindPosition(Moment event, Moment now, Moment window) {
    if (event > now) return EventPosition::kInFuture;
    return window != 0 && event <= now - window ? EventPosition::kTooOld : EventPosition::kCounted;
}

}  // namespace pulse::trait
