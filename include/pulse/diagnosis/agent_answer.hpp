// The final answer of a model: its schema, and what is wrong with one. Pure C++.
#pragma once

#include <functional>
#include <set>

#include "pulse/diagnosis/agent_protocol.hpp"

namespace pulse::diagnosis {

// {what_changed[], hypotheses[{cause, sentence, confidence, evidence[]}], recommendations[{action, reason,
// priority, sql}]}.
const Json& AnswerSchema();

// The JSON object in a text, also between ``` marks or words around it.
std::optional<Json> FindObject(const std::string& text);

// Why a recommended statement cannot be shown; empty when it can.
using SqlCheck = std::function<std::string(const std::string& sql)>;

// An answer that was looked at: cleaned of what the schema does not have, and a sentence for each thing that
// is wrong with it.
struct CheckedAnswer {
    Json answer;
    std::vector<std::string> problems;
};
CheckedAnswer CheckAnswer(const Json& answer, const std::set<std::string>& evidence,
                          const SqlCheck& check_sql);

}  // namespace pulse::diagnosis
