#include "pulse/profile/consent_event.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/profile/consent_gpp.hpp"
#include "pulse/profile/consent_tcf.hpp"

namespace pulse::profile {

namespace {

constexpr size_t kMaxNote = 500;  // bytes
constexpr const char* kAds = "ads";
constexpr const char* kPersonalization = "ads_personalization";
constexpr const char* kAnalytics = "analytics";

std::string Sha256Hex(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr)) return "";
    constexpr const char* kDigits = "0123456789abcdef";
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) (hex += kDigits[digest[i] >> 4]) += kDigits[digest[i] & 15];
    return hex;
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                          [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
    });
}

// true and false, also as texts, as Google's interfaces write them, too.
std::optional<bool> ReadAnswer(const json::Value& value) {
    if (value.Is(json::Type::kBoolean)) return value.boolean;
    if (!value.Is(json::Type::kText)) return std::nullopt;
    if (IsOneOf(value.text, {"granted", "consent_granted", "true", "yes"})) return true;
    if (IsOneOf(value.text, {"denied", "consent_denied", "false", "no"})) return false;
    return std::nullopt;
}

class EventConsentReader {
  public:
    EventConsentReader(const json::Reader& reader, const ConsentNames& names)
        : reader_(reader), names_(names) {}

    void ReadObject(const json::Value& consent) {
        if (!consent.Given()) return;
        if (!consent.Is(json::Type::kObject)) {
            Note(std::string("consent is ") + json::Describe(consent.type) + ", not an object");
            return;
        }
        ReadAnswers(consent);
        ReadCategories(First(consent, {"categoryPreferences", "category_preferences"}));
        ReadGoogle(consent);
        for (const char* key : {"tcf", "tcString", "tc_string", "tcfString"})
            ReadText(consent, key, [&](std::string_view text) { ReadTcString(text); });
        for (const char* key : {"gpp", "gppString", "gpp_string"})
            ReadText(consent, key, [&](std::string_view text) { ReadGppString(text); });
        for (const char* key : {"us_privacy", "usPrivacy", "usp"})
            ReadText(consent, key, [&](std::string_view text) { ReadUsPrivacyString(text); });
        ReadGpc(reader_.Get(consent, "gpc"));
    }

    // Sec-GPC: 1. Its absence is no consent.
    void ReadGpc(const json::Value& gpc) {
        const bool set = ReadAnswer(gpc).value_or(false) || (gpc.Is(json::Type::kText) && gpc.text == "1") ||
                         (gpc.Is(json::Type::kNumber) && reader_.Number(gpc) == "1");
        if (set) RefuseAds("gpc", {{"gpc", true}});
    }

    EventConsents Take() { return std::move(found_); }

  private:
    void Note(const std::string& sentence) {
        if (found_.note.size() < kMaxNote) found_.note += (found_.note.empty() ? "" : " ") + sentence + ".";
    }

    // Of several statements about a purpose the refusal counts; of equal ones the first.
    void Say(const std::string& purpose, bool granted, const char* source, const std::string& proof) {
        const auto known = std::find_if(found_.statements.begin(), found_.statements.end(),
                                        [&](const EventConsent& said) { return said.purpose == purpose; });
        if (known == found_.statements.end())
            found_.statements.push_back({purpose, granted, source, proof});
        else if (known->granted && !granted)
            *known = {purpose, granted, source, proof};
    }

    void RefuseAds(const char* source, const nlohmann::json& proof) {
        const std::string text = DumpJson(proof);
        Say(kAds, false, source, text);
        Say(kPersonalization, false, source, text);
    }

    json::Value First(const json::Value& object, std::initializer_list<const char*> keys) const {
        for (const char* key : keys)
            if (const json::Value value = reader_.Get(object, key); value.Given()) return value;
        return {};
    }

    template <typename Use>
    void ReadText(const json::Value& object, const char* key, Use use) {
        const json::Value value = reader_.Get(object, key);
        if (!value.Given()) return;
        if (value.Is(json::Type::kText))
            use(value.text);
        else
            Note(std::string("consent.") + key + " is " + json::Describe(value.type) + ", not a text");
    }

    // {"ads": true}
    void ReadAnswers(const json::Value& consent) {
        for (const ConsentNames::Purpose& purpose : names_.purposes) {
            const json::Value value = reader_.Get(consent, purpose.name);
            if (!value.Given()) continue;
            if (const std::optional<bool> granted = ReadAnswer(value))
                Say(purpose.name, *granted, "consent", "{}");
            else
                Note("consent." + purpose.name + " is neither true nor false");
        }
    }

