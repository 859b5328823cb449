#include "pulse/audience/normal_text.hpp"

#include <algorithm>
#include <vector>

#include "pulse/base/ascii.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::audience {

namespace {

bool IsSpaceCharacter(char32_t c) {
    return IsBlank(c) || IsInvisible(c) || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

// Symbols, punctuation and digits. What is not known to be one counts as a letter.
bool IsNoLetter(char32_t c) {
    if (c < 0x80) return !IsLetter(static_cast<char>(c));
    return c == 0xAB || c == 0xBB || (c >= 0xA1 && c <= 0xA9) || (c >= 0xAC && c <= 0xB4) ||
           (c >= 0xB6 && c <= 0xB9) || (c >= 0xBC && c <= 0xBF) || c == 0xD7 || c == 0xF7 ||
           (c >= 0x2010 && c <= 0x2BFF) || (c >= 0x3001 && c <= 0x3020) || (c >= 0xFF01 && c <= 0xFF20) ||
           (c >= 0xFF3B && c <= 0xFF40) || c == kReplacementCharacter || (c >= 0x1F000 && c <= 0x1FAFF);
}

struct UsState {
    std::string_view name, code;
};
constexpr UsState kStates[] = {
    {"alabama", "al"},
    {"alaska", "ak"},
    {"arizona", "az"},
    {"arkansas", "ar"},
    {"california", "ca"},
    {"colorado", "co"},
    {"connecticut", "ct"},
    {"delaware", "de"},
    {"districtofcolumbia", "dc"},
    {"florida", "fl"},
    {"georgia", "ga"},
    {"hawaii", "hi"},
    {"idaho", "id"},
    {"illinois", "il"},
    {"indiana", "in"},
    {"iowa", "ia"},
    {"kansas", "ks"},
    {"kentucky", "ky"},
    {"louisiana", "la"},
    {"maine", "me"},
    {"maryland", "md"},
    {"massachusetts", "ma"},
    {"michigan", "mi"},
    {"minnesota", "mn"},
    {"mississippi", "ms"},
    {"missouri", "mo"},
    {"montana", "mt"},
    {"nebraska", "ne"},
    {"nevada", "nv"},
    {"newhampshire", "nh"},
    {"newjersey", "nj"},
    {"newmexico", "nm"},
    {"newyork", "ny"},
    {"northcarolina", "nc"},
    {"northdakota", "nd"},
    {"ohio", "oh"},
    {"oklahoma", "ok"},
    {"oregon", "or"},
    {"pennsylvania", "pa"},
    {"rhodeisland", "ri"},
    {"southcarolina", "sc"},
    {"southdakota", "sd"},
    {"tennessee", "tn"},
    {"texas", "tx"},
    {"utah", "ut"},
    {"vermont", "vt"},
    {"virginia", "va"},
    {"washington", "wa"},
    {"westvirginia", "wv"},
    {"wisconsin", "wi"},
    {"wyoming", "wy"},
    // Territories and the armed forces have codes as well.
    {"puertorico", "pr"},
    {"guam", "gu"},
    {"virginislands", "vi"},
    {"americansamoa", "as"},
    {"northernmarianaislands", "mp"},
    {"armedforcesamericas", "aa"},
    {"armedforceseurope", "ae"},
    {"armedforcespacific", "ap"},
};

bool IsOneOfWords(const std::string& word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string Trimmed(std::string_view text) {
    size_t begin = 0, end = 0;  // of what is left, in bytes
    bool any = false;
    for (std::string_view rest = text; !rest.empty();) {
        const size_t at = text.size() - rest.size();
        if (IsSpaceCharacter(NextCharacter(rest))) continue;
        if (!any) begin = at;
        any = true;
        end = text.size() - rest.size();
    }
    return std::string(text.substr(begin, end - begin));
}

std::string WithoutSpaces(std::string_view text) {
    std::string result;
    for (std::string_view rest = text; !rest.empty();) {
        const size_t at = text.size() - rest.size();
        if (!IsSpaceCharacter(NextCharacter(rest))) result += text.substr(at, text.size() - rest.size() - at);
    }
    return result;
}

bool HasSpaces(std::string_view text) {
    while (!text.empty())
        if (IsSpaceCharacter(NextCharacter(text))) return true;
    return false;
}

std::string LettersAndBlanks(std::string_view text) {
    std::string result;
    for (std::string_view rest = text; !rest.empty();) {
        const size_t at = text.size() - rest.size();
        const char32_t c = NextCharacter(rest);
        if (IsBlank(c) || (IsSpaceCharacter(c) && !IsInvisible(c))) {
            if (!result.empty() && result.back() != ' ') result += ' ';
        } else if (!IsNoLetter(c) && !IsInvisible(c)) {
            result += text.substr(at, text.size() - rest.size() - at);
        }
    }
    if (!result.empty() && result.back() == ' ') result.pop_back();
    return result;
}

std::string WithoutTitles(const std::string& name) {
    std::vector<std::string> words;
    for (size_t begin = 0; begin < name.size();) {
        const size_t end = std::min(name.find(' ', begin), name.size());
        words.push_back(name.substr(begin, end - begin));
        begin = end + 1;
    }
    while (words.size() > 1 && IsOneOfWords(words.front(), {"mr", "mrs", "ms", "miss", "mx", "dr", "prof",
                                                            "sir", "herr", "frau"}))
        words.erase(words.begin());
    while (words.size() > 1 &&
           IsOneOfWords(words.back(), {"jr", "sr", "ii", "iii", "iv", "phd", "md", "esq"}))
        words.pop_back();
    std::string result;
    for (const std::string& word : words) result += (result.empty() ? "" : " ") + word;
    return result;
}

std::string_view StateCode(std::string_view state) {
    for (const UsState& each : kStates)
        if (state == each.name || state == each.code) return each.code;
    return {};
}

}  // namespace pulse::audience
