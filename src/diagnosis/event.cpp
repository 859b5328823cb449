#include "pulse/diagnosis/event.hpp"

#include <algorithm>

#include "pulse/base/time_text.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::diagnosis {

namespace {

using json = nlohmann::json;

std::vector<std::string> NamesOf(const json& object, const char* key) {
    std::vector<std::string> names;
    if (const auto list = object.find(key); list != object.end() && list->is_array())
        for (const json& name : *list)
            if (name.is_string()) names.push_back(Short(name.get<std::string>()));
    return names;
}

class EventDiagnosis {
  public:
    explicit EventDiagnosis(const EventDiagnosisInput& input) : input_(input) {}
    Diagnosis Make();

  private:
    const json& Part(const char* name) const {
        static const json none = json::object();
        const auto found = input_.details.find(name);
        return found != input_.details.end() && found->is_object() ? *found : none;
    }
    std::string AddEvidence(const std::string& kind, const std::string& sentence, json figures) {
        const std::string id = "e" + std::to_string(out_.evidence.size() + 1);
        out_.evidence.push_back({id, kind, sentence, std::move(figures)});
        return id;
    }
    void Suppose(Cause cause, double confidence, const std::string& sentence,
                 std::vector<std::string> cited) {
        cited.insert(cited.begin(), "e1");
        out_.hypotheses.push_back({cause, confidence, sentence, std::move(cited), {}});
    }
    bool OfProperty() const { return input_.detector.starts_with("property_"); }
    void Tell();
    void Explain();
    void Advise();

