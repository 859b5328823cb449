// Storing rejected events.
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr size_t kLargest = 1024 * 1024;

// The equivalent JSON of an event that came as columns.
Datum MakePayload(const EventFields& fields) {
    std::vector<std::pair<const char*, Value>> members;
    const auto add = [&](const char* key, const json::Value& node) {
        if (node.Given()) members.emplace_back(key, Value{JSONBOID, pg::CutOut(node), false});
    };
    add("type", fields.type);
    add("event", fields.event);
    add("name", fields.name);
    add("userId", fields.user_id);
    add("anonymousId", fields.anonymous_id);
    add("deviceId", fields.device_id);
    add("previousId", fields.previous_id);
    add("groupId", fields.group_id);
    add("email", fields.email);
    add("phone", fields.phone);
    add("identifiers", fields.identifiers);
    add("messageId", fields.message_id);
    add("timestamp", fields.timestamp);
    if (fields.at) members.emplace_back("timestamp", Value::Text(FormatMoment(*fields.at)));
    add("sentAt", fields.sent_at);
    add("properties", fields.properties);
    add("traits", fields.traits);
    add("context", fields.context);
    add("$set", fields.set);
    add("$set_once", fields.set_once);
    return pg::MakeObject(members);
}

Datum PayloadOf(const IncomingEvent& incoming) {
    if (incoming.fields.size > kLargest)
        return pg::MakeObject({{"bytes", Value::Int8(static_cast<int64_t>(incoming.fields.size))}});
    if (incoming.whole.Is(json::Type::kAbsent)) return MakePayload(incoming.fields);
    const Datum whole = pg::CutOut(incoming.whole);
    if (!incoming.completed) return whole;
    // A replay does not have the batch: include its fields.
    std::vector<std::pair<const char*, Value>> members;
    for (const auto& [key, node] :
         {std::pair{"sentAt", incoming.fields.sent_at}, std::pair{"context", incoming.fields.context}})
        if (node.Given()) members.emplace_back(key, Value{JSONBOID, pg::CutOut(node), false});
    return pg::Concatenate(whole, pg::MakeObject(members));
}

}  // namespace

void StoreRejected(const std::vector<IncomingEvent>& incoming, const std::vector<IngestResult>& results) {
    std::vector<Datum> received, sources, ids, reasons, details, payloads;
    std::vector<bool> without, imported;
    for (size_t i = 0; i < incoming.size(); ++i) {
        const IngestResult& result = results[i];
        if (result.status != IngestResult::Status::kRejected || result.reason == kErased) continue;
        received.push_back(TimestampTzGetDatum(incoming[i].received_at));
        imported.push_back(incoming[i].cause == Cause::kImport);
        sources.push_back(pg::FromText(incoming[i].source));
        ids.push_back(result.message_id.empty() ? Datum{0} : pg::FromText(result.message_id));
        without.push_back(result.message_id.empty());
        reasons.push_back(pg::FromText(result.reason));
        details.push_back(pg::FromText(result.detail));
        payloads.push_back(PayloadOf(incoming[i]));
    }
    if (received.empty()) return;
    static pg::Statement statement(
        "INSERT INTO pulse.rejected_event (received_at, source, message_id, reason, detail, payload,"
        " imported)"
        " SELECT r.at, r.source, r.message_id, r.reason, r.detail, r.payload, r.imported"
        " FROM unnest($1, $2, $3, $4, $5, $6, $7) AS r (at, message_id, reason, detail, payload, source,"
        " imported)",
        {TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TEXTARRAYOID,
         BOOLARRAYOID});
    statement.Execute({pg::ArrayOf(TIMESTAMPTZOID, received), pg::ArrayOf(TEXTOID, ids, without),
                       pg::ArrayOf(TEXTOID, reasons), pg::ArrayOf(TEXTOID, details),
                       pg::ArrayOf(JSONBOID, payloads), pg::ArrayOf(TEXTOID, sources),
                       pg::BoolArray(imported)});
}

int64_t DeleteOldRejected(Moment before, int64_t rows) {
    static pg::Statement statement(
        "DELETE FROM pulse.rejected_event WHERE id = ANY (ARRAY(SELECT r.id FROM pulse.rejected_event AS r"
        " WHERE r.received_at < $1"
        " ORDER BY r.received_at LIMIT $2))",
        {TIMESTAMPTZOID, INT8OID});
    return static_cast<int64_t>(statement.Execute({Value::Time(before), Value::Int8(rows)}).processed());
}

}  // namespace pulse::profile
