// Ranks the hypotheses: a root cause lowers the confidence of those that only describe its consequences.
#include <algorithm>

#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

constexpr double kMinShownConfidence = 0.1;

// The depth of a cause, from root cause to symptom: actions, failures, affected people, appearance.
int Depth(Cause cause) {
    switch (cause) {
        case Cause::kMeasurementFailed:
        case Cause::kSchemaChange:
        case Cause::kRuleTightened:
        case Cause::kRuleLoosened:
        case Cause::kTableTrouble:
        case Cause::kServerTrouble:
        case Cause::kLoadStopped:
        case Cause::kSourceLate:
        case Cause::kReplicaLate:
        case Cause::kRowsRemoved:
        case Cause::kRowsAdded:
        case Cause::kColumnsChanged:
        case Cause::kBadRows:
        case Cause::kCheckFails:
        case Cause::kTableGone:
        case Cause::kReleaseChanged:
        case Cause::kPropertyRenamed:
        case Cause::kSourceSilent:
        case Cause::kTrackingAdded:
        case Cause::kSourceEmptied: return 0;
        case Cause::kSharedUpstream: return 1;
        case Cause::kValueRenamed:
        case Cause::kColumnNulled:
        case Cause::kColumnFilled:
        case Cause::kClauseShift:
        case Cause::kConversionTrackingLost: return 2;
        case Cause::kValueVanished:
        case Cause::kOneValueLost:
        case Cause::kValueInflux:
        case Cause::kCombinationLost:
        case Cause::kCombinationInflux:
        case Cause::kValuesRescaled:
        case Cause::kIdentityChanged: return 3;
        case Cause::kConversionRateFall:
        case Cause::kConversionRateRise:
        case Cause::kMixShift:
        case Cause::kWentQuiet:
        case Cause::kEntriesStopped:
        case Cause::kGradualErosion:
        case Cause::kExpectationOutdated: return 4;
        case Cause::kExitsSurged:
        case Cause::kUniformLoss:
        case Cause::kUniformGrowth: return 5;
        case Cause::kUnexplained: return 6;
    }
    return 6;
}

// Whether the shallow hypothesis names a part of the combination that the deep one names.
bool NamesPart(const Hypothesis& deep, const Hypothesis& shallow) {
    const std::vector<Condition>& conditions = deep.subject.conditions;
    return std::any_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
        return shallow.subject.conditions.empty() && shallow.subject.attribute == condition.attribute;
    });
}

// The share of the shallow hypothesis's confidence that the deep one removes.
double DiscountShare(const Hypothesis& deep, const Hypothesis& shallow) {
    if (NamesPart(deep, shallow)) return 0.7;
    // A clause that misses people because its values were renamed has the same cause.
    if (deep.cause == Cause::kValueRenamed && shallow.cause == Cause::kClauseShift &&
        !deep.subject.clause.empty())
        return deep.subject.clause == shallow.subject.clause ? 0.7 : 0;
    // Who lost a value is probably among those whose value of another attribute is gone altogether.
    if (deep.cause == Cause::kValueVanished && shallow.cause == Cause::kOneValueLost &&
        static_cast<double>(deep.subject.people) >= 0.9 * static_cast<double>(shallow.subject.people))
        return 0.5;
    if (Depth(deep.cause) >= Depth(shallow.cause)) return 0;
    // People whom the rule turned away for it are no loss by themselves.
    if (deep.cause == Cause::kValueRenamed && !deep.subject.clause.empty() && Depth(shallow.cause) >= 4)
        return 0.6;
    // So does the platform that all people of the renamed value share.
    const double ratio = static_cast<double>(shallow.subject.people) /
                         static_cast<double>(std::max<int64_t>(deep.subject.people, 1));
    if (deep.cause == Cause::kValueRenamed && !deep.subject.clause.empty() && Depth(shallow.cause) == 3 &&
        ratio > 0.75 && ratio < 1.33)
        return 0.7;
    switch (deep.cause) {
        case Cause::kRuleTightened:
        case Cause::kRuleLoosened:
        case Cause::kTableTrouble:
        case Cause::kServerTrouble:
        case Cause::kSourceEmptied: return 0.6;
        case Cause::kSchemaChange:
        case Cause::kMeasurementFailed: return 0.3;
        case Cause::kSharedUpstream: return 0;  // it repeats one of the others, which keeps its confidence
        case Cause::kValueRenamed:
        case Cause::kColumnNulled:
        case Cause::kColumnFilled:
            // The same attribute's values moved because of it; other attributes' did not.
            return deep.subject.attribute == shallow.subject.attribute ? 0.7 : 0.2;
        case Cause::kClauseShift: return Depth(shallow.cause) == 5 || Depth(shallow.cause) == 4 ? 0.6 : 0.35;
        case Cause::kIdentityChanged: return shallow.cause == Cause::kExitsSurged ? 0.6 : 0.2;
        default: return 0.15;
    }
}

void DiscountBySharedCause(std::vector<Hypothesis>& hypotheses) {
    std::vector<double> weighed;
    for (const Hypothesis& hypothesis : hypotheses) {
        double kept = 1;
        for (const Hypothesis& other : hypotheses)
            kept = std::min(kept, 1 - DiscountShare(other, hypothesis) * other.confidence);
        weighed.push_back(hypothesis.confidence * kept);
    }
    for (size_t i = 0; i < hypotheses.size(); ++i) hypotheses[i].confidence = weighed[i];
}

// Keeps the best hypothesis of each cause, and others of it about other attributes if they are strong.
void DropRepeats(std::vector<Hypothesis>& hypotheses) {
    std::vector<Hypothesis> kept;
    for (Hypothesis& hypothesis : hypotheses) {
        const auto same = std::find_if(kept.begin(), kept.end(), [&](const Hypothesis& other) {
            return other.cause == hypothesis.cause &&
                   ((other.subject.attribute == hypothesis.subject.attribute &&
                     other.subject.conditions.empty()) ||
                    hypothesis.confidence < 0.6 * other.confidence ||
                    hypothesis.cause == Cause::kValueVanished || hypothesis.cause == Cause::kOneValueLost ||
                    hypothesis.cause == Cause::kValueInflux);
        });
        if (same == kept.end()) kept.push_back(std::move(hypothesis));
    }
    hypotheses = std::move(kept);
}

}  // namespace

void Rank(DiagnosisContext& context) {
    constexpr size_t kMost = 6;
    DiscountBySharedCause(context.hypotheses);
    std::stable_sort(context.hypotheses.begin(), context.hypotheses.end(),
                     [](const Hypothesis& a, const Hypothesis& b) {
                         return a.confidence != b.confidence ? a.confidence > b.confidence
                                                             : Depth(a.cause) < Depth(b.cause);
                     });
    DropRepeats(context.hypotheses);
    std::erase_if(context.hypotheses, [](const Hypothesis& h) { return h.confidence < kMinShownConfidence; });
    if (context.hypotheses.size() > kMost) context.hypotheses.resize(kMost);
    if (!context.hypotheses.empty()) return;
    const bool known = context.comparable;
    context.hypotheses.push_back(
        {Cause::kUnexplained,
         known ? 0.2 : 0.1,
         known
             ? "Nothing in the data that Pulse keeps explains the change: it is very small, or its cause is "
               "not measured."
             : "There are no two measurements to compare, so the cause is unknown.",
         context.cited_size.empty() ? std::vector<std::string>{}
                                    : std::vector<std::string>{context.cited_size},
         {}});
}

}  // namespace pulse::diagnosis
