// Which channels receive which messages, and when: routes, quiet hours and clock changes, digests,
// cool-downs, escalations.
#include "pulse/delivery/plan.hpp"

#include <gtest/gtest.h>

#include "pulse/base/error.hpp"
#include "time_zones.hpp"

namespace pulse::delivery {

namespace {

std::string Text(Moment moment) {
    return FormatMoment(moment).substr(0, 16);
}

// The zone skipped a whole day.
OffsetAt Apia() {
    return Zone(-600, {{"2011-12-30 10:00", 840}});
}

std::string Quiet(const char* hours, const char* moment, const OffsetAt& zone) {
    const auto end = QuietUntil(ParseQuietHours(hours), At(moment), zone);
    return end ? Text(*end) : "-";
}

Route MakeRoute(int64_t id, std::vector<std::string> channels) {
    Route route;
    route.id = id;
    route.channels = std::move(channels);
    route.events = {"opened", "reopened", "worsened", "resolved"};
    route.offset = Utc();
    route.group_wait = 3 * kSecond;
    return route;
}

IncidentEvent MakeHappening(const char* event, const char* severity = "high") {
    IncidentEvent incident_event;
    incident_event.incident = 17;
    incident_event.event = event;
    incident_event.severity = incident_event.worst = severity;
    incident_event.segment = "Trial users";
    incident_event.owner = "growth";
    incident_event.tags = {"a", "b"};
    incident_event.detector = "size_change";
    incident_event.subject = "segment:1";
    incident_event.noted_at = At("2024-06-01 12:00");
    return incident_event;
}

struct Planned {
    std::vector<Draft> drafts;
    // "channel event time[ fold]" each.
    std::vector<std::string> lines() const {
        std::vector<std::string> list;
        for (const Draft& draft : drafts)
            list.push_back(draft.channel + " " + draft.event + " " +
                           FormatMoment(draft.send_at).substr(11, 8) +
                           (draft.fold_key.empty() ? "" : " " + draft.fold_key));
        return list;
    }
};

using Lines = std::vector<std::string>;

Planned Plan(std::vector<Route> routes, const std::vector<IncidentEvent>& happenings,
             const char* now = "2024-06-01 12:00", std::set<std::string> followers = {}) {
    Planner planner(std::move(routes), std::move(followers), At(now));
    for (const IncidentEvent& incident_event : happenings) planner.Take(incident_event);
    return {planner.drafts()};
}

IncidentSummary MakeSummary(const char* status, const char* severity) {
    IncidentSummary summary;
    summary.status = status;
    summary.severity = severity;
    return summary;
}

}  // namespace

// ---- clocks ----

TEST(DeliveryQuiet, Reads) {
    const QuietHours night = ParseQuietHours("22:00-07:00");
    EXPECT_EQ(night.from, 22 * kHour);
    EXPECT_EQ(night.until, 7 * kHour);
    EXPECT_EQ(ParseQuietHours(" 9:30 - 24:00 ").until, 0);
    for (const char* bad : {"", "22:00", "22-07", "22:00-22:00", "00:00-24:00", "25:00-07:00", "22:60-07:00",
                            "24:01-07:00", "-", ":-:", "22:00-07:00-08:00", "-1:00-07:00", "22:00-07:0",
                            "222:00-07:00", "a:00-07:00", "22:00 07:00"})
        EXPECT_THROW(ParseQuietHours(bad), UserError) << bad;
    EXPECT_THROW(ParseQuietHours(std::string(100'000, '-')), UserError);
}

TEST(DeliveryQuiet, EndOfQuietHours) {
    EXPECT_EQ(Quiet("22:00-07:00", "2024-06-01 21:59", Utc()), "-");
    EXPECT_EQ(Quiet("22:00-07:00", "2024-06-01 22:00", Utc()), "2024-06-02 07:00");
    EXPECT_EQ(Quiet("22:00-07:00", "2024-06-02 06:59", Utc()), "2024-06-02 07:00");
    EXPECT_EQ(Quiet("22:00-07:00", "2024-06-02 07:00", Utc()), "-");
    EXPECT_EQ(Quiet("12:00-14:00", "2024-06-01 13:00", Utc()), "2024-06-01 14:00");
    EXPECT_EQ(Quiet("18:00-24:00", "2024-06-01 23:59", Utc()), "2024-06-02 00:00");
    EXPECT_EQ(Quiet("22:00-07:00", "1999-12-31 23:00", Utc()), "2000-01-01 07:00");
    // 20:00 UTC is 22:00 in Paris in summer, and 01:45 the next day in Kathmandu.
    EXPECT_EQ(Quiet("22:00-07:00", "2024-06-01 20:00", Paris()), "2024-06-02 05:00");
    EXPECT_EQ(Quiet("22:00-07:00", "2024-12-01 20:00", Paris()), "-");
    EXPECT_EQ(Quiet("01:00-02:00", "2024-06-01 20:00", Kathmandu()), "2024-06-01 20:15");
}

TEST(DeliveryQuiet, ClockChanges) {
    // The night is an hour shorter when the clock goes forward, and an hour longer when it goes back.
    EXPECT_EQ(Quiet("22:00-07:00", "2024-03-30 22:00", Paris()), "2024-03-31 05:00");
    EXPECT_EQ(Quiet("22:00-07:00", "2024-10-26 21:00", Paris()), "2024-10-27 06:00");
    EXPECT_EQ(Quiet("22:00-07:00", "2024-11-03 03:00", NewYork()), "2024-11-03 12:00");
    // The end is in the skipped hour: it is the instant of the jump.
    EXPECT_EQ(Quiet("22:00-02:30", "2024-03-31 00:00", Paris()), "2024-03-31 01:00");
    // The clock shows the end twice: the first time counts; quiet hours that occur again end again.
    EXPECT_EQ(Quiet("22:00-02:30", "2024-10-26 23:00", Paris()), "2024-10-27 00:30");
    EXPECT_EQ(Quiet("22:00-02:30", "2024-10-27 01:10", Paris()), "2024-10-27 01:30");
    EXPECT_EQ(Quiet("01:45-03:00", "2024-04-06 14:50", LordHowe()), "2024-04-06 16:30");
    EXPECT_EQ(Quiet("22:00-07:00", "2011-12-30 09:30", Apia()), "2011-12-30 17:00");
}

TEST(DeliveryQuiet, NextTimes) {
    EXPECT_EQ(Text(NextFullHour(At("2024-06-01 12:00"), Utc())), "2024-06-01 13:00");
    EXPECT_EQ(Text(NextFullHour(At("2024-06-01 12:59"), Utc())), "2024-06-01 13:00");
    EXPECT_EQ(Text(NextFullHour(At("1999-12-31 23:30"), Utc())), "2000-01-01 00:00");
    EXPECT_EQ(Text(NextFullHour(At("2024-06-01 12:00"), Kathmandu())), "2024-06-01 12:15");
    EXPECT_EQ(Text(NextFullHour(At("2024-03-31 00:30"), Paris())), "2024-03-31 01:00");
    // 01:30 at +11:00, half an hour before the clock goes back to 01:30 at +10:30.
    EXPECT_EQ(Text(NextFullHour(At("2024-04-06 14:45"), LordHowe())), "2024-04-06 15:30");
    EXPECT_EQ(Text(NextTimeOfDay(9 * kHour, At("2024-06-01 07:00"), Paris())), "2024-06-02 07:00");
    EXPECT_EQ(Text(NextTimeOfDay(9 * kHour, At("2024-06-01 06:59"), Paris())), "2024-06-01 07:00");
    EXPECT_EQ(Text(NextTimeOfDay(9 * kHour, At("2024-10-26 08:00"), Paris())), "2024-10-27 08:00");
    EXPECT_EQ(Text(NextTimeOfDay(2 * kHour + 30 * kMinute, At("2024-03-30 12:00"), Paris())),
              "2024-03-31 01:00");
    EXPECT_EQ(Text(NextTimeOfDay(0, At("2011-12-30 09:00"), Apia())), "2011-12-30 10:00");
}

// For any zone and hours: the end is later than the instant, and outside of the quiet hours.
TEST(DeliveryQuiet, AlwaysEnds) {
    for (const OffsetAt& zone : {Utc(), Paris(), NewYork(), Kathmandu(), LordHowe(), Apia()})
        for (const char* hours : {"22:00-07:00", "02:15-02:45", "00:00-03:00", "23:30-00:30", "03:00-02:00"})
            for (const char* day :
                 {"2024-03-09", "2024-03-30", "2024-04-06", "2024-10-26", "2024-11-02", "2011-12-29"})
                for (int step = 0; step < 48 * 4; ++step) {
                    const Moment moment = At(day) + step * 15 * kMinute;
                    const auto end = QuietUntil(ParseQuietHours(hours), moment, zone);
                    const Moment hour = NextFullHour(moment, zone),
                                 noon = NextTimeOfDay(12 * kHour, moment, zone);
                    EXPECT_TRUE(!end || (*end > moment && *end <= moment + 49 * kHour &&
                                         !QuietUntil(ParseQuietHours(hours), *end, zone)));
                    EXPECT_TRUE(hour > moment && hour <= moment + 2 * kHour);
                    EXPECT_TRUE(noon > moment && noon <= moment + 25 * kHour);
                }
}

// ---- filters ----

TEST(DeliveryRoute, Matches) {
    const IncidentEvent incident_event = MakeHappening("opened", "medium");
    IncidentEvent table = incident_event;
    table.segment.clear();
    table.table = "app.users";
    table.detector = "table_volume";
    const auto about = [](const IncidentEvent& what, const std::function<void(Route&)>& change) {
        Route route = MakeRoute(1, {"a"});
        change(route);
        return Wants(route, what, false);
    };
    EXPECT_TRUE(about(incident_event, [](Route&) {}));
    EXPECT_TRUE(about(incident_event, [](Route& r) { r.min_severity = Rank("medium"); }));
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.min_severity = Rank("high"); }));
    EXPECT_TRUE(about(incident_event, [](Route& r) { r.owners = {"x", "growth"}; }));
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.owners = {"Growth"}; }));
    EXPECT_TRUE(about(incident_event, [](Route& r) { r.tags = {"x", "b"}; }));
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.tags = {"c"}; }));
    EXPECT_TRUE(about(incident_event, [](Route& r) { r.segments = {"Trial users"}; }));
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.segments = {"Others"}; }));
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.tables = {"app.users"}; }));
    EXPECT_TRUE(
        about(incident_event, [](Route& r) { r.tables = {"app.users"}, r.segments = {"Trial users"}; }));
    EXPECT_TRUE(about(table, [](Route& r) { r.tables = {"app.users"}; }));
    EXPECT_FALSE(about(table, [](Route& r) { r.segments = {"Trial users"}; }));
    EXPECT_FALSE(about(table, [](Route& r) { r.tables = {"app.orders"}; }));
    EXPECT_TRUE(about(incident_event, [](Route& r) { r.detectors = {"size_change"}; }));
    EXPECT_TRUE(about(incident_event, [](Route& r) { r.detectors = {"segment"}; }));
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.detectors = {"table"}; }));
    EXPECT_TRUE(about(table, [](Route& r) { r.detectors = {"table"}; }));
    EXPECT_TRUE(about(table, [](Route& r) { r.detectors = {"table_volume"}; }));
    EXPECT_FALSE(about(table, [](Route& r) { r.detectors = {"segment", "table_schema"}; }));
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.events = {"resolved"}; }));
    // All filters together.
    EXPECT_FALSE(about(incident_event, [](Route& r) { r.owners = {"growth"}, r.tags = {"c"}; }));
    IncidentEvent nobody = incident_event;
    nobody.owner.clear();
    nobody.tags.clear();
    EXPECT_FALSE(about(nobody, [](Route& r) { r.owners = {"growth"}; }));
    EXPECT_FALSE(about(nobody, [](Route& r) { r.tags = {"a"}; }));
}

