#include "pulse/delivery/wording.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/delivery/escape.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::delivery {

namespace {

constexpr size_t kName = 200, kWord = 60, kSentence = 500, kSql = 2000, kUrl = 2000;
constexpr size_t kMostChanges = 8, kMostAdvice = 5;

bool OneOf(const std::string& text, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

enum class Unit { kPeople, kShare, kRows, kSeconds, kNumber };

Unit UnitOf(const IncidentSummary& story) {
    if (story.counts_people) return Unit::kPeople;
    if (!story.is_table) return Unit::kShare;
    if (story.detector == "table_volume") return Unit::kRows;
    if (story.detector == "table_freshness" || story.detector == "table_lag") return Unit::kSeconds;
    const bool share = OneOf(story.detector, {"table_null_rate", "table_unique", "table_accepted_values",
                                              "table_range", "table_references"});
    return share ? Unit::kShare : Unit::kNumber;
}

std::string Quantity(const IncidentSummary& story, const std::optional<double>& number) {
    if (!number || !std::isfinite(*number)) return "";
    const bool fits = std::abs(*number) < 9e15;
    switch (UnitOf(story)) {
        case Unit::kPeople: return fits ? diagnosis::People(std::llround(*number)) : "";
        case Unit::kShare: return diagnosis::Percent(*number);
        case Unit::kRows: return fits ? diagnosis::Thousands(std::llround(*number)) + " rows" : "";
        case Unit::kSeconds:
            return std::abs(*number) < 9e11 ? diagnosis::Span(std::llround(*number * 1e6)) : "";
        case Unit::kNumber: return diagnosis::Figure(*number);
    }
    return "";
}

std::string Spaced(std::string text) {
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

// A link is shown only when it is one: whole, and of the web.
std::string CleanUrl(const std::string& url) {
    if (url.size() > kUrl || !(url.starts_with("https://") || url.starts_with("http://"))) return "";
    const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
        return c > ' ' && c < 0x7F && c != '<' && c != '>' && c != '"' && c != '|' && c != '\\' && c != '`';
    });
    return plain ? url : "";
}

std::string Count(size_t number, const char* noun) {
    return diagnosis::Thousands(static_cast<int64_t>(number)) + " " + noun + (number == 1 ? "" : "s");
}

}  // namespace

IncidentSummary Cleaned(const IncidentSummary& story) {
    IncidentSummary clean = story;
    clean.subject = Clean(story.subject, kName);
    if (clean.subject.empty()) clean.subject = "(without a name)";
    clean.owner = Clean(story.owner, kName);
    clean.resolved_by = Clean(story.resolved_by, kName);
    for (std::string* word : {&clean.detector, &clean.severity, &clean.status, &clean.direction})
        *word = Clean(*word, kWord);
    clean.attribute = Clean(story.attribute, kName);
    for (std::string* sentence : {&clean.summary, &clean.cause, &clean.advice, &clean.advice_reason})
        *sentence = Clean(*sentence, kSentence);
    if (clean.what_changed.size() > kMostChanges) clean.what_changed.resize(kMostChanges);
    for (std::string& sentence : clean.what_changed) sentence = Clean(sentence, kSentence);
    // SQL that is cut would do something else.
    clean.advice_sql = story.advice_sql.size() > kSql ? "" : CleanLines(story.advice_sql, kSql);
    clean.acknowledge_sql = Clean(story.acknowledge_sql, kName);
    if (clean.more_advice.size() > kMostAdvice) clean.more_advice.resize(kMostAdvice);
    for (auto& [priority, action] : clean.more_advice) {
        priority = Clean(priority, kWord);
        action = Clean(action, kSentence);
    }
    clean.url = CleanUrl(story.url);
    for (std::optional<double>* number : {&clean.baseline, &clean.observed, &clean.change, &clean.confidence})
        if (*number && !std::isfinite(**number)) number->reset();
    if (clean.confidence) clean.confidence = std::clamp(*clean.confidence, 0.0, 1.0);
    return clean;
}

