// The tools that a model may call: what it is told of them, and what arguments they take. Pure C++.
#pragma once

#include "pulse/diagnosis/agent_protocol.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

// All of them only read.
const std::vector<Tool>& Tools();

// Why a call cannot be made, told to the model; empty when it can. Unknown tools and arguments are refused,
// and so is a value of another type or out of range.
std::string CheckCall(const ToolCall& call);

// A rule that may be counted for a model, in its canonical form: of columns that are attributes of the
// segment or stand in its own rule, but never of its key. Throws UserError 42501 for another, and what the
// rule language says about one that is none.
std::string CheckPreview(const segment::Request& request, const std::string& where);

inline constexpr int64_t kMostPreviews = 5;  // of one investigation

// A count that no single person changes for sure: with noise from -5 to 5, to the nearest ten; under ten it
// stays one under ten.
int64_t BlurCount(int64_t people, int64_t noise);

}  // namespace pulse::diagnosis
