// Tables and marks of the page.
#include <algorithm>
#include <cmath>

#include "pulse/base/number.hpp"
#include "pulse/report/page.hpp"

namespace pulse::report {

namespace {

// The class of a word that says how bad something is.
const char* Tone(const std::string& word) {
    static const std::vector<std::pair<const char*, std::vector<const char*>>> tones = {
        {"badge critical", {"critical", "red", "unhealthy", "failing", "failed", "fell_short"}},
        {"badge high", {"high", "held"}},
        {"badge medium", {"medium", "yellow", "degraded", "partial", "paused", "at_risk", "pending"}},
        {"badge low", {"low"}},
        {"badge good",
         {"green", "healthy", "watched", "active", "sent", "completed", "resolved", "done", "go"}}};
    for (const auto& [tone, words] : tones)
        for (const char* each : words)
            if (word == each) return tone;
    return "badge";
}

}  // namespace

void OpenTable(HtmlWriter& html, const std::string& caption, const std::vector<std::string>& columns) {
    html.Open("div", {{"class", "wide"}}).Open("table").Element("caption", caption).Open("thead").Open("tr");
    for (const std::string& column : columns) {
        const bool number = column.starts_with("#");
        Attributes attributes = {{"scope", "col"}};
        if (number) attributes.push_back({"class", "number"});
        html.Element("th", number ? column.substr(1) : column, attributes);
    }
    html.Close().Close().Open("tbody");
}

void CloseTable(HtmlWriter& html) {
    html.Close().Close().Close();
}

void Cell(HtmlWriter& html, const std::string& text) {
    html.Element("td", text);
}

void NumberCell(HtmlWriter& html, const std::string& text) {
    html.Element("td", text, {{"class", "number"}});
}

void NameCell(HtmlWriter& html, const std::string& name) {
    html.Open("td", {{"class", "name"}}).Name(name).Close();
}

void Badge(HtmlWriter& html, const std::string& word) {
    std::string shown = word;
    std::replace(shown.begin(), shown.end(), '_', ' ');
    html.Element("span", shown, {{"class", Tone(word)}});
}

void BadgeCell(HtmlWriter& html, const std::string& word) {
    html.Open("td");
    if (!word.empty()) Badge(html, word);
    html.Close();
}

void More(HtmlWriter& html, int64_t more, const std::string& where) {
    if (more <= 0) return;
    html.Open("p", {{"class", "more"}})
        .Text("and " + Thousands(more) + " more: ")
        .Element("code", where)
        .Close();
}

bool Nothing(HtmlWriter& html, const std::string& hidden, int64_t total, const std::string& none) {
    if (!hidden.empty())
        html.Element("p", hidden, {{"class", "hidden"}});
    else if (total == 0)
        html.Element("p", none, {{"class", "none"}});
    return !hidden.empty() || total == 0;
}

void PointsTable(HtmlWriter& html, const Figures& figures, const std::string& caption,
                 const std::vector<Point>& points) {
    html.Open("details").Element("summary", "The numbers");
    OpenTable(html, caption, {"Time", "#Value"});
    for (const Point& point : points) {
        html.Open("tr");
        Cell(html, figures.Local(point.at));
        NumberCell(html, Thousands(std::llround(point.value)));
        html.Close();
    }
    CloseTable(html);
    html.Close();
}

}  // namespace pulse::report
