// Traits as people write them. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "pulse/rule/compile.hpp"

namespace pulse::trait {

// The name of a trait, trimmed. Throws UserError when it is none, or means something else in a rule.
std::string CheckKey(const std::string& key);

// An expression: rule text, or in braces the JSON form {"function": "sum", "event": "purchase", "property":
// "total", "window_days": 30}. Throws UserError.
rule::ExprPtr ReadExpression(const std::string& text);
rule::ExprPtr FromJson(const nlohmann::json& json);

// What a trait is called by its type: boolean, number, text, timestamp, list, json. Throws UserError for what
// cannot be a trait.
std::string TypeName(const rule::Expr& expr, rule::ValueType type);

// What a rule names, itself or in the filters of its metrics. Each once.
struct RuleReferences {
    std::vector<std::string> events;                              // "" for a metric of any event
    std::vector<std::pair<std::string, std::string>> properties;  // of an event, by its path
    std::vector<std::pair<std::string, std::string>> numbers;     // those that are summed or averaged
    std::vector<std::string> attributes, account_attributes;      // top-level keys
    std::vector<std::string> patterns;                            // regular expressions
};
RuleReferences FindReferences(const rule::Expr& expr);

}  // namespace pulse::trait
