// What could not be accepted.
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr size_t kLargest = 1024 * 1024;

// An event of columns as the JSON that would have said the same.
Datum MakePayload(const Incoming& incoming) {
    std::vector<std::pair<const char*, Value>> members;
    const auto add = [&](const char* key, const json::Value& node) {
        if (node.Given()) members.emplace_back(key, Value{JSONBOID, pg::CutOut(node), false});
    };
    add("type", incoming.type);
    add("event", incoming.event);
    add("name", incoming.name);
    add("userId", incoming.user_id);
    add("anonymousId", incoming.anonymous_id);
    add("deviceId", incoming.device_id);
    add("previousId", incoming.previous_id);
    add("groupId", incoming.group_id);
    add("email", incoming.email);
    add("phone", incoming.phone);
    add("identifiers", incoming.identifiers);
    add("messageId", incoming.message_id);
    add("timestamp", incoming.timestamp);
    if (incoming.at) members.emplace_back("timestamp", Value::Text(FormatMoment(*incoming.at)));
    add("sentAt", incoming.sent_at);
    add("properties", incoming.properties);
    add("traits", incoming.traits);
    add("context", incoming.context);
    return pg::MakeObject(members);
}

Datum PayloadOf(const Arrival& arrival) {
    if (arrival.incoming.size > kLargest)
        return pg::MakeObject({{"bytes", Value::Int8(static_cast<int64_t>(arrival.incoming.size))}});
    if (arrival.whole.Is(json::Type::kAbsent)) return MakePayload(arrival.incoming);
    const Datum whole = pg::CutOut(arrival.whole);
    if (!arrival.completed) return whole;
    // Replayed, it stands alone.
    std::vector<std::pair<const char*, Value>> members;
    for (const auto& [key, node] :
         {std::pair{"sentAt", arrival.incoming.sent_at}, std::pair{"context", arrival.incoming.context}})
        if (node.Given()) members.emplace_back(key, Value{JSONBOID, pg::CutOut(node), false});
    return pg::Concatenate(whole, pg::MakeObject(members));
}

}  // namespace

void KeepRejected(const std::vector<Arrival>& arrivals, const std::vector<Verdict>& verdicts) {
    std::vector<Datum> received, sources, ids, reasons, details, payloads;
    std::vector<bool> without, imported;
    for (size_t i = 0; i < arrivals.size(); ++i) {
        const Verdict& verdict = verdicts[i];
        if (verdict.status != Verdict::Status::kRejected) continue;
        received.push_back(TimestampTzGetDatum(arrivals[i].received_at));
        imported.push_back(arrivals[i].cause == Cause::kImport);
        sources.push_back(pg::FromText(arrivals[i].source));
        ids.push_back(verdict.message_id.empty() ? Datum{0} : pg::FromText(verdict.message_id));
        without.push_back(verdict.message_id.empty());
        reasons.push_back(pg::FromText(verdict.reason));
        details.push_back(pg::FromText(verdict.detail));
        payloads.push_back(PayloadOf(arrivals[i]));
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

int64_t ForgetRejected(Moment before, int64_t rows) {
    static pg::Statement statement(
        "DELETE FROM pulse.rejected_event WHERE id = ANY (ARRAY(SELECT r.id FROM pulse.rejected_event AS r"
        " WHERE r.received_at < $1"
        " ORDER BY r.received_at LIMIT $2))",
        {TIMESTAMPTZOID, INT8OID});
    return static_cast<int64_t>(statement.Execute({Value::Time(before), Value::Int8(rows)}).processed());
}

}  // namespace pulse::profile
