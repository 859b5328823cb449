// Normal forms of identifiers per platform, as each one documents them. Where sources differ the option of
// the destination decides. Lower case is that of base/utf8.hpp: Latin, Greek, Cyrillic and Armenian.
#include <algorithm>

#include "pulse/audience/identifier.hpp"
#include "pulse/audience/normal_text.hpp"
#include "pulse/base/ascii.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::audience {

namespace {

using K = IdentifierKind;

constexpr size_t kLongestValue = 1000;

Normalised Problem(const char* why) {
    return {"", why};
}

Normalised Given(std::string value, const char* why_empty) {
    return value.empty() ? Problem(why_empty) : Normalised{std::move(value), nullptr};
}

// ---- E-mail ----

bool IsMailDomain(std::string_view domain) {
    if (domain.size() > 253 || domain.find('.') == std::string_view::npos) return false;
    if (domain.front() == '.' || domain.back() == '.' || domain.front() == '-' || domain.back() == '-')
        return false;
    return domain.find("..") == std::string_view::npos &&
           std::none_of(domain.begin(), domain.end(), [](char c) {
               return std::string_view("@ ,;:<>()[]\"\\/'!#$%&*+=?^`{|}~_").find(c) != std::string_view::npos;
           });
}

Normalised Email(const IdentifierRules& rules, std::string_view value) {
    // Google and TikTok say that blanks are removed, the others only those around it.
    const bool everywhere = rules.platform == Platform::kGoogle || rules.platform == Platform::kTiktok;
    std::string address = LowerUtf8(everywhere ? WithoutSpaces(value) : Trimmed(value));
    const size_t at = address.find('@');
    if (at == std::string::npos || address.find('@', at + 1) != std::string::npos || HasSpaces(address))
        return Problem("not an e-mail address");
    std::string local = address.substr(0, at), domain = address.substr(at + 1);
    const bool gmail = domain == "gmail.com" || domain == "googlemail.com";
    const bool cuts = gmail && rules.gmail == GmailRule::kDotsAndTag;
    if (cuts || (rules.platform == Platform::kTiktok && !rules.keep_tag))
        local.resize(std::min(local.find('+'), local.size()));
    if (gmail && rules.gmail != GmailRule::kKeep) std::erase(local, '.');
    if (local.empty() || local.size() > 64 || domain.empty() || !IsMailDomain(domain) ||
        local.find_first_of("<>()[]\",;:\\") != std::string::npos)
        return Problem("not an e-mail address");
    return {local + "@" + domain, nullptr};
}

// ---- Phone ----

// The digits before an extension, and what stands before them.
struct Dialled {
    std::string digits;
    bool international = false;
};

Dialled ReadDialled(std::string_view value) {
    Dialled dialled;
    std::string lower = LowerUtf8(value);
    size_t end = lower.size();
    for (const std::string_view mark : {"ext", "x", "#", ";", ","}) end = std::min(end, lower.find(mark));
    for (size_t i = 0; i < end; ++i) {
        const char c = lower[i];
        if (c == '+' && dialled.digits.empty()) dialled.international = true;
        // +44 (0) 20 …: the 0 is for those who call from inside.
        if (c == '(' && dialled.international && lower.compare(i, 3, "(0)") == 0) {
            i += 2;
            continue;
        }
        if (IsDigit(c)) dialled.digits += c;
    }
    if (dialled.digits.starts_with("00")) dialled.international = true;
    return dialled;
}

void DropZeros(std::string& digits) {
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
}

// The digits with the country's code in front; empty: there is none.
std::string FullNumber(const Dialled& dialled, const std::string& code) {
    std::string digits = dialled.digits;
    const bool trunk = digits.starts_with('0');
    if (dialled.international) {
        DropZeros(digits);
        return digits;
    }
    if (code.empty()) return "";
    // Italy's numbers keep the 0 before them.
    if (code != "39") DropZeros(digits);
    const bool has_code = digits.starts_with(code) && digits.size() >= code.size() + 9;
    // In North America the code is also the prefix of calls from inside.
    if (has_code && (!trunk || code == "1")) return digits;
    return code + digits;
}

Normalised Phone(const IdentifierRules& rules, std::string_view value) {
    const Dialled dialled = ReadDialled(value);
    if (dialled.digits.empty()) return Problem("no digits");
    const std::string digits = FullNumber(dialled, rules.calling_code);
    if (digits.empty()) return Problem("no country code");
    if (digits.size() < 7 || digits.size() > 15) return Problem("not a phone number");
    const bool plus = rules.platform == Platform::kGoogle || rules.platform == Platform::kWebhook ||
                      rules.platform == Platform::kFile ||
                      (rules.platform == Platform::kTiktok && rules.phone_plus);
    return {plus ? "+" + digits : digits, nullptr};
}

// ---- Mobile advertising ids ----

Normalised MobileId(const IdentifierRules& rules, std::string_view value) {
    const std::string trimmed = Trimmed(value);
    bool zero = true;
    for (size_t i = 0; i < trimmed.size(); ++i) {
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = trimmed[i];
        const bool hex = IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (i > 35 || (hyphen ? c != '-' : !hex)) return Problem("not a mobile advertising id");
        zero = zero && (hyphen || c == '0');
    }
    if (trimmed.size() != 36) return Problem("not a mobile advertising id");
    if (zero) return Problem("an advertising id of zeros: the person has forbidden tracking");
    return {rules.platform == Platform::kGoogle ? trimmed : LowerUtf8(trimmed), nullptr};
}

// ---- Names and places ----

Normalised PersonName(const IdentifierRules& rules, std::string_view value) {
    std::string name = LettersAndBlanks(LowerUtf8(value));
    if (rules.platform == Platform::kGoogle) name = WithoutTitles(name);
    return Given(std::move(name), "no letters");
}

Normalised PlaceName(std::string_view value) {
    std::string place = LettersAndBlanks(LowerUtf8(value));
    std::erase(place, ' ');
    return Given(std::move(place), "no letters");
}

Normalised State(std::string_view value, std::string_view country) {
    Normalised state = PlaceName(value);
    if (country != "us" || !state.ok()) return state;
    const std::string_view code = StateCode(state.value);
    return code.empty() ? Problem("not a state of the United States")
                        : Normalised{std::string(code), nullptr};
}

Normalised PostalCode(const IdentifierRules& rules, std::string_view value, std::string_view country) {
    if (rules.platform == Platform::kGoogle) return Given(Trimmed(value), "empty");
    std::string code = LowerUtf8(WithoutSpaces(value));
    if (country == "us") {
        code.resize(std::min<size_t>(code.size(), 5));
        const bool digits = std::all_of(code.begin(), code.end(), IsDigit);
        return code.size() == 5 && digits ? Normalised{code, nullptr}
                                          : Problem("not a postal code of five digits");
    }
    // Area, district and sector: what follows is the unit.
    if (country == "gb" && code.size() >= 5 && code.size() <= 7 && IsDigit(code[code.size() - 3]))
        code.resize(code.size() - 2);
    std::erase(code, '-');
    return Given(std::move(code), "empty");
}

Normalised Country(const IdentifierRules& rules, std::string_view value) {
    std::string code = LowerUtf8(Trimmed(value));
    if (code == "uk") code = "gb";
    if (code.size() != 2 || !IsLetter(code[0]) || !IsLetter(code[1]))
        return Problem("not a country of two letters");
    if (rules.platform == Platform::kGoogle)
        for (char& c : code) c = static_cast<char>(c - 'a' + 'A');
    return {code, nullptr};
}

Normalised Gender(std::string_view value) {
    const std::string word = LowerUtf8(Trimmed(value));
    if (word == "f" || word == "female") return {"f", nullptr};
    if (word == "m" || word == "male") return {"m", nullptr};
    return Problem("neither female nor male");
}

Normalised Number(std::string_view value, size_t digits, int low, int high) {
    const std::string text = Trimmed(value);
    if (text.empty() || text.size() > digits || !std::all_of(text.begin(), text.end(), IsDigit))
        return Problem("not a part of a date");
    const int number = std::stoi(text);
    if (number < low || number > high) return Problem("not a part of a date");
    return {std::string(digits - text.size(), '0') + text, nullptr};
}

}  // namespace

