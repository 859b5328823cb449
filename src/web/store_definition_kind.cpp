// This room has no definitions.
#include "pulse/base/definition_kind.hpp"

namespace pulse::web {

namespace {

[[maybe_unused]] const bool no_definitions = RegisterWithoutDefinitions(
    "Keys, sessions and sources belong to the place, and have secrets.",
    {"api_key", "api_key_secret", "api_key_usage", "webhook_secret", "webhook_seen", "console_session",
     "registered_source", "change", "change_position"});

}  // namespace

}  // namespace pulse::web
