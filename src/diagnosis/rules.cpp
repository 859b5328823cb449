// Rules that were changed, and clauses of an unchanged rule that lost or gained rows.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

const ClauseCount* FindClause(const Picture& picture, const std::string& text) {
    for (const ClauseCount& clause : picture.clauses)
        if (clause.text == text) return &clause;
    return nullptr;
}

std::string Quoted(const std::string& clause) {
    return "`" + Short(clause, 80) + "`";
}

std::string Difference(const ClauseChange& change) {
    if (change.before.empty()) return Quoted(change.after) + " was added";
    if (change.after.empty()) return Quoted(change.before) + " was taken away";
    return Quoted(change.before) + " became " + Quoted(change.after);
}

// The version whose rule the segment was last measured with before, and the newest one measured after.
const Version* FindVersion(const Case& input, int version) {
    for (const Version& candidate : input.versions)
        if (candidate.version == version) return &candidate;
    return nullptr;
}

std::vector<std::string> ClausesOf(const Picture& picture, const Version* version) {
    std::vector<std::string> clauses;
    for (const ClauseCount& clause : picture.clauses) clauses.push_back(clause.text);
    return clauses.empty() && version ? version->clauses : clauses;
}

// A change of the source itself: another table or another query.
bool SourceChanged(const Version* before, const Version* after) {
    if (!before || !after || !before->definition.is_object() || !after->definition.is_object()) return false;
    for (const char* key : {"from", "query", "key"})
        if (before->definition.value(key, "") != after->definition.value(key, "")) return true;
    return false;
}

struct RuleStory {
    std::vector<ClauseChange> changes;
    bool source_changed = false;
    int tightened = 0, loosened = 0;     // clauses
    const ClauseChange* main = nullptr;  // the change with the largest count
    int64_t missed = 0;  // more people than before who miss membership by it only (fewer: negative)
};

int64_t MissedOnly(const Picture& picture, const std::string& clause) {
    const ClauseCount* count = clause.empty() ? nullptr : FindClause(picture, clause);
    return count ? count->missed_only.value_or(0) : 0;
}

RuleStory Read(const Case& input) {
    RuleStory story;
    const Version* before = FindVersion(input, input.before->version);
    const Version* after = FindVersion(input, input.after->version);
    story.changes = CompareRules(ClausesOf(*input.before, before), ClausesOf(*input.after, after));
    story.source_changed = SourceChanged(before, after);
    for (const ClauseChange& change : story.changes) {
        story.tightened += change.reach == Reach::kTightened;
        story.loosened += change.reach == Reach::kLoosened;
        const int64_t more =
            MissedOnly(*input.after, change.after) - MissedOnly(*input.before, change.before);
        if (std::abs(more) <= std::abs(story.missed)) continue;
        story.missed = more;
        story.main = &change;
    }
    return story;
}

// The rule's part in the change: whether its direction, its timing and its count fit.
double Confidence(const Workbook& book, const RuleStory& story, bool fell, bool in_time) {
    const bool fits = fell ? story.tightened > 0 : story.loosened > 0;
    const bool contradicts =
        !fits && !story.source_changed && (fell ? story.loosened > 0 : story.tightened > 0);
    double confidence = fits && (story.tightened == 0 || story.loosened == 0) ? 0.87 : 0.7;
    if (story.main && !contradicts) {
        // People missed against people gained: the clause accounts for the change when the two cancel out.
        const double growth = static_cast<double>(book.growth() == 0 ? 1 : book.growth());
        confidence = 0.25 + 0.72 * Unit(-static_cast<double>(story.missed) / growth * 1.1);
    }
    if (contradicts) confidence = 0.1;
    if (!in_time) confidence *= 0.3;
    return confidence * (0.4 + 0.6 * Support(book.size_z()));
}

// The newest version that was in force when the incident began, or the one measured now.
const Version* Deciding(const Case& input) {
    const Version* deciding = FindVersion(input, input.after->version);
    for (const Version& version : input.versions)
        if (version.version > input.before->version && version.changed_at <= input.since) deciding = &version;
    return deciding;
}

std::string CiteVersion(Workbook& book, const Version& version) {
    const Case& input = book.input;
    std::string sentence = "The definition was changed on " + FormatDate(version.changed_at) + " by " +
                           Short(version.changed_by, 40) + " (version " +
                           std::to_string(input.before->version) + " to " +
                           std::to_string(input.after->version) + ")";
    if (!version.change.empty()) sentence += ": " + Short(version.change, 200);
    return book.Cite("definition", sentence + ".",
                     {{"from_version", input.before->version},
                      {"to_version", input.after->version},
                      {"changed_at", FormatMoment(version.changed_at)}});
}

