// Tables, events and audiences.
#include "pulse/base/number.hpp"
#include "pulse/report/page.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {

namespace {

std::optional<double> Relative(int64_t now, int64_t before) {
    if (before == 0) return std::nullopt;
    return static_cast<double>(now) / static_cast<double>(before) - 1;
}

std::string MatchText(const AudienceFigures& audience) {
    if (!audience.match_low) return "–";
    const double high = audience.match_high.value_or(*audience.match_low);
    return high - *audience.match_low < 0.0005 ? Percent(high)
                                               : Percent(*audience.match_low) + " to " + Percent(high);
}

void DayBars(HtmlWriter& html, const Figures& figures) {
    if (figures.event_days.empty()) return;
    std::vector<Bar> bars;
    for (const DayFigures& day : figures.event_days)
        bars.push_back({day.day.size() == 10 ? day.day.substr(5) : day.day, static_cast<double>(day.events)});
    html.Open("div", {{"class", "card"}}).Element("h3", "Events by day");
    DrawBars(html, "Events by day: " + Thousands(figures.events_total) + " in this period", bars);
    html.Open("details").Element("summary", "The numbers");
    OpenTable(html, "Events by day (" + figures.zone + ")", {"Day", "#Events"});
    for (const DayFigures& day : figures.event_days) {
        html.Open("tr");
        Cell(html, day.day);
        NumberCell(html, Thousands(day.events));
        html.Close();
    }
    CloseTable(html);
    html.Close().Close();
}

}  // namespace

void AddTables(HtmlWriter& html, const Figures& figures) {
    const List<TableFigures>& tables = figures.tables;
    if (Nothing(html, tables.hidden, tables.total,
                "No table is watched. pulse_monitor_table() watches freshness, volume and schema."))
        return;
    const auto& [red, yellow, unknown, green] = figures.tables_by_state;
    html.Element("p", Thousands(red) + " red, " + Thousands(yellow) + " yellow, " + Thousands(unknown) +
                          " unknown, " + Thousands(green) + " green.");
    OpenTable(html, "Watched tables, the worst first",
              {"Table", "State", "What", "#Incidents", "#Checks", "Last check"});
    for (const TableFigures& table : tables.rows) {
        html.Open("tr");
        html.Open("td", {{"class", "name"}}).Name(table.table);
        if (!table.source.empty()) html.Open("small").Name(table.source, 60).Close();
        html.Close();
        BadgeCell(html, table.state);
        Cell(html, Brief(table.what, 300));
        NumberCell(html, Thousands(table.incidents));
        NumberCell(html, Thousands(table.checks));
        Cell(html, table.last_check ? figures.Local(*table.last_check) : "");
        html.Close();
    }
    CloseTable(html);
    More(html, tables.more(), "SELECT * FROM pulse.table_overview;");
}

void AddEvents(HtmlWriter& html, const Figures& figures) {
    const List<EventFigures>& events = figures.events;
    if (Nothing(html, events.hidden, events.total, "No event came in, in this period or in the one before."))
        return;
    html.Element("p", Thousands(figures.events_total) + " events in this period, " +
                          Thousands(figures.events_before) + " in the one before (" +
                          ChangeText(Relative(figures.events_total, figures.events_before)) + ").");
    DayBars(html, figures);
    if (!figures.quality_note.empty()) html.Element("p", figures.quality_note, {{"class", "note"}});
    OpenTable(html, "Events by name, the most frequent first",
              {"Event", "#Events", "#Before", "#Change", "#Quality", "Band"});
    for (const EventFigures& event : events.rows) {
        html.Open("tr");
        NameCell(html, event.event);
        NumberCell(html, Thousands(event.events));
        NumberCell(html, Thousands(event.before));
        NumberCell(html, event.before == 0 ? "new" : ChangeText(Relative(event.events, event.before)));
        NumberCell(html, event.quality ? ShortNumber(*event.quality) : "–");
        Cell(html, event.band);
        html.Close();
    }
    CloseTable(html);
    More(html, events.more(), "SELECT * FROM pulse.events_by_day;");
}

void AddAudiences(HtmlWriter& html, const Figures& figures) {
    const List<AudienceFigures>& audiences = figures.audiences;
    if (Nothing(html, audiences.hidden, audiences.total, "No audience is kept on another platform.")) return;
    OpenTable(
        html, "Audiences on other platforms",
        {"Audience", "Segment", "Destination", "State", "#Sent", "#Can be sent", "#Match rate", "Last sync"});
    for (const AudienceFigures& audience : audiences.rows) {
        html.Open("tr");
        NameCell(html, audience.name);
        NameCell(html, audience.segment);
        NameCell(html, audience.destination);
        BadgeCell(html, audience.last_status == "failed" ? audience.last_status : audience.status);
        NumberCell(html, Count(audience.sent));
        NumberCell(html,
                   audience.members ? Count(audience.matchable) + " of " + Count(audience.members) : "–");
        NumberCell(html, MatchText(audience));
        Cell(html, audience.last_sync ? figures.Local(*audience.last_sync) : "never");
        html.Close();
    }
    CloseTable(html);
    More(html, audiences.more(), "SELECT * FROM pulse.audience_overview;");
}

}  // namespace pulse::report
