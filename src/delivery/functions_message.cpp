// The SQL-callable functions to retry and cancel messages: arguments in, result out.
#include <charconv>

#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"

namespace pg = pulse::pg;

namespace pulse::delivery {

namespace {

using pg::Value;

struct Found {
    std::string status;
    std::optional<int64_t> folded_into;
};

// Ending a message releases the next one, which an older snapshot may not show.
void RequireFreshSnapshots(const char* verb) {
    if (IsolationUsesXactSnapshot())
        throw UserError(sqlstate::kNotReady, std::string(verb) + "() cannot be called in this transaction",
                        "Its isolation level does not show what other transactions commit meanwhile.",
                        "Use READ COMMITTED.");
}

// Locked until the transaction ends.
Found Load(int64_t message) {
    const pg::Result rows = pg::Execute(
        "SELECT status, folded_into FROM pulse.outbox WHERE id = $1 FOR UPDATE", {Value::Int8(message)});
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedObject, "message " + std::to_string(message) + " does not exist",
                        "",
                        "The view pulse.message lists messages; finished ones are deleted after "
                        "pulse.message_retention.");
    return {rows[0].Text(0), rows[0].Int8OrNull(1)};
}

void RequireOwnMessage(int64_t message, const Found& found, const char* verb) {
    if (!found.folded_into || found.status == "pending") return;
    throw UserError(sqlstate::kNotReady, "message " + std::to_string(message) + " is part of another one",
                    "Message " + std::to_string(*found.folded_into) + " includes it.",
                    std::string(verb) + " message " + std::to_string(*found.folded_into) + " instead.");
}

[[noreturn]] void RefuseMessage(int64_t message, const std::string& what, const std::string& hint) {
    throw UserError(sqlstate::kNotReady, "message " + std::to_string(message) + " " + what, "", hint);
}

int64_t Retry(int64_t message) {
    const Found found = Load(message);
    RequireOwnMessage(message, found, "Retry");
    if (found.status == "sent") RefuseMessage(message, "was sent", "Sent messages cannot be sent again.");
    if (found.status == "sending")
        RefuseMessage(message, "is being sent", "Wait for the answer; pulse.message shows it.");
    pg::Execute(
        "UPDATE pulse.outbox SET status = 'pending', send_at = clock_timestamp(), attempts = 0, waits ="
        " false, finished_at = NULL"
        " WHERE id = $1",
        {Value::Int8(message)});
    pg::Execute(
        "UPDATE pulse.outbox SET status = 'sending', attempts = 0, finished_at = NULL"
        " WHERE folded_into = $1 AND status IN ('dead', 'cancelled')",
        {Value::Int8(message)});
    WakeDelivery();
    return 1;
}

// The ids of messages that are not part of another one.
std::vector<int64_t> LockUnsentMessages(const std::string& channel) {
    std::vector<int64_t> ids;
    const pg::Result rows = pg::Execute(
        "SELECT o.id FROM pulse.outbox AS o WHERE o.channel = $1 AND (o.status = 'dead'"
        " AND o.folded_into IS NULL"
        " OR o.status = 'pending' AND (o.attempts > 0 OR o.first_sent_at IS NOT NULL)) ORDER BY o.id FOR"
        " UPDATE SKIP LOCKED",
        {Value::Text(channel)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        ids.push_back(rows[i].Int8(0));
    }
    return ids;
}

int64_t RetryChannel(const std::string& channel) {
    const std::vector<int64_t> ids = LockUnsentMessages(channel);
    pg::Execute(
        "UPDATE pulse.outbox SET status = 'pending', send_at = clock_timestamp(), attempts = 0, waits ="
        " false, finished_at = NULL"
        " WHERE id = ANY ($1)",
        {Value::Int8s(ids)});
    pg::Execute(
        "UPDATE pulse.outbox SET status = 'sending', attempts = 0, finished_at = NULL"
        " WHERE folded_into = ANY ($1) AND status IN ('dead', 'cancelled')",
        {Value::Int8s(ids)});
    pg::Execute(
        "UPDATE pulse.channel_state SET failures = 0, open_until = NULL, disabled_at = NULL"
        " WHERE channel = $1",
        {Value::Text(channel)});
    WakeDelivery();
    return static_cast<int64_t>(ids.size());
}

// The id of a message that a driver sends without a type, so that it arrives as a text.
std::optional<int64_t> IdIn(const std::string& text) {
    int64_t id = 0;
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, id);
    return error == std::errc() && read == end ? std::optional(id) : std::nullopt;
}

int64_t RetryNamed(const std::string& name) {
    if (pg::FindServer("pulse_channel", name)) return RetryChannel(name);
    if (const auto message = IdIn(name)) return Retry(*message);
    ThrowUnknownChannel(name);
}

void Cancel(int64_t message, const std::string& reason) {
    const Found found = Load(message);
    RequireOwnMessage(message, found, "Cancel");
    if (found.status == "sending")
        RefuseMessage(message, "is being sent", "Wait for the answer; pulse.message shows it.");
    if (found.status != "pending")
        RefuseMessage(message, "has ended",
                      "It is " + found.status + "; only pending messages can be cancelled.");
    pg::Execute(
        "UPDATE pulse.outbox SET status = 'cancelled', error = $2, finished_at = clock_timestamp(), waits ="
        " false WHERE id = $1",
        {Value::Int8(message), Value::Text(reason)});
    std::vector<int64_t> ended{message};
    EndFolded(ended);
    Release(ended);
    WakeDelivery();
}

}  // namespace

}  // namespace pulse::delivery

PULSE_FUNCTION(pulse_wake_delivery) {
    pulse::delivery::WakeDelivery();
    return 0;
}

PULSE_WRITING_FUNCTION(pulse_retry_message) {
    const int64_t message = pg::Args(fcinfo).RequireInt8(0, "message");
    pulse::delivery::RequireFreshSnapshots("pulse_retry_message");
    const pg::OwnerSession session;
    return Int64GetDatum(pulse::delivery::Retry(message));
}

PULSE_WRITING_FUNCTION(pulse_retry_channel) {
    const std::string channel = pg::Args(fcinfo).RequireText(0, "channel");
    pulse::delivery::RequireFreshSnapshots("pulse_retry_message");
    const pg::OwnerSession session;
    return Int64GetDatum(pulse::delivery::RetryNamed(channel));
}

PULSE_WRITING_FUNCTION(pulse_cancel_message) {
    const pg::Args args(fcinfo);
    const int64_t message = args.RequireInt8(0, "message");
    pulse::delivery::RequireFreshSnapshots("pulse_cancel_message");
    const std::string actor = pg::ActorName();
    const auto reason = args.Text(1);
    const pg::OwnerSession session;
    pulse::delivery::Cancel(message,
                            "cancelled by " + actor + (reason && !reason->empty() ? ": " + *reason : ""));
    PG_RETURN_VOID();
}
