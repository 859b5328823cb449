// Consent in rules: consent.ads, whether the person's consent for a purpose is live. Pure C++.
#pragma once

#include "pulse/rule/metric.hpp"

namespace pulse::rule {

// The purpose that a name asks for, or nullptr.
const std::string* PurposeOf(const Reference& reference);

// Compile a metric of kind kConsent.
MetricSql CompileConsent(const Metric& metric, const std::string& now_sql, const std::string& profile_sql);

}  // namespace pulse::rule
