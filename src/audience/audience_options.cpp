#include "pulse/audience/audience_options.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audience/identifier.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"

namespace pulse::audience {

namespace {

constexpr size_t kMostPurposes = 20;
constexpr size_t kLongestOptionText = 300;
constexpr const char* kExample = R"({"interval": "6 hours", "identifiers": ["email"]})";

const std::vector<std::string>& CreateKeys() {
    static const std::vector<std::string> keys = {"purposes",    "identifiers",   "interval",
                                                  "full_every",  "max_share",     "key",
                                                  "platform_id", "platform_name", "description"};
    return keys;
}

const std::vector<std::string>& UpdateKeys() {
    static const std::vector<std::string> keys = {"name",          "segment",    "purposes",  "identifiers",
                                                  "interval",      "full_every", "max_share", "key",
                                                  "platform_name", "description"};
    return keys;
}

std::optional<std::vector<std::string>> Texts(const JsonObject& object, const std::string& key, size_t most,
                                              const std::string& hint) {
    if (const nlohmann::json* found = object.Find(key); found && !found->is_array())
        object.Refuse(key, "must be a list", hint);
    const nlohmann::json* list = object.List(key, most);
    if (!list) return std::nullopt;
    std::vector<std::string> texts;
    for (const nlohmann::json& element : *list) {
        if (!element.is_string()) object.Refuse(key, "must be a list of texts", hint);
        const auto text = element.get<std::string>();
        if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
    }
    if (texts.empty()) object.Refuse(key, "must not be empty", hint);
    return texts;
}

std::optional<std::string> ShortText(const JsonObject& object, const std::string& key) {
    std::optional<std::string> text = object.Text(key);
    if (text && (text->empty() || text->size() > kLongestOptionText))
        object.Refuse(key, "must have 1 to " + std::to_string(kLongestOptionText) + " bytes");
    return text;
}

void ReadInterval(const JsonObject& object, AudienceOptions& options) {
    constexpr const char* kHint = "Give 1 hour to 1 week, such as \"6 hours\", or \"change\" or \"manual\".";
    const std::optional<std::string> text = object.Text("interval", kHint);
    if (!text) return;
    options.schedule = AudienceSchedule{};
    if (*text == "manual") return;
    if (*text == "change" || *text == "on change") {
        options.schedule->on_change = true;
        return;
    }
    const std::optional<int64_t> every = ParseDuration(*text);
    if (!every || *every < kHour || *every > 7 * kDay) object.Refuse("interval", "is not valid", kHint);
    options.schedule->every = *every;
}

void ReadFullEvery(const JsonObject& object, AudienceOptions& options) {
    constexpr const char* kHint = "Give 1 day to 365 days, such as \"30 days\".";
    const std::optional<std::string> text = object.Text("full_every", kHint);
    if (!text) return;
    options.full_every = ParseDuration(*text);
    if (!options.full_every || *options.full_every < kDay || *options.full_every > 365 * kDay)
        object.Refuse("full_every", "is not valid", kHint);
}

}  // namespace

AudienceOptions ReadAudienceOptions(const nlohmann::json& json, bool create) {
    const JsonObject object(json, {.name = "\"options\" of an audience"},
                            create ? CreateKeys() : UpdateKeys(), kExample);
    AudienceOptions options;
    options.name = ShortText(object, "name");
    options.segment = object.Text("segment");
    options.purposes = Texts(object, "purposes", kMostPurposes, "Give purposes of pulse.consent_purpose.");
    options.identifiers =
        Texts(object, "identifiers", 32, "Give kinds of identifiers, such as [\"email\", \"phone\"].");
    ReadInterval(object, options);
    ReadFullEvery(object, options);
    options.max_share = object.Number("max_share", 0, 1);
    options.key = ShortText(object, "key");
    options.platform_id = ShortText(object, "platform_id");
    options.platform_name = ShortText(object, "platform_name");
    options.description = ShortText(object, "description");
    return options;
}

void CheckIdentifiers(const std::vector<std::string>& identifiers, Platform platform) {
    const std::vector<IdentifierKind>& kinds = KindsOf(platform);
    std::vector<std::string> valid;
    for (const IdentifierKind kind : kinds) valid.emplace_back(Name(kind));
    bool strong = false;
    for (const std::string& identifier : identifiers) {
        if (std::find(valid.begin(), valid.end(), identifier) == valid.end())
            ThrowInvalid("\"" + identifier + "\" is not an identifier that " + Title(platform) + " takes", "",
                         SuggestName(identifier, valid, "Identifiers"));
        if (const auto kind = FindIdentifierKind(identifier)) strong |= IsStrong(*kind);
    }
    if (!strong && std::find(identifiers.begin(), identifiers.end(), "last_name") == identifiers.end())
        ThrowInvalid("nothing in \"identifiers\" finds a person", "",
                     "Give at least one of email, phone and the ids of devices.");
}

}  // namespace pulse::audience
