#include "advisor.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/rewrite.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::diagnosis {

namespace {

using nlohmann::json;

}  // namespace

void Advisor::Add(const char* priority, const std::string& action, const std::string& reason,
                  const std::string& query) {
    for (const Recommendation& other : list)
        if (other.sql == query) return;
    list.push_back({action, reason, priority, query});
}

void Advisor::CheckUpstream(const Hypothesis& h, const char* priority, const std::string& action,
                            const std::string& reason) {
    std::string query = h.subject.clause.empty() && h.subject.replacements.empty()
                            ? sql.ShowValue(h.subject.attribute, h.subject.values)
                            : "";
    if (query.empty()) query = sql.ShowValues(h.subject.attribute);
    if (!query.empty()) Add(priority, action, reason, query);
}

void Advisor::MapValues(const Hypothesis& h) {
    const auto mapped =
        Mapped(input().definition, h.subject.attribute, h.subject.values, h.subject.replacements);
    if (mapped)
        Add("high", "Add the new values to the rule.",
            "The rule names the old values of " + Short(h.subject.attribute, 40) + " only.",
            sql.UpdateDefinition(*mapped));
}

void Advisor::Revert(const Hypothesis& h) {
    for (const RuleVersion& version : input().versions)
        if (version.version == h.subject.version)
            Add("high",
                "If this was not intended, restore version " + std::to_string(version.version) +
                    " of the definition.",
                "The change of the rule matches the change of the segment.",
                sql.UpdateDefinition(version.definition));
}

void Advisor::Split(const Hypothesis& h) {
    std::vector<std::string> values = h.subject.values;
    if (values.size() > 2) values.resize(2);
    for (const std::string& value : values) {
        const auto condition = ValueRule(input(), h.subject.attribute, {value});
        const auto narrowed = condition ? Narrowed(input().definition, *condition) : std::nullopt;
        if (!narrowed) continue;
        const std::string name =
            Short(input().segment, 150) + ": " + Short(h.subject.attribute, 40) + " " + Short(value, 40);
        Add("low",
            "Watch " + Short(h.subject.attribute, 40) + " = " + Short(value, 40) +
                " as a segment of its own.",
            "Its changes are then visible separately.",
            sql.Verb("pulse_create_segment(" + rule::QuoteText(name) + ", " + sql.Jsonb(*narrowed) + ")"));
    }
}

void Advisor::SplitCombination(const Hypothesis& h) {
    std::optional<json> narrowed(std::in_place, input().definition);
    std::string name = Short(input().segment, 100) + ":";
    for (const Condition& condition : h.subject.conditions) {
        const auto rule = ValueRule(input(), condition.attribute, condition.values);
        narrowed = rule && narrowed ? Narrowed(*narrowed, *rule) : std::nullopt;
        name += " " + Short(condition.attribute, 30) + " " + Short(condition.values.front(), 30);
    }
    if (narrowed)
        Add("low", "Watch this combination as a segment of its own.",
            "Its changes are then visible separately.",
            sql.Verb("pulse_create_segment(" + rule::QuoteText(name) + ", " + sql.Jsonb(*narrowed) + ")"));
}

void Advisor::RepairDefinition(const Hypothesis& h) {
    const json& definition = input().definition;
    const std::string& name = h.subject.attribute;
    if (name.empty() && !h.subject.replacements.empty() && definition.contains("from")) {
        json moved = definition;
        moved["from"] = h.subject.replacements.front();
        Add("high", "If " + Short(h.subject.replacements.front(), 80) + " took its place, read that table.",
            "It has the columns that the segment reads.", sql.UpdateDefinition(moved));
    } else if (!h.subject.replacements.empty()) {
        if (const auto renamed = WithColumnRenamed(definition, name, h.subject.replacements.front()))
            Add("high", "Name the column as it is called now.", "The definition has its old name.",
                sql.UpdateDefinition(*renamed, WithAttributeRenamed(input().expectations, name,
                                                                    h.subject.replacements.front())));
    }
    if (!input().after) return;
    if (const auto without = WithoutParts(definition, input().after->missing))
        Add(h.subject.replacements.empty() ? "high" : "medium",
            "If this is meant to last, take " + Listed(input().after->missing) + " out of the definition.",
            "Until then each snapshot is partial and this incident stays open.",
            sql.UpdateDefinition(*without));
}

