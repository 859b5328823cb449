// Takes the checkpoints of the audit log outside: as messages to the channel pulse.audit_channel.
#include "pulse/audit/chain.hpp"
#include "pulse/audit/listener.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/payload_text.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

constexpr const char* kCheckpointKind = "checkpoint";
constexpr const char* kCheckpointEvent = "audit.checkpoint";

// Its number is in the order key; the text is made when it is sent, for the kind of channel that there is
// then.
void NoteCheckpoint(const audit::Checkpoint& checkpoint) {
    static pg::Statement statement(
        "INSERT INTO pulse.outbox (channel, kind, event, order_key) VALUES ($1, $2, $3, 'audit:' || $4::text)",
        {TEXTOID, TEXTOID, TEXTOID, INT8OID});
    const std::string channel = pg::settings::AuditChannel();
    if (channel.empty()) return;
    statement.Execute({Value::Text(channel), Value::Text(kCheckpointKind), Value::Text(kCheckpointEvent),
                       Value::Int8(checkpoint.seq)});
    WakeDelivery();
}

std::optional<std::string> ComposeCheckpoint(Message& message, const Channel& channel) {
    static pg::Statement read(
        "SELECT seq, encode(hash, 'hex'), at, current_database()::text FROM pulse.audit_checkpoint"
        " WHERE 'audit:' || seq::text = $1 AND seq = substr($1, 7)::bigint",
        {TEXTOID});
    static pg::Statement save("UPDATE pulse.outbox SET payload = $2 WHERE id = $1", {INT8OID, JSONBOID});
    const pg::Result rows = read.Execute({Value::Text(message.order_key)});
    if (rows.empty()) return "the checkpoint no longer exists";
    const std::string seq = std::to_string(rows[0].Int8(0)), hash = rows[0].Text(1);
    const Envelope envelope{message.key, message.key, message.event, "", message.created_at, false};
    const TextMessage text{
        "Checkpoint of the audit log",
        "Link " + seq + " of the audit log of database " + rows[0].Text(3) + " has the hash " + hash +
            ". Keep it: SELECT * FROM pulse_verify_audit('{\"seq\": " + seq + ", \"hash\": \"" + hash +
            "\"}') proves later that nothing before it was changed.",
        {{"seq", rows[0].Int8(0)},
         {"hash", hash},
         {"at", IsoTime(rows[0].Time(2))},
         {"database", rows[0].Text(3)}}};
    message.payload = MakeTextPayload(channel, envelope, text);
    save.Execute({Value::Int8(message.id), Value::Jsonb(message.payload)});
    return std::nullopt;
}

[[maybe_unused]] const bool listening_to_audit =
    audit::ListenToCheckpoints(NoteCheckpoint) &&
    RegisterMessageKind({kCheckpointKind, ComposeCheckpoint, nullptr});

}  // namespace

}  // namespace pulse::delivery
