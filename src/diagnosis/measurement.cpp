// Failed measurements and changed columns.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/rewrite.hpp"
#include "pulse/diagnosis/source_questions.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

// Whether the definition names the column: in a clause, as an attribute, or as a word anywhere else.
bool Uses(const DiagnosisContext& context, const std::string& column) {
    const auto names = [&](const SegmentSnapshot& snapshot) {
        for (const ClauseCount& clause : snapshot.clauses)
            for (const std::string& name : ColumnsOf(clause.text))
                if (name == column) return true;
        for (const auto& attribute : snapshot.attributes)
            if (attribute.attribute == column) return true;
        return false;
    };
    if (context.input.before && names(*context.input.before)) return true;
    for (const auto& [key, value] : context.input.definition.items())
        if (key != "members" && value.is_string() &&
            value.get_ref<const std::string&>().find(column) != std::string::npos)
            return true;
    return false;
}

// Whether one of the columns decides who is a member.
bool DecideMembership(const DiagnosisContext& context, const std::vector<std::string>& columns) {
    const auto counted = [&](const std::string& column) {
        for (const ClauseCount& clause : context.input.before->clauses) {
            const std::vector<std::string> read = ColumnsOf(clause.text);
            if (std::find(read.begin(), read.end(), column) != read.end()) return true;
        }
        return false;
    };
    return std::any_of(columns.begin(), columns.end(), [&](const std::string& column) {
        return counted(column) || Decides(context.input.definition, column);
    });
}

struct SchemaDifference {
    std::vector<std::string> words;    // sentences without full stop
    std::vector<std::string> columns;  // concerned
    bool used = false;                 // by the definition
    bool harmless = true;              // only new columns
    std::string renamed_to;
};

using Columns = std::map<std::string, std::string>;

SchemaDifference CompareColumns(const DiagnosisContext& context, const Columns& before,
                                const Columns& after) {
    SchemaDifference difference;
    std::vector<std::pair<std::string, std::string>> gone, added;
    for (const auto& [name, type] : before) {
        const auto now = after.find(name);
        if (now == after.end()) {
            gone.emplace_back(name, type);
        } else if (now->second != type) {
            difference.words.push_back("column " + Short(name) + " changed from " + Short(type) + " to " +
                                       Short(now->second));
            difference.columns.push_back(name);
            difference.harmless = false;
        }
    }
    for (const auto& [name, type] : after)
        if (!before.contains(name)) added.emplace_back(name, type);
    for (const auto& [name, type] : gone) {
        difference.columns.push_back(name);
        difference.harmless = false;
        // One removed and one added column of the same type are most likely a renamed column.
        if (gone.size() == 1 && added.size() == 1 && added[0].second == type) {
            difference.renamed_to = added[0].first;
            difference.words.push_back("column " + Short(name) + " is now called " + Short(added[0].first));
            added.clear();
        } else {
            difference.words.push_back("column " + Short(name) + " is gone");
        }
    }
    for (const auto& [name, type] : added)
        difference.words.push_back("column " + Short(name) + " (" + Short(type) + ") is new");
    for (const std::string& name : difference.columns)
        difference.used = difference.used || Uses(context, name);
    return difference;
}

void AddSchemaHypothesis(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    if (!input.before || !input.after) return;
    // An incident about columns shows those of its newest snapshot. For others a column that changed later is
    // no cause.
    const bool own = context.change_type == ChangeType::kSchema;
    const Columns& before = own && !input.last_columns.empty() ? input.last_columns : input.before->columns;
    const Columns& now =
        own || input.columns_at_onset.empty() ? input.after->columns : input.columns_at_onset;
    if (before.empty() || now.empty()) return;
    const SchemaDifference difference = CompareColumns(context, before, now);
    if (difference.words.empty()) {
        if (own)
            context.AddHypothesis(
                Cause::kSchemaChange, 0.9,
                "The columns of the table behind the segment changed and are now as before.",
                {context.cited_size});
        return;
    }
    const std::string what = Listed(difference.words, 4);
    const std::string id =
        context.AddEvidence("schema", Capitalized(what) + ".", {{"columns", difference.columns}});
    // What is only measured does not change who is a member.
    const bool relevant =
        difference.used &&
        (DecideMembership(context, difference.columns) ||
         (context.change_type != ChangeType::kSize && context.change_type != ChangeType::kChurn));
    double confidence = difference.harmless ? 0.1 : relevant ? 0.75 : 0.3;
    if (context.change_type == ChangeType::kSchema) confidence = difference.used ? 0.95 : 0.9;
    const auto subject_column = std::find_if(difference.columns.begin(), difference.columns.end(),
                                             [&](const std::string& name) { return Uses(context, name); });
    RecommendationSubject subject;
    if (subject_column != difference.columns.end())
        subject.attribute = *subject_column;
    else if (!difference.columns.empty())
        subject.attribute = difference.columns.front();
    if (!difference.renamed_to.empty()) subject.replacements = {difference.renamed_to};
    std::string sentence = "The table behind the segment was changed: " + what + ".";
    sentence += !input.after->missing.empty()
                    ? " The segment is measured without " + Listed(input.after->missing) + "."
                : difference.used ? " The segment uses it."
                                  : " The segment does not use it by name.";
    context.AddHypothesis(Cause::kSchemaChange, confidence, sentence, {id}, subject);
}

