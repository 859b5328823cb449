// Parsing definitions of traits. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "pulse/rule/compile.hpp"

namespace pulse::trait {

// Check and trim the name of a trait. Throws UserError if it is invalid or has another meaning in a rule.
std::string CheckKey(const std::string& key);

// Parse an expression: rule text, or the JSON form {"function": "sum", "event": "purchase", "property":
// "total", "window_days": 30}. Throws UserError.
rule::ExprPtr ReadExpression(const std::string& text);
rule::ExprPtr FromJson(const nlohmann::json& json);

// The name of a trait's type: boolean, number, text, timestamp, list, json. Throws UserError for types that a
// trait cannot have.
std::string TypeName(const rule::Expr& expr, rule::ValueType type);

// The names that a rule uses, including filters of its metrics. Each once.
struct RuleReferences {
    std::vector<std::string> events;                              // "" for a metric of any event
    std::vector<std::pair<std::string, std::string>> properties;  // of an event, by its path
    std::vector<std::pair<std::string, std::string>> numbers;     // those that are summed or averaged
    // Two properties of an event, or two attributes (event "$identify"), compared by their order.
    struct Order {
        std::string event, left, right;
        bool operator==(const Order&) const = default;
    };
    std::vector<Order> orders;
    std::vector<std::string> attributes, account_attributes;  // top-level keys
    std::vector<std::string> purposes;                        // of consent
};
RuleReferences FindReferences(const rule::Expr& expr);

}  // namespace pulse::trait
