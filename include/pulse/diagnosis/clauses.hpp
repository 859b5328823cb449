// How one rule differs from another, clause by clause. Pure C++.
#pragma once

#include <string>
#include <vector>

namespace pulse::diagnosis {

enum class Reach { kTightened, kLoosened, kChanged };

// A clause that is not the same in both rules. An empty `before` was added, an empty `after` taken away.
struct ClauseChange {
    std::string before, after;
    Reach reach = Reach::kChanged;
    std::vector<std::string> columns;
};

// Pair the clauses of two rules (canonical texts) and say what changed, in the order of the later rule.
std::vector<ClauseChange> CompareRules(const std::vector<std::string>& before,
                                       const std::vector<std::string>& after);

// The columns a clause reads, in order of first use; empty when the text is no rule.
std::vector<std::string> ColumnsOf(const std::string& clause);

// What else of people a clause looks at.
struct ReadsOfPeople {
    std::vector<std::string> traits, segments;
    bool events = false;
};
ReadsOfPeople FindReadsOfPeople(const std::string& clause);

// Whether the clause compares its column with given values (=, in, contains, starts_with …), so that a
// renamed value falls out of it.
bool MatchesValues(const std::string& clause);

// What people call the clause: "inactivity rule" for one on activity, else "rule on <column>".
std::string RuleName(const std::vector<std::string>& columns);

}  // namespace pulse::diagnosis
