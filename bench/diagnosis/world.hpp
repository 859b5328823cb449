// A small simulated world: people with attributes, a rule that some of them pass, days on which some come and
// go. Everything is drawn person by person, so that pictures have the noise and the correlations of real
// ones.
#pragma once

#include <random>

#include "pulse/diagnosis/input.hpp"

namespace pulse::bench {

using Random = std::mt19937_64;

struct AttributePlan {
    std::string name;
    std::vector<std::string> labels;
    std::vector<double> weights;
    double null_share = 0;
    int follows = -1;  // index of an attribute it depends on, or -1
};

struct Person {
    std::vector<int> values;  // index into labels, -1 for null
    double score = 0;         // what the first clause compares: passes when score <= limit
    bool flag = true;         // what the second clause asks for
    bool converted = false, inactive = false;
    double amount = 1;  // a numeric attribute
};

struct World {
    std::vector<AttributePlan> attributes;
    std::vector<Person> people;
    double limit = 30;  // of the first clause
    double conversion = 0.1;
    std::vector<double> conversion_factor;  // per value of attribute 0
    double inactivity = 0.2;
    double leaving = 0.02;  // share that leaves per day, and that comes
    double amount_factor = 1;
    std::vector<double> edges;      // of the amount's intervals
    int value_rule_attribute = -1;  // a third clause `attribute in […]`, or none
    std::vector<std::string> value_rule_labels;

    Person Draw(Random& random) const;
    // Empty for null.
    std::string LabelOf(size_t attribute, int value) const;
    bool Member(const Person& person) const;
};

// A world of a size and shape drawn at random. Size counts people that pass the rule, about.
World MakeWorld(Random& random);

// One day of coming and going; the newcomers' mix differs a little from day to day. `entry` and `exit` scale
// the flow.
struct Flow {
    int64_t entered = 0, exited = 0;
};
Flow PassDay(World& world, Random& random, double entry = 1, double exit = 1);

// What a snapshot would keep. `named` values per attribute at most; with the clauses' counts or without.
diagnosis::SegmentSnapshot Measure(const World& world, size_t named, bool with_clauses);

double Uniform(Random& random, double low, double high);
int Pick(Random& random, int low, int high);  // both included

}  // namespace pulse::bench
