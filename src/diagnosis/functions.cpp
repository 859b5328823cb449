#include "pulse/diagnosis/store.hpp"
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/spi.hpp"

namespace pg = pulse::pg;
namespace diagnosis = pulse::diagnosis;
using pulse::pg::Value;

PULSE_FUNCTION(pulse_diagnose_incident) {
    diagnosis::QuestionTime time;
    const diagnosis::Diagnosis found =
        diagnosis::DiagnoseIncident(pg::Args(fcinfo).RequireInt8(0, "incident"), false, &time);
    return pg::FromJson(diagnosis::ToJson(found));
}

PULSE_FUNCTION(pulse_explain_incident) {
    const int64_t incident = pg::Args(fcinfo).RequireInt8(0, "incident");
    diagnosis::QuestionTime time;
    std::vector<std::string> lines = diagnosis::ToText(diagnosis::DiagnoseIncident(incident, false, &time));
    for (std::string& line : diagnosis::DescribeInvestigation(incident)) lines.push_back(std::move(line));
    pg::ResultSet result(fcinfo);
    for (const std::string& line : lines) result.Add({Value::Text(line)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_diagnose_incidents) {
    pg::ResultSet result(fcinfo);
    // All first, then the rows: the last diagnosis can still widen the group of the first incident.
    std::vector<diagnosis::Diagnosis> all;
    diagnosis::QuestionTime time;
    for (const int64_t incident : diagnosis::LiveIncidents()) {
        pg::CheckInterrupts();
        all.push_back(diagnosis::DiagnoseIncident(incident, true, &time));
    }
    for (const diagnosis::Diagnosis& one : all) {
        const diagnosis::Hypothesis& best = one.hypotheses.front();
        result.Add({Value::Int8(one.incident), Value::Int8(diagnosis::GroupOf(one.incident)),
                    one.segment.empty() ? Value::Null(TEXTOID) : Value::Text(one.segment),
                    Value::Text(diagnosis::Name(best.cause)),
                    Value::Float8(std::round(best.confidence * 100) / 100), Value::Text(best.sentence)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_list_unused_segments) {
    std::vector<diagnosis::UnusedSegment> unused;
    {
        const pg::OwnerSession session;
        unused = diagnosis::FindUnusedSegments(std::nullopt);
    }
    pg::ResultSet result(fcinfo);
    for (const diagnosis::UnusedSegment& one : unused)
        result.Add({Value::Text(one.name), Value::Int8(one.size), Value::Time(one.since),
                    Value::Text(diagnosis::DescribeUnused(one.since))});
    return pg::ResultSet::Done();
}
