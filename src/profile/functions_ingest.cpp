// pulse_ingest() and the verbs for one event: arguments in, verdicts out.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

[[noreturn]] void NotEvents(const std::string& detail) {
    throw UserError(
        sqlstate::kInvalidParameter, "\"events\" holds no events", detail,
        "Give one event such as {\"type\": \"track\", \"userId\": \"ann\", \"event\": \"Order Completed\"}, "
        "an array of them, "
        "or {\"batch\": [...]}.");
}

void CheckSize(size_t count) {
    if (count <= static_cast<size_t>(pg::settings::max_batch)) return;
    throw UserError(sqlstate::kProgramLimit, "too many events at once",
                    "There are " + std::to_string(count) + "; pulse.max_batch allows " +
                        std::to_string(pg::settings::max_batch) + ".",
                    "Send them in portions, COPY them into pulse.ingest, or use pulse_import_events().");
}

// The context of a batch counts as part of each of its items, and is kept with each.
void CheckContext(const json::Value& context, size_t count) {
    constexpr size_t kMostCopies = 256 * 1024 * 1024;  // bytes
    const auto largest = static_cast<size_t>(pg::settings::max_event_size);
    if (context.size > largest)
        throw UserError(sqlstate::kProgramLimit, "the context of the batch is too large",
                        "It has " + std::to_string(context.size) + " bytes; pulse.max_event_size allows " +
                            std::to_string(largest) + ".",
                        "Put what belongs to one event into that event.");
    if (context.size * count > kMostCopies)
        throw UserError(sqlstate::kProgramLimit, "the context of the batch is too large for so many events",
                        "It has " + std::to_string(context.size) + " bytes, is kept with each of " +
                            std::to_string(count) + " events, and all copies may have " +
                            std::to_string(kMostCopies) + " bytes.",
                        "Send the events in portions, or a smaller context.");
}

// An item of a batch has what it does not say itself from the whole batch.
Arrival MakeArrival(const json::Value& event, const json::Value& context, const json::Value& sent_at,
                    const std::string& source, Moment now) {
    static const pg::JsonbReader reader;
    Arrival arrival{Extract(reader, event), event, now, source, Cause::kEvent, false};
    Incoming& in = arrival.incoming;
    if (!in.an_object) return arrival;
    if (!in.sent_at.Given() && sent_at.Given()) {
        in.sent_at = sent_at;
        arrival.completed = true;
    }
    if (!context.Given()) return arrival;
    in.size += context.size;
    if (!in.context.Given()) {
        in.context = context;
        arrival.completed = true;
    } else if (in.context.Is(json::Type::kObject)) {
        in.context = pg::Root(pg::Concatenate(pg::CutOut(context), pg::CutOut(in.context)));
        arrival.completed = true;
    }
    return arrival;
}

std::vector<Arrival> ReadEvents(Datum events, const std::string& source) {
    static const pg::JsonbReader reader;
    const json::Value root = pg::Root(events);
    const Moment now = pg::PastNow();
    json::Value list = root, context, sent_at;
    if (root.Is(json::Type::kObject)) {
        list = reader.Get(root, "batch");
        if (!list.Given()) return {MakeArrival(root, {}, {}, source, now)};
        if (!list.Is(json::Type::kArray))
            NotEvents(std::string("\"batch\" is ") + json::Describe(list.type) + ".");
        sent_at = reader.Get(root, "sentAt");
        if (!sent_at.Given()) sent_at = reader.Get(root, "sent_at");
        context = reader.Get(root, "context");
        if (context.Given() && !context.Is(json::Type::kObject))
            NotEvents(std::string("\"context\" is ") + json::Describe(context.type) + ".");
    } else if (!root.Is(json::Type::kArray)) {
        NotEvents(std::string("It is ") + json::Describe(root.type) + ".");
    }
    const size_t count = reader.Count(list);
    CheckSize(count);
    if (context.Given()) CheckContext(context, count);
    std::vector<Arrival> arrivals;
    arrivals.reserve(count);
    for (size_t i = 0; i < count; ++i)
        arrivals.push_back(MakeArrival(reader.Element(list, i), context, sent_at, source, now));
    return arrivals;
}

Value TextOrNull(const std::string& text) {
    return text.empty() ? Value::Null(TEXTOID) : Value::Text(text);
}
Value IdOrNull(int64_t id) {
    return id ? Value::Int8(id) : Value::Null(INT8OID);
}