// "inactivity rule tightening", "tightening of the rule on ltv", "a change of the definition".
std::string WhatHappened(const RuleStory& story, bool fell) {
    if (story.changes.empty()) return "a change of what it reads from";
    const std::string verb = fell ? "tightening" : "loosening";
    const std::string name = story.changes.size() == 1 ? RuleName(story.changes.front().columns) : "rule";
    return name.starts_with("rule on") ? verb + " of the " + name : name + " " + verb;
}

void SupposeChangedRule(Workbook& book) {
    const Case& input = book.input;
    if (input.before->version == input.after->version) return;
    const RuleStory story = Read(input);
    if (story.changes.empty() && !story.source_changed) return;
    const bool fell = book.growth() < 0;
    const Version* change = Deciding(input);
    std::vector<std::string> cited, words;
    if (change) cited.push_back(CiteVersion(book, *change));
    for (const ClauseChange& c : story.changes) words.push_back(Difference(c));
    std::string sentence = "People in " + Short(input.segment) + (fell ? " exited" : " entered") +
                           " due to " + WhatHappened(story, fell);
    if (!words.empty()) sentence += ": " + Listed(words);
    sentence += ".";
    Subject subject;
    subject.version = input.before->version;
    if (story.main) {
        const std::string count = MorePeople(story.missed);
        cited.push_back(book.Cite("clause", count + " than before miss the segment by that rule alone.",
                                  {{"clause", story.main->after}, {"missed_only_change", story.missed}}));
        sentence += " " + count + " than before miss the segment by that alone.";
        subject.people = std::abs(story.missed);
    }
    cited.push_back(book.cited_size);
    if (!story.changes.empty()) {
        const ClauseChange& first = story.main ? *story.main : story.changes.front();
        subject.clause = first.after;
        if (!first.columns.empty()) subject.attribute = first.columns.front();
    }
    const bool in_time = !change || change->changed_at <= input.since;
    book.Suppose(fell ? Cause::kRuleTightened : Cause::kRuleLoosened, Confidence(book, story, fell, in_time),
                 sentence, cited, subject);
}

double PassRate(const ClauseCount& clause, const Picture& picture) {
    if (!clause.passed || !picture.clause_rows || *picture.clause_rows <= 0) return -1;
    return static_cast<double>(*clause.passed) / static_cast<double>(*picture.clause_rows);
}

// One clause of an unchanged rule: how many more people miss the segment by it alone, against the people
// lost.
void SupposeClause(Workbook& book, const ClauseCount& before, const ClauseCount& after) {
    if (!before.missed_only || !after.missed_only) return;
    const Case& input = book.input;
    const int64_t more = *after.missed_only - *before.missed_only;
    const int64_t lost = -book.growth();
    const double fraction = static_cast<double>(more) / static_cast<double>(lost == 0 ? 1 : lost);
    if (lost == 0 || fraction <= 0.15) return;
    const double old_rate = PassRate(before, *input.before), new_rate = PassRate(after, *input.after);
    std::string fact = Quoted(after.text);
    const double change = old_rate > 0 && new_rate >= 0 ? new_rate / old_rate - 1 : 0;
    if (change != 0)
        fact +=
            (change < 0 ? " lost " : " gained ") + Percent(std::abs(change)) + " of those who passed it; ";
    else
        fact += ": ";
    fact += MorePeople(more) + " than before miss the segment by it alone.";
    const std::string id = book.Cite("clause", fact,
                                     {{"clause", after.text},
                                      {"missed_only_before", *before.missed_only},
                                      {"missed_only_after", *after.missed_only},
                                      {"pass_rate_change", change}});
    const auto columns = ColumnsOf(after.text);
    Subject subject;
    subject.clause = after.text;
    subject.people = std::abs(more);
    if (!columns.empty()) subject.attribute = columns.front();
    const std::string column = columns.empty() ? "the data behind it" : Short(columns.front(), 40);
    const double noise = std::sqrt(static_cast<double>(*before.missed_only + *after.missed_only) + 1);
    const double confidence = (0.3 + 0.65 * Unit(fraction * 1.1)) *
                              Support(static_cast<double>(more) / noise) *
                              (0.4 + 0.6 * Support(book.size_z()));
    book.Suppose(Cause::kClauseShift, confidence,
                 "The rule is the same, but the data behind one part of it moved: " + fact + " Either " +
                     (more > 0 ? "people really changed, or " : "people really came back, or ") + column +
                     " is filled differently than before.",
                 {id, book.cited_size}, subject);
}

}  // namespace

void SupposeRules(Workbook& book) {
    if (!book.comparable) return;
    SupposeChangedRule(book);
    if (book.input.before->version != book.input.after->version) return;
    for (const ClauseCount& after : book.input.after->clauses)
        if (const ClauseCount* before = FindClause(*book.input.before, after.text))
            SupposeClause(book, *before, after);
}

}  // namespace pulse::diagnosis
