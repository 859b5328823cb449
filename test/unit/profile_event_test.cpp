// Reading and validating events.
#include <gtest/gtest.h>

#include <memory>

#include "profile_json.hpp"
#include "pulse/profile/event_catalogue.hpp"
#include "pulse/profile/event.hpp"
#include "pulse/profile/month.hpp"

namespace pulse::profile {

namespace {

using testing::TextReader;

EventLimits Usual() {
    EventLimits limits;
    limits.received_at = *ParseMoment("2026-11-21T12:00:00Z");
    limits.max_size = 256 * 1024;
    limits.max_properties = 1000;
    limits.max_depth = 16;
    limits.clock_skew = 5 * kMinute;
    return limits;
}

struct Judged {
    std::unique_ptr<TextReader> reader = std::make_unique<TextReader>();
    Event event;
    const Event* operator->() const { return &event; }
};

Judged Decide(const std::string& text, const EventLimits& limits = Usual()) {
    Judged judged;
    judged.event =
        ValidateEvent(*judged.reader, ReadEventFields(*judged.reader, judged.reader->Parse(text)), limits);
    return judged;
}

std::string Ids(const Event& event) {
    std::string ids;
    for (const Identity& id : event.ids) ids += (ids.empty() ? "" : " ") + id.kind + ":" + id.value;
    return ids;
}

std::string Reason(const std::string& text, const EventLimits& limits = Usual()) {
    return Decide(text, limits)->reason;
}
std::string Time(const std::string& text, const EventLimits& limits = Usual()) {
    return FormatMoment(Decide(text, limits)->time);
}

std::string Repeat(const std::string& piece, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += piece;
    return text;
}

}  // namespace

TEST(ProfileEvent, ReadsEventsOfSegmentsLibraries) {
    const auto judged = Decide(
        R"({"type":"track","event":"Order Completed","userId":"u1","anonymousId":"a1","messageId":"node-next-1",
        "timestamp":"2026-11-21T11:59:00.123Z","properties":{"total":12.5},"context":{"library":{"name":"x"}},"integrations":{},"_metadata":{}})");
    EXPECT_EQ(judged->reason, "");
    EXPECT_EQ(judged->type, EventType::kTrack);
    EXPECT_EQ(judged->name, "Order Completed");
    EXPECT_EQ(Ids(judged.event), "user_id:u1 anonymous_id:a1");
    EXPECT_EQ(judged->message_id, "node-next-1");
    EXPECT_EQ(FormatMoment(judged->time), "2026-11-21 11:59:00.123000+00");
    EXPECT_EQ(judged->original_time, "");
    EXPECT_TRUE(judged->properties.Is(json::Type::kObject));
    EXPECT_TRUE(judged->context.Is(json::Type::kObject));
}

TEST(ProfileEvent, KnowsSynonyms) {
    const auto judged = Decide(
        R"({"event_name":" app_open ","deviceId":"d","externalId":7,"ts":1763726400000,"props":{"a":1},"idempotency_key":"k"})");
    EXPECT_EQ(judged->reason, "");
    EXPECT_EQ(judged->name, "app_open");
    EXPECT_EQ(Ids(judged.event), "user_id:7 device_id:d");
    EXPECT_EQ(judged->message_id, "k");
    EXPECT_EQ(FormatMoment(judged->time), "2025-11-21 12:00:00+00");
    // The first of several synonyms counts; null counts as missing.
    EXPECT_EQ(Ids(Decide(R"({"event":"e","userId":null,"user_id":"x","externalId":"y"})").event),
              "user_id:x");
}

