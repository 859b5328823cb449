#include "pulse/base/json_object.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/segment/baseline.hpp"
#include "pulse/segment/member_words.hpp"
#include "pulse/segment/request.hpp"

#include <gtest/gtest.h>

namespace pulse::segment {
namespace {

Request Parse(const char* json) {
    return ParseRequest(Json::parse(json));
}

// The error of the call: "<SQLSTATE> <message> | <detail> | <hint>".
template <typename Call>
std::string Error(Call call) {
    try {
        call();
    } catch (const UserError& error) {
        return error.state() + " " + error.message() + " | " + error.detail() + " | " + error.hint();
    }
    return "no error";
}
std::string Refusal(const char* json) {
    return Error([&] { Parse(json); });
}

TEST(SegmentRequest, ReadsEveryKey) {
    const Request request =
        Parse(R"({"from": "app.users", "key": "user_id", "where": "ltv > 1000", "source": "local",
        "attributes": ["plan", {"name": "ltv", "kind": "numeric"}], "converted": "orders > 0",
        "last_active": "seen_at", "cadence": "6 hours", "members": " visits of a day "})");
    EXPECT_EQ(request.kind, SegmentKind::kRelation);
    EXPECT_EQ(request.from, "app.users");
    EXPECT_EQ(request.key, "user_id");
    EXPECT_EQ(request.where, "ltv > 1000");
    ASSERT_EQ(request.attributes->size(), 2u);
    EXPECT_EQ((*request.attributes)[0], (AttributeRequest{"plan", std::nullopt}));
    EXPECT_EQ((*request.attributes)[1], (AttributeRequest{"ltv", AttributeKind::kNumeric}));
    EXPECT_EQ(request.converted, "orders > 0");
    EXPECT_EQ(request.last_active, "seen_at");
    EXPECT_EQ(request.Cadence(), 6 * kHour);
    EXPECT_EQ(request.members, "visits of a day");
}

TEST(SegmentRequest, MissingAndNullKeysAreUnset) {
    const Request request =
        Parse(R"({"query": "SELECT 1 AS id", "where": null, "attributes": null, "key": null})");
    EXPECT_EQ(request.kind, SegmentKind::kQuery);
    EXPECT_FALSE(request.key || request.where || request.rules || request.attributes || request.converted ||
                 request.last_active || request.cadence);
    EXPECT_EQ(request.Cadence(), kDay);
}

TEST(SegmentRequest, SurvivesTheRoundTrip) {
    for (
        const char* json :
        {R"({"from": "t", "where": "a > 1"})", R"({"query": "SELECT 1", "attributes": []})",
         R"({"from": "t", "rules": [{"field": "a", "operator": ">", "value": 1}], "logicalOperator": "OR"})",
         R"({"from": "t", "key": "k", "attributes": [{"name": "a", "kind": "boolean"}], "cadence": "2 weeks"})",
         R"({"from": "t", "members": "Größen"})"})
        EXPECT_EQ(ToJson(Parse(json)), Json::parse(json)) << json;
}

TEST(SegmentRequest, TheWordForMembers) {
    for (const char* word : {"trips", "client's accounts", "B2B-Kunden", "旅行"})
        EXPECT_EQ(Parse((R"({"from": "t", "members": ")" + std::string(word) + "\"}").c_str()).members, word);
    for (const char* word : {R"(a\nb)", R"(a\u0007)", R"(a\u0085)", R"(a\u202Eb)", R"(a\u2028b)", R"(\u200B)",
                             R"(\u00A0)", R"(\uFEFFtrips)", "*trips*", "<b>", "a_b", R"(a\"b)"})
        EXPECT_TRUE(Refusal((R"({"from": "t", "members": ")" + std::string(word) + "\"}").c_str())
                        .starts_with("22023 \"members\" is not a word"))
            << word;
    EXPECT_TRUE(
        Refusal(R"({"from": "t", "members": " "})").starts_with("22023 \"members\" must not be empty"));
    EXPECT_TRUE(Refusal(R"({"from": "t", "members": 5})").starts_with("22023 \"members\" must be a text"));
    EXPECT_EQ(Refusal((R"({"from": "t", "members": ")" + std::string(41, 'x') + "\"}").c_str()),
              "22023 \"members\" is too long | It has 41 characters. | At most 40 are allowed.");
}

