// Made-up segments of which the truth is known: days of history with a shape, noise and, if wanted, a loss.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "pulse/drift/incident_tracker.hpp"

namespace pulse::bench {

using drift::Distributions;
using drift::History;
using drift::Point;
using snapshot::Distribution;

using Random = std::mt19937_64;

struct Shape {
    const char* name;
    double weekend = 1;  // size on Saturdays and Sundays
    double growth = 0;   // a day
};

enum class Noise { kNormal, kHeavyTailed };

// A loss of members from day `onset` on, spread evenly over `days`.
struct Loss {
    double share = 0;
    int onset = 0, days = 1;
    double Left(int day) const {
        if (day < onset) return 1;
        return std::pow(1 - share, std::min(1.0, static_cast<double>(day - onset + 1) / days));
    }
};

// Standard deviation 1 either way.
inline double Draw(Noise noise, Random& random) {
    if (noise == Noise::kNormal) return std::normal_distribution<double>(0, 1)(random);
    return std::student_t_distribution<double>(4)(random) / std::sqrt(2.0);
}

// A share that differs a little from day to day, as shares do.
inline double Wobble(double share, double relative, Random& random) {
    return std::min(1.0, share * std::exp(std::normal_distribution<double>(0, relative)(random)));
}

inline int64_t Binomial(int64_t n, double p, Random& random) {
    const double variance = static_cast<double>(n) * p * (1 - p);
    if (!(variance > 0)) return p >= 1 ? n : 0;
    if (variance < 400) return std::binomial_distribution<int64_t>(n, p)(random);
    const double draw =
        std::normal_distribution<double>(static_cast<double>(n) * p, std::sqrt(variance))(random);
    return std::clamp<int64_t>(std::llround(draw), 0, n);
}

inline std::vector<int64_t> Multinomial(int64_t n, const std::vector<double>& shares, Random& random) {
    std::vector<int64_t> counts;
    double rest = 0;
    for (const double share : shares) rest += share;
    for (size_t i = 0; i < shares.size(); ++i) {
        const bool last = i + 1 == shares.size();
        counts.push_back(last ? n : Binomial(n, std::clamp(shares[i] / rest, 0.0, 1.0), random));
        n -= counts.back();
        rest -= shares[i];
    }
    return counts;
}

// Shares as values have them: the second half as frequent as the first, the third a third.
inline std::vector<double> Zipf(size_t values) {
    std::vector<double> shares;
    double sum = 0;
    for (size_t i = 1; i <= values; ++i) sum += 1.0 / static_cast<double>(i);
    for (size_t i = 1; i <= values; ++i) shares.push_back(1.0 / static_cast<double>(i) / sum);
    return shares;
}

inline Distribution Categorical(const std::string& name, int64_t members, const std::vector<double>& shares,
                                Random& random) {
    Distribution distribution;
    distribution.attribute = name;
    distribution.total = members;
    const std::vector<int64_t> counts = Multinomial(members, shares, random);
    for (size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        distribution.labels.push_back("v" + std::to_string(i));
        distribution.counts.push_back(counts[i]);
    }
    return distribution;
}

// Counts of `values` between `edges`.
inline Distribution Numeric(const std::string& name, const std::vector<double>& values,
                            const std::vector<double>& edges) {
    Distribution distribution;
    distribution.attribute = name;
    distribution.kind = segment::AttributeKind::kNumeric;
    distribution.total = static_cast<int64_t>(values.size());
    distribution.edges = edges;
    distribution.counts.assign(edges.size() + 1, 0);
    for (const double value : values)
        ++distribution.counts[static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), value) -
                                                  edges.begin())];
    return distribution;
}

// A history with its distributions, by snapshot id.
class World {
  public:
    History history;

    World() {
        history.distributions = [this](int64_t id) -> const Distributions* {
            const auto found = distributions_.find(id);
            return found == distributions_.end() ? nullptr : &found->second;
        };
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void Add(Point point, Distributions distributions = {}) {
        point.snapshot = static_cast<int64_t>(history.points.size()) + 1;
        point.moment = static_cast<Moment>(history.points.size()) * kDay;
        if (!distributions.empty()) distributions_[point.snapshot] = std::move(distributions);
        history.points.push_back(std::move(point));
    }
    const Distributions& At(size_t index) const { return distributions_.at(history.points[index].snapshot); }

  private:
    std::map<int64_t, Distributions> distributions_;
};

inline int64_t SizeOn(int day, const Shape& shape, Noise noise, Random& random) {
    constexpr double kMembers = 10'000, kNoise = 0.05;
    const double expected = kMembers * std::pow(1 + shape.growth, day) * (day % 7 >= 5 ? shape.weekend : 1);
    return std::llround(expected * std::exp(kNoise * Draw(noise, random)));
}

// A day of a whole segment: size, flows, rates and three attributes, all of them a little over-dispersed.
inline void AddDay(World& world, const Shape& shape, Noise noise, Random& random) {
    const auto day = static_cast<int>(world.history.points.size());
    Point point;
    point.size = SizeOn(day, shape, noise, random);
    point.converted = Binomial(point.size, Wobble(0.04, 0.05, random), random);
    point.inactive = Binomial(point.size, Wobble(0.10, 0.05, random), random);
    if (day > 0) {
        const int64_t grown = point.size - world.history.points.back().size;
        const int64_t replaced = Binomial(point.size, Wobble(0.03, 0.10, random), random);
        point.entered = replaced + std::max<int64_t>(grown, 0);
        point.exited = replaced + std::max<int64_t>(-grown, 0);
    }
    const auto wobbled = [&](std::vector<double> shares) {
        for (double& share : shares) share = Wobble(share, 0.03, random);
        return shares;
    };
    Distributions attributes{Categorical("plan", point.size, wobbled(Zipf(5)), random),
                             Categorical("country", point.size, wobbled(Zipf(20)), random)};
    Distribution spent;
    spent.attribute = "ltv";
    spent.kind = segment::AttributeKind::kNumeric;
    spent.total = point.size;
    spent.nulls = Binomial(point.size, Wobble(0.03, 0.10, random), random);
    spent.edges = {10, 20, 30, 40, 50, 60, 70, 80, 90};
    spent.counts = Multinomial(spent.total - spent.nulls, wobbled(std::vector<double>(10, 0.1)), random);
    attributes.push_back(std::move(spent));
    world.Add(std::move(point), std::move(attributes));
}

}  // namespace pulse::bench
