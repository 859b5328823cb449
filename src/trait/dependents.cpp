#include "pulse/trait/dependents.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::trait {

namespace {

constinit Listeners<std::vector<Dependent>&> dependent_listers;

}  // namespace

bool RegisterDependents(DependentLister lister) {
    return dependent_listers.Add(lister);
}

void AddRegisteredDependents(std::vector<Dependent>& dependents) {
    dependent_listers.Notify(dependents);
}

}  // namespace pulse::trait
