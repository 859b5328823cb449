// Forecasts a series of counts one step ahead, by a bank of Bayesian dynamic linear models on the logarithmic
// scale (West and Harrison, Bayesian Forecasting and Dynamic Models, 1997, chapters 4, 6, 8, 10 and 12). The
// models differ in how fast they forget, whether they follow a trend, and in their season. Each learns
// its own noise; each counts as much as it has predicted well. Nothing is decided once and for all: a season
// is used when the data show it. Pure C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pulse::drift {

// What is assumed about the noise of one snapshot (standard deviation on the logarithmic scale) before
// anything is seen, and of how many snapshots that has the weight.
struct NoisePrior {
    double sigma = 0.04;
    double points = 4;
    double wander = 0;  // 0: levels stay; 1: what moves a count moves the level
};

// One model's forecast of the logarithm of the rate behind the count: Student's t.
struct ForecastComponent {
    double weight = 0;  // of all; they add up to 1
    double level = 0;   // log
    double sigma = 0;   // without the noise of counting
    double dof = 0;
    int season = 0;  // points; 0 = none
    bool trend = false;
};

constexpr double kWideNoise = 3;  // how much wider the noise of an outlier is

struct Forecast {
    std::vector<ForecastComponent> components;  // the weightiest first; never empty
    double outliers = 0;                        // the share of counts whose noise is wider

    const ForecastComponent& best() const { return components.front(); }
    // The probability of a count at least that far from the expected one on its side, doubled: the count is
    // Poisson around the forecast rate. Monotone: a smaller count below the level never has a larger
    // probability.
    double PValue(double count) const;
    // The counts around the level whose probability is at least p: to one member, or a few parts in a hundred
    // of the distance to the level. To be shown; PValue() decides.
    struct Range {
        double low = 0, high = 0;
    };
    Range Likely(double p) const;
    // The best model's effects of the season: of the present step, the step before it, …; empty without a
    // season.
    std::vector<double> effects;
};

// What the models know of the level after a point, without the season: for forecasts of many steps. Growth
// goes on as it is; a fall does not: who loses members every day erodes.
struct LevelForecast {
    struct Component {
        double weight = 0, level = 0, slope = 0;
        double level_variance = 0, covariance = 0, slope_variance = 0,
               level_step = 0;  // in units of `variance`
        double points = 0, variance = 0;

        double After(double steps) const;
    };
    std::vector<Component> components;

    // The level, and what it is expected to be so many steps later; logarithmic.
    double Level() const;
    double Expected(double steps) const;
    // The probability that the median of so many points, `steps` later on average, lies at least that far
    // from what is expected; logarithmic, two-sided.
    double PValue(double median, double points, double steps) const;
};

// What segments of one kind show of their noise, for those that have no history of their own yet: `series`
// are their counts, oldest first, and `lag` snapshots are a season. What all of them do at the same time is
// not noise.
NoisePrior PoolNoise(const std::vector<std::vector<double>>& series, size_t lag);

class Forecaster {
  public:
    Forecaster(const std::vector<int>& seasons, const NoisePrior& prior);

    // Time moves on by so many snapshots, of which nothing is known.
    void Advance(int64_t steps);
    // Time moves on by so many snapshots whose counts are known and left out: the forecast stays, only the
    // season goes on.
    void Hold(int64_t steps) { step_ += steps; }
    // The count at the present step.
    void Learn(double count);
    // The count at the present step was a finding that has passed. It may be the season, and a run of them
    // counts as one outlier, but it says nothing of level and noise.
    void LearnPassed(double count);
    // From here on the level may be any: the next counts teach a new one, season and noise stay.
    void RestartLevel();
    // What is expected at the present step; needs at least one count.
    Forecast Predict() const;
    LevelForecast Level() const;

  private:
    // A level, a slope, and effects of the phases of a season. Variances are in units of `variance`; the
    // effects are taken as independent of the level, which keeps a step O(1).
    struct Model {
        double discount = 1;  // the share of what is known of the level that is left after a step
        double damping = 0;   // of the slope in a step; 0 = no trend
        int season = 0;
        double level = 0, slope = 0;
        double level_variance = 0, covariance = 0, slope_variance = 0;
        double level_step = 0, covariance_step = 0, slope_step = 0;  // what a step adds to them
        std::vector<double> effects, effect_variances;  // by phase; a negative variance: not seen yet
        double points = 0, variance = 0;                // the noise, and of how many points it is known
        double square = 0;                              // of the newest error, in units of its variance
        double prior = 0, weight = 0;

        bool Knows(size_t phase) const { return season == 0 || effect_variances[phase] >= 0; }
    };
    size_t Phase(const Model& model) const;
    void Step(Model& model) const;
    void Start(Model& model, double count) const;
    double Update(Model& model, double count) const;
    bool KnowsSeasons() const;
    double OutlierProbability() const;
    void LearnOutlier(double probability);

    std::vector<Model> models_;  // by season, and in the same order within each; without a season first
    int64_t step_ = 0;
    double outliers_ = 0.002, outlier_points_ = 100;
    bool started_ = false, stepped_ = false, passed_ = false;
};

}  // namespace pulse::drift
