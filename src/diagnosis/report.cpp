// The diagnosis as JSON and as lines of text.
#include <cmath>
#include <set>

#include "pulse/diagnosis/diagnosis.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

using nlohmann::json;

// A confidence has no more than three significant decimals; rounding gives the same text on every machine.
double Rounded(double number) {
    return std::isfinite(number) ? std::round(number * 1000) / 1000 : 0;
}

const char* Likely(double confidence) {
    if (confidence >= 0.85) return "very likely";
    if (confidence >= 0.6) return "likely";
    if (confidence >= 0.35) return "possible";
    return "a guess";
}

json ToJson(const Hypothesis& hypothesis) {
    json object{{"cause", Name(hypothesis.cause)},
                {"confidence", Rounded(hypothesis.confidence)},
                {"sentence", hypothesis.sentence},
                {"evidence", hypothesis.evidence}};
    const RecommendationSubject& subject = hypothesis.subject;
    if (!subject.attribute.empty()) object["attribute"] = subject.attribute;
    if (!subject.values.empty()) object["values"] = subject.values;
    if (!subject.replacements.empty()) object["replacements"] = subject.replacements;
    for (const Condition& condition : subject.conditions)
        object["conditions"].push_back({{"attribute", condition.attribute}, {"values", condition.values}});
    if (!subject.clause.empty()) object["clause"] = subject.clause;
    if (subject.people > 0) object["people"] = subject.people;
    return object;
}

void Append(std::vector<std::string>& lines, const std::vector<std::string>& more) {
    lines.insert(lines.end(), more.begin(), more.end());
}

// The hypotheses to show: the best, and others only when they are likely enough and add something.
std::vector<Hypothesis> ShownHypotheses(const Diagnosis& diagnosis) {
    constexpr double kMinConfidenceShown = 0.2;
    std::vector<Hypothesis> shown;
    for (const Hypothesis& hypothesis : diagnosis.hypotheses)
        if (shown.empty() || (hypothesis.confidence >= kMinConfidenceShown &&
                              !shown.front().sentence.ends_with(hypothesis.sentence)))
            shown.push_back(hypothesis);
    return shown;
}

void AppendHypotheses(const std::vector<Hypothesis>& shown, size_t width, std::vector<std::string>& lines) {
    lines.push_back("Likely causes");
    for (size_t i = 0; i < shown.size(); ++i) {
        const Hypothesis& hypothesis = shown[i];
        std::string text = hypothesis.sentence + " (" + Likely(hypothesis.confidence) + ", " +
                           Percent(hypothesis.confidence);
        if (!hypothesis.evidence.empty()) {
            text += "; evidence ";
            for (size_t e = 0; e < hypothesis.evidence.size(); ++e)
                text += (e ? ", " : "") + hypothesis.evidence[e];
        }
        Append(lines, Wrap(text + ")", width, "  " + std::to_string(i + 1) + ". ", "     "));
    }
}

// Only the cited evidence; the JSON has all of it.
void AppendEvidence(const Diagnosis& diagnosis, const std::vector<Hypothesis>& shown, size_t width,
                    std::vector<std::string>& lines) {
    std::set<std::string> cited;
    for (const Hypothesis& hypothesis : shown)
        cited.insert(hypothesis.evidence.begin(), hypothesis.evidence.end());
    if (cited.empty()) return;
    lines.push_back("");
    lines.push_back("Evidence");
    for (const Evidence& fact : diagnosis.evidence)
        if (cited.contains(fact.id))
            Append(lines, Wrap(fact.sentence, width, "  " + fact.id + ". ", "      "));
}

// The leading attribute's values only; the JSON has all.
void AppendAttribution(const Diagnosis& diagnosis, size_t width, std::vector<std::string>& lines) {
    constexpr size_t kMost = 4;
    if (diagnosis.attribution.empty()) return;
    const std::string& attribute = diagnosis.attribution.front().attribute;
    std::vector<std::string> words;
    for (const Contribution& part : diagnosis.attribution)
        if (part.attribute == attribute && words.size() < kMost)
            words.push_back(Short(part.value, 40) + " " + SignedPercent(part.share) + " (" +
                            Thousands(part.before) + " -> " + Thousands(part.after) + ")");
    lines.push_back("Contributions to the change");
    std::string text = "Of " + diagnosis.attribution_of + ", by " + Short(attribute, 40) + ": ";
    for (size_t i = 0; i < words.size(); ++i) text += (i ? ", " : "") + words[i];
    Append(lines, Wrap(text + ".", width, "  ", "  "));
}

