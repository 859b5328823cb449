// Failed measurements and changed columns.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

// Whether the definition names the column: in a clause, as an attribute, or as a word anywhere else.
bool Uses(const Workbook& book, const std::string& column) {
    const auto names = [&](const Picture& picture) {
        for (const ClauseCount& clause : picture.clauses)
            for (const std::string& name : ColumnsOf(clause.text))
                if (name == column) return true;
        for (const auto& attribute : picture.attributes)
            if (attribute.attribute == column) return true;
        return false;
    };
    if (book.input.before && names(*book.input.before)) return true;
    for (const auto& [key, value] : book.input.definition.items())
        if (value.is_string() && value.get_ref<const std::string&>().find(column) != std::string::npos)
            return true;
    return false;
}

struct SchemaDifference {
    std::vector<std::string> words;    // sentences without full stop
    std::vector<std::string> columns;  // concerned
    bool used = false;                 // by the definition
    bool harmless = true;              // nothing but new columns
    std::string renamed_to;
};

SchemaDifference Differ(const Workbook& book, const Picture& before, const Picture& after) {
    SchemaDifference difference;
    std::vector<std::pair<std::string, std::string>> gone, added;
    for (const auto& [name, type] : before.columns) {
        const auto now = after.columns.find(name);
        if (now == after.columns.end()) {
            gone.emplace_back(name, type);
        } else if (now->second != type) {
            difference.words.push_back("column " + Short(name) + " changed from " + Short(type) + " to " +
                                       Short(now->second));
            difference.columns.push_back(name);
            difference.harmless = false;
        }
    }
    for (const auto& [name, type] : after.columns)
        if (!before.columns.contains(name)) added.emplace_back(name, type);
    for (const auto& [name, type] : gone) {
        difference.columns.push_back(name);
        difference.harmless = false;
        // One column less and one more of the same type is most likely the same one under a new name.
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
    for (const std::string& name : difference.columns) difference.used = difference.used || Uses(book, name);
    return difference;
}

void SupposeSchema(Workbook& book) {
    const Case& input = book.input;
    if (!input.before || !input.after) return;
    if (input.before->columns.empty() || input.after->columns.empty()) return;
    const SchemaDifference difference = Differ(book, *input.before, *input.after);
    if (difference.words.empty()) return;
    const std::string what = Listed(difference.words, 4);
    const std::string id = book.Cite("schema", Capitalized(what) + ".", {{"columns", difference.columns}});
    double confidence = difference.harmless ? 0.1 : difference.used ? 0.75 : 0.3;
    if (book.target == Target::kSchema) confidence = difference.used ? 0.95 : 0.9;
    Subject subject;
    subject.attribute = difference.columns.empty() ? "" : difference.columns.front();
    if (!difference.renamed_to.empty()) subject.replacements = {difference.renamed_to};
    std::string sentence = "The table behind the segment was changed: " + what + ".";
    sentence += difference.used ? " The segment uses it." : " The segment does not use it by name.";
    book.Suppose(Cause::kSchemaChange, confidence, sentence, {id}, subject);
}

// 42703 undefined column, 42P01 undefined table, 42883 no such operator (a column of another type), 42804.
bool FromSchema(const std::string& state) {
    return state == "42703" || state == "42P01" || state == "42883" || state == "42804" || state == "42704";
}

void SupposeFailure(Workbook& book, const Picture& failed) {
    const std::string id = book.Cite(
        "measurement",
        "The measurement of " + FormatDate(failed.taken_at) + " failed: " + Short(failed.error, 200) + ".",
        {{"snapshot", failed.snapshot},
         {"sqlstate", failed.error_state},
         {"error", Short(failed.error, 500)}});
    const bool only = !book.comparable;
    if (FromSchema(failed.error_state))
        book.Suppose(Cause::kSchemaChange, only ? 0.93 : 0.4,
                     "The table behind the segment was changed, so it cannot be measured any more: " +
                         Short(failed.error, 200) + ".",
                     {id});
    std::string why = "The segment could not be measured";
    if (failed.error_state == "42501") why += ": the role it runs as may not read the data any more";
    if (failed.error_state == sqlstate::kQueryCanceled) why += ": it took longer than allowed";
    if (failed.error_state == "55P03") why += ": the data was locked by somebody else for too long";
    book.Suppose(Cause::kMeasurementFailed, only ? 0.9 : 0.3,
                 why + ". What it says about the audience is not known until that is repaired.", {id});
}

}  // namespace

void SupposeMeasurement(Workbook& book) {
    const Case& input = book.input;
    if (input.after && input.after->failed) SupposeFailure(book, *input.after);
    if (input.failed) SupposeFailure(book, *input.failed);
    SupposeSchema(book);
    if (!book.comparable || book.after_size > 0 || book.before_size <= 0) return;
    if (input.after->clause_rows == int64_t{0}) {
        const std::string id =
            book.Cite("measurement", "What the segment reads from holds no row at all.", {{"rows", 0}});
        book.Suppose(Cause::kSourceEmptied, 0.95,
                     "The table behind the segment is empty: it was not loaded, or it was cleared.",
                     {book.cited_size, id});
    } else if (!input.after->clause_rows && book.changes.empty()) {
        book.Suppose(Cause::kSourceEmptied, 0.5,
                     "Nobody is left at once, which people never do by themselves: most likely the data was "
                     "not loaded.",
                     {book.cited_size});
    }
}

}  // namespace pulse::diagnosis
