#include "pulse/web/prometheus.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace pulse::web {

namespace {

using Families = std::vector<MetricFamily>;

std::string Both(const Families& families) {
    return PrometheusText(families, false) + "---\n" + PrometheusText(families, true);
}

TEST(WebPrometheus, NothingToSay) {
    EXPECT_EQ(Both({}), "---\n# EOF\n");
}

TEST(WebPrometheus, Gauge) {
    EXPECT_EQ(Both({{"pulse_workers", MetricType::kGauge, "Worker processes.", "", {{{}, 3}}}}),
              "# HELP pulse_workers Worker processes.\n# TYPE pulse_workers gauge\npulse_workers 3\n---\n"
              "# TYPE pulse_workers gauge\n# HELP pulse_workers Worker processes.\npulse_workers 3\n# EOF\n");
}

TEST(WebPrometheus, CounterHasTotal) {
    EXPECT_EQ(
        Both({{"pulse_events_total", MetricType::kCounter, "Events.", "", {{{{"source", "sql"}}, 2}}}}),
        "# HELP pulse_events_total Events.\n# TYPE pulse_events_total counter\npulse_events_total{source=\"sql\"} 2\n---\n"
        "# TYPE pulse_events counter\n# HELP pulse_events Events.\npulse_events_total{source=\"sql\"} 2\n# EOF\n");
    EXPECT_THROW(Both({{"pulse_events", MetricType::kCounter, "", "", {}}}), std::invalid_argument);
    EXPECT_THROW(Both({{"pulse_events_total", MetricType::kGauge, "", "", {}}}), std::invalid_argument);
}

TEST(WebPrometheus, Unit) {
    const Families families = {{"pulse_age_seconds", MetricType::kGauge, "Age.", "seconds", {{{}, 0.25}}},
                               {"pulse_read_bytes_total", MetricType::kCounter, "Read.", "bytes", {{{}, 1}}}};
    EXPECT_EQ(
        PrometheusText(families, true),
        "# TYPE pulse_age_seconds gauge\n# UNIT pulse_age_seconds seconds\n# HELP pulse_age_seconds Age.\npulse_age_seconds 0.25\n"
        "# TYPE pulse_read_bytes counter\n# UNIT pulse_read_bytes bytes\n# HELP pulse_read_bytes Read.\npulse_read_bytes_total 1\n# EOF\n");
    EXPECT_EQ(PrometheusText(families, false).find("UNIT"), std::string::npos);
    EXPECT_THROW(Both({{"pulse_age", MetricType::kGauge, "", "seconds", {}}}), std::invalid_argument);
}

TEST(WebPrometheus, Histogram) {
    EXPECT_EQ(
        PrometheusText({{"pulse_http_request_seconds",
                         MetricType::kHistogram,
                         "Time.",
                         "seconds",
                         {{{{"le", "0.1"}}, 1, "_bucket"},
                          {{{"le", "+Inf"}}, 2, "_bucket"},
                          {{}, 0.5, "_sum"},
                          {{}, 2, "_count"}}}},
                       false),
        "# HELP pulse_http_request_seconds Time.\n# TYPE pulse_http_request_seconds histogram\n"
        "pulse_http_request_seconds_bucket{le=\"0.1\"} 1\npulse_http_request_seconds_bucket{le=\"+Inf\"} 2\n"
        "pulse_http_request_seconds_sum 0.5\npulse_http_request_seconds_count 2\n");
}

TEST(WebPrometheus, Escaping) {
    const Families families = {{"m",
                                MetricType::kGauge,
                                "a \"b\" \\ c\nd",
                                "",
                                {{{{"l",
                                    "a \"b\" \\ c\nd\xFF"
                                    "\xC3\xA4"}},
                                  1}}}};
    const std::string sample = "m{l=\"a \\\"b\\\" \\\\ c\\nd\xEF\xBF\xBD\xC3\xA4\"} 1\n";
    EXPECT_EQ(Both(families), "# HELP m a \"b\" \\\\ c\\nd\n# TYPE m gauge\n" + sample +
                                  "---\n# TYPE m gauge\n# HELP m a \\\"b\\\" \\\\ c\\nd\n" + sample +
                                  "# EOF\n");
}

TEST(WebPrometheus, EachSeriesOnceAndTogether) {
    const Families families = {
        {"a",
         MetricType::kGauge,
         "First.",
         "",
         {{{{"x", "1"}, {"y", "2"}}, 1}, {{{"y", "2"}, {"x", "1"}}, 2}}},
        {"b", MetricType::kGauge, "B.", "", {{{}, 3}, {{}, 4}}},
        {"a", MetricType::kGauge, "Second.", "", {{{{"x", "1"}, {"y", "2"}}, 5}, {{{"x", "2"}}, 6}}}};
    EXPECT_EQ(
        PrometheusText(families, false),
        "# HELP a First.\n# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{x=\"2\"} 6\n# HELP b B.\n# TYPE b gauge\nb 3\n");
}

TEST(WebPrometheus, Numbers) {
    using Limits = std::numeric_limits<double>;
    const std::pair<double, const char*> cases[] = {{0, "0"},
                                                    {-0.0, "0"},
                                                    {-7, "-7"},
                                                    {1e6, "1000000"},
                                                    {123456789012345, "123456789012345"},
                                                    {0.1, "0.1"},
                                                    {1e300, "1e+300"},
                                                    {Limits::quiet_NaN(), "NaN"},
                                                    {Limits::infinity(), "+Inf"},
                                                    {-Limits::infinity(), "-Inf"}};
    for (const auto& [value, text] : cases)
        EXPECT_EQ(PrometheusText({{"m", MetricType::kGauge, "", "", {{{}, value}}}}, false),
                  "# HELP m \n# TYPE m gauge\nm " + std::string(text) + "\n");
}

TEST(WebPrometheus, InvalidNames) {
    for (const char* name : {"", "1a", "a-b", "a b", "a:b", "\xC3\xA4", "a\n"}) {
        EXPECT_THROW(Both({{name, MetricType::kGauge, "", "", {}}}), std::invalid_argument) << name;
        EXPECT_THROW(Both({{"m", MetricType::kGauge, "", "", {{{{name, ""}}, 1}}}}), std::invalid_argument)
            << name;
    }
    EXPECT_THROW(Both({{"m", MetricType::kGauge, "", "", {{{{"__a", ""}}, 1}}}}), std::invalid_argument);
    EXPECT_THROW(Both({{"m", MetricType::kGauge, "", "", {{{{"a", "1"}, {"a", "2"}}, 1}}}}),
                 std::invalid_argument);
}

}  // namespace

}  // namespace pulse::web
