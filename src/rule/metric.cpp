#include "pulse/rule/metric.hpp"

#include "pulse/base/error.hpp"

namespace pulse::rule {

const char* Name(Aggregate) {
    return "";
}

std::string Print(const Metric&) {
    throw UserError(sqlstate::kNotSupported, "metrics are not available yet");
}

Metric ParseMetric(std::string_view) {
    throw UserError(sqlstate::kNotSupported, "metrics are not available yet");
}

MetricSql CompileMetric(const Metric&, const std::string&, const std::string&, const std::string&) {
    throw UserError(sqlstate::kNotSupported, "metrics are not available yet");
}

}  // namespace pulse::rule
