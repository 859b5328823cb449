// What a new event makes of a kept metric, without a look at the others. For entry code of this room.
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
    // Make `measured`, which holds at `now`, what it is with one event more. False when that cannot be told
    // without reading.
    bool Add(const profile::NewEvent& event, Moment now, MetricValue& measured);

  private:
    bool Matches(const profile::NewEvent& event);

    rule::IncrementalSpec spec_;
    Moment window_;  // microseconds; 0: all events
    std::unique_ptr<pg::Expression> usable_, number_;
};

}  // namespace pulse::trait
