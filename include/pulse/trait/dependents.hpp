// Dependents of traits and segments in rooms that come after this one. Pure C++.
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

// Called with a pg::Session as pg::Identity::Owner() open.
using DependentLister = std::vector<Dependent> (*)();

// Set when the library is loaded; returns true, so that a constant can do it.
bool RegisterDependents(DependentLister lister);
std::vector<Dependent> RegisteredDependents();

}  // namespace pulse::trait