TEST(DeliveryRoute, LaterEventsFollowTheAlarm) {
    Route route = MakeRoute(1, {"a"});
    route.min_severity = Rank("high");
    IncidentEvent resolved = MakeHappening("resolved", "low");
    EXPECT_FALSE(Wants(route, resolved, false));
    resolved.worst = "critical";
    EXPECT_TRUE(Wants(route, resolved, false));
    IncidentEvent worsened = MakeHappening("worsened", "medium");
    worsened.worst = "critical";
    EXPECT_FALSE(Wants(route, worsened, false));
    IncidentEvent acknowledged = MakeHappening("acknowledged", "high");
    EXPECT_FALSE(Wants(route, acknowledged, false));
    EXPECT_TRUE(Wants(route, acknowledged, true));
    EXPECT_TRUE(Wants(route, MakeHappening("ignored", "high"), true));
    EXPECT_FALSE(Wants(route, MakeHappening("eased", "high"), true));
    EXPECT_FALSE(Wants(route, MakeHappening("note", "high"), true));
}

TEST(DeliveryRoute, IncidentsOfEvents) {
    IncidentEvent happening = MakeHappening("opened", "high");
    happening.segment = happening.table = "";
    happening.subject = "event:purchase";
    happening.detector = "event_volume";
    Route route = MakeRoute(1, {"a"});
    EXPECT_TRUE(IsAbout(route, happening));
    route.detectors = {"event"};
    EXPECT_TRUE(IsAbout(route, happening));
    route.detectors = {"segment", "table"};
    EXPECT_FALSE(IsAbout(route, happening));
    route.detectors = {};
    route.segments = {""};
    EXPECT_FALSE(IsAbout(route, happening));
}

