// SQL functions for ingesting events: pulse_ingest() and those for one event.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

[[noreturn]] void ThrowNotEvents(const std::string& detail) {
    throw UserError(
        sqlstate::kInvalidParameter, "\"events\" contains no events", detail,
        "Give one event such as {\"type\": \"track\", \"userId\": \"ann\", \"event\": \"Order Completed\"}, "
        "an array of them, "
        "or {\"batch\": [...]}.");
}

void CheckSize(size_t count) {
    if (count <= static_cast<size_t>(pg::settings::max_batch)) return;
    throw UserError(
        sqlstate::kProgramLimit, "too many events at once",
        "There are " + std::to_string(count) + "; pulse.max_batch allows " +
            std::to_string(pg::settings::max_batch) + ".",
        "Send them in smaller batches, COPY them into pulse.ingest, or use pulse_import_events().");
}

// The context of a batch counts towards the size of each event, and is stored with each.
void CheckContext(const json::Value& context, size_t count) {
    constexpr size_t kMostCopies = 256 * 1024 * 1024;  // bytes
    const auto largest = static_cast<size_t>(pg::settings::max_event_size);
    if (context.size > largest)
        throw UserError(sqlstate::kProgramLimit, "the context of the batch is too large",
                        "It has " + std::to_string(context.size) + " bytes; pulse.max_event_size allows " +
                            std::to_string(largest) + ".",
                        "Put data of a single event into that event.");
    if (context.size * count > kMostCopies)
        throw UserError(sqlstate::kProgramLimit, "the context of the batch is too large for so many events",
                        "It has " + std::to_string(context.size) + " bytes, is kept with each of " +
                            std::to_string(count) + " events, and all copies may have " +
                            std::to_string(kMostCopies) + " bytes.",
                        "Send smaller batches, or a smaller context.");
}

json::Value WithGpc(const json::Value& context) {
    const Datum gpc = pg::MakeObject({{"gpc", Value::Bool(true)}});
    return pg::Root(context.Given() ? pg::Concatenate(pg::CutOut(context), gpc) : gpc);
}

// An event of a batch inherits fields from the batch that it does not set itself.
IncomingEvent MakeIncomingEvent(const json::Value& event, const json::Value& context,
                                const json::Value& sent_at, const std::string& source, Moment now) {
    static const pg::JsonbReader reader;
    IncomingEvent incoming{ReadEventFields(reader, event), event, now, source, Cause::kEvent, false};
    EventFields& in = incoming.fields;
    if (!in.is_object) return incoming;
    if (!in.sent_at.Given() && sent_at.Given()) {
        in.sent_at = sent_at;
        incoming.completed = true;
    }
    if (GpcRequest::IsActive() && (in.context.Is(json::Type::kObject) || !in.context.Given())) {
        in.context = WithGpc(in.context);
        incoming.completed = true;
    }
    if (!context.Given()) return incoming;
    in.size += context.size;
    if (!in.context.Given()) {
        in.context = context;
        incoming.completed = true;
    } else if (in.context.Is(json::Type::kObject)) {
        in.context = pg::Root(pg::Concatenate(pg::CutOut(context), pg::CutOut(in.context)));
        incoming.completed = true;
    }
    return incoming;
}

std::vector<IncomingEvent> ReadEvents(Datum events, const std::string& source) {
    static const pg::JsonbReader reader;
    const json::Value root = pg::Root(events);
    const Moment now = pg::PastNow();
    json::Value list = root, context, sent_at;
    if (root.Is(json::Type::kObject)) {
        list = reader.Get(root, "batch");
        if (!list.Given()) return {MakeIncomingEvent(root, {}, {}, source, now)};
        if (!list.Is(json::Type::kArray))
            ThrowNotEvents(std::string("\"batch\" is ") + json::Describe(list.type) + ".");
        sent_at = reader.Get(root, "sentAt");
        if (!sent_at.Given()) sent_at = reader.Get(root, "sent_at");
        context = reader.Get(root, "context");
        if (context.Given() && !context.Is(json::Type::kObject))
            ThrowNotEvents(std::string("\"context\" is ") + json::Describe(context.type) + ".");
    } else if (!root.Is(json::Type::kArray)) {
        ThrowNotEvents(std::string("It is ") + json::Describe(root.type) + ".");
    }
    const size_t count = reader.Count(list);
    CheckSize(count);
    if (context.Given()) CheckContext(context, count);
    std::vector<IncomingEvent> incoming;
    incoming.reserve(count);
    for (size_t i = 0; i < count; ++i)
        incoming.push_back(MakeIncomingEvent(reader.Element(list, i), context, sent_at, source, now));
    return incoming;
}

Value TextOrNull(const std::string& text) {
    return text.empty() ? Value::Null(TEXTOID) : Value::Text(text);
}
Value IdOrNull(int64_t id) {
    return id ? Value::Int8(id) : Value::Null(INT8OID);
}

