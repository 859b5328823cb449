// The payloads of each kind of channel: complete, within the limits, with text from users escaped.
#include <algorithm>
#include <gtest/gtest.h>

#include "delivery_limits.hpp"
#include "pulse/base/json.hpp"
#include "pulse/delivery/sign.hpp"

namespace pulse::delivery {
namespace {

using nlohmann::json;

IncidentSummary Example() {
    IncidentSummary summary;
    summary.incident = 17;
    summary.subject = "High-Value Users";
    summary.owner = "growth-team";
    summary.detector = "size_change";
    summary.severity = "high";
    summary.status = "open";
    summary.direction = "down";
    summary.baseline = 10'000;
    summary.observed = 5'800;
    summary.change = -0.42;
    summary.counts_people = true;
    summary.words = segment::MakeMemberWords(true, "");
    summary.people_lost = 4'200;
    summary.summary = "size fell from 10,000 to 5,800";
    summary.what_changed = {"The size fell by 42 %.", "Android lost the most."};
    summary.since = summary.opened_at = *ParseMoment("2026-03-01 06:00");
    summary.cause = "The value android of platform was renamed.";
    summary.confidence = 0.87;
    summary.advice = "Add the new value to the rule.";
    summary.advice_reason = "It stands for the same people.";
    summary.advice_sql = "SELECT pulse_update_segment('High-Value Users', '{}');";
    summary.acknowledge_sql = "SELECT pulse_acknowledge_incident(17);";
    summary.url = "https://app.example.com/incidents/17?a=1&b=2";
    return summary;
}

Envelope Around(const std::string& event) {
    return {"msg_2", "msg_1", event, "ops", *ParseMoment("2026-03-01 06:05")};
}

Channel Kind(const std::string& name) {
    for (Channel& channel : testing::AllChannels())
        if (channel.name == name) return channel;
    throw std::runtime_error(name);
}

std::vector<std::string> HostileNames() {
    return {"<!channel> <@U123> <https://evil.example|click>",
            "*bold* _it_ ~no~ `code` ```block``` [a](javascript:alert(1)) ![x](http://evil.example)",
            "</td></table><script>alert(1)</script><img src=x onerror=\"alert(1)\">",
            "a\r\nBcc: victim@example.com\r\n\r\nbody",
            "\xE2\x80\xAE"
            "desrever \xE2\x80\x8B\xE2\x81\xA6\xEF\xBB\xBF",
            std::string("null\0byte \x01\x1B[31m", 17),
            "\xFF\xFE\xC3(\xED\xA0\x80\xF5\x80\x80\x80 latin1 \xE4\xF6",
            std::string(10'000, 'x'),
            std::string(10'000, '&'),
            std::string(3'000, '\\') + "\"",
            std::string(10'000, '*'),
            [] {
                std::string s;
                for (int i = 0; i < 3'000; ++i) s += "\xF0\x9F\x98\x80";
                return s;
            }(),
            [] {
                std::string s;
                for (int i = 0; i < 10'000; ++i) s += "\xC3\xBC";
                return s;
            }(),
            "",
            "   ",
            "=?UTF-8?Q?fake?= ,;:<>@\"()",
            "Robert'); DROP TABLE users;--"};
}

IncidentSummary Hostile(const std::string& text) {
    IncidentSummary summary = Example();
    for (std::string* field : {&summary.subject, &summary.owner, &summary.attribute, &summary.summary,
                               &summary.cause, &summary.advice, &summary.advice_reason, &summary.advice_sql,
                               &summary.resolved_by, &summary.url, &summary.acknowledge_sql})
        *field = text;
    summary.what_changed.assign(12, text);
    summary.more_advice.assign(7, {text, text});
    return summary;
}

TEST(DeliveryPayload, HostileTextStaysWithinLimits) {
    for (const std::string& name : HostileNames())
        for (const Channel& channel : testing::AllChannels())
            for (const char* event : {"opened", "acknowledged", "resolved", "escalated", "digest"})
                for (const size_t count : {1u, 30u}) {
                    if (count > 1 && std::string(event) != "digest") continue;
                    IncidentSummary summary = Hostile(name);
                    if (std::string(event) == "resolved" || std::string(event) == "ignored") {
                        summary.status = event;
                        summary.closed_at = summary.since + kDay;
                    }
                    const std::vector<IncidentSummary> summaries(count, summary);
                    const json payload = MakePayload(channel, Around(event), summaries);
                    EXPECT_EQ(testing::Trouble(channel, Around(event), payload), "")
                        << channel.name << " " << event << " " << count << " " << name.substr(0, 40);
                    // Storing it as jsonb and reading it again does not change it.
                    EXPECT_EQ(json::parse(DumpJson(payload)), payload);
                }
}

TEST(DeliveryPayload, WithoutIncidentsIsStillAMessage) {
    for (const Channel& channel : testing::AllChannels()) {
        const json payload = MakePayload(channel, Around("digest"), {});
        EXPECT_TRUE(payload.is_object()) << channel.name;
    }
}

TEST(DeliveryPayload, SlackIsComplete) {
    const json payload = MakePayload(Kind("slack"), Around("opened"), {Example()});
    const std::string text = payload.dump();
    EXPECT_EQ(payload["text"],
              "High: High-Value Users: size change. 10,000 people before, 5,800 people now (-42 %)");
    EXPECT_EQ(payload["blocks"][0]["text"]["text"], "\xF0\x9F\x9F\xA0 High: High-Value Users: size change");
    for (const char* part :
         {"*Before*\\n10,000 people", "*Now*\\n5,800 people (-42 %)", "*People lost*\\n4,200",
          "<!date^1772344800^{date_short_pretty} {time}|2026-03-01 06:00 UTC>", "growth-team",
          "The size fell by 42 %.", "Likely cause (87 % confidence)", "was renamed", "Add the new value",
          "`SELECT pulse_acknowledge_incident(17);`", "https://app.example.com/incidents/17?a=1&b=2"})
        EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(DeliveryPayload, SlackHasAButtonOnlyWithALink) {
    IncidentSummary summary = Example();
    summary.url = "";
    EXPECT_EQ(MakePayload(Kind("slack"), Around("opened"), {summary}).dump().find("\"actions\""),
              std::string::npos);
    summary.url = "javascript:alert(1)";
    EXPECT_EQ(MakePayload(Kind("slack"), Around("opened"), {summary}).dump().find("javascript"),
              std::string::npos);
}

TEST(DeliveryPayload, SlackShowsMentionsAsText) {
    IncidentSummary summary = Example();
    summary.subject = "<!channel> & <@U1>";
    const json payload = MakePayload(Kind("slack"), Around("opened"), {summary});
    EXPECT_NE(payload["text"].get<std::string>().find("&lt;!channel&gt; &amp; &lt;@U1&gt;"),
              std::string::npos);
    // No text from users is in mrkdwn.
    for (const json& block : payload["blocks"]) {
        if (!block.contains("text") || block["text"]["type"] != "mrkdwn") continue;
        EXPECT_EQ(block["text"]["text"].get<std::string>().find("channel"), std::string::npos);
    }
}

TEST(DeliveryPayload, ResolvedHasDurationAndUser) {
    IncidentSummary summary = Example();
    summary.status = "resolved";
    summary.closed_at = summary.since + 2 * kDay + 3 * kHour;
    summary.observed = 9'950;
    summary.people_lost.reset();
    summary.resolved_by = "ada";
    const std::string by_ada = MakePayload(Kind("slack"), Around("resolved"), {summary}).dump();
    EXPECT_NE(by_ada.find("Resolved: High-Value Users"), std::string::npos);
    EXPECT_NE(by_ada.find("Lasted 2 d 3 h. Resolved by ada, at 9,950 people."), std::string::npos);
    EXPECT_EQ(by_ada.find("Likely cause"), std::string::npos);
    EXPECT_EQ(by_ada.find("acknowledge"), std::string::npos);
    summary.resolved_by = "pulse";
    EXPECT_NE(MakePayload(Kind("teams"), Around("resolved"), {summary})
                  .dump()
                  .find("closed by itself: back at 9,950 people."),
              std::string::npos);
}

TEST(DeliveryPayload, SeveralAreCountedTheWorstFirst) {
    std::vector<IncidentSummary> summaries(5, Example());
    summaries[3].severity = summaries[4].severity = "critical";
    summaries[3].subject = "Worst";
    summaries[0].severity = "low";
    Envelope digest = Around("digest");
    EXPECT_EQ(MakePayload(Kind("webhook"), digest, summaries)["data"]["title"],
              "5 incidents, 2 critical, 2 high: Worst first");
    // One group has one name: what its incidents have in common.
    std::vector<IncidentSummary> group = summaries;
    for (IncidentSummary& each : group) each.group = 7;
    group.back().shared_cause = "table app.users";
    const std::string title = MakePayload(Kind("webhook"), digest, group)["data"]["title"];
    EXPECT_TRUE(title.ends_with(", one cause: table app.users")) << title;
    group.front().group = 8;
    EXPECT_EQ(MakePayload(Kind("webhook"), digest, group)["data"]["title"],
              MakePayload(Kind("webhook"), digest, summaries)["data"]["title"]);
    digest.by_digest = true;
    const json payload = MakePayload(Kind("webhook"), digest, summaries);
    EXPECT_EQ(payload["type"], "incident.digest");
    EXPECT_EQ(payload["data"]["title"], "Digest: 5 incidents, 2 critical, 2 high: Worst first");
    EXPECT_EQ(payload["data"]["incidents"][0]["segment"], "Worst");
    EXPECT_EQ(payload["data"]["incidents"][4]["severity"], "low");
    const json many =
        MakePayload(Kind("slack"), Around("digest"), std::vector<IncidentSummary>(100, Example()));
    EXPECT_NE(many.dump().find(" more\""), std::string::npos);
}

TEST(DeliveryPayload, TeamsIsAnAdaptiveCard) {
    const json payload = MakePayload(Kind("teams"), Around("opened"), {Example()});
    const json& card = payload["attachments"][0]["content"];
    EXPECT_EQ(card["body"][0]["style"], "attention");
    EXPECT_EQ(card["actions"][0]["type"], "Action.OpenUrl");
    IncidentSummary summary = Example();
    summary.subject = "[a](http://evil.example) *b*";
    const json hostile = MakePayload(Kind("teams"), Around("opened"), {summary});
    EXPECT_EQ(hostile["attachments"][0]["content"]["body"][0]["items"][0]["text"],
              "High: \\[a\\](http:\\//evil.example) \\*b\\*: size change");
}

TEST(DeliveryPayload, MailHasSubjectTextAndHtml) {
    const json payload = MakePayload(Kind("resend"), Around("opened"), {Example()});
    EXPECT_EQ(payload["subject"], "[Pulse] High: High-Value Users: size change");
    EXPECT_EQ(payload["from"], "\"P\xC3\xBClse, Inc.\" <alerts@example.com>");
    EXPECT_EQ(payload["to"], json({"a@example.com", "B <b@example.com>"}));
    EXPECT_NE(payload["html"].get<std::string>().find("background:#EA580C"), std::string::npos);
    EXPECT_NE(payload["html"].get<std::string>().find("incidents/17?a=1&amp;b=2"), std::string::npos);
    EXPECT_NE(payload["text"].get<std::string>().find("  People lost: 4,200\n"), std::string::npos);
    IncidentSummary trips = Example();
    trips.words = segment::MakeMemberWords(false, "trips");
    const json of_trips = MakePayload(Kind("resend"), Around("opened"), {trips});
    EXPECT_NE(of_trips["text"].get<std::string>().find("  Before: 10,000 trips\n  Now: 5,800 trips (-42 %)\n"
                                                       "  Trips lost: 4,200\n"),
              std::string::npos);
    EXPECT_EQ(payload["headers"]["Message-ID"], "<msg_2@example.com>");
    EXPECT_EQ(payload["headers"]["In-Reply-To"], "<msg_1@example.com>");
    EXPECT_EQ(payload["headers"]["References"], "<msg_1@example.com>");
    Envelope first = Around("opened");
    first.thread = first.key;
    EXPECT_FALSE(MakePayload(Kind("resend"), first, {Example()})["headers"].contains("References"));
    IncidentSummary summary = Example();
    summary.subject = "<script>alert(1)</script>";
    EXPECT_EQ(MakePayload(Kind("resend"), first, {summary})["html"].get<std::string>().find("<script"),
              std::string::npos);
}

TEST(DeliveryPayload, PagerdutyFollowsTheIncident) {
    const Channel channel = Kind("pagerduty");
    const json trigger = MakePayload(channel, Around("opened"), {Example()});
    EXPECT_EQ(trigger["event_action"], "trigger");
    EXPECT_EQ(trigger["dedup_key"], "msg_1");
    EXPECT_EQ(trigger["payload"]["severity"], "error");
    EXPECT_EQ(trigger["links"][0]["href"], Example().url);
    IncidentSummary summary = Example();
    summary.status = "acknowledged";
    EXPECT_EQ(MakePayload(channel, Around("acknowledged"), {summary}),
              json({{"event_action", "acknowledge"}, {"dedup_key", "msg_1"}}));
    for (const char* over : {"resolved", "ignored"}) {
        summary.status = over;
        EXPECT_EQ(MakePayload(channel, Around(over), {summary})["event_action"], "resolve");
    }
}

TEST(DeliveryPayload, WebhookIsFlatAndComplete) {
    const json payload = MakePayload(Kind("webhook"), Around("opened"), {Example()});
    EXPECT_EQ(payload["type"], "incident.opened");
    EXPECT_EQ(payload["timestamp"], "2026-03-01T06:05:00.000Z");
    const json& data = payload["data"];
    EXPECT_EQ(data["incident"], 17);
    EXPECT_EQ(data["segment"], "High-Value Users");
    EXPECT_EQ(data["people_lost"], 4'200);
    EXPECT_EQ(data["confidence"], 0.87);
    EXPECT_EQ(data["thread"], "msg_1");
    EXPECT_EQ(data["recommendation_sql"], Example().advice_sql);
    Envelope envelope = Around("incident.updated");
    EXPECT_EQ(MakePayload(Kind("webhook"), envelope, {Example()})["type"], "incident.updated");
}

TEST(DeliveryPayload, FiguresHaveTheirUnits) {
    IncidentSummary summary = Example();
    summary.counts_people = false;
    summary.people_lost.reset();
    summary.detector = "conversion_anomaly";
    summary.baseline = 0.15;
    summary.observed = 0.1;
    summary.change = -0.333;
    EXPECT_EQ(Figures(summary), "15 % before, 10 % now (-33 %)");
    summary.detector = "distribution_shift";
    summary.change = 0.24;
    EXPECT_EQ(Change(summary), "");
    summary.is_table = true;
    summary.detector = "table_freshness";
    summary.baseline = 3600;
    summary.observed = 6 * 3600 + 720;
    EXPECT_EQ(Figures(summary), "1 h expected, 6 h 12 min now");
    summary.detector = "table_volume";
    summary.baseline = 1'200;
    summary.observed = 0;
    summary.change = -1;
    EXPECT_EQ(Figures(summary), "1,200 rows before, 0 rows now (-100 %)");
    summary.observed = std::nan("");
    EXPECT_EQ(Figures(Cleaned(summary)), "");
}

TEST(DeliveryPayload, TestsAreMarked) {
    for (const Channel& channel : testing::AllChannels()) {
        const json payload = MakeTestPayload(channel, Around("opened"));
        EXPECT_NE(DumpJson(payload).find("est"), std::string::npos);
        EXPECT_EQ(testing::Trouble(channel, Around("test"), payload), "");
    }
    EXPECT_EQ(MakeTestPayload(Kind("webhook"), Around("test"))["type"], "pulse.test");
    EXPECT_EQ(MakeTestPayload(Kind("pagerduty"), Around("test"))["payload"]["severity"], "info");
}

TEST(DeliveryRequest, OnlyRequestsHaveSecrets) {
    const std::vector<std::string> secrets = {"secretsecret", "re_1234567890",
                                              "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                              "0123456789abcdef0123456789abcdef"};
    for (const Channel& channel : testing::AllChannels()) {
        const json payload = MakePayload(channel, Around("opened"), {Example()});
        const http::Request request =
            MakeRequest(channel, Around("opened"), payload, *ParseMoment("2026-03-01 06:06"));
        for (const std::string& secret : secrets) {
            EXPECT_EQ(payload.dump().find(secret), std::string::npos) << channel.name;
            EXPECT_EQ(request.url.find("re_"), std::string::npos);
        }
        EXPECT_FALSE(request.secrets.empty()) << channel.name;
        // Every option of the user mapping is a secret, as an answer may repeat it.
        for (const auto& [name, value] : channel.mapping)
            EXPECT_NE(std::find(request.secrets.begin(), request.secrets.end(), value), request.secrets.end())
                << channel.name << " " << name;
        EXPECT_EQ(request.mail.has_value(), channel.kind == ChannelKind::kSmtp);
    }
}

TEST(DeliveryRequest, UrlsAndHeadersOfEachKind) {
    const auto request = [](const char* name) {
        const Channel channel = Kind(name);
        return MakeRequest(channel, Around("opened"), MakePayload(channel, Around("opened"), {Example()}),
                           *ParseMoment("2026-03-01 06:06"));
    };
    const auto header = [](const http::Request& r, const std::string& name) {
        for (const auto& [key, value] : r.headers)
            if (key == name) return value;
        return std::string();
    };
    EXPECT_EQ(request("resend").url, "https://api.resend.com/emails");
    EXPECT_EQ(header(request("resend"), "Authorization"), "Bearer re_1234567890");
    EXPECT_EQ(header(request("resend"), "Idempotency-Key"), "msg_2");
    EXPECT_EQ(request("pagerduty").url, "https://events.pagerduty.com/v2/enqueue");
    EXPECT_EQ(json::parse(request("pagerduty").body)["routing_key"], "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(request("smtp").url, "smtp://mail.example.com:587");
    EXPECT_TRUE(request("smtp").mail->require_tls);
    EXPECT_EQ(request("smtp").mail->from, "alerts@example.com");
    EXPECT_EQ(request("smtp").mail->to, std::vector<std::string>{"a@example.com"});
    EXPECT_EQ(header(request("webhook"), "webhook-id"), "msg_2");
    EXPECT_EQ(header(request("webhook"), "webhook-timestamp"), "1772345160");
    EXPECT_TRUE(header(request("webhook"), "webhook-signature").starts_with("v1,"));
    EXPECT_EQ(header(request("webhook"), "X-Stratum-Signature"), "");
    const std::string first = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                      second = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
                      third = "whsec_" + std::string(32, 'A');
    const auto rotated = [&](const std::string& secret, const std::string& former) {
        const Channel channel = MakeChannel(
            "rotated", {{"kind", "webhook"}, {"signature", "stratum"}},
            {{"url", "https://example.com/hook"}, {"secret", secret}, {"former_secrets", former}});
        return MakeRequest(channel, Around("opened"), MakePayload(channel, Around("opened"), {Example()}),
                           *ParseMoment("2026-03-01 06:06"));
    };
    const auto signed_by = [&](const std::string& secret) {
        return header(rotated(secret, ""), "webhook-signature");
    };
    // One signature per secret that has not ended, the newest first; all secrets are kept out of logs.
    const http::Request both = rotated(first, "1772345161=" + second + " 1772345160=" + third);
    EXPECT_EQ(header(both, "webhook-signature"), signed_by(first) + " " + signed_by(second));
    EXPECT_EQ(std::count(both.secrets.begin(), both.secrets.end(), second), 1);
    EXPECT_EQ(header(both, "X-Stratum-Signature"), StratumSignature(first, both.body));
    const Channel tls = MakeChannel(
        "tls", {{"kind", "email"}, {"host", "m"}, {"tls", "tls"}, {"from", "a@b.c"}, {"to", "d@e.f"}}, {});
    EXPECT_EQ(MakeRequest(tls, Around("opened"), MakePayload(tls, Around("opened"), {Example()}), 0).url,
              "smtps://m:465");
}

}  // namespace
}  // namespace pulse::delivery
