// What the parts of a diagnosis share while it is made: the case, what is known so far, and where findings
// go. Pure C++.
#pragma once

#include "pulse/diagnosis/changes.hpp"
#include "pulse/diagnosis/diagnosis.hpp"
#include "pulse/diagnosis/value_shift.hpp"

namespace pulse::diagnosis {

// What the incident is about, and therefore what a hypothesis must explain.
enum class Target { kSize, kShape, kConversion, kChurn, kInactive, kSchema };

struct DiagnosisContext {
    const SegmentInput& input;
    Target target = Target::kSize;
    SizeTrend trend;
    std::vector<AttributeChange> changes;
    std::vector<ValueShift> shifts;
    bool comparable = false;  // there is a picture before and one after, both measured
    int64_t before_size = 0, after_size = 0;
    std::string cited_size;  // evidence of the change of size, cited by most hypotheses

    std::vector<Evidence> evidence;
    std::vector<Hypothesis> hypotheses;

    explicit DiagnosisContext(const SegmentInput& the_case) : input(the_case) {}

    // Members more than before.
    int64_t growth() const { return after_size - before_size; }
    double relative() const {
        return before_size > 0 ? static_cast<double>(growth()) / static_cast<double>(before_size) : 0;
    }
    // How many standard deviations of chance and unrest the change of size is.
    double size_z() const;
    // The move that explains most of the change of size (0 without one).
    double concentrated() const;

    // Keep a fact; the same sentence twice is one fact. Returns its id.
    std::string AddEvidence(const std::string& kind, const std::string& sentence,
                            const nlohmann::json& figures = nlohmann::json::object());
    // Keep a hypothesis; confidence is brought to 0..1, and what is as good as excluded is dropped.
    void AddHypothesis(Cause cause, double confidence, const std::string& sentence,
                       std::vector<std::string> cited, Subject subject = {});
};

// The parts, in the order in which a diagnosis asks for them.
void AddMeasurementHypotheses(DiagnosisContext& context);  // failed measurements, changed columns
void AddSourceTableHypotheses(
    DiagnosisContext& context);  // tables under the segment that are late, empty or changed
void AddRuleHypotheses(DiagnosisContext& context);   // changed rules, clauses that lost their rows
void AddValueHypotheses(DiagnosisContext& context);  // renamed, emptied, vanished, lost, grown values
void AddSizeTrendHypotheses(
    DiagnosisContext& context);                     // everywhere alike, slowly, entries, exits, other people
void AddRateHypotheses(DiagnosisContext& context);  // conversion and activity
void AddCorrelatedIncidentHypotheses(DiagnosisContext& context);  // the same elsewhere

// DiscountBySharedCause the hypotheses against each other: a root cause takes from what it causes. Sorts, and
// always leaves one.
void Rank(DiagnosisContext& context);

// What each value contributes to the change.
std::vector<Contribution> Attribute(const DiagnosisContext& context, std::string& of_what);

// What to do about the likeliest hypotheses.
std::vector<Recommendation> Recommend(const DiagnosisContext& context);

}  // namespace pulse::diagnosis
