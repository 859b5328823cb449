#include "pulse/profile/store_consent_purpose.hpp"

#include <algorithm>

#include "pulse/base/utf8.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_consent.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr size_t kMostCategories = 100, kLongestCategory = 255;  // bytes
constexpr int64_t kMostPurposes = 100;

// Those that rules, senders' forms and doubled meanings would make ambiguous.
constexpr const char* kOtherMeanings[] = {"gpc",
                                          "tcf",
                                          "gpp",
                                          "usp",
                                          "us_privacy",
                                          "tc_string",
                                          "gpp_string",
                                          "category_preferences",
                                          "ad_storage",
                                          "ad_user_data",
                                          "ad_personalization",
                                          "analytics_storage"};

void CheckPurpose(const ConsentPurposeRequest& request) {
    const std::string& name = request.purpose;
    const bool good = !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                      });
    if (!good)
        ThrowInvalid(
            "\"" + Shorten(name, 255) + "\" is not a valid name for a purpose", "",
            "Names consist of lower-case letters, digits and _, begin with a letter, and have at most "
            "63 characters, as in loyalty_programme.");
    if (std::find(std::begin(kOtherMeanings), std::end(kOtherMeanings), name) != std::end(kOtherMeanings))
        ThrowInvalid("\"" + name + "\" is not a valid name for a purpose",
                     "It has another meaning in the consent of events.", "Choose another name.");
    if (name == kAllPurposes && request.granted_by_default == true)
        ThrowInvalid("the purpose all cannot be granted by default", "",
                     "Set granted_by_default for single purposes.");
    if (!request.categories) return;
    if (request.categories->size() > kMostCategories)
        throw UserError(sqlstate::kProgramLimit, "too many categories",
                        "There are " + std::to_string(request.categories->size()) + ".",
                        "A purpose has at most " + std::to_string(kMostCategories) + " categories.");
    for (const std::string& category : *request.categories)
        if (category.empty() || category.size() > kLongestCategory)
            ThrowInvalid("a category must have 1 to " + std::to_string(kLongestCategory) + " bytes", "",
                         "Give the keys of categoryPreferences as the consent manager writes them.");
}

// What was said for all holds for the new purpose, too. Nobody writes consent meanwhile.
void AddPurpose(const std::string& purpose) {
    if (pg::Execute("SELECT count(*) FROM pulse.consent_purpose")[0].Int8(0) >= kMostPurposes)
        throw UserError(sqlstate::kProgramLimit, "there are too many purposes", "",
                        "At most " + std::to_string(kMostPurposes) + " are possible.");
    pg::Execute("INSERT INTO pulse.consent_purpose (purpose) VALUES ($1)", {Value::Text(purpose)});
    pg::Execute(
        "INSERT INTO pulse.consent (profile_id, purpose, status, at, expires_at, record_id, live)"
        " SELECT c.profile_id, $1, c.status, c.at, c.expires_at, c.record_id, c.live"
        " FROM pulse.consent AS c WHERE c.purpose = $2",
        {Value::Text(purpose), Value::Text(kAllPurposes)});
}

}  // namespace

void SetConsentPurpose(const ConsentPurposeRequest& request) {
    CheckPurpose(request);
    pg::Execute("LOCK TABLE pulse.consent_purpose IN SHARE ROW EXCLUSIVE MODE");
    const Value purpose = Value::Text(request.purpose);
    if (pg::Execute("SELECT FROM pulse.consent_purpose WHERE purpose = $1", {purpose}).empty()) {
        if (GetListener().keep_writers_out) GetListener().keep_writers_out();
        AddPurpose(request.purpose);
    }
    pg::Execute(
        "UPDATE pulse.consent_purpose SET categories = coalesce($2, categories),"
        " granted_by_default = coalesce($3, granted_by_default) WHERE purpose = $1",
        {purpose, request.categories ? Value::Texts(*request.categories) : Value::Null(TEXTARRAYOID),
         request.granted_by_default ? Value::Bool(*request.granted_by_default) : Value::Null(BOOLOID)});
}

void SetConsentDefault(const std::string& purpose, const std::string& region, std::optional<bool> granted) {
    RequirePurpose(purpose);
    if (purpose == kAllPurposes)
        ThrowInvalid("the purpose all has no default", "", "Set those of single purposes.");
    if (!IsRegion(region))
        ThrowInvalid(
            "\"" + Shorten(region, 20) + "\" is not a region", "",
            "Give a country or a part of one as ISO 3166-2 names it, in capitals, as in DE or US-CA.");
    // One after the other with who drops the purpose.
    pg::Execute("LOCK TABLE pulse.consent_purpose IN SHARE ROW EXCLUSIVE MODE");
    RequirePurpose(purpose);
    const Value key = Value::Text(purpose), place = Value::Text(region);
    if (granted)
        pg::Execute(
            "INSERT INTO pulse.consent_default (purpose, region, granted) VALUES ($1, $2, $3)"
            " ON CONFLICT (purpose, region) DO UPDATE SET granted = EXCLUDED.granted",
            {key, place, Value::Bool(*granted)});
    else
        pg::Execute("DELETE FROM pulse.consent_default WHERE purpose = $1 AND region = $2", {key, place});
}

void DropConsentPurpose(const std::string& purpose) {
    pg::Execute("LOCK TABLE pulse.consent_purpose IN SHARE ROW EXCLUSIVE MODE");
    const pg::Result known =
        pg::Execute("SELECT built_in FROM pulse.consent_purpose WHERE purpose = $1", {Value::Text(purpose)});
    if (known.empty())
        throw UserError(sqlstate::kUndefinedObject, "purpose \"" + Shorten(purpose, 63) + "\" does not exist",
                        "", "pulse.consent_purpose lists all purposes.");
    if (known[0].Bool(0))
        throw UserError(sqlstate::kNotReady, "purpose \"" + purpose + "\" is built in", "",
                        "It costs nothing where nobody uses it.");
    if (GetListener().keep_writers_out) GetListener().keep_writers_out();
    if (!pg::Execute("SELECT FROM pulse.consent WHERE purpose = $1 LIMIT 1", {Value::Text(purpose)}).empty())
        throw UserError(sqlstate::kNotReady, "people have said something about purpose \"" + purpose + "\"",
                        "What they said must not be lost.",
                        "A purpose can be dropped only while it is unused.");
    pg::Execute("DELETE FROM pulse.consent_default WHERE purpose = $1", {Value::Text(purpose)});
    pg::Execute("DELETE FROM pulse.consent_purpose WHERE purpose = $1", {Value::Text(purpose)});
}

}  // namespace pulse::profile
