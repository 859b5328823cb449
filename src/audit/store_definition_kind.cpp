// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::audit {

namespace {

[[maybe_unused]] const bool no_definitions = RegisterWithoutDefinitions(
    "Who did what.", {"audit", "audit_unsealed", "audit_seal", "audit_personal", "audit_checkpoint"});

}  // namespace

}  // namespace pulse::audit
