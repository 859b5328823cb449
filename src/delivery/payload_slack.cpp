// Slack's Block Kit. Other people's words stand in plain_text, which formats nothing; mrkdwn holds only our
// own.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
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
    return "<!date^" + std::to_string(UnixTime(moment)) + "^{date_short_pretty} {time}|" + PlainTime(moment) +
           ">";
}

// A piece of SQL between backticks; nothing when it holds one itself or is too long.
std::string CodeBlock(const std::string& sql, const char* marks) {
    if (sql.empty() || sql.find('`') != std::string::npos) return "";
    const std::string text = SlackText(sql, kText);
    return Units(text) > 2900 || Units(SlackText(sql, 2 * kText)) > Units(text) ? "" : marks + text + marks;
}

json Fields(const IncidentSummary& story) {
    json fields = json::array();
    const auto add = [&](const char* label, const std::string& value) {
        if (!value.empty()) fields.push_back(Mrkdwn("*" + std::string(label) + "*\n" + value));
    };
    const std::string now = Now(story), change = Change(story);
    add("Before", Before(story));
    add("Now", now.empty() || change.empty() ? now : now + " (" + change + ")");
    if (story.people_lost) add("People lost", diagnosis::Thousands(*story.people_lost));
    add("Since", Date(story.since));
    if (story.closed_at) add("Until", Date(*story.closed_at));
    add("Severity", SlackText(story.severity, 100));
    add("Status", SlackText(story.status, 100));
    if (!story.owner.empty()) fields.push_back(Plain("Owner\n" + story.owner, kField));
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

json OneBlocks(const Envelope& envelope, const IncidentSummary& story) {
    json blocks = json::array();
    blocks.push_back(
        {{"type", "header"},
         {"text",
          Plain(std::string(Mark(story)) + " " + Headline(envelope, {story}, kHeader - 4), kHeader)}});
    const std::string remark = Remark(envelope, story);
    if (!remark.empty()) blocks.push_back(Section(Plain(remark, kText)));
    blocks.push_back({{"type", "section"}, {"fields", Fields(story)}});
    AddSection(blocks, "What changed",
               story.what_changed.empty() ? story.summary : Bullets(story.what_changed));
    if (!IsOver(story)) {
        const std::string confidence = Confidence(story);
        AddSection(blocks, "Likely cause" + (confidence.empty() ? "" : " (" + confidence + ")"), story.cause);
        AddSection(blocks, "What to do first",
                   story.advice + (story.advice_reason.empty() ? "" : "\n" + story.advice_reason));
        const std::string sql = story.advice.empty() ? "" : CodeBlock(story.advice_sql, "```");
        if (!sql.empty()) blocks.push_back(Section(Mrkdwn(sql)));
        const std::string acknowledge = CodeBlock(story.acknowledge_sql, "`");
        if (story.status == "open" && !acknowledge.empty())
            blocks.push_back(Section(Mrkdwn("*To acknowledge it* " + acknowledge)));
    }
    if (!story.url.empty()) {
        json button = {{"type", "button"}, {"text", Plain("Open the incident", 75)}, {"url", story.url}};
        blocks.push_back({{"type", "actions"}, {"elements", json::array({std::move(button)})}});
    }
    blocks.push_back({{"type", "divider"}});
    return blocks;
}

// Two blocks for each of several.
json BriefBlocks(const IncidentSummary& story) {
    std::string text = std::string(Mark(story)) + " " +
                       diagnosis::Capitalized(IsOver(story) ? story.status : story.severity) + ": " +
                       Title(story);
    for (const std::string& line : {Figures(story), IsOver(story) ? "" : story.cause})
        if (!line.empty()) text += "\n" + line;
    std::string foot = "Since " + Date(story.since);
    const std::string acknowledge = CodeBlock(story.acknowledge_sql, "`");
    if (story.status == "open" && !acknowledge.empty()) foot += " \xC2\xB7 " + acknowledge;
    if (!story.url.empty()) foot += " \xC2\xB7 <" + SlackText(story.url, kText) + "|Open>";
    json blocks = json::array();
    blocks.push_back(Section(Plain(text, 900)));
    blocks.push_back({{"type", "context"}, {"elements", json::array({Mrkdwn(foot)})}});
    return blocks;
}

json SeveralBlocks(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    json blocks = json::array();
    blocks.push_back({{"type", "header"}, {"text", Plain(Headline(envelope, stories, kHeader), kHeader)}});
    size_t shown = 0, chars = Units(DumpJson(blocks)) + 300;
    for (const IncidentSummary& story : stories) {
        const json brief = BriefBlocks(Shortened(story, 2));
        chars += Units(DumpJson(brief));
        if (chars > kMostChars || blocks.size() + brief.size() + 2 > kMostBlocks) break;
        blocks.insert(blocks.end(), brief.begin(), brief.end());
        ++shown;
    }
    if (shown < stories.size())
        blocks.push_back(Section(Plain("and " + std::to_string(stories.size() - shown) + " more", kText)));
    blocks.push_back({{"type", "divider"}});
    return blocks;
}

}  // namespace

json SlackPayload(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    json blocks;
    if (stories.size() == 1) {
        for (int level = 0; level <= kShortest; ++level) {
            blocks = OneBlocks(envelope, Shortened(stories[0], level));
            if (Units(DumpJson(blocks)) <= kMostChars) break;
        }
    } else {
        blocks = SeveralBlocks(envelope, stories);
    }
    std::string fallback = Headline(envelope, stories, kFallback);
    if (stories.size() == 1 && !Figures(stories[0]).empty()) fallback += ". " + Figures(stories[0]);
    return {{"text", SlackText(fallback, kFallback)}, {"blocks", std::move(blocks)}};
}

}  // namespace pulse::delivery
