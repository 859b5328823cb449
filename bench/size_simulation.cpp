// How the size detectors behave on series of which the truth is known: noise of every amount, cadence and
// size, seasons, growth, first snapshots that are outliers, level shifts that last, ramps that end. Beside
// the plain rule "15 % against the snapshot before". Prints one markdown table a question.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "drift_world.hpp"
#include "pulse/drift/baseline.hpp"

namespace pulse::bench {
namespace {

using drift::Incident;
using drift::IncidentTracker;

constexpr uint64_t kSeed = 20260101;

struct Series {
    std::string name;
    int64_t cadence = kDay;
    int points = 56;
    int segments = 200;
    double size = 10'000;
    double noise = 0.05;                                         // standard deviation, logarithmic
    double correlation = 0;                                      // of the noise of two neighbours
    double walk = 0;                                             // standard deviation of a step of the level
    std::function<double(int)> shape = [](int) { return 0.0; };  // logarithm
    Noise law = Noise::kNormal;
};

int64_t Poisson(double rate, Random& random) {
    if (rate < 1e5) return std::poisson_distribution<int64_t>(std::max(rate, 1e-9))(random);
    return std::llround(rate + std::sqrt(rate) * std::normal_distribution<double>(0, 1)(random));
}

std::vector<int64_t> DrawSizes(const Series& series, Random& random) {
    std::vector<int64_t> sizes;
    double noise = Draw(series.law, random), level = 0;
    for (int i = 0; i < series.points; ++i) {
        const double log = std::log(series.size) + level + series.noise * noise + series.shape(i);
        sizes.push_back(Poisson(std::exp(log), random));
        noise = series.correlation * noise +
                std::sqrt(1 - series.correlation * series.correlation) * Draw(series.law, random);
        level += series.walk * Draw(Noise::kNormal, random);
    }
    return sizes;
}

struct Tally {
    double second = 0, early = 0, later = 0, open = 0, plain = 0, early_checks = 0, later_checks = 0;
    int segments = 0;
};

size_t TakeOpened(IncidentTracker& tracker) {
    size_t opened = 0;
    for (Incident& incident : tracker.incidents()) {
        for (const auto& event : incident.events)
            opened += event.kind == "opened" || event.kind == "reopened";
        incident.events.clear();
    }
    return opened;
}

History MakeHistory(const std::vector<int64_t>& sizes, int64_t cadence) {
    History history;
    history.cadence = cadence;
    for (const int64_t size : sizes) {
        Point& point = history.points.emplace_back();
        point.snapshot = static_cast<int64_t>(history.points.size());
        point.moment = point.snapshot * cadence;
        point.size = size;
    }
    return history;
}

bool Live(const IncidentTracker& tracker) {
    return std::any_of(tracker.incidents().begin(), tracker.incidents().end(),
                       [](const Incident& incident) { return incident.live(); });
}

// As in a check of all of them at that snapshot.
void ShareNoise(std::vector<History>& fleet, size_t index) {
    std::vector<History> seen(fleet.size());
    for (size_t i = 0; i < fleet.size(); ++i) {
        const std::vector<Point>& points = fleet[i].points;
        seen[i].cadence = fleet[i].cadence;
        seen[i].points.assign(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(index) + 1);
    }
    drift::ShareNoise(seen);
    for (size_t i = 0; i < fleet.size(); ++i) {
        fleet[i].noise = seen[i].noise;
        fleet[i].size_walks = {};
    }
}

Tally Check(const Series& series) {
    Random random(kSeed);
    Tally tally;
    std::vector<History> fleet;
    for (int s = 0; s < series.segments; ++s)
        fleet.push_back(MakeHistory(DrawSizes(series, random), series.cadence));
    std::vector<IncidentTracker> trackers(fleet.size());
    std::vector<bool> plain_before(fleet.size());
    for (int i = 1; i < series.points; ++i) {
        const auto index = static_cast<size_t>(i);
        if (index < 8 || index % 14 == 0) ShareNoise(fleet, index);
        for (size_t s = 0; s < fleet.size(); ++s) {
            const std::vector<Point>& points = fleet[s].points;
            drift::CheckSnapshot(fleet[s], index, {}, {}, trackers[s]);
            const bool opened = TakeOpened(trackers[s]) > 0;
            const auto before = static_cast<double>(points[index - 1].size);
            const bool plain =
                std::abs(static_cast<double>(points[index].size) - before) >= 0.15 * std::max(before, 1.0);
            tally.plain += plain && !plain_before[s];
            plain_before[s] = plain;
            if (i == 1) tally.second += opened;
            (i <= series.points / 4 ? tally.early : tally.later) += opened;
            (i <= series.points / 4 ? tally.early_checks : tally.later_checks) += 1;
        }
    }
    for (const IncidentTracker& tracker : trackers) tally.open += Live(tracker);
    tally.segments = series.segments;
    return tally;
}

void False(const Series& series) {
    const Tally t = Check(series);
    std::printf("| %s | %.1f %% | %.2f | %.2f | %.1f %% | %.1f |\n", series.name.c_str(),
                100 * t.second / t.segments, 100 * t.early / t.early_checks, 100 * t.later / t.later_checks,
                100 * t.open / t.segments, 100 * t.plain / (t.early_checks + t.later_checks));
    std::fflush(stdout);
}

// The share of segments in which an incident opens within `within` points from `onset`, and the median delay.
void Power(const Series& series, int onset, int within) {
    Random random(kSeed + 1);
    double seen = 0, wrong = 0, plain_seen = 0, closed = 0;
    std::vector<double> delays;
    for (int s = 0; s < series.segments; ++s) {
        const History history = MakeHistory(DrawSizes(series, random), series.cadence);
        IncidentTracker tracker;
        bool found = false, plain = false;
        for (int i = 1; i < series.points; ++i) {
            const auto index = static_cast<size_t>(i);
            drift::CheckSnapshot(history, index, {}, {}, tracker);
            const bool opened = TakeOpened(tracker) > 0;
            if (i < onset) wrong += opened;
            if (i < onset || i >= onset + within) continue;
            if (opened && !found) delays.push_back(i - onset);
            found = found || opened || Live(tracker);
            const double before = static_cast<double>(history.points[index - 1].size);
            plain =
                plain || std::abs(static_cast<double>(history.points[index].size) - before) >= 0.15 * before;
        }
        seen += found;
        plain_seen += plain;
        closed += !Live(tracker);
    }
    std::sort(delays.begin(), delays.end());
    std::printf("| %s | %.0f %% | %s | %.0f %% | %.2f | %.0f %% |\n", series.name.c_str(),
                100 * seen / series.segments,
                delays.empty() ? "–" : std::to_string(static_cast<int>(delays[delays.size() / 2])).c_str(),
                100 * plain_seen / series.segments, wrong / series.segments, 100 * closed / series.segments);
    std::fflush(stdout);
}

Series With(Series series, const std::string& name, const std::function<void(Series&)>& change) {
    series.name = name;
    change(series);
    return series;
}

double Weekly(int day) {
    return day % 7 >= 5 ? std::log(0.6) : 0;
}
double Yearly(int step, int season) {
    return 0.3 * std::sin(2 * M_PI * step / season);
}

void Run() {
    std::printf(
        "| no drift | second snapshot | first quarter, per 100 checks | later, per 100 checks | open at the end | plain rule |\n"
        "|---|---|---|---|---|---|\n");
    for (const int percent : {0, 5, 10, 15, 25, 40})
        False(With({}, "daily, noise " + std::to_string(percent) + " %",
                   [&](Series& s) { s.noise = percent / 100.0; }));
    for (const double size : {1.0, 10.0, 50.0, 1000.0, 1e7})
        False(
            With({}, "daily, size " + std::to_string(static_cast<int>(size)) + ", noise 3 %", [&](Series& s) {
                s.size = size;
                s.noise = 0.03;
            }));
    False(With({}, "daily, t₄ noise 10 %", [](Series& s) {
        s.noise = 0.10;
        s.law = Noise::kHeavyTailed;
    }));
    False(With({}, "daily, noise 10 %, correlation 0.7", [](Series& s) {
        s.noise = 0.10;
        s.correlation = 0.7;
    }));
    for (const int percent : {3, 10})
        False(With({}, "daily, random walk " + std::to_string(percent) + " %", [&](Series& s) {
            s.noise = 0.01;
            s.walk = percent / 100.0;
        }));
    False(
        With({}, "daily, growing 0.5 % a day", [](Series& s) { s.shape = [](int i) { return 0.005 * i; }; }));
    False(With({}, "daily, growing 2 % a day", [](Series& s) { s.shape = [](int i) { return 0.02 * i; }; }));
    False(With({}, "daily, growing 2.5 % for 30 days, then level", [](Series& s) {
        s.points = 200;
        s.segments = 100;
        s.shape = [](int i) { return 0.025 * std::min(i, 30); };
    }));
    False(With({}, "daily, weekend −40 %", [](Series& s) { s.shape = Weekly; }));
    False(With({}, "daily, weekend −40 %, a tenth of the days missing twice", [](Series& s) {
        s.shape = [](int i) { return Weekly(i); };
        s.points = 112;
    }));
    False(With({}, "daily, first snapshot +30 %", [](Series& s) {
        s.noise = 0.015;
        s.shape = [](int i) { return i == 0 ? std::log(1.3) : 0.0; };
    }));
    False(With({}, "hourly, day ±30 %, noise 5 %", [](Series& s) {
        s.cadence = kHour;
        s.points = 24 * 28;
        s.segments = 10;
        s.shape = [](int i) { return Yearly(i, 24); };
    }));
    False(With({}, "hourly, day ±30 %, weekend −40 %, noise 10 %", [](Series& s) {
        s.cadence = kHour;
        s.points = 24 * 28;
        s.segments = 10;
        s.noise = 0.1;
        s.shape = [](int i) { return Yearly(i, 24) + Weekly(i / 24); };
    }));
    False(With({}, "weekly, year ±30 %, noise 5 %", [](Series& s) {
        s.cadence = 7 * kDay;
        s.points = 156;
        s.segments = 100;
        s.shape = [](int i) { return Yearly(i, 52); };
    }));
    False(With({}, "monthly, year ±30 %, noise 5 %", [](Series& s) {
        s.cadence = 30 * kDay;
        s.points = 60;
        s.shape = [](int i) { return Yearly(i, 12); };
    }));
    std::printf(
        "\n| drift from snapshot 28 on | seen within 14 | median delay | plain rule | false before, per segment | closed 28 later |\n|---|---|---|---|---|---|\n");
    for (const double noise : {0.03, 0.05, 0.10, 0.15})
        for (const double left : {0.9, 0.82, 0.7, 0.58, 1.18, 1.5})
            Power(With({},
                       "noise " + std::to_string(static_cast<int>(noise * 100)) + " %, at once " +
                           std::to_string(static_cast<int>(std::round(left * 100 - 100))) + " %",
                       [&](Series& s) {
                           s.segments = 100;
                           s.noise = noise;
                           s.shape = [=](int i) { return i >= 28 ? std::log(left) : 0.0; };
                       }),
                  28, 14);
    for (const double left : {0.9, 0.8, 0.58, 1.25})
        Power(With({},
                   "noise 5 %, over 14 days " +
                       std::to_string(static_cast<int>(std::round(left * 100 - 100))) + " %",
                   [&](Series& s) {
                       s.segments = 100;
                       s.points = 70;
                       s.shape = [=](int i) {
                           return std::log(left) * std::clamp((i - 27) / 14.0, 0.0, 1.0);
                       };
                   }),
              28, 28);
    for (const double size : {10.0, 20.0, 50.0, 150.0})
        Power(With({}, "size " + std::to_string(static_cast<int>(size)) + ", noise 3 %, at once −90 %",
                   [&](Series& s) {
                       s.segments = 100;
                       s.size = size;
                       s.noise = 0.03;
                       s.shape = [](int i) { return i >= 28 ? std::log(0.1) : 0.0; };
                   }),
              28, 14);
}

}  // namespace
}  // namespace pulse::bench

int main() {
    pulse::bench::Run();
}
