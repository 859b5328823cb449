#include <gtest/gtest.h>

#include "pulse/http/circuit_breaker.hpp"

namespace pulse::http {
namespace {

TEST(HttpRetry, Delays) {
    EXPECT_EQ(RetryDelay(1, 0, 1), 5 * kSecond);
    EXPECT_EQ(RetryDelay(2, 0, 1), 20 * kSecond);
    EXPECT_EQ(RetryDelay(3, 0, 1), 80 * kSecond);
    EXPECT_EQ(RetryDelay(3, 0, 0), 60 * kSecond);
    EXPECT_EQ(RetryDelay(100, 0, 1), 6 * kHour);
    EXPECT_EQ(RetryDelay(1, kHour, 0.5), kHour);
    EXPECT_EQ(RetryDelay(1, 100 * kDay, 0), kDay);
    EXPECT_EQ(RetryDelay(1, -5, 1), 5 * kSecond);
    EXPECT_EQ(RetryDelay(-1, 0, 7), 5 * kSecond);
    EXPECT_EQ(BreakerPause(0, 1), 0);
    EXPECT_EQ(BreakerPause(4, 1), 0);
    EXPECT_EQ(BreakerPause(5, 1), 10 * kSecond);
    EXPECT_EQ(BreakerPause(6, 1), 20 * kSecond);
    EXPECT_EQ(BreakerPause(1'000'000, 1), 10 * kMinute);
    for (int i = 1; i < 50; ++i) EXPECT_LE(BreakerPause(i, 1), BreakerPause(i + 1, 1));
}

TEST(HttpCircuitBreaker, OpensAfterFailuresThenAllowsOneRequest) {
    CircuitBreaker breaker;
    const Classification down = ClassifyStatus(503, "");
    Moment now = kHour;
    for (int i = 0; i < 5; ++i, now += kSecond) {
        EXPECT_EQ(breaker.Room(now, 0, 10), 10);
        breaker.Note(down, now, now, 1);
    }
    EXPECT_EQ(breaker.state().failures, 5);
    EXPECT_EQ(breaker.Room(now, 0, 10), 0);
    now += 10 * kSecond;
    EXPECT_EQ(breaker.Room(now, 0, 10), 1);
    EXPECT_EQ(breaker.Room(now, 1, 10), 0);
    breaker.Note(ClassifyStatus(200, ""), now, now, 1);
    EXPECT_EQ(breaker.Room(now, 0, 10), 10);
}

TEST(HttpCircuitBreaker, PausesLongerWhileOverloaded) {
    CircuitBreaker breaker;
    const Classification busy = ClassifyStatus(429, "");
    Moment now = kHour;
    int64_t last = 0;
    for (int i = 1; i <= 12; ++i) {
        breaker.Note(busy, now, now, 1);
        breaker.Note(busy, now - kSecond, now, 1);  // was in flight
        EXPECT_EQ(breaker.overloads(), i);
        const int64_t rest = *breaker.state().open_until - now;
        EXPECT_GE(rest, last);
        EXPECT_LE(rest, 10 * kMinute);
        last = rest;
        now += rest;
        EXPECT_EQ(breaker.Room(now, 0, 10), 1);
    }
    EXPECT_EQ(last, 10 * kMinute);
    EXPECT_EQ(breaker.state().failures, 0);
    breaker.Note(ClassifyStatus(200, ""), now, now, 1);
    EXPECT_EQ(breaker.overloads(), 0);
    EXPECT_EQ(breaker.Room(now, 0, 10), 10);
}

}  // namespace
}  // namespace pulse::http
