// What an operator should know before it stops working.
#include <algorithm>

#include "pulse/audience/destination.hpp"
#include "pulse/audience/normal_text.hpp"
#include "pulse/base/ascii.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::audience {

namespace {

// When versions of Meta's Graph API end, as published in 2026. Its Marketing API may end them earlier.
struct VersionEnd {
    const char* version;
    const char* date;
};
constexpr VersionEnd kVersionEnds[] = {
    {"v22.0", "2027-05-20"}, {"v24.0", "2028-02-18"}, {"v25.0", "2028-07-29"}};
constexpr int64_t kNotice = 90 * kDay;

// Words that hint at health or at somebody's money, as beginnings of words.
constexpr std::string_view kSensitive[] = {
    "abortion",    "addict",       "aids",        "alcoholic",   "allerg",    "alzheimer",   "anorexi",
    "antidepress", "anxiety",      "arthritis",   "asthma",      "autis",     "bankrupt",    "bipolar",
    "bulimi",      "cancer",       "chemotherap", "cholesterol", "chronic",   "clinic",      "credit score",
    "creditworth", "debt",         "dementia",    "depress",     "diabet",    "diagnos",     "dialysis",
    "disab",       "disease",      "disorder",    "drug",        "epilep",    "erectile",    "fertilit",
    "foreclos",    "health",       "hepatitis",   "hiv",         "hospital",  "illness",     "income",
    "infertil",    "insolven",     "insulin",     "ivf",         "loan",      "low income",  "medicaid",
    "medical",     "medicare",     "medicat",     "menopaus",    "mental",    "miscarriage", "mortgage",
    "net worth",   "obes",         "oncolog",     "overdraft",   "patient",   "payday",      "pharma",
    "pregnan",     "prescription", "psychiatr",   "rehab",       "schizo",    "sclerosis",   "std",
    "suicid",      "surgery",      "symptom",     "therap",      "treatment", "tumor",       "tumour",
    "weight loss"};

// Short ones are words, not beginnings.
bool IsWholeWord(std::string_view word) {
    return word.size() <= 4 && word != "debt" && word != "drug";
}

}  // namespace

std::vector<std::string> Warnings(const Destination& destination, Moment now) {
    std::vector<std::string> warnings;
    if (destination.platform == Platform::kMeta) {
        const std::string version = destination.Option("api_version");
        for (const VersionEnd& end : kVersionEnds) {
            const Moment ends = ParseMoment(end.date).value_or(0);
            if (version != end.version || ends - now > kNotice) continue;
            warnings.push_back("Meta ends version " + version + " of its API on " + end.date +
                               (ends <= now ? ", which has passed" : "") +
                               ": set the option api_version of the destination to a later one.");
        }
    }
    if (destination.sends_without_consent)
        warnings.emplace_back("It sends people whose consent is not recorded (option without_consent).");
    if (destination.platform != Platform::kFile && !destination.Option("base_url").empty())
        warnings.emplace_back("It sends people to another address than the platform's (option base_url).");
    return warnings;
}

std::vector<std::string> SensitiveWords(std::string_view text) {
    // Words with one blank between them and around them, so that a beginning follows a blank.
    std::string words = " ";
    for (std::string_view rest = text; !rest.empty();) {
        const size_t at = text.size() - rest.size();
        const char32_t c = NextCharacter(rest);
        const bool letter = c >= 0x80 || IsLetter(static_cast<char>(c)) || IsDigit(static_cast<char>(c));
        if (letter)
            words += LowerUtf8(text.substr(at, text.size() - rest.size() - at));
        else if (words.back() != ' ')
            words += ' ';
    }
    words += ' ';
    std::vector<std::string> found;
    for (const std::string_view word : kSensitive)
        if (words.find(" " + std::string(word) + (IsWholeWord(word) ? " " : "")) != std::string::npos)
            found.emplace_back(word);
    return found;
}

}  // namespace pulse::audience
