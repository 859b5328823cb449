// The final answer of a model: its schema and its validation. Pure C++.
#pragma once

#include <functional>
#include <set>

#include "pulse/diagnosis/agent_protocol.hpp"

namespace pulse::diagnosis {

// {what_changed[], hypotheses[{cause, sentence, confidence, evidence[]}], recommendations[{action, reason,
// priority, sql}]}.
const Json& AnswerSchema();

// Finds the JSON object in a text, also inside ``` marks or between other words.
std::optional<Json> FindObject(const std::string& text);

// Returns why a recommended statement cannot be shown; empty when it can.
using SqlCheck = std::function<std::string(const std::string& sql)>;

// A validated answer without keys that are not in the schema, and one sentence for each problem.
struct CheckedAnswer {
    Json answer;
    std::vector<std::string> problems;
};
CheckedAnswer CheckAnswer(const Json& answer, const std::set<std::string>& evidence,
                          const SqlCheck& check_sql);

}  // namespace pulse::diagnosis
