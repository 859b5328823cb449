// Gives pulse_validate_rule() of room rule the saved traits and segments.
#include "pulse/rule/store.hpp"
#include "pulse/trait/store_live.hpp"

namespace pulse::trait {

namespace {

[[maybe_unused]] const bool kProvided = rule::RegisterDefinitions(SavedDefinitions);

}  // namespace

}  // namespace pulse::trait
