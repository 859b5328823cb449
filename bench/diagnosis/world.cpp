#include "world.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace pulse::bench {

double Uniform(Random& random, double low, double high) {
    return std::uniform_real_distribution<>(low, high)(random);
}
int Pick(Random& random, int low, int high) {
    return std::uniform_int_distribution<>(low, high)(random);
}

std::string World::LabelOf(size_t attribute, int value) const {
    return value < 0 ? "" : attributes[attribute].labels[static_cast<size_t>(value)];
}

// The same world without its people, cheaply.
static World Emptied(const World& world) {
    World empty;
    empty.attributes = world.attributes;
    empty.limit = world.limit;
    empty.conversion = world.conversion;
    empty.conversion_factor = world.conversion_factor;
    empty.inactivity = world.inactivity;
    empty.amount_factor = world.amount_factor;
    empty.value_rule_attribute = world.value_rule_attribute;
    empty.value_rule_labels = world.value_rule_labels;
    return empty;
}

bool World::Member(const Person& person) const {
    if (person.score > limit || !person.flag) return false;
    if (value_rule_attribute < 0) return true;
    const auto column = static_cast<size_t>(value_rule_attribute);
    const std::string label = LabelOf(column, person.values[column]);
    return std::find(value_rule_labels.begin(), value_rule_labels.end(), label) != value_rule_labels.end();
}

Person World::Draw(Random& random) const {
    Person person;
    for (const AttributePlan& plan : attributes) {
        if (Uniform(random, 0, 1) < plan.null_share) {
            person.values.push_back(-1);
            continue;
        }
        int value = std::discrete_distribution<>(plan.weights.begin(), plan.weights.end())(random);
        // Most people's value follows from another attribute's, as language does from country.
        if (plan.follows >= 0 && person.values[static_cast<size_t>(plan.follows)] >= 0 &&
            Uniform(random, 0, 1) < 0.8)
            value = person.values[static_cast<size_t>(plan.follows)] % static_cast<int>(plan.weights.size());
        person.values.push_back(value);
    }
    person.score = std::exponential_distribution<>(1 / 20.0)(random);
    person.flag = Uniform(random, 0, 1) < 0.9;
    const int group = std::max(0, person.values.empty() ? 0 : person.values[0]);
    const double factor = conversion_factor.empty()
                              ? 1
                              : conversion_factor[static_cast<size_t>(group) % conversion_factor.size()];
    person.converted = Uniform(random, 0, 1) < std::min(0.95, conversion * factor);
    person.inactive = Uniform(random, 0, 1) < inactivity;
    person.amount = std::lognormal_distribution<>(4, 1)(random) * amount_factor;
    return person;
}

