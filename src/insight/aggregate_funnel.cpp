// The aggregate pulse.follow_funnel(plan, by_step, person, at, mask, key, value): the events of one person →
// the person's paths through a funnel. Events may come in any order.
#include <cstring>
#include <numeric>
#include <unordered_map>

#include "pulse/insight/funnel.hpp"
#include "pulse/pg/aggregate.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"

namespace pulse::insight {

namespace {

enum FunnelArgument { kFunnelState, kPlan, kByStep, kPerson, kAt, kMask, kKey, kValue };

// Texts as numbers from 1; 0 is null.
class FunnelTexts {
  public:
    uint32_t Number(const NullableDatum& text) { return text.isnull ? 0 : Number(pg::ToText(text.value)); }
    uint32_t Number(const std::string& text) {
        const auto [place, added] = numbers_.try_emplace(text, static_cast<uint32_t>(texts_.size() + 1));
        if (added) texts_.push_back(text);
        return place->second;
    }
    const std::string* Text(uint32_t number) const { return number == 0 ? nullptr : &texts_[number - 1]; }
    const std::vector<std::string>& all() const { return texts_; }

    // The place of each number in the order of the texts, so that results do not depend on the order of
    // arrival.
    std::vector<uint32_t> Ranks() const {
        std::vector<uint32_t> numbers(texts_.size()), ranks(texts_.size() + 1);
        std::iota(numbers.begin(), numbers.end(), 1);
        std::sort(numbers.begin(), numbers.end(),
                  [&](uint32_t a, uint32_t b) { return texts_[a - 1] < texts_[b - 1]; });
        for (size_t i = 0; i < numbers.size(); ++i) ranks[numbers[i]] = static_cast<uint32_t>(i + 1);
        return ranks;
    }

  private:
    std::vector<std::string> texts_;
    std::unordered_map<std::string, uint32_t> numbers_;
};

// What the calls for one query share; in the memory of the function's call.
struct FunnelShared {
    FunnelShared(const std::string& text, int step)
        : plan_text(std::make_shared<const std::string>(text)),
          by_step(step),
          follower(ReadPlan(text)),
          plan(follower.plan()) {}

