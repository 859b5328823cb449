// Measuring a segment on several servers, for store_take.cpp and store_take_background.cpp.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "pulse/snapshot/merge.hpp"
#include "pulse/snapshot/source_circuit_breaker.hpp"
#include "pulse/snapshot/store.hpp"
#include "pulse/source/side_by_side.hpp"

namespace pulse::snapshot {

class ServersTake {
  public:
    // Servers whose circuit is open are not visited. `breaker` may be null.
    ServersTake(const segment::Segment& segment, SourceCircuitBreaker* breaker)
        : segment_(segment), breaker_(breaker) {}

    // Finds the servers, with their rights and limits. Needs a transaction.
    void Prepare(MeasureSpec spec);
    // Visits them side by side. Needs no transaction.
    void Read();
    // What the visits cost, also after an error.
    std::vector<source::Usage> Usages() const;
    // Merges what they have measured. Throws what a server has thrown, unless it may be missing.
    void Merge();
    // The result with its coverage, to be stored. Needs a transaction.
    MeasureResult Finish();

    const MeasureSpec& spec() const { return spec_; }

  private:
    void TakeOutcome(size_t i);
    void Miss(size_t i, const UserError& error, bool unreachable);

    const segment::Segment& segment_;
    SourceCircuitBreaker* breaker_;
    MeasureSpec spec_;
    std::vector<ServerShare> shares_;          // all servers of the definition
    std::vector<source::Visit> visits_;        // those that are read
    std::vector<size_t> places_;               // of each visit in shares_
    std::vector<ServerMeasurement> measured_;  // of each visit
    std::vector<ServerMeasurement> parts_;     // of those that were measured
    std::optional<std::string> closed_;        // why the first one is not visited
    std::exception_ptr failure_, missing_;     // the first of each
    MeasureResult result_;
};

}  // namespace pulse::snapshot