TEST(DeliveryRoute, Names) {
    EXPECT_EQ(Rank("critical"), kCritical);
    EXPECT_EQ(Rank("Critical"), -1);
    EXPECT_EQ(Rank(""), -1);
    EXPECT_EQ(DetectorNames().size(), 3u + 13u + 6u + 10u);
    EXPECT_EQ(RouteEvents().size(), 9u);
}

// ---- times ----

TEST(DeliveryPlan, AtOnce) {
    const Planned planned =
        Plan({MakeRoute(5, {"a", "b", "a"})}, {MakeHappening("opened"), MakeHappening("resolved")});
    EXPECT_EQ(planned.lines(), (Lines{"a opened 12:00:03", "b opened 12:00:03", "a resolved 12:00:00",
                                      "b resolved 12:00:00"}));
    EXPECT_EQ(planned.drafts[0].order_key, "incident:17");
    EXPECT_EQ(planned.drafts[0].route, 5);
    EXPECT_TRUE(planned.drafts[0].urgent);
    EXPECT_TRUE(Plan({}, {MakeHappening("opened")}).drafts.empty());
    EXPECT_TRUE(Plan({MakeRoute(5, {})}, {MakeHappening("opened")}).drafts.empty());
    EXPECT_TRUE(Plan({MakeRoute(5, {"a"})}, {MakeHappening("note")}).drafts.empty());
}

