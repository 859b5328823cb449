#include "scene.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "pulse/diagnosis/changes.hpp"
#include "pulse/diagnosis/source_questions.hpp"

namespace pulse::bench {

using diagnosis::DiagnosisInput;
using diagnosis::SegmentSnapshot;

namespace {

// The largest share of members exchanged since the incident began, of the size before, for the churn
// detectors.
double Replaced(const Scene& scene) {
    double most = 0;
    for (const auto& point : scene.input.history)
        if (point.at >= scene.input.since && point.entered && point.exited)
            most = std::max(most, static_cast<double>(std::min(*point.entered, *point.exited)) /
                                      static_cast<double>(
                                          std::max<int64_t>(point.size - *point.entered + *point.exited, 1)));
    return most;
}

}  // namespace

void AddPoint(Scene& scene, const Flow& flow) {
    diagnosis::HistoryPoint point;
    point.at = scene.now;
    for (const Person& person : scene.world.people) {
        if (!scene.world.Member(person)) continue;
        ++point.size;
    }
    if (scene.flows && !scene.input.history.empty()) {
        point.entered = flow.entered;
        point.exited = flow.exited;
    }
    scene.input.history.push_back(point);
    scene.now += kDay;
}

void Days(Scene& scene, Random& random, int days, double entry, double exit) {
    for (int day = 0; day < days; ++day) AddPoint(scene, PassDay(scene.world, random, entry, exit));
}

SegmentSnapshot Snap(const Scene& scene) {
    SegmentSnapshot snapshot = Measure(scene.world, scene.named, scene.clauses);
    snapshot.taken_at = scene.input.history.back().at;
    if (scene.flows) {
        snapshot.entered = scene.input.history.back().entered;
        snapshot.exited = scene.input.history.back().exited;
    }
    return snapshot;
}

Scene Begin(Random& random) {
    Scene scene;
    scene.world = MakeWorld(random);
    scene.named = Uniform(random, 0, 1) < 0.7 ? 50 : 15;
    scene.clauses = Uniform(random, 0, 1) < 0.6;
    scene.flows = Uniform(random, 0, 1) < 0.8;
    scene.answers = Uniform(random, 0, 1) < 0.7;
    return scene;
}

void Settle(Scene& scene, Random& random) {
    AddPoint(scene, {});
    Days(scene, random, Pick(random, 8, 21));
    scene.input.before = Snap(scene);
    scene.input.before->version = 1;
    scene.input.since = scene.now;
}

void Strike(Scene& scene, Random& random, const std::function<void(World&)>& deed) {
    std::vector<bool> was;
    const Flow usual = PassDay(scene.world, random);
    int64_t before = 0, after = 0;
    for (const Person& person : scene.world.people) before += scene.world.Member(person);
    deed(scene.world);
    for (const Person& person : scene.world.people) after += scene.world.Member(person);
    Flow flow = usual;
    (after < before ? flow.exited : flow.entered) += std::abs(after - before);
    AddPoint(scene, flow);
    if (Uniform(random, 0, 1) < 0.4) Days(scene, random, Pick(random, 1, 3));
    scene.input.after = Snap(scene);
}

void Answer(Scene& scene) {
    const World& world = scene.world;
    DiagnosisInput& input = scene.input;
    const auto index = [&](const std::string& name) {
        size_t i = 0;
        while (i < world.attributes.size() && world.attributes[i].name != name) ++i;
        return i;
    };
    if (const auto conditions = diagnosis::ConditionsToAsk(input); !conditions.empty()) {
        input.joint = {conditions, std::vector<int64_t>(size_t{1} << conditions.size())};
        for (const Person& person : world.people) {
            if (!world.Member(person)) continue;
            size_t bits = 0;
            for (size_t i = 0; i < conditions.size(); ++i) {
                const size_t a = index(conditions[i].attribute);
                const auto& values = conditions[i].values;
                if (std::find(values.begin(), values.end(), world.LabelOf(a, person.values[a])) !=
                    values.end())
                    bits |= size_t{1} << i;
            }
            ++input.joint->counts[bits];
        }
    }
    input.clause_values = diagnosis::ClausesToAsk(input);
    for (diagnosis::ClauseValues& asked : input.clause_values) {
        const size_t a = index(asked.column);
        if (a >= world.attributes.size()) continue;
        std::map<std::string, int64_t> counts;
        for (const Person& person : world.people)
            if (person.score <= world.limit && person.flag && !world.Member(person) && person.values[a] >= 0)
                ++counts[world.LabelOf(a, person.values[a])];
        for (const auto& [value, count] : counts)
            if (count >= 10) asked.people.emplace_back(value, count);
    }
}

bool Detect(Scene& scene, Random& random) {
    DiagnosisInput& input = scene.input;
    struct Found {
        std::string detector, attribute;
        double baseline, observed, change, threshold;
    };
    std::vector<Found> found;
    if (!input.before || !input.after) return false;
    const double b = static_cast<double>(input.before->size), a = static_cast<double>(input.after->size);
    if (b < 50) return false;
    const double relative = a / b - 1;
    if (std::abs(relative) >= 0.15) found.push_back({"size_change", "", b, a, relative, 0.15});
    for (const auto& change : diagnosis::Compare(*input.before, *input.after, 0.03)) {
        if (change.distance >= 0.2)
            found.push_back(
                {"distribution_shift", change.attribute, 0, change.distance, change.distance, 0.2});
        for (const auto& cell : change.cells)
            if (cell.kind == diagnosis::CellKind::kNull && a > 0 &&
                static_cast<double>(cell.after) / a - static_cast<double>(cell.before) / b >= 0.05)
                found.push_back({"null_spike", change.attribute, static_cast<double>(cell.before) / b,
                                 static_cast<double>(cell.after) / a, 0.1, 0.05});
    }
    if (input.before->converted && input.after->converted && a > 0 && *input.before->converted > 0) {
        const double r0 = static_cast<double>(*input.before->converted) / b,
                     r1 = static_cast<double>(*input.after->converted) / a;
        const double noise = std::sqrt(r0 * (1 - r0) * (1 / a + 1 / b));
        if (std::abs(r1 / r0 - 1) >= 0.25 && std::abs(r1 - r0) > 4 * noise)
            found.push_back({"conversion_anomaly", "", r0, r1, r1 / r0 - 1, 0.25});
        const double i0 = static_cast<double>(*input.before->inactive) / b,
                     i1 = static_cast<double>(*input.after->inactive) / a;
        if (i1 / i0 - 1 >= 0.3 && i1 - i0 > 4 * std::sqrt(i0 * (1 - i0) * (1 / a + 1 / b)))
            found.push_back({"inactivity_creep", "", i0, i1, i1 / i0 - 1, 0.3});
    }
    if (Replaced(scene) - scene.world.leaving >= 0.3)
        found.push_back({"membership_churn", "", scene.world.leaving, Replaced(scene), Replaced(scene), 0.3});
    if (found.empty()) return false;
    const Found& one = found[static_cast<size_t>(Pick(random, 0, static_cast<int>(found.size()) - 1))];
    input.detector = one.detector;
    input.attribute = one.attribute;
    input.baseline = one.baseline;
    input.observed = one.observed;
    input.change = one.change;
    input.threshold = one.threshold;
    return true;
}

}  // namespace pulse::bench
