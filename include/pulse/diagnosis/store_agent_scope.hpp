// Limits the agent's tools to what the owner of an incident may see. Needs a session of the extension's
// owner.
#pragma once

#include "pulse/diagnosis/agent_redact.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::diagnosis {

// An incident with the role whose rights its definition has: segment.runs_as, or monitor.runs_as.
struct AgentScope {
    int64_t incident = 0;
    std::string role, segment, relation;
};
// Throws UserError 42704 when the incident is gone.
AgentScope LoadScope(int64_t incident);

struct VisibleSegment {
    int64_t id = 0;
    std::string name, runs_as, search_path;
    nlohmann::json definition;
};

// All throw the same UserError 42704 for an object that does not exist and for one that may not be seen.
VisibleSegment FindSegment(const AgentScope& scope, const std::string& name);
void FindIncident(const AgentScope& scope, int64_t incident, bool of_segment);
int64_t FindMonitor(const AgentScope& scope, const std::string& relation);

// The visible segments that read a relation.
std::vector<VisibleSegment> SegmentsOver(const AgentScope& scope, const std::string& relation);
// A segment by its name, or a monitored table.
bool IsVisible(const AgentScope& scope, const std::string& segment, const std::string& relation);

// Remove from the input what the owner of its incident may not see.
void KeepVisible(const AgentScope& scope, DiagnosisInput& input);
void KeepVisible(const AgentScope& scope, TableDiagnosisInput& input);

// List the attributes of a segment's newest snapshot.
std::string AttributesOf(const VisibleSegment& segment);
// Learn the common values of a segment's newest snapshot.
void LearnNewest(const VisibleSegment& segment, Redactor& redactor);

}  // namespace pulse::diagnosis
