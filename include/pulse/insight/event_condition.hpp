// Which events a question is about: a name, and a rule over properties. Pure C++.
#pragma once

#include <optional>
#include <string>

#include "pulse/rule/ast.hpp"

namespace pulse::insight {

struct EventCondition {
    std::optional<std::string> event;  // empty: any
    rule::ExprPtr where;               // over the event's properties, or nullptr
};

// Read a rule over properties, as in events.purchase{…}. Throws UserError.
EventCondition ReadEventCondition(const std::optional<std::string>& event,
                                  const std::optional<std::string>& where);

// A boolean expression over rows e of pulse.event that is never null. Throws UserError if the rule reads
// anything but properties.
std::string ConditionSql(const EventCondition& condition, const std::string& now_sql);

// Whether an expression over people is just a name: an attribute, a trait, a segment.
bool IsName(const std::string& expression);

// As a title: `purchase`, `purchase where amount > 10`, `any event`.
std::string Describe(const EventCondition& condition);

}  // namespace pulse::insight
