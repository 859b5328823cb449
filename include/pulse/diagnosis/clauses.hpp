// Compares two rules clause by clause. Pure C++.
#pragma once

#include <string>
#include <vector>

namespace pulse::diagnosis {

enum class ClauseEffect { kTightened, kLoosened, kChanged };

// A clause that differs between two rules. With an empty `before` it was added, with an empty `after`
// removed.
struct ClauseChange {
    std::string before, after;
    ClauseEffect effect = ClauseEffect::kChanged;
    std::vector<std::string> columns;
};

// Pair the clauses of two rules (canonical texts) and list the changes, in the order of the later rule.
std::vector<ClauseChange> CompareRules(const std::vector<std::string>& before,
                                       const std::vector<std::string>& after);

// The columns a clause reads, in order of first use; empty when the text is not a valid rule.
std::vector<std::string> ColumnsOf(const std::string& clause);

// Traits, segments and events that a clause reads.
struct ReadsOfPeople {
    std::vector<std::string> traits, segments;
    bool events = false;
};
ReadsOfPeople FindReadsOfPeople(const std::string& clause);

// Whether the clause compares its column with given values (=, in, contains, starts_with …), so that it no
// longer matches a renamed value.
bool MatchesValues(const std::string& clause);

// The values that a clause of the kind `column = value` or `column in [values]` names.
std::vector<std::string> NamedValues(const std::string& clause);

// The name of the clause in texts: "inactivity rule" for one on activity, else "rule on <column>".
std::string RuleName(const std::vector<std::string>& columns);

}  // namespace pulse::diagnosis