    const EventDiagnosisInput& input_;
    Diagnosis out_;
};

void EventDiagnosis::Tell() {
    const std::string what = AsSentence(input_.summary);
    out_.what_changed.push_back(what);
    AddEvidence(OfProperty() ? "property" : "count", what,
                {{"observed", input_.observed ? json(*input_.observed) : json()},
                 {"expected", input_.baseline ? json(*input_.baseline) : json()}});
    out_.since = "Since " + FormatMinute(input_.since) + ", found " + FormatMinute(input_.opened_at) +
                 ", last seen " + FormatMinute(input_.last_seen_at) + ".";
    std::vector<std::string> users;
    const json& used_by = Part("usedBy");
    for (const auto& [key, word] :
         {std::pair{"segments", "segment "}, {"traits", "trait "}, {"flags", "flag "}})
        for (const std::string& name : NamesOf(used_by, key)) users.push_back(word + name);
    if (!users.empty() && input_.detector != "event_new")
        out_.what_changed.push_back(
            "What uses the event will be wrong as long as this lasts: " + Listed(users, 10) + ".");
}

void EventDiagnosis::Explain() {
    const std::string name = Short(input_.event, 80);
    if (const json& blame = Part("concentratesIn"); !blame.empty())
        Suppose(
            Cause::kReleaseChanged, 0.9,
            Capitalized(blame.value("sentence", "")) + ": a change of what sends it is the likeliest reason.",
            {AddEvidence("context",
                         Percent(blame.value("explained", 0.0)) + " of the change is in " +
                             Short(blame.value("dimension", "")) + " " + Short(blame.value("value", "")) +
                             ".",
                         blame)});
    if (const json& successor = Part("successor"); !successor.empty())
        Suppose(Cause::kPropertyRenamed, 0.85,
                "The property was renamed to " + Short(successor.value("property", "")) + ".",
                {AddEvidence("property",
                             Short(successor.value("property", "")) + ", " +
                                 successor.value("type", "value") + " as well, is new in " +
                                 Percent(successor.value("share", 0.0)) + " of the events.",
                             successor)});
    if (const int64_t others = input_.details.value("sameSource", int64_t{0}); others > 0)
        Suppose(
            Cause::kSourceSilent, 0.85,
            "The source " + Short(input_.attribute) + " changed as a whole, not only this event: " +
                Plural(others, "other event") + " changed with it.",
            {AddEvidence("source", Plural(others, "other event") + " of the source changed at the same time.",
                         {{"incidents", input_.together}})});
    if (input_.detector == "event_new")
        Suppose(Cause::kTrackingAdded, 0.7, "Somebody began to send " + name + ".", {});
    if (out_.hypotheses.empty())
        Suppose(Cause::kUnexplained, 0.2,
                OfProperty() ? "No single app version, platform or library carries the change."
                             : "No single app version, platform or library carries the change: people may "
                               "behave differently.",
                {});
    std::stable_sort(out_.hypotheses.begin(), out_.hypotheses.end(),
                     [](const Hypothesis& a, const Hypothesis& b) { return a.confidence > b.confidence; });
    // A better hypothesis lowers the confidence of the next ones.
    double left = 1;
    for (Hypothesis& hypothesis : out_.hypotheses) {
        hypothesis.confidence *= left;
        left *= 1 - 0.6 * hypothesis.confidence;
    }
}

void EventDiagnosis::Advise() {
    const auto add = [&](const char* priority, const std::string& action, const std::string& reason,
                         const std::string& sql) {
        out_.recommendations.push_back({action, reason, priority, sql});
    };
    const std::string resolve = "SELECT " + input_.verbs + "pulse_resolve_incident(" +
                                std::to_string(input_.incident) + ", new_normal => true);";
    const std::string event = rule::QuoteText(input_.event);
    switch (out_.hypotheses.front().cause) {
        case Cause::kReleaseChanged:
            add("high", "Ask the team of that release what it changed.",
                "What it sends differs from what all others send.",
                "SELECT time, context, properties FROM pulse.event WHERE name = " + event +
                    " ORDER BY time DESC LIMIT 20;");
            break;
        case Cause::kPropertyRenamed:
            add("high", "Send the property under its old name, or change the rules that use it.",
                "Rules over the old name find nothing.",
                "SELECT * FROM " + input_.verbs +
                    "pulse_dependencies() WHERE uses_kind = 'event' AND uses = " + event + ";");
            break;
        case Cause::kSourceSilent:
            add("high", "Check what sends the events of the source, and its key.",
                "All of them changed together.",
                "SELECT * FROM pulse.event_source WHERE source = " + rule::QuoteText(input_.attribute) + ";");
            break;
        case Cause::kTrackingAdded:
            add("low", "If it is meant to be there, nothing is to be done: it is normal after a week.",
                "A name that is misspelt would go unseen otherwise.",
                "SELECT * FROM pulse.property_catalog WHERE event = " + event + ";");
            return;
        default:
            add("medium", "Look at its counts by hour and source.", "They show when it began.",
                "SELECT * FROM pulse.events_by_source_hour WHERE event = " + event +
                    " ORDER BY hour DESC LIMIT 48;");
    }
    add("low", "If this is how it is from now on, declare it normal.",
        "The next checks then compare with the new values.", resolve);
    add("low", "If this is planned, open a maintenance window.", "Checks go on, but open no incidents.",
        "SELECT " + input_.verbs + "pulse_mute(" + rule::QuoteText("event:" + input_.event) +
            ", '2 hours', 'planned');");
}

Diagnosis EventDiagnosis::Make() {
    out_.incident = input_.incident;
    out_.event = input_.event;
    std::string detector = input_.detector;
    std::replace(detector.begin(), detector.end(), '_', ' ');
    out_.title = Short(input_.event, 80) + ", " + detector +
                 (input_.attribute.empty() ? ""
                  : OfProperty()           ? " of " + Short(input_.attribute, 40)
                                           : " from " + Short(input_.attribute, 40)) +
                 " (" + input_.severity + ", " + input_.status + ")";
    Tell();
    Explain();
    Advise();
    out_.related = input_.together;
    if (!out_.related.empty()) out_.shared_cause = "event " + Short(input_.event, 80);
    if (out_.hypotheses.front().cause == Cause::kSourceSilent)
        out_.shared_cause = "source " + Short(input_.attribute, 60);
    return std::move(out_);
}

}  // namespace

Diagnosis DiagnoseEvent(const EventDiagnosisInput& input) {
    return EventDiagnosis(input).Make();
}

}  // namespace pulse::diagnosis
