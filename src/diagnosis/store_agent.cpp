#include "pulse/diagnosis/store_agent.hpp"

#include "pulse/diagnosis/store_investigation.hpp"
#include "pulse/drift/unknown_incident.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

constexpr const char* kWrapper = "pulse_model";
constexpr const char* kColumns =
    "id, incident_id, model, status, requested_by::text, attempts, steps, input_tokens, output_tokens, "
    "cost, result, reason, finished_at";

Investigation ReadRow(const pg::Row& row) {
    Investigation one;
    one.id = row.Int8(0);
    one.incident = row.Int8(1);
    one.model = row.Text(2);
    one.status = row.Text(3);
    one.requested_by = row.Text(4);
    one.attempts = row.Int4(5);
    one.steps = row.Int4(6);
    one.input_tokens = row.Int8(7);
    one.output_tokens = row.Int8(8);
    one.cost = row.Float8(9);
    if (!row.IsNull(10)) one.result = row.Jsonb(10);
    one.reason = row.TextOrNull(11);
    one.finished_at = row.TimeOrNull(12);
    return one;
}

std::optional<Investigation> LoadOne(const std::string& where, int64_t id) {
    const pg::Result rows = pg::Execute(
        std::string("SELECT ") + kColumns + " FROM pulse.investigation WHERE " + where, {Value::Int8(id)});
    return rows.empty() ? std::nullopt : std::optional(ReadRow(rows[0]));
}

Value JsonOrNull(const Json& json) {
    return json.is_null() ? Value::Null(JSONBOID) : Value::Jsonb(json);
}

}  // namespace

std::string ChooseModel() {
    constexpr const char* kMake =
        "SELECT pulse_create_model('gpt', '{\"protocol\": \"openai\", \"base_url\":"
        " \"https://api.openai.com/v1\", "
        "\"model\": \"...\", \"api_key\": \"...\"}') creates one.";
    const std::string chosen = pg::settings::AgentModel() ? pg::settings::AgentModel() : "";
    const std::vector<std::string> names = pg::ServerNames(kWrapper);
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    if (names.empty()) throw UserError(sqlstate::kNotReady, "no model is configured", "", kMake);
    if (!chosen.empty()) {
        for (const std::string& name : names)
            if (name == chosen) return name;
        throw UserError(sqlstate::kNotReady, "model \"" + chosen + "\" (pulse.agent_model) does not exist",
                        "Models are: " + list + ".", "Set pulse.agent_model to one of them.");
    }
    if (names.size() > 1)
        throw UserError(sqlstate::kNotReady, "there is more than one model", "Models are: " + list + ".",
                        "Set pulse.agent_model to one of them.");
    return names.front();
}

Model LoadModel(const std::string& name) {
    const std::optional<pg::ForeignServer> server = pg::FindServer(kWrapper, name);
    if (!server)
        throw UserError(sqlstate::kUndefinedObject, "model \"" + name + "\" does not exist", "",
                        "pulse_create_model() creates one.");
    return MakeModel(name, server->options, server->mapping);
}

std::optional<Investigation> LoadInvestigation(int64_t id) {
    return LoadOne("id = $1", id);
}

std::optional<Investigation> NewestInvestigation(int64_t incident) {
    return LoadOne("incident_id = $1 ORDER BY id DESC LIMIT 1", incident);
}

void RequireIncident(int64_t incident) {
    const pg::Result rows = pg::Execute("SELECT event IS NOT NULL FROM pulse.incident_record WHERE id = $1",
                                        {Value::Int8(incident)});
    if (rows.empty()) drift::ThrowUnknownIncident(incident);
    if (rows[0].Bool(0))
        throw UserError(sqlstate::kWrongObjectType,
                        "incident " + std::to_string(incident) + " is about events",
                        "The agent looks into segments and tables.",
                        "pulse_explain_incident() says what is known of it.");
}

std::vector<Investigation> ClaimInvestigations(int64_t most, const std::vector<int64_t>& mine) {
    std::vector<Investigation> claimed;
    if (most <= 0) return claimed;
    const pg::Result rows = pg::Execute(
        std::string(
            "UPDATE pulse.investigation SET status = 'running', attempts = attempts + (status ="
            " 'running')::int, "
            "started_at = coalesce(started_at, clock_timestamp()) WHERE id IN (SELECT id"
            " FROM pulse.investigation "
            "WHERE status IN ('queued', 'running') AND next_try_at <= clock_timestamp() AND id <> ALL ($1) "
            "ORDER BY next_try_at, id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING ") +
            kColumns,
        {Value::Int8s(mine), Value::Int8(most)});
    for (uint64_t i = 0; i < rows.size(); ++i) claimed.push_back(ReadRow(rows[i]));
    return claimed;
}

std::optional<Moment> NextInvestigationTime() {
    return pg::Execute(
               "SELECT min(next_try_at) FROM pulse.investigation WHERE status IN ('queued', 'running')")[0]
        .TimeOrNull(0);
}

