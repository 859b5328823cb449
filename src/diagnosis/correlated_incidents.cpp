// Hypotheses from other segments that changed at the same time for the same reason.
#include <algorithm>
#include <cmath>
#include <set>

#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

// Kinds of shifts that two segments can have in common.
enum class Family { kRename, kNull, kLoss, kGain, kOther };

Family FamilyOf(ShiftKind shift) {
    switch (shift) {
        case ShiftKind::kRenamed: return Family::kRename;
        case ShiftKind::kNulled:
        case ShiftKind::kFilled: return Family::kNull;
        case ShiftKind::kVanished:
        case ShiftKind::kLost: return Family::kLoss;
        case ShiftKind::kAppeared:
        case ShiftKind::kGrew: return Family::kGain;
    }
    return Family::kOther;
}

bool Overlap(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    return std::any_of(a.begin(), a.end(), [&](const std::string& label) {
        return std::find(b.begin(), b.end(), label) != b.end();
    });
}

// Whether the column of the hypothesis shifted in the same way in the other segment.
bool Shares(const Hypothesis& hypothesis, const ValueShift& shift) {
    const Family family = FamilyOf(shift.kind);
    for (const Condition& condition : hypothesis.subject.conditions)
        if (condition.attribute == shift.attribute && Overlap(condition.values, shift.labels) &&
            family == (hypothesis.cause == Cause::kCombinationLost ? Family::kLoss : Family::kGain))
            return true;
    if (hypothesis.subject.attribute.empty() || shift.attribute != hypothesis.subject.attribute) return false;
    switch (hypothesis.cause) {
        case Cause::kValueRenamed:
            return (family == Family::kRename || family == Family::kLoss) &&
                   Overlap(hypothesis.subject.values, shift.labels);
        case Cause::kColumnNulled:
        case Cause::kColumnFilled: return family == Family::kNull;
        case Cause::kValueVanished:
        case Cause::kOneValueLost:
            return (family == Family::kLoss || family == Family::kRename) &&
                   Overlap(hypothesis.subject.values, shift.labels);
        case Cause::kValueInflux:
            return family == Family::kGain && Overlap(hypothesis.subject.values, shift.labels);
        default: return false;
    }
}

bool SharesClause(const Hypothesis& hypothesis, const CorrelatedIncident& other_incident) {
    if (hypothesis.subject.clause.empty() || hypothesis.subject.attribute.empty()) return false;
    if (hypothesis.cause != Cause::kClauseShift && hypothesis.cause != Cause::kValueRenamed) return false;
    for (const ClauseCount& after : other_incident.after.clauses)
        for (const ClauseCount& before : other_incident.before.clauses) {
            if (after.text != before.text || !after.missed_only || !before.missed_only) continue;
            const auto columns = ColumnsOf(after.text);
            const int64_t lost = other_incident.before.size - other_incident.after.size;
            if (std::find(columns.begin(), columns.end(), hypothesis.subject.attribute) != columns.end() &&
                lost > 0 &&
                static_cast<double>(*after.missed_only - *before.missed_only) >
                    0.4 * static_cast<double>(lost))
                return true;
        }
    return false;
}

// Both segments read the same table and lost people uniformly: the table itself lost people.
bool SharesFall(const DiagnosisContext& context, const Hypothesis& hypothesis,
                const CorrelatedIncident& other_incident) {
    if (hypothesis.cause != Cause::kUniformLoss && hypothesis.cause != Cause::kSourceEmptied) return false;
    if (context.input.relation.empty() || other_incident.relation != context.input.relation) return false;
    if (other_incident.before.size <= 0 || context.before_size <= 0) return false;
    const double change =
        static_cast<double>(other_incident.after.size) / static_cast<double>(other_incident.before.size) - 1;
    return change < -0.05 && std::abs(change - context.relative()) < 0.5 * std::abs(context.relative());
}

struct Shared {
    const Hypothesis* hypothesis = nullptr;
    std::vector<const CorrelatedIncident*> correlated;
    std::vector<std::string> replacements;  // new values that only another segment contains
    double weight() const {
        return hypothesis
                   ? hypothesis->confidence * (1 - std::pow(0.4, static_cast<double>(correlated.size())))
                   : 0;
    }
};