TEST(SegmentMemberWords, PeopleTheWordOrMembers) {
    const MemberWords people = WordsOf(Json::parse(R"({"where": "a > 1"})"));
    EXPECT_EQ(people.Members(1), "1 person");
    EXPECT_EQ(people.Rows(4200), "4,200 people");
    EXPECT_EQ(people.who, "who");
    const MemberWords members = WordsOf(Json::parse(R"({"from": "t"})"));
    EXPECT_EQ(members.Members(1), "1 member");
    EXPECT_EQ(members.MoreRows(-1), "1 fewer row");
    EXPECT_EQ(members.MoreRows(2), "2 more rows");
    const MemberWords trips = WordsOf(Json::parse(R"({"from": "t", "members": "trips"})"));
    EXPECT_EQ(trips.Members(1), "1 member");
    EXPECT_EQ(trips.Rows(0), "0 trips");
    EXPECT_EQ(trips.who, "that");
    EXPECT_TRUE(WordsOf(Json::parse(R"({"query": "SELECT 1", "members": "people"})")).people());
    EXPECT_EQ(WordsOf(Json::parse(R"({"where": "a", "members": "customers"})")).Members(2), "2 customers");
    EXPECT_EQ(WordsOf(Json()).members, "members");
}

TEST(SegmentRequest, UnknownKeysAreErrorsWithAHint) {
    EXPECT_EQ(
        Refusal(R"({"from": "t", "wher": "a > 1"})"),
        "22023 unknown key \"wher\" in the definition | Keys are \"from\", \"query\", \"key\", "
        "\"where\", \"rules\", \"logicalOperator\", \"groups\", \"attributes\", \"converted\", "
        "\"last_active\", \"source\", \"cadence\", \"include_anonymous\", \"members\", \"static\", \"conditions\", \"logic\", \"allow_incomplete\". | Did you mean \"where\"?");
    EXPECT_EQ(
        Refusal(R"({"from": "t", "zzz": 1})"),
        "22023 unknown key \"zzz\" in the definition |  | Keys are \"from\", \"query\", \"key\", "
        "\"where\", \"rules\", "
        "\"logicalOperator\", \"groups\", \"attributes\", \"converted\", \"last_active\", \"source\", "
        "\"cadence\", \"include_anonymous\", \"members\", \"static\", \"conditions\", \"logic\", \"allow_incomplete\".");
    EXPECT_EQ(
        Refusal(R"({"from": "t", "attributes": [{"name": "a", "kinds": "x"}]})"),
        "22023 unknown key \"kinds\" in an attribute | Keys are \"name\", \"kind\". | Did you mean \"kind\"?");
}

TEST(SegmentRequest, KeysOfAnotherObjectAreErrorsThatSayWhere) {
    EXPECT_EQ(
        Refusal(R"({"from": "t", "expectedSize": {"min": 1}})"),
        "22023 unknown key \"expectedSize\" in the definition |  | It belongs to the baseline, an argument "
        "of its own: baseline => '{\"expectedSize\": ...}'.");
    EXPECT_TRUE(Refusal(R"({"from": "t", "nullSpike": 0.1})")
                    .ends_with("{\"alertThresholds\": {\"nullSpike\": ...}}'."));
    EXPECT_TRUE(Refusal(R"({"from": "t", "max": 1})").ends_with("'{\"expectedSize\": {\"max\": ...}}'."));
    EXPECT_TRUE(
        Refusal(R"({"from": "t", "owner": "me"})").ends_with("an argument of the function: owner => ..."));
    EXPECT_TRUE(
        Refusal(R"({"from": "t", "every": "1 day"})").ends_with("is the \"cadence\" of its definition."));
    // A threshold of this name exists, too.
    EXPECT_TRUE(Refusal(R"({"from": "t", "value": 1})").find(" |  | Keys are ") != std::string::npos);
}

