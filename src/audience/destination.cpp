#include "pulse/audience/destination.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/delivery/sign.hpp"

namespace pulse::audience {

using options::Holder;

namespace {

using K = IdentifierKind;

constexpr size_t kLongestToken = 5000;
// Google's identifiers are of a list: contact data, mobile ids or user ids.
const std::vector<IdentifierKind> kContact = {K::kEmail,    K::kPhone,      K::kFirstName,
                                              K::kLastName, K::kPostalCode, K::kCountry};

bool AllDigits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

std::string WithoutHyphens(std::string text) {
    std::erase(text, '-');
    return text;
}

// `value` is empty for a secret.
[[noreturn]] void ThrowBadOption(const std::string& option, const std::string& value,
                                 const std::string& hint) {
    throw UserError(sqlstate::kInvalidParameter,
                    "invalid value for option \"" + option + "\" of a destination",
                    value.empty() ? "" : "It is \"" + value + "\".", hint);
}

std::vector<std::string> SplitList(const std::string& text) {
    std::vector<std::string> names;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        std::string name = text.substr(begin, end - begin);
        name.erase(0, std::min(name.find_first_not_of(' '), name.size()));
        name.resize(name.find_last_not_of(' ') + 1);
        names.push_back(std::move(name));
        begin = end + 1;
    }
    return names;
}

std::vector<IdentifierKind> ReadIdentifiers(Platform platform, const std::optional<std::string>& text) {
    const std::vector<IdentifierKind>& valid = KindsOf(platform);
    if (!text) {
        if (platform == Platform::kGoogle) return kContact;
        std::vector<IdentifierKind> kinds = valid;
        if (platform == Platform::kMeta) std::erase(kinds, K::kFirstInitial);  // the first name says it
        return kinds;
    }
    std::vector<IdentifierKind> kinds;
    for (const std::string& name : SplitList(*text)) {
        const auto kind = FindIdentifierKind(name);
        if (!kind || std::find(valid.begin(), valid.end(), *kind) == valid.end()) {
            std::vector<std::string> names;
            for (const IdentifierKind each : valid) names.emplace_back(Name(each));
            ThrowBadOption("identifiers", *text,
                           "\"" + name + "\" is not sent to " + Title(platform) + ". " +
                               ListNames(names, "Its identifiers"));
        }
        if (std::find(kinds.begin(), kinds.end(), *kind) == kinds.end()) kinds.push_back(*kind);
    }
    std::sort(kinds.begin(), kinds.end());
    return kinds;
}

bool IsUuidText(std::string_view text) {
    return text.size() == 36 && std::all_of(text.begin(), text.end(),
                                            [](char c) { return IsDigit(c) || IsLetter(c) || c == '-'; });
}

void CheckAccount(Platform platform, const std::string& option, const std::string& value) {
    switch (platform) {
        case Platform::kMeta:
            if (!AllDigits(value.starts_with("act_") ? std::string_view(value).substr(4) : value))
                ThrowBadOption(option, value,
                               "Give the number of the ad account, such as 1234567890 or act_1234567890.");
            return;
        case Platform::kGoogle:
            if (!AllDigits(WithoutHyphens(value)) || WithoutHyphens(value).size() > 20)
                ThrowBadOption(option, value, "Give the customer id, such as 769-372-9833.");
            return;
        case Platform::kTiktok:
            if (!AllDigits(value)) ThrowBadOption(option, value, "Give the advertiser id: digits.");
            return;
        case Platform::kSnapchat:
            if (!IsUuidText(value)) ThrowBadOption(option, value, "Give the id of the ad account, a UUID.");
            return;
        default: ThrowBadOption(option, value, "A webhook or file has no account: remove the option.");
    }
}

// v25.0
bool IsVersion(const std::string& text) {
    const size_t dot = text.find('.');
    return text.size() <= 8 && text.starts_with("v") && dot != std::string::npos &&
           AllDigits(std::string_view(text).substr(1, dot - 1)) &&
           AllDigits(std::string_view(text).substr(dot + 1));
}

void CheckRange(const std::string& name, const std::string& value, long low, long high) {
    const auto number = options::ParseWhole(value);
    if (!number || *number < low || *number > high)
        ThrowBadOption(name, value,
                       "Give an integer from " + std::to_string(low) + " to " + std::to_string(high) + ".");
}

void CheckServerOption(Platform platform, const std::string& name, const std::string& value) {
    const PlatformFacts& facts = FactsOf(platform);
    if (name == "account") CheckAccount(platform, name, value);
    if (name == "login_account") {
        if (platform != Platform::kGoogle)
            ThrowBadOption(name, value, "Only Google has login accounts: remove the option.");
        CheckAccount(platform, name, value);
    }
    if (name == "api_version" && !IsVersion(value))
        ThrowBadOption(name, value, "Give a version such as v25.0.");
    if (name == "country_code" && (!AllDigits(value) || value.size() > 3 || value.front() == '0'))
        ThrowBadOption(name, value, "Give a calling code without +, such as 49 or 1.");
    if (name == "country" && (value.size() != 2 || !IsLetter(value[0]) || !IsLetter(value[1])))
        ThrowBadOption(name, value, "Give a country of two letters, such as DE.");
    if (name == "hashing" && value == "none" && facts.has_audiences)
        ThrowBadOption(name, value,
                       std::string("Plain identifiers never leave for ") + Title(platform) + ".");
    if (name == "app_id" &&
        (value.size() > 200 || std::any_of(value.begin(), value.end(), [](char c) { return c <= ' '; })))
        ThrowBadOption(name, value, "Give the id of the app, such as com.example.app.");
    if (name == "batch_size") CheckRange(name, value, 1, static_cast<long>(facts.most_rows));
    if (name == "membership_days") CheckRange(name, value, 1, platform == Platform::kGoogle ? 540 : 9999);
    if (name == "requests_per_minute") CheckRange(name, value, 1, 1'000'000);
    if (name == "max_in_flight") CheckRange(name, value, 1, 100);
}

void CheckDestinationServer(const options::List& options) {
    const auto word = options::Value(options, "platform");
    const auto platform = FindPlatform(word ? *word : "");
    if (!platform)
        throw UserError(sqlstate::kInvalidParameter, "a destination needs the option \"platform\"", "",
                        "Give meta, google, tiktok, snapchat, webhook or file.");
    for (const auto& [name, value] : options) CheckServerOption(*platform, name, value);
    ReadIdentifiers(*platform, options::Value(options, "identifiers"));
}

void CheckDestinationMapping(const options::List& options) {
    for (const auto& [name, value] : options) {
        if (name == "secret" && !delivery::SigningKey(value))
            ThrowBadOption("secret", "", "Give whsec_ followed by 24 to 64 random bytes in Base64.");
        if (name == "url") continue;
        if (value.size() > kLongestToken ||
            std::any_of(value.begin(), value.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7F; }))
            ThrowBadOption(name, "", "Give it exactly as the platform shows it, without blanks.");
    }
}

