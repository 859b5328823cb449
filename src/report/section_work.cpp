// Trust, messages, the mission, and how the report was made.
#include "pulse/base/number.hpp"
#include "pulse/report/page.hpp"
#include "pulse/report/sql.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {

namespace {

void HealthChart(HtmlWriter& html, const Figures& figures) {
    if (figures.health_days.empty()) return;
    std::vector<Bar> bars;
    for (const HealthDay& day : figures.health_days)
        bars.push_back({day.day.size() == 10 ? day.day.substr(5) : day.day, day.score});
    html.Open("div", {{"class", "card"}}).Element("h3", "Trust score by day");
    DrawBars(html, "Trust score by day, from 0 to 100", bars);
    html.Open("details").Element("summary", "The numbers");
    OpenTable(html, "Trust score by day (UTC)", {"Day", "#Score", "#Lowest", "Status"});
    for (const HealthDay& day : figures.health_days) {
        html.Open("tr");
        Cell(html, day.day);
        NumberCell(html, ShortNumber(day.score));
        NumberCell(html, ShortNumber(day.lowest));
        BadgeCell(html, day.status);
        html.Close();
    }
    CloseTable(html);
    html.Close().Close();
}

void ActionQueue(HtmlWriter& html, const Figures& figures) {
    html.Element("h3", "Queue of actions");
    const List<ActionFigures>& actions = figures.actions;
    if (Nothing(html, actions.hidden, actions.total, "No action waits.")) return;
    OpenTable(html, "Actions that wait, the oldest first",
              {"#Id", "Action", "Subject", "Risk", "State", "Waits for", "Since"});
    for (const ActionFigures& action : actions.rows) {
        html.Open("tr");
        NumberCell(html, std::to_string(action.id));
        NameCell(html, action.name);
        NameCell(html, action.subject);
        Cell(html, action.risk);
        BadgeCell(html, action.state);
        Cell(html, action.needs);
        Cell(html, figures.Local(action.created_at));
        html.Close();
    }
    CloseTable(html);
    More(html, actions.more(), "SELECT * FROM pulse.action WHERE state = 'pending';");
}

void Campaigns(HtmlWriter& html, const Figures& figures) {
    html.Element("h3", "Campaigns");
    const List<CampaignFigures>& campaigns = figures.campaigns;
    if (Nothing(html, campaigns.hidden, campaigns.total,
                "No campaign was planned for this period or the next days."))
        return;
    OpenTable(html, "Campaigns of this period and those that come",
              {"Campaign", "Segment", "When", "State", "#Planned", "#Reach", "#Reached", "Saved"});
    for (const CampaignFigures& campaign : campaigns.rows) {
        html.Open("tr");
        NameCell(html, campaign.name);
        NameCell(html, campaign.segment);
        Cell(html, figures.Local(campaign.at));
        BadgeCell(html, campaign.status);
        NumberCell(html, Thousands(campaign.planned));
        NumberCell(html, Count(campaign.reach));
        NumberCell(html, Count(campaign.reached));
        Cell(html, campaign.saved ? "by a warning" : "");
        html.Close();
    }
    CloseTable(html);
    More(html, campaigns.more(), "SELECT * FROM pulse.campaign_overview;");
}

}  // namespace

void AddTrust(HtmlWriter& html, const Figures& figures) {
    if (!figures.health_hidden.empty()) {
        html.Element("p", figures.health_hidden, {{"class", "hidden"}});
    } else if (figures.health_status.empty()) {
        html.Element("p", "No trust score is kept: nothing has recorded a signal or asked for a decision.",
                     {{"class", "none"}});
    } else {
        html.Open("p").Text("The trust score of everything is ");
        html.Element("b", figures.health_score ? ShortNumber(*figures.health_score) : "unknown").Text(" ");
        Badge(html, figures.health_status);
        html.Text(".").Close();
        for (const std::string& issue : figures.health_issues) html.Element("p", Brief(issue, 300));
    }
    HealthChart(html, figures);
    ActionQueue(html, figures);
}

void AddMessages(HtmlWriter& html, const Figures& figures) {
    const List<MessageFigures>& messages = figures.messages;
    if (Nothing(html, messages.hidden, messages.total, "No message was written in this period.")) return;
    OpenTable(html, "Messages of this period by channel",
              {"Channel", "#Sent", "#Failed", "#Waiting", "#Cancelled", "Last error"});
    for (const MessageFigures& channel : messages.rows) {
        html.Open("tr");
        NameCell(html, channel.channel);
        NumberCell(html, Thousands(channel.sent));
        html.Element("td", Thousands(channel.failed),
                     {{"class", channel.failed > 0 ? "number out" : "number"}});
        NumberCell(html, Thousands(channel.waiting));
        NumberCell(html, Thousands(channel.cancelled));
        Cell(html, Brief(channel.error, 200));
        html.Close();
    }
    CloseTable(html);
    More(html, messages.more(), "SELECT * FROM pulse.message ORDER BY id DESC;");
}

void AddMission(HtmlWriter& html, const Figures& figures) {
    const MissionFigures& mission = figures.mission;
    if (!mission.hidden.empty()) {
        html.Element("p", mission.hidden, {{"class", "hidden"}});
    } else {
        OpenTable(html, "What Pulse is for", {"Figure", "#Value"});
        const std::vector<std::pair<std::string, std::string>> rows = {
            {"Segments that are watched", Thousands(mission.monitored) + " of " +
                                              Thousands(mission.segments) +
                                              (mission.share ? " (" + Percent(*mission.share) + ")" : "")},
            {"Median time from the start of a drift to its detection",
             mission.lead_time ? SpanText(*mission.lead_time) : "–"},
            {"Campaigns finished", Thousands(mission.finished)},
            {"Campaigns that fell short", Thousands(mission.fell_short)},
            {"Campaigns warned of in time", Thousands(mission.warned)},
            {"Campaigns saved by a warning", Thousands(mission.saved)}};
        for (const auto& [what, value] : rows) {
            html.Open("tr");
            Cell(html, what);
            NumberCell(html, value);
            html.Close();
        }
        CloseTable(html);
    }
    Campaigns(html, figures);
}

void AddSql(HtmlWriter& html, const Figures& figures) {
    html.Element("p",
                 "These statements show where the figures come from. They were read as the role " +
                     Brief(figures.role, 63) +
                     ", in one snapshot of the database. Copy them to look further.",
                 {{"class", "note"}});
    for (const auto& [what, sql] : HowItWasMade(figures)) {
        html.Element("h3", what);
        html.Element("pre", sql, {{"class", "sql"}});
    }
}

}  // namespace pulse::report
