// The tools that a model may call: their descriptions and arguments. Pure C++.
#pragma once

#include "pulse/diagnosis/agent_protocol.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

// All tools, which only read.
const std::vector<Tool>& Tools();

// Returns why a call is refused, as a message to the model; empty when it is valid. Unknown tools and
// arguments, wrong types and values out of range are refused.
std::string CheckCall(const ToolCall& call);

// Returns the canonical form of a rule that may be counted for a model: it uses attributes of the segment and
// columns of its rule, never its key. Throws UserError 42501 for other columns, and the errors of the rule
// language.
std::string CheckPreview(const segment::Request& request, const std::string& where);

inline constexpr int64_t kMaxPreviews = 5;  // of one investigation

// Blur a count so that no single person certainly changes it: noise from -5 to 5, rounded to ten; counts
// below ten stay "below ten".
int64_t BlurCount(int64_t people, int64_t noise);

}  // namespace pulse::diagnosis
