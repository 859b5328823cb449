// Columns of a relation, from the catalog, for rules about it.
#pragma once

#include <vector>

#include "pulse/pg/error.hpp"
#include "pulse/rule/profile.hpp"

namespace pulse::rule {

// Read the columns of a table, view, materialized view, foreign or partitioned table, in order. Opens its own
// pg::Session. Throws UserError when there is no such relation or it is of another kind. Checks no privilege.
std::vector<Column> ReadColumns(Oid relation);

// Check that the patterns of `matches` are regular expressions, which only PostgreSQL can tell: when a rule
// is defined, so that none fails later. Needs a Session. Throws UserError.
void CheckPatterns(const Expr& expr);

// Give access to saved traits and segments, for pulse_validate_rule(); without it, rules that name any are
// parsed, but not compiled. Once, when the library is loaded; a second call is an error.
bool RegisterDefinitions(const Definitions& (*saved)());

}  // namespace pulse::rule
