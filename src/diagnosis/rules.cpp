// Rules that were changed, and clauses of an unchanged rule that lost or gained rows.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/source_questions.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

const ClauseCount* FindClause(const SegmentSnapshot& snapshot, const std::string& text) {
    for (const ClauseCount& clause : snapshot.clauses)
        if (clause.text == text) return &clause;
    return nullptr;
}

std::string Quoted(const std::string& clause) {
    return "`" + Short(clause, 80) + "`";
}

std::string Difference(const ClauseChange& change) {
    if (change.before.empty()) return Quoted(change.after) + " was added";
    if (change.after.empty()) return Quoted(change.before) + " was removed";
    return Quoted(change.before) + " became " + Quoted(change.after);
}

const RuleVersion* FindVersion(const DiagnosisInput& input, int version) {
    for (const RuleVersion& candidate : input.versions)
        if (candidate.version == version) return &candidate;
    return nullptr;
}

std::vector<std::string> ClausesCounted(const SegmentSnapshot& snapshot, const RuleVersion* version) {
    std::vector<std::string> clauses;
    for (const ClauseCount& clause : snapshot.clauses) clauses.push_back(clause.text);
    return clauses.empty() && version ? version->clauses : clauses;
}

// A change of the source itself: another table or another query.
bool SourceChanged(const RuleVersion* before, const RuleVersion* after) {
    if (!before || !after || !before->definition.is_object() || !after->definition.is_object()) return false;
    for (const char* key : {"from", "query", "key"})
        if (before->definition.value(key, "") != after->definition.value(key, "")) return true;
    return false;
}

struct RuleComparison {
    std::vector<ClauseChange> changes;
    bool source_changed = false;
    int tightened = 0, loosened = 0;     // clauses
    const ClauseChange* main = nullptr;  // the change with the largest count
    int64_t missed = 0;  // more people than before who miss membership by it only (fewer: negative)
};

int64_t MissedOnly(const SegmentSnapshot& snapshot, const std::string& clause) {
    const ClauseCount* count = clause.empty() ? nullptr : FindClause(snapshot, clause);
    return count ? count->missed_only.value_or(0) : 0;
}

// Compare with the version in force when the incident began. The clauses that the newest snapshot counted are
// those of its own version.
RuleComparison Read(const DiagnosisInput& input, const RuleVersion& at_onset) {
    RuleComparison comparison;
    const RuleVersion* before = FindVersion(input, input.before->version);
    comparison.changes =
        CompareRules(ClausesCounted(*input.before, before), at_onset.version == input.after->version
                                                                ? ClausesCounted(*input.after, &at_onset)
                                                                : at_onset.clauses);
    comparison.source_changed = SourceChanged(before, &at_onset);
    for (const ClauseChange& change : comparison.changes) {
        comparison.tightened += change.effect == ClauseEffect::kTightened;
        comparison.loosened += change.effect == ClauseEffect::kLoosened;
        if (at_onset.version != input.after->version) continue;
        const int64_t more =
            MissedOnly(*input.after, change.after) - MissedOnly(*input.before, change.before);
        if (std::abs(more) <= std::abs(comparison.missed)) continue;
        comparison.missed = more;
        comparison.main = &change;
    }
    return comparison;
}

// The rule's part in the change: whether its direction and its count fit.
double Confidence(const DiagnosisContext& context, const RuleComparison& comparison, bool fell) {
    const bool fits = fell ? comparison.tightened > 0 : comparison.loosened > 0;
    const bool contradicts =
        !fits && !comparison.source_changed && (fell ? comparison.loosened > 0 : comparison.tightened > 0);
    double confidence = fits && (comparison.tightened == 0 || comparison.loosened == 0) ? 0.87 : 0.7;
    if (comparison.main && !contradicts) {
        // People missed against people gained: the clause accounts for the change when the two cancel out.
        const double growth = static_cast<double>(context.growth() == 0 ? 1 : context.growth());
        confidence = 0.25 + 0.72 * Unit(-static_cast<double>(comparison.missed) / growth * 1.1);
    }
    if (contradicts) confidence = 0.1;
    return confidence * (0.4 + 0.6 * Support(context.size_z()));
}

// The newest version that was in force when the incident began, if it is a later one than was measured
// before. What was changed after that is no cause.
const RuleVersion* VersionAtOnset(const DiagnosisInput& input) {
    const RuleVersion* deciding = nullptr;
    for (const RuleVersion& version : input.versions)
        if (version.version > input.before->version && version.version <= input.after->version &&
            version.changed_at <= input.since)
            deciding = &version;
    return deciding;
}

std::string AddVersionEvidence(DiagnosisContext& context, const RuleVersion& version) {
    const DiagnosisInput& input = context.input;
    std::string sentence = "The definition was changed on " + context.When(version.changed_at) + " by " +
                           Short(version.changed_by, 40) + " (version " +
                           std::to_string(input.before->version) + " to " + std::to_string(version.version) +
                           ")";
    if (!version.change.empty()) sentence += ": " + Short(version.change, 200);
    return context.AddEvidence("definition", sentence + ".",
                               {{"from_version", input.before->version},
                                {"to_version", version.version},
                                {"changed_at", FormatMoment(version.changed_at)}});
}