TEST(SegmentRequest, ValuesOfTheWrongTypeAreErrors) {
    EXPECT_EQ(Refusal("5"),
              "22023 the definition must be an object | It is 5. | Give for example {\"from\": "
              "\"app.users\", \"where\": \"ltv > 1000\"}.");
    EXPECT_TRUE(Refusal(R"({"from": 5})").starts_with("22023 \"from\" must be a text | It is 5."));
    EXPECT_TRUE(Refusal(R"({"from": " \n"})").starts_with("22023 \"from\" must not be empty"));
    EXPECT_TRUE(
        Refusal(R"({"from": "t", "attributes": "a"})").starts_with("22023 \"attributes\" must be a list"));
    EXPECT_TRUE(Refusal(R"({"from": "t", "attributes": [1]})")
                    .starts_with("22023 an attribute must be a text or an object"));
    EXPECT_TRUE(
        Refusal(R"({"from": "t", "attributes": [{}]})").starts_with("22023 an attribute needs a \"name\""));
    EXPECT_TRUE(Refusal(R"({"from": "t", "attributes": [""]})")
                    .starts_with("22023 an attribute's name must not be empty"));
    EXPECT_TRUE(Refusal(R"({"from": "t", "attributes": ["a", "a"]})")
                    .starts_with("22023 attribute \"a\" is named twice"));
    EXPECT_EQ(Refusal(R"({"from": "t", "attributes": [{"name": "a", "kind": "text"}]})"),
              "22023 unknown kind of attribute \"a\" | It is \"text\". | Kinds are categorical, boolean, "
              "numeric, timestamp.");
}

TEST(SegmentRequest, KindsExcludeEachOther) {
    EXPECT_TRUE(Refusal(R"({"from": "t", "query": "SELECT 1"})")
                    .starts_with("22023 the definition has both \"from\" and \"query\""));
    EXPECT_TRUE(
        Refusal("{}").starts_with("22023 the definition has neither \"from\" nor \"query\" nor a rule"));
    EXPECT_TRUE(Refusal(R"({"from": "t", "where": "a", "rules": []})")
                    .starts_with("22023 the definition has both \"where\" and \"rules\""));
}

TEST(SegmentRequest, NeitherRelationNorQueryMeansPeople) {
    const Request request =
        Parse(R"({"where": "a > 1", "include_anonymous": false, "attributes": ["plan"]})");
    EXPECT_EQ(request.kind, SegmentKind::kProfile);
    EXPECT_EQ(request.include_anonymous, false);
    EXPECT_EQ(ToJson(request),
              nlohmann::json::parse(
                  R"({"where": "a > 1", "include_anonymous": false, "attributes": [{"name": "plan"}]})"));
    EXPECT_EQ(Parse(R"({"rules": [{"field": "a", "operator": ">", "value": 1}]})").kind,
              SegmentKind::kProfile);
    EXPECT_TRUE(
        Refusal(R"({"where": "a", "key": "id"})").starts_with("22023 a segment over people has no \"key\""));
    EXPECT_TRUE(Refusal(R"({"where": "a", "last_active": "t"})")
                    .starts_with("22023 a segment over people has no \"last_active\""));
    EXPECT_TRUE(Refusal(R"({"where": "a", "source": "crm"})")
                    .starts_with("22023 a segment over people has no single \"source\""));
    EXPECT_TRUE(Refusal(R"({"where": "a", "include_anonymous": 1})")
                    .starts_with("22023 \"include_anonymous\" must be true or false"));
    EXPECT_TRUE(Refusal(R"({"from": "t", "include_anonymous": true})")
                    .starts_with("22023 \"include_anonymous\" is only valid for segments over people"));
}

