// sequence(events.a -> within 1d no events.b, in 7d) as SQL. Pure C++; used by CompileMetric() only.
#pragma once

#include "pulse/rule/metric.hpp"

namespace pulse::rule {

MetricSql CompileSequence(const Metric& metric, const std::string& now_sql, const std::string& profile_sql,
                          EventRows rows);

}  // namespace pulse::rule