// "inactivity rule tightening", "tightening of the rule on ltv", "a change of the definition".
std::string DescribeRuleChange(const RuleComparison& comparison, bool fell) {
    if (comparison.changes.empty()) return "a change of its source";
    const std::string verb = fell ? "tightening" : "loosening";
    const std::string name =
        comparison.changes.size() == 1 ? RuleName(comparison.changes.front().columns) : "rule";
    return name.starts_with("rule on") ? verb + " of the " + name : name + " " + verb;
}

void AddChangedRuleHypothesis(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    const RuleVersion* change = VersionAtOnset(input);
    if (!change) return;
    const RuleComparison comparison = Read(input, *change);
    if (comparison.changes.empty() && !comparison.source_changed) return;
    const bool fell = context.growth() < 0;
    std::vector<std::string> cited{AddVersionEvidence(context, *change)}, words;
    for (const ClauseChange& c : comparison.changes) words.push_back(Difference(c));
    std::string sentence = Capitalized(input.words.members) + " in " + Short(input.segment) +
                           (fell ? " exited" : " entered") + " due to " +
                           DescribeRuleChange(comparison, fell);
    if (!words.empty()) sentence += ": " + Listed(words);
    sentence += ".";
    RecommendationSubject subject;
    subject.version = input.before->version;
    if (comparison.main) {
        const std::string count = input.words.MoreRows(comparison.missed);
        cited.push_back(context.AddEvidence(
            "clause", count + " than before fail only that condition.",
            {{"clause", comparison.main->after}, {"missed_only_change", comparison.missed}}));
        sentence += " " + count + " than before fail only that condition.";
        subject.people = std::abs(comparison.missed);
    }
    cited.push_back(context.cited_size);
    if (!comparison.changes.empty()) {
        const ClauseChange& first = comparison.main ? *comparison.main : comparison.changes.front();
        subject.clause = first.after;
        if (!first.columns.empty()) subject.attribute = first.columns.front();
    }
    context.AddHypothesis(fell ? Cause::kRuleTightened : Cause::kRuleLoosened,
                          Confidence(context, comparison, fell), sentence, cited, subject);
}

// How many more people than before fail only this clause, of those whom the segment lost; 0 when it is no
// matter.
double ShareOfLoss(const DiagnosisInput& input, const ClauseCount& before, const ClauseCount& after) {
    const int64_t lost = input.before->size - input.after->size;
    if (!before.missed_only || !after.missed_only || lost == 0) return 0;
    const double share =
        static_cast<double>(*after.missed_only - *before.missed_only) / static_cast<double>(lost);
    return share > 0.15 ? share : 0;
}

// The values of the clause's column that people have now who fail only it: the named ones written otherwise,
// or, with so many people that most of them are new there, other words.
std::vector<std::string> NewWords(const ClauseValues& now, const std::vector<std::string>& named,
                                  int64_t missed_before, int64_t more, int64_t& people) {
    std::vector<std::string> same, other;
    int64_t written = 0, fresh = 0;
    for (const auto& [value, count] : now.people) {
        const bool same_word = std::any_of(named.begin(), named.end(), [&, &label = value](const auto& name) {
            return SameWord(name, label);
        });
        // As many as were turned away more than before, too.
        const bool fits = std::abs(static_cast<double>(count - more)) <= 0.1 * static_cast<double>(more);
        const double sure = static_cast<double>(count - missed_before) -
                            4 * std::sqrt(static_cast<double>(count + missed_before));
        if (same_word) {
            same.push_back(value);
            written += count;
        } else if (sure > (fits ? 0.2 : 0.5) * static_cast<double>(count)) {
            other.push_back(value);
            fresh += count;
        }
    }
    people = same.empty() ? fresh : written;
    return same.empty() ? other : same;
}