std::vector<IncidentSummary> WorstFirst(const std::vector<IncidentSummary>& stories) {
    std::vector<IncidentSummary> sorted;
    sorted.reserve(stories.size());
    for (const IncidentSummary& story : stories) sorted.push_back(Cleaned(story));
    const auto weight = [](const IncidentSummary& story) {
        return (IsOver(story) ? 0 : 10) + Rank(story.severity);
    };
    std::stable_sort(sorted.begin(), sorted.end(), [&](const IncidentSummary& a, const IncidentSummary& b) {
        return weight(a) > weight(b);
    });
    return sorted;
}

bool IsOver(const IncidentSummary& story) {
    return story.status == "resolved" || story.status == "ignored";
}

std::string Detector(const IncidentSummary& story) {
    const std::string name = story.detector.starts_with("table_") ? story.detector.substr(6) : story.detector;
    return Spaced(name) + (story.attribute.empty() ? "" : " of " + story.attribute);
}

std::string Title(const IncidentSummary& story) {
    return (story.is_table ? "table " : "") + story.subject + ": " + Detector(story);
}

std::string Label(const std::string& event, const IncidentSummary& story) {
    if (event == "test") return "Test";
    if (story.status == "resolved") return "Resolved";
    if (story.status == "ignored") return "Ignored";
    const std::string severity = diagnosis::Capitalized(story.severity);
    if (event == "escalated") return severity + ", not acknowledged";
    if (story.status == "acknowledged") return severity + ", acknowledged";
    if (event == "reopened" || event == "worsened" || event == "eased") return severity + ", " + event;
    return severity;
}

std::string Headline(const Envelope& envelope, const std::vector<IncidentSummary>& stories, size_t limit) {
    if (stories.empty()) return "Nothing to report";
    if (stories.size() == 1) return Cut(Label(envelope.event, stories[0]) + ": " + Title(stories[0]), limit);
    size_t critical = 0, high = 0, over = 0;
    for (const IncidentSummary& story : stories) {
        if (IsOver(story))
            ++over;
        else if (story.severity == "critical")
            ++critical;
        else if (story.severity == "high")
            ++high;
    }
    std::string text = Count(stories.size(), "incident");
    if (critical > 0) text += ", " + std::to_string(critical) + " critical";
    if (high > 0) text += ", " + std::to_string(high) + " high";
    if (over > 0) text += ", " + std::to_string(over) + (over == stories.size() ? " over" : " of them over");
    if (envelope.event == "escalated") text += ", not acknowledged";
    if (envelope.by_digest) text = "Digest: " + text;
    return Cut(text + ": " + stories[0].subject + " first", limit);
}

std::string Remark(const Envelope& envelope, const IncidentSummary& story) {
    if (envelope.event == "test") return "This is a test. Nothing is wrong.";
    if (IsOver(story)) {
        std::string text;
        if (story.closed_at) text = "Lasted " + diagnosis::Span(*story.closed_at - story.since) + ". ";
        if (story.status == "ignored") return text + "It is ignored.";
        const std::string now = Now(story);
        if (story.resolved_by.empty() || story.resolved_by == "pulse")
            return text + "It closed by itself" + (now.empty() ? "." : ": back at " + now + ".");
        return text + "Resolved by " + story.resolved_by + (now.empty() ? "." : ", at " + now + ".");
    }
    if (envelope.event == "escalated" && story.status == "open")
        return "Nobody has acknowledged it for " + diagnosis::Span(envelope.created_at - story.opened_at) +
               ".";
    if (envelope.event == "eased") return "It is less severe than it was.";
    if (envelope.event == "worsened") return "It is more severe than it was.";
    if (envelope.event == "reopened") return "It had been over, and is back.";
    return "";
}

std::string Before(const IncidentSummary& story) {
    return Quantity(story, story.baseline);
}

std::string Now(const IncidentSummary& story) {
    return Quantity(story, story.observed);
}

std::string Change(const IncidentSummary& story) {
    const bool relative =
        story.counts_people ||
        OneOf(story.detector, {"conversion_anomaly", "inactivity_creep", "expected_range", "table_volume"});
    return relative && story.change ? diagnosis::SignedPercent(*story.change) : "";
}

