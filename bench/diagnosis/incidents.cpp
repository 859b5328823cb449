#include "incidents.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "scene_deeds.hpp"
#include "world_deeds.hpp"

namespace pulse::bench {

namespace {

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
