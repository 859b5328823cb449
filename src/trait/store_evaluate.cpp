#include "pulse/trait/store_evaluate.hpp"

#include <algorithm>

namespace pulse::trait {

MetricValue ReadMetric(const pg::Row& row, size_t i, Oid type) {
    const int column = static_cast<int>(1 + 2 * i);
    MetricValue metric{pg::Value::Null(type), pg::kHoldsForEver};
    if (!row.IsNull(column)) metric.value = pg::Copy({type, row.Raw(column), false});
    if (!row.IsNull(column + 1)) metric.until = row.Time(column + 1);
    return metric;
}

pg::Value EvaluateRule(Rule::Compiled& rule, pg::Expression& expression, const RuleInput& input,
                       const std::vector<MetricValue>& metrics, Moment* until) {
    std::vector<Datum> values{TimestampTzGetDatum(input.now), input.attributes.datum, input.account.datum,
                              input.context.datum};
    const size_t count = values.size() + metrics.size();
    const std::unique_ptr<bool[]> nulls(
        new bool[count]{false, input.attributes.null, input.account.null, input.context.null});
    size_t next = values.size();
    for (const MetricValue& metric : metrics) {
        nulls[next++] = metric.value.null;
        values.push_back(metric.value.datum);
    }
    pg::Value result = pg::Value::Null(expression.type());
    bool null = true;
    result.datum = expression.Eval(values.data(), nulls.get(), &null);
    result.null = null;
    if (until) {
        *until = pg::kHoldsForEver;
        if (!rule.rule.until.empty()) {
            const Datum first = rule.Until().Eval(values.data(), nulls.get(), &null);
            if (!null) *until = DatumGetTimestampTz(first);
        }
        for (const MetricValue& metric : metrics) *until = std::min(*until, metric.until);
    }
    return result;
}

std::optional<MetricValue> StoredValueAt(const StoredMetric& metric, const pg::Timed* kept, Moment now) {
    if (!kept) return MetricValue{metric.empty, pg::kHoldsForEver};
    if (kept->until <= now) return std::nullopt;
    return MetricValue{pg::FromJsonb(kept->value, metric.type), kept->until};
}

}  // namespace pulse::trait
