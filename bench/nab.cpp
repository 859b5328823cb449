// Feeds the series of the Numenta Anomaly Benchmark to the forecast of sizes and prints the benchmark's
// scores as markdown tables. A series becomes a segment that is measured every hour; nothing is set per
// series.
//   nab DIR              DIR: a checkout of https://github.com/numenta/NAB
//   nab DIR DETECTOR...  scores what the benchmark stores of these detectors
#include <cstdio>
#include <deque>
#include <functional>
#include <numeric>

#include "nab_files.hpp"
#include "pulse/base/time.hpp"
#include "pulse/drift/baseline.hpp"
#include "pulse/drift/incident_tracker.hpp"
#include "pulse/drift/statistics/robust.hpp"

namespace {

using namespace pulse;
using nab::Scorer;
using nab::Series;

constexpr double kSpread = 0.03;   // of the rows at the beginning, as a share of the size
constexpr double kLogSize = 20;    // so large that counting adds no noise
constexpr double kLargest = 6;     // what a row adds to or takes from that at most, logarithmic
constexpr double kStrongest = 16;  // a probability of 1e-16 is a score of 1
constexpr Moment kQuiet = kDay / 2;

// What is known at the end of a row: a measured size.
struct Snapshot {
    Moment moment = 0;
    double size = 0;
    size_t row = 0;
};

Moment TimeOf(const Series& series, size_t row) {
    const auto moment = ParseMoment(series.times[row]);
    if (!moment) throw std::runtime_error(series.name + ": no time: " + series.times[row]);
    return *moment;
}

// The median time between the rows at the beginning.
Moment Cadence(const Series& series) {
    std::vector<double> steps;
    for (size_t i = 1; i < nab::Probation(series.times.size()); ++i)
        steps.push_back(static_cast<double>(TimeOf(series, i) - TimeOf(series, i - 1)));
    return std::max(std::llround(drift::statistics::Median(steps)), static_cast<long long>(kSecond));
}

// Makes the logarithm of a size of a value: level and spread are those of the rows at the beginning.
std::function<double(double)> Scale(const Series& series) {
    const auto end =
        series.values.begin() + static_cast<std::ptrdiff_t>(nab::Probation(series.values.size()));
    const std::vector<double> head(series.values.begin(), end);
    const double median = drift::statistics::Median(head);
    const auto mean_square = [&](double sum, double value) {
        return sum + (value - median) * (value - median) / static_cast<double>(head.size());
    };
    std::vector<double> distances;
    for (const double value : head) distances.push_back(std::abs(value - median));
    double spread = 1.4826 * drift::statistics::Median(distances);
    if (spread == 0) spread = std::sqrt(std::accumulate(head.begin(), head.end(), 0.0, mean_square));
    if (spread == 0) spread = median == 0 ? 1 : std::abs(median) / 100;
    return [=](double value) {
        return kLogSize + std::clamp(kSpread * (value - median) / spread, -kLargest, kLargest);
    };
}

std::vector<Snapshot> EachRow(const Series& series) {
    const auto scale = Scale(series);
    std::vector<Snapshot> snapshots;
    for (size_t i = 0; i < series.values.size(); ++i)
        snapshots.push_back({TimeOf(series, i), std::exp(scale(series.values[i])), i});
    return snapshots;
}

// Hours that begin `shift` before the full one. An hour is known with its last row, or where rows are missing
// with the next one.
std::vector<Snapshot> EachHour(const Series& series, Moment shift) {
    const auto scale = Scale(series);
    const Moment cadence = Cadence(series);
    std::vector<Snapshot> snapshots;
    double sum = 0;
    int64_t rows = 0, hour = 0;
    const auto finish = [&](size_t row) {
        if (rows > 0) snapshots.push_back({hour * kHour, std::exp(sum / static_cast<double>(rows)), row});
        rows = 0;
        sum = 0;
    };
    for (size_t i = 0; i < series.values.size(); ++i) {
        const Moment now = TimeOf(series, i) + shift;
        if (now / kHour != hour) finish(i);
        hour = now / kHour;
        sum += scale(series.values[i]);
        ++rows;
        if ((now + cadence) / kHour != hour) finish(i);
    }
    return snapshots;
}

double Evidence(double p_value) {
    return std::min(-std::log10(std::max(p_value, 1e-300)), kStrongest);
}

// How improbable each snapshot is after those before it.
std::vector<double> Surprise(const std::vector<Snapshot>& snapshots, Moment cadence) {
    drift::Forecaster forecaster(drift::Seasons(cadence), {});
    std::vector<double> evidence;
    int64_t before = 0;
    for (const Snapshot& snapshot : snapshots) {
        const int64_t slot = drift::Slot(snapshot.moment, snapshots.front().moment, cadence);
        forecaster.Advance(slot - before);
        before = std::max(before, slot);
        evidence.push_back(evidence.empty() ? 0 : Evidence(forecaster.Predict().PValue(snapshot.size)));
        forecaster.Learn(snapshot.size);
    }
    return evidence;
}

// The evidence of each incident where a check opens it. Any significant change is one, however small.
std::vector<double> Incidents(const std::vector<Snapshot>& snapshots, Moment cadence) {
    drift::Thresholds thresholds;
    thresholds.size_change = thresholds.slow_erosion = thresholds.slow_growth = 1e-4;
    drift::SettleAtCadence(thresholds, cadence);
    drift::History history;
    history.cadence = cadence;
    for (const Snapshot& snapshot : snapshots) {
        drift::Point& point = history.points.emplace_back();
        point.snapshot = static_cast<int64_t>(history.points.size());
        point.moment = snapshot.moment;
        point.size = std::llround(snapshot.size);
    }
    drift::IncidentTracker tracker;
    std::vector<double> evidence{0};
    for (size_t i = 1; i < snapshots.size(); ++i) {
        drift::CheckSnapshot(history, i, {}, thresholds, tracker);
        double strongest = 0;
        for (drift::Incident& incident : tracker.incidents()) {
            for (const drift::IncidentEvent& event : incident.events)
                if (event.kind == "opened" || event.kind == "reopened")
                    strongest = std::max(strongest, Evidence(incident.finding.p_value.value_or(1)));
            incident.events.clear();
        }
        evidence.push_back(strongest);
    }
    return evidence;
}

// For a while after an alarm only stronger evidence is another one, at any threshold.
std::vector<double> KeepQuiet(const std::vector<Snapshot>& snapshots, std::vector<double> evidence) {
    std::deque<std::pair<Moment, double>> before;  // weaker and weaker
    for (size_t i = 0; i < evidence.size(); ++i) {
        while (!before.empty() && before.front().first < snapshots[i].moment - kQuiet) before.pop_front();
        const double now = evidence[i];
        if (!before.empty() && before.front().second >= now) evidence[i] = 0;
        while (!before.empty() && before.back().second <= now) before.pop_back();
        before.emplace_back(snapshots[i].moment, now);
    }
    return evidence;
}

void SetScores(Series& series, const std::vector<Snapshot>& snapshots, const std::vector<double>& evidence) {
    series.scores.assign(series.values.size(), 0);
    for (size_t i = 0; i < snapshots.size(); ++i) {
        double& score = series.scores[snapshots[i].row];
        score = std::max(score, evidence[i] / kStrongest);
    }
}

// The halves are every other series, in alphabetical order.
struct Figures {
    double first = 0, second = 0, both = 0;  // at the best threshold of the first half
    double found = 0, false_alarms = 0;      // at the best threshold of all, as the scores
    std::vector<double> scores;              // by profile
};

Figures Measure(const std::vector<Series>& all, const std::vector<nab::Profile>& profiles) {
    Figures figures;
    for (const nab::Profile& profile : profiles) {
        Scorer first(profile), second(profile), both(profile);
        for (size_t i = 0; i < all.size(); ++i) {
            (i % 2 == 0 ? first : second).Add(all[i]);
            both.Add(all[i]);
        }
        const double best = both.BestThreshold(), tuned = first.BestThreshold();
        figures.scores.push_back(both.Score(best));
        if (&profile != &profiles.front()) continue;
        figures.first = first.Score(tuned);
        figures.second = second.Score(tuned);
        figures.both = both.Score(tuned);
        const auto [found, false_alarms] = both.Count(best);
        figures.found = static_cast<double>(found);
        figures.false_alarms = static_cast<double>(false_alarms);
    }
    return figures;
}

// Prints the means of some runs, and the range of the standard score.
void Print(const char* name, const std::vector<Figures>& runs) {
    const auto mean = [&](auto figure) {
        double sum = 0;
        for (const Figures& run : runs) sum += figure(run);
        return sum / static_cast<double>(runs.size());
    };
    const auto [least, most] = std::minmax_element(
        runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.scores[0] < b.scores[0]; });
    std::printf("| %s | %.1f, %.1f, %.1f | %.0f, %.0f | %.1f", name,
                mean([](const Figures& run) { return run.first; }),
                mean([](const Figures& run) { return run.second; }),
                mean([](const Figures& run) { return run.both; }),
                mean([](const Figures& run) { return run.found; }),
                mean([](const Figures& run) { return run.false_alarms; }),
                mean([](const Figures& run) { return run.scores[0]; }));
    if (runs.size() > 1) std::printf(" (%.1f to %.1f)", least->scores[0], most->scores[0]);
    for (size_t i = 1; i < runs[0].scores.size(); ++i)
        std::printf(" | %.1f", mean([&](const Figures& run) { return run.scores[i]; }));
    std::printf(" |\n");
    std::fflush(stdout);
}

