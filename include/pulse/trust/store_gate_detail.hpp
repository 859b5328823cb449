// A decision of the gate with all that it stands on. For entry code of this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pulse/trust/gate.hpp"
#include "pulse/trust/store_gate.hpp"

namespace pulse::trust {

struct FullDecision {
    GateDecision decision;
    GateFacts facts;
    Judgement judgement;
    TrustSettings settings;
    nlohmann::json parts = nlohmann::json::array();
};

// EvaluateGate() is this with less.
FullDecision EvaluateGateFully(const std::string& action, const std::string& subject, bool dry_run);

}  // namespace pulse::trust