TEST(ProfileEvent, FindsIdsWhereverTheyAre) {
    EXPECT_EQ(
        Ids(Decide(
                R"({"type":"identify","userId":"u","traits":{"email":"A@x.org","phone":"+49 1"},"context":{"traits":{"email":"b@x.org"},
        "device":{"id":"d"},"externalIds":[{"id":"9","type":"crm"},{"id":null,"type":"x"},7]},"identifiers":{"loyalty":"L1","bad":{}}})")
                .event),
        "user_id:u email:A@x.org phone:+49 1 email:b@x.org device_id:d crm:9 loyalty:L1");
    // Traits of a group are not traits of a person.
    EXPECT_EQ(
        Ids(Decide(R"({"type":"group","userId":"u","groupId":"g","traits":{"email":"info@g.org"}})").event),
        "user_id:u");
    EXPECT_EQ(Ids(Decide("{\"event\":\"e\",\"userId\":\" \\u0007u\\t1 \"}").event), "user_id:u 1");
    const auto number = Decide(R"({"event":"e","userId":12345678901234567890})");
    EXPECT_EQ(Ids(number.event), "user_id:12345678901234567890");
}

TEST(ProfileEvent, InfersTheType) {
    EXPECT_EQ(Decide(R"({"userId":"u","event":"e"})")->type, EventType::kTrack);
    EXPECT_EQ(Decide(R"({"userId":"u","traits":{}})")->type, EventType::kIdentify);
    EXPECT_EQ(Decide(R"({"userId":"u","groupId":"g","traits":{}})")->type, EventType::kGroup);
    EXPECT_EQ(Decide(R"({"userId":"u","previousId":"p"})")->type, EventType::kAlias);
    EXPECT_EQ(Decide(R"({"userId":"u","previousId":"p"})")->previous->value, "p");
    EXPECT_EQ(Decide(R"({"type":"PAGE","userId":"u","name":"Home"})")->name, "$page");
    EXPECT_EQ(Decide(R"({"type":"screen","userId":"u","name":"Home"})")->title, "Home");
    EXPECT_EQ(Reason(R"({"userId":"u"})"), "invalid_type");
    EXPECT_EQ(Reason(R"({"type":"purchase","userId":"u"})"), "invalid_type");
    EXPECT_EQ(Reason(R"({"type":{},"userId":"u"})"), "invalid_type");
}

TEST(ProfileEvent, RejectsWithAReason) {
    for (const char* text : {"1", "[]", "null", "\"x\"", "true"})
        EXPECT_EQ(Reason(text), "invalid_json") << text;
    EXPECT_EQ(Reason(R"({"type":"track","userId":"u"})"), "invalid_event_name");
    EXPECT_EQ(Reason(R"({"event":" ","userId":"u"})"), "invalid_event_name");
    EXPECT_EQ(Reason(R"({"event":{"a":1},"userId":"u"})"), "invalid_event_name");
    EXPECT_EQ(Reason("{\"event\":\"" + Repeat("é", 255) + "\",\"userId\":\"u\"}"), "");
    EXPECT_EQ(Reason("{\"event\":\"" + Repeat("é", 256) + "\",\"userId\":\"u\"}"), "invalid_event_name");
    EXPECT_EQ(Reason(R"({"event":"$identify","userId":"u"})"), "invalid_event_name");
    EXPECT_EQ(Reason(R"({"event":"$pageview","userId":"u"})"), "");
    EXPECT_EQ(Reason(R"({"event":"e"})"), "no_id");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"","anonymousId":"  "})"), "no_id");
    EXPECT_EQ(Reason(R"({"event":"e","userId":{"a":1}})"), "no_id");
    EXPECT_EQ(Reason(R"({"type":"alias","userId":"u"})"), "no_id");
    EXPECT_EQ(Reason(R"({"type":"group","userId":"u"})"), "no_id");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","properties":[]})"), "invalid_properties");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","properties":"x"})"), "invalid_properties");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","context":1})"), "invalid_properties");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","messageId":{}})"), "invalid_message_id");
    EXPECT_EQ(Reason("{\"event\":\"e\",\"userId\":\"u\",\"messageId\":\"" + Repeat("x", 256) + "\"}"),
              "invalid_message_id");
    for (const char* time :
         {"\"yesterday\"", "{}", "true", "-1", "1e30", "\"2026-13-01\"", "\"1969-01-01\"", "\"\""})
        EXPECT_EQ(Reason(std::string(R"({"event":"e","userId":"u","timestamp":)") + time + "}"),
                  "invalid_timestamp")
            << time;
}

