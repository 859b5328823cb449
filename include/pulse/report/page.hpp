// The report as one HTML file. Pure C++ and deterministic.
#pragma once

#include "pulse/report/figures.hpp"

namespace pulse::report {

// No file is larger: longer lists are cut to fewer rows, and the page says how many.
inline constexpr size_t kMostBytes = size_t{4} << 20;

// Complete HTML without script and without any reference to elsewhere.
std::string MakePage(const Figures& figures);

// ---- section*.cpp: the sections, each within its <section> ----
void AddSegments(HtmlWriter& html, const Figures& figures);
void AddIncidents(HtmlWriter& html, const Figures& figures);
void AddTables(HtmlWriter& html, const Figures& figures);
void AddEvents(HtmlWriter& html, const Figures& figures);
void AddAudiences(HtmlWriter& html, const Figures& figures);
void AddTrust(HtmlWriter& html, const Figures& figures);
void AddMessages(HtmlWriter& html, const Figures& figures);
void AddMission(HtmlWriter& html, const Figures& figures);
void AddSql(HtmlWriter& html, const Figures& figures);

// ---- table.cpp ----

// Begins a table that scrolls where it is too wide: OpenTable(html, "Segments", {"Segment", "#Size"}). A "#"
// marks a column of numbers.
void OpenTable(HtmlWriter& html, const std::string& caption, const std::vector<std::string>& columns);
void CloseTable(HtmlWriter& html);
void Cell(HtmlWriter& html, const std::string& text);
void NumberCell(HtmlWriter& html, const std::string& text);
void NameCell(HtmlWriter& html, const std::string& name);
// A colour with its word: of a severity, a state.
void Badge(HtmlWriter& html, const std::string& word);
void BadgeCell(HtmlWriter& html, const std::string& word);
// "and 412 more", if there are.
void More(HtmlWriter& html, int64_t more, const std::string& where);
// Says why there is no list; false if there is one.
bool Nothing(HtmlWriter& html, const std::string& hidden, int64_t total, const std::string& none);
// The same numbers as a chart, closed at first.
void PointsTable(HtmlWriter& html, const Figures& figures, const std::string& caption,
                 const std::vector<Point>& points);

}  // namespace pulse::report