// Ingest a single event; if it is rejected, the statement fails.
std::optional<IngestResult> IngestOne(const std::vector<std::pair<const char*, Value>>& members,
                                      const std::string& source) {
    CheckSource(source);
    const pg::OwnerSession session;
    const json::Value root = pg::Root(pg::MakeObject(members));
    const std::vector<IngestResult> results =
        IngestEvents({MakeIncomingEvent(root, {}, {}, source, pg::PastNow())}, false);
    const IngestResult& ingested = results[0];
    if (ingested.status == IngestResult::Status::kRejected)
        throw UserError(
            sqlstate::kInvalidParameter, "event rejected: " + ingested.reason, ingested.detail,
            "pulse_ingest() keeps rejected events in pulse.rejected_event and accepts the others.");
    if (ingested.status == IngestResult::Status::kDuplicate) {
        pg::Notice("event not ingested: message \"" + ingested.message_id + "\" was accepted before" +
                   (ingested.reason.empty() ? "" : " with different content"));
        return std::nullopt;
    }
    if (!ingested.detail.empty()) pg::Notice(ingested.detail);
    return ingested;
}

// An argument of a function and its field.
struct Field {
    const char* name;
    int argument;
    Oid type;
};

Value ValueOf(const pg::Args& args, const Field& field) {
    if (args.IsNull(field.argument)) return Value::Null(field.type);
    if (field.type != TIMESTAMPTZOID) return {field.type, args.Raw(field.argument), false};
    const Moment moment = DatumGetTimestampTz(args.Raw(field.argument));
    if (TIMESTAMP_NOT_FINITE(moment))
        throw UserError(sqlstate::kInvalidParameter, "event rejected: invalid_timestamp", "It is infinite.",
                        "Give the time of the event.");
    return Value::Text(FormatMoment(moment));
}

std::optional<IngestResult> IngestCall(FunctionCallInfo fcinfo, const char* type,
                                       const std::vector<Field>& fields, int source) {
    const pg::Args args(fcinfo);
    std::vector<std::pair<const char*, Value>> members{{"type", Value::Text(type)}};
    for (const Field& field : fields) members.emplace_back(field.name, ValueOf(args, field));
    return IngestOne(members, args.RequireText(source, "source"));
}

Datum EventId(FunctionCallInfo fcinfo, const std::optional<IngestResult>& ingested) {
    fcinfo->isnull = !ingested;
    return ingested ? Int64GetDatum(ingested->event) : Datum{0};
}

Datum ReturnResults(FunctionCallInfo fcinfo, const std::vector<IngestResult>& results) {
    pg::ResultSet result(fcinfo);
    pg::Arena arena("pulse ingest results");
    for (size_t i = 0; i < results.size(); ++i) {
        const IngestResult& ingested = results[i];
        result.Add({Value::Int4(static_cast<int32_t>(i)), TextOrNull(ingested.message_id),
                    Value::Text(NameOf(ingested.status)), TextOrNull(ingested.reason),
                    TextOrNull(ingested.detail), IdOrNull(ingested.profile), IdOrNull(ingested.event)});
        if (i % 1000 == 999) arena.Reset();
    }
    return pg::ResultSet::Done();
}

Datum IngestBatch(FunctionCallInfo fcinfo, Datum events) {
    const std::string source = pg::Args(fcinfo).RequireText(1, "source");
    CheckSource(source);
    std::vector<IngestResult> results;
    {
        const pg::OwnerSession session;
        results = IngestEvents(ReadEvents(events, source), true);
    }
    return ReturnResults(fcinfo, results);
}

// An event without a message id that is sent again counts once: with a time of its own at any time, else
// within pulse.retry_window. It gets an id made of its content, and of the window in which it arrived first.
Datum WithMessageId(Datum event, const std::string& source) {
    static const pg::JsonbReader reader;
    const json::Value root = pg::Root(event);
    const EventFields fields = ReadEventFields(reader, root);
    const bool timed = fields.timestamp.Given();
    if (!fields.is_object || fields.message_id.Given()) return event;
    if (!timed && pg::settings::retry_window == 0) return event;
    static pg::Statement statement(
        "SELECT coalesce((SELECT w.id FROM unnest(ARRAY[c.prefix || (c.place - 1)]) AS w (id)"
        "  JOIN pulse.message_seen AS m ON m.key = substr(encode(sha256(convert_to($2, 'UTF8') || decode('00', 'hex')"
        "   || convert_to(w.id, 'UTF8')), 'hex'), 1, 32)::uuid AND m.seen_at > $3 - make_interval(secs => $4)"
        "  WHERE NOT $5), CASE WHEN $5 THEN c.prefix ELSE c.prefix || c.place END)"
        " FROM (SELECT 'content:' || encode(sha256(convert_to(($1 - '{sentAt,sent_at}'::text[])::text, 'UTF8')),"
        "  'hex') || ':' AS prefix, floor(extract(epoch FROM $3) / greatest($4, 1))::bigint AS place) AS c",
        {JSONBOID, TEXTOID, TIMESTAMPTZOID, FLOAT8OID, BOOLOID});
    const std::string id = statement
                               .Execute({{JSONBOID, event, false},
                                         Value::Text(source),
                                         Value::Time(pg::PastNow()),
                                         Value::Float8(pg::settings::retry_window),
                                         Value::Bool(timed)})[0]
                               .Text(0);
    return pg::Concatenate(event, pg::MakeObject({{"messageId", Value::Text(id)}}));
}