TEST(SegmentRequest, TheSourceIsAServerOrThisDatabase) {
    EXPECT_EQ(Parse(R"({"from": "t", "source": "crm"})").source, "crm");
    for (const char* here : {R"({"from": "t"})", R"({"from": "t", "source": ""})",
                             R"({"from": "t", "source": "local"})", R"({"from": "t", "source": null})"}) {
        EXPECT_EQ(Parse(here).source, "");
        EXPECT_FALSE(ToJson(Parse(here)).contains("source"));
    }
    EXPECT_EQ(ToJson(Parse(R"({"from": "t", "source": "crm"})"))["source"], "crm");
    EXPECT_EQ(Refusal(R"({"from": "t", "source": 1})"), "22023 \"source\" must be a text | It is 1. | ");
    EXPECT_TRUE(Refusal(R"({"from": "t", "source": " "})").starts_with("22023 \"source\" must not be empty"));
}

TEST(SegmentRequest, LimitsHold) {
    Json many{{"from", "t"}, {"attributes", Json::array()}};
    for (size_t i = 0; i <= kMaxNamedAttributes; ++i) many["attributes"].push_back("a" + std::to_string(i));
    EXPECT_TRUE(Error([&] {
                    ParseRequest(many);
                }).starts_with("54000 too many attributes | There are 101 attributes."));
    const Json longest{{"query", std::string(kMaxQuery + 1, 'x')}};
    EXPECT_TRUE(Error([&] { ParseRequest(longest); }).starts_with("54000 \"query\" is too long"));
}

TEST(SegmentRequest, ALongValueIsShortenedBetweenCharacters) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "ü";
    const std::string shown = DescribeJson(text);
    EXPECT_LT(shown.size(), 220u);
    EXPECT_NO_THROW(Json(shown).dump());  // throws on broken UTF-8
}

TEST(SegmentCadence, ReadsUnits) {
    EXPECT_EQ(ParseCadence("1 day"), kDay);
    EXPECT_EQ(ParseCadence("30 minutes"), 30 * kMinute);
    EXPECT_EQ(ParseCadence("2 weeks"), 14 * kDay);
    EXPECT_EQ(ParseCadence("12hours"), 12 * kHour);
    EXPECT_EQ(ParseCadence("1 day 6 h"), 30 * kHour);
    EXPECT_EQ(ParseCadence("90 Min"), 90 * kMinute);
    EXPECT_EQ(ParseCadence("90s"), 90 * kSecond);
}

TEST(SegmentCadence, RefusesTheRest) {
    for (const char* text : {"", "day", "1", "0 days", "-1 day", "1.5 days", "1 month", "400 days",
                             "99999999999999999999 days", "1 days ago", "1 dayss", "30 seconds"})
        EXPECT_THROW(ParseCadence(text), UserError) << text;
}

std::string BaselineRefusal(const char* json) {
    return Error([&] { CheckBaseline(Json::parse(json), {"platform", "tier"}); });
}

TEST(SegmentBaseline, KeepsWhatIsValidAndDropsNulls) {
    const Json baseline = Json::parse(R"({"expectedSize": {"min": 8000, "max": 12000},
        "expectedConversionRate": {"min": 0.2, "max": null}, "criticalAttributes": ["platform", "tier"],
        "monitoringEnabled": false, "alertThresholds": {"sizeChangePercent": 0.25, "value": 1}})");
    Json expected = baseline;
    expected["expectedConversionRate"].erase("max");
    EXPECT_EQ(CheckBaseline(baseline, {"platform", "tier"}), expected);
    EXPECT_EQ(CheckBaseline(Json::parse(R"({"expectedSize": null})"), {}), Json::object());
}

