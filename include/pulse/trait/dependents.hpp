// Dependents of traits and segments in later rooms. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/ast.hpp"

namespace pulse::trait {

struct Dependent {
    std::string kind, name;            // "flag", its key
    std::vector<rule::ExprPtr> rules;  // not expanded
    bool with_context = false;         // they may use context.*
};

// Appends the dependents of one room. Called with a pg::Session as pg::Identity::Owner() open.
using DependentLister = void (*)(std::vector<Dependent>& dependents);

// When the library is loaded; all that are registered are called. Returns true, so that a constant can do it.
bool RegisterDependents(DependentLister lister);
void AddRegisteredDependents(std::vector<Dependent>& dependents);

}  // namespace pulse::trait
