// Stops a run from trying a failing source again: two hundred segments on a server that is down must not cost
// two hundred time-outs. Pure C++.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace pulse::snapshot {

class SourceCircuitBreaker {
  public:
    static constexpr int kMaxFailures = 3;  // in a row

    // The reason if the circuit of `source` is open; nothing while it is closed.
    std::optional<std::string> OpenReason(const std::string& source) const {
        const auto found = failures_.find(source);
        if (found == failures_.end() || !found->second.open) return std::nullopt;
        return "not tried again in this run: " + found->second.reason;
    }
    void RecordSuccess(const std::string& source) { failures_.erase(source); }
    void RecordFailure(const std::string& source, const std::string& reason, bool unreachable) {
        Failures& failures = failures_[source];
        failures.reason = reason;
        failures.open = ++failures.in_a_row >= kMaxFailures || unreachable;
    }

  private:
    struct Failures {
        int in_a_row = 0;
        bool open = false;
        std::string reason;
    };
    std::map<std::string, Failures> failures_;
};

}  // namespace pulse::snapshot
