// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::drift {

namespace {

[[maybe_unused]] const bool no_definitions =
    RegisterWithoutDefinitions("Incidents.", {"incident_record", "incident_event"});

}  // namespace

}  // namespace pulse::drift
