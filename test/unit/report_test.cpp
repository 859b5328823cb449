// Reports: the writer of HTML, charts, options, periods, sentences and mails.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/report/mail.hpp"
#include "pulse/report/page.hpp"
#include "pulse/report/schedule.hpp"
#include "pulse/report/sql.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {
namespace {

using nlohmann::json;

Moment At(const char* text) {
    return *ParseMoment(text);
}

// Central European time without its rules: summer from April to October 2026.
int64_t Paris(Moment moment) {
    return moment >= At("2026-03-29 01:00") && moment < At("2026-10-25 01:00") ? 2 * kHour : kHour;
}

std::string ErrorOf(const std::function<void()>& body) {
    try {
        body();
    } catch (const UserError& error) {
        return error.state() + " " + error.message() + " | " + error.detail() + " | " + error.hint();
    }
    return "";
}

Figures SomeFigures() {
    Figures figures;
    figures.period = {At("2026-11-23"), At("2026-11-30")};
    figures.made_at = At("2026-11-30 08:00");
    figures.database = "shop";
    figures.role = "ada";
    figures.version = "1";
    figures.zone = "UTC";
    figures.sees_people = true;
    SegmentFigures segment;
    segment.name = "buyers";
    segment.state = "watched";
    segment.size = 580;
    segment.size_before = 1000;
    segment.band = Band{800, 1200};
    segment.incidents = 1;
    segment.worst = "high";
    segment.sizes = {{At("2026-11-22"), 1000}, {At("2026-11-29"), 580}};
    figures.segments.rows = {segment};
    figures.segments.total = 1;
    figures.outside = 1;
    IncidentFigures incident;
    incident.id = 7;
    incident.subject = "buyers";
    incident.kind = "segment";
    incident.detector = "size_change";
    incident.severity = "high";
    incident.status = "open";
    incident.direction = "down";
    incident.change = -0.42;
    incident.diagnosed = true;
    incident.cause = "A release renamed an event.";
    incident.advice = "Ask the team.";
    incident.opened_at = At("2026-11-28");
    figures.incidents.rows = {incident};
    figures.incidents.total = 1;
    figures.counts = {1, 3, 1, 2, {0, 1, 0, 0}};
    return figures;
}

TEST(ReportHtml, ContentIsNeverMarkup) {
    HtmlWriter html;
    html.Open("p", {{"title", "\"><script>alert('x')</script>"}})
        .Text("</p><svg onload=x> & \x01 \xff")
        .Close();
    EXPECT_EQ(
        html.Take(),
        "<p title=\"&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\">&lt;/p&gt;&lt;svg onload=x&gt; "
        "&amp;   \xEF\xBF\xBD</p>\n");
}

TEST(ReportHtml, ElementsAreClosed) {
    HtmlWriter html;
    html.Open("p");
    EXPECT_THROW(html.Take(), std::logic_error);
    html.Close();
    EXPECT_THROW(html.Close(), std::logic_error);
}

TEST(ReportHtml, DirectionMarksAreRemovedAndEmojiStay) {
    EXPECT_EQ(PlainText("a\u202eb\u2066c\u200f"), "abc");
    EXPECT_EQ(PlainText("👨‍👩‍👧 مرحبا"), "👨‍👩‍👧 مرحبا");
    EXPECT_EQ(PlainText("\uFFFE"), "\uFFFD");
}

TEST(ReportHtml, LongTextIsCutAtACharacter) {
    EXPECT_EQ(Brief("äöü", 3), "äöü");
    EXPECT_EQ(Brief("äöüß", 3), "äö…");
    EXPECT_EQ(Brief("a\nb", 9), "a b");
    const std::string cut = Brief(std::string(10'000, 'x'), 120);
    EXPECT_EQ(cut, std::string(119, 'x') + "…");
    std::string emoji;
    for (int i = 0; i < 10'000; ++i) emoji += "🚀";
    EXPECT_EQ(Brief(emoji, 3), "🚀🚀…");
}

TEST(ReportChart, HasRoleTitleAndFiniteNumbers) {
    HtmlWriter html;
    Line line{"Size <of> x", {{0, 1}, {kDay, std::numeric_limits<double>::infinity()}, {2 * kDay, 5}},
              Band{2, 3},    0,
              2 * kDay,      kDay,
              "a",           "b"};
    DrawLine(html, line);
    const std::string svg = html.Take();
    EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
    EXPECT_NE(svg.find("<title>Size &lt;of&gt; x</title>"), std::string::npos);
    EXPECT_NE(svg.find("class=\"dot out\""), std::string::npos) << "5 is above the band";
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(ReportChart, NothingAndTheSameValue) {
    for (const std::vector<Point>& points : {std::vector<Point>{}, {{5, 7}}, {{0, 7}, {9, 7}}}) {
        HtmlWriter html;
        DrawSparkline(html, {"t", points, std::nullopt, 0, 9, std::nullopt, "", ""});
        EXPECT_EQ(html.Take().find("nan"), std::string::npos);
    }
    HtmlWriter html;
    DrawBars(html, "none", {});
    EXPECT_EQ(html.Take().find("nan"), std::string::npos);
}

TEST(ReportChart, BarsKeepTheirProportion) {
    HtmlWriter html;
    DrawBars(html, "t", {{"a", 50}, {"b", 100}});
    const std::string svg = html.Take();
    std::vector<double> heights;
    for (size_t at = svg.find("class=\"bar\""); at != std::string::npos;
         at = svg.find("class=\"bar\"", at + 1))
        heights.push_back(std::stod(svg.substr(svg.find("height=\"", at) + 8)));
    ASSERT_EQ(heights.size(), 2U);
    EXPECT_NEAR(heights[1], heights[0] * 2, 0.2);
}

TEST(ReportChart, ShortNumbers) {
    EXPECT_EQ(ShortNumber(12345), "12,345");
    EXPECT_EQ(ShortNumber(3'200'000), "3.2 M");
    EXPECT_EQ(ShortNumber(0.25), "0.25");
    EXPECT_EQ(ShortNumber(-0.0), "0");
    EXPECT_EQ(ShortNumber(7e9), "7 G");
}

TEST(ReportOptions, AreChecked) {
    EXPECT_EQ(ParseReportOptions(json::object()).limit, 20);
    const ReportOptions options = ParseReportOptions({{"segments", "a*"},
                                                      {"sections", {"sql", "sql", "tables"}},
                                                      {"title", "T"},
                                                      {"limit", 3},
                                                      {"time_zone", nullptr}});
    EXPECT_TRUE(options.chosen);
    EXPECT_EQ(options.sections, (std::vector<std::string>{"sql", "tables"}));
    for (const auto& [given, expected] : std::vector<std::pair<json, std::string>>{
             {json::array(), "options must be a JSON object"},
             {{{"limits", 3}}, "unknown option \"limits\""},
             {{{"limit", 0}}, "must be a whole number from 1 to 200"},
             {{{"limit", 2.5}}, "must be a whole number from 1 to 200"},
             {{{"limit", 1e300}}, "must be a whole number from 1 to 200"},
             {{{"sections", {"segment"}}}, "unknown section \"segment\""},
             {{{"sections", json::array()}}, "must be a text or a list of texts"},
             {{{"segments", 1}}, "must be a text or a list of texts"},
             {{{"title", json::object()}}, "must be a text"},
             {{{"time_zone", ""}}, "must be a time zone"}})
        EXPECT_NE(ErrorOf([&] { ParseReportOptions(given); }).find(expected), std::string::npos)
            << given << ": " << ErrorOf([&] { ParseReportOptions(given); });
    EXPECT_NE(ErrorOf([] {
                  ParseReportOptions({{"sections", "x"}});
              }).find("incidents"),
              std::string::npos)
        << "the error lists what is valid";
}

TEST(ReportOptions, PatternsChooseSegments) {
    const std::vector<std::string> names = {"a*b", "shop", "shop new", "x"};
    EXPECT_EQ(ChooseSegments({"shop*"}, names), (std::vector<std::string>{"shop", "shop new"}));
    EXPECT_EQ(ChooseSegments({"a*b"}, names), (std::vector<std::string>{"a*b"}));
    EXPECT_EQ(ChooseSegments({"*"}, names), names);
    EXPECT_EQ(ChooseSegments({"x", "sho*", "x"}, names), (std::vector<std::string>{"shop", "shop new", "x"}));
    EXPECT_NE(ErrorOf([&] { ChooseSegments({"shp"}, names); }).find("42704 segment \"shp\" does not exist"),
              std::string::npos);
    EXPECT_NE(ErrorOf([&] { ChooseSegments({"z*"}, names); }).find("no segment matches"), std::string::npos);
    EXPECT_TRUE(Matches("*a*a*", "banana"));
    EXPECT_FALSE(Matches("*a*b", "banana"));
    // No pattern is slow.
    std::string stars;
    for (int i = 0; i < 2000; ++i) stars += "*a";
    EXPECT_FALSE(Matches(stars + "b", std::string(4000, 'a')));
}

TEST(ReportPeriod, DefaultsAndErrors) {
    const Moment now = At("2026-11-30 08:00");
    const Period week = ReportPeriod(std::nullopt, std::nullopt, now);
    EXPECT_EQ(week.from, At("2026-11-23 08:00"));
    EXPECT_EQ(week.before(), At("2026-11-16 08:00"));
    EXPECT_NE(ErrorOf([&] { ReportPeriod(now, now, now); }).find("is empty"), std::string::npos);
    EXPECT_NE(ErrorOf([&] { ReportPeriod(now, now - 1, now); }).find("\"since\" is after"),
              std::string::npos);
    EXPECT_NE(ErrorOf([&] { ReportPeriod(std::nullopt, now + 1, now); }).find("in the future"),
              std::string::npos);
    EXPECT_NE(ErrorOf([&] { ReportPeriod(INT64_MIN, std::nullopt, now); }).find("must be finite"),
              std::string::npos);
    EXPECT_NE(ErrorOf([&] { ReportPeriod(std::nullopt, INT64_MAX, now); }).find("must be finite"),
              std::string::npos);
    EXPECT_NE(ErrorOf([&] { ReportPeriod(At("1990-01-01"), now, now); }).find("too long"), std::string::npos);
}

TEST(ReportSchedule, MondayMorning) {
    const ReportSchedule schedule{true, 0, 8 * kHour, Paris};
    // 2026-11-30 is a Monday; the clock in Paris is an hour ahead.
    DueReport due = NewestDue(schedule, At("2026-11-30 07:00"));
    EXPECT_EQ(due.at, At("2026-11-30 07:00"));
    EXPECT_EQ(due.period.from, At("2026-11-22 23:00"));
    EXPECT_EQ(due.period.until, At("2026-11-29 23:00"));
    due = NewestDue(schedule, At("2026-11-30 06:59"));
    EXPECT_EQ(due.at, At("2026-11-23 07:00"));
    EXPECT_EQ(NextReport(schedule, At("2026-11-30 07:00")), At("2026-12-07 07:00"));
}

TEST(ReportSchedule, AWeekWithAChangeOfTheClockHasItsSevenDays) {
    const ReportSchedule schedule{true, 0, 8 * kHour, Paris};
    const DueReport due = NewestDue(schedule, At("2026-10-26 12:00"));
    EXPECT_EQ(due.period.until - due.period.from, 7 * kDay + kHour);
    const DueReport daily = NewestDue({false, 0, 0, Paris}, At("2026-03-30 12:00"));
    EXPECT_EQ(daily.period.until - daily.period.from, 23 * kHour);
}

TEST(ReportSchedule, AfterALongDowntimeOnlyTheNewest) {
    const ReportSchedule schedule{true, 4, 30 * kMinute, [](Moment) { return int64_t{0}; }};
    EXPECT_EQ(NewestDue(schedule, At("2027-03-03 12:00")).at, At("2027-02-26 00:30"));
}

TEST(ReportText, SaysWhatIsWrongAndWhatChanged) {
    const Figures figures = SomeFigures();
    EXPECT_EQ(
        Headline(figures),
        "1 incident is live: 1 high. 1 segment is outside the expected size. The largest change: buyers, "
        "−42.0 %.");
    EXPECT_EQ(ChangeSentence(figures),
              "3 incidents opened in this period, 2 more than in the period before; 2 were closed.");
    EXPECT_EQ(Mood(figures), "high");
    Figures calm;
    EXPECT_EQ(Headline(calm), "No incident is live.");
    EXPECT_EQ(Mood(calm), "fine");
}

TEST(ReportText, FilesAreNamedByTheWeekOfTheirLastDay) {
    Figures figures = SomeFigures();
    EXPECT_EQ(FileName(figures, true), "pulse-report-2026-W48.html");
    EXPECT_EQ(FileName(figures, false), "pulse-report-2026-11-29.html");
    figures.period.until = At("2027-01-04");
    EXPECT_EQ(FileName(figures, true), "pulse-report-2026-W53.html");
    figures.period.until = At("2025-01-01");
    EXPECT_EQ(FileName(figures, true), "pulse-report-2025-W01.html");
}

TEST(ReportPage, HasEverySectionAndItsNumbers) {
    const std::string page = MakePage(SomeFigures());
    for (const std::string& section : SectionNames())
        EXPECT_NE(page.find("<section id=\"" + section + "\">"), std::string::npos) << section;
    EXPECT_NE(page.find("A release renamed an event."), std::string::npos);
    EXPECT_NE(page.find("pulse_report(&#39;2026-11-23 00:00:00+00&#39;, &#39;2026-11-30 00:00:00+00&#39;)"),
              std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(page.find("http://"), std::string::npos);
    EXPECT_EQ(page.find("https://"), std::string::npos);
}

TEST(ReportPage, IsBounded) {
    Figures figures = SomeFigures();
    IncidentFigures big = figures.incidents.rows[0];
    big.cause = std::string(300'000, '<');
    big.also.assign(200, {std::string(120, '<'), std::string(40, 'x')});
    figures.options.limit = 200;
    figures.incidents.rows.assign(200, big);
    figures.incidents.total = 412;
    const std::string page = MakePage(figures);
    EXPECT_LE(page.size(), kMostBytes);
    EXPECT_NE(page.find("and 362 more"), std::string::npos) << "50 of 200 rows fit";
}

TEST(ReportSql, IsQuoted) {
    Figures figures = SomeFigures();
    figures.options.title = "a'b\\c";
    figures.options.chosen = true;
    figures.options.segments = {"x"};
    EXPECT_EQ(CallText(figures),
              "SELECT pulse_report('2026-11-23 00:00:00+00', '2026-11-30 00:00:00+00', "
              "E'{\"segments\":[\"x\"],\"title\":\"a''b\\\\\\\\c\"}');");
}

TEST(ReportMail, HasTablesAndSaysWhereTheReportIs) {
    const Figures figures = SomeFigures();
    const MailBody body = MakeMailBody(figures, "pulse-report-2026-W48.html", 1000);
    EXPECT_EQ(body.subject, "Pulse report of shop, 2026-11-23 to 2026-11-29");
    EXPECT_NE(body.text.find("- buyers: 580, Change −42.0 %"), std::string::npos) << body.text;
    EXPECT_NE(body.html.find("<td"), std::string::npos);
    EXPECT_EQ(body.html.find("<svg"), std::string::npos);
    EXPECT_NE(body.text.find("attached as pulse-report-2026-W48.html"), std::string::npos);
    const MailBody large = MakeMailBody(figures, "", 6'000'000);
    EXPECT_NE(large.text.find("6,000,000 bytes, more than pulse.max_attachment"), std::string::npos);
    EXPECT_NE(large.text.find("psql -At -d shop -o report.html\nSELECT pulse_report("), std::string::npos);
    // Whoever copies it runs what is written, whatever the database is called.
    Figures named = SomeFigures();
    named.database = "it's; echo";
    EXPECT_NE(MakeMailBody(named, "", 6'000'000).text.find("psql -At -d 'it'\\''s; echo' -o report.html\n"),
              std::string::npos);
}

}  // namespace
}  // namespace pulse::report
