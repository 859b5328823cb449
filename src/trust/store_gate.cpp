#include "pulse/trust/store_gate.hpp"

#include "pulse/pg/spi.hpp"

namespace pulse::trust {

const char* Name(Verdict verdict) {
    switch (verdict) {
        case Verdict::kPass: return "pass";
        case Verdict::kHold: return "hold";
        case Verdict::kBlock: break;
    }
    return "block";
}

GateDecision EvaluateGate(const std::string&, const std::string&, bool) {
    // Stand-in while the gate is written on its own branch.
    GateDecision decision;
    decision.verdict = Verdict::kPass;
    return decision;
}

}  // namespace pulse::trust
