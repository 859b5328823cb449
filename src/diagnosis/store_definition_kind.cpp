// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::diagnosis {

namespace {

[[maybe_unused]] const bool no_definitions =
    RegisterWithoutDefinitions("What a model says about incidents.", {"investigation", "agent_step"});

}  // namespace

}  // namespace pulse::diagnosis
