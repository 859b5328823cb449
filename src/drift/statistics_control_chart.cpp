#include "pulse/drift/statistics/control_chart.hpp"

#include "pulse/drift/statistics/probabilities.hpp"
#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

double Parameter(double value, double fallback) {
    return std::isfinite(value) && value >= 0 ? Bounded(value) : fallback;
}

// log of the two-sided run length at h = 2, 3, …, 12 with k = 0.5.
constexpr double kFirstLimit = 2;
constexpr double kLogRunLengths[] = {2.958745, 4.074101,  5.122064,  6.142953,  7.151851, 8.155557,
                                     9.157046, 10.157592, 11.157732, 12.157687, 13.157548};
constexpr int kLastNode = static_cast<int>(std::size(kLogRunLengths)) - 1;

}  // namespace

Cusum RunCusum(std::span<const double> z, double k, double h) {
    Cusum chart;
    k = Parameter(k, 0.5);
    double up = 0, down = 0;
    size_t up_since = 0, down_since = 0;
    for (size_t i = 0; i < z.size(); ++i) {
        if (std::isfinite(z[i])) {
            chart.status = StatisticStatus::kOk;
            up = std::max(0.0, up + Bounded(z[i]) - k);
            down = std::max(0.0, down - Bounded(z[i]) - k);
            if (up == 0) up_since = i + 1;
            if (down == 0) down_since = i + 1;
        }
        chart.up.push_back(up);
        chart.down.push_back(down);
        if (up > h || down > h) chart.alarms.push_back(i);
    }
    if (!chart.alarms.empty()) chart.first_alarm = chart.alarms.front();
    if (up > 0) chart.up_since = up_since;
    if (down > 0) chart.down_since = down_since;
    return chart;
}

namespace {

constexpr size_t kStates = 400;

// The one-sided run length: mean steps until a chain over `kStates` slices of [0, h) is absorbed beyond h.
double OneSidedRunLength(double k, double h, double shift) {
    const double width = 2 * h / (2 * kStates - 1);
    // The chance to move up by at least that many slices, counted from the middle of a slice.
    const auto at_least = [&](double slices) { return NormalUpperTail((slices - 0.5) * width + k - shift); };
    const size_t columns = kStates + 1;
    std::vector<double> system(kStates * columns);
    for (size_t i = 0; i < kStates; ++i) {
        double* row = &system[i * columns];
        for (size_t j = 0; j < kStates; ++j) {
            const double slices = static_cast<double>(j) - static_cast<double>(i);
            row[j] = -(j == 0 ? 1 - at_least(slices + 1) : at_least(slices) - at_least(slices + 1));
        }
        row[i] += 1;
        row[kStates] = 1;
    }
    // I - P is diagonally dominant: no pivots needed. State 0 is wanted, so eliminate from the end.
    for (size_t pivot = kStates; pivot-- > 0;) {
        const double* from = &system[pivot * columns];
        for (size_t i = 0; i < pivot; ++i) {
            double* row = &system[i * columns];
            const double factor = row[pivot] / from[pivot];
            for (size_t j = 0; j < pivot; ++j) row[j] -= factor * from[j];
            row[kStates] -= factor * from[kStates];
        }
    }
    return system[kStates] / system[0];
}

}  // namespace

double CusumRunLength(double k, double h, double shift) {
    k = Parameter(k, 0.5);
    h = std::clamp(Parameter(h, 8), 1e-3, 30.0);
    shift = std::clamp(std::isfinite(shift) ? shift : 0, -30.0, 30.0);
    const double up = OneSidedRunLength(k, h, shift),
                 down = shift == 0 ? up : OneSidedRunLength(k, h, -shift);
    return 1 / (1 / up + 1 / down);
}

double CusumLimitFor(double steps) {
    const double wanted = steps > 1 ? std::log(steps) : 0;
    int node = 0;
    while (node < kLastNode - 1 && kLogRunLengths[node + 1] < wanted) ++node;
    const double low = kLogRunLengths[node], high = kLogRunLengths[node + 1];
    return kFirstLimit + node + std::clamp((wanted - low) / (high - low), 0.0, 1.0);
}

PageHinkley RunPageHinkley(std::span<const double> values, double delta, double lambda) {
    PageHinkley chart;
    delta = Parameter(delta, 0);
    double mean = 0, count = 0, rise = 0, fall = 0, lowest = 0, highest = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        if (std::isfinite(values[i])) {
            chart.status = StatisticStatus::kOk;
            const double value = Bounded(values[i]);
            mean += (value - mean) / ++count;
            rise += value - mean - delta;
            fall += value - mean + delta;
            lowest = std::min(lowest, rise);
            highest = std::max(highest, fall);
        }
        chart.up.push_back(rise - lowest);
        chart.down.push_back(highest - fall);
        if (chart.up.back() > lambda || chart.down.back() > lambda) chart.alarms.push_back(i);
    }
    return chart;
}

Ewma RunEwma(std::span<const double> z, double lambda, double width) {
    Ewma chart;
    lambda = std::clamp(Parameter(lambda, 0.2), 1e-6, 1.0);
    width = Parameter(width, 2.859);
    double average = 0, count = 0;
    for (size_t i = 0; i < z.size(); ++i) {
        if (std::isfinite(z[i])) {
            chart.status = StatisticStatus::kOk;
            average += lambda * (Bounded(z[i]) - average);
            ++count;
        }
        const double share = 1 - std::pow(1 - lambda, 2 * count);
        chart.average.push_back(average);
        chart.limit.push_back(width * std::sqrt(lambda / (2 - lambda) * share));
        if (std::abs(average) > chart.limit.back()) chart.alarms.push_back(i);
    }
    return chart;
}

}  // namespace pulse::drift::statistics