// What changed, by name, if the source was asked: a column that is renamed or gone, or the table itself.
std::string NameOfChange(const DiagnosisContext& context, RecommendationSubject& subject) {
    const DiagnosisInput& input = context.input;
    if (input.columns_now.empty()) {
        if (input.after && input.after->error_state != sqlstate::kUndefinedTable) return "";
        if (input.relation.empty()) return "";
        subject.replacements = input.lookalikes;
        return Short(input.relation, 80) + " no longer exists: it was dropped or renamed" +
               (input.lookalikes.empty()
                    ? ""
                    : "; " + Listed(input.lookalikes) + (input.lookalikes.size() == 1 ? " has" : " have") +
                          " its columns");
    }
    const SchemaDifference difference = CompareColumns(context, input.last_columns, input.columns_now);
    if (difference.harmless || !difference.used) return "";
    subject.attribute = *std::find_if(difference.columns.begin(), difference.columns.end(),
                                      [&](const std::string& name) { return Uses(context, name); });
    if (!difference.renamed_to.empty()) subject.replacements = {difference.renamed_to};
    return Listed(difference.words, 4);
}

void AddFailureHypothesis(DiagnosisContext& context, const SegmentSnapshot& failed) {
    const std::string id = context.AddEvidence(
        "measurement",
        "The measurement of " + context.When(failed.taken_at) + " failed: " + Short(failed.error, 200) + ".",
        {{"snapshot", failed.id}, {"sqlstate", failed.error_state}, {"error", Short(failed.error, 500)}});
    if (IsSchemaError(failed.error_state)) {
        RecommendationSubject subject;
        const std::string named = NameOfChange(context, subject);
        context.AddHypothesis(
            Cause::kSchemaChange, named.empty() ? 0.93 : 0.97,
            "The table behind the segment was changed, so the segment can no longer be measured: " +
                (named.empty() ? Short(failed.error, 200) : named) + ".",
            {id}, subject);
    }
    std::string why = "The segment could not be measured";
    if (failed.error_state == sqlstate::kInsufficientPrivilege)
        why += ": the role it runs as can no longer read the data";
    if (failed.error_state == sqlstate::kQueryCanceled) why += ": it took longer than allowed";
    if (failed.error_state == sqlstate::kLockNotAvailable)
        why += ": another session locked the data for too long";
    context.AddHypothesis(Cause::kMeasurementFailed, 0.9,
                          why + ". Its " + context.input.words.members + " are unknown until this is fixed.",
                          {id});
}

}  // namespace

// An undefined function is also an operator that the new type of a column lacks.
bool IsSchemaError(const std::string& state) {
    return state == sqlstate::kUndefinedColumn || state == sqlstate::kUndefinedTable ||
           state == sqlstate::kUndefinedFunction || state == sqlstate::kDatatypeMismatch ||
           state == sqlstate::kUndefinedObject;
}

bool AsksForColumns(const DiagnosisInput& input) {
    return input.after && input.after->failed && IsSchemaError(input.after->error_state) &&
           !input.last_columns.empty() && !input.relation.empty();
}

void AddMeasurementHypotheses(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    if (input.after && input.after->failed) AddFailureHypothesis(context, *input.after);
    if (input.failed && !context.comparable) AddFailureHypothesis(context, *input.failed);
    AddSchemaHypothesis(context);
    if (!context.comparable || context.after_size > 0 || context.before_size <= 0) return;
    if (input.after->clause_rows == int64_t{0}) {
        const std::string id = context.AddEvidence(
            "measurement", "The table that the segment reads has no rows.", {{"rows", 0}});
        context.AddHypothesis(Cause::kSourceEmptied, 0.95,
                              "The table behind the segment is empty: it was not loaded, or it was cleared.",
                              {context.cited_size, id});
    } else if (!input.after->clause_rows && context.changes.empty()) {
        context.AddHypothesis(
            Cause::kSourceEmptied, 0.5,
            "All " + input.words.members +
                " disappeared at once, which does not happen by itself: most likely the data was not loaded.",
            {context.cited_size});
    }
}

}  // namespace pulse::diagnosis
