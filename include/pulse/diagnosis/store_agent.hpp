// Investigations in the database: queued, claimed, stored step by step. For entry code.
#pragma once

#include "pulse/diagnosis/agent_plan.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::diagnosis {

// ---- store_agent.cpp: need an open pg::Session as pg::Identity::Owner() ----

// Returns the server of pulse_model to use. Throws UserError 55000 when there is none, or more than one
// and pulse.agent_model is not set.
std::string ChooseModel();
// Throws UserError 42704, 22023.
Model LoadModel(const std::string& name);

// A row of pulse.investigation.
struct Investigation {
    int64_t id = 0, incident = 0;
    std::string model, status, requested_by;
    int attempts = 0, steps = 0;
    int64_t input_tokens = 0, output_tokens = 0;
    double cost = 0;
    std::optional<Json> result;
    std::optional<std::string> reason;
    std::optional<Moment> finished_at;
};
std::optional<Investigation> LoadInvestigation(int64_t id);
// The newest investigation of an incident.
std::optional<Investigation> NewestInvestigation(int64_t incident);
void RequireIncident(int64_t incident);

// Claims up to `most` that are due and not among `mine`; those already running were left behind by a
// process that ended. `attempts` counts the claims since the investigation last advanced or was postponed.
std::vector<Investigation> ClaimInvestigations(int64_t most, const std::vector<int64_t>& mine);
// When the next investigation is due; empty when none is waiting.
std::optional<Moment> NextInvestigationTime();

std::vector<AgentStep> LoadSteps(int64_t investigation);
// Time, tokens and cost of a step.
struct StepUsage {
    Moment started_at = 0;
    double milliseconds = 0;
    std::optional<int64_t> input_tokens, output_tokens;
    double cost = 0;
};
void StoreStep(int64_t investigation, const AgentStep& step, const StepUsage& usage);
// Adds the use of a request and resets `attempts`. Returns false when the investigation is no longer running,
// because it was cancelled.
bool AddUsage(int64_t investigation, int step, const StepUsage& usage);
void PostponeInvestigation(int64_t investigation, int64_t microseconds, const std::string& reason);
// Postpones all that are due.
void PostponeDueInvestigations(int64_t microseconds, const std::string& reason);
void FinishInvestigation(int64_t investigation, const Json& result);
void FailInvestigation(int64_t investigation, const std::string& reason);
// Returns false when it had already ended. Throws UserError 42704.
bool CancelInvestigation(int64_t investigation, const std::string& by);

// The use of an investigation, and of all requests of the last 24 hours, without deleted investigations.
AgentUsage LoadUsage(const Investigation& investigation);
AgentLimits CurrentLimits();

// ---- store_agent_briefing.cpp ----

// The first message to the model, as JSON; needs a session of the owner.
Json MakeBriefing(int64_t incident);
// Returns why a statement that a model recommends cannot be shown; empty when it can.
std::string SqlProblem(const std::string& sql);
// The result of the newest investigation of an incident, or why there is none, as lines of text.
std::vector<std::string> DescribeInvestigation(int64_t incident);

// ---- store_agent_tools.cpp: outside any transaction ----

struct ToolOutput {
    Json result;
    std::optional<std::string> error;
};
// Calls one tool in a separate transaction with the rights of the incident's owner. `previews` is the number
// of earlier previews.
ToolOutput CallTool(int64_t incident, const ToolCall& call, int64_t previews);

// ---- worker_investigate.cpp: outside any transaction ----

// The result of a run of the job investigations: how many ended, and a message.
struct InvestigationRun {
    int64_t done = 0;
    std::string message;
};
// Runs investigations until none is waiting.
InvestigationRun Investigate();

}  // namespace pulse::diagnosis
