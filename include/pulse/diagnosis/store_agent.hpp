// Investigations in the database: asked for, taken, kept step by step. For entry code.
#pragma once

#include "pulse/diagnosis/agent_plan.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::diagnosis {

// ---- store_agent.cpp: need an open pg::Session as pg::Identity::Owner() ----

// The server of pulse_model that is to be used. Throws UserError 55000 when there is none, or more than one
// and no setting says which.
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
// The newest of an incident.
std::optional<Investigation> NewestInvestigation(int64_t incident);
void RequireIncident(int64_t incident);

// Takes up to `most` that are due and not among `mine`; what runs already was left behind by a
// process that ended. `attempts` counts those of them that were neither postponed nor got further.
std::vector<Investigation> ClaimInvestigations(int64_t most, const std::vector<int64_t>& mine);
// When the next one is due; nothing when none waits.
std::optional<Moment> NextInvestigationTime();

std::vector<AgentStep> LoadSteps(int64_t investigation);
// `tokens` of a model's answer: sent and answered.
struct StepUsage {
    Moment started_at = 0;
    double milliseconds = 0;
    std::optional<int64_t> input_tokens, output_tokens;
    double cost = 0;
};
void StoreStep(int64_t investigation, const AgentStep& step, const StepUsage& usage);
// Counts what a request used, and that the process which made it lived. False when the investigation runs no
// more: somebody cancelled it.
bool AddUsage(int64_t investigation, int step, const StepUsage& usage);
void PostponeInvestigation(int64_t investigation, int64_t microseconds, const std::string& reason);
// The same for all that are due.
void PostponeDueInvestigations(int64_t microseconds, const std::string& reason);
void FinishInvestigation(int64_t investigation, const Json& result);
void FailInvestigation(int64_t investigation, const std::string& reason);
// False when it had ended already. Throws UserError 42704.
bool CancelInvestigation(int64_t investigation, const std::string& by);

// What it used, and what all requests of the last 24 hours did; of investigations that were deleted nothing
// is known.
AgentUsage LoadUsage(const Investigation& investigation);
AgentLimits CurrentLimits();

// ---- store_agent_briefing.cpp ----

// What the model is told first; needs a session of the owner.
Json MakeBriefing(int64_t incident);
// Why a statement that a model recommends cannot be shown; empty when it can.
std::string SqlProblem(const std::string& sql);
// What the newest investigation of an incident found, or why it did not, as lines of text.
std::vector<std::string> DescribeInvestigation(int64_t incident);

// ---- store_agent_tools.cpp: outside any transaction ----

struct ToolOutput {
    Json result;
    std::optional<std::string> error;
};
// Calls one tool in a transaction of its own with the rights of the incident's owner. `previews` were made
// before.
ToolOutput CallTool(int64_t incident, const ToolCall& call, int64_t previews);

// ---- worker_investigate.cpp: outside any transaction ----

// What a run of the job investigations did: how many ended, and a sentence.
struct InvestigationRun {
    int64_t done = 0;
    std::string message;
};
// Lets the model look into incidents until none waits.
InvestigationRun Investigate();

}  // namespace pulse::diagnosis
