// Forecast::Likely(): the ranges of charts are quick, and close to what PValue() says.
#include <gtest/gtest.h>

#include <cmath>

#include "pulse/drift/forecast.hpp"

namespace pulse::drift {

namespace {

Forecast AfterDays(double size, int days, const std::vector<int>& seasons) {
    Forecaster forecaster(seasons, {});
    for (int day = 0; day < days; ++day) {
        forecaster.Learn(std::floor(size + std::sqrt(size) * (day * 37 % 19 - 9) / 9));
        forecaster.Advance(1);
    }
    return forecaster.Predict();
}

TEST(DriftForecast, TheRangeIsThatOfThePValue) {
    for (const double size : {4.0, 20.0, 300.0, 3'000.0, 1e7})
        for (const int days : {1, 5, 40, 400}) {
            const Forecast forecast = AfterDays(size, days, {7});
            const Forecast::Range range = forecast.Likely(0.01);
            const double width = range.high - range.low, part = std::max(1.0, 0.05 * width);
            ASSERT_LT(range.low, range.high) << size << " after " << days;
            EXPECT_GT(forecast.PValue(range.low + part), 0.01) << size << " after " << days;
            EXPECT_GT(forecast.PValue(range.high - part), 0.01) << size << " after " << days;
            if (range.low > 0) {
                EXPECT_LT(forecast.PValue(range.low - part), 0.01) << size << " after " << days;
            }
            EXPECT_LT(forecast.PValue(range.high + part), 0.01) << size << " after " << days;
        }
}

TEST(DriftForecast, ALargeQuietSegmentHasARange) {
    const Forecast::Range range = AfterDays(1e7, 200, {}).Likely(0.01);
    EXPECT_GT(range.high - range.low, 1e4);
    EXPECT_LT(range.high - range.low, 1e5);
}

TEST(DriftForecast, NobodyIsLikelyWhereFewAre) {
    const Forecast::Range range = AfterDays(1, 30, {}).Likely(0.01);
    EXPECT_EQ(range.low, 0);
    EXPECT_GT(range.high, 1);
    EXPECT_LT(range.high, 12);
}

}  // namespace

}  // namespace pulse::drift
