// The SQL-callable functions of the agent.
#include "pulse/audit/store.hpp"
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/store_investigation.hpp"
#include "pulse/http/require_tls.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/wait.hpp"

namespace pg = pulse::pg;
namespace diagnosis = pulse::diagnosis;
using pulse::UserError;
using pulse::pg::Value;
namespace sqlstate = pulse::sqlstate;

namespace {

constexpr const char* kModelExample =
    "{\"protocol\": \"openai\", \"base_url\": \"https://api.openai.com/v1\", \"model\": \"gpt-4.1-mini\", "
    "\"api_key\": \"...\"}";
constexpr const char* kQueueProcess = "pulse_investigation_main";
// A waiting session holds a snapshot, so vacuum cannot remove rows that are deleted meanwhile.
constexpr int64_t kMaxWait = 10 * pulse::kMinute;
constexpr long kFirstPoll = 20, kMaxPoll = 500;  // ms

// The time to wait in microseconds; empty for not waiting.
std::optional<int64_t> WaitArgument(const pg::Args& args, int i) {
    if (args.IsNull(i)) return std::nullopt;
    const Interval* interval = DatumGetIntervalP(args.Raw(i));
    if (interval->month != 0 || interval->day != 0 || interval->time < 0 || interval->time > kMaxWait)
        throw UserError(
            sqlstate::kInvalidParameter, "\"wait\" is out of range",
            "It is " + pg::ToOutput(args.Raw(i), INTERVALOID) + ".",
            "Give a time up to 10 minutes, such as wait => '30s'; without it, pulse.investigation shows the "
            "progress.");
    return interval->time;
}

// Waiting requires that this transaction sees what others commit meanwhile.
void RequireFreshSnapshots() {
    if (IsolationUsesXactSnapshot())
        throw UserError(sqlstate::kNotReady, "pulse_investigate_incident() cannot wait in this transaction",
                        "Its isolation level hides what other sessions commit meanwhile.",
                        "Omit \"wait\", or use READ COMMITTED.");
}

void NoticeIfNothingRuns() {
    if (!pg::settings::run_jobs)
        pg::Notice("investigations do not run while pulse.run_jobs is off", "Set it in postgresql.conf.");
    else if (!pg::settings::send_messages)
        pg::Notice("models are not called while pulse.send_messages is off", "Set it in postgresql.conf.");
    else if (pg::FindLauncher() == 0)
        pg::Notice(
            "no worker is running to investigate",
            "SELECT pulse_start() starts one for this database; shared_preload_libraries = 'pulse' starts "
            "one with the server.");
}

template <typename Body>
auto AsOwner(Body body) {
    const pg::OwnerSession session;
    return body();
}

// A separate process queues and commits it, because the worker cannot see uncommitted rows.
void QueueInBackground(int64_t incident, const std::string& caller) {
    const Oid role = pg::Call([&] { return get_role_oid(caller.c_str(), false); });
    pg::RunAside(kQueueProcess,
                 std::to_string(MyDatabaseId) + " " + std::to_string(role) + " " + std::to_string(incident));
}

diagnosis::Investigation WaitForInvestigation(int64_t incident, int64_t before, int64_t microseconds) {
    const pulse::Moment until = pg::WallClock() + microseconds;
    long pause = kFirstPoll;
    for (;;) {
        const auto newest = AsOwner([&] { return diagnosis::NewestInvestigation(incident); });
        const bool live = newest && (newest->status == "queued" || newest->status == "running");
        if (!newest || (newest->id <= before && !live))
            throw UserError(
                sqlstate::kNotReady, "the investigation could not be queued",
                "Another process queues it; it sees only committed data and does not wait for locks.",
                "Try again after COMMIT; see the server's log for details.");
        const int64_t left = until - pg::WallClock();
        if (!live || left <= 0) return *newest;
        pg::Wait(std::min(pause, static_cast<long>(left / 1000 + 1)));
        pause = std::min(pause * 2, kMaxPoll);
    }
}

Datum InvestigationRow(FunctionCallInfo fcinfo, const diagnosis::Investigation& one) {
    pg::ResultSet result(fcinfo);
    result.Add({Value::Int8(one.id), Value::Text(one.status), Value::Int4(one.steps),
                one.result ? Value::Jsonb(*one.result) : Value::Null(JSONBOID), Value::Text(one.reason)});
    return pg::ResultSet::Done();
}

}  // namespace

PULSE_FUNCTION(pulse_model_validator) {
    pg::ValidateOptions(fcinfo, "pulse_model", diagnosis::ModelOptions(), diagnosis::CheckModelOptions);
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_create_model) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT pulse_create_model(...)");
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_create_model()");
        const pg::Json options = args.RequireJsonb(1, "options");
        pulse::http::RequireTls(options, pg::settings::allow_http);
        const std::string name = args.RequireText(0, "name");
        pg::CreateServer("model", name, "pulse_model", diagnosis::ModelOptions(), options, kModelExample);
        pulse::audit::Write("model.created", name);
    });
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_investigate_incident) {
    const pg::Args args(fcinfo);
    const int64_t incident = args.RequireInt8(0, "incident");
    const std::optional<int64_t> wait = WaitArgument(args, 1);
    const std::string caller = pg::ActorName();
    if (wait) RequireFreshSnapshots();
    int64_t before = 0;
    bool live = false;
    AsOwner([&] {
        diagnosis::RequireIncident(incident);
        const auto newest = diagnosis::NewestInvestigation(incident);
        live = newest && (newest->status == "queued" || newest->status == "running");
        if (!live) diagnosis::ChooseModel();
        if (newest) before = newest->id;
        return 0;
    });
    NoticeIfNothingRuns();
    if (wait) {
        if (!live) QueueInBackground(incident, caller);
        return InvestigationRow(fcinfo, WaitForInvestigation(incident, before, *wait));
    }
    const diagnosis::Investigation queued = AsOwner([&] {
        const std::optional<int64_t> id = diagnosis::QueueInvestigation(incident, caller);
        if (!id)
            throw UserError(sqlstate::kNotReady, "the investigation could not be queued", "", "Try again.");
        return diagnosis::LoadInvestigation(*id).value();
    });
    return InvestigationRow(fcinfo, queued);
}

PULSE_WRITING_FUNCTION(pulse_cancel_investigation) {
    const int64_t id = pg::Args(fcinfo).RequireInt8(0, "investigation");
    const std::string caller = pg::ActorName();
    const bool cancelled = AsOwner([&] { return diagnosis::CancelInvestigation(id, caller); });
    if (!cancelled) pg::Notice("investigation " + std::to_string(id) + " had already ended");
    PG_RETURN_BOOL(cancelled);
}
