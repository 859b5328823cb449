#include "pulse/trust/subject.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::trust {

namespace {

std::vector<SubjectKind>& SubjectKinds() {
    static std::vector<SubjectKind> kinds;
    return kinds;
}

}  // namespace

Subject ReadSubject(const std::string& text) {
    if (text == "all") return {"all", ""};
    const size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text.size())
        throw UserError(sqlstate::kInvalidParameter, "invalid subject",
                        InQuotes(Shorten(text, 80)) + " has no kind and name.",
                        "Write a subject as \"segment:name\", or \"all\".");
    return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string Write(const Subject& subject) {
    return subject.name.empty() ? subject.kind : subject.kind + ":" + subject.name;
}

bool RegisterSubjectKind(const SubjectKind& kind) {
    SubjectKinds().push_back(kind);
    return true;
}

const SubjectKind* FindSubjectKind(const std::string& kind) {
    for (const SubjectKind& known : SubjectKinds())
        if (kind == known.kind) return &known;
    return nullptr;
}

std::vector<std::string> SubjectKindNames() {
    std::vector<std::string> names;
    for (const SubjectKind& known : SubjectKinds()) names.emplace_back(known.kind);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace pulse::trust
