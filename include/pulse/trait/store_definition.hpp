// Definitions kept: traits, and what uses what. For entry code of this room.
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
// What is unset stays; an empty description is taken away.
void UpdateTrait(const std::string& key, const std::optional<std::string>& expression,
                 const std::optional<std::string>& description);
// Refuses while something uses it.
void DeleteTrait(const std::string& key);

struct TraitRow {
    int64_t id = 0;
    std::string key, expression, type;
    int version = 1;
    std::optional<std::string> description;
    Moment updated_at = 0;
};
std::vector<TraitRow> ListTraits();

// ---- store_uses.cpp; all need a pg::Session as pg::Identity::Owner() ----

// Every trait, profile segment that is not archived, and what other rooms say, with their rules.
std::vector<Dependent> AllDependents();
// Those that name it themselves, as "segment \"power_users\"".
std::vector<std::string> DependentsOf(const std::string& kind, const std::string& name);
// Throws UserError 2BP01 when there are any; `what` is what was to happen: "deleted".
void RequireUnused(const std::string& kind, const std::string& name, const char* what);
// What uses a trait or segment must work with its new tree as well. Throws UserError.
void CheckDependents(const std::string& kind, const std::string& name, const rule::ExprPtr& tree);

struct Dependency {
    std::string kind, name, uses_kind, uses;
};
std::vector<Dependency> Dependencies();

// ---- store_check.cpp ----

// A rule about people, expanded and compiled, so that it can be evaluated. Throws UserError.
Rule CheckRule(const rule::Expr& tree, rule::Expect expect, const std::string& self);
// What only PostgreSQL or the catalogue of events can know of an expanded rule: throws for a regular
// expression that is none, says what has not been seen yet. Needs a pg::Session as pg::Identity::Owner().
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
