// Microsoft Teams: an Adaptive Card 1.4 for a Workflows webhook. Other people's words stand in text runs,
// which format nothing, or escaped.
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

constexpr size_t kMostCardBytes = 19'500;

const char* StyleOf(const IncidentSummary& story) {
    if (IsOver(story)) return "good";
    return Rank(story.severity) >= 2 ? "attention" : Rank(story.severity) == 1 ? "warning" : "accent";
}

const char* ColorOf(const IncidentSummary& story) {
    if (IsOver(story)) return "Good";
    return Rank(story.severity) >= 2 ? "Attention" : Rank(story.severity) == 1 ? "Warning" : "Accent";
}

json Run(const std::string& text) {
    return {{"type", "TextRun"}, {"text", text}};
}

json Rich(json inlines) {
    return {{"type", "RichTextBlock"}, {"inlines", std::move(inlines)}};
}

json Rich(const std::string& text) {
    return Rich(json::array({Run(text)}));
}

json CodeText(const std::string& sql) {
    json run = Run(sql);
    run["fontType"] = "Monospace";
    return Rich(json::array({std::move(run)}));
}

json Caption(const std::string& text) {
    return {
        {"type", "TextBlock"}, {"text", text}, {"weight", "Bolder"}, {"wrap", true}, {"spacing", "Medium"}};
}

json Banner(const std::string& text, const char* style, const char* color) {
    json title = {{"type", "TextBlock"}, {"text", CardText(text, 600)},
                  {"weight", "Bolder"},  {"size", "Medium"},
                  {"color", color},      {"wrap", true}};
    return {
        {"type", "Container"}, {"style", style}, {"bleed", true}, {"items", json::array({std::move(title)})}};
}

json FactSet(const IncidentSummary& story) {
    json facts = json::array();
    for (const auto& [title, value] : Facts(story))
        facts.push_back({{"title", title}, {"value", CardText(value, 500)}});
    return {{"type", "FactSet"}, {"facts", std::move(facts)}};
}

void AddTextBlock(json& body, const std::string& caption, const std::vector<std::string>& lines) {
    bool first = true;
    for (const std::string& line : lines) {
        if (line.empty()) continue;
        if (first) body.push_back(Caption(caption));
        first = false;
        body.push_back(Rich(lines.size() > 1 && caption == "What changed" ? "\xE2\x80\xA2 " + line : line));
    }
}

json OneBody(const Envelope& envelope, const IncidentSummary& story) {
    json body = json::array();
    body.push_back(Banner(Headline(envelope, {story}, 300), StyleOf(story), ColorOf(story)));
    const std::string remark = Remark(envelope, story);
    if (!remark.empty()) body.push_back(Rich(remark));
    body.push_back(FactSet(story));
    AddTextBlock(body, "What changed",
                 story.what_changed.empty() ? std::vector{story.summary} : story.what_changed);
    if (!IsOver(story)) {
        const std::string confidence = Confidence(story);
        AddTextBlock(body, "Likely cause" + (confidence.empty() ? "" : " (" + confidence + ")"),
                     {story.cause});
        AddTextBlock(body, "What to do first", {story.advice, story.advice_reason});
        if (!story.advice.empty() && !story.advice_sql.empty()) body.push_back(CodeText(story.advice_sql));
        if (story.status == "open" && !story.acknowledge_sql.empty()) {
            body.push_back(Caption("To acknowledge it"));
            body.push_back(CodeText(story.acknowledge_sql));
        }
    }
    return body;
}

json BriefBody(const IncidentSummary& story) {
    json items = json::array();
    json title = Run(diagnosis::Capitalized(IsOver(story) ? story.status : story.severity) + ": ");
    title["weight"] = "Bolder";
    title["color"] = ColorOf(story);
    items.push_back(Rich(json::array({std::move(title), Run(Title(story))})));
    const std::string figures = Figures(story);
    items.push_back(Rich((figures.empty() ? "" : figures + ", ") + "since " + PlainTime(story.since)));
    if (!IsOver(story) && !story.cause.empty()) items.push_back(Rich(story.cause));
    if (story.status == "open" && !story.acknowledge_sql.empty())
        items.push_back(CodeText(story.acknowledge_sql));
    return {{"type", "Container"}, {"separator", true}, {"items", std::move(items)}};
}

json SeveralBody(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    json body = json::array();
    body.push_back(Banner(Headline(envelope, stories, 300), StyleOf(stories[0]), ColorOf(stories[0])));
    size_t shown = 0, bytes = DumpJson(body).size() + 1'000;
    for (const IncidentSummary& story : stories) {
        json brief = BriefBody(Shortened(story, 2));
        bytes += DumpJson(brief).size() + 1;
        if (bytes > kMostCardBytes) break;
        body.push_back(std::move(brief));
        ++shown;
    }
    if (shown < stories.size())
        body.push_back(Rich("and " + std::to_string(stories.size() - shown) + " more"));
    return body;
}

json Card(json body, const std::string& url) {
    json content = {{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                    {"type", "AdaptiveCard"},
                    {"version", "1.4"},
                    {"msteams", {{"width", "Full"}}},
                    {"body", std::move(body)}};
    if (!url.empty())
        content["actions"] =
            json::array({{{"type", "Action.OpenUrl"}, {"title", "Open the incident"}, {"url", url}}});
    json attachment = {{"contentType", "application/vnd.microsoft.card.adaptive"},
                       {"contentUrl", nullptr},
                       {"content", std::move(content)}};
    return {{"type", "message"}, {"attachments", json::array({std::move(attachment)})}};
}

}  // namespace

json TeamsPayload(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    if (stories.empty()) return Card(json::array({Rich(Headline(envelope, stories, 300))}), "");
    if (stories.size() > 1) return Card(SeveralBody(envelope, stories), "");
    json card;
    for (int level = 0; level <= kShortest; ++level) {
        const IncidentSummary story = Shortened(stories[0], level);
        card = Card(OneBody(envelope, story), story.url);
        if (DumpJson(card).size() <= kMostCardBytes) break;
    }
    return card;
}

}  // namespace pulse::delivery
