// What a subject depends on, all the way down. For entry code; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include <string>
#include <vector>

#include "pulse/trust/subject.hpp"

namespace pulse::trust {

struct Dependencies {
    std::vector<Subject> subjects;  // the root first, each once
    std::vector<Subject> missing;   // named by one of them, but there is none
};

// Throws UserError 22023 for an unknown kind, 42704 if there is no such subject, 54000 beyond 2,000.
Dependencies DependenciesOf(const Subject& root);

}  // namespace pulse::trust
