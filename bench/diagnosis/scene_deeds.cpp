#include "scene_deeds.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "world_deeds.hpp"

namespace pulse::bench {

namespace {

using diagnosis::DiagnosisInput;

void AddVersions(DiagnosisInput& input, const std::vector<std::string>& before,
                 const std::vector<std::string>& after) {
    input.versions.push_back({1, "created", "growth", kStart - kDay, {}, before});
    input.versions.push_back({2, "where changed", "growth", input.since - kHour, {}, after});
}

std::vector<std::string> Clauses(double limit) {
    char text[64];
    std::snprintf(text, sizeof text, "last_active_days <= %.0f", limit);
    return {text, "subscribed = true"};
}

// Values of two or three attributes that some members have together, each of which excludes others.
std::vector<Spot> FindTogether(const World& world, Random& random, int dimensions) {
    for (int tries = 0; tries < 60; ++tries) {
        std::vector<Spot> spots;
        while (static_cast<int>(spots.size()) <
               std::min<int>(dimensions, static_cast<int>(world.attributes.size()))) {
            const size_t a =
                static_cast<size_t>(Pick(random, 0, static_cast<int>(world.attributes.size()) - 1));
            const int v =
                Pick(random, 0, std::min(2, static_cast<int>(world.attributes[a].labels.size()) - 1));
            if (std::none_of(spots.begin(), spots.end(), [&](const Spot& s) { return s.attribute == a; }))
                spots.push_back({a, v});
        }
        int64_t all = 0, box = 0;
        std::vector<int64_t> excluded(spots.size());
        for (const Person& person : world.people) {
            if (!world.Member(person)) continue;
            ++all;
            size_t missed = 0, which = 0;
            for (size_t i = 0; i < spots.size(); ++i)
                if (person.values[spots[i].attribute] != spots[i].value) ++missed, which = i;
            box += missed == 0;
            if (missed == 1) ++excluded[which];
        }
        const bool narrow = std::all_of(excluded.begin(), excluded.end(), [&](int64_t n) {
            return static_cast<double>(n) > 0.25 * static_cast<double>(box);
        });
        if (narrow && static_cast<double>(box) > 0.12 * static_cast<double>(all) &&
            static_cast<double>(box) < 0.6 * static_cast<double>(all))
            return spots;
    }
    return {};
}

}  // namespace

bool ChangeRule(Scene& scene, Random& random, bool tighten) {
    const double old_limit = std::round(scene.world.limit);
    const double new_limit =
        std::round(tighten ? old_limit * Uniform(random, 0.3, 0.7) : old_limit * Uniform(random, 1.5, 4));
    scene.world.limit = old_limit;
    Settle(scene, random);
    AddVersions(scene.input, Clauses(old_limit), Clauses(new_limit));
    Strike(scene, random, [&](World& world) { world.limit = new_limit; });
    scene.input.after->version = 2;
    return true;
}

bool ShareDeed(Scene& scene, Random& random) {
    const int kind = Pick(random, 0, 2);
    const Spot spot = FindSpot(scene.world, random, 0.2, 0.6);
    if (spot.value < 0) return false;
    int to = -1;
    const auto deed = [&](World& world) {
        if (kind == 0) Remove(world, [&](const Person& p) { return p.values[spot.attribute] == spot.value; });
        for (Person& person : world.people)
            if (kind > 0 && person.values[spot.attribute] == spot.value) person.values[spot.attribute] = to;
    };
    const auto prepare = [&](World& world) {
        if (kind == 2) to = NewLabel(world, spot.attribute, "renamed");
    };
    Settle(scene, random);
    scene.input.relation = "app.users";
    const int others = Pick(random, 1, 4);
    for (int i = 0; i < others; ++i) {
        Scene other = scene;
        other.input = DiagnosisInput();
        const double part = Uniform(random, 0.2, 0.8);
        Remove(other.world, [&](const Person&) { return Uniform(random, 0, 1) > part; });
        Settle(other, random);
        prepare(other.world);
        Strike(other, random, deed);
        scene.input.correlated.push_back({100 + i, "segment " + std::to_string(i), "app.users", "size_change",
                                          "", "down", *other.input.before, *other.input.after});
    }
    prepare(scene.world);
    Strike(scene, random, deed);
    return true;
}

bool ShiftMix(Scene& scene, Random& random, bool converts) {
    World& world = scene.world;
    if (converts) {
        for (size_t v = 0; v < world.attributes[0].labels.size(); ++v)
            world.conversion_factor.push_back(v % 2 ? 0.3 : 1.8);
        std::vector<Person> again;
        for (size_t i = 0; i < world.people.size(); ++i) again.push_back(world.Draw(random));
        world.people = std::move(again);
    }
    Settle(scene, random);
    Strike(scene, random, [&](World& w) {
        // Some people of the even values are followed by people of the odd ones.
        const double part = Uniform(random, 0.5, 0.8);
        for (Person& person : w.people) {
            if (person.values[0] < 0 || person.values[0] % 2 != 0 || Uniform(random, 0, 1) > part) continue;
            Person next = w.Draw(random);
            while (next.values[0] < 0 || next.values[0] % 2 == 0) next = w.Draw(random);
            next.score = person.score;
            next.flag = person.flag;
            person = next;
        }
    });
    return true;
}

bool RenameOutside(Scene& scene, Random& random, bool measured) {
    World& world = scene.world;
    const Spot spot = FindSpot(world, random, 0.25, 0.7);
    if (spot.value < 0) return false;
    scene.clauses = true;
    world.value_rule_attribute = static_cast<int>(spot.attribute);
    world.value_rule_labels = world.attributes[spot.attribute].labels;
    std::string word = "5.0";
    if (!measured) {
        scene.answers = true;
        word = world.LabelOf(spot.attribute, spot.value);
        for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        const double kind = Uniform(random, 0, 1);
        if (kind < 0.3)
            word = "another";
        else if (kind < 0.6 || word == world.LabelOf(spot.attribute, spot.value))
            word += " ";
    }
    Settle(scene, random);
    Strike(scene, random, [&](World& w) {
        const int to = NewLabel(w, spot.attribute, word);
        for (Person& person : w.people)
            if (person.values[spot.attribute] == spot.value) person.values[spot.attribute] = to;
        w.attributes[spot.attribute].follows = -1;
        std::swap(w.attributes[spot.attribute].weights[static_cast<size_t>(to)],
                  w.attributes[spot.attribute].weights[static_cast<size_t>(spot.value)]);
    });
    if (measured) return true;
    for (auto* snapshot : {&*scene.input.before, &*scene.input.after})
        std::erase_if(snapshot->attributes, [&](const auto& distribution) {
            return distribution.attribute == world.attributes[spot.attribute].name;
        });
    return true;
}

bool Combine(Scene& scene, Random& random, int dimensions, bool lose) {
    World& world = scene.world;
    if (static_cast<int>(world.attributes.size()) < dimensions) return false;
    const std::vector<Spot> spots = FindTogether(world, random, dimensions);
    if (spots.empty()) return false;
    for (const Spot& spot : spots)
        scene.together.push_back(
            {world.attributes[spot.attribute].name, {world.LabelOf(spot.attribute, spot.value)}});
    scene.answers = true;
    const double part = Uniform(random, 0, 1) < 0.4 ? 1 : Uniform(random, 0.5, 1);
    Settle(scene, random);
    Strike(scene, random, [&](World& w) {
        if (lose) {
            Remove(w, [&](const Person& person) {
                return std::all_of(
                           spots.begin(), spots.end(),
                           [&](const Spot& spot) { return person.values[spot.attribute] == spot.value; }) &&
                       Uniform(random, 0, 1) < part;
            });
            return;
        }
        const auto more =
            static_cast<int64_t>(static_cast<double>(w.people.size()) * Uniform(random, 0.25, 0.9));
        for (int64_t i = 0; i < more; ++i) {
            Person person = w.Draw(random);
            for (const Spot& spot : spots) person.values[spot.attribute] = spot.value;
            w.people.push_back(std::move(person));
        }
    });
    return true;
}

bool Fail(Scene& scene, Random& random, const char* state, const char* text) {
    Settle(scene, random);
    scene.input.after = *scene.input.before;
    scene.input.after->failed = true;
    scene.input.after->error_state = state;
    scene.input.after->error = text;
    scene.input.after->taken_at = scene.now;
    scene.input.detector = "size_change";
    return true;
}

bool ChangeSchema(Scene& scene, Random& random) {
    if (Uniform(random, 0, 1) < 0.4) return Fail(scene, random, "42703", "column \"ltv\" does not exist");
    Settle(scene, random);
    Strike(scene, random, [&](World&) {});
    scene.input.after->columns["last_active_days"] = "text";
    scene.input.definition = {{"where", "last_active_days <= 7"}};
    scene.input.detector = "schema_change";
    return true;
}

}  // namespace pulse::bench
