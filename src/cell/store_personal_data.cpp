// This room holds nothing about a person.
#include "pulse/profile/personal_data.hpp"

namespace pulse::cell {

namespace {

[[maybe_unused]] const bool cells_without_people =
    profile::RegisterWithoutPersonalData("cell", {{"cell_state", "Which servers have other definitions."}});

}  // namespace

}  // namespace pulse::cell
