// How the size detectors behave on series of which the truth is known: noise of every amount, cadence and
// size, seasons, growth, first snapshots that are outliers, gaps and failures, holidays, level shifts that
// last, ramps that end. Beside the plain rule "15 % against the snapshot before". Prints one markdown table a
// question.
#include <cstdio>
#include <string>

#include "pulse/drift/baseline.hpp"
#include "size_series.hpp"

namespace pulse::bench {
namespace {

using drift::Incident;
using drift::IncidentTracker;

constexpr uint64_t kSeed = 20260101;

struct Tally {
    double second = 0, early = 0, later = 0, open = 0, plain = 0, early_checks = 0, later_checks = 0;
    // Of days that are special, in the first year and later.
    double odd_first = 0, odd_first_days = 0, odd_later = 0, odd_later_days = 0;
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

bool Live(const IncidentTracker& tracker) {
    return std::any_of(tracker.incidents().begin(), tracker.incidents().end(),
                       [](const Incident& incident) { return incident.live(); });
}

// What the plain rule says of a snapshot; it knows only the good one before.
bool PlainRule(const History& history, size_t index) {
    for (size_t before = index; history.points[index].ok && before-- > 0;) {
        if (!history.points[before].ok) continue;
        const auto size = static_cast<double>(history.points[before].size);
        return std::abs(static_cast<double>(history.points[index].size) - size) >= 0.15 * std::max(size, 1.0);
    }
    return false;
}

// As in a check of all of them at that step.
void ShareNoise(std::vector<History>& fleet, int step) {
    std::vector<History> seen(fleet.size());
    for (size_t i = 0; i < fleet.size(); ++i) {
        seen[i].cadence = fleet[i].cadence;
        for (size_t p = 0; p < fleet[i].points.size() && StepOf(fleet[i], p) <= step; ++p)
            seen[i].points.push_back(fleet[i].points[p]);
    }
    drift::ShareNoise(seen);
    for (size_t i = 0; i < fleet.size(); ++i) {
        fleet[i].noise = seen[i].noise;
        fleet[i].size_walks = {};
    }
}

// One segment while its snapshots are checked.
struct Progress {
    IncidentTracker tracker;
    size_t next = 1;
    bool plain_before = false;
};

void Count(const Series& series, int step, bool opened, Tally& tally) {
    if (series.odd(step)) {
        const bool first = step < 365;
        (first ? tally.odd_first : tally.odd_later) += opened;
        (first ? tally.odd_first_days : tally.odd_later_days) += 1;
        return;
    }
    const bool early = step <= series.points / 4;
    (early ? tally.early : tally.later) += opened;
    (early ? tally.early_checks : tally.later_checks) += 1;
}

Tally Check(const Series& series) {
    Random random(kSeed);
    Tally tally;
    std::vector<History> fleet;
    for (int s = 0; s < series.segments; ++s) fleet.push_back(DrawHistory(series, random));
    std::vector<Progress> progress(fleet.size());
    for (int step = 1; step < series.points; ++step) {
        if (step < 8 || step % 14 == 0) ShareNoise(fleet, step);
        for (size_t s = 0; s < fleet.size(); ++s) {
            Progress& run = progress[s];
            if (run.next >= fleet[s].points.size() || StepOf(fleet[s], run.next) > step) continue;
            const size_t index = run.next++;
            drift::CheckSnapshot(fleet[s], index, {}, {}, run.tracker);
            const bool opened = TakeOpened(run.tracker) > 0, plain = PlainRule(fleet[s], index);
            tally.plain += plain && !run.plain_before;
            run.plain_before = plain;
            if (index == 1) tally.second += opened;
            Count(series, step, opened, tally);
        }
    }
    for (const Progress& run : progress) tally.open += Live(run.tracker);
    tally.segments = series.segments;
    return tally;
}

double Share(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

void False(const Series& series) {
    const Tally t = Check(series);
    std::printf("| %s | %.1f %% | %.2f | %.2f | %.1f %% | %.1f |\n", series.name.c_str(),
                Share(t.second, t.segments), Share(t.early, t.early_checks), Share(t.later, t.later_checks),
                Share(t.open, t.segments), Share(t.plain, t.early_checks + t.later_checks));
    std::fflush(stdout);
}

// Special days: how many of them open an incident while they are new and when they have come before, and
// what the other days do.
void Special(const Series& series) {
    const Tally t = Check(series);
    std::printf("| %s | %.0f %% | %.0f %% | %.2f | %.1f %% | %.1f |\n", series.name.c_str(),
                Share(t.odd_first, t.odd_first_days), Share(t.odd_later, t.odd_later_days),
                Share(t.early + t.later, t.early_checks + t.later_checks), Share(t.open, t.segments),
                Share(t.plain, t.early_checks + t.later_checks + t.odd_first_days + t.odd_later_days));
    std::fflush(stdout);
}

// The share of segments in which an incident opens within `within` points from `onset`, and the median delay.
void Power(const Series& series, int onset, int within) {
    Random random(kSeed + 1);
    double seen = 0, wrong = 0, plain_seen = 0, closed = 0;
    std::vector<double> delays;
    for (int s = 0; s < series.segments; ++s) {
        const History history = DrawHistory(series, random);
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

void Levels() {
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
    for (const int change : {30, -30, 80, -60})
        for (const double noise : {0.015, 0.05})
            False(With({}, "daily, first snapshot " + Signed(change) + ", noise " + Signed(noise * 100, ""),
                       [&](Series& s) {
                           s.noise = noise;
                           s.shape = [=](int i) { return i == 0 ? Percent(change) : 0.0; };
                       }));
}

void SeasonsAndGaps() {
    const Series weekend = With({}, "daily, weekend −40 %", [](Series& s) { s.shape = Weekly; });
    False(weekend);
    False(With(weekend, weekend.name + ", 112 days", [](Series& s) { s.points = 112; }));
    False(With(weekend, weekend.name + ", 112 days, a tenth missing", [](Series& s) {
        s.points = 112;
        s.missing = 0.1;
    }));
    False(With(weekend, weekend.name + ", 112 days, a tenth failed", [](Series& s) {
        s.points = 112;
        s.failed = 0.1;
    }));
    False(With({}, "daily, a tenth missing, a tenth failed", [](Series& s) { s.missing = s.failed = 0.1; }));
    False(With({}, "hourly, day ±30 %, noise 5 %", [](Series& s) {
        s.cadence = kHour;
        s.points = 24 * 28;
        s.segments = 10;
        s.shape = [](int i) { return Wave(i, 24); };
    }));
    False(With({}, "hourly, day ±30 %, weekend −40 %, noise 10 %", [](Series& s) {
        s.cadence = kHour;
        s.points = 24 * 28;
        s.segments = 10;
        s.noise = 0.1;
        s.shape = [](int i) { return Wave(i, 24) + Weekly(i / 24); };
    }));
    False(With({}, "hourly, day ±30 %, noise 5 %, a tenth missing, a tenth failed", [](Series& s) {
        s.cadence = kHour;
        s.points = 24 * 28;
        s.segments = 10;
        s.missing = s.failed = 0.1;
        s.shape = [](int i) { return Wave(i, 24); };
    }));
    False(With({}, "weekly, year ±30 %, noise 5 %", [](Series& s) {
        s.cadence = 7 * kDay;
        s.points = 156;
        s.segments = 100;
        s.shape = [](int i) { return Wave(i, 52); };
    }));
    False(With({}, "monthly, year ±30 %, noise 5 %", [](Series& s) {
        s.cadence = 30 * kDay;
        s.points = 60;
        s.shape = [](int i) { return Wave(i, 12); };
    }));
}

// Three years of days: `change` on the days that are special, on top of what the week does.
Series Years(const std::string& name, bool weekly, double change, const std::function<bool(int)>& odd) {
    return With({}, name, [&](Series& s) {
        s.points = 3 * 365;
        s.segments = 20;
        s.odd = odd;
        s.shape = [=](int i) { return (weekly ? Weekly(i) : 0) + (odd(i) ? Percent(change) : 0); };
    });
}

void SpecialDays() {
    std::printf(
        "\n| special days, three years | they alarm in the first year | later | other days, per 100 checks | open at the end | plain rule, all days |\n"
        "|---|---|---|---|---|---|\n");
    for (const bool weekly : {false, true}) {
        const std::string week = weekly ? ", weekend −40 %" : "";
        Special(Years("none" + week, weekly, 0, [](int) { return false; }));
        for (const int holidays : {2, 4})
            for (const int change : {-50, 80})
                Special(Years(std::to_string(holidays) + " holidays a year " + Signed(change) + week, weekly,
                              change, [=](int i) { return IsHoliday(i, holidays); }));
        for (const int change : {-50, 80})
            Special(Years("three days in a row each year " + Signed(change) + week, weekly, change, InRun));
        for (const int change : {30, -30})
            Special(
                Years("first three days of a month " + Signed(change) + week, weekly, change, StartOfMonth));
    }
}

void LossesAndGains() {
    std::printf(
        "\n| drift from snapshot 28 on | seen within 14 | median delay | plain rule | false before, per segment | closed 28 later |\n|---|---|---|---|---|---|\n");
    for (const double noise : {0.03, 0.05, 0.10, 0.15})
        for (const int change : {-10, -18, -30, -42, 18, 50})
            Power(With({}, "noise " + Signed(noise * 100, "") + ", at once " + Signed(change),
                       [&](Series& s) {
                           s.segments = 100;
                           s.noise = noise;
                           s.shape = [=](int i) { return i >= 28 ? Percent(change) : 0.0; };
                       }),
                  28, 14);
    for (const int change : {-10, -20, -42, 25})
        Power(With({}, "noise 5 %, over 14 days " + Signed(change),
                   [&](Series& s) {
                       s.segments = 100;
                       s.points = 70;
                       s.shape = [=](int i) {
                           return Percent(change) * std::clamp((i - 27) / 14.0, 0.0, 1.0);
                       };
                   }),
              28, 28);
    for (const double size : {10.0, 20.0, 50.0, 150.0})
        Power(With({}, "size " + std::to_string(static_cast<int>(size)) + ", noise 3 %, at once −90 %",
                   [&](Series& s) {
                       s.segments = 100;
                       s.size = size;
                       s.noise = 0.03;
                       s.shape = [](int i) { return i >= 28 ? Percent(-90) : 0.0; };
                   }),
              28, 14);
}

}  // namespace
}  // namespace pulse::bench

int main() {
    std::printf(
        "| no drift | second snapshot | first quarter, per 100 checks | later, per 100 checks | open at the end | plain rule |\n"
        "|---|---|---|---|---|---|\n");
    pulse::bench::Levels();
    pulse::bench::SeasonsAndGaps();
    pulse::bench::SpecialDays();
    pulse::bench::LossesAndGains();
}