std::string Figures(const IncidentSummary& story) {
    const std::string before = Before(story), now = Now(story), change = Change(story);
    if (before.empty() || now.empty()) return now.empty() ? "" : now + " now";
    const bool expected = story.is_table && story.detector != "table_volume";
    return (expected ? before + " expected, " : before + " before, ") + now + " now" +
           (change.empty() ? "" : " (" + change + ")");
}

std::vector<std::pair<std::string, std::string>> Facts(const IncidentSummary& story) {
    std::vector<std::pair<std::string, std::string>> facts;
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) facts.emplace_back(name, value);
    };
    const std::string now = Now(story), change = Change(story);
    add("Before", Before(story));
    add("Now", now.empty() || change.empty() ? now : now + " (" + change + ")");
    if (story.people_lost) add("People lost", diagnosis::Thousands(*story.people_lost));
    add("Since", PlainTime(story.since));
    if (story.closed_at) add("Until", PlainTime(*story.closed_at));
    add("Severity", story.severity);
    add("Status", story.status);
    add("Owner", story.owner);
    return facts;
}

std::string Confidence(const IncidentSummary& story) {
    if (!story.confidence) return "";
    return diagnosis::Percent(*story.confidence) + " confidence" +
           (story.investigated ? ", investigated" : "");
}

const char* Mark(const IncidentSummary& story) {
    if (IsOver(story)) return "\xE2\x9C\x85";
    switch (Rank(story.severity)) {
        case 3: return "\xF0\x9F\x94\xB4";
        case 2: return "\xF0\x9F\x9F\xA0";
        case 1: return "\xF0\x9F\x9F\xA1";
        default: return "\xF0\x9F\x9F\xA2";
    }
}

const char* Color(const IncidentSummary& story) {
    if (IsOver(story)) return "10B981";
    switch (Rank(story.severity)) {
        case 3: return "DC2626";
        case 2: return "EA580C";
        case 1: return "F59E0B";
        default: return "10B981";
    }
}

IncidentSummary Shortened(const IncidentSummary& story, int level) {
    if (level <= 0) return story;
    const size_t name = level == 1 ? 120 : 60, sentence = level == 1 ? 250 : level == 2 ? 120 : 60;
    IncidentSummary shorter = story;
    for (std::string* text : {&shorter.subject, &shorter.owner, &shorter.attribute, &shorter.resolved_by})
        *text = Cut(*text, name);
    for (std::string* text : {&shorter.summary, &shorter.cause, &shorter.advice, &shorter.advice_reason})
        *text = Cut(*text, sentence);
    const size_t changes = level == 1 ? 5 : level == 2 ? 2 : 1;
    if (shorter.what_changed.size() > changes) shorter.what_changed.resize(changes);
    for (std::string& text : shorter.what_changed) text = Cut(text, sentence);
    if (level == 1 && shorter.more_advice.size() > 2) shorter.more_advice.resize(2);
    if (level > 1) {
        shorter.more_advice.clear();
        shorter.url = shorter.url.size() > 500 ? "" : shorter.url;
    }
    if (shorter.advice_sql.size() > (level == 1 ? 800 : 0)) shorter.advice_sql.clear();
    return shorter;
}

IncidentSummary TestIncidentSummary(Moment now) {
    IncidentSummary story;
    story.subject = "Test segment";
    story.detector = "size_change";
    story.severity = "low";
    story.status = "open";
    story.direction = "down";
    story.baseline = 12'000;
    story.observed = 10'000;
    story.change = -1.0 / 6;
    story.counts_people = true;
    story.people_lost = 2'000;
    story.summary = "this is a test of the channel; nothing is wrong";
    story.what_changed = {"Nothing: this message shows what one about an incident looks like."};
    story.since = story.opened_at = now;
    story.cause = "Somebody called pulse_test_channel().";
    story.confidence = 1;
    story.advice = "Nothing needs to be done.";
    return story;
}

}  // namespace pulse::delivery
