// What the catalog knows about a relation that rules are about.
#pragma once

#include <vector>

#include "pulse/pg/error.hpp"
#include "pulse/rule/profile.hpp"

namespace pulse::rule {

// Read the columns of a table, view, materialized view, foreign or partitioned table, in order. Opens its own
// pg::Session. Throws UserError when there is no such relation or it is of another kind. Checks no privilege.
std::vector<Column> ReadColumns(Oid relation);

// Say who knows the saved traits and segments, for pulse_validate_rule(); without it rules that name any are
// checked as far as they go by themselves. For the room that keeps them, when it is loaded.
bool RegisterDefinitions(const Definitions& (*saved)());

}  // namespace pulse::rule
