// One exchange with a model over HTTP: the request, and what its response comes to. Pure C++.
#pragma once

#include "pulse/diagnosis/agent_plan.hpp"
#include "pulse/http/request.hpp"

namespace pulse::diagnosis {

http::Request MakeRequest(const Model& model, const std::string& body);

struct AgentResponse {
    Json answered;                        // to be stored: the body, or the beginning of one that is not used
    bool replied = false;                 // the answer follows the protocol
    std::string error;                    // why it did not reply
    bool retry = false;                   // whether a retry may help
    std::optional<RequestUsage> charged;  // nothing: free of charge
};
// Read a response to a request of this estimated use.
AgentResponse ReadResponse(const Model& model, const RequestUsage& estimate, const http::Response& response);

}  // namespace pulse::diagnosis
