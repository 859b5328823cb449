// Updates a stored metric with one new event, without reading the others. For entry code of this room.
#pragma once

#include "pulse/pg/expression.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/trait/store_evaluate.hpp"

namespace pulse::trait {

class IncrementalMetric {
  public:
    explicit IncrementalMetric(const rule::IncrementalSpec& spec);

    // Microseconds up to now; 0: all events.
    Moment window() const { return window_; }
    // Add one event to `measured`, which is valid at `now`. False if the metric has to be read again.
    bool Add(const profile::NewEvent& event, Moment now, MetricValue& measured);

  private:
    bool Matches(const profile::NewEvent& event);

    rule::IncrementalSpec spec_;
    Moment window_;  // microseconds; 0: all events
    std::unique_ptr<pg::Expression> usable_, number_;
};

}  // namespace pulse::trait
