// Hypotheses from incidents of the tables that a segment reads: an earlier one is the likeliest cause.
#include <algorithm>

#include "pulse/base/duration.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

std::string DescribeTableIncident(const TableIncident& table) {
    const std::string name = Short(table.relation, 80);
    if (table.detector == "table_freshness") return "rows of " + name + " stopped arriving";
    if (table.detector == "table_volume")
        return (table.direction == "up"     ? "too many rows of "
                : table.direction == "down" ? "rows of "
                                            : "changes of ") +
               name +
               (table.direction == "up"     ? " arrived"
                : table.direction == "down" ? " were missing"
                                            : " stopped");
    if (table.detector == "table_schema") return "the columns of " + name + " changed";
    return "rows of " + name + " failed a check" +
           (table.attribute.empty() ? "" : " on " + Short(table.attribute, 40));
}

double Weight(const TableIncident& table) {
    if (table.detector == "table_freshness" || table.detector == "table_volume") return 0.93;
    return table.detector == "table_schema" ? 0.8 : 0.5;
}

}  // namespace

void AddSourceTableHypotheses(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    if (input.tables.empty()) return;
    const TableIncident& table = input.tables.front();
    const int64_t ahead = input.since - table.since;
    const char* did = context.growth() < 0 ? "fell" : context.growth() > 0 ? "grew" : "changed";
    std::string sentence = Capitalized(DescribeTableIncident(table));
    if (ahead >= kMinute)
        sentence += " " + FormatDuration(ahead) + " before the segment " + did + ".";
    else
        sentence += " at the moment the segment " + std::string(did) + ".";
    const std::string id = context.AddEvidence("table", sentence + " " + AsSentence(table.summary),
                                               {{"relation", table.relation},
                                                {"incident", table.incident},
                                                {"detector", table.detector},
                                                {"since", FormatMoment(table.since)},
                                                {"seconds_before", ahead / kSecond}});
    // Missing rows make segments shrink, not grow.
    const double fits = context.growth() > 0 && table.detector == "table_freshness" ? 0.5 : 1;
    std::vector<std::string> cited{id};
    if (!context.cited_size.empty()) cited.push_back(context.cited_size);
    context.AddHypothesis(Cause::kTableTrouble, Weight(table) * fits, sentence, cited);
}

}  // namespace pulse::diagnosis
