// What texts call the members of a segment. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace pulse::segment {

// "people" where members are people; the word of the definition, such as "trips"; else "members" in the
// segment, and "rows" of what it reads.
struct MemberWords {
    std::string members = "members", member = "member";  // in the segment
    std::string rows = "rows", row = "row";              // whether members or not
    std::string who = "that";

    bool people() const { return rows == "people"; }
    // 1 → "1 member", 4200 → "4,200 members".
    std::string Members(int64_t number) const;
    // 4200 → "4,200 rows".
    std::string Rows(int64_t number) const;
    // 4200 → "4,200 more rows", -1 → "1 fewer row".
    std::string MoreRows(int64_t number) const;
};

// `word` is the one of the definition, or empty.
MemberWords MakeMemberWords(bool of_people, const std::string& word);
MemberWords WordsOf(const nlohmann::json& definition);

}  // namespace pulse::segment
