// Subjects of decisions: what an action is about, and what that depends on. Pure C++.
#pragma once

#include <string>
#include <vector>

namespace pulse::trust {

// "segment:big_spenders" is the kind segment and the name big_spenders; "all" has no name.
struct Subject {
    std::string kind, name;
    bool operator==(const Subject&) const = default;
};

// Throws UserError 22023 for another form.
Subject ReadSubject(const std::string& text);
std::string Write(const Subject& subject);

// A kind of subjects that a room adds, such as audience.
struct SubjectKind {
    const char* kind = nullptr;
    // Whether there is one of this name, and what it reads and writes: subjects of earlier rooms. Called with
    // a pg::Session as pg::Identity::Owner() open.
    bool (*find)(const std::string& name, std::vector<Subject>& dependencies) = nullptr;
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterSubjectKind(const SubjectKind& kind);
const SubjectKind* FindSubjectKind(const std::string& kind);
// The names of all kinds, in order.
std::vector<std::string> SubjectKindNames();

}  // namespace pulse::trust
