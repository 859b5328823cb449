#include "pulse/trust/store_dependencies.hpp"

#include <algorithm>
#include <set>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::trust {

namespace {

constexpr size_t kMostDependencies = 2000;

const SubjectKind& RequireKind(const Subject& subject) {
    if (const SubjectKind* kind = FindSubjectKind(subject.kind)) return *kind;
    ThrowInvalid("unknown kind of subject", "It is " + InQuotes(Shorten(subject.kind, 80)) + ".",
                 SuggestName(Shorten(subject.kind, 80), SubjectKindNames(), "Kinds"));
}

}  // namespace

Dependencies DependenciesOf(const Subject& root) {
    Dependencies found;
    std::vector<Subject> next{root};
    std::set<std::string> seen{Write(root)};
    for (size_t i = 0; i < next.size(); ++i) {
        pg::CheckInterrupts();
        const Subject subject = next[i];
        std::vector<Subject> uses;
        if (!RequireKind(subject).find(subject.name, uses)) {
            if (i == 0)
                throw UserError(sqlstate::kUndefinedObject, "there is no " + Shorten(Write(subject), 120), "",
                                "Name a subject that exists, or all.");
            found.missing.push_back(subject);
            continue;
        }
        found.subjects.push_back(subject);
        for (Subject& one : uses)
            if (seen.insert(Write(one)).second) next.push_back(std::move(one));
        if (next.size() > kMostDependencies)
            throw UserError(sqlstate::kProgramLimit,
                            Shorten(Write(root), 120) + " depends on more than 2,000 subjects");
    }
    return found;
}

}  // namespace pulse::trust
