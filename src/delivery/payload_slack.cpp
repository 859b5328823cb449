// Slack's Block Kit. Text from users is in plain_text, which is not formatted; mrkdwn contains only our own
// text.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

constexpr size_t kHeader = 150, kText = 3000, kField = 2000, kFallback = 500;
constexpr size_t kMostBlocks = 50, kMostChars = 12'500;

json Plain(const std::string& text, size_t limit) {
    return {{"type", "plain_text"}, {"text", SlackText(text, limit)}, {"emoji", false}};
}

json Mrkdwn(const std::string& text) {
    return {{"type", "mrkdwn"}, {"text", text}, {"verbatim", true}};
}

json Section(json text) {
    return {{"type", "section"}, {"text", std::move(text)}};
}

std::string Date(Moment moment) {
    return "<!date^" + std::to_string(UnixTime(moment)) + "^{date_short_pretty} {time}|" +
           FormatMinute(moment) + ">";
}

// SQL between backticks; empty if it contains a backtick or is too long.
std::string CodeBlock(const std::string& sql, const char* marks) {
    if (sql.empty() || sql.find('`') != std::string::npos) return "";
    const std::string text = SlackText(sql, kText);
    return Units(text) > 2900 || Units(SlackText(sql, 2 * kText)) > Units(text) ? "" : marks + text + marks;
}

json Fields(const IncidentSummary& summary) {
    json fields = json::array();
    const auto add = [&](const std::string& label, const std::string& value) {
        if (!value.empty()) fields.push_back(Mrkdwn("*" + label + "*\n" + value));
    };
    const std::string now = Now(summary), change = Change(summary);
    add("Before", Before(summary));
    add("Now", now.empty() || change.empty() ? now : now + " (" + change + ")");
    if (summary.people_lost) add(Lost(summary), diagnosis::Thousands(*summary.people_lost));
    add("Since", Date(summary.since));
    if (summary.closed_at) add("Until", Date(*summary.closed_at));
    add("Severity", SlackText(summary.severity, 100));
    add("Status", SlackText(summary.status, 100));
    if (!summary.owner.empty()) fields.push_back(Plain("Owner\n" + summary.owner, kField));
    return fields;
}

void AddSection(json& blocks, const std::string& label, const std::string& text) {
    if (text.empty()) return;
    blocks.push_back(Section(Mrkdwn("*" + label + "*")));
    blocks.push_back(Section(Plain(text, 2500)));
}

std::string Bullets(const std::vector<std::string>& sentences) {
    std::string text;
    for (const std::string& sentence : sentences)
        text += (text.empty() ? "\xE2\x80\xA2 " : "\n\xE2\x80\xA2 ") + sentence;
    return text;
}

json OneBlocks(const Envelope& envelope, const IncidentSummary& summary) {
    json blocks = json::array();
    blocks.push_back(
        {{"type", "header"},
         {"text",
          Plain(std::string(Mark(summary)) + " " + Headline(envelope, {summary}, kHeader - 4), kHeader)}});
    const std::string remark = Remark(envelope, summary);
    if (!remark.empty()) blocks.push_back(Section(Plain(remark, kText)));
    blocks.push_back({{"type", "section"}, {"fields", Fields(summary)}});
    AddSection(blocks, "What changed",
               summary.what_changed.empty() ? summary.summary : Bullets(summary.what_changed));
    if (!IsOver(summary)) {
        const std::string confidence = Confidence(summary);
        AddSection(blocks, "Likely cause" + (confidence.empty() ? "" : " (" + confidence + ")"),
                   summary.cause);
        AddSection(blocks, "What to do first",
                   summary.advice + (summary.advice_reason.empty() ? "" : "\n" + summary.advice_reason));
        const std::string sql = summary.advice.empty() ? "" : CodeBlock(summary.advice_sql, "```");
        if (!sql.empty()) blocks.push_back(Section(Mrkdwn(sql)));
        const std::string acknowledge = CodeBlock(summary.acknowledge_sql, "`");
        if (summary.status == "open" && !acknowledge.empty())
            blocks.push_back(Section(Mrkdwn("*To acknowledge it* " + acknowledge)));
    }
    if (!summary.url.empty()) {
        json button = {{"type", "button"}, {"text", Plain("Open the incident", 75)}, {"url", summary.url}};
        blocks.push_back({{"type", "actions"}, {"elements", json::array({std::move(button)})}});
    }
    blocks.push_back({{"type", "divider"}});
    return blocks;
}

// Two blocks for each of several incidents.
json BriefBlocks(const IncidentSummary& summary) {
    std::string text = std::string(Mark(summary)) + " " +
                       diagnosis::Capitalized(IsOver(summary) ? summary.status : summary.severity) + ": " +
                       Title(summary);
    for (const std::string& line : {Figures(summary), IsOver(summary) ? "" : summary.cause})
        if (!line.empty()) text += "\n" + line;
    std::string foot = "Since " + Date(summary.since);
    const std::string acknowledge = CodeBlock(summary.acknowledge_sql, "`");
    if (summary.status == "open" && !acknowledge.empty()) foot += " \xC2\xB7 " + acknowledge;
    if (!summary.url.empty()) foot += " \xC2\xB7 <" + SlackText(summary.url, kText) + "|Open>";
    json blocks = json::array();
    blocks.push_back(Section(Plain(text, 900)));
    blocks.push_back({{"type", "context"}, {"elements", json::array({Mrkdwn(foot)})}});
    return blocks;
}

json SeveralBlocks(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    json blocks = json::array();
    blocks.push_back({{"type", "header"}, {"text", Plain(Headline(envelope, summaries, kHeader), kHeader)}});
    size_t shown = 0, chars = Units(DumpJson(blocks)) + 300;
    for (const IncidentSummary& summary : summaries) {
        const json brief = BriefBlocks(Shortened(summary, 2));
        chars += Units(DumpJson(brief));
        if (chars > kMostChars || blocks.size() + brief.size() + 2 > kMostBlocks) break;
        blocks.insert(blocks.end(), brief.begin(), brief.end());
        ++shown;
    }
    if (shown < summaries.size())
        blocks.push_back(Section(Plain("and " + std::to_string(summaries.size() - shown) + " more", kText)));
    blocks.push_back({{"type", "divider"}});
    return blocks;
}

}  // namespace

json SlackPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    json blocks;
    if (summaries.size() == 1) {
        for (int level = 0; level <= kShortest; ++level) {
            blocks = OneBlocks(envelope, Shortened(summaries[0], level));
            if (Units(DumpJson(blocks)) <= kMostChars) break;
        }
    } else {
        blocks = SeveralBlocks(envelope, summaries);
    }
    std::string fallback = Headline(envelope, summaries, kFallback);
    if (summaries.size() == 1 && !Figures(summaries[0]).empty()) fallback += ". " + Figures(summaries[0]);
    return {{"text", SlackText(fallback, kFallback)}, {"blocks", std::move(blocks)}};
}

}  // namespace pulse::delivery
