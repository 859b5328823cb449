#include "pulse/delivery/wording.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/delivery/escape.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::delivery {

namespace {

constexpr size_t kName = 200, kWord = 60, kSentence = 500, kSql = 2000, kUrl = 2000;
constexpr size_t kMostChanges = 8, kMostAdvice = 5;

bool OneOf(const std::string& text, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

enum class Unit { kPeople, kShare, kRows, kEvents, kSeconds, kNumber };

Unit UnitOf(const IncidentSummary& summary) {
    if (summary.counts_people) return Unit::kPeople;
    if (summary.is_event && !summary.detector.starts_with("property_")) return Unit::kEvents;
    if (!summary.is_table) return Unit::kShare;
    if (summary.detector == "table_volume") return Unit::kRows;
    if (summary.detector == "table_freshness" || summary.detector == "table_lag") return Unit::kSeconds;
    const bool share = OneOf(summary.detector, {"table_null_rate", "table_unique", "table_accepted_values",
                                                "table_range", "table_references"});
    return share ? Unit::kShare : Unit::kNumber;
}

std::string Quantity(const IncidentSummary& summary, const std::optional<double>& number) {
    if (!number || !std::isfinite(*number)) return "";
    const bool fits = std::abs(*number) < 9e15;
    switch (UnitOf(summary)) {
        case Unit::kPeople: return fits ? summary.words.Members(std::llround(*number)) : "";
        case Unit::kShare: return diagnosis::Percent(*number);
        case Unit::kRows: return fits ? diagnosis::Thousands(std::llround(*number)) + " rows" : "";
        case Unit::kEvents: return fits ? diagnosis::Thousands(std::llround(*number)) + " events" : "";
        case Unit::kSeconds:
            return std::abs(*number) < 9e11 ? FormatDuration(std::llround(*number * 1e6)) : "";
        case Unit::kNumber: return diagnosis::Figure(*number);
    }
    return "";
}

std::string Spaced(std::string text) {
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

// A link is shown only if it is a complete http or https URL.
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

// The name of the cause of all of them; empty unless they are one group.
std::string SharedCause(const std::vector<IncidentSummary>& summaries) {
    for (const IncidentSummary& summary : summaries)
        if (!summary.group || summary.group != summaries[0].group) return "";
    for (const IncidentSummary& summary : summaries)
        if (!summary.shared_cause.empty()) return summary.shared_cause;
    return "";
}

}  // namespace

IncidentSummary Cleaned(const IncidentSummary& summary) {
    IncidentSummary clean = summary;
    clean.subject = Clean(summary.subject, kName);
    if (clean.subject.empty()) clean.subject = "(without a name)";
    clean.owner = Clean(summary.owner, kName);
    clean.shared_cause = Clean(summary.shared_cause, kName);
    clean.resolved_by = Clean(summary.resolved_by, kName);
    for (std::string* word : {&clean.detector, &clean.severity, &clean.status, &clean.direction})
        *word = Clean(*word, kWord);
    clean.attribute = Clean(summary.attribute, kName);
    clean.words.members = Clean(summary.words.members, kWord);
    for (std::string* sentence : {&clean.summary, &clean.cause, &clean.advice, &clean.advice_reason})
        *sentence = Clean(*sentence, kSentence);
    if (clean.what_changed.size() > kMostChanges) clean.what_changed.resize(kMostChanges);
    for (std::string& sentence : clean.what_changed) sentence = Clean(sentence, kSentence);
    // SQL is never cut, as it would do something else.
    clean.advice_sql = summary.advice_sql.size() > kSql ? "" : CleanLines(summary.advice_sql, kSql);
    clean.acknowledge_sql = Clean(summary.acknowledge_sql, kName);
    if (clean.more_advice.size() > kMostAdvice) clean.more_advice.resize(kMostAdvice);
    for (auto& [priority, action] : clean.more_advice) {
        priority = Clean(priority, kWord);
        action = Clean(action, kSentence);
    }
    clean.url = CleanUrl(summary.url);
    for (std::optional<double>* number : {&clean.baseline, &clean.observed, &clean.change, &clean.confidence})
        if (*number && !std::isfinite(**number)) number->reset();
    if (clean.confidence) clean.confidence = std::clamp(*clean.confidence, 0.0, 1.0);
    return clean;
}

std::vector<IncidentSummary> WorstFirst(const std::vector<IncidentSummary>& summaries) {
    std::vector<IncidentSummary> sorted;
    sorted.reserve(summaries.size());
    for (const IncidentSummary& summary : summaries) sorted.push_back(Cleaned(summary));
    const auto weight = [](const IncidentSummary& summary) {
        return (IsOver(summary) ? 0 : 10) + Rank(summary.severity);
    };
    std::stable_sort(sorted.begin(), sorted.end(), [&](const IncidentSummary& a, const IncidentSummary& b) {
        return weight(a) > weight(b);
    });
    return sorted;
}

bool IsOver(const IncidentSummary& summary) {
    return summary.status == "resolved" || summary.status == "ignored";
}

std::string Detector(const IncidentSummary& summary) {
    const std::string name =
        summary.detector.starts_with("table_") ? summary.detector.substr(6) : summary.detector;
    const bool source = summary.is_event && !summary.detector.starts_with("property_");
    return Spaced(name) + (summary.attribute.empty() ? "" : (source ? " from " : " of ") + summary.attribute);
}

std::string Title(const IncidentSummary& summary) {
    return (summary.is_table   ? "table "
            : summary.is_event ? "event "
                               : "") +
           summary.subject + ": " + Detector(summary);
}

std::string Label(const std::string& event, const IncidentSummary& summary) {
    if (event == "test") return "Test";
    if (summary.status == "resolved") return "Resolved";
    if (summary.status == "ignored") return "Ignored";
    const std::string severity = diagnosis::Capitalized(summary.severity);
    if (event == "escalated") return severity + ", not acknowledged";
    if (summary.status == "acknowledged") return severity + ", acknowledged";
    if (event == "reopened" || event == "worsened" || event == "eased") return severity + ", " + event;
    return severity;
}

std::string Headline(const Envelope& envelope, const std::vector<IncidentSummary>& summaries, size_t limit) {
    if (summaries.empty()) return "Nothing to report";
    if (summaries.size() == 1)
        return Cut(Label(envelope.event, summaries[0]) + ": " + Title(summaries[0]), limit);
    size_t critical = 0, high = 0, over = 0;
    for (const IncidentSummary& summary : summaries) {
        if (IsOver(summary))
            ++over;
        else if (summary.severity == "critical")
            ++critical;
        else if (summary.severity == "high")
            ++high;
    }
    std::string text = Count(summaries.size(), "incident");
    if (critical > 0) text += ", " + std::to_string(critical) + " critical";
    if (high > 0) text += ", " + std::to_string(high) + " high";
    if (over > 0)
        text += ", " + std::to_string(over) + (over == summaries.size() ? " over" : " of them over");
    if (envelope.event == "escalated") text += ", not acknowledged";
    if (envelope.by_digest) text = "Digest: " + text;
    if (const std::string cause = SharedCause(summaries); !cause.empty())
        return Cut(text + ", one cause: " + cause, limit);
    return Cut(text + ": " + summaries[0].subject + " first", limit);
}

std::string Remark(const Envelope& envelope, const IncidentSummary& summary) {
    if (envelope.event == "test") return "This is a test. Nothing is wrong.";
    if (IsOver(summary)) {
        std::string text;
        if (summary.closed_at) text = "Lasted " + FormatDuration(*summary.closed_at - summary.since) + ". ";
        if (summary.status == "ignored") return text + "It is ignored.";
        const std::string now = Now(summary);
        if (summary.resolved_by.empty() || summary.resolved_by == "pulse")
            return text + "It closed by itself" + (now.empty() ? "." : ": back at " + now + ".");
        return text + "Resolved by " + summary.resolved_by + (now.empty() ? "." : ", at " + now + ".");
    }
    if (envelope.event == "escalated" && summary.status == "open")
        return "Nobody has acknowledged it for " + FormatDuration(envelope.created_at - summary.opened_at) +
               ".";
    if (envelope.event == "eased") return "It is less severe than it was.";
    if (envelope.event == "worsened") return "It is more severe than it was.";
    if (envelope.event == "reopened") return "It was closed before and has been reopened.";
    return "";
}

std::string Before(const IncidentSummary& summary) {
    return Quantity(summary, summary.baseline);
}

std::string Now(const IncidentSummary& summary) {
    return Quantity(summary, summary.observed);
}

std::string Change(const IncidentSummary& summary) {
    const bool relative =
        summary.counts_people ||
        OneOf(summary.detector, {"conversion_anomaly", "inactivity_creep", "expected_range", "table_volume",
                                 "event_volume", "event_rate", "event_vanished"});
    return relative && summary.change ? diagnosis::SignedPercent(*summary.change) : "";
}

std::string Figures(const IncidentSummary& summary) {
    const std::string before = Before(summary), now = Now(summary), change = Change(summary);
    if (before.empty() || now.empty()) return now.empty() ? "" : now + " now";
    const bool expected = summary.is_event || (summary.is_table && summary.detector != "table_volume");
    return (expected ? before + " expected, " : before + " before, ") + now + " now" +
           (change.empty() ? "" : " (" + change + ")");
}

std::string Lost(const IncidentSummary& summary) {
    return diagnosis::Capitalized(summary.words.members) + " lost";
}

std::vector<std::pair<std::string, std::string>> Facts(const IncidentSummary& summary) {
    std::vector<std::pair<std::string, std::string>> facts;
    const auto add = [&](const std::string& name, const std::string& value) {
        if (!value.empty()) facts.emplace_back(name, value);
    };
    const std::string now = Now(summary), change = Change(summary);
    add("Before", Before(summary));
    add("Now", now.empty() || change.empty() ? now : now + " (" + change + ")");
    if (summary.people_lost) add(Lost(summary), diagnosis::Thousands(*summary.people_lost));
    add("Since", FormatMinute(summary.since));
    if (summary.closed_at) add("Until", FormatMinute(*summary.closed_at));
    add("Severity", summary.severity);
    add("Status", summary.status);
    add("Owner", summary.owner);
    return facts;
}

std::string Confidence(const IncidentSummary& summary) {
    if (!summary.confidence) return "";
    return diagnosis::Percent(*summary.confidence) + " confidence" +
           (summary.investigated ? ", investigated" : "");
}

const char* Mark(const IncidentSummary& summary) {
    if (IsOver(summary)) return "\xE2\x9C\x85";
    switch (Rank(summary.severity)) {
        case 3: return "\xF0\x9F\x94\xB4";
        case 2: return "\xF0\x9F\x9F\xA0";
        case 1: return "\xF0\x9F\x9F\xA1";
        default: return "\xF0\x9F\x9F\xA2";
    }
}

const char* Color(const IncidentSummary& summary) {
    if (IsOver(summary)) return "10B981";
    switch (Rank(summary.severity)) {
        case 3: return "DC2626";
        case 2: return "EA580C";
        case 1: return "F59E0B";
        default: return "10B981";
    }
}

IncidentSummary Shortened(const IncidentSummary& summary, int level) {
    if (level <= 0) return summary;
    const size_t name = level == 1 ? 120 : 60, sentence = level == 1 ? 250 : level == 2 ? 120 : 60;
    IncidentSummary shorter = summary;
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
    IncidentSummary summary;
    summary.subject = "Test segment";
    summary.detector = "size_change";
    summary.severity = "low";
    summary.status = "open";
    summary.direction = "down";
    summary.baseline = 12'000;
    summary.observed = 10'000;
    summary.change = -1.0 / 6;
    summary.counts_people = true;
    summary.people_lost = 2'000;
    summary.summary = "this is a test of the channel; nothing is wrong";
    summary.what_changed = {"Nothing. This is what a message about an incident looks like."};
    summary.since = summary.opened_at = now;
    summary.cause = "A user called pulse_test_channel().";
    summary.confidence = 1;
    summary.advice = "Nothing needs to be done.";
    return summary;
}

}  // namespace pulse::delivery
