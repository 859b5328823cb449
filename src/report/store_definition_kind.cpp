// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::report {

namespace {

[[maybe_unused]] const bool no_definitions =
    RegisterWithoutDefinitions("Reports that were made.", {"report"});

}  // namespace

}  // namespace pulse::report
