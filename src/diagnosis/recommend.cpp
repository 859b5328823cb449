// Derives recommendations from the hypotheses.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/advice_sql.hpp"
#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/rewrite.hpp"
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::diagnosis {

namespace {

using nlohmann::json;

constexpr double kMinAdviceConfidence = 0.3;  // hypotheses from this confidence on give recommendations
constexpr size_t kMostAdvice = 6;

// Whether the segment changes by itself: nothing of its data or definition was changed or broken.
bool IsOwnDevelopment(Cause cause) {
    switch (cause) {
        case Cause::kUnexplained:
        case Cause::kUniformLoss:
        case Cause::kUniformGrowth:
        case Cause::kGradualErosion:
        case Cause::kEntriesStopped:
        case Cause::kExitsSurged:
        case Cause::kConversionRateFall:
        case Cause::kConversionRateRise:
        case Cause::kWentQuiet:
        case Cause::kExpectationOutdated: return true;
        default: return false;
    }
}

struct Advisor {
    const DiagnosisContext& context;
    const AdviceSql sql{context.input};
    std::vector<Recommendation> list;
    bool watched = false;  // an alert rule is among them

    const DiagnosisInput& input() const { return context.input; }
    const segment::MemberWords& words() const { return context.input.words; }

    void Add(const char* priority, const std::string& action, const std::string& reason,
             const std::string& query) {
        for (const Recommendation& other : list)
            if (other.sql == query) return;
        list.push_back({action, reason, priority, query});
    }

    // The values concerned; after a rename all of them, so that the new ones can be seen.
    void CheckUpstream(const Hypothesis& h, const char* priority, const std::string& action,
                       const std::string& reason) {
        std::string query = h.subject.clause.empty() && h.subject.replacements.empty()
                                ? sql.ShowValue(h.subject.attribute, h.subject.values)
                                : "";
        if (query.empty()) query = sql.ShowValues(h.subject.attribute);
        if (!query.empty()) Add(priority, action, reason, query);
    }

    // Keep the old and the new value in the rule, until the data is right again.
    void MapValues(const Hypothesis& h) {
        const auto mapped =
            Mapped(input().definition, h.subject.attribute, h.subject.values, h.subject.replacements);
        if (mapped)
            Add("high", "Add the new values to the rule.",
                "The rule names the old values of " + Short(h.subject.attribute, 40) + " only.",
                sql.UpdateDefinition(*mapped));
    }

    void Revert(const Hypothesis& h) {
        for (const RuleVersion& version : input().versions)
            if (version.version == h.subject.version)
                Add("high",
                    "If this was not intended, restore version " + std::to_string(version.version) +
                        " of the definition.",
                    "The change of the rule matches the change of the segment.",
                    sql.UpdateDefinition(version.definition));
    }

    // Separate segments for the value concerned and for the rest would have shown the cause directly.
    void Split(const Hypothesis& h) {
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
                sql.Verb("pulse_create_segment(" + rule::QuoteText(name) + ", " + sql.Jsonb(*narrowed) +
                         ")"));
        }
    }

    void SplitCombination(const Hypothesis& h) {
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
                sql.Verb("pulse_create_segment(" + rule::QuoteText(name) + ", " + sql.Jsonb(*narrowed) +
                         ")"));
    }

    // Report the attribute that showed the cause next time, and earlier. A segment without critical
    // attributes reports all of them: naming one would stop the others.
    void WatchAttribute(const Hypothesis& h) {
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

    bool Measured(const std::string& attribute) const {
        const auto& now = input().after ? input().after : input().before;
        return now && std::any_of(now->attributes.begin(), now->attributes.end(),
                                  [&](const auto& d) { return d.attribute == attribute; });
    }

    void AcceptAsNormal(const char* priority, const std::string& reason) {
        Add(priority, "If this is intended, declare it the new normal.", reason, sql.NewNormal());
    }

    // Shows what a higher threshold would have reported; only for findings near the threshold.
    void TryThreshold() {
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

    const char* ThresholdKey() const {
        if (input().detector == "size_change") return "sizeChangePercent";
        if (input().detector == "distribution_shift") return "distributionShift";
        if (input().detector == "conversion_anomaly") return "conversionAnomaly";
        if (input().detector == "inactivity_creep") return "inactivityCreep";
        return nullptr;
    }

    // A moving baseline follows a slow erosion down; a fixed one keeps showing it.
    void Pin() {
        if (input().before && input().before->id > 0)
            Add("medium",
                "Compare with the last normal snapshot from now on, so that the erosion stays visible.",
                "A moving baseline would adapt to the loss.",
                sql.Verb("pulse_pin_baseline(" + sql.Segment() + ", " + std::to_string(input().before->id) +
                         ")"));
    }

    // Not what was emptied by a fault: with the repair its members come back.
    void Archive() {
        if (!input().unused_since) return;
        for (const Hypothesis& h : context.hypotheses)
            if (h.confidence >= kMinAdviceConfidence && !IsOwnDevelopment(h.cause)) return;
        const bool empty = context.comparable && context.after_size == 0;
        Add("low", "Archive the segment, unless queries read it.",
            (empty ? "It has no " + words().members + ". " : "") + DescribeUnused(*input().unused_since),
            sql.Verb("pulse_archive_segment(" + sql.Segment() + ")"));
    }

    void WidenExpectation() {
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

    void TakeAgain() {
        Add("high", "After the repair, measure again.", "Until then the " + words().members + " are unknown.",
            sql.Verb("pulse_take_snapshot(" + sql.Segment() + ")"));
    }

    // The definition with the names of today.
    void RepairDefinition(const Hypothesis& h) {
        const json& definition = input().definition;
        const std::string& name = h.subject.attribute;
        if (name.empty() && !h.subject.replacements.empty() && definition.contains("from")) {
            json moved = definition;
            moved["from"] = h.subject.replacements.front();
            Add("high",
                "If " + Short(h.subject.replacements.front(), 80) + " took its place, read that table.",
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
                "If this is meant to last, take " + Listed(input().after->missing) +
                    " out of the definition.",
                "Until then each snapshot is partial and this incident stays open.",
                sql.UpdateDefinition(*without));
    }

    // A clause over people: the attribute it names, and where its traits, segments and events come from.
    void CheckClause(const Hypothesis& h) {
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
                "SELECT * FROM " + input().verbs + "pulse_explain_segment(" + rule::QuoteText(segment) +
                    ");");
        for (const std::string& trait : reads.traits)
            Add("high",
                "Check the trait " + Short(trait, 40) + ", which the rule uses; this shows its versions.",
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

    void Advise(const Hypothesis& h);
};

void Advisor::Advise(const Hypothesis& h) {
    const std::string attribute = Short(h.subject.attribute, 40);
    switch (h.cause) {
        case Cause::kMeasurementFailed:
        case Cause::kSchemaChange:
            RepairDefinition(h);
            Add("high", "Check what the segment reads, and with the rights of which role.",
                "The definition no longer matches the data.",
                "SELECT * FROM " + input().verbs + "pulse_explain_segment(" + sql.Segment() + ");");
            if (!context.comparable) TakeAgain();
            break;
        case Cause::kRuleTightened:
        case Cause::kRuleLoosened:
            Revert(h);
            AcceptAsNormal("medium", "The segment is then compared only with snapshots under the new rule.");
            break;
        case Cause::kSharedUpstream:
            CheckUpstream(h, "high",
                          "Ask the team that delivers " + (attribute.empty() ? "the data" : attribute) +
                              " what changed; this shows it.",
                          "Several segments changed at once: repairing each of them would not help.");
            MapValues(h);
            break;
        case Cause::kValueRenamed:
            MapValues(h);
            CheckUpstream(
                h, "high",
                "Check with the team behind " + attribute +
                    " that the new values are intended; this shows them.",
                "Campaigns and rules that name the old values no longer reach these " + words().rows + ".");
            WatchAttribute(h);
            AcceptAsNormal("low", "Once the new values are expected, they should not be reported again.");
            break;
        case Cause::kColumnNulled:
        case Cause::kColumnFilled:
            Add("high", "Check how " + attribute + " is filled; this counts it.",
                h.cause == Cause::kColumnNulled
                    ? "Rules and reports that use it miss these " + words().rows + "."
                    : "Earlier figures are not comparable.",
                h.subject.values.empty() ? sql.ShowFilled(h.subject.attribute)
                                         : sql.ShowValue(h.subject.attribute, h.subject.values));
            if (h.cause == Cause::kColumnFilled) AcceptAsNormal("medium", "A filled column is not a fault.");
            break;
        case Cause::kValueVanished:
        case Cause::kOneValueLost:
            CheckUpstream(h, "high",
                          "Check upstream whether these " + words().rows +
                              " are really gone; this counts them in the source.",
                          "The loss is in " + attribute + " only.");
            Split(h);
            WatchAttribute(h);
            break;
        case Cause::kValueInflux:
            CheckUpstream(h, "medium",
                          "Check where these " + words().rows + " come from; this counts them in the source.",
                          "The growth is in " + attribute + " only.");
            Split(h);
            AcceptAsNormal("low", "If the growth is intended, later changes should be measured from here.");
            break;
        case Cause::kCombinationLost:
        case Cause::kCombinationInflux:
            if (const std::string query = sql.ShowCombination(h.subject.conditions); !query.empty())
                Add("high",
                    "Check upstream " +
                        (h.cause == Cause::kCombinationLost
                             ? "whether these " + words().rows + " are really gone"
                             : "where these " + words().rows + " come from") +
                        "; this counts them in the source.",
                    "Only those " + words().who + " have all of these values changed.", query);
            SplitCombination(h);
            break;
        case Cause::kClauseShift: CheckClause(h); break;
        case Cause::kValuesRescaled:
            Add("high", "Check the unit of " + attribute + "; this shows its values.",
                "Rules with fixed limits on it now select other " + words().rows + ".",
                sql.ShowValues(h.subject.attribute));
            break;
        case Cause::kMixShift:
            if (const std::string query = sql.ShowValues(h.subject.attribute); !query.empty())
                Add("medium",
                    "Check upstream whether " + words().members + " really moved between values of " +
                        attribute + "; this shows them.",
                    "A value that is filled otherwise looks the same.", query);
            Split(h);
            AcceptAsNormal("low", "If the new mix is intended, it should be the baseline from now on.");
            break;
        case Cause::kIdentityChanged:
            if (!input().source.empty())
                Add("high", "Check whether the key of the segment changed its form.",
                    "Entries and exits mean nothing until the key is stable.",
                    "SELECT * FROM " + input().source + " LIMIT 5;");
            AcceptAsNormal("medium",
                           "If the key was changed on purpose, the history before it cannot be compared.");
            break;
        case Cause::kSourceEmptied:
            if (!input().source.empty())
                Add("high", "Check that the data was loaded; this counts it.",
                    "An empty table is rarely intended.", "SELECT count(*) FROM " + input().source + ";");
            TakeAgain();
            break;
        case Cause::kConversionTrackingLost:
            Add("high",
                "Check that conversions are still recorded; this shows the " + words().members +
                    " as the segment sees them.",
                "A rate that falls to nearly zero overnight points to missing data.",
                "SELECT * FROM " + input().verbs + "pulse_explain_segment(" + sql.Segment() + ");");
            break;
        case Cause::kExpectationOutdated: WidenExpectation(); break;
        case Cause::kTableTrouble:
            Add("high", "Check the table's incident first.", "The segment recovers when the table does.",
                "SELECT * FROM " + input().verbs + "pulse_explain_incident(" +
                    std::to_string(h.subject.incident) + ");");
            break;
        case Cause::kServerTrouble:
            Add("high", "Check the server first; this tests its connection, its lag and its limits.",
                h.subject.server.empty()
                    ? "Segments over other tables of the server changed at the same time."
                    : "The other servers of the segment did not change like it.",
                "SELECT * FROM " + input().verbs + "pulse_test_source(" +
                    rule::QuoteText(h.subject.server.empty() ? input().server : h.subject.server) + ");");
            break;
        case Cause::kLoadStopped:
        case Cause::kSourceLate:
        case Cause::kReplicaLate:
        case Cause::kRowsRemoved:
        case Cause::kRowsAdded:
        case Cause::kColumnsChanged:
        case Cause::kBadRows:
        case Cause::kCheckFails:
        case Cause::kTableGone:
        case Cause::kReleaseChanged:
        case Cause::kPropertyRenamed:
        case Cause::kSourceSilent:
        case Cause::kTrackingAdded: break;  // of tables and events: advised in table.cpp and event.cpp
        case Cause::kGradualErosion: Pin(); [[fallthrough]];
        case Cause::kEntriesStopped:
        case Cause::kExitsSurged:
        case Cause::kUniformLoss:
        case Cause::kUniformGrowth:
        case Cause::kConversionRateFall:
        case Cause::kConversionRateRise:
        case Cause::kWentQuiet:
        case Cause::kUnexplained:
            Add("medium", "Check the history of the segment before you send campaigns to it.",
                "It shows when and how it changed.",
                "SELECT taken_at, size, entered, exited, converted, inactive FROM pulse.snapshot WHERE "
                "segment_id = (SELECT id FROM "
                "pulse.segment WHERE name = " +
                    sql.Segment() + ") AND status = 'ok' ORDER BY taken_at DESC LIMIT 14;");
            AcceptAsNormal("low", "The segment is then compared with its current state.");
            break;
    }
}

}  // namespace

std::vector<Recommendation> Recommend(const DiagnosisContext& context) {
    Advisor advisor{.context = context, .list = {}};
    for (const Hypothesis& hypothesis : context.hypotheses)
        if (hypothesis.confidence >= kMinAdviceConfidence || &hypothesis == &context.hypotheses.front())
            advisor.Advise(hypothesis);
    advisor.WidenExpectation();
    advisor.TryThreshold();
    advisor.Archive();
    std::erase_if(advisor.list, [](const Recommendation& advice) { return advice.sql.empty(); });
    if (advisor.list.empty())
        advisor.AcceptAsNormal("low", "The segment is then compared with its current state.");
    const auto urgency = [](const Recommendation& advice) {
        return advice.priority == "high" ? 0 : advice.priority == "medium" ? 1 : 2;
    };
    std::stable_sort(
        advisor.list.begin(), advisor.list.end(),
        [&](const Recommendation& a, const Recommendation& b) { return urgency(a) < urgency(b); });
    if (advisor.list.size() > kMostAdvice) advisor.list.resize(kMostAdvice);
    return advisor.list;
}

}  // namespace pulse::diagnosis
