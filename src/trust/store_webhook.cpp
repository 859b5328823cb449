// Actions that leave as signed webhooks. The message is written anew for each attempt to send it: so the gate
// is asked just before, and no table contains the token with which the receiver reports the outcome.
#include <charconv>
#include <nlohmann/json.hpp>

#include "pulse/base/options.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_automation.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

constexpr const char* kKind = "action";

// "action:12:1": the action and the attempt.
std::string OrderKeyOf(const ActionRow& row) {
    return "action:" + std::to_string(row.id) + ":" + std::to_string(row.attempt);
}

struct Reference {
    int64_t action = 0, attempt = 0;
};

std::optional<Reference> ReadReference(std::string_view text) {
    if (!text.starts_with("action:")) return std::nullopt;
    text.remove_prefix(7);
    Reference reference;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, reference.action);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, reference.attempt);
    if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
    return reference;
}

json PayloadOf(const ActionRow& row, const Token& token) {
    return {{"type", "action.requested"},
            {"timestamp", delivery::IsoTime(pg::Now())},
            {"data",
             {{"action", row.id},
              {"attempt", row.attempt},
              {"name", row.name},
              {"subject", row.subject},
              {"payload", row.payload},
              {"reason", row.reason ? json(*row.reason) : json()},
              {"risk", row.risk},
              {"automation", row.automation ? json(*row.automation) : json()},
              {"decision", row.decision},
              {"token", token.text},
              {"token_expires_at", delivery::IsoTime(token.expires_at)}}}};
}

// The attempt ends without a message; the job decides anew.
std::string TakeBack(ActionRow& row, const Assessed* assessed, const std::string& reason) {
    const Course course = assessed ? assessed->course : Course{State::kApproved, Need::kNone};
    pg::Execute("UPDATE pulse.action SET applied_at = NULL, retry_at = NULL WHERE id = $1",
                {Value::Int8(row.id)});
    TakeStep(row,
             {.event = assessed && assessed->gate.verdict == Verdict::kBlock ? "blocked" : "held",
              .state = course.state,
              .need = course.need,
              .actor = kPulseItself,
              .note = reason},
             assessed);
    return reason;
}

std::optional<std::string> ComposeAction(delivery::Message& message, const delivery::Channel&) {
    const std::optional<Reference> reference = ReadReference(message.order_key);
    if (!reference) return "the message has no action";
    ActionRow row = LockAction(reference->action);
    if (row.state != State::kApplying || row.attempt != reference->attempt)
        return "the action is not being applied any more";
    if (const auto why = WhyFrozen(row.risk)) return TakeBack(row, nullptr, *why);
    // The job ends it: as expired, or as that of a stopped automation.
    if (row.expires_at <= pg::Now()) return TakeBack(row, nullptr, "it waited for too long");
    if (row.automation)
        if (const auto why = WhyStopped(*row.automation)) return TakeBack(row, nullptr, *why);
    const Assessed assessed = Assess(row, LoadEnforcement(), false);
    if (assessed.course.state != State::kApproved)
        return TakeBack(row, &assessed, "the gate or a limit does not let it pass any more");
    row.decision = assessed.gate.id;
    pg::Execute("UPDATE pulse.action SET decision_id = nullif($2, 0), decided_at = $3 WHERE id = $1",
                {Value::Int8(row.id), Value::Int8(row.decision), Value::Time(pg::Now())});
    // An answer may have been lost: the tokens of earlier messages of this attempt stay valid, too.
    message.payload = PayloadOf(row, NewToken(row.id, "outcome", row.attempt, row.expires_at));
    return std::nullopt;
}

// A message that could not be delivered ends its action.
void EndWebhooks(const std::vector<int64_t>& messages) {
    const pg::Result rows = pg::Execute(
        "SELECT order_key, coalesce(error, status) FROM pulse.outbox WHERE id = ANY ($1)"
        " AND status IN ('dead', 'cancelled')",
        {Value::Int8s(messages)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::optional<Reference> reference = ReadReference(rows[i].Text(0));
        if (!reference) continue;
        std::optional<ActionRow> row = TryLockAction(reference->action);
        if (!row || row->state != State::kApplying || row->attempt != reference->attempt) continue;
        pg::Execute("UPDATE pulse.action SET error = $2 WHERE id = $1",
                    {Value::Int8(row->id), Value::Text("the message was not delivered: " + rows[i].Text(1))});
        TakeStep(*row,
                 {.event = "failed",
                  .state = State::kFailed,
                  .actor = kPulseItself,
                  .note = "the message was not delivered"},
                 nullptr);
    }
}

[[maybe_unused]] const bool webhook_kind_registered =
    delivery::RegisterMessageKind({kKind, ComposeAction, EndWebhooks});

}  // namespace

bool IsWebhook(const std::string& channel) {
    const std::optional<pg::ForeignServer> server = pg::FindServer("pulse_channel", channel);
    if (!server)
        throw UserError(sqlstate::kUndefinedObject, "channel \"" + channel + "\" does not exist", "",
                        "pulse_create_channel() creates channels.");
    for (const auto& [name, value] : server->options)
        if (name == "kind") return value == "webhook";
    return false;
}

void QueueWebhook(const ActionRow& row) {
    pg::Execute(
        "INSERT INTO pulse.outbox (channel, kind, event, order_key) VALUES ($1, $2, 'action.requested', $3)",
        {Value::Text(row.channel.value_or("")), Value::Text(kKind), Value::Text(OrderKeyOf(row))});
}

void CancelWebhook(const ActionRow& row, const std::string& reason) {
    if (!row.channel) return;
    delivery::ReleaseAfter(pg::Execute(
        "UPDATE pulse.outbox SET status = 'cancelled', error = $3, finished_at = clock_timestamp(), waits = false"
        " WHERE channel = $1 AND order_key = $2 AND status = 'pending' RETURNING id",
        {Value::Text(*row.channel), Value::Text(OrderKeyOf(row)), Value::Text(reason)}));
}

}  // namespace pulse::trust
