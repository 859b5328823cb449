// Hypotheses from other segments that changed at the same time for the same reason.
#include <algorithm>
#include <cmath>
#include <set>

#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/table.hpp"
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

// Whether both segments read the same table.
bool SameTable(const DiagnosisContext& context, const CorrelatedIncident& other_incident) {
    return !context.input.relation.empty() && other_incident.relation == context.input.relation &&
           other_incident.server == context.input.server;
}

// What moves no single value: another mix or unit of a column, or conversions that are no longer counted,
// also in the other segment over the table.
bool SharesColumn(const DiagnosisContext& context, const Hypothesis& hypothesis,
                  const CorrelatedIncident& other_incident, const std::vector<DistributionChange>& changes) {
    if (!SameTable(context, other_incident)) return false;
    const auto change = std::find_if(changes.begin(), changes.end(), [&](const DistributionChange& one) {
        return one.attribute == hypothesis.subject.attribute;
    });
    if (hypothesis.cause == Cause::kMixShift || hypothesis.cause == Cause::kValuesRescaled)
        return change != changes.end() && change->distance > 0.1;
    const SegmentSnapshot &before = other_incident.before, &after = other_incident.after;
    return hypothesis.cause == Cause::kConversionTrackingLost && before.converted && after.converted &&
           before.size > 0 && after.size > 0 && *before.converted > 0 &&
           static_cast<double>(*after.converted) / static_cast<double>(after.size) <
               0.3 * static_cast<double>(*before.converted) / static_cast<double>(before.size);
}

// Whether the other segment lost people to a clause of its rule; with a name, to one that reads that column.
bool TurnedAway(const CorrelatedIncident& other_incident, const std::string& column = "") {
    const int64_t lost = other_incident.before.size - other_incident.after.size;
    for (const ClauseCount& after : other_incident.after.clauses)
        for (const ClauseCount& before : other_incident.before.clauses) {
            if (after.text != before.text || !after.missed_only || !before.missed_only) continue;
            const auto columns = ColumnsOf(after.text);
            const bool named =
                column.empty() || std::find(columns.begin(), columns.end(), column) != columns.end();
            if (named && lost > 0 &&
                static_cast<double>(*after.missed_only - *before.missed_only) >
                    0.4 * static_cast<double>(lost))
                return true;
        }
    return false;
}

bool SharesClause(const Hypothesis& hypothesis, const CorrelatedIncident& other_incident) {
    if (hypothesis.subject.clause.empty() || hypothesis.subject.attribute.empty()) return false;
    if (hypothesis.cause != Cause::kClauseShift && hypothesis.cause != Cause::kValueRenamed) return false;
    return TurnedAway(other_incident, hypothesis.subject.attribute);
}

// Both segments read the same table and lost people uniformly: the table itself lost people.
bool SharesFall(const DiagnosisContext& context, const Hypothesis& hypothesis,
                const CorrelatedIncident& other_incident) {
    if (hypothesis.cause != Cause::kUniformLoss && hypothesis.cause != Cause::kSourceEmptied) return false;
    // Those whom a rule turned away are still in the table.
    if (!SameTable(context, other_incident) || TurnedAway(other_incident)) return false;
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
    std::vector<std::vector<DistributionChange>> changes;
    std::vector<std::vector<ValueShift>> shifts;
    for (const CorrelatedIncident& other_incident : context.input.correlated) {
        changes.push_back(Compare(other_incident.before, other_incident.after, context.trend.variability));
        shifts.push_back(FindValueShifts(changes.back()));
    }
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
                SharesColumn(context, hypothesis, other_incident, changes[i]) ||
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
        case Cause::kMixShift: return "another mix of " + attribute;
        case Cause::kValuesRescaled: return "another unit of " + attribute;
        case Cause::kConversionTrackingLost: return "conversions that are no longer counted";
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

void AddRelated(const DiagnosisContext& context, Diagnosis& diagnosis) {
    constexpr double kLikely = 0.6;
    const DiagnosisInput& input = context.input;
    // The likeliest shared cause gives the name.
    const auto relate = [&](const std::string& name, const std::vector<int64_t>& incidents) {
        if (incidents.empty()) return;
        if (diagnosis.shared_cause.empty()) diagnosis.shared_cause = name;
        for (const int64_t incident : incidents)
            if (std::find(diagnosis.related.begin(), diagnosis.related.end(), incident) ==
                diagnosis.related.end())
                diagnosis.related.push_back(incident);
    };
    const auto cited = [&](const char* kind) -> std::vector<int64_t> {
        for (const Evidence& fact : context.evidence)
            if (fact.kind == kind) return fact.figures.at("incidents");
        return {};
    };
    for (const Hypothesis& hypothesis : context.hypotheses) {
        const bool likely = hypothesis.confidence >= kLikely;
        if (hypothesis.cause == Cause::kTableTrouble && likely) {
            for (const TableIncident& table : input.tables)
                if (table.incident == hypothesis.subject.incident)
                    relate(TableName(table.relation, input.server), {table.incident});
        } else if (hypothesis.cause == Cause::kServerTrouble && likely) {
            relate("server " + Short(input.server, 60), cited("server"));
        } else if (hypothesis.cause == Cause::kSharedUpstream) {
            const std::string table =
                input.relation.empty() ? "the same data" : TableName(input.relation, input.server);
            relate(hypothesis.subject.attribute.empty()
                       ? table
                       : Short(hypothesis.subject.attribute, 40) + " of " + table,
                   cited("sibling"));
        } else if (hypothesis.cause == Cause::kSchemaChange && context.change_type == ChangeType::kSchema) {
            // What breaks one segment over a table breaks the others.
            std::vector<int64_t> others;
            for (const CorrelatedIncident& other : input.correlated)
                if (SameTable(context, other) && other.detector == input.detector)
                    others.push_back(other.incident);
            relate("columns of " + TableName(input.relation, input.server), others);
        }
    }
}

}  // namespace pulse::diagnosis
