// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::snapshot {

namespace {

[[maybe_unused]] const bool no_definitions =
    RegisterWithoutDefinitions("Figures of segments.", {"snapshot", "distribution", "snapshot_request"});

}  // namespace

}  // namespace pulse::snapshot
