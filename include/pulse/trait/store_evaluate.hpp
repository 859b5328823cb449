// Evaluation of a compiled rule. For entry code of this room.
#pragma once

#include "pulse/trait/store_program.hpp"

namespace pulse::trait {

// A metric's value at an instant, and the first instant at which it changes without a new event.
struct MetricValue {
    pg::Value value;
    Moment until = pg::kHoldsForEver;
};

// The parameters of a rule.
struct RuleInput {
    Moment now = 0;
    pg::Value attributes, account, context;  // jsonb
};

// Evaluate an expression of the rule with its metrics in order. `until` null: not computed.
pg::Value EvaluateRule(Rule::Compiled& rule, pg::Expression& expression, const RuleInput& input,
                       const std::vector<MetricValue>& metrics, Moment* until);

// The value and until of the metric `i` in a row of a MetricReader, copied to the current memory context.
MetricValue ReadMetric(const pg::Row& row, size_t i, Oid type);

// The stored value of a metric if it is valid at `now`, else empty. `kept` null: no value is stored, since
// there are no events.
std::optional<MetricValue> StoredValueAt(const StoredMetric& metric, const pg::Timed* kept, Moment now);

}  // namespace pulse::trait