void AppendRecommendations(const Diagnosis& diagnosis, size_t width, std::vector<std::string>& lines) {
    lines.push_back("What to do");
    for (size_t i = 0; i < diagnosis.recommendations.size(); ++i) {
        const Recommendation& advice = diagnosis.recommendations[i];
        Append(lines, Wrap("[" + advice.priority + "] " + advice.action + " " + advice.reason, width,
                           "  " + std::to_string(i + 1) + ". ", "     "));
        if (!advice.sql.empty()) Append(lines, WrapSql(advice.sql, width, "         "));
    }
}

}  // namespace

json ToJson(const Diagnosis& diagnosis) {
    json object{{"incident", diagnosis.incident},
                {"segment", diagnosis.segment},
                {"title", diagnosis.title},
                {"what_changed", diagnosis.what_changed},
                {"since", diagnosis.since},
                {"attribution_of", diagnosis.attribution_of},
                {"related_incidents", diagnosis.related},
                {"shared_cause", diagnosis.shared_cause.empty() ? json() : json(diagnosis.shared_cause)},
                {"not_asked", diagnosis.not_asked}};
    if (!diagnosis.table.empty()) {
        object["segment"] = nullptr;
        object["table"] = diagnosis.table;
    }
    if (!diagnosis.event.empty()) {
        object["segment"] = nullptr;
        object["event"] = diagnosis.event;
    }
    for (const char* list : {"evidence", "attribution", "hypotheses", "recommendations"})
        object[list] = json::array();
    for (const Evidence& fact : diagnosis.evidence)
        object["evidence"].push_back(
            {{"id", fact.id}, {"kind", fact.kind}, {"sentence", fact.sentence}, {"figures", fact.figures}});
    for (const Contribution& part : diagnosis.attribution)
        object["attribution"].push_back({{"attribute", part.attribute},
                                         {"value", part.value},
                                         {"before", part.before},
                                         {"after", part.after},
                                         {"share", Rounded(part.share)},
                                         {"surprise", Rounded(part.surprise)}});
    for (const Hypothesis& hypothesis : diagnosis.hypotheses)
        object["hypotheses"].push_back(ToJson(hypothesis));
    for (const Recommendation& advice : diagnosis.recommendations)
        object["recommendations"].push_back({{"action", advice.action},
                                             {"reason", advice.reason},
                                             {"priority", advice.priority},
                                             {"sql", advice.sql}});
    return object;
}

std::vector<std::string> ToText(const Diagnosis& diagnosis, size_t width) {
    std::vector<std::string> lines =
        Wrap("Incident " + std::to_string(diagnosis.incident) + ": " + diagnosis.title, width, "", "  ");
    lines.push_back("");
    lines.push_back("What changed");
    for (const std::string& sentence : diagnosis.what_changed)
        Append(lines, Wrap(sentence, width, "  ", "  "));
    Append(lines, Wrap(diagnosis.since, width, "  ", "  "));
    lines.push_back("");
    const std::vector<Hypothesis> shown = ShownHypotheses(diagnosis);
    AppendHypotheses(shown, width, lines);
    for (const std::string& question : diagnosis.not_asked)
        Append(lines,
               Wrap("Not asked, as the time for questions was up: " + question + ".", width, "  ", "  "));
    lines.push_back("");
    if (!diagnosis.attribution.empty()) {
        AppendAttribution(diagnosis, width, lines);
        lines.push_back("");
    }
    AppendRecommendations(diagnosis, width, lines);
    AppendEvidence(diagnosis, shown, width, lines);
    return lines;
}

}  // namespace pulse::diagnosis
