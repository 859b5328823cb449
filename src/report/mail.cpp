#include "pulse/report/mail.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/base/number.hpp"
#include "pulse/report/sql.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {

namespace {

constexpr size_t kMostMailRows = 10;

// One table of the mail, for both of its forms.
struct MailTable {
    std::string heading;
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
    int64_t more = 0;
};

MailTable SegmentsOf(const Figures& figures) {
    MailTable table{"Segments", {"Segment", "Size", "Change", "Expected", "Incidents"}, {}, 0};
    for (const SegmentFigures& segment : figures.segments.rows) {
        if (table.rows.size() == kMostMailRows) break;
        table.rows.push_back(
            {Brief(segment.name, 60), Count(segment.size), ChangeText(segment.change()), BandText(segment),
             segment.incidents > 0 ? Thousands(segment.incidents) + " (" + segment.worst + ")" : ""});
    }
    table.more = figures.segments.total - static_cast<int64_t>(table.rows.size());
    return table;
}

MailTable IncidentsOf(const Figures& figures) {
    MailTable table{"Incidents", {"Severity", "About", "What", "Status", "Next"}, {}, 0};
    for (const IncidentFigures& incident : figures.incidents.rows) {
        if (table.rows.size() == kMostMailRows) break;
        table.rows.push_back({incident.severity, Brief(incident.subject, 60), IncidentText(incident),
                              incident.status, Brief(incident.live() ? incident.advice : "", 200)});
    }
    table.more = figures.incidents.total - static_cast<int64_t>(table.rows.size());
    return table;
}

MailTable TablesOf(const Figures& figures) {
    MailTable table{"Tables", {"Table", "State", "What"}, {}, 0};
    for (const TableFigures& each : figures.tables.rows) {
        if (table.rows.size() == kMostMailRows) break;
        if (each.state != "green")
            table.rows.push_back({Brief(each.table, 60), each.state, Brief(each.what, 200)});
    }
    return table;
}

MailTable MissionOf(const Figures& figures) {
    MailTable table{"Figures", {"Figure", "Value"}, {}, 0};
    const MissionFigures& mission = figures.mission;
    if (figures.options.Has("mission") && mission.hidden.empty()) {
        table.rows.push_back(
            {"Segments watched", Thousands(mission.monitored) + " of " + Thousands(mission.segments)});
        if (mission.lead_time)
            table.rows.push_back({"From drift to detection", SpanText(*mission.lead_time)});
        table.rows.push_back({"Campaigns that fell short", Thousands(mission.fell_short)});
        table.rows.push_back({"Campaigns saved by a warning", Thousands(mission.saved)});
    }
    if (figures.options.Has("trust") && figures.health_score)
        table.rows.push_back(
            {"Trust score", ShortNumber(*figures.health_score) + " (" + figures.health_status + ")"});
    if (figures.options.Has("trust") && figures.actions.hidden.empty())
        table.rows.push_back({"Actions that wait", Thousands(figures.actions.total)});
    return table;
}

std::vector<MailTable> MailTables(const Figures& figures) {
    std::vector<MailTable> tables;
    if (figures.options.Has("segments")) tables.push_back(SegmentsOf(figures));
    if (figures.options.Has("incidents")) tables.push_back(IncidentsOf(figures));
    if (figures.options.Has("tables")) tables.push_back(TablesOf(figures));
    tables.push_back(MissionOf(figures));
    std::erase_if(tables, [](const MailTable& table) { return table.rows.empty(); });
    return tables;
}

// A name as one word of a shell, whatever characters it has.
std::string ShellWord(const std::string& name) {
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return IsLetter(c) || IsDigit(c) || c == '_' || c == '.';
    });
    if (plain) return name;
    std::string word = "'";
    for (const char c : name) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return word + "'";
}

// psql of this report, for a mail that could not take it.
std::string PsqlText(const Figures& figures) {
    return "psql -At -d " + ShellWord(Brief(figures.database, 63)) + " -o report.html\n" + CallText(figures);
}

std::string LeftOut(size_t bytes) {
    return "The report is too large to be attached: it has " + Thousands(static_cast<int64_t>(bytes)) +
           " bytes, more than pulse.max_attachment allows. To make it:";
}

