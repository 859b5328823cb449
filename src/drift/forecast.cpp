#include "pulse/drift/forecast.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/drift/statistics/probabilities.hpp"
#include "pulse/drift/statistics/robust.hpp"

namespace pulse::drift {

namespace {

struct ModelKind {
    double discount, damping;
    double log_prior;  // the weight before any count, where levels do not wander
};
// From a level that hardly moves to one that is the newest count, which the data must show first; and two
// trends, which are damped where no count confirms them.
constexpr ModelKind kModelKinds[] = {{0.98, 0, 0}, {0.9, 0, -2},     {0.7, 0, -4},
                                     {0.4, 0, -8}, {0.98, 0.98, -2}, {0.9, 0.95, -4}};
constexpr size_t kModelKindCount = std::size(kModelKinds);

constexpr double kSlopeVariance = 0.1;   // of the slope at first, in units of the noise
constexpr double kSeasonSigma = 0.3;     // of an effect that has not been seen, logarithmic
constexpr double kSeasonDiscount = 0.9;  // per season
constexpr double kNoiseDiscount = 0.98;  // the noise is that of the last fifty points
constexpr double kSwitch = 0.001;        // the chance that another model holds from the next point on
constexpr double kSomeWeight = 0.1;      // of a season that may be one
constexpr double kLargestRatio = 9;      // of the square of an error to its variance, as the noise learns it
constexpr double kLeastVariance = 1e-8;
constexpr double kOutlierPoints = 200;  // the share of outliers is that of so many points
constexpr double kAnyLevel = 25;        // a variance on the logarithmic scale
constexpr int64_t kLongestGap = 1000;
constexpr double kLargestTrend = 3;  // logarithmic: what a trend adds to a level, at most a factor of 20
constexpr size_t kOwnHistory = 8;    // counts from which on a series tells of its noise
constexpr double kNoCount = 0.5;     // the least rate: a count of 0 has no logarithm

double LogCount(double count) {
    return std::log(std::max(count, kNoCount));
}

// The relative variance of counting at a rate.
double CountingVariance(double log_rate) {
    return 1 / std::max(std::exp(std::min(log_rate, 40.0)), kNoCount);
}

// The logarithm of Student's density, without what is the same for all models.
double LogDensity(double square, double dof, double variance) {
    return -0.5 * std::log(variance) - (dof + 1) / 2 * std::log1p(square / dof);
}

// Beyond this many standard deviations a point teaches no more than one at it: about the quantile at which it
// would be a finding.
double Limit(double dof) {
    return 3.3 * (1 + 6 / dof);
}

// P(T > t), when a share of the noise is wider.
double UpperTail(double t, double dof, double outliers) {
    const double tail = ((1 - outliers) * statistics::StudentTTwoSided(std::abs(t), dof) +
                         outliers * statistics::StudentTTwoSided(std::abs(t) / kWideNoise, dof)) /
                        2;
    return t > 0 ? tail : 1 - tail;
}

// The probability that a Gamma(shape) variable exceeds the rate. P(Poisson(rate) <= count) is that for the
// shape count + 1, so what both vary is one integral.
double GammaExceeds(const ForecastComponent& c, double outliers, double shape) {
    if (shape <= 0) return 0;
    // Counting hardly adds to the noise. Otherwise one t for both would have heavier tails than their sum.
    constexpr double kMany = 1000, kMinor = 10;
    const double ratio = c.sigma * std::sqrt(shape);  // of the noise to that of counting
    if (shape > kMany && ratio > kMinor)
        return UpperTail((c.level - std::log(shape)) / std::hypot(c.sigma, 1 / std::sqrt(shape)), c.dof,
                         outliers);
    double sum = 0, weights = 0;
    // Where counting varies far more than the rate, its own quantiles must be dense.
    const double step = ratio < 0.3 ? 0.1 : 0.5;
    for (double z = -5.5; z <= 5.5; z += step) {
        const double weight = std::exp(-z * z / 2);
        weights += weight;
        sum +=
            weight * UpperTail((c.level - statistics::LogGammaQuantile(shape, z)) / c.sigma, c.dof, outliers);
    }
    return sum / weights;
}

// The variance of the changes over so many steps beyond that of counting, without their trend.
double VarianceOfChanges(const std::vector<double>& counts, size_t lag) {
    constexpr size_t kChanges = 28;
    std::vector<double> changes;
    for (size_t i = counts.size() - std::min(counts.size(), kChanges + lag - 1); i + lag < counts.size(); ++i)
        changes.push_back(LogCount(counts[i + lag]) - LogCount(counts[i]));
    const double sigma = changes.empty() ? 0 : statistics::MeasureSpread(changes).sigma;
    return std::max(sigma * sigma - 2 / std::max(statistics::Median(counts), kNoCount), 0.0);
}

}  // namespace

double Forecast::PValue(double count) const {
    double at_most = 0, at_least = 0;
    for (const ForecastComponent& c : components) {
        at_most += c.weight * GammaExceeds(c, outliers, count + 1);
        at_least += c.weight * (1 - GammaExceeds(c, outliers, count));
    }
    return std::clamp(2 * std::min(at_most, at_least), 0.0, 1.0);
}

double LevelForecast::Component::After(double steps) const {
    return level + std::clamp(steps * slope, 0.0, kLargestTrend);
}

double LevelForecast::Level() const {
    double level = 0;
    for (const Component& c : components) level += c.weight * c.level;
    return level;
}

double LevelForecast::Expected(double steps) const {
    double level = 0;
    for (const Component& c : components) level += c.weight * c.After(steps);
    return level;
}

double LevelForecast::PValue(double median, double points, double steps) const {
    // The variance of a median, relative to that of a point.
    const double share = points <= 2 ? 1 / points : M_PI / 2 / points;
    double p = 0;
    for (const Component& c : components) {
        const double expected = c.After(steps);
        const double level_variance = c.level_variance + steps * c.level_step + 2 * steps * c.covariance +
                                      steps * steps * c.slope_variance;
        const double variance = c.variance * (level_variance + share) + CountingVariance(expected) * share;
        p += c.weight *
             statistics::StudentTTwoSided(std::abs(median - expected) / std::sqrt(variance), c.points);
    }
    return std::min(p, 1.0);
}

NoisePrior PoolNoise(const std::vector<std::vector<double>>& series, size_t lag) {
    constexpr size_t kLeastSeries = 10;
    constexpr double kLeastSigma = 0.03, kLargestSigma = 0.5;
    std::vector<double> sigmas, newest, wanders;
    for (const std::vector<double>& counts : series) {
        if (counts.size() < 2) continue;
        newest.push_back(LogCount(counts.back()) - LogCount(counts[counts.size() - 2]));
        if (counts.size() < kOwnHistory) continue;
        const double variance = VarianceOfChanges(counts, 1);
        sigmas.push_back(std::sqrt(variance / 2));  // a change has the noise of two counts
        if (counts.size() < 2 * lag) continue;
        // Where only the level moves, changes add up; where there is only noise, they do not.
        const double ratio = variance > 0 ? VarianceOfChanges(counts, lag) / variance : 1;
        wanders.push_back((ratio - 1) / static_cast<double>(lag - 1));
    }
    NoisePrior prior;
    if (wanders.size() >= kLeastSeries) prior.wander = std::clamp(statistics::Median(wanders), 0.0, 1.0);
    if (sigmas.size() >= kLeastSeries)
        prior.sigma = statistics::Median(sigmas);
    else if (newest.size() >= kLeastSeries)
        prior.sigma = statistics::MeasureSpread(newest).sigma / std::sqrt(2.0);
    else
        return prior;
    prior.sigma = std::clamp(prior.sigma, kLeastSigma, kLargestSigma);
    return prior;
}

Forecaster::Forecaster(const std::vector<int>& seasons, const NoisePrior& prior) {
    std::vector<int> all{0};
    all.insert(all.end(), seasons.begin(), seasons.end());
    for (const int season : all)
        for (const ModelKind& kind : kModelKinds) {
            Model& model = models_.emplace_back();
            model.discount = kind.discount;
            model.damping = kind.damping;
            model.prior = std::exp((1 - prior.wander) * kind.log_prior);
            model.season = season;
            model.effects.assign(static_cast<size_t>(season), 0);
            model.effect_variances.assign(static_cast<size_t>(season), -1);
            model.points = prior.points;
            model.variance = prior.sigma * prior.sigma;
        }
    double sum = 0;
    for (const Model& model : models_) sum += model.prior;
    for (Model& model : models_) model.weight = model.prior /= sum;
}

size_t Forecaster::Phase(const Model& model) const {
    return model.season > 0 ? static_cast<size_t>(step_ % model.season) : 0;
}

void Forecaster::Advance(int64_t steps) {
    if (steps <= 0) return;
    if (started_)
        for (int64_t i = 0; i < std::min(steps, kLongestGap); ++i) {
            for (Model& model : models_) Step(model);
            stepped_ = true;
        }
    step_ += steps;
}

// What a step adds to the variances is the same in a gap as in its first step: it grows by a line. From the
// second step on a trend is damped.
void Forecaster::Step(Model& model) const {
    if (model.damping > 0) {
        const double damping = stepped_ ? model.damping : 1;
        model.level += damping * model.slope;
        model.slope *= damping;
        model.level_variance += 2 * damping * model.covariance + damping * damping * model.slope_variance;
        model.covariance = damping * model.covariance + damping * damping * model.slope_variance;
        model.slope_variance *= damping * damping;
    }
    if (!stepped_) {
        const double lost = 1 / model.discount - 1;
        model.level_step = lost * model.level_variance;
        model.covariance_step = lost * model.covariance;
        model.slope_step = lost * model.slope_variance;
    }
    model.level_variance += model.level_step;
    model.covariance += model.covariance_step;
    model.slope_variance += model.slope_step;
}

void Forecaster::RestartLevel() {
    for (Model& model : models_) model.level_variance += kAnyLevel / model.variance;
}

void Forecaster::Start(Model& model, double count) const {
    model.level = LogCount(count);
    model.level_variance = 1 + CountingVariance(model.level) / model.variance;
    if (model.damping > 0) model.slope_variance = kSlopeVariance;
    if (model.season > 0) model.effect_variances[Phase(model)] = 0.5;
}

// Kalman's step; gives the logarithm of the density that the model had predicted for the count.
double Forecaster::Update(Model& model, double count) const {
    const size_t phase = Phase(model);
    const bool known = model.Knows(phase);
    double effect = 0, effect_variance = 0;
    if (model.season > 0) {
        effect = known ? model.effects[phase] : 0;
        effect_variance =
            known ? model.effect_variances[phase] : kSeasonSigma * kSeasonSigma / model.variance;
    }
    const double expected = model.level + effect;
    const double variance =
        model.variance * (model.level_variance + effect_variance + 1) + CountingVariance(expected);
    double error = LogCount(count) - expected;
    model.square = error * error / variance;
    const double density = LogDensity(model.square, model.points, variance);
    const double limit = Limit(model.points) * std::sqrt(variance);
    error = std::clamp(error, -limit, limit);
    const double level_gain = model.variance * model.level_variance / variance;
    const double slope_gain = model.variance * model.covariance / variance;
    model.level += level_gain * error;
    model.slope += slope_gain * error;
    model.slope_variance = std::max(model.slope_variance - slope_gain * model.covariance, 0.0);
    model.level_variance *= 1 - level_gain;
    model.covariance *= 1 - level_gain;
    if (model.season > 0) {
        const double gain = model.variance * effect_variance / variance;
        model.effects[phase] = effect + gain * error;
        model.effect_variances[phase] = effect_variance * (1 - gain) / kSeasonDiscount;
    }
    // What an effect that was not known did says nothing about the noise, and a single point not everything.
    if (known) {
        model.points = kNoiseDiscount * model.points + 1;
        const double ratio = std::min(error * error / variance, kLargestRatio);
        model.variance = std::max(model.variance * (1 + (ratio - 1) / model.points), kLeastVariance);
    }
    return density;
}

void Forecaster::Learn(double count) {
    stepped_ = false;
    if (!started_) {
        for (Model& model : models_) Start(model, count);
        started_ = true;
        return;
    }
    const bool known = KnowsSeasons();
    std::vector<double> densities(models_.size());
    double best = -1e300;
    for (size_t i = 0; i < models_.size(); ++i) {
        Model& model = models_[i];
        const bool knows = model.Knows(Phase(model));
        densities[i] = Update(model, count);
        // In its first season a model is as good as its like without one, and knows the same noise.
        if (!knows) {
            const size_t plain = i % kModelKindCount;
            densities[i] = densities[plain];
            model.square = models_[plain].square;
            model.points = models_[plain].points;
            model.variance = models_[plain].variance;
        }
        best = std::max(best, densities[i]);
    }
    double sum = 0;
    for (size_t i = 0; i < models_.size(); ++i) sum += models_[i].weight *= std::exp(densities[i] - best);
    for (Model& model : models_) model.weight = (1 - kSwitch) * model.weight / sum + kSwitch * model.prior;
    if (known) LearnOutlier(OutlierProbability());
    passed_ = false;
}

// What a season may explain that is not known yet is no outlier.
bool Forecaster::KnowsSeasons() const {
    return std::all_of(models_.begin(), models_.end(),
                       [&](const Model& model) { return model.Knows(Phase(model)); });
}

// The probability that the newest count has wider noise, by the model that explains best what was seen.
double Forecaster::OutlierProbability() const {
    const Model& best = *std::max_element(models_.begin(), models_.end(),
                                          [](const auto& a, const auto& b) { return a.weight < b.weight; });
    const double ratio =
        std::exp(LogDensity(best.square / (kWideNoise * kWideNoise), best.points, kWideNoise * kWideNoise) -
                 LogDensity(best.square, best.points, 1));
    return outliers_ * ratio / (outliers_ * ratio + 1 - outliers_);
}

void Forecaster::LearnOutlier(double probability) {
    outlier_points_ = std::min(outlier_points_ + 1, kOutlierPoints);
    outliers_ += (probability - outliers_) / outlier_points_;
}

void Forecaster::LearnPassed(double count) {
    if (!started_) return;
    if (!passed_ && KnowsSeasons()) LearnOutlier(1);
    passed_ = true;
    for (Model& model : models_) {
        if (model.season == 0) continue;
        const size_t phase = Phase(model);
        double& effect = model.effects[phase];
        double& variance = model.effect_variances[phase];
        const double before = model.Knows(phase) ? variance : kSeasonSigma * kSeasonSigma / model.variance;
        const double gain = before / (model.level_variance + before + 1);
        effect += gain * (LogCount(count) - model.level - effect);
        variance = before * (1 - gain) / kSeasonDiscount;
    }
}

Forecast Forecaster::Predict() const {
    Forecast forecast;
    forecast.outliers = outliers_;
    forecast.components.reserve(models_.size());
    double sum = 0;
    for (const Model& model : models_) {
        const size_t phase = Phase(model);
        if (!model.Knows(phase)) continue;
        const bool seasonal = model.season > 0;
        sum += model.weight;
        const double variance = model.level_variance + (seasonal ? model.effect_variances[phase] : 0) + 1;
        forecast.components.push_back({model.weight, model.level + (seasonal ? model.effects[phase] : 0),
                                       std::sqrt(model.variance * variance), model.points, model.season,
                                       model.damping > 0});
    }
    std::stable_sort(forecast.components.begin(), forecast.components.end(),
                     [](const auto& a, const auto& b) { return a.weight > b.weight; });
    for (ForecastComponent& component : forecast.components) component.weight /= sum;
    std::erase_if(forecast.components, [](const auto& c) { return c.weight < 1e-4; });
    const Model* seasonal = nullptr;
    for (const Model& model : models_)
        if (model.season > 0 && model.weight >= kSomeWeight * sum &&
            (!seasonal || model.weight > seasonal->weight))
            seasonal = &model;
    if (!seasonal) return forecast;
    const int season = seasonal->season;
    for (int back = 0; back < season; ++back)
        forecast.effects.push_back(
            seasonal->effects[static_cast<size_t>(((step_ - back) % season + season) % season)]);
    return forecast;
}

LevelForecast Forecaster::Level() const {
    LevelForecast forecast;
    forecast.components.reserve(models_.size());
    for (const Model& model : models_)
        forecast.components.push_back({model.weight, model.level, model.slope, model.level_variance,
                                       model.covariance, model.slope_variance,
                                       model.level_variance * (1 / model.discount - 1), model.points,
                                       model.variance});
    return forecast;
}

}  // namespace pulse::drift
