// Attributes with more values than a snapshot keeps by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "drift_history.hpp"

namespace pulse::drift::test {
namespace {

// The `kept` most frequent values by name, as a snapshot keeps them; the others' members.
std::pair<Values, int64_t> Truncated(Values values, size_t kept) {
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    std::erase_if(values, [](const auto& value) { return value.second == 0; });
    int64_t other = 0;
    for (size_t i = kept; i < values.size(); ++i) other += values[i].second;
    if (values.size() > kept) values.resize(kept);
    return {std::move(values), other};
}

void AddDay(Days& days, const Values& values, size_t kept, int64_t nulls = 0) {
    int64_t size = nulls;
    for (const auto& [name, count] : values) size += count;
    days.Add(size);
    const auto [named, other] = Truncated(values, kept);
    days.Values("page", named, other);
}

Values Even(const std::string& prefix, int values, int64_t each) {
    Values result;
    for (int i = 0; i < values; ++i) result.emplace_back(prefix + std::to_string(100 + i), each);
    return result;
}

TEST(DriftHiddenValues, AllReplacedIsFoundAtAnyNumberOfValues) {
    for (const int values : {50, 51, 52, 64, 70})
        for (const int before : {1, 3, 14}) {
            Days days;
            for (int day = 0; day < before; ++day) AddDay(days, Even("old", values, 40), 50, 25);
            AddDay(days, Even("new", values, 30), 50, 25);
            const DetectionRun run = days.Newest();
            const Finding* shift = FindingOf(run, detector::kDistributionShift, "page");
            ASSERT_TRUE(shift) << values << " values, " << before << " snapshots before";
            // Of 51 even values 50 are known on each side, and "other" holds one of either.
            const double proven = std::max(0.0, 1 - 2.0 * (values - 50) / values);
            EXPECT_NEAR(shift->change, proven, 0.01);
            EXPECT_EQ(shift->summary.find("at least") != std::string::npos, values > 50) << shift->summary;
        }
}

TEST(DriftHiddenValues, WhatOtherCanHideIsNoFinding) {
    Days days;
    for (int day = 0; day < 6; ++day) AddDay(days, Even("old", 120, 40), 50);
    AddDay(days, Even("new", 120, 40), 50);  // 70 of 120 in other: all that is known may be there
    EXPECT_FALSE(FindingOf(days.Newest(), detector::kDistributionShift, "page"));
}

TEST(DriftHiddenValues, TheDistanceIsNeverMoreThanTheTrueOne) {
    std::mt19937_64 random(13);
    const auto draw = [&](int64_t most) {
        return static_cast<int64_t>(random() % static_cast<uint64_t>(most));
    };
    Thresholds every;
    every.distribution_shift = 0;
    size_t compared = 0;
    for (int run = 0; run < 400; ++run) {
        const size_t values = 3 + static_cast<size_t>(draw(40)), kept = 2 + static_cast<size_t>(draw(20));
        const int before = 1 + static_cast<int>(draw(5));
        std::vector<double> pooled(values, 0);
        double total = 0, distance = 0;
        Days days;
        Values day;
        for (int d = 0; d <= before; ++d) {
            day.clear();
            double sum = 0;
            for (size_t v = 0; v < values; ++v)
                day.emplace_back("v" + std::to_string(v), draw(3) == 0 ? 0 : draw(run % 2 ? 1000 : 30) + 1);
            for (const auto& [name, count] : day) sum += static_cast<double>(count);
            if (d < before)
                for (size_t v = 0; v < values; ++v) pooled[v] += static_cast<double>(day[v].second);
            if (d < before) total += sum;
            if (d == before)
                for (size_t v = 0; v < values; ++v)
                    distance += std::abs(static_cast<double>(day[v].second) / sum - pooled[v] / total) / 2;
            AddDay(days, day, kept);
        }
        for (const DetectorResult& result : days.Newest(every).results)
            if (result.finding.fingerprint == Fingerprint{detector::kDistributionShift, "page"}) {
                ++compared;
                // Hidden members are whole ones.
                const double rounding =
                    static_cast<double>(values) / static_cast<double>(days.history.points.back().size);
                EXPECT_LE(result.finding.change, distance + rounding) << "run " << run;
            }
    }
    EXPECT_GT(compared, 300u);
}

// Members spread over values whose frequency falls with their rank, drawn anew each day.
Values Sampled(std::mt19937_64& random, size_t members, size_t values, size_t offset) {
    std::vector<double> until(values);
    double sum = 0;
    for (size_t v = 0; v < values; ++v) until[v] = sum += 1 / static_cast<double>(v + 3);
    std::vector<int64_t> counts(values, 0);
    for (size_t m = 0; m < members; ++m) {
        const double at = sum * static_cast<double>(random() >> 11) / static_cast<double>(1ULL << 53);
        ++counts[static_cast<size_t>(std::upper_bound(until.begin(), until.end(), at) - until.begin())];
    }
    Values result;
    for (size_t v = 0; v < values; ++v) result.emplace_back("v" + std::to_string(offset + v), counts[v]);
    return result;
}

TEST(DriftHiddenValues, ChanceAtTheEdgeOfTheNamedValuesIsNoFinding) {
    std::mt19937_64 random(7);
    size_t found = 0, days_checked = 0;
    for (const size_t members : {300, 2'000})
        for (int run = 0; run < 6; ++run) {
            Days days;
            for (int day = 0; day < 30; ++day) {
                AddDay(days, Sampled(random, members, 200, 0), 50);
                if (day == 0) continue;
                ++days_checked;
                found += FindingOf(days.Newest(), detector::kDistributionShift, "page") != nullptr;
            }
        }
    EXPECT_EQ(found, 0u) << "of " << days_checked;
}

TEST(DriftHiddenValues, TurnoverThatIsUsualIsNoFinding) {
    std::mt19937_64 random(8);
    size_t found = 0;
    for (int run = 0; run < 4; ++run) {
        Days days;
        // Each day ten of the 80 pages are new, and ten are gone.
        for (int day = 0; day < 30; ++day) {
            Values values;
            for (size_t v = 0; v < 80; ++v)
                values.emplace_back("v" + std::to_string(10 * static_cast<size_t>(day) + v),
                                    20 + random() % 20);
            AddDay(days, values, 50);
            if (day > 8) found += FindingOf(days.Newest(), detector::kDistributionShift, "page") != nullptr;
        }
    }
    EXPECT_EQ(found, 0u);
}

}  // namespace
}  // namespace pulse::drift::test
