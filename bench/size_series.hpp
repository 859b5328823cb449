// Made-up histories of sizes of which the truth is known: a level with a shape, noise, gaps and odd days.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

#include "drift_world.hpp"

namespace pulse::bench {

struct Series {
    std::string name;
    int64_t cadence = kDay;
    int points = 56;  // steps; a snapshot may be missing at any but the first
    int segments = 200;
    double size = 10'000;
    double noise = 0.05;                                         // standard deviation, logarithmic
    double correlation = 0;                                      // of the noise of two neighbours
    double walk = 0;                                             // standard deviation of a step of the level
    std::function<double(int)> shape = [](int) { return 0.0; };  // logarithm
    Noise law = Noise::kNormal;
    double missing = 0;                                        // share of the snapshots that were not taken
    double failed = 0;                                         // share of those that failed
    std::function<bool(int)> odd = [](int) { return false; };  // what a person would call a special day
};

inline Series With(Series series, const std::string& name, const std::function<void(Series&)>& change) {
    series.name = name;
    change(series);
    return series;
}

// "+30 %", "−5 %"; without a sign for positive values if `plus` is empty.
inline std::string Signed(double percent, const char* plus = "+") {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%s%g %%", percent < 0 ? "−" : plus, std::abs(percent));
    return digits;
}

// ---- shapes ----

inline double Percent(double change) {
    return std::log(1 + change / 100);
}

inline double Weekly(int day) {
    return day % 7 >= 5 ? Percent(-40) : 0;
}

inline double Wave(int step, int season) {
    return 0.3 * std::sin(2 * M_PI * step / season);
}

// Day 0 is a Monday, the first of a month and of a year.
inline std::chrono::year_month_day Date(int day) {
    using namespace std::chrono;
    return sys_days{2024y / January / 1} + days{day};
}

// Whether a day is one of that many holidays, up to four, at the same dates each year.
inline bool IsHoliday(int day, int holidays) {
    using namespace std::chrono;
    static constexpr month_day kDates[] = {December / 25, May / 1, October / 3, August / 15};
    const year_month_day date = Date(day);
    return std::any_of(kDates, kDates + holidays,
                       [&](month_day holiday) { return holiday == date.month() / date.day(); });
}

// Three days in a row each year.
inline bool InRun(int day) {
    using namespace std::chrono;
    const year_month_day date = Date(day);
    return date.month() == December && date.day() >= std::chrono::day{24} &&
           date.day() <= std::chrono::day{26};
}

inline bool StartOfMonth(int day) {
    return Date(day).day() <= std::chrono::day{3};
}

// ---- histories ----

inline int64_t Poisson(double rate, Random& random) {
    if (rate < 1e5) return std::poisson_distribution<int64_t>(std::max(rate, 1e-9))(random);
    return std::llround(rate + std::sqrt(rate) * std::normal_distribution<double>(0, 1)(random));
}

inline bool Chance(double share, Random& random) {
    return share > 0 && std::bernoulli_distribution(share)(random);
}

// The snapshots of one segment; the first is always there and good. Their moments tell which are missing.
inline History DrawHistory(const Series& series, Random& random) {
    History history;
    history.cadence = series.cadence;
    double noise = Draw(series.law, random), level = 0;
    for (int i = 0; i < series.points; ++i) {
        const double log = std::log(series.size) + level + series.noise * noise + series.shape(i);
        const int64_t size = Poisson(std::exp(log), random);
        noise = series.correlation * noise +
                std::sqrt(1 - series.correlation * series.correlation) * Draw(series.law, random);
        level += series.walk * Draw(Noise::kNormal, random);
        if (i > 0 && Chance(series.missing, random)) continue;
        Point& point = history.points.emplace_back();
        point.snapshot = i + 1;
        point.moment = point.snapshot * series.cadence;
        point.ok = i == 0 || !Chance(series.failed, random);
        point.size = point.ok ? size : 0;
        if (!point.ok) point.error_state = "57014";
    }
    return history;
}

inline int StepOf(const History& history, size_t index) {
    return static_cast<int>(history.points[index].moment / history.cadence) - 1;
}

}  // namespace pulse::bench
