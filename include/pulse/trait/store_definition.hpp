// Stored traits, and the dependencies between definitions. For entry code of this room.
#pragma once

#include <functional>
#include <optional>

#include "pulse/pg/convert.hpp"
#include "pulse/trait/definition.hpp"
#include "pulse/trait/store_live.hpp"
#include "pulse/trait/dependents.hpp"

namespace pulse::trait {

// ---- store_trait.cpp ----

int64_t CreateTrait(const std::string& key, const std::string& expression,
                    const std::optional<std::string>& description);
// An unset value stays; an empty description is removed.
// Returns the version.
int32_t UpdateTrait(const std::string& key, const std::optional<std::string>& expression,
                    const std::optional<std::string>& description);
// Throws while anything uses it.
void DeleteTrait(const std::string& key);

struct TraitRow {
    int64_t id = 0;
    std::string key, expression, type;
    int version = 1;
    std::optional<std::string> description;
    Moment updated_at = 0;
};
std::vector<TraitRow> ListTraits();

// ---- store_dependencies.cpp; all need a pg::Session as pg::Identity::Owner() ----

// Every trait, every profile segment that is not archived, and the dependents of other rooms, with their
// rules.
std::vector<Dependent> AllDependents();
// Those that name it directly, as "segment \"power_users\"".
std::vector<std::string> DependentsOf(const std::string& kind, const std::string& name);
// Throws UserError 2BP01 if there are any; `what` is the intended action: "deleted".
void RequireUnused(const std::string& kind, const std::string& name, const char* what);
// Check that every dependent of a trait or segment compiles with its new tree. Throws UserError.
void CheckDependents(const std::string& kind, const std::string& name, const rule::ExprPtr& tree);

struct Dependency {
    std::string kind, name, uses_kind, uses;
};
std::vector<Dependency> Dependencies();

// ---- store_check.cpp ----

// Expand and compile a rule over people. Throws UserError.
Rule CheckRule(const rule::Expr& tree, rule::Expect expect, const std::string& self);
// Expand a rule, but for its macros, whose names the user did not write.
rule::ExprPtr ExpandWithoutMacros(const rule::Expr& tree);
// Check an expanded rule against the database: throws for an invalid regular expression, raises a notice for
// unknown events and properties. Needs a pg::Session as pg::Identity::Owner().
void CheckReferences(const rule::Expr& expanded);

// ---- store_explain.cpp ----

struct TreeRow {
    int depth;
    std::string part;
    std::optional<std::string> value, note;
};
std::vector<TreeRow> TestExpression(const std::string& expression, const std::string& user);

struct MembershipRow {
    std::string item;
    int depth;
    std::string part;
    std::optional<std::string> value, note;
};
std::vector<MembershipRow> ExplainMembership(const std::string& user, const std::string& segment);

}  // namespace pulse::trait
