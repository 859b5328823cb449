// The state that the parts of a diagnosis share: the input, figures computed from it, evidence and
// hypotheses. Pure C++.
#pragma once

#include "pulse/diagnosis/changes.hpp"
#include "pulse/diagnosis/diagnosis.hpp"
#include "pulse/diagnosis/value_shift.hpp"

namespace pulse::diagnosis {

// The kind of change that a hypothesis must explain.
enum class ChangeType { kSize, kShape, kConversion, kChurn, kInactive, kSchema };

struct DiagnosisContext {
    const DiagnosisInput& input;
    ChangeType change_type = ChangeType::kSize;
    SizeTrend trend;
    std::vector<DistributionChange> changes;
    std::vector<ValueShift> shifts;
    bool comparable = false;  // there is a snapshot before and one after, both measured
    int64_t before_size = 0, after_size = 0;
    std::string cited_size;  // evidence of the change of size, cited by most hypotheses

    std::vector<Evidence> evidence;
    std::vector<Hypothesis> hypotheses;

    explicit DiagnosisContext(const DiagnosisInput& the_case) : input(the_case) {}

    // Change of the number of members.
    int64_t growth() const { return after_size - before_size; }
    double relative() const {
        return before_size > 0 ? static_cast<double>(growth()) / static_cast<double>(before_size) : 0;
    }
    // The moment as texts show it: the date, and the time of day where dates cannot tell snapshots apart.
    std::string When(Moment moment) const;
    // The change of size in standard deviations of chance and usual variability.
    double size_z() const;
    // The largest share of the change of size that one shift explains (0 without one).
    double concentrated() const;

    // Add a fact and return its id; a sentence that exists is not added again.
    std::string AddEvidence(const std::string& kind, const std::string& sentence,
                            const nlohmann::json& figures = nlohmann::json::object());
    // Add a hypothesis; confidence is clamped to 0..1, and one below the minimum is dropped.
    void AddHypothesis(Cause cause, double confidence, const std::string& sentence,
                       std::vector<std::string> cited, RecommendationSubject subject = {});
};

// The parts, in the order in which a diagnosis asks for them.
void AddMeasurementHypotheses(DiagnosisContext& context);  // failed measurements, changed columns
void AddSourceTableHypotheses(
    DiagnosisContext& context);                       // tables that the segment reads: late, empty or changed
void AddServerHypothesis(DiagnosisContext& context);  // segments over several tables of one server
void AddOneServerHypothesis(DiagnosisContext& context);    // one of the segment's own servers
void AddRuleHypotheses(DiagnosisContext& context);         // changed rules, clauses that lost their rows
void AddValueHypotheses(DiagnosisContext& context);        // renamed, emptied, vanished, lost, grown values
void AddCombinationHypothesis(DiagnosisContext& context);  // values of several attributes together
void AddSizeTrendHypotheses(DiagnosisContext& context);    // uniform, gradual, entries, exits, identity
void AddRateHypotheses(DiagnosisContext& context);         // conversion and activity
// Rates per value, where a segment measures an attribute of all members and, under this name, of those who
// converted. Whether it found a value that explains the change; `cited` is the evidence of the change.
inline constexpr std::string_view kConvertedSuffix = " (converted)";
bool AddValueRateHypothesis(DiagnosisContext& context, double support, const std::string& cited);
void AddCorrelatedIncidentHypotheses(DiagnosisContext& context);  // the same cause in other segments

// The incidents with the same cause as this one, and the name of that cause.
void AddRelated(const DiagnosisContext& context, Diagnosis& diagnosis);

// The confidence, 0..1, that a loss (sign -1) or growth (sign +1) of values is the change that the incident
// is about.
double Strength(const DiagnosisContext& context, const ValueShift& shift, double sign);

// Rank the hypotheses: a root cause lowers the confidence of its consequences. At least one remains.
void Rank(DiagnosisContext& context);

// The contribution of each value to the change.
std::vector<Contribution> Attribute(const DiagnosisContext& context, std::string& of_what);

// Recommendations for the likeliest hypotheses.
std::vector<Recommendation> Recommend(const DiagnosisContext& context);

}  // namespace pulse::diagnosis
