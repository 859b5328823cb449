// The metrics of the people of a batch: brought forward with their new events, or read from all events. For
// store_update_state.cpp; needs an open pg::Session as pg::Identity::Owner(). What a person's data make fail
// is thrown.
#pragma once

#include <map>
#include <set>
#include <span>

#include "pulse/trait/store_program.hpp"
#include "pulse/trait/store_state.hpp"

namespace pulse::trait {

// A person of the batch.
struct BatchPerson {
    const ProfileChange* change = nullptr;
    PersonState state;
    Moment at = 0;             // the instant to evaluate at
    bool from_future = false;  // the state is of an instant later than the clock: it is ignored
    Affected affected;
    std::map<size_t, MetricValue> read;  // by index of the metric
    std::set<size_t> failed;             // metrics that cannot be read
};

class BatchMetrics {
  public:
    BatchMetrics(const Program& program, const Batch& batch) : program_(program), batch_(batch) {}

    // Add the new events to a group's stored metrics. False if they have to be read again.
    bool ApplyIncrementally(BatchPerson& person, const MetricGroup& group) const;
    // Set-based: each group is read once for all people that need it.
    void Read(std::span<BatchPerson*> people, rule::EventRows rows) const;
    void ReadOne(BatchPerson& person, size_t metric, rule::EventRows rows) const;
    // The value that was read, else the stored one. Throws std::logic_error if there is neither.
    MetricValue Of(const BatchPerson& person, size_t metric) const;
    // Merge the stored metrics that are still defined with those that were read, by number.
    std::vector<pg::Timed> Collect(const BatchPerson& person) const;

  private:
    void StoreValues(const std::vector<size_t>& metrics, const pg::Row& row, BatchPerson& person) const;

    const Program& program_;
    const Batch& batch_;
};

}  // namespace pulse::trait