TEST(DeliveryPlan, OneMessageForTwoRoutes) {
    Route slow = MakeRoute(1, {"a", "b"});
    slow.digest = Digest::kHourly;
    EXPECT_EQ(Plan({slow, MakeRoute(2, {"a"})}, {MakeHappening("opened")}).lines(),
              (Lines{"a opened 12:00:03", "b opened 13:00:00 route:1:digest"}));
    EXPECT_EQ(Plan({MakeRoute(1, {"a"}), MakeRoute(2, {"a"})}, {MakeHappening("opened")}).drafts[0].route, 1);
}

TEST(DeliveryPlan, QuietHours) {
    Route route = MakeRoute(5, {"a"});
    route.quiet = ParseQuietHours("22:00-07:00");
    EXPECT_EQ(Plan({route}, {MakeHappening("opened")}, "2024-06-01 23:00").lines(),
              (Lines{"a opened 07:00:00 route:5:quiet"}));
    EXPECT_EQ(Plan({route}, {MakeHappening("resolved")}, "2024-06-01 23:00").lines(),
              (Lines{"a resolved 07:00:00 route:5:quiet"}));
    EXPECT_EQ(Plan({route}, {MakeHappening("opened", "critical")}, "2024-06-01 23:00").lines(),
              (Lines{"a opened 23:00:03"}));
    EXPECT_EQ(Plan({route}, {MakeHappening("opened")}, "2024-06-01 07:00").lines(),
              (Lines{"a opened 07:00:03"}));
    // The end of an incident that was critical is critical, too.
    IncidentEvent resolved = MakeHappening("resolved", "low");
    resolved.worst = "critical";
    EXPECT_EQ(Plan({route}, {resolved}, "2024-06-01 23:00").lines(), (Lines{"a resolved 23:00:00"}));
}

TEST(DeliveryPlan, Digests) {
    Route route = MakeRoute(5, {"a"});
    route.digest = Digest::kDaily;
    route.digest_at = 9 * kHour;
    route.offset = Paris();
    const Planned planned = Plan({route}, {MakeHappening("opened"), MakeHappening("resolved")});
    EXPECT_EQ(planned.lines(),
              (Lines{"a opened 07:00:00 route:5:digest", "a resolved 07:00:00 route:5:digest"}));
    EXPECT_EQ(Text(planned.drafts[0].send_at), "2024-06-02 07:00");
    // A digest includes critical incidents.
    EXPECT_EQ(Plan({route}, {MakeHappening("opened", "critical")}).lines(),
              (Lines{"a opened 07:00:00 route:5:digest"}));
    // A digest during quiet hours is sent at their end.
    route.quiet = ParseQuietHours("22:00-10:00");
    EXPECT_EQ(Plan({route}, {MakeHappening("opened")}).lines(), (Lines{"a opened 08:00:00 route:5:digest"}));
    route.quiet.reset();
    route.digest = Digest::kHourly;
    EXPECT_EQ(Plan({route}, {MakeHappening("opened")}, "2024-06-01 12:59:59").lines(),
              (Lines{"a opened 13:00:00 route:5:digest"}));
}

