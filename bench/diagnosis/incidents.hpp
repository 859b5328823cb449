// Labelled incidents: a simulated world is changed, and the label names the change.
#pragma once

#include "world.hpp"

namespace pulse::bench {

struct Labelled {
    std::vector<std::string> labels;  // one, or two when two things were done
    diagnosis::DiagnosisInput input;
    std::vector<diagnosis::Condition> together;  // of a combination
};

// Every label the generator knows.
const std::vector<std::string>& Labels();

// Draw an incident of that label; again and again until some detector's materiality threshold is passed.
Labelled MakeIncident(const std::string& label, Random& random);

// Two things at once.
Labelled MakeDouble(Random& random);

}  // namespace pulse::bench