void Advisor::CheckClause(const Hypothesis& h) {
    const std::string prefix = "profile.";
    const bool attribute = sql.OfPeople() && h.subject.attribute.starts_with(prefix);
    const std::string name = attribute ? h.subject.attribute.substr(prefix.size()) : h.subject.attribute;
    const std::string query = sql.ShowValues(name);
    if (!query.empty())
        Add("high", "Check how " + Short(name, 40) + " is filled; this shows its values.",
            "The rule did not change, but the data that it reads did.", query);
    if (!sql.OfPeople()) return;
    const ReadsOfPeople reads = FindReadsOfPeople(h.subject.clause);
    for (const std::string& segment : reads.segments)
        Add("high",
            "Check the segment " + Short(segment, 40) +
                ", which the rule uses; this shows its definition and who changed it.",
            Capitalized(words().members) + " " + words().who + " leave that segment leave this one, too.",
            "SELECT * FROM " + input().verbs + "pulse_explain_segment(" + rule::QuoteText(segment) + ");");
    for (const std::string& trait : reads.traits)
        Add("high", "Check the trait " + Short(trait, 40) + ", which the rule uses; this shows its versions.",
            "Its value decides who is a member.",
            "SELECT v.* FROM pulse.trait_version AS v JOIN pulse.trait AS t ON t.id = v.trait_id"
            " WHERE t.key = " +
                rule::QuoteText(trait) + " ORDER BY v.version DESC;");
    if (reads.events)
        Add("high", "Check that the events still arrive under these names; this lists the newest events.",
            "Events under another spelling are not counted.",
            "SELECT event, events, first_seen_at, last_seen_at FROM pulse.event_catalog"
            " ORDER BY last_seen_at DESC LIMIT 20;");
}

bool Advisor::Measured(const std::string& attribute) const {
    const auto& now = input().after ? input().after : input().before;
    return now && std::any_of(now->attributes.begin(), now->attributes.end(),
                              [&](const auto& d) { return d.attribute == attribute; });
}

void Advisor::WatchAttribute(const Hypothesis& h) {
    constexpr double kEarlier = 0.1;
    // Shares leave out the members without a value.
    if (input().detector == "null_spike") return;
    if (watched || h.subject.attribute.empty() || !Measured(h.subject.attribute)) return;
    json baseline = input().expectations.is_object() ? input().expectations : json::object();
    const json before = baseline;
    if (baseline.contains("criticalAttributes") && baseline["criticalAttributes"].is_array() &&
        !baseline["criticalAttributes"].empty()) {
        json& critical = baseline["criticalAttributes"];
        if (std::find(critical.begin(), critical.end(), json(h.subject.attribute)) == critical.end())
            critical.push_back(h.subject.attribute);
    }
    json& thresholds = baseline["alertThresholds"];
    if (!thresholds.is_object()) thresholds = json::object();
    if (!thresholds.contains("distributionShift") || thresholds["distributionShift"] > kEarlier)
        thresholds["distributionShift"] = kEarlier;
    if (baseline == before) return;
    watched = true;
    Add("low",
        "Add an alert rule that reports shifts of 10 % or more in attributes such as " +
            Short(h.subject.attribute, 40) + ".",
        "This attribute showed the cause; the next such change is then reported earlier.",
        sql.UpdateBaseline(baseline));
}

void Advisor::AcceptAsNormal(const char* priority, const std::string& reason) {
    Add(priority, "If this is intended, declare it the new normal.", reason, sql.NewNormal());
}

const char* Advisor::ThresholdKey() const {
    if (input().detector == "size_change") return "sizeChangePercent";
    if (input().detector == "distribution_shift") return "distributionShift";
    if (input().detector == "conversion_anomaly") return "conversionAnomaly";
    if (input().detector == "inactivity_creep") return "inactivityCreep";
    return nullptr;
}

void Advisor::TryThreshold() {
    const char* key = ThresholdKey();
    if (!key || !input().change || !input().threshold || *input().threshold <= 0) return;
    if (std::abs(*input().change) > 2 * *input().threshold) return;
    const double higher = std::min(0.95, std::ceil(std::abs(*input().change) * 1.2 * 100) / 100);
    Add("low",
        "If such changes do not matter, check what a threshold of " + Percent(higher) +
            " would have reported.",
        "The change is not far above the threshold of " + Percent(*input().threshold) + ".",
        "SELECT * FROM " + input().verbs + "pulse_backtest(" + sql.Segment() + ", " +
            sql.Jsonb({{key, higher}}) + ");");
}

void Advisor::Pin() {
    if (input().before && input().before->id > 0)
        Add("medium", "Compare with the last normal snapshot from now on, so that the erosion stays visible.",
            "A moving baseline would adapt to the loss.",
            sql.Verb("pulse_pin_baseline(" + sql.Segment() + ", " + std::to_string(input().before->id) +
                     ")"));
}

void Advisor::WidenExpectation() {
    if (input().detector != "expected_range" || !context.comparable) return;
    json baseline = input().expectations;
    const bool size = input().attribute != "conversion_rate";
    if (size) {
        const double now = static_cast<double>(context.after_size);
        baseline["expectedSize"] = {{"min", std::floor(now * 0.8)}, {"max", std::ceil(now * 1.2)}};
    } else if (input().after->converted && context.after_size > 0) {
        const double rate =
            static_cast<double>(*input().after->converted) / static_cast<double>(context.after_size);
        baseline["expectedConversionRate"] = {{"min", std::floor(rate * 800) / 1000},
                                              {"max", std::min(1.0, std::ceil(rate * 1200) / 1000)}};
    } else {
        return;
    }
    Add("medium", "Set the expected range to the current values of the segment.",
        "The range was set for an earlier state of the segment.", sql.UpdateBaseline(baseline));
}

void Advisor::TakeAgain() {
    Add("high", "After the repair, measure again.", "Until then the " + words().members + " are unknown.",
        sql.Verb("pulse_take_snapshot(" + sql.Segment() + ")"));
}

}  // namespace pulse::diagnosis