TEST(DeliveryPlan, CoolDown) {
    Route route = MakeRoute(5, {"a"});
    route.cool_down = kHour;
    IncidentEvent other = MakeHappening("opened");
    other.incident = 18;
    IncidentEvent elsewhere = other;
    elsewhere.subject = "segment:2";
    const Planned planned =
        Plan({route}, {MakeHappening("opened"), other, other, elsewhere, MakeHappening("resolved")});
    // The first alarm is sent; alarms while it is pending are sent with it; other subjects and other events
    // are not affected.
    EXPECT_EQ(planned.lines(), (Lines{"a opened 12:00:03", "a opened 13:00:03 route:5:cool:segment:1",
                                      "a opened 13:00:03 route:5:cool:segment:1", "a opened 12:00:03",
                                      "a resolved 12:00:00"}));
    EXPECT_EQ(planned.drafts[0].cool_down_subject, "segment:1");
    EXPECT_EQ(planned.drafts[4].cool_down_subject, "");

    const auto after = [&](const char* last, const char* severity) {
        Planner planner({route}, {}, At("2024-06-01 12:00"));
        planner.Remember(5, "a", "segment:1", At(last));
        planner.Take(MakeHappening("opened", severity));
        return Planned{planner.drafts()}.lines();
    };
    EXPECT_EQ(after("2024-06-01 11:30", "high"), (Lines{"a opened 12:30:00 route:5:cool:segment:1"}));
    EXPECT_EQ(after("2024-06-01 11:00", "high"), (Lines{"a opened 12:00:03"}));
    EXPECT_EQ(after("2024-06-01 12:30", "high"), (Lines{"a opened 12:30:00 route:5:cool:segment:1"}));
    EXPECT_EQ(after("2024-06-01 11:30", "critical"), (Lines{"a opened 12:00:03"}));
}

TEST(DeliveryPlan, Escalations) {
    Route route = MakeRoute(5, {"a"});
    route.escalate_after = 30 * kMinute;
    route.escalate_to = {"boss", "boss"};
    Planned planned =
        Plan({route}, {MakeHappening("opened"), MakeHappening("worsened"), MakeHappening("resolved")});
    EXPECT_EQ(planned.lines(), (Lines{"boss escalated 12:30:00", "a opened 12:00:03", "a worsened 12:00:03",
                                      "a resolved 12:00:00", "boss resolved 12:00:00"}));
    EXPECT_EQ(planned.drafts[0].kind, "escalation");
    EXPECT_EQ(planned.drafts[0].order_key, "escalation:17");
    EXPECT_EQ(Plan({route}, {MakeHappening("reopened")}).lines(),
              (Lines{"boss escalated 12:30:00", "a reopened 12:00:03"}));
    // An incident that worsens later is escalated, too, but only once.
    EXPECT_EQ(Plan({route}, {MakeHappening("worsened")}).lines(),
              (Lines{"boss escalated 12:30:00", "a worsened 12:00:03"}));
    Planner planner({route}, {}, At("2024-06-01 12:00"));
    planner.RememberEscalation(5, 17);
    planner.Take(MakeHappening("worsened"));
    EXPECT_EQ(Planned{planner.drafts()}.lines(), (Lines{"a worsened 12:00:03"}));
    // No escalation before the alarm is sent, and none during quiet hours.
    route.quiet = ParseQuietHours("22:00-07:00");
    EXPECT_EQ(Plan({route}, {MakeHappening("opened")}, "2024-06-01 23:00").lines(),
              (Lines{"boss escalated 07:30:00", "a opened 07:00:00 route:5:quiet"}));
    IncidentEvent late = MakeHappening("opened");
    late.noted_at = At("2024-06-01 21:45");
    EXPECT_EQ(Plan({route}, {late}, "2024-06-01 21:45").lines(),
              (Lines{"boss escalated 07:00:00", "a opened 21:45:03"}));
    late.severity = late.worst = "critical";
    EXPECT_EQ(Plan({route}, {late}, "2024-06-01 21:45").lines(),
              (Lines{"boss escalated 22:15:00", "a opened 21:45:03"}));
    // Two routes that notify the same channel at the same time notify it once.
    route = MakeRoute(6, {"a"});
    route.escalate_after = 30 * kMinute;
    route.escalate_to = {"boss"};
    Route twin = route;
    twin.id = 7;
    EXPECT_EQ(Plan({route, twin}, {MakeHappening("opened")}).drafts.size(), 2u);
}