Datum ParseEvents(const std::string& text) {
    const std::optional<Datum> events = pg::ParseSentJson(text);
    // PostgreSQL says where it stops being JSON.
    return events ? *events
                  : pg::Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str())); });
}

std::vector<IngestResult> IngestEach(const std::vector<std::string>& texts, const std::string& source) {
    CheckSource(source);
    CheckSize(texts.size());
    std::vector<Datum> events;
    for (const std::string& text : texts) events.push_back(ParseEvents(text));
    const pg::OwnerSession session;
    const Moment now = pg::PastNow();
    std::vector<IncomingEvent> incoming;
    for (const Datum event : events)
        incoming.push_back(MakeIncomingEvent(pg::Root(WithMessageId(event, source)), {}, {}, source, now));
    return IngestEvents(incoming, true);
}

// Functions with a name and properties: pulse_track(), pulse_page() and pulse_screen().
Datum IngestNamed(FunctionCallInfo fcinfo, const char* type, const char* name) {
    return EventId(fcinfo, IngestCall(fcinfo, type,
                                      {{"userId", 0, TEXTOID},
                                       {name, 1, TEXTOID},
                                       {"properties", 2, JSONBOID},
                                       {"timestamp", 3, TIMESTAMPTZOID},
                                       {"anonymousId", 4, TEXTOID},
                                       {"messageId", 5, TEXTOID},
                                       {"context", 6, JSONBOID}},
                                      7));
}

}  // namespace

}  // namespace pulse::profile

namespace pg = pulse::pg;
namespace profile = pulse::profile;
using pg::Value;

PULSE_WRITING_FUNCTION(pulse_ingest) {
    const pg::Args args(fcinfo);
    if (args.IsNull(0)) profile::ThrowNotEvents("It is null.");
    return profile::IngestBatch(fcinfo, args.Raw(0));
}

PULSE_WRITING_FUNCTION(pulse_ingest_text) {
    const pg::Args args(fcinfo);
    if (args.IsNull(0)) profile::ThrowNotEvents("It is null.");
    return profile::IngestBatch(fcinfo, profile::ParseEvents(pg::ToText(args.Raw(0))));
}

PULSE_WRITING_FUNCTION(pulse_ingest_each) {
    const pg::Args args(fcinfo);
    if (args.IsNull(0)) profile::ThrowNotEvents("It is null.");
    return profile::ReturnResults(
        fcinfo, profile::IngestEach(args.RequireTexts(0, "events"), args.RequireText(1, "source")));
}

PULSE_WRITING_FUNCTION(pulse_track) {
    return profile::IngestNamed(fcinfo, "track", "event");
}

PULSE_WRITING_FUNCTION(pulse_identify) {
    const auto ingested = profile::IngestCall(fcinfo, "identify",
                                              {{"userId", 0, TEXTOID},
                                               {"traits", 1, JSONBOID},
                                               {"anonymousId", 2, TEXTOID},
                                               {"timestamp", 3, TIMESTAMPTZOID},
                                               {"messageId", 4, TEXTOID},
                                               {"context", 5, JSONBOID}},
                                              6);
    if (!ingested) PG_RETURN_NULL();
    PG_RETURN_INT64(ingested->profile);
}

PULSE_WRITING_FUNCTION(pulse_page) {
    return profile::IngestNamed(fcinfo, "page", "name");
}

PULSE_WRITING_FUNCTION(pulse_screen) {
    return profile::IngestNamed(fcinfo, "screen", "name");
}

PULSE_WRITING_FUNCTION(pulse_group) {
    return profile::EventId(fcinfo, profile::IngestCall(fcinfo, "group",
                                                        {{"userId", 0, TEXTOID},
                                                         {"groupId", 1, TEXTOID},
                                                         {"traits", 2, JSONBOID},
                                                         {"timestamp", 3, TIMESTAMPTZOID},
                                                         {"anonymousId", 4, TEXTOID},
                                                         {"messageId", 5, TEXTOID},
                                                         {"context", 6, JSONBOID}},
                                                        7));
}

PULSE_WRITING_FUNCTION(pulse_alias) {
    return profile::EventId(fcinfo, profile::IngestCall(fcinfo, "alias",
                                                        {{"previousId", 0, TEXTOID},
                                                         {"userId", 1, TEXTOID},
                                                         {"timestamp", 2, TIMESTAMPTZOID},
                                                         {"messageId", 3, TEXTOID},
                                                         {"context", 4, JSONBOID}},
                                                        5));
}
