// Macros: names in rules about people that stand for trees which a later room makes from its settings, such
// as rfm.group. Pure C++.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/rule/ast.hpp"

namespace pulse::trait {

// The settings that hold now, also where the clock was set back: what is stored for people is evaluated by
// these.
inline constexpr Moment kNewestSettings = INT64_MAX;

// The macros of one room. Settings have versions, each from a moment on, so the past is read as it was.
// A change of settings calls LockDefinitions(), and then InvalidateDefinitions() and
// ApplyDefinitionChanges().
struct MacroSource {
    // Whether it defines a name: "rfm.group".
    bool (*defines)(const std::string& name) = nullptr;
    // The tree of a name by the settings of a moment; nullptr while it is off. Throws UserError 42703 for an
    // unknown name; `position` is its place in the rule.
    rule::ExprPtr (*find)(const std::string& name, Moment at, size_t position) = nullptr;
    // The number of the settings of a moment, 0 while it is off.
    int64_t (*version)(Moment at) = nullptr;
    // Throws UserError 42809 if the room itself keeps the segment of this name. May be null.
    void (*guard)(const std::string& segment) = nullptr;
    // The texts that a name can be; empty: it is no text of a fixed list. May be null.
    std::vector<std::string> (*values)(const std::string& name) = nullptr;
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterMacros(const MacroSource& source);

// The same for all sources.
rule::ExprPtr FindMacro(const std::string& name, Moment at, size_t position);
uint64_t MacroVersion(Moment at);
void GuardSegment(const std::string& segment);
std::vector<std::string> MacroValues(const std::string& name);

}  // namespace pulse::trait
