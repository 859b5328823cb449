// The text formats of Prometheus. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/base/metric.hpp"

namespace pulse::web {

inline constexpr const char* kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";
inline constexpr const char* kOpenMetricsContentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Print the families in the order given: text format 0.0.4, or OpenMetrics 1.0, which ends with "# EOF". The
// samples of one name come together, and of two samples with the same labels the first. Throws
// std::invalid_argument if a name is not valid.
std::string PrometheusText(const std::vector<MetricFamily>& families, bool openmetrics);

}  // namespace pulse::web