    std::shared_ptr<const std::string> plan_text;
    int by_step;
    FunnelFollower follower;
    const FunnelPlan& plan;
    Oid element = InvalidOid;  // type of a path; its description follows
    TupleDesc descriptor = nullptr;
};

struct FunnelPerson {
    std::shared_ptr<const std::string> plan_text;
    int by_step = 1;
    int64_t person = 0;
    std::vector<FunnelEvent> events;
    FunnelTexts keys, values;
};

FunnelShared& SharedOf(FunctionCallInfo fcinfo, std::string_view plan_text, int by_step) {
    FmgrInfo& call = *fcinfo->flinfo;
    auto* shared = static_cast<FunnelShared*>(call.fn_extra);
    if (!shared || *shared->plan_text != plan_text || shared->by_step != by_step) {
        shared = pg::Keep(call.fn_mcxt, std::make_unique<FunnelShared>(std::string(plan_text), by_step));
        call.fn_extra = shared;
    }
    return *shared;
}

FunnelPerson* PersonOf(FunctionCallInfo fcinfo, int argument) {
    return fcinfo->args[argument].isnull
               ? nullptr
               : reinterpret_cast<FunnelPerson*>(DatumGetPointer(fcinfo->args[argument].value));
}

std::unique_ptr<FunnelPerson> BeginPerson(FunctionCallInfo fcinfo) {
    const NullableDatum* arguments = fcinfo->args;
    if (arguments[kPlan].isnull || arguments[kByStep].isnull || arguments[kPerson].isnull)
        throw UserError(sqlstate::kNullValue,
                        "plan, by_step and person of pulse.follow_funnel() must not be null", "",
                        "It is an internal function: pulse_funnel() calls it.");
    auto person = std::make_unique<FunnelPerson>();
    // Of a constant: neither compressed nor stored elsewhere.
    const Datum plan =
        pg::Call([&] { return PointerGetDatum(PG_DETOAST_DATUM_PACKED(arguments[kPlan].value)); });
    const std::string_view text(VARDATA_ANY(DatumGetPointer(plan)),
                                static_cast<size_t>(VARSIZE_ANY_EXHDR(DatumGetPointer(plan))));
    person->by_step = DatumGetInt32(arguments[kByStep].value);
    person->person = DatumGetInt64(arguments[kPerson].value);
    const FunnelShared& shared = SharedOf(fcinfo, text, person->by_step);
    person->plan_text = shared.plan_text;
    person->events.reserve(16);
    if (person->by_step < 1 || static_cast<size_t>(person->by_step) > shared.plan.steps)
        ThrowInvalid("by_step of pulse.follow_funnel() is not a step",
                     "It is " + std::to_string(person->by_step) + ".",
                     "Steps are counted from 1 to " + std::to_string(shared.plan.steps) + ".");
    return person;
}

void RequireFewEvents(const FunnelPerson& person) {
    if (person.events.size() > kMaxFunnelEvents)
        throw UserError(
            sqlstate::kProgramLimit, "a person has too many events for a funnel",
            "profile:" + std::to_string(person.person) + " has more than 1,000,000 events of its steps.",
            "Give the steps a \"where\", or the funnel a later \"since\"; such a person is often a machine.");
}

// Sorts the events so that the same ones give the same paths, wherever they were stored.
void SortPerson(FunnelPerson& person) {
    if (!person.keys.all().empty() || !person.values.all().empty()) {
        const std::vector<uint32_t> keys = person.keys.Ranks(), values = person.values.Ranks();
        std::vector<uint32_t> key_of(keys.size()), value_of(values.size());
        for (uint32_t i = 1; i < keys.size(); ++i) key_of[keys[i]] = i;
        for (uint32_t i = 1; i < values.size(); ++i) value_of[values[i]] = i;
        for (FunnelEvent& event : person.events)
            event.key = keys[event.key], event.value = values[event.value];
        SortEvents(person.events);
        // Keys stay ranks, of which only the order matters; values are shown.
        for (FunnelEvent& event : person.events) event.value = value_of[event.value];
        return;
    }
    SortEvents(person.events);
}

Datum MakePath(FunctionCallInfo fcinfo, FunnelShared& shared, const FunnelPerson& person,
               const FunnelPath& path) {
    std::array<Datum, kMaxFunnelSteps> times{};
    for (size_t i = 0; i < path.reached; ++i) times[i] = Int64GetDatum(person.events[path.events[i]].time);
    const auto by = static_cast<size_t>(person.by_step);
    const std::string* value =
        by <= path.reached ? person.values.Text(person.events[path.events[by - 1]].value) : nullptr;
    const Datum text = value ? pg::FromText(*value) : Datum{0};
    return pg::Call([&] {
        ArrayType* list =
            construct_array(times.data(), static_cast<int>(path.reached), INT8OID, 8, FLOAT8PASSBYVAL, 'd');
        Datum values[] = {Int32GetDatum(static_cast<int32_t>(path.reached)), BoolGetDatum(path.waiting),
                          PointerGetDatum(list), text};
        bool nulls[] = {false, false, false, value == nullptr};
        return HeapTupleGetDatum(heap_form_tuple(shared.descriptor, values, nulls));
    });
}

// Looks up pulse.funnel_path once for a query.
void DescribePath(FunctionCallInfo fcinfo, FunnelShared& shared) {
    if (shared.descriptor) return;
    pg::Call([&] {
        MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
        shared.element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
        shared.descriptor = TypeGetTupleDesc(shared.element, NIL);
        MemoryContextSwitchTo(caller);
    });
}

// ---- The state of a part of a person as bytes, for another process ----

void PutNumber(std::string& bytes, uint64_t number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void PutText(std::string& bytes, std::string_view text) {
    PutNumber(bytes, text.size());
    bytes += text;
}

class FunnelBytes {
  public:
    explicit FunnelBytes(std::string_view bytes) : rest_(bytes) {}

    uint64_t Number() {
        uint64_t number = 0;
        std::memcpy(&number, Take(sizeof number).data(), sizeof number);
        return number;
    }
    std::string_view Text() { return Take(Number()); }
    std::string_view Take(uint64_t size) {
        if (size > rest_.size())
            throw UserError(sqlstate::kDataCorrupted, "the state of pulse.follow_funnel() is damaged");
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

  private:
    std::string_view rest_;
};

std::string EncodePerson(const FunnelPerson& person) {
    std::string bytes;
    PutText(bytes, *person.plan_text);
    PutNumber(bytes, static_cast<uint64_t>(person.by_step));
    PutNumber(bytes, static_cast<uint64_t>(person.person));
    for (const FunnelTexts* texts : {&person.keys, &person.values}) {
        PutNumber(bytes, texts->all().size());
        for (const std::string& text : texts->all()) PutText(bytes, text);
    }
    PutNumber(bytes, person.events.size());
    bytes.append(reinterpret_cast<const char*>(person.events.data()),
                 person.events.size() * sizeof(FunnelEvent));
    return bytes;
}

std::unique_ptr<FunnelPerson> DecodePerson(std::string_view text) {
    FunnelBytes bytes(text);
    auto person = std::make_unique<FunnelPerson>();
    person->plan_text = std::make_shared<const std::string>(bytes.Text());
    person->by_step = static_cast<int>(bytes.Number());
    person->person = static_cast<int64_t>(bytes.Number());
    for (FunnelTexts* texts : {&person->keys, &person->values})
        for (uint64_t count = bytes.Number(); count > 0; --count) texts->Number(std::string(bytes.Text()));
    const uint64_t count = bytes.Number();
    const std::string_view events =
        bytes.Take(count > kMaxFunnelEvents ? UINT64_MAX : count * sizeof(FunnelEvent));
    person->events.resize(count);
    if (count > 0) std::memcpy(person->events.data(), events.data(), events.size());
    for (const FunnelEvent& event : person->events)
        if (event.key > person->keys.all().size() || event.value > person->values.all().size())
            bytes.Take(UINT64_MAX);
    return person;
}

// Adds the other part of a person; both are in order.
void AddPart(FunnelPerson& into, const FunnelPerson& from) {
    std::vector<uint32_t> keys{0}, values{0};
    for (const std::string& text : from.keys.all()) keys.push_back(into.keys.Number(text));
    for (const std::string& text : from.values.all()) values.push_back(into.values.Number(text));
    std::vector<FunnelEvent> events = from.events;
    for (FunnelEvent& event : events) event.key = keys[event.key], event.value = values[event.value];
    SortEvents(into.events);
    SortEvents(events);
    MergeEvents(into.events, events);
    RequireFewEvents(into);
}

}  // namespace

}  // namespace pulse::insight

namespace pg = pulse::pg;
namespace insight = pulse::insight;

PULSE_FUNCTION(pulse_follow_funnel_step) {
    insight::FunnelPerson* person = insight::PersonOf(fcinfo, insight::kFunnelState);
    if (!person) person = pg::Keep(pg::AggregateContext(fcinfo), insight::BeginPerson(fcinfo));
    const NullableDatum* arguments = fcinfo->args;
    if (arguments[insight::kAt].isnull || arguments[insight::kMask].isnull) return PointerGetDatum(person);
    const TimestampTz at = DatumGetTimestampTz(arguments[insight::kAt].value);
    const auto mask = static_cast<uint32_t>(DatumGetInt32(arguments[insight::kMask].value));
    const auto* shared = static_cast<const insight::FunnelShared*>(fcinfo->flinfo->fn_extra);
    const bool sessions = !shared || shared->plan.session_gap > 0;
    if (TIMESTAMP_NOT_FINITE(at) || (mask == 0 && !sessions)) return PointerGetDatum(person);
    person->events.push_back({at, mask, person->keys.Number(arguments[insight::kKey]),
                              person->values.Number(arguments[insight::kValue])});
    if (person->events.size() > insight::kMaxFunnelEvents) insight::RequireFewEvents(*person);
    return PointerGetDatum(person);
}

PULSE_FUNCTION(pulse_follow_funnel_combine) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    insight::FunnelPerson* into = insight::PersonOf(fcinfo, 0);
    insight::FunnelPerson* from = insight::PersonOf(fcinfo, 1);
    if (!from && !into) PG_RETURN_NULL();
    if (!from) return PointerGetDatum(into);
    if (!into) return PointerGetDatum(pg::Keep(context, std::make_unique<insight::FunnelPerson>(*from)));
    insight::AddPart(*into, *from);
    return PointerGetDatum(into);
}

PULSE_FUNCTION(pulse_follow_funnel_serialize) {
    pg::AggregateContext(fcinfo);
    return pg::FromBytes(insight::EncodePerson(*insight::PersonOf(fcinfo, 0)));
}

PULSE_FUNCTION(pulse_follow_funnel_deserialize) {
    MemoryContext context = pg::AggregateContext(fcinfo);
    return PointerGetDatum(pg::Keep(context, insight::DecodePerson(pg::ToBytes(fcinfo->args[0].value))));
}

PULSE_FUNCTION(pulse_follow_funnel_final) {
    pg::AggregateContext(fcinfo);
    insight::FunnelPerson* person = insight::PersonOf(fcinfo, 0);
    if (!person) PG_RETURN_NULL();
    insight::FunnelShared& shared = insight::SharedOf(fcinfo, *person->plan_text, person->by_step);
    insight::SortPerson(*person);
    const std::vector<insight::FunnelPath>& paths = shared.follower.Follow(person->events);
    if (paths.empty()) PG_RETURN_NULL();
    insight::DescribePath(fcinfo, shared);
    std::vector<Datum> rows;
    rows.reserve(paths.size());
    for (const insight::FunnelPath& path : paths)
        rows.push_back(insight::MakePath(fcinfo, shared, *person, path));
    return pg::Call([&] {
        return PointerGetDatum(
            construct_array(rows.data(), static_cast<int>(rows.size()), shared.element, -1, false, 'd'));
    });
}
