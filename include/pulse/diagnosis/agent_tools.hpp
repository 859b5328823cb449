// The tools that a model may call: what it is told of them, and what arguments they take. Pure C++.
#pragma once

#include "pulse/diagnosis/agent_protocol.hpp"

namespace pulse::diagnosis {

// All of them only read.
const std::vector<Tool>& Tools();

// Why a call cannot be made, told to the model; empty when it can. Unknown tools and arguments are refused, and so is a value of
// another type or out of range.
std::string CheckCall(const ToolCall& call);

}  // namespace pulse::diagnosis
