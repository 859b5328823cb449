#include "world_deeds.hpp"

#include <cctype>

namespace pulse::bench {

Spot FindSpot(const World& world, Random& random, double low, double high) {
    for (int tries = 0; tries < 200; ++tries) {
        const size_t a = static_cast<size_t>(Pick(random, 0, static_cast<int>(world.attributes.size()) - 1));
        const int v = Pick(random, 0, static_cast<int>(world.attributes[a].labels.size()) - 1);
        int64_t have = 0, all = 0;
        for (const Person& person : world.people)
            if (world.Member(person)) {
                ++all;
                have += person.values[a] == v;
            }
        const double share = static_cast<double>(have) / static_cast<double>(std::max<int64_t>(all, 1));
        if (share >= low && share <= high) return {a, v};
    }
    return {};
}

int NewLabel(World& world, size_t attribute, const std::string& label) {
    world.attributes[attribute].labels.push_back(label);
    world.attributes[attribute].weights.push_back(1e-9);
    return static_cast<int>(world.attributes[attribute].labels.size()) - 1;
}

bool Rename(World& world, Random& random, double low) {
    const Spot spot = FindSpot(world, random, low, 0.8);
    if (spot.value < 0) return false;
    const std::string old_label = world.LabelOf(spot.attribute, spot.value);
    const int to =
        NewLabel(world, spot.attribute, old_label + (Uniform(random, 0, 1) < 0.5 ? "_v2" : " (new)"));
    const double part = Uniform(random, 0, 1) < 0.6 ? 1 : Uniform(random, 0.75, 1);
    for (Person& person : world.people)
        if (person.values[spot.attribute] == spot.value && Uniform(random, 0, 1) < part)
            person.values[spot.attribute] = to;
    std::swap(world.attributes[spot.attribute].weights[static_cast<size_t>(to)],
              world.attributes[spot.attribute].weights[static_cast<size_t>(spot.value)]);
    return true;
}

bool RenamePart(World& world, Random& random) {
    const Spot spot = FindSpot(world, random, 0.5, 0.9);
    if (spot.value < 0) return false;
    std::string word = world.LabelOf(spot.attribute, spot.value);
    for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (word == world.LabelOf(spot.attribute, spot.value)) word += " ";
    const int to = NewLabel(world, spot.attribute, word);
    const double part = Uniform(random, 0.25, 0.6);
    for (Person& person : world.people)
        if (person.values[spot.attribute] == spot.value && Uniform(random, 0, 1) < part)
            person.values[spot.attribute] = to;
    return true;
}

bool Lose(World& world, Random& random, double low, double high, double part) {
    const Spot spot = FindSpot(world, random, low, high);
    if (spot.value < 0) return false;
    Remove(world, [&](const Person& person) {
        return person.values[spot.attribute] == spot.value && Uniform(random, 0, 1) < part;
    });
    if (part == 1) {
        // Also those who get it because another attribute leads them to it.
        AttributePlan& plan = world.attributes[spot.attribute];
        plan.weights[static_cast<size_t>(spot.value)] = 1e-12;
        plan.follows = -1;
    }
    return true;
}

bool Null(World& world, Random& random) {
    const size_t a = static_cast<size_t>(Pick(random, 0, static_cast<int>(world.attributes.size()) - 1));
    const double part = Uniform(random, 0.25, 1);
    for (Person& person : world.people)
        if (Uniform(random, 0, 1) < part) person.values[a] = -1;
    world.attributes[a].null_share = part;
    return true;
}

bool Grow(World& world, Random& random) {
    const Spot spot = FindSpot(world, random, 0.02, 0.5);
    if (spot.value < 0) return false;
    const auto more =
        static_cast<int64_t>(static_cast<double>(world.people.size()) * Uniform(random, 0.3, 0.9));
    for (int64_t i = 0; i < more; ++i) {
        Person person = world.Draw(random);
        person.values[spot.attribute] = spot.value;
        world.people.push_back(std::move(person));
    }
    return true;
}

}  // namespace pulse::bench