TEST(ProfileEvent, KeepsTheLimits) {
    EventLimits limits = Usual();
    limits.max_size = 100;
    EXPECT_EQ(Reason("{\"event\":\"e\",\"userId\":\"u\",\"properties\":{\"a\":\"" + Repeat("x", 100) + "\"}}",
                     limits),
              "too_large");
    limits = Usual();
    limits.max_properties = 3;
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","properties":{"a":{"b":1,"c":2}}})", limits), "");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","properties":{"a":[{"b":1,"c":2,"d":3}]}})", limits),
              "too_many_properties");
    limits = Usual();
    limits.max_depth = 3;
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","properties":{"a":[[1]]}})", limits), "");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","properties":{"a":[[[1]]]}})", limits), "too_deep");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","context":{"a":[[[1]]]}})", limits), "too_deep");
    limits = Usual();
    limits.max_age = kDay;
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","timestamp":"2026-11-20T12:00:00Z"})", limits), "");
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","timestamp":"2026-11-20T11:59:59Z"})", limits), "too_old");
    limits.import = true;
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","timestamp":"2006-11-20"})", limits), "");
    limits.retention = kDay;
    EXPECT_EQ(Reason(R"({"event":"e","userId":"u","timestamp":"2006-11-20"})", limits), "too_old");
}

TEST(ProfileEvent, CorrectsClocks) {
    const std::string event = R"({"event":"e","userId":"u",)";
    EXPECT_EQ(Time(event + R"("timestamp":"2026-11-21T11:00:00Z"})"), "2026-11-21 11:00:00+00");
    // A correct clock is used to the microsecond, whatever the network delay.
    EXPECT_EQ(Time(event + R"("timestamp":"2026-11-21T11:00:00Z","sentAt":"2026-11-21T11:55:00Z"})"),
              "2026-11-21 11:00:00+00");
    // A clock that is two hours slow, or fast.
    EXPECT_EQ(Time(event + R"("timestamp":"2026-11-21T09:00:00Z","sentAt":"2026-11-21T10:00:00Z"})"),
              "2026-11-21 11:00:00+00");
    EXPECT_EQ(Time(event + R"("timestamp":"2026-11-21T13:00:00Z","sentAt":"2026-11-21T14:00:00Z"})"),
              "2026-11-21 11:00:00+00");
    EXPECT_EQ(Decide(event + R"("timestamp":"2026-11-21T13:00:00Z","sentAt":"2026-11-21T14:00:00Z"})")
                  ->original_time,
              "2026-11-21 13:00:00+00");
    EXPECT_EQ(
        Time(
            event +
            R"("originalTimestamp":"2026-11-21T09:00:00Z","timestamp":"2026-11-21T10:30:00Z","sentAt":"2026-11-21T10:00:00Z"})"),
        "2026-11-21 10:30:00+00");
    // A time in the future and a missing time become the time of arrival.
    EXPECT_EQ(Time(event + R"("timestamp":"2027-01-01"})"), "2026-11-21 12:00:00+00");
    EXPECT_EQ(Time(event + R"("a":1})"), "2026-11-21 12:00:00+00");
    EXPECT_EQ(Time(event + R"("timestamp":1763726400})"), "2025-11-21 12:00:00+00");
    EXPECT_EQ(Time(event + R"("timestamp":"1763726400500"})"), "2025-11-21 12:00:00.500000+00");
    EXPECT_EQ(Time(event + R"("timestamp":"2026-11-21T13:00:00+02:00"})"), "2026-11-21 11:00:00+00");
    EXPECT_EQ(Time(event + R"("timestamp":"2026-11-21T11:00:00Z","sentAt":"soon"})"),
              "2026-11-21 11:00:00+00");
    EXPECT_EQ(Decide(event + R"("timestamp":"2026-11-21T11:00:00Z","sentAt":"soon"})")->note,
              "sentAt is not a time and was not used.");
}

