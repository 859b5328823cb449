// Whether a person was added to a static segment, as SQL. Pure C++.
#pragma once

#include "pulse/rule/metric.hpp"

namespace pulse::rule {

// Compile a metric of kind kStatic.
MetricSql CompileStaticSegment(const Metric& metric, const std::string& now_sql,
                               const std::string& profile_sql);

}  // namespace pulse::rule