    // Consent for a purpose needs that for all of its categories; one that is not there is refused.
    void ReadCategories(const json::Value& preferences) {
        if (!preferences.Given()) return;
        if (!preferences.Is(json::Type::kObject)) {
            Note(std::string("consent.categoryPreferences is ") + json::Describe(preferences.type) +
                 ", not an object");
            return;
        }
        for (const ConsentNames::Purpose& purpose : names_.purposes) {
            std::vector<std::string> categories = purpose.categories;
            if (categories.empty() && reader_.Get(preferences, purpose.name).Given())
                categories.push_back(purpose.name);
            if (categories.empty()) continue;
            bool granted = true;
            nlohmann::json proof = nlohmann::json::object();
            for (const std::string& category : categories) {
                const bool answer = ReadAnswer(reader_.Get(preferences, category)).value_or(false);
                proof[category] = answer;
                granted = granted && answer;
            }
            Say(purpose.name, granted, "category", DumpJson({{"categories", proof}}));
        }
    }

    // Google's consent mode. Storage for ads is about cookies: it can refuse, but is no consent to ads.
    void ReadGoogle(const json::Value& consent) {
        nlohmann::json proof = nlohmann::json::object();
        const auto answer = [&](std::initializer_list<const char*> keys) {
            std::optional<bool> said;
            for (const char* key : keys) {
                const json::Value value = reader_.Get(consent, key);
                if (!value.Given()) continue;
                const std::optional<bool> granted = ReadAnswer(value);
                if (!granted) {
                    Note(std::string("consent.") + key + " is neither granted nor denied");
                    continue;
                }
                proof[key] = *granted ? "granted" : "denied";
                said = said.value_or(true) && *granted;
            }
            return said;
        };
        const std::optional<bool> storage = answer({"ad_storage"}),
                                  user_data = answer({"ad_user_data", "adUserData"}),
                                  personal = answer({"ad_personalization", "adPersonalization"}),
                                  analytics = answer({"analytics_storage"});
        if (proof.empty()) return;
        const std::string text = DumpJson(proof);
        if (user_data || storage == false)
            Say(kAds, user_data.value_or(false) && storage.value_or(true), "google", text);
        if (personal) Say(kPersonalization, *personal, "google", text);
        if (analytics) Say(kAnalytics, *analytics, "google", text);
    }

    void ReadTcString(std::string_view text) {
        std::string problem;
        const std::optional<TcfConsent> consent = ReadTcf(text, std::max(names_.tcf_vendor, 1), problem);
        if (!consent) return Note("The TC string cannot be read: " + problem);
        if (names_.tcf_vendor == 0) return;
        const std::string proof = DumpJson({{"tcf", text},
                                            {"sha256", Sha256Hex(text)},
                                            {"vendor", names_.tcf_vendor},
                                            {"cmp", consent->cmp}});
        const bool ads = consent->Allows(1) && consent->Allows(2) && consent->Allows(7);
        Say(kAds, ads, "tcf", proof);
        Say(kPersonalization, ads && consent->Allows(3) && consent->Allows(4), "tcf", proof);
    }

    void ReadGppString(std::string_view text) {
        std::string problem;
        const std::optional<GppSignals> signals = ReadGpp(text, problem);
        if (!problem.empty()) Note("The GPP string cannot be read: " + problem);
        if (!signals) return;
        if (!signals->opted_out.empty())
            RefuseAds("gpp", {{"gpp", text}, {"sha256", Sha256Hex(text)}, {"sections", signals->opted_out}});
        if (signals->tcf) ReadTcString(*signals->tcf);
    }

    void ReadUsPrivacyString(std::string_view text) {
        const std::optional<bool> opted_out = ReadUsPrivacy(text);
        if (!opted_out)
            Note("\"" + Shorten(text, 20) + "\" is not a US privacy string");
        else if (*opted_out)
            RefuseAds("us_privacy", {{"us_privacy", text}});
    }

    const json::Reader& reader_;
    const ConsentNames& names_;
    EventConsents found_;
};

}  // namespace

EventConsents ReadEventConsent(const json::Reader& reader, const json::Value& in_context,
                               const json::Value& of_event, const json::Value& gpc,
                               const ConsentNames& names) {
    EventConsentReader found(reader, names);
    found.ReadObject(in_context);
    found.ReadObject(of_event);
    found.ReadGpc(gpc);
    return found.Take();
}

}  // namespace pulse::profile