// The rule names values that people have no longer, because they were renamed; also when the column is no
// attribute of the segment.
void AddRenamedRuleValuesHypothesis(DiagnosisContext& context, const ClauseCount& before,
                                    const ClauseCount& after) {
    const DiagnosisInput& input = context.input;
    const auto asked = std::find_if(input.clause_values.begin(), input.clause_values.end(),
                                    [&](const ClauseValues& one) { return one.clause == after.text; });
    const double share = ShareOfLoss(input, before, after);
    if (asked == input.clause_values.end() || share <= 0) return;
    const std::vector<std::string> named = NamedValues(after.text);
    int64_t people = 0;
    const int64_t more = *after.missed_only - *before.missed_only;
    const std::vector<std::string> words = NewWords(*asked, named, *before.missed_only, more, people);
    if (words.empty()) return;
    RecommendationSubject subject;
    subject.attribute = asked->column;
    subject.replacements = words;
    subject.people = people;
    subject.clause = after.text;
    bool same_words = false;
    for (const std::string& name : named)
        if (std::any_of(words.begin(), words.end(), [&](const auto& word) { return SameWord(name, word); })) {
            subject.values.push_back(name);
            same_words = true;
        }
    if (!same_words) subject.values = named;
    const std::string arrow = Listed(ShortValues(subject.values)) + " -> " + Listed(ShortValues(words));
    const std::string column = Short(asked->column, 40);
    const std::string id =
        context.AddEvidence("clause",
                            input.words.Rows(people) + " fail only " + Quoted(after.text) + " and have " +
                                column + " " + Listed(ShortValues(words)) + ".",
                            {{"clause", after.text}, {"values", words}, {"people", people}});
    const double confidence = (0.35 + 0.62 * Unit(static_cast<double>(people) / static_cast<double>(more))) *
                              (0.3 + 0.7 * Unit(share * 1.1)) * (same_words ? 1 : 0.85) *
                              (0.4 + 0.6 * Support(context.size_z()));
    context.AddHypothesis(
        Cause::kValueRenamed, confidence,
        "Values of " + column + " were renamed: " + arrow + ". " + input.words.Rows(people) +
            " have the new value, and the rule asks for the old one: " + Quoted(after.text) + ".",
        {id, context.cited_size}, subject);
}

double PassRate(const ClauseCount& clause, const SegmentSnapshot& snapshot) {
    if (!clause.passed || !snapshot.clause_rows || *snapshot.clause_rows <= 0) return -1;
    return static_cast<double>(*clause.passed) / static_cast<double>(*snapshot.clause_rows);
}

// One clause of an unchanged rule: how many more people miss the segment by it alone, against the people
// lost.
void AddClauseHypothesis(DiagnosisContext& context, const ClauseCount& before, const ClauseCount& after) {
    const DiagnosisInput& input = context.input;
    const double fraction = ShareOfLoss(input, before, after);
    if (fraction <= 0) return;
    const int64_t more = *after.missed_only - *before.missed_only;
    const double old_rate = PassRate(before, *input.before), new_rate = PassRate(after, *input.after);
    const segment::MemberWords& words = input.words;
    std::string fact = Quoted(after.text);
    const double change = old_rate > 0 && new_rate >= 0 ? new_rate / old_rate - 1 : 0;
    if (change != 0)
        fact += (change < 0 ? " lost " : " gained ") + Percent(std::abs(change)) + " of the " + words.rows +
                " " + words.who + " met it; ";
    else
        fact += ": ";
    fact += words.MoreRows(more) + " than before fail only this condition.";
    const std::string id = context.AddEvidence("clause", fact,
                                               {{"clause", after.text},
                                                {"missed_only_before", *before.missed_only},
                                                {"missed_only_after", *after.missed_only},
                                                {"pass_rate_change", change}});
    const auto columns = ColumnsOf(after.text);
    RecommendationSubject subject;
    subject.clause = after.text;
    subject.people = std::abs(more);
    if (!columns.empty()) subject.attribute = columns.front();
    const std::string column = columns.empty() ? "the data behind it" : Short(columns.front(), 40);
    const double noise = std::sqrt(static_cast<double>(*before.missed_only + *after.missed_only) + 1);
    const double confidence = (0.3 + 0.65 * Unit(fraction * 1.1)) *
                              Support(static_cast<double>(more) / noise) *
                              (0.4 + 0.6 * Support(context.size_z()));
    context.AddHypothesis(
        Cause::kClauseShift, confidence,
        "The rule is unchanged, but the data behind one of its conditions changed: " + fact + " Either " +
            words.rows + (more > 0 ? " really changed, or " : " really came back, or ") + column +
            " is filled differently than before.",
        {id, context.cited_size}, subject);
}

}  // namespace

void AddRuleHypotheses(DiagnosisContext& context) {
    if (!context.comparable) return;
    AddChangedRuleHypothesis(context);
    if (context.input.before->version != context.input.after->version) return;
    for (const ClauseCount& after : context.input.after->clauses)
        if (const ClauseCount* before = FindClause(*context.input.before, after.text)) {
            AddClauseHypothesis(context, *before, after);
            AddRenamedRuleValuesHypothesis(context, *before, after);
        }
}

std::vector<ClauseValues> ClausesToAsk(const DiagnosisInput& input) {
    constexpr size_t kMostClauses = 2;
    std::vector<ClauseValues> asked;
    if (!input.before || !input.after || input.before->failed || input.after->failed ||
        input.before->version != input.after->version || input.after->size >= input.before->size)
        return asked;
    for (const ClauseCount& after : input.after->clauses) {
        const ClauseCount* before = FindClause(*input.before, after.text);
        const std::vector<std::string> columns = ColumnsOf(after.text);
        if (before && columns.size() == 1 && !NamedValues(after.text).empty() &&
            ShareOfLoss(input, *before, after) > 0 && asked.size() < kMostClauses)
            asked.push_back({after.text, columns.front(), {}});
    }
    return asked;
}

}  // namespace pulse::diagnosis
