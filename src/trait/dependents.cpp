#include "pulse/trait/dependents.hpp"

namespace pulse::trait {

namespace {

constinit DependentLister current = nullptr;

}  // namespace

bool RegisterDependents(DependentLister lister) {
    current = lister;
    return true;
}

std::vector<Dependent> RegisteredDependents() {
    return current ? current() : std::vector<Dependent>();
}

}  // namespace pulse::trait