void MeasureRows(std::vector<Series>& all, const std::vector<nab::Profile>& profiles) {
    for (Series& series : all) {
        const std::vector<Snapshot> rows = EachRow(series);
        SetScores(series, rows, Surprise(rows, Cadence(series)));
    }
    Print("each row", {Measure(all, profiles)});
}

// Where an hour begins is chance, so each quarter of an hour is tried.
void MeasureHours(std::vector<Series>& all, const std::vector<nab::Profile>& profiles) {
    constexpr const char* kWays[] = {"each hour, incidents as a check opens them", "each hour",
                                     "each hour, one alarm in 12 hours"};
    std::vector<Figures> runs[std::size(kWays)];
    for (Moment shift = 0; shift < kHour; shift += 15 * kMinute) {
        std::vector<Series> ways[std::size(kWays)] = {all, all, all};
        for (size_t i = 0; i < all.size(); ++i) {
            const std::vector<Snapshot> hours = EachHour(all[i], shift);
            const Moment cadence = std::max(Cadence(all[i]), kHour);
            const std::vector<double> evidence = Surprise(hours, cadence);
            SetScores(ways[0][i], hours, Incidents(hours, cadence));
            SetScores(ways[1][i], hours, evidence);
            SetScores(ways[2][i], hours, KeepQuiet(hours, evidence));
        }
        for (size_t way = 0; way < std::size(kWays); ++way) runs[way].push_back(Measure(ways[way], profiles));
    }
    for (size_t way = 0; way < std::size(kWays); ++way) Print(kWays[way], runs[way]);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc < 2) throw std::runtime_error("usage: nab DIR [DETECTOR...]");
        const std::filesystem::path root = argv[1];
        std::vector<Series> all = nab::ReadSeries(root);
        const std::vector<nab::Profile> profiles = nab::ReadProfiles(root);
        std::printf(
            "| score of | threshold of the first half: first, second, both | found, false alarms | %s |",
            profiles[0].name.c_str());
        for (size_t i = 1; i < profiles.size(); ++i) std::printf(" %s |", profiles[i].name.c_str());
        std::printf("\n|---|---|---|---|---|---|\n");
        if (argc == 2) {
            MeasureRows(all, profiles);
            MeasureHours(all, profiles);
        }
        for (int i = 2; i < argc; ++i) {
            nab::ReadScores(root, argv[i], all);
            Print(argv[i], {Measure(all, profiles)});
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
