// A compiled rule and the values that it takes. For entry code of this room.
#pragma once

#include "pulse/trait/store_program.hpp"

namespace pulse::trait {

// A metric's value at an instant, and the first one at which it is another without a new event.
struct MetricValue {
    pg::Value value;
    Moment until = pg::kHoldsForEver;
};

// What a rule's parameters are.
struct RuleInput {
    Moment now = 0;
    pg::Value attributes, account, context;  // jsonb
};

// Evaluate an expression of the rule with its metrics in their order. `until` null: not asked for.
pg::Value EvaluateRule(Rule::Compiled& rule, pg::Expression& expression, const RuleInput& input,
                       const std::vector<MetricValue>& metrics, Moment* until);

// {}
pg::Value EmptyJsonb();

// What was kept of a metric, at `now`: empty when that does not hold then. `kept` null: nothing was kept as
// there was nothing.
std::optional<MetricValue> StoredValueAt(const StoredMetric& metric, const pg::Timed* kept, Moment now);

}  // namespace pulse::trait