void RequireOptions(const Destination& destination) {
    const std::string title = "destination \"" + destination.name + "\"";
    switch (destination.platform) {
        case Platform::kMeta:
        case Platform::kTiktok:
            options::Require(title, destination.server, Holder::kServer, {"account"});
            options::Require(title, destination.mapping, Holder::kMapping, {"access_token"});
            return;
        case Platform::kGoogle:
        case Platform::kSnapchat:
            options::Require(title, destination.server, Holder::kServer, {"account"});
            // An access token alone is good for an hour.
            if (!options::Value(destination.mapping, "access_token") ||
                options::Value(destination.mapping, "refresh_token"))
                options::Require(title, destination.mapping, Holder::kMapping,
                                 {"refresh_token", "client_id", "client_secret"});
            return;
        case Platform::kWebhook:
            options::Require(title, destination.mapping, Holder::kMapping, {"url", "secret"});
            return;
        case Platform::kFile: return;
    }
}

IdentifierRules ReadRules(const Destination& destination) {
    IdentifierRules rules;
    rules.platform = destination.platform;
    rules.calling_code = destination.Option("country_code");
    rules.country = LowerUtf8(destination.Option("country"));
    if (rules.country == "uk") rules.country = "gb";
    rules.hash = destination.Option("hashing") != "none";
    rules.takes_hashes = options::ParseFlag(destination.Option("takes_hashes")).value_or(false);
    rules.phone_plus = options::ParseFlag(destination.Option("phone_plus")).value_or(true);
    rules.keep_tag = options::ParseFlag(destination.Option("keep_tag")).value_or(true);
    if (destination.Option("mobile_system") == "ios") rules.unknown_mobile = K::kIdfa;
    if (destination.platform == Platform::kGoogle)
        rules.gmail = destination.Option("gmail") == "dots" ? GmailRule::kDots : GmailRule::kDotsAndTag;
    return rules;
}

int64_t WholeOr(const Destination& destination, const char* option, int64_t otherwise) {
    return options::ParseWhole(destination.Option(option)).value_or(otherwise);
}

}  // namespace

std::string Destination::Option(const char* option) const {
    return DestinationOptions().Get(server, option);
}

std::string Destination::Secret(const char* option) const {
    return DestinationOptions().Get(mapping, option);
}

void CheckDestinationOptions(Holder holder, const options::List& options) {
    holder == Holder::kServer ? CheckDestinationServer(options) : CheckDestinationMapping(options);
}

Destination MakeDestination(const std::string& name, const options::List& server,
                            const options::List& mapping) {
    // Checked again: an earlier version or a dump may have set options without these checks.
    CheckDestinationServer(server);
    CheckDestinationMapping(mapping);
    Destination destination;
    destination.name = name;
    destination.server = server;
    destination.mapping = mapping;
    destination.platform = *FindPlatform(destination.Option("platform"));
    RequireOptions(destination);

    const PlatformFacts& facts = FactsOf(destination.platform);
    destination.identifiers = ReadIdentifiers(destination.platform, options::Value(server, "identifiers"));
    destination.rules = ReadRules(destination);
    destination.batch_rows =
        static_cast<size_t>(WholeOr(destination, "batch_size", static_cast<int64_t>(facts.most_rows)));
    destination.minimum_size = WholeOr(destination, "minimum_size", facts.minimum_size);
    destination.sends_without_consent = destination.Option("without_consent") == "send";
    destination.rates = facts.rates;
    if (const int64_t rate = WholeOr(destination, "requests_per_minute", 0); rate > 0)
        destination.rates.push_back({rate, kMinute});
    destination.max_in_flight = static_cast<int>(WholeOr(destination, "max_in_flight", 1));
    return destination;
}

}  // namespace pulse::audience
