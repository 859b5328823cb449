#include "pulse/segment/member_words.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/number.hpp"

namespace pulse::segment {

namespace {

std::string WithNumber(int64_t number, const char* more, const std::string& one, const std::string& many) {
    return Thousands(number) + more + (number == 1 ? one : many);
}

std::string TextAt(const nlohmann::json& definition, const char* key) {
    const auto found = definition.find(key);
    return found != definition.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::string MemberWords::Members(int64_t number) const {
    return WithNumber(number, " ", member, members);
}

std::string MemberWords::Rows(int64_t number) const {
    return WithNumber(number, " ", row, rows);
}

std::string MemberWords::MoreRows(int64_t number) const {
    return WithNumber(number < 0 ? -number : number, number < 0 ? " fewer " : " more ", row, rows);
}

// The singular of a word is not known, so one of them is a member, or a row.
MemberWords MakeMemberWords(bool of_people, const std::string& word) {
    MemberWords words;
    if (word == "people" || (of_people && word.empty())) {
        words.members = words.rows = "people";
        words.member = words.row = "person";
    } else if (!word.empty()) {
        words.members = words.rows = word;
    }
    if (of_people || words.people()) words.who = "who";
    return words;
}

MemberWords WordsOf(const nlohmann::json& definition) {
    if (!definition.is_object()) return {};
    return MakeMemberWords(!definition.contains("from") && !definition.contains("query"),
                           TextAt(definition, "members"));
}

}  // namespace pulse::segment
