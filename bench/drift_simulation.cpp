// How often Pulse cries wolf, and how soon it sees a loss: its detectors on segments of which the truth is
// known, beside the plain rule "15 % of size, 20 % of an attribute, 25 % of conversion, 30 % more inactivity
// against yesterday". Prints one markdown table.
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "drift_world.hpp"
#include "pulse/drift/statistics/divergence.hpp"
#include "pulse/drift/statistics/robust.hpp"

namespace pulse::bench {
namespace {

using drift::Detect;
using drift::DetectorResult;
using drift::Expectations;
using drift::Fingerprint;
using drift::Incident;
using drift::IncidentTracker;
using drift::Thresholds;
namespace detector = drift::detector;

constexpr uint64_t kSeed = 20260101;

// ---- the two ways of looking ----

// What the tracker was told since the last time.
std::vector<Fingerprint> TakeOpened(IncidentTracker& tracker) {
    std::vector<Fingerprint> opened;
    for (Incident& incident : tracker.incidents()) {
        for (const auto& event : incident.events)
            if (event.kind == "opened" || event.kind == "reopened")
                opened.push_back(incident.finding.fingerprint);
        incident.events.clear();
    }
    return opened;
}

// One segment is checked alone; returns what that opens.
std::vector<Fingerprint> Check(const World& world, size_t index, IncidentTracker& tracker,
                               const Thresholds& thresholds) {
    CheckSnapshot(world.history, index, Expectations{}, thresholds, tracker);
    return TakeOpened(tracker);
}

double Relative(int64_t now, int64_t before) {
    return before > 0 ? static_cast<double>(now - before) / static_cast<double>(before) : 0;
}

double RateChange(int64_t hits, int64_t size, int64_t hits_before, int64_t size_before) {
    if (hits_before <= 0 || size <= 0 || size_before <= 0) return 0;
    const double before = static_cast<double>(hits_before) / static_cast<double>(size_before);
    return static_cast<double>(hits) / static_cast<double>(size) / before - 1;
}

double Distance(const Distribution& now, const Distribution& before) {
    std::map<std::string, std::pair<int64_t, int64_t>> values;
    const auto name = [](const Distribution& d, size_t i) {
        return d.labelled() ? d.labels[i] : std::to_string(i);
    };
    for (size_t i = 0; i < before.counts.size(); ++i) values[name(before, i)].first = before.counts[i];
    for (size_t i = 0; i < now.counts.size(); ++i) values[name(now, i)].second = now.counts[i];
    std::vector<int64_t> a, b;
    for (const auto& [value, counts] : values) {
        a.push_back(counts.first);
        b.push_back(counts.second);
    }
    return drift::statistics::CompareShares(a, b).total_variation;
}

// What the plain rule sees today, by detector.
std::set<std::string> PlainRule(const World& world, size_t index) {
    const Point &now = world.history.points[index], &before = world.history.points[index - 1];
    std::set<std::string> alarms;
    if (std::abs(Relative(now.size, before.size)) >= 0.15) alarms.insert(detector::kSizeChange);
    if (now.converted &&
        std::abs(RateChange(*now.converted, now.size, *before.converted, before.size)) >= 0.25)
        alarms.insert(detector::kConversionAnomaly);
    if (now.inactive && RateChange(*now.inactive, now.size, *before.inactive, before.size) >= 0.30)
        alarms.insert(detector::kInactivityCreep);
    if (now.converted)
        for (size_t i = 0; i < world.At(index).size(); ++i)
            if (Distance(world.At(index)[i], world.At(index - 1)[i]) >= 0.20)
                alarms.insert(detector::kDistributionShift);
    return alarms;
}

// ---- the table ----

std::string Share(double part, double whole, int decimals = 1) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f %%", decimals, whole > 0 ? 100 * part / whole : 0.0);
    return text;
}

void Row(const std::string& what, const std::string& pulse, const std::string& plain,
         const std::string& note) {
    std::printf("| %s | %s | %s | %s |\n", what.c_str(), pulse.c_str(), plain.c_str(), note.c_str());
    std::fflush(stdout);
}

// ---- nothing happens: how many checks open an incident ----

using Fleet = std::vector<std::unique_ptr<World>>;
constexpr int kSegments = 100, kDays = 60, kFirstWeek = 7;

struct Alarms {
    double checks = 0, all = 0, later = 0, later_checks = 0;
    std::map<std::string, double> by_detector;
    void Count(int day, const std::vector<Fingerprint>& opened) {
        checks += 1;
        all += !opened.empty();
        if (day > kFirstWeek) {
            later_checks += 1;
            later += !opened.empty();
        }
        for (const Fingerprint& fingerprint : opened) by_detector[fingerprint.detector] += 1;
    }
};

// Each segment for itself.
Alarms Alone(const Fleet& fleet) {
    Alarms alarms;
    for (const auto& world : fleet) {
        IncidentTracker tracker;
        for (int day = 1; day < kDays; ++day)
            alarms.Count(day, Check(*world, static_cast<size_t>(day), tracker, {}));
    }
    return alarms;
}

// All in one check, as pulse_check_drift() does: false discoveries are controlled over all of them.
Alarms Together(const Fleet& fleet) {
    Alarms alarms;
    const Thresholds thresholds;
    std::vector<IncidentTracker> trackers(fleet.size());
    for (int day = 1; day < kDays; ++day) {
        std::vector<drift::DetectionRun> runs;
        std::vector<double> p_values;
        const auto index = static_cast<size_t>(day);
        for (size_t i = 0; i < fleet.size(); ++i) {
            const History& history = fleet[i]->history;
            runs.push_back(Detect(history, index, trackers[i].Excluded(), Expectations{}, thresholds));
            for (const double p : NewPValues(trackers[i], history.points[index].moment, runs.back().results))
                p_values.push_back(p);
        }
        const double limit = drift::DiscoveryLimit(p_values, thresholds.false_discovery_rate);
        for (size_t i = 0; i < fleet.size(); ++i) {
            trackers[i].Apply(fleet[i]->history.points[index], runs[i].results, limit, thresholds);
            alarms.Count(day, TakeOpened(trackers[i]));
        }
    }
    return alarms;
}

// The plain rule alarms when it did not the day before.
double PlainAlarms(const Fleet& fleet) {
    double alarms = 0;
    for (const auto& world : fleet) {
        std::set<std::string> yesterday;
        for (int day = 1; day < kDays; ++day) {
            const std::set<std::string> today = PlainRule(*world, static_cast<size_t>(day));
            alarms += std::any_of(today.begin(), today.end(),
                                  [&](const auto& a) { return !yesterday.contains(a); });
            yesterday = today;
        }
    }
    return alarms;
}

void FalseAlarms(const Shape& shape, Noise noise) {
    Random random(kSeed);
    Fleet fleet;
    for (int segment = 0; segment < kSegments; ++segment) {
        fleet.push_back(std::make_unique<World>());
        for (int day = 0; day < kDays; ++day) AddDay(*fleet.back(), shape, noise, random);
    }
    const Alarms alone = Alone(fleet), together = Together(fleet);
    std::string note = "after the first week " + Share(alone.later, alone.later_checks, 2) + "; all " +
                       std::to_string(kSegments) + " in one check " +
                       Share(together.all, together.checks, 2) + ", after the first week " +
                       Share(together.later, together.later_checks, 2) + ". Alone:";
    for (const auto& [name, count] : alone.by_detector)
        note += " " + name + " " + Share(count, alone.checks, 2);
    Row(std::string("no drift: ") + shape.name + (noise == Noise::kNormal ? ", normal noise" : ", t₄ noise"),
        Share(alone.all, alone.checks, 2) + " of checks",
        Share(PlainAlarms(fleet), alone.checks, 2) + " of checks", note);
}

// ---- members are lost: how many losses are seen, and when ----

struct Seen {
    int runs = 0;
    std::vector<double> pulse, plain;  // days of delay
    std::map<std::string, int> by_detector;
};

std::string Delays(const std::vector<double>& delays, int runs) {
    std::string text = Share(static_cast<double>(delays.size()), runs, 0);
    if (!delays.empty()) {
        char days[32];
        std::snprintf(days, sizeof days, ", day %.0f", drift::statistics::Median(delays));
        text += days;
    }
    return text;
}

// The detector that has a live incident about a fall.
std::optional<std::string> LiveFall(const IncidentTracker& tracker) {
    for (const Incident& incident : tracker.incidents())
        if (incident.live() && incident.finding.direction == drift::Direction::kDown)
            return incident.finding.fingerprint.detector;
    return std::nullopt;
}

// One loss beside its twin without it: seen is what only the one with the loss shows.
void Lose(const Shape& shape, const Loss& loss, uint64_t seed, Seen& seen) {
    constexpr int kFirstCheck = 28, kAfter = 14;
    Random random(seed);
    World world, twin;
    IncidentTracker tracker, twin_tracker;
    std::optional<double> pulse, plain;
    for (int day = 0; day < loss.onset + loss.days + kAfter; ++day) {
        Point point;
        point.size = SizeOn(day, shape, Noise::kNormal, random);
        twin.Add(point);
        point.size = std::llround(static_cast<double>(point.size) * loss.Left(day));
        world.Add(point);
        if (day < kFirstCheck) continue;
        const auto index = static_cast<size_t>(day);
        Check(world, index, tracker, {});
        Check(twin, index, twin_tracker, {});
        if (day < loss.onset) continue;
        const std::optional<std::string> fall = LiveFall(tracker);
        if (!pulse && fall && !LiveFall(twin_tracker)) {
            pulse = day - loss.onset;
            ++seen.by_detector[*fall];
        }
        if (!plain && !PlainRule(world, index).empty() && PlainRule(twin, index).empty())
            plain = day - loss.onset;
    }
    ++seen.runs;
    if (pulse) seen.pulse.push_back(*pulse);
    if (plain) seen.plain.push_back(*plain);
}

void Power(const Shape& shape, double share, int days) {
    constexpr int kRuns = 100, kOnset = 43;
    Seen seen;
    for (int run = 0; run < kRuns; ++run)
        Lose(shape, {share, kOnset + run % 7, days}, kSeed + static_cast<uint64_t>(run), seen);
    std::string note;
    for (const auto& [name, count] : seen.by_detector)
        note += (note.empty() ? "first by " : ", ") + name + " " + Share(count, seen.runs, 0);
    const std::string how = days == 1 ? "at once" : "over " + std::to_string(days) + " days";
    Row(Share(share, 1, 0) + " lost " + how + ": " + shape.name, Delays(seen.pulse, seen.runs),
        Delays(seen.plain, seen.runs), note);
}

// ---- two snapshots of one attribute ----

struct Pair {
    const char* name;
    int runs;
    std::function<std::pair<Distribution, Distribution>(Random&)> draw;
};

// How many of the attribute's detectors would open an incident.
bool Opens(const Distribution& before, const Distribution& now, const Thresholds& thresholds) {
    World world;
    for (const Distribution& distribution : {before, now}) {
        Point point;
        point.size = distribution.total;
        world.Add(point, {distribution});
    }
    IncidentTracker tracker;
    const auto opened = Check(world, 1, tracker, thresholds);
    return std::any_of(opened.begin(), opened.end(),
                       [](const Fingerprint& f) { return !f.attribute.empty(); });
}

void Compare(const Pair& pair) {
    Thresholds sensitive;
    sensitive.distribution_shift = 0.02;
    sensitive.value = 0.005;
    Random random(kSeed);
    int usual = 0, fine = 0, plain = 0;
    for (int run = 0; run < pair.runs; ++run) {
        const auto [before, now] = pair.draw(random);
        usual += Opens(before, now, {});
        fine += Opens(before, now, sensitive);
        plain += Distance(now, before) >= 0.20;
    }
    Row(pair.name, Share(usual, pair.runs), Share(plain, pair.runs),
        "with distribution_shift = 0.02 and value = 0.005: " + Share(fine, pair.runs));
}

Pair SameShares(const char* name, int64_t n, int64_t m, size_t values) {
    return {name, 1000, [=](Random& random) {
                return std::pair{Categorical("a", n, Zipf(values), random),
                                 Categorical("a", m, Zipf(values), random)};
            }};
}

Pair SameNumbers(const char* name, size_t n, size_t m) {
    return {name, 1000, [=](Random& random) {
                std::lognormal_distribution<double> law(3, 1);
                std::vector<double> before(n), now(m), edges;
                for (double& value : before) value = law(random);
                for (double& value : now) value = law(random);
                for (int decile = 1; decile < 10; ++decile)
                    edges.push_back(drift::statistics::Quantile(before, decile / 10.0));
                return std::pair{Numeric("a", before, edges), Numeric("a", now, edges)};
            }};
}

Pair OtherShares(const char* name, std::vector<double> before, std::vector<double> now) {
    return {name, 200, [=](Random& random) {
                return std::pair{Categorical("a", 100'000, before, random),
                                 Categorical("a", 100'000, now, random)};
            }};
}

// Ten values, of which `value` has another share; the others keep their proportions.
std::vector<double> Ten(double first, double second, double extra = 0) {
    std::vector<double> shares{first, second};
    for (int i = 0; i < 8; ++i) shares.push_back((1 - first - second - extra) / 8);
    shares.push_back(extra);
    return shares;
}

void Run() {
    std::printf("| case | Pulse | plain rule against yesterday | of which, and notes |\n|---|---|---|---|\n");
    const Shape flat{"flat"}, weekly{"weekend −40 %", 0.6}, slow{"growing 0.5 % a day", 1, 0.005},
        fast{"growing 2 % a day", 1, 0.02}, both{"weekend −40 %, growing 0.5 % a day", 0.6, 0.005};
    for (const Noise noise : {Noise::kNormal, Noise::kHeavyTailed})
        for (const Shape& shape : {flat, weekly, slow, fast, both}) FalseAlarms(shape, noise);
    for (const Pair& pair :
         {SameShares("no drift: 1,000 against 1,000 rows, 10 values", 1000, 1000, 10),
          SameShares("no drift: 1,000 against 1,000 rows, 50 values", 1000, 1000, 50),
          SameShares("no drift: 500 against 500 rows, 5 values", 500, 500, 5),
          SameShares("no drift: 5,000 against 500 rows, 50 values", 5000, 500, 50),
          SameNumbers("no drift: 1,000 against 1,000 rows, numeric", 1000, 1000),
          SameNumbers("no drift: 5,000 against 100 rows, numeric", 5000, 100),
          SameNumbers("no drift: 5,000 against 300 rows, numeric", 5000, 300),
          OtherShares("drift of 100,000 rows: a value of 20 % falls to 12 %", Ten(0.20, 0.10),
                      Ten(0.12, 0.11)),
          OtherShares("drift of 100,000 rows: a value of 5 % falls to 2.1 %", Ten(0.05, 0.20),
                      Ten(0.021, 0.206)),
          OtherShares("drift of 100,000 rows: a new value has 1 %", Ten(0.20, 0.10), Ten(0.198, 0.099, 0.01)),
          OtherShares("drift of 100,000 rows: a value of 40 % falls to 12 %", Ten(0.40, 0.10),
                      Ten(0.12, 0.147))})
        Compare(pair);
    for (const double share : {0.10, 0.20, 0.42})
        for (const int days : {1, 14, 28})
            for (const Shape& shape : {flat, weekly, slow}) Power(shape, share, days);
}

}  // namespace
}  // namespace pulse::bench

int main() {
    const auto start = std::chrono::steady_clock::now();
    pulse::bench::Run();
    std::fprintf(stderr, "%.1f s\n",
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}