World MakeWorld(Random& random) {
    static const std::vector<std::string> kNames = {"platform", "country", "plan",   "app_version", "channel",
                                                    "language", "tier",    "region", "status",      "device"};
    World world;
    std::vector<std::string> names = kNames;
    std::shuffle(names.begin(), names.end(), random);
    const int count = Pick(random, 3, 8);
    for (int a = 0; a < count; ++a) {
        AttributePlan plan;
        plan.name = names[static_cast<size_t>(a)];
        const int values = Uniform(random, 0, 1) < 0.6 ? Pick(random, 2, 6) : Pick(random, 7, 40);
        const double steep = Uniform(random, 0.2, 1.2);
        for (int v = 0; v < values; ++v) {
            plan.labels.push_back(plan.name == "app_version" ? "4." + std::to_string(v)
                                                             : plan.name.substr(0, 2) + std::to_string(v));
            plan.weights.push_back(std::pow(v + 1, -steep) * Uniform(random, 0.7, 1.3));
        }
        if (Uniform(random, 0, 1) < 0.3) plan.null_share = Uniform(random, 0.01, 0.1);
        if (a > 0 && Uniform(random, 0, 1) < 0.3) plan.follows = Pick(random, 0, a - 1);
        world.attributes.push_back(std::move(plan));
    }
    world.conversion = Uniform(random, 0.04, 0.25);
    world.inactivity = Uniform(random, 0.05, 0.4);
    world.leaving = Uniform(random, 0.005, 0.03);
    world.limit = Uniform(random, 15, 60);
    const double passing = 0.9 * (1 - std::exp(-world.limit / 20));
    const auto size =
        static_cast<int64_t>(std::exp(Uniform(random, std::log(500), std::log(200'000))) / passing);
    for (int64_t i = 0; i < size; ++i) world.people.push_back(world.Draw(random));
    std::vector<double> amounts;
    for (const Person& person : world.people) amounts.push_back(person.amount);
    std::sort(amounts.begin(), amounts.end());
    for (size_t decile = 1; decile < 10; ++decile)
        world.edges.push_back(amounts[amounts.size() * decile / 10]);
    return world;
}

Flow PassDay(World& world, Random& random, double entry, double exit) {
    Flow flow;
    const double size = static_cast<double>(world.people.size());
    const double leaving = std::min(0.95, world.leaving * exit * Uniform(random, 0.85, 1.15));
    const auto gone = std::remove_if(world.people.begin(), world.people.end(), [&](const Person& person) {
        if (Uniform(random, 0, 1) >= leaving) return false;
        flow.exited += world.Member(person);
        return true;
    });
    world.people.erase(gone, world.people.end());
    World today = Emptied(world);
    for (AttributePlan& plan : today.attributes)
        for (double& weight : plan.weights) weight *= std::exp(Uniform(random, -0.25, 0.25));
    const auto coming = static_cast<int64_t>(size * world.leaving * entry * Uniform(random, 0.85, 1.15));
    for (int64_t i = 0; i < coming; ++i) {
        world.people.push_back(today.Draw(random));
        flow.entered += world.Member(world.people.back());
    }
    return flow;
}

namespace {

snapshot::Distribution Count(const World& world, const std::vector<const Person*>& members, size_t attribute,
                             size_t named) {
    snapshot::Distribution d;
    d.attribute = world.attributes[attribute].name;
    d.kind = segment::AttributeKind::kCategorical;
    d.total = static_cast<int64_t>(members.size());
    std::map<int, int64_t> counts;
    for (const Person* person : members) ++counts[person->values[attribute]];
    std::vector<std::pair<std::string, int64_t>> values;
    for (const auto& [value, count] : counts) {
        if (value < 0)
            d.nulls = count;
        else
            values.emplace_back(world.LabelOf(attribute, value), count);
    }
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    for (size_t i = 0; i < values.size(); ++i) {
        if (i >= named) {
            d.other += values[i].second;
            continue;
        }
        d.labels.push_back(values[i].first);
        d.counts.push_back(values[i].second);
    }
    return d;
}

snapshot::Distribution CountAmounts(const World& world, const std::vector<const Person*>& members) {
    snapshot::Distribution d;
    d.attribute = "amount";
    d.kind = segment::AttributeKind::kNumeric;
    d.total = static_cast<int64_t>(members.size());
    d.edges = world.edges;
    d.counts.assign(d.edges.size() + 1, 0);
    std::vector<double> amounts;
    for (const Person* person : members) {
        amounts.push_back(person->amount);
        const auto above = std::upper_bound(d.edges.begin(), d.edges.end(), person->amount);
        ++d.counts[static_cast<size_t>(above - d.edges.begin())];
    }
    std::sort(amounts.begin(), amounts.end());
    if (!amounts.empty())
        for (const double level : snapshot::kQuantileLevels)
            d.quantiles.push_back(
                amounts[static_cast<size_t>(level * static_cast<double>(amounts.size() - 1))]);
    return d;
}

void CountClauses(const World& world, diagnosis::SegmentSnapshot& snapshot) {
    char text[64];
    std::snprintf(text, sizeof text, "last_active_days <= %.0f", world.limit);
    std::vector<diagnosis::ClauseCount> clauses{{text, 0, 0}, {"subscribed = true", 0, 0}};
    std::string values;
    if (world.value_rule_attribute >= 0) {
        for (const std::string& label : world.value_rule_labels)
            values += (values.empty() ? "\"" : ", \"") + label + "\"";
        clauses.push_back(
            {world.attributes[static_cast<size_t>(world.value_rule_attribute)].name + " in [" + values + "]",
             0, 0});
    }
    World any = Emptied(world);
    any.limit = 1e9;
    for (const Person& person : world.people) {
        Person flagged = person;
        flagged.flag = true;
        std::vector<bool> passes{person.score <= world.limit, person.flag};
        if (clauses.size() > 2) passes.push_back(any.Member(flagged));
        const auto failed = std::count(passes.begin(), passes.end(), false);
        for (size_t i = 0; i < passes.size(); ++i) {
            *clauses[i].passed += passes[i];
            *clauses[i].missed_only += !passes[i] && failed == 1;
        }
    }
    snapshot.clauses = clauses;
    snapshot.clause_rows = static_cast<int64_t>(world.people.size());
}

}  // namespace

diagnosis::SegmentSnapshot Measure(const World& world, size_t named, bool with_clauses) {
    std::vector<const Person*> members;
    diagnosis::SegmentSnapshot snapshot;
    int64_t converted = 0, inactive = 0;
    for (const Person& person : world.people)
        if (world.Member(person)) {
            members.push_back(&person);
            converted += person.converted;
            inactive += person.inactive;
        }
    snapshot.size = static_cast<int64_t>(members.size());
    snapshot.converted = converted;
    snapshot.inactive = inactive;
    for (size_t a = 0; a < world.attributes.size(); ++a)
        snapshot.attributes.push_back(Count(world, members, a, named));
    snapshot.attributes.push_back(CountAmounts(world, members));
    if (with_clauses) CountClauses(world, snapshot);
    for (const auto& plan : world.attributes) snapshot.columns[plan.name] = "text";
    snapshot.columns["last_active_days"] = "integer";
    snapshot.columns["subscribed"] = "boolean";
    snapshot.columns["amount"] = "numeric";
    return snapshot;
}

}  // namespace pulse::bench
