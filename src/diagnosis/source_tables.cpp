// Hypotheses from incidents of the tables that a segment reads: an earlier one is the likeliest cause.
#include <algorithm>

#include "pulse/base/duration.hpp"
#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/context.hpp"
#include "pulse/diagnosis/rewrite.hpp"
#include "pulse/diagnosis/table.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr double kUnrelated = 0.15;  // something else is wrong with the table, too

bool LacksRows(const std::string& detector) {
    return detector == "table_freshness" || detector == "table_volume";
}

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

// Whether `columns`, as a check names them, contain the column.
bool NamesOne(const std::string& columns, const std::string& column) {
    for (size_t begin = 0; begin <= columns.size();) {
        const size_t end = std::min(columns.find(", ", begin), columns.size());
        if (columns.compare(begin, end - begin, column) == 0) return true;
        begin = end + 2;
    }
    return false;
}

// Whether the value of one of the columns decides about what the detector of a segment looks at.
bool Matters(const std::string& columns, const nlohmann::json& definition, const std::string& detector,
             const std::string& attribute) {
    const bool conversion = detector == "conversion_anomaly" || attribute == "conversion_rate";
    // An attribute's own detectors; expected_range names a figure.
    if (!attribute.empty() && detector != "expected_range" && NamesOne(columns, attribute)) return true;
    std::vector<std::string> read;
    for (const std::string& clause : ClausesOf(definition))
        for (std::string& column : ColumnsOf(clause)) read.push_back(std::move(column));
    if (conversion)
        for (std::string& column : ColumnsOf(definition.value("converted", "")))
            read.push_back(std::move(column));
    if (detector == "inactivity_creep") read.push_back(definition.value("last_active", ""));
    return std::any_of(read.begin(), read.end(), [&](const std::string& column) {
        return !column.empty() && NamesOne(columns, column);
    });
}

double Weight(const DiagnosisContext& context, const TableIncident& table) {
    const DiagnosisInput& input = context.input;
    if (!ExplainsSegment(table.detector, table.attribute,
                         !input.before || table.since > input.before->taken_at, input.definition,
                         input.detector, input.attribute))
        return kUnrelated;
    if (LacksRows(table.detector))
        // Missing rows make segments shrink, not grow.
        return context.growth() > 0 && table.detector == "table_freshness" ? 0.465 : 0.93;
    if (table.detector == "table_schema") return context.change_type == ChangeType::kSchema ? 0.96 : 0.8;
    return 0.88;
}

}  // namespace

bool ExplainsSegment(const std::string& table_detector, const std::string& columns, bool began_after_normal,
                     const nlohmann::json& definition, const std::string& detector,
                     const std::string& attribute) {
    if (LacksRows(table_detector)) return true;
    if (!began_after_normal || table_detector == "table_replication_lag") return false;
    return table_detector == "table_schema" || Matters(columns, definition, detector, attribute);
}

void AddSourceTableHypotheses(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    const TableIncident* table = nullptr;
    double weight = 0;
    for (const TableIncident& one : input.tables)
        if (const double its = Weight(context, one); its > weight) {
            table = &one;
            weight = its;
        }
    if (!table) return;
    const int64_t ahead = input.since - table->since;
    const char* did = context.growth() < 0 ? "fell" : context.growth() > 0 ? "grew" : "changed";
    std::string sentence = Capitalized(DescribeTableIncident(*table));
    if (ahead >= kMinute)
        sentence += " " + FormatDuration(ahead) + " before the segment " + did + ".";
    else
        sentence += " at the moment the segment " + std::string(did) + ".";
    const std::string id = context.AddEvidence("table", sentence + " " + AsSentence(table->summary),
                                               {{"relation", table->relation},
                                                {"incident", table->incident},
                                                {"detector", table->detector},
                                                {"since", FormatMoment(table->since)},
                                                {"seconds_before", ahead / kSecond}});
    std::vector<std::string> cited{id};
    if (!context.cited_size.empty()) cited.push_back(context.cited_size);
    RecommendationSubject subject;
    subject.incident = table->incident;
    context.AddHypothesis(Cause::kTableTrouble, weight, sentence, cited, subject);
}

}  // namespace pulse::diagnosis