TEST(ProfileEvent, DigestIsOfTheContent) {
    const auto digest = [](const std::string& text) { return Decide(text)->digest; };
    const uint64_t one =
        digest(R"({"event":"e","userId":"u","timestamp":"2026-11-21T11:00:00Z","properties":{"a":1}})");
    EXPECT_EQ(
        one,
        digest(
            R"({"userId":"u","event":"e","ts":"2026-11-21T11:00:00Z","props":{"a":1},"sentAt":"2026-11-21T10:00:00Z"})"));
    EXPECT_NE(
        one, digest(R"({"event":"e","userId":"u","timestamp":"2026-11-21T11:00:00Z","properties":{"a":2}})"));
    EXPECT_NE(
        one, digest(R"({"event":"e","userId":"v","timestamp":"2026-11-21T11:00:00Z","properties":{"a":1}})"));
    EXPECT_NE(
        one, digest(R"({"event":"e","userId":"u","timestamp":"2026-11-21T11:00:01Z","properties":{"a":1}})"));
}

TEST(ProfileEvent, CatalogueCountsAllAndSamplesProperties) {
    TextReader reader;
    EventCatalogue catalogue;
    for (int i = 0; i < 1000; ++i)
        catalogue.Add(
            reader,
            ValidateEvent(
                reader,
                ReadEventFields(reader,
                                reader.Parse("{\"event\":\"e\",\"userId\":\"u\",\"properties\":{\"n\":" +
                                             std::to_string(i % 7) + ",\"t\":\"2026-01-01\",\"x\":null}}")),
                Usual()));
    const auto json = nlohmann::json::parse(catalogue.Json());
    EXPECT_EQ(json["e"][0], 1000);
    EXPECT_EQ(json["e"][1], 181);
    EXPECT_EQ(json["e"][3], "2026-11-21 12:00:00+00");
    EXPECT_EQ(json["e"][4]["n"][0].dump(), "[0,181,0,0,0,0,0]");
    EXPECT_EQ(json["e"][4]["n"][2].dump(), "[0,1,2,3,4]");
    EXPECT_EQ(json["e"][4]["t"][0].dump(), "[0,0,0,181,0,0,0]");
    EXPECT_EQ(json["e"][4]["x"][0].dump(), "[0,0,0,0,0,0,181]");
}

TEST(ProfileEvent, CatalogueCountsByHour) {
    TextReader reader;
    EventCatalogue catalogue;
    for (const char* time :
         {"2026-11-21T11:59:59.999Z", "2026-11-21T11:00:00Z", "2026-11-21T10:59:59Z", "2000-01-01T00:00:00Z",
          "1999-12-31T23:59:59Z", "1999-12-31T23:00:00Z", "1999-12-31T22:59:59Z"})
        catalogue.Add(
            reader,
            ValidateEvent(reader,
                          ReadEventFields(
                              reader, reader.Parse(std::string(R"({"event":"e","userId":"u","timestamp":")") +
                                                   time + "\"}")),
                          Usual()));
    EXPECT_EQ(nlohmann::json::parse(catalogue.Json())["e"][5].dump(),
              R"({"-1":2,"-2":1,"0":1,"235714":1,"235715":2})");
}

TEST(ProfileMonth, CountsFrom2000) {
    EXPECT_EQ(HourOf(0), 0);
    EXPECT_EQ(HourOf(kHour - 1), 0);
    EXPECT_EQ(HourOf(-1), -1);
    EXPECT_EQ(HourOf(-kHour), -1);
    EXPECT_EQ(HourOf(-kHour - 1), -2);
    EXPECT_EQ(DayOf(kDay), 1);
    EXPECT_EQ(DayOf(-1), -1);
    EXPECT_EQ(MonthOf(0), 0);
    EXPECT_EQ(MonthOf(-1), -1);
    EXPECT_EQ(MonthName(-1), "before_2000");
    for (const char* text : {"2000-01-31 23:59:59.999999", "2026-11-01", "2026-11-30 23:59:59.999999",
                             "2024-02-29", "9999-12-31"}) {
        const Moment moment = *ParseMoment(text);
        const int month = MonthOf(moment);
        EXPECT_LE(MonthBegin(month), moment) << text;
        EXPECT_GT(MonthBegin(month + 1), moment) << text;
        EXPECT_EQ(MonthName(month), "y" + std::string(text, 4) + "m" + std::string(text + 5, 2));
    }
}

}  // namespace pulse::profile
