// What a diagnosis can recommend, as text and SQL, while the recommendations are collected; recommend.cpp
// says what each cause needs. Pure C++, inside this room only.
#pragma once

#include <string>
#include <vector>

#include "pulse/diagnosis/advice_sql.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

// Advice with SQL that is in the list already is not added; without SQL it is dropped at the end.
struct Advisor {
    const DiagnosisContext& context;
    const AdviceSql sql{context.input};
    std::vector<Recommendation> list;
    bool watched = false;  // an alert rule is among them

    const DiagnosisInput& input() const { return context.input; }
    const segment::MemberWords& words() const { return context.input.words; }

    void Add(const char* priority, const std::string& action, const std::string& reason,
             const std::string& query);

    // ---- the data ----
    // The values concerned; after a rename all of them, so that the new ones can be seen.
    void CheckUpstream(const Hypothesis& h, const char* priority, const std::string& action,
                       const std::string& reason);
    // A clause over people: the attribute it names, and where its traits, segments and events come from.
    void CheckClause(const Hypothesis& h);
    void TakeAgain();

    // ---- the definition ----
    // The definition with the names of today.
    void RepairDefinition(const Hypothesis& h);
    // Keep the old and the new value in the rule, until the data is right again.
    void MapValues(const Hypothesis& h);
    void Revert(const Hypothesis& h);
    // Separate segments for the value concerned and for the rest would have shown the cause directly.
    void Split(const Hypothesis& h);
    void SplitCombination(const Hypothesis& h);

    // ---- what the segment is compared with, and from which change on it is reported ----
    void AcceptAsNormal(const char* priority, const std::string& reason);
    // A moving baseline follows a slow erosion down; a fixed one keeps showing it.
    void Pin();
    void WidenExpectation();
    // Report the attribute that showed the cause next time, and earlier. A segment without critical
    // attributes reports all of them: naming one would stop the others.
    void WatchAttribute(const Hypothesis& h);
    // Shows what a higher threshold would have reported; only for findings near the threshold.
    void TryThreshold();

  private:
    bool Measured(const std::string& attribute) const;
    const char* ThresholdKey() const;
};

}  // namespace pulse::diagnosis