TEST(DeliveryPlan, Followers) {
    const Planned planned =
        Plan({MakeRoute(5, {"a", "pd"})}, {MakeHappening("acknowledged"), MakeHappening("ignored")},
             "2024-06-01 12:00", {"pd"});
    EXPECT_EQ(planned.lines(), (Lines{"pd acknowledged 12:00:00", "pd ignored 12:00:00"}));
    EXPECT_FALSE(planned.drafts[0].urgent);
    EXPECT_TRUE(planned.drafts[1].urgent);
}

// ---- reasons to skip a message ----

TEST(DeliverySkipReason, SendsTheSameStateOnce) {
    const auto why = [](const char* event, const char* status, const char* severity,
                        std::optional<std::string> notified) {
        return SkipReason(event, MakeSummary(status, severity), notified, false);
    };
    // The channel was not notified before.
    EXPECT_EQ(why("opened", "open", "high", std::nullopt), "");
    EXPECT_EQ(why("opened", "acknowledged", "high", std::nullopt), "");
    EXPECT_EQ(why("worsened", "open", "high", std::nullopt), "");
    for (const char* event : {"opened", "worsened", "resolved", "ignored", "escalated", "eased"})
        for (const char* status : {"resolved", "ignored"})
            EXPECT_NE(why(event, status, "high", std::nullopt), "") << event << status;
    EXPECT_NE(why("acknowledged", "acknowledged", "high", std::nullopt), "");
    EXPECT_NE(why("resolved", "open", "high", std::nullopt), "");
    // The channel was notified before.
    EXPECT_NE(why("opened", "open", "high", "open high"), "");
    EXPECT_EQ(why("worsened", "open", "critical", "open high"), "");
    EXPECT_EQ(why("worsened", "acknowledged", "critical", "acknowledged high"), "");
    EXPECT_NE(why("worsened", "open", "medium", "open high"), "");
    EXPECT_NE(why("worsened", "acknowledged", "high", "open high"), "");
    EXPECT_NE(why("worsened", "resolved", "high", "open high"), "");
    EXPECT_EQ(why("resolved", "resolved", "high", "open high"), "");
    EXPECT_NE(why("resolved", "resolved", "high", "resolved high"), "");
    EXPECT_NE(why("resolved", "open", "critical", "open high"), "");
    EXPECT_EQ(why("reopened", "open", "high", "resolved high"), "");
    EXPECT_EQ(why("reopened", "open", "low", "resolved critical"), "");
    EXPECT_EQ(why("ignored", "ignored", "high", "open high"), "");
    EXPECT_EQ(why("acknowledged", "acknowledged", "high", "open high"), "");
    EXPECT_NE(why("acknowledged", "resolved", "high", "open high"), "");
    EXPECT_EQ(why("eased", "open", "low", "open high"), "");
    EXPECT_NE(why("eased", "open", "critical", "open high"), "");
    EXPECT_NE(why("eased", "resolved", "low", "open high"), "");
    // No acknowledgement: channels that were notified before receive the escalation, too.
    EXPECT_EQ(why("escalated", "open", "high", std::nullopt), "");
    EXPECT_EQ(why("escalated", "open", "high", "open high"), "");
    EXPECT_NE(why("escalated", "acknowledged", "high", "open high"), "");
    EXPECT_NE(why("escalated", "resolved", "high", "open high"), "");
}

TEST(DeliverySkipReason, Muted) {
    EXPECT_NE(SkipReason("opened", MakeSummary("open", "high"), std::nullopt, true), "");
    EXPECT_NE(SkipReason("escalated", MakeSummary("open", "high"), std::nullopt, true), "");
    EXPECT_EQ(SkipReason("resolved", MakeSummary("resolved", "high"), "open high", true), "");
    // An invalid stored state is no reason to skip a message.
    EXPECT_EQ(SkipReason("worsened", MakeSummary("open", "high"), "strange", false), "");
}

}  // namespace pulse::delivery
