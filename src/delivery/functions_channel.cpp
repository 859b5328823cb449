// The SQL-callable functions about channels: arguments in, result out.
#include <chrono>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/classify_response.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/drift/unknown_incident.hpp"
#include "pulse/http/require_tls.hpp"
#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"

namespace pg = pulse::pg;
namespace delivery = pulse::delivery;
namespace http = pulse::http;
namespace options = pulse::options;
using pg::Json;
using pg::Value;
using pulse::Moment;
using pulse::UserError;

namespace {

constexpr const char* kExample = "{\"url\": \"https://hooks.slack.com/services/...\"}";

// Signatures need the system clock; pulse.now does not apply.
Moment RealTime() {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count() -
           946'684'800 * pulse::kSecond;
}

Json WithKind(const std::string& kind, Json all) {
    if (!all.is_object()) return all;  // CreateServer() reports it
    const auto given = all.find("kind");
    if (given != all.end() && *given != kind)
        throw UserError(pulse::sqlstate::kInvalidParameter,
                        "the option \"kind\" contradicts the argument \"kind\"", "", "Leave the option out.");
    all["kind"] = kind;
    return all;
}

struct ChannelTest {
    std::string status, hint;
    http::Response answer;
};

std::string HintOf(const http::Response& answer, const http::Classification& classified) {
    using http::Verdict;
    if (classified.verdict == Verdict::kDelivered) return "";
    if (answer.forbidden)
        return "The settings of this server do not allow it: see pulse.allow_http and pulse.allowed_hosts.";
    if (classified.verdict == Verdict::kRetry)
        return classified.overloaded ? "The receiver is overloaded: try again later."
                                     : "The failure may be temporary: try again, or correct the address.";
    if (classified.verdict == Verdict::kGone)
        return "The receiver no longer exists: give the channel another address.";
    return "Correct the options of the channel or of its user mapping.";
}

ChannelTest Try(const delivery::Channel& channel, const std::string& key) {
    delivery::Envelope envelope;
    envelope.key = envelope.thread = key;
    envelope.event = "test";
    envelope.created_at = RealTime();
    const Json payload = delivery::MakeTestPayload(channel, envelope);
    ChannelTest trial;
    trial.answer = http::SendAndWait(delivery::MakeRequest(channel, envelope, payload, RealTime()));
    const http::Classification classified = delivery::ClassifyResponse(channel.kind, trial.answer);
    switch (classified.verdict) {
        case http::Verdict::kDelivered: trial.status = "ok"; break;
        case http::Verdict::kRetry: trial.status = "failed"; break;
        case http::Verdict::kRefused: trial.status = "refused"; break;
        case http::Verdict::kGone: trial.status = "gone"; break;
    }
    if (trial.answer.error.empty() && trial.answer.body.empty() && trial.status != "ok")
        trial.answer.body = classified.reason;
    trial.hint = HintOf(trial.answer, classified);
    return trial;
}

// Lets a paused or disabled channel send its pending messages now. The row of any other channel is not
// locked.
void Enable(const std::string& name) {
    if (pg::ReadOnly()) return;
    const pg::OwnerSession session;
    const pg::Result changed = pg::Execute(
        "UPDATE pulse.channel_state SET failures = 0, open_until = NULL, disabled_at = NULL, last_ok_at ="
        " clock_timestamp() "
        "WHERE channel = $1 AND (failures > 0 OR open_until IS NOT NULL OR disabled_at IS NOT NULL)",
        {Value::Text(name)});
    if (changed.processed() > 0) delivery::WakeDelivery();
}

// Deletes the state of a dropped channel with the same name.
void Forget(const std::string& name) {
    const pg::OwnerSession session;
    pg::Execute("DELETE FROM pulse.channel_state WHERE channel = $1", {Value::Text(name)});
}

delivery::Channel Load(const std::string& name, std::string* key) {
    const pg::OwnerSession session;
    if (key) *key = pg::Execute("SELECT 'test_' || replace(gen_random_uuid()::text, '-', '')")[0].Text(0);
    return delivery::LoadChannel(name);
}

std::string EventOf(const std::string& status) {
    return status == "open" ? "opened" : status;
}

Json Preview(int64_t incident, const std::string& name) {
    const delivery::Channel channel = Load(name, nullptr);
    std::vector<delivery::IncidentSummary> summaries;
    {
        const pg::OwnerSession session;
        summaries = delivery::LoadIncidentSummaries({incident}, false);
    }
    if (summaries.empty()) pulse::drift::ThrowUnknownIncident(incident);
    delivery::Envelope envelope;
    envelope.key = envelope.thread = "preview";
    envelope.event = EventOf(summaries[0].status);
    envelope.created_at = pg::Now();
    Json payload = delivery::MakePayload(channel, envelope, summaries);
    if (channel.kind == delivery::ChannelKind::kPagerduty) payload["routing_key"] = "***";
    return payload;
}

}  // namespace

PULSE_FUNCTION(pulse_channel_validator) {
    pg::ValidateOptions(fcinfo, "pulse_channel", delivery::ChannelOptions(), delivery::CheckChannelOptions);
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_create_channel) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT pulse_create_channel(...)");
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_create_channel()");
        const std::string name = args.RequireText(0, "name");
        const std::string kind = args.RequireText(1, "kind");
        const Json all = WithKind(kind, args.RequireJsonb(2, "options"));
        pg::CheckServerOptions(delivery::ChannelOptions(), all, [&](const auto& server, const auto& mapping) {
            delivery::MakeChannel(name, server, mapping);
        });
        http::RequireTls(all, pg::settings::allow_http);
        pg::CreateServer("channel", name, "pulse_channel", delivery::ChannelOptions(), all, kExample);
        Forget(name);
        pulse::audit::Write("channel.created", name, {{"kind", kind}});
    });
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_test_channel) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    ChannelTest trial;
    std::optional<delivery::Channel> channel;
    std::string key;
    try {
        channel = Load(name, &key);
    } catch (const UserError& error) {
        if (error.state() != pulse::sqlstate::kInvalidParameter) throw;
        trial.status = "incomplete";
        trial.answer.error = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
        trial.hint = error.hint();
    }
    if (channel) trial = Try(*channel, key);
    if (trial.status == "ok") Enable(name);
    const std::string text = trial.answer.error.empty() ? trial.answer.body : trial.answer.error;
    const bool answered = trial.answer.status != 0;
    pg::ResultSet results(fcinfo);
    results.Add({Value::Text(name), Value::Text(trial.status),
                 answered ? Value::Int4(trial.answer.status) : Value::Null(INT4OID),
                 Value::Text(delivery::Clean(text, 500)),
                 channel ? Value::Float8(trial.answer.milliseconds) : Value::Null(FLOAT8OID),
                 trial.hint.empty() ? Value::Null(TEXTOID) : Value::Text(trial.hint)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_preview_message) {
    const pg::Args args(fcinfo);
    const int64_t incident = args.RequireInt8(0, "incident");
    return pg::FromJson(Preview(incident, args.RequireText(1, "channel")));
}
