#include "incidents.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>

#include "scene.hpp"

namespace pulse::bench {

namespace {

using diagnosis::DiagnosisInput;

template <typename Test>
void Remove(World& world, const Test& test) {
    world.people.erase(std::remove_if(world.people.begin(), world.people.end(), test), world.people.end());
}

// An attribute and one of its values whose share among members lies between the bounds.
struct Spot {
    size_t attribute = 0;
    int value = -1;
};

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

// Some people have the value in another spelling.
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

// Part 1: the value is gone; less: lost. Newcomers lack it alike.
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

// The same deed in other segments over the same table: other people, the same breakage.
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

using Deed = std::function<bool(Scene&, Random&)>;

// A deed on the world of one day.
Deed Suddenly(std::function<bool(World&, Random&)> deed) {
    return [deed](Scene& scene, Random& random) {
        Settle(scene, random);
        bool done = true;
        Strike(scene, random, [&](World& world) { done = deed(world, random); });
        return done;
    };
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

// The rule names the value; the segment may measure the column as an attribute, or not.
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

// They are lost, in part or all of them, or many more of them come.
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

const std::vector<std::pair<std::string, Deed>>& Deeds() {
    static const std::vector<std::pair<std::string, Deed>> deeds = {
        {"value_renamed", Suddenly([](World& w, Random& r) { return Rename(w, r, 0.22); })},
        {"value_renamed (rule names it)", [](Scene& s, Random& r) { return RenameOutside(s, r, true); }},
        {"value_renamed (rule names it, no attribute)",
         [](Scene& s, Random& r) { return RenameOutside(s, r, false); }},
        {"value_renamed (in part)", Suddenly([](World& w, Random& r) { return RenamePart(w, r); })},
        {"value_vanished", Suddenly([](World& w, Random& r) { return Lose(w, r, 0.16, 0.6, 1); })},
        {"one_value_lost",
         Suddenly([](World& w, Random& r) { return Lose(w, r, 0.28, 0.6, Uniform(r, 0.55, 0.9)); })},
        {"column_nulled", Suddenly(Null)},
        {"rule_tightened", [](Scene& s, Random& r) { return ChangeRule(s, r, true); }},
        {"rule_loosened", [](Scene& s, Random& r) { return ChangeRule(s, r, false); }},
        {"clause_shift",
         [](Scene& s, Random& r) {
             s.clauses = true;
             return Suddenly([](World& w, Random& q) {
                 const double factor = Uniform(q, 2, 6);
                 for (Person& p : w.people) p.score *= factor;
                 return true;
             })(s, r);
         }},
        {"uniform_loss", Suddenly([](World& w, Random& r) {
             const double part = Uniform(r, 0.18, 0.6);
             Remove(w, [&](const Person&) { return Uniform(r, 0, 1) < part; });
             return true;
         })},
        {"uniform_growth", Suddenly([](World& w, Random& r) {
             const auto more =
                 static_cast<int64_t>(static_cast<double>(w.people.size()) * Uniform(r, 0.2, 0.8));
             for (int64_t i = 0; i < more; ++i) w.people.push_back(w.Draw(r));
             return true;
         })},
        {"value_influx", Suddenly(Grow)},
        {"combination_lost (two)", [](Scene& s, Random& r) { return Combine(s, r, 2, true); }},
        {"combination_lost (three)", [](Scene& s, Random& r) { return Combine(s, r, 3, true); }},
        {"combination_influx (two)", [](Scene& s, Random& r) { return Combine(s, r, 2, false); }},
        {"combination_influx (three)", [](Scene& s, Random& r) { return Combine(s, r, 3, false); }},
        {"entries_stopped",
         [](Scene& s, Random& r) {
             s.flows = true;
             s.world.leaving = Uniform(r, 0.015, 0.03);
             Settle(s, r);
             Days(s, r, Pick(r, 10, 22), Uniform(r, 0, 0.2), 1);
             s.input.after = Snap(s);
             return true;
         }},
        {"exits_surged",
         [](Scene& s, Random& r) {
             s.flows = true;
             Settle(s, r);
             const double surge = Uniform(r, 0.32, 0.55) / s.world.leaving;
             Days(s, r, 1, surge, surge);
             s.input.after = Snap(s);
             return true;
         }},
        {"identity_changed",
         [](Scene& s, Random& r) {
             s.flows = true;
             Settle(s, r);
             PassDay(s.world, r);
             const int64_t all = s.input.before->size;
             AddPoint(s, {all, all});
             s.input.after = Snap(s);
             return true;
         }},
        {"gradual_erosion",
         [](Scene& s, Random& r) {
             Settle(s, r);
             const double daily = Uniform(r, 0.012, 0.03);
             Days(s, r, Pick(r, 10, 24), 1, 1 + daily / s.world.leaving);
             s.input.after = Snap(s);
             return true;
         }},
        {"conversion_rate_fall", Suddenly([](World& w, Random& r) {
             const double keep = Uniform(r, 0.3, 0.7);
             w.conversion *= keep;
             for (Person& p : w.people) p.converted = p.converted && Uniform(r, 0, 1) < keep;
             return true;
         })},
        {"conversion_rate_rise", Suddenly([](World& w, Random& r) {
             const double more = Uniform(r, 0.05, 0.15);
             w.conversion += more;
             for (Person& p : w.people) p.converted = p.converted || Uniform(r, 0, 1) < more;
             return true;
         })},
        {"conversion_tracking_lost", Suddenly([](World& w, Random&) {
             w.conversion = 0;
             for (Person& p : w.people) p.converted = false;
             return true;
         })},
        {"mix_shift", [](Scene& s, Random& r) { return ShiftMix(s, r, Uniform(r, 0, 1) < 0.5); }},
        {"went_quiet", Suddenly([](World& w, Random& r) {
             const double more = Uniform(r, 0.15, 0.5);
             w.inactivity += more;
             for (Person& p : w.people) p.inactive = p.inactive || Uniform(r, 0, 1) < more;
             return true;
         })},
        {"values_rescaled", Suddenly([](World& w, Random& r) {
             const double f = std::pow(10, Pick(r, 1, 3));
             const double factor = Uniform(r, 0, 1) < 0.5 ? f : 1 / f;
             w.amount_factor = factor;
             for (Person& p : w.people) p.amount *= factor;
             return true;
         })},
        {"schema_change", ChangeSchema},
        {"measurement_failed",
         [](Scene& s, Random& r) {
             return Uniform(r, 0, 1) < 0.5
                        ? Fail(s, r, "57014", "canceling statement due to statement timeout")
                        : Fail(s, r, "42501", "permission denied for table users");
         }},
        {"source_emptied",
         [](Scene& s, Random& r) {
             s.clauses = true;
             return Suddenly([](World& w, Random&) {
                 w.people.clear();
                 return true;
             })(s, r);
         }},
        {"shared_upstream_cause", ShareDeed},
        {"expectation_outdated",
         [](Scene& s, Random& r) {
             Settle(s, r);
             Days(s, r, 1);
             s.input.after = Snap(s);
             s.input.detector = "expected_range";
             s.input.attribute = "size";
             s.input.baseline = static_cast<double>(s.input.after->size) * 1.3;
             s.input.observed = static_cast<double>(s.input.after->size);
             s.input.change = -0.23;
             s.input.threshold = 0.15;
             return true;
         }},
    };
    return deeds;
}

std::string Plain(const std::string& label) {
    return label.substr(0, label.find(' '));
}

}  // namespace

const std::vector<std::string>& Labels() {
    static const std::vector<std::string> labels = [] {
        std::vector<std::string> names;
        for (const auto& [name, deed] : Deeds()) names.push_back(name);
        return names;
    }();
    return labels;
}

Labelled MakeIncident(const std::string& label, Random& random) {
    const auto& deeds = Deeds();
    const auto found =
        std::find_if(deeds.begin(), deeds.end(), [&](const auto& entry) { return entry.first == label; });
    for (;;) {
        Scene scene = Begin(random);
        if (!found->second(scene, random)) continue;
        if (scene.input.detector.empty() && !Detect(scene, random)) continue;
        if (scene.answers) Answer(scene);
        scene.input.incident = 1;
        scene.input.segment = "A segment";
        return {{Plain(label)}, std::move(scene.input), std::move(scene.together)};
    }
}

Labelled MakeDouble(Random& random) {
    struct Part {
        const char* label;
        std::function<bool(World&, Random&)> deed;
    };
    static const std::vector<Part> parts = {
        {"value_renamed", [](World& w, Random& r) { return Rename(w, r, 0.25); }},
        {"column_nulled", Null},
        {"one_value_lost", [](World& w, Random& r) { return Lose(w, r, 0.3, 0.6, Uniform(r, 0.6, 0.85)); }},
        {"value_vanished", [](World& w, Random& r) { return Lose(w, r, 0.2, 0.5, 1); }},
        {"uniform_loss",
         [](World& w, Random& r) {
             Remove(w, [&](const Person&) { return Uniform(r, 0, 1) < 0.3; });
             return true;
         }},
        {"conversion_rate_fall", [](World& w, Random& r) {
             w.conversion *= 0.4;
             for (Person& p : w.people) p.converted = p.converted && Uniform(r, 0, 1) < 0.4;
             return true;
         }}};
    for (;;) {
        const size_t first = static_cast<size_t>(Pick(random, 0, static_cast<int>(parts.size()) - 1));
        const size_t second = static_cast<size_t>(Pick(random, 0, static_cast<int>(parts.size()) - 1));
        if (first == second) continue;
        Scene scene = Begin(random);
        Settle(scene, random);
        bool done = true;
        Strike(scene, random, [&](World& world) {
            done = parts[first].deed(world, random);
            done = parts[second].deed(world, random) && done;
        });
        if (!done || !Detect(scene, random)) continue;
        if (scene.answers) Answer(scene);
        scene.input.incident = 1;
        scene.input.segment = "A segment";
        return {{parts[first].label, parts[second].label}, std::move(scene.input), {}};
    }
}

}  // namespace pulse::bench