// One event of a verb: rejected, it is the statement's error.
std::optional<Verdict> TakeOne(const std::vector<std::pair<const char*, Value>>& members,
                               const std::string& source) {
    CheckSource(source);
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    const json::Value root = pg::Root(pg::MakeObject(members));
    const std::vector<Verdict> verdicts = TakeIn({MakeArrival(root, {}, {}, source, pg::PastNow())}, false);
    const Verdict& verdict = verdicts[0];
    if (verdict.status == Verdict::Status::kRejected)
        throw UserError(
            sqlstate::kInvalidParameter, "event rejected: " + verdict.reason, verdict.detail,
            "pulse_ingest() keeps such an event in pulse.rejected_event and goes on with the others.");
    if (verdict.status == Verdict::Status::kDuplicate) {
        pg::Notice("event not taken: message \"" + verdict.message_id + "\" was accepted before" +
                   (verdict.reason.empty() ? "" : ", saying something else"));
        return std::nullopt;
    }
    if (!verdict.detail.empty()) pg::Notice(verdict.detail);
    return verdict;
}

// An argument of a verb and the field it is.
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
                        "Give the time it happened.");
    return Value::Text(FormatMoment(moment));
}

std::optional<Verdict> TakeCall(FunctionCallInfo fcinfo, const char* type, const std::vector<Field>& fields,
                                int source) {
    const pg::Args args(fcinfo);
    std::vector<std::pair<const char*, Value>> members{{"type", Value::Text(type)}};
    for (const Field& field : fields) members.emplace_back(field.name, ValueOf(args, field));
    return TakeOne(members, args.RequireText(source, "source"));
}

Datum EventOf(FunctionCallInfo fcinfo, const std::optional<Verdict>& verdict) {
    fcinfo->isnull = !verdict;
    return verdict ? Int64GetDatum(verdict->event) : Datum{0};
}

// Those that have a name and properties: pulse_track(), pulse_page() and pulse_screen().
Datum TakeNamed(FunctionCallInfo fcinfo, const char* type, const char* name) {
    return EventOf(fcinfo, TakeCall(fcinfo, type,
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
    if (args.IsNull(0)) profile::NotEvents("It is null.");
    const std::string source = args.RequireText(1, "source");
    profile::CheckSource(source);
    pg::ResultSet result(fcinfo);
    std::vector<profile::Verdict> verdicts;
    {
        const pg::Identity owner = pg::Identity::Owner();
        const pg::Session session;
        verdicts = profile::TakeIn(profile::ReadEvents(args.Raw(0), source), true);
    }
    pg::Arena arena("pulse verdicts");
    for (size_t i = 0; i < verdicts.size(); ++i) {
        const profile::Verdict& verdict = verdicts[i];
        result.Add({Value::Int4(static_cast<int32_t>(i)), profile::TextOrNull(verdict.message_id),
                    Value::Text(NameOf(verdict.status)), profile::TextOrNull(verdict.reason),
                    profile::TextOrNull(verdict.detail), profile::IdOrNull(verdict.profile),
                    profile::IdOrNull(verdict.event)});
        if (i % 1000 == 999) arena.Reset();
    }
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_track) {
    return profile::TakeNamed(fcinfo, "track", "event");
}

PULSE_WRITING_FUNCTION(pulse_identify) {
    const auto verdict = profile::TakeCall(fcinfo, "identify",
                                           {{"userId", 0, TEXTOID},
                                            {"traits", 1, JSONBOID},
                                            {"anonymousId", 2, TEXTOID},
                                            {"timestamp", 3, TIMESTAMPTZOID},
                                            {"messageId", 4, TEXTOID},
                                            {"context", 5, JSONBOID}},
                                           6);
    if (!verdict) PG_RETURN_NULL();
    PG_RETURN_INT64(verdict->profile);
}

PULSE_WRITING_FUNCTION(pulse_page) {
    return profile::TakeNamed(fcinfo, "page", "name");
}

PULSE_WRITING_FUNCTION(pulse_screen) {
    return profile::TakeNamed(fcinfo, "screen", "name");
}

PULSE_WRITING_FUNCTION(pulse_group) {
    return profile::EventOf(fcinfo, profile::TakeCall(fcinfo, "group",
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
    return profile::EventOf(fcinfo, profile::TakeCall(fcinfo, "alias",
                                                      {{"previousId", 0, TEXTOID},
                                                       {"userId", 1, TEXTOID},
                                                       {"timestamp", 2, TIMESTAMPTZOID},
                                                       {"messageId", 3, TEXTOID},
                                                       {"context", 4, JSONBOID}},
                                                      5));
}