std::string TextTable(const MailTable& table) {
    std::string text = "\n" + table.heading + "\n";
    for (const std::vector<std::string>& row : table.rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i)
            if (!row[i].empty())
                line += (line.empty() ? ""
                         : i == 1     ? ": "
                                      : ", ") +
                        (i > 1 ? table.columns[i] + " " + row[i] : row[i]);
        text += "- " + line + "\n";
    }
    if (table.more > 0) text += "- and " + Thousands(table.more) + " more\n";
    return text;
}

void HtmlTable(HtmlWriter& html, const MailTable& table) {
    const std::string cell =
        "padding:6px 14px 6px 0;border-bottom:1px solid #E3E7EC;vertical-align:top;text-align:left";
    html.Element("h2", table.heading, {{"style", "font-size:16px;margin:20px 0 6px"}});
    html.Open("table", {{"style", "border-collapse:collapse;font-size:14px;width:100%"}}).Open("tr");
    for (const std::string& column : table.columns)
        html.Element("th", column, {{"style", cell + ";color:#5B6774;font-size:12px"}});
    html.Close();
    for (const std::vector<std::string>& row : table.rows) {
        html.Open("tr");
        for (const std::string& value : row) html.Element("td", value, {{"style", cell}});
        html.Close();
    }
    html.Close();
    if (table.more > 0)
        html.Element("p", "and " + Thousands(table.more) + " more",
                     {{"style", "color:#5B6774;font-size:13px"}});
}

std::string HtmlBody(const Figures& figures, const std::string& file, size_t bytes) {
    HtmlWriter html;
    html.Doctype().Open("html", {{"lang", "en"}}).Open("head");
    html.Void("meta", {{"charset", "utf-8"}}).Element("title", TitleOf(figures)).Close();
    html.Open("body", {{"style",
                        "margin:0;padding:24px;background:#FFFFFF;color:#15202B;font-family:Arial,Helvetica,"
                        "sans-serif;font-size:14px;line-height:1.45"}});
    html.Open("div", {{"style", "max-width:680px"}});
    html.Element("h1", TitleOf(figures), {{"style", "font-size:22px;margin:0 0 4px"}});
    html.Element("p", PeriodText(figures), {{"style", "color:#5B6774;font-size:13px;margin:0 0 14px"}});
    html.Element("p", Headline(figures), {{"style", "font-size:16px;font-weight:bold;margin:0 0 6px"}});
    html.Element("p", ChangeSentence(figures), {{"style", "margin:0 0 6px"}});
    for (const MailTable& table : MailTables(figures)) HtmlTable(html, table);
    if (file.empty()) {
        html.Element("p", LeftOut(bytes), {{"style", "margin:20px 0 6px"}});
        html.Element("pre", PsqlText(figures),
                     {{"style", "background:#F3F4F6;padding:8px;white-space:pre-wrap;font-size:12px"}});
    } else {
        html.Element("p", "The whole report, with charts and causes, is attached as " + file + ".",
                     {{"style", "margin:20px 0 6px"}});
    }
    html.Close().Close().Close();
    return html.Take();
}

}  // namespace

MailBody MakeMailBody(const Figures& figures, const std::string& file, size_t bytes) {
    MailBody body;
    body.subject = Brief(TitleOf(figures), 100) + ", " + figures.LocalDay(figures.period.from) + " to " +
                   figures.LocalDay(figures.period.until - 1);
    body.text = TitleOf(figures) + "\n" + PeriodText(figures) + "\n\n" + Headline(figures) + "\n" +
                ChangeSentence(figures) + "\n";
    for (const MailTable& table : MailTables(figures)) body.text += TextTable(table);
    body.text += "\n" +
                 (file.empty() ? LeftOut(bytes) + "\n" + PsqlText(figures)
                               : "The whole report, with charts and causes, is attached as " + file + ".") +
                 "\n";
    body.text = PlainText(body.text);
    body.html = HtmlBody(figures, file, bytes);
    return body;
}

std::string ShortText(const Figures& figures) {
    std::string text = PeriodText(figures) + "\n" + Headline(figures) + "\n" + ChangeSentence(figures);
    const MailTable segments = SegmentsOf(figures);
    for (size_t i = 0; i < std::min<size_t>(segments.rows.size(), 5); ++i)
        text += "\n" + segments.rows[i][0] + ": " + segments.rows[i][1] + ", " + segments.rows[i][2];
    return PlainText(text) + "\nThe whole report: " + CallText(figures);
}

}  // namespace pulse::report