Normalised NormaliseText(const IdentifierRules& rules, IdentifierKind kind, std::string_view value,
                         std::string_view country) {
    if (value.size() > kLongestValue) return Problem("longer than 1,000 bytes");
    if (ValidUtf8(value) != value.size()) return Problem("not valid UTF-8");
    if (Trimmed(value).empty()) return Problem("empty");
    switch (kind) {
        case K::kEmail: return Email(rules, value);
        case K::kPhone: return Phone(rules, value);
        case K::kMobileAdId:
        case K::kIdfa:
        case K::kAaid: return MobileId(rules, value);
        case K::kExternalId: return {Trimmed(value), nullptr};
        case K::kFirstName:
        case K::kLastName: return PersonName(rules, value);
        case K::kFirstInitial: {
            const Normalised name = PersonName(rules, value);
            return name.ok() ? Normalised{name.value.substr(0, Utf8Length(name.value, 0)), nullptr} : name;
        }
        case K::kCity: return PlaceName(value);
        case K::kState: return State(value, country);
        case K::kPostalCode: return PostalCode(rules, value, country);
        case K::kCountry: return Country(rules, value);
        case K::kGender: return Gender(value);
        case K::kBirthDate: return Problem("a date has no value of its own");
        case K::kBirthYear: return Number(value, 4, 1900, 9999);
        case K::kBirthMonth: return Number(value, 2, 1, 12);
        case K::kBirthDay: return Number(value, 2, 1, 31);
    }
    return Problem("unknown kind");
}

Normalised Normalise(const IdentifierRules& rules, IdentifierKind kind, std::string_view value,
                     std::string_view country) {
    const bool hashed = IsHashed(rules, kind);
    // Before anything else: a hash may consist of letters only, which the rules for phones would remove.
    const std::string trimmed = value.size() <= kLongestValue ? Trimmed(value) : "";
    if (LooksHashed(trimmed) && kind != K::kExternalId) {
        if (rules.hash && !hashed) return Problem("a hash, which the platform wants plain");
        if (rules.hash && !rules.takes_hashes) return Problem("it is a hash already");
        return {LowerUtf8(trimmed), nullptr};
    }
    Normalised normal = NormaliseText(rules, kind, value, country);
    if (normal.ok() && hashed) normal.value = Sha256Hex(normal.value);
    return normal;
}

}  // namespace pulse::audience
