// Microsoft Teams: an Adaptive Card 1.4 for a Workflows webhook. Text from users is in text runs, which are
// not formatted, or escaped.
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

constexpr size_t kMostCardBytes = 19'500;

const char* StyleOf(const IncidentSummary& summary) {
    if (IsOver(summary)) return "good";
    return Rank(summary.severity) >= 2 ? "attention" : Rank(summary.severity) == 1 ? "warning" : "accent";
}

const char* ColorOf(const IncidentSummary& summary) {
    if (IsOver(summary)) return "Good";
    return Rank(summary.severity) >= 2 ? "Attention" : Rank(summary.severity) == 1 ? "Warning" : "Accent";
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

json FactSet(const IncidentSummary& summary) {
    json facts = json::array();
    for (const auto& [title, value] : Facts(summary))
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

json OneBody(const Envelope& envelope, const IncidentSummary& summary) {
    json body = json::array();
    body.push_back(Banner(Headline(envelope, {summary}, 300), StyleOf(summary), ColorOf(summary)));
    const std::string remark = Remark(envelope, summary);
    if (!remark.empty()) body.push_back(Rich(remark));
    body.push_back(FactSet(summary));
    AddTextBlock(body, "What changed",
                 summary.what_changed.empty() ? std::vector{summary.summary} : summary.what_changed);
    if (!IsOver(summary)) {
        const std::string confidence = Confidence(summary);
        AddTextBlock(body, "Likely cause" + (confidence.empty() ? "" : " (" + confidence + ")"),
                     {summary.cause});
        AddTextBlock(body, "What to do first", {summary.advice, summary.advice_reason});
        if (!summary.advice.empty() && !summary.advice_sql.empty())
            body.push_back(CodeText(summary.advice_sql));
        if (summary.status == "open" && !summary.acknowledge_sql.empty()) {
            body.push_back(Caption("To acknowledge it"));
            body.push_back(CodeText(summary.acknowledge_sql));
        }
    }
    return body;
}

json BriefBody(const IncidentSummary& summary) {
    json items = json::array();
    json title = Run(diagnosis::Capitalized(IsOver(summary) ? summary.status : summary.severity) + ": ");
    title["weight"] = "Bolder";
    title["color"] = ColorOf(summary);
    items.push_back(Rich(json::array({std::move(title), Run(Title(summary))})));
    const std::string figures = Figures(summary);
    items.push_back(Rich((figures.empty() ? "" : figures + ", ") + "since " + FormatMinute(summary.since)));
    if (!IsOver(summary) && !summary.cause.empty()) items.push_back(Rich(summary.cause));
    if (summary.status == "open" && !summary.acknowledge_sql.empty())
        items.push_back(CodeText(summary.acknowledge_sql));
    return {{"type", "Container"}, {"separator", true}, {"items", std::move(items)}};
}

json SeveralBody(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    json body = json::array();
    body.push_back(Banner(Headline(envelope, summaries, 300), StyleOf(summaries[0]), ColorOf(summaries[0])));
    size_t shown = 0, bytes = DumpJson(body).size() + 1'000;
    for (const IncidentSummary& summary : summaries) {
        json brief = BriefBody(Shortened(summary, 2));
        bytes += DumpJson(brief).size() + 1;
        if (bytes > kMostCardBytes) break;
        body.push_back(std::move(brief));
        ++shown;
    }
    if (shown < summaries.size())
        body.push_back(Rich("and " + std::to_string(summaries.size() - shown) + " more"));
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

json TeamsPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    if (summaries.empty()) return Card(json::array({Rich(Headline(envelope, summaries, 300))}), "");
    if (summaries.size() > 1) return Card(SeveralBody(envelope, summaries), "");
    json card;
    for (int level = 0; level <= kShortest; ++level) {
        const IncidentSummary summary = Shortened(summaries[0], level);
        card = Card(OneBody(envelope, summary), summary.url);
        if (DumpJson(card).size() <= kMostCardBytes) break;
    }
    return card;
}

}  // namespace pulse::delivery
