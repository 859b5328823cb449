// Segments and incidents.
#include <algorithm>

#include "pulse/base/number.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/report/page.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {

namespace {

// Charts of their own for the segments that need a look, or for the first ones.
constexpr size_t kMostCharts = 6;
// Far more than any diagnosis writes, and little enough for a page.
constexpr size_t kMostSentence = 1000, kMostSql = 4000;

Line LineOf(const Figures& figures, const SegmentFigures& segment) {
    Line line;
    line.title = "Size of " + Brief(segment.name, 100) + ": " + Count(segment.size_before) +
                 " before this period, " + Count(segment.size) + " at its end";
    if (segment.band) line.title += "; expected " + BandText(segment);
    line.points = segment.sizes;
    line.band = segment.band;
    // A young segment fills its chart, too.
    line.from = segment.sizes.empty() ? figures.period.before() : segment.sizes.front().at;
    line.until = figures.period.until;
    line.mark = figures.period.from;
    line.from_label = figures.LocalDay(line.from);
    line.until_label = figures.LocalDay(line.until);
    return line;
}

void SegmentRow(HtmlWriter& html, const Figures& figures, const SegmentFigures& segment) {
    html.Open("tr");
    html.Open("td", {{"class", "name"}}).Name(segment.name);
    if (!segment.owner.empty()) html.Open("small").Name(segment.owner, 60).Close();
    html.Close();
    NumberCell(html, Count(segment.size));
    html.Element("td", ChangeText(segment.change()),
                 {{"class", segment.outside() ? "number out" : "number"}});
    html.Element("td", BandText(segment), {{"class", "number"}});
    html.Open("td", {{"class", "trend"}});
    if (segment.sizes.size() > 1) DrawSparkline(html, LineOf(figures, segment));
    html.Close();
    html.Open("td");
    if (segment.incidents > 0) Badge(html, segment.worst);
    if (segment.incidents > 1) html.Text(" ×" + Thousands(segment.incidents));
    html.Close();
    BadgeCell(html, segment.state);
    html.Close();
}

void SegmentChart(HtmlWriter& html, const Figures& figures, const SegmentFigures& segment) {
    html.Open("div", {{"class", "card"}}).Open("h3").Name(segment.name).Close();
    DrawLine(html, LineOf(figures, segment));
    PointsTable(html, figures, "Size of " + Brief(segment.name, 100), segment.sizes);
    html.Close();
}

void Sentences(HtmlWriter& html, const std::string& label, const std::vector<std::string>& sentences) {
    bool first = true;
    for (const std::string& sentence : sentences) {
        if (sentence.empty()) continue;
        html.Open("p");
        if (first) html.Element("b", label + " ");
        first = false;
        html.Text(Brief(sentence, kMostSentence)).Close();
    }
}

void IncidentCard(HtmlWriter& html, const Figures& figures, const IncidentFigures& incident) {
    html.Open("div", {{"class", "card incident"}, {"id", "incident-" + std::to_string(incident.id)}});
    html.Open("h3");
    Badge(html, incident.severity);
    html.Text(" ").Name(incident.subject).Text(": " + IncidentText(incident)).Close();
    html.Open("p", {{"class", "facts"}});
    html.Text("Incident " + std::to_string(incident.id) + ", " + incident.status + ", opened " +
              figures.Local(incident.opened_at));
    if (incident.closed_at) html.Text(", closed " + figures.Local(*incident.closed_at));
    if (incident.baseline && incident.observed)
        html.Text("; expected " + ShortNumber(*incident.baseline) + ", found " +
                  ShortNumber(*incident.observed));
    html.Text(".").Close();
    Sentences(html,
              "What:", incident.what_changed.empty() ? std::vector{incident.summary} : incident.what_changed);
    if (!incident.cause.empty())
        Sentences(html,
                  "Why" + (incident.confidence ? " (" + RoundPercent(*incident.confidence) + " sure):"
                                               : std::string(":")),
                  {incident.cause});
    Sentences(html, "Next:", {incident.advice, incident.advice_reason});
    if (!incident.advice_sql.empty())
        html.Element("pre", Shorten(incident.advice_sql, kMostSql), {{"class", "sql"}});
    Sentences(html, "Then:", incident.then);
    if (!incident.also.empty()) {
        html.Open("p").Element("b", "The same cause: ");
        for (size_t i = 0; i < incident.also.size(); ++i) {
            html.Text(i == 0 ? "" : "; ")
                .Name(incident.also[i].first, 60)
                .Text(", " + incident.also[i].second);
        }
        html.Text(".").Close();
    }
    html.Close();
}

void IncidentRow(HtmlWriter& html, const Figures& figures, const IncidentFigures& incident) {
    html.Open("tr");
    NumberCell(html, std::to_string(incident.id));
    BadgeCell(html, incident.severity);
    NameCell(html, incident.subject);
    Cell(html, IncidentText(incident));
    BadgeCell(html, incident.status);
    Cell(html, figures.Local(incident.opened_at));
    Cell(html, incident.closed_at ? figures.Local(*incident.closed_at) : "");
    html.Close();
}

}  // namespace

void AddSegments(HtmlWriter& html, const Figures& figures) {
    const List<SegmentFigures>& segments = figures.segments;
    if (Nothing(html, segments.hidden, segments.total,
                "There are no segments. pulse_create_segment() makes one."))
        return;
    size_t charts = 0;
    html.Open("div", {{"class", "charts"}});
    for (const SegmentFigures& segment : segments.rows)
        if (charts < kMostCharts && segment.sizes.size() > 1 &&
            (segment.outside() || segment.incidents > 0)) {
            SegmentChart(html, figures, segment);
            ++charts;
        }
    html.Close();
    html.Element(
        "p",
        "Size: by the last snapshot of the period. Change: against the last one before it. Expected: the range of "
        "the segment's baseline, else what it was before the period, give or take the threshold of its alarm. The "
        "line shows this period and the one before, the shaded band what is expected; the dashed line is where this period begins.",
        {{"class", "note"}});
    OpenTable(html, "State of the segments, the worst first",
              {"Segment", "#Size", "#Change", "#Expected", "Trend", "Incidents", "State"});
    for (const SegmentFigures& segment : segments.rows) SegmentRow(html, figures, segment);
    CloseTable(html);
    More(html, segments.more(), "SELECT * FROM pulse.segment_overview;");
}

void AddIncidents(HtmlWriter& html, const Figures& figures) {
    const List<IncidentFigures>& incidents = figures.incidents;
    if (Nothing(html, incidents.hidden, incidents.total,
                "No incident was live in this period: everything that is watched was as expected."))
        return;
    size_t told = 0;
    for (const IncidentFigures& incident : incidents.rows)
        if (incident.diagnosed) {
            IncidentCard(html, figures, incident);
            told += 1 + incident.also.size();
        }
    if (!figures.sees_people)
        html.Element("p", "Causes and advice are shown from the level people_reader on.",
                     {{"class", "hidden"}});
    else if (told < incidents.rows.size())
        html.Open("p", {{"class", "note"}})
            .Text("The worst are explained here. For another one: ")
            .Element("code", "SELECT * FROM " + figures.verbs + "pulse_explain_incident(id);")
            .Close();
    OpenTable(html, "Incidents that were live or closed in this period, the worst first",
              {"#Id", "Severity", "About", "What", "Status", "Opened", "Closed"});
    for (const IncidentFigures& incident : incidents.rows) IncidentRow(html, figures, incident);
    CloseTable(html);
    More(html, incidents.more(), "SELECT * FROM pulse.incident ORDER BY opened_at DESC;");
}

}  // namespace pulse::report