TEST(SegmentBaseline, ErrorsNameTheInvalidKey) {
    EXPECT_TRUE(BaselineRefusal("[]").starts_with("22023 the baseline must be an object | It is []."));
    EXPECT_EQ(BaselineRefusal(R"({"expectedsize": {}})"),
              "22023 unknown key \"expectedsize\" in the baseline | Keys are \"expectedSize\", "
              "\"expectedConversionRate\", \"criticalAttributes\", \"monitoringEnabled\", "
              "\"alertThresholds\". | Did you mean \"expectedSize\"?");
    EXPECT_EQ(BaselineRefusal(R"({"expectedSize": {"min": -1}})"),
              "22023 expectedSize.min must be a number that is not negative | It is -1. | ");
    EXPECT_EQ(BaselineRefusal(R"({"expectedSize": {"min": 5, "max": 4}})"),
              "22023 expectedSize.min is above expectedSize.max | It is {\"max\":4,\"min\":5}. | Swap them.");
    EXPECT_EQ(BaselineRefusal(R"({"expectedConversionRate": {"max": 1.5}})"),
              "22023 expectedConversionRate.max must be a number from 0 to 1 | It is 1.5. | ");
    EXPECT_EQ(BaselineRefusal(R"({"criticalAttributes": ["platfrm"]})"),
              "22023 critical attribute \"platfrm\" is not measured |  | Did you mean \"platform\"?");
    EXPECT_TRUE(BaselineRefusal(R"({"criticalAttributes": "tier"})")
                    .starts_with("22023 \"criticalAttributes\" must be a list"));
    EXPECT_TRUE(BaselineRefusal(R"({"monitoringEnabled": "yes"})")
                    .starts_with("22023 \"monitoringEnabled\" must be true or false"));
    EXPECT_EQ(BaselineRefusal(R"({"alertThresholds": {"sizeChange": 0.1}})"),
              "22023 unknown key \"sizeChange\" in \"alertThresholds\" |  | Keys are \"sizeChangePercent\", "
              "\"distributionShift\", \"conversionAnomaly\", \"inactivityCreep\", \"membershipChurn\", "
              "\"nullSpike\", \"value\", "
              "\"slowErosion\", \"slowGrowth\".");
    EXPECT_TRUE(BaselineRefusal(R"({"alertThresholds": {"nullSpike": 2}})")
                    .starts_with("22023 alertThresholds.nullSpike must be a number from 0 to 1"));
}

TEST(SegmentRequest, AStaticSegmentHasNoRule) {
    EXPECT_EQ(ToJson(ParseRequest(Json::parse(R"({"static": true, "members": "guests"})"))).dump(),
              R"({"members":"guests","static":true})");
    EXPECT_EQ(ParseRequest(Json::parse(R"({"static": 42})")).static_segment, 42);
    EXPECT_EQ(ToJson(ParseRequest(Json::parse(R"({"static": 42})"))).dump(), R"({"static":42})");
    EXPECT_FALSE(ParseRequest(Json::parse(R"({"static": false, "where": "true"})")).static_segment);
    EXPECT_FALSE(ParseRequest(Json::parse(R"({"static": null, "where": "true"})")).static_segment);
    for (const char* other : {R"("where": "true")", R"("from": "t")", R"("query": "SELECT 1")",
                              R"("rules": [])", R"("conditions": [])", R"("include_anonymous": true)"}) {
        try {
            ParseRequest(Json::parse(std::string(R"({"static": true, )") + other + "}"));
            ADD_FAILURE() << other;
        } catch (const UserError& error) {
            EXPECT_TRUE(error.message().starts_with("a static segment has no")) << other << error.message();
        }
    }
    for (const char* value : {"0", "-1", "1.5", "\"yes\"", "[]"})
        EXPECT_THROW(ParseRequest(Json::parse(std::string(R"({"static": )") + value + "}")), UserError)
            << value;
}

}  // namespace
}  // namespace pulse::segment