// The hypothesis that the largest number of other segments share.
Shared FindShared(const DiagnosisContext& context) {
    std::vector<std::vector<ValueShift>> shifts;
    for (const CorrelatedIncident& other_incident : context.input.correlated)
        shifts.push_back(
            FindValueShifts(Compare(other_incident.before, other_incident.after, context.trend.variability)));
    Shared best;
    for (const Hypothesis& hypothesis : context.hypotheses) {
        Shared shared{&hypothesis, {}, {}};
        for (size_t i = 0; i < shifts.size(); ++i) {
            const CorrelatedIncident& other_incident = context.input.correlated[i];
            const auto moved = std::find_if(shifts[i].begin(), shifts[i].end(), [&](const ValueShift& shift) {
                return Shares(hypothesis, shift);
            });
            if (moved != shifts[i].end() && shared.replacements.empty())
                shared.replacements = moved->replacements;
            if (moved != shifts[i].end() || SharesClause(hypothesis, other_incident) ||
                SharesFall(context, hypothesis, other_incident))
                shared.correlated.push_back(&other_incident);
        }
        if (!shared.correlated.empty() && shared.weight() > best.weight()) best = shared;
    }
    return best;
}

std::string DescribeSharedCause(const Hypothesis& hypothesis, const RecommendationSubject& subject,
                                const segment::MemberWords& words) {
    const std::string attribute = Short(subject.attribute, 40);
    const std::vector<std::string> values = ShortValues(subject.values);
    const std::string named = attribute + (values.empty() ? "" : " = " + Listed(values));
    switch (hypothesis.cause) {
        case Cause::kValueRenamed:
            return "renamed values of " + attribute +
                   (subject.replacements.empty()
                        ? ""
                        : " (" + Listed(values) + " -> " + Listed(ShortValues(subject.replacements)) + ")");
        case Cause::kColumnNulled: return attribute + " is no longer filled";
        case Cause::kColumnFilled: return attribute + " is now filled";
        case Cause::kValueInflux: return "the growth of " + named;
        case Cause::kCombinationLost: return "the loss of one combination";
        case Cause::kCombinationInflux: return "the growth of one combination";
        case Cause::kClauseShift: return "the data behind " + attribute;
        case Cause::kUniformLoss: return words.rows + " missing from the table that all of them read";
        case Cause::kSourceEmptied: return "the empty table that all of them read";
        default: return "the loss of " + named;
    }
}

}  // namespace

void AddCorrelatedIncidentHypotheses(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    if (input.correlated.empty() || !context.comparable) return;
    const Shared shared = FindShared(context);
    if (!shared.hypothesis) return;
    std::set<std::string> names;
    std::vector<int64_t> incidents;
    for (const CorrelatedIncident* other_incident : shared.correlated) {
        names.insert(Short(other_incident->segment));
        incidents.push_back(other_incident->incident);
    }
    const std::vector<std::string> listed(names.begin(), names.end());
    const std::string id =
        context.AddEvidence("sibling", Listed(listed) + " changed in the same way at the same time.",
                            {{"segments", listed}, {"incidents", incidents}});
    std::vector<std::string> cited{id};
    for (const std::string& other : shared.hypothesis->evidence) cited.push_back(other);
    // Others may have changed by chance; each further segment makes that less likely.
    const double confidence =
        shared.hypothesis->confidence +
        (0.99 - shared.hypothesis->confidence) * (1 - std::pow(0.35, static_cast<double>(listed.size())));
    RecommendationSubject subject = shared.hypothesis->subject;
    if (subject.replacements.empty() && shared.hypothesis->cause == Cause::kValueRenamed)
        subject.replacements = shared.replacements;
    const std::string sentence = "One cause upstream hit " +
                                 Thousands(static_cast<int64_t>(listed.size()) + 1) +
                                 " segments at once (this one, " + Listed(listed) +
                                 "): " + DescribeSharedCause(*shared.hypothesis, subject, input.words) +
                                 ". " + shared.hypothesis->sentence;
    context.AddHypothesis(Cause::kSharedUpstream, confidence, sentence, cited, subject);
}

}  // namespace pulse::diagnosis
