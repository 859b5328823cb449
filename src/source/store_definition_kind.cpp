// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::source {

namespace {

[[maybe_unused]] const bool no_definitions =
    RegisterWithoutDefinitions("What reading elsewhere cost.", {"source_usage", "source_total"});

}  // namespace

}  // namespace pulse::source
