// Derives recommendations from the hypotheses: what each cause needs, the most urgent first.
#include <algorithm>

#include "advisor.hpp"
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::diagnosis {

namespace {

constexpr double kMinAdviceConfidence = 0.3;  // hypotheses from this confidence on give recommendations
constexpr size_t kMostAdvice = 6;

// What a cause needs.
void Advise(Advisor& advisor, const Hypothesis& h) {
    const AdviceSql& sql = advisor.sql;
    const DiagnosisInput& input = advisor.input();
    const segment::MemberWords& words = advisor.words();
    const std::string attribute = Short(h.subject.attribute, 40);
    switch (h.cause) {
        case Cause::kMeasurementFailed:
        case Cause::kSchemaChange:
            advisor.RepairDefinition(h);
            advisor.Add("high", "Check what the segment reads, and with the rights of which role.",
                        "The definition no longer matches the data.",
                        "SELECT * FROM " + input.verbs + "pulse_explain_segment(" + sql.Segment() + ");");
            if (!advisor.context.comparable) advisor.TakeAgain();
            break;
        case Cause::kRuleTightened:
        case Cause::kRuleLoosened:
            advisor.Revert(h);
            advisor.AcceptAsNormal("medium",
                                   "The segment is then compared only with snapshots under the new rule.");
            break;
        case Cause::kSharedUpstream:
            advisor.CheckUpstream(h, "high",
                                  "Ask the team that delivers " +
                                      (attribute.empty() ? "the data" : attribute) +
                                      " what changed; this shows it.",
                                  "Several segments changed at once: repairing each of them would not help.");
            advisor.MapValues(h);
            break;
        case Cause::kValueRenamed:
            advisor.MapValues(h);
            advisor.CheckUpstream(
                h, "high",
                "Check with the team behind " + attribute +
                    " that the new values are intended; this shows them.",
                "Campaigns and rules that name the old values no longer reach these " + words.rows + ".");
            advisor.WatchAttribute(h);
            advisor.AcceptAsNormal("low",
                                   "Once the new values are expected, they should not be reported again.");
            break;
        case Cause::kColumnNulled:
        case Cause::kColumnFilled:
            advisor.Add("high", "Check how " + attribute + " is filled; this counts it.",
                        h.cause == Cause::kColumnNulled
                            ? "Rules and reports that use it miss these " + words.rows + "."
                            : "Earlier figures are not comparable.",
                        h.subject.values.empty() ? sql.ShowFilled(h.subject.attribute)
                                                 : sql.ShowValue(h.subject.attribute, h.subject.values));
            if (h.cause == Cause::kColumnFilled)
                advisor.AcceptAsNormal("medium", "A filled column is not a fault.");
            break;
        case Cause::kValueVanished:
        case Cause::kOneValueLost:
            advisor.CheckUpstream(h, "high",
                                  "Check upstream whether these " + words.rows +
                                      " are really gone; this counts them in the source.",
                                  "The loss is in " + attribute + " only.");
            advisor.Split(h);
            advisor.WatchAttribute(h);
            break;
        case Cause::kValueInflux:
            advisor.CheckUpstream(
                h, "medium",
                "Check where these " + words.rows + " come from; this counts them in the source.",
                "The growth is in " + attribute + " only.");
            advisor.Split(h);
            advisor.AcceptAsNormal("low",
                                   "If the growth is intended, later changes should be measured from here.");
            break;
        case Cause::kCombinationLost:
        case Cause::kCombinationInflux:
            if (const std::string query = sql.ShowCombination(h.subject.conditions); !query.empty())
                advisor.Add("high",
                            "Check upstream " +
                                (h.cause == Cause::kCombinationLost
                                     ? "whether these " + words.rows + " are really gone"
                                     : "where these " + words.rows + " come from") +
                                "; this counts them in the source.",
                            "Only those " + words.who + " have all of these values changed.", query);
            advisor.SplitCombination(h);
            break;
        case Cause::kClauseShift: advisor.CheckClause(h); break;
        case Cause::kValuesRescaled:
            advisor.Add("high", "Check the unit of " + attribute + "; this shows its values.",
                        "Rules with fixed limits on it now select other " + words.rows + ".",
                        sql.ShowValues(h.subject.attribute));
            break;
        case Cause::kMixShift:
            if (const std::string query = sql.ShowValues(h.subject.attribute); !query.empty())
                advisor.Add("medium",
                            "Check upstream whether " + words.members + " really moved between values of " +
                                attribute + "; this shows them.",
                            "A value that is filled otherwise looks the same.", query);
            advisor.Split(h);
            advisor.AcceptAsNormal("low",
                                   "If the new mix is intended, it should be the baseline from now on.");
            break;
        case Cause::kIdentityChanged:
            if (!input.source.empty())
                advisor.Add("high", "Check whether the key of the segment changed its form.",
                            "Entries and exits mean nothing until the key is stable.",
                            "SELECT * FROM " + input.source + " LIMIT 5;");
            advisor.AcceptAsNormal(
                "medium", "If the key was changed on purpose, the history before it cannot be compared.");
            break;
        case Cause::kSourceEmptied:
            if (!input.source.empty())
                advisor.Add("high", "Check that the data was loaded; this counts it.",
                            "An empty table is rarely intended.",
                            "SELECT count(*) FROM " + input.source + ";");
            advisor.TakeAgain();
            break;
        case Cause::kConversionTrackingLost:
            advisor.Add("high",
                        "Check that conversions are still recorded; this shows the " + words.members +
                            " as the segment sees them.",
                        "A rate that falls to nearly zero overnight points to missing data.",
                        "SELECT * FROM " + input.verbs + "pulse_explain_segment(" + sql.Segment() + ");");
            break;
        case Cause::kExpectationOutdated: advisor.WidenExpectation(); break;
        case Cause::kTableTrouble:
            advisor.Add("high", "Check the table's incident first.",
                        "The segment recovers when the table does.",
                        "SELECT * FROM " + input.verbs + "pulse_explain_incident(" +
                            std::to_string(h.subject.incident) + ");");
            break;
        case Cause::kServerTrouble:
            advisor.Add("high", "Check the server first; this tests its connection, its lag and its limits.",
                        h.subject.server.empty()
                            ? "Segments over other tables of the server changed at the same time."
                            : "The other servers of the segment did not change like it.",
                        "SELECT * FROM " + input.verbs + "pulse_test_source(" +
                            rule::QuoteText(h.subject.server.empty() ? input.server : h.subject.server) +
                            ");");
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
        case Cause::kGradualErosion: advisor.Pin(); [[fallthrough]];
        case Cause::kEntriesStopped:
        case Cause::kExitsSurged:
        case Cause::kUniformLoss:
        case Cause::kUniformGrowth:
        case Cause::kConversionRateFall:
        case Cause::kConversionRateRise:
        case Cause::kWentQuiet:
        case Cause::kUnexplained:
            advisor.Add(
                "medium", "Check the history of the segment before you send campaigns to it.",
                "It shows when and how it changed.",
                "SELECT taken_at, size, entered, exited, converted, inactive FROM pulse.snapshot WHERE "
                "segment_id = (SELECT id FROM "
                "pulse.segment WHERE name = " +
                    sql.Segment() + ") AND status = 'ok' ORDER BY taken_at DESC LIMIT 14;");
            advisor.AcceptAsNormal("low", "The segment is then compared with its current state.");
            break;
    }
}

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

// Not what was emptied by a fault: with the repair its members come back.
void ArchiveUnused(Advisor& advisor) {
    const DiagnosisContext& context = advisor.context;
    if (!context.input.unused_since) return;
    for (const Hypothesis& h : context.hypotheses)
        if (h.confidence >= kMinAdviceConfidence && !IsOwnDevelopment(h.cause)) return;
    const bool empty = context.comparable && context.after_size == 0;
    advisor.Add("low", "Archive the segment, unless queries read it.",
                (empty ? "It has no " + advisor.words().members + ". " : "") +
                    DescribeUnused(*context.input.unused_since),
                advisor.sql.Verb("pulse_archive_segment(" + advisor.sql.Segment() + ")"));
}

}  // namespace

std::vector<Recommendation> Recommend(const DiagnosisContext& context) {
    Advisor advisor{.context = context, .list = {}};
    for (const Hypothesis& hypothesis : context.hypotheses)
        if (hypothesis.confidence >= kMinAdviceConfidence || &hypothesis == &context.hypotheses.front())
            Advise(advisor, hypothesis);
    advisor.WidenExpectation();
    advisor.TryThreshold();
    ArchiveUnused(advisor);
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