std::vector<AgentStep> LoadSteps(int64_t investigation) {
    const pg::Result rows = pg::Execute(
        "SELECT step, kind, coalesce(name, ''), sent, answered, error FROM pulse.agent_step"
        " WHERE investigation_id = $1 ORDER BY id",
        {Value::Int8(investigation)});
    std::vector<AgentStep> steps;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        steps.push_back({row.Int4(0), row.Text(1), row.Text(2), row.IsNull(3) ? Json() : row.Jsonb(3),
                         row.IsNull(4) ? Json() : row.Jsonb(4), row.TextOrNull(5)});
    }
    return steps;
}

void StoreStep(int64_t investigation, const AgentStep& step, const StepUsage& usage) {
    pg::Execute(
        "INSERT INTO pulse.agent_step (investigation_id, step, kind, name, sent, answered, error,"
        " input_tokens, output_tokens, started_at, "
        "duration_ms, cost) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        {Value::Int8(investigation), Value::Int4(step.step), Value::Text(step.kind),
         step.name.empty() ? Value::Null(TEXTOID) : Value::Text(step.name), JsonOrNull(step.sent),
         JsonOrNull(step.answered), Value::Text(step.error), Value::Int8(usage.input_tokens),
         Value::Int8(usage.output_tokens), Value::Time(usage.started_at), Value::Float8(usage.milliseconds),
         step.kind == "model" ? Value::Float8(usage.cost) : Value::Null(FLOAT8OID)});
}

bool AddUsage(int64_t investigation, int step, const StepUsage& usage) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.investigation SET steps = greatest(steps, $2), input_tokens = input_tokens + $3,"
        " output_tokens = output_tokens + $4, "
        "cost = cost + $5, attempts = 0 WHERE id = $1 RETURNING status = 'running'",
        {Value::Int8(investigation), Value::Int4(step), Value::Int8(usage.input_tokens.value_or(0)),
         Value::Int8(usage.output_tokens.value_or(0)), Value::Float8(usage.cost)});
    return !rows.empty() && rows[0].Bool(0);
}

void PostponeInvestigation(int64_t investigation, int64_t microseconds, const std::string& reason) {
    pg::Execute(
        "UPDATE pulse.investigation SET next_try_at = clock_timestamp() + $2 * interval '1 microsecond',"
        " reason = $3, attempts = 0 "
        "WHERE id = $1 AND status = 'running'",
        {Value::Int8(investigation), Value::Float8(static_cast<double>(microseconds)), Value::Text(reason)});
}

void PostponeDueInvestigations(int64_t microseconds, const std::string& reason) {
    pg::Execute(
        "UPDATE pulse.investigation SET next_try_at = clock_timestamp() + $1 * interval '1 microsecond',"
        " reason = $2, attempts = 0 "
        "WHERE status IN ('queued', 'running') AND next_try_at <= clock_timestamp()",
        {Value::Float8(static_cast<double>(microseconds)), Value::Text(reason)});
}

void FinishInvestigation(int64_t investigation, const Json& result) {
    pg::Execute(
        "UPDATE pulse.investigation SET status = 'done', result = $2, reason = NULL, finished_at ="
        " clock_timestamp() "
        "WHERE id = $1 AND status = 'running'",
        {Value::Int8(investigation), Value::Jsonb(result)});
}

void FailInvestigation(int64_t investigation, const std::string& reason) {
    pg::Execute(
        "UPDATE pulse.investigation SET status = 'failed', reason = $2, finished_at = clock_timestamp()"
        " WHERE id = $1 AND status = 'running'",
        {Value::Int8(investigation), Value::Text(reason)});
}

bool CancelInvestigation(int64_t investigation, const std::string& by) {
    if (!LoadInvestigation(investigation))
        throw UserError(sqlstate::kUndefinedObject,
                        "investigation " + std::to_string(investigation) + " does not exist", "",
                        "Investigations are listed in pulse.investigation.");
    return pg::Execute(
               "UPDATE pulse.investigation SET status = 'cancelled', reason = $2, finished_at ="
               " clock_timestamp() "
               "WHERE id = $1 AND status IN ('queued', 'running')",
               {Value::Int8(investigation), Value::Text("cancelled by " + by)})
               .processed() > 0;
}

AgentUsage LoadUsage(const Investigation& investigation) {
    const pg::Result rows = pg::Execute(
        "SELECT coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0)::bigint,"
        " coalesce(sum(cost), 0)::float8 "
        "FROM pulse.agent_step WHERE kind = 'model' AND started_at > clock_timestamp() - interval '24"
        " hours'");
    const pg::Result own =
        pg::Execute("SELECT input_tokens, output_tokens, cost FROM pulse.investigation WHERE id = $1",
                    {Value::Int8(investigation.id)});
    AgentUsage usage;
    usage.daily_tokens = rows[0].Int8(0);
    usage.daily_cost = rows[0].Float8(1);
    if (own.empty()) return usage;
    usage.input_tokens = own[0].Int8(0);
    usage.output_tokens = own[0].Int8(1);
    usage.cost = own[0].Float8(2);
    return usage;
}

AgentLimits CurrentLimits() {
    namespace settings = pg::settings;
    return {settings::agent_max_steps, settings::agent_max_tokens, settings::agent_daily_tokens,
            settings::agent_max_cost, settings::agent_daily_cost};
}

}  // namespace pulse::diagnosis
