// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::snapshot {

namespace {

[[maybe_unused]] const bool no_definitions = RegisterWithoutDefinitions(
    "Figures of segments.", {"snapshot", "snapshot_source", "distribution", "snapshot_request"});

}  // namespace

}  // namespace pulse::snapshot
