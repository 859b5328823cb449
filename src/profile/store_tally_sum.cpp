// Adding the rows of pulse.ingest_tally to the catalogue of events and the counters of sources.
#include "pulse/pg/array.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"
#include "pulse/profile/tally_sum.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

using Integers = std::vector<int64_t>;
using Texts = std::vector<std::string>;

// The numbers of values by type, a column for each type.
class TypeColumns {
  public:
    void Add(const TallySum::Types& types) {
        for (size_t i = 0; i < types.size(); ++i) columns_[i].push_back(types[i]);
    }
    void AppendTo(std::vector<Value>& parameters) const {
        for (const Integers& column : columns_) parameters.push_back(Value::Int8s(column));
    }

  private:
    std::array<Integers, TallySum::kTypes> columns_;
};

Datum ExamplesOf(const TallySum::PropertySum& property) {
    std::string list = "[";
    for (const std::string& example : property.examples) (list += list.size() > 1 ? "," : "") += example;
    return pg::ParseJsonb(list + "]");
}

void AddKinds(const TallySum& sum, std::vector<Value>& parameters) {
    Texts events;
    Integers counts, looked_at;
    std::vector<Moment> first, last;
    for (const auto& [event, of_event] : sum.events()) {
        events.push_back(event);
        counts.push_back(of_event.events);
        looked_at.push_back(of_event.looked_at);
        first.push_back(of_event.first);
        last.push_back(of_event.last);
    }
    parameters.insert(parameters.end(), {Value::Texts(events), Value::Int8s(counts), Value::Int8s(looked_at),
                                         pg::Times(first), pg::Times(last)});
}

void AddHours(const TallySum& sum, std::vector<Value>& parameters) {
    Texts events, sources;
    Integers hours, counts, prompt, late;
    for (const auto& [event, of_event] : sum.events())
        for (const auto& [key, of_hour] : of_event.hours) {
            events.push_back(event);
            sources.push_back(key.first);
            hours.push_back(key.second);
            counts.push_back(of_hour.events);
            prompt.push_back(of_hour.prompt);
            late.push_back(of_hour.late);
        }
    parameters.insert(parameters.end(), {Value::Texts(events), Value::Texts(sources), Value::Int8s(hours),
                                         Value::Int8s(counts), Value::Int8s(prompt), Value::Int8s(late)});
}

void AddExamined(const TallySum& sum, std::vector<Value>& parameters) {
    Texts events;
    Integers days, looked_at;
    for (const auto& [event, of_event] : sum.events())
        for (const auto& [day, number] : of_event.looked_at_by_day) {
            events.push_back(event);
            days.push_back(day);
            looked_at.push_back(number);
        }
    parameters.insert(parameters.end(), {Value::Texts(events), Value::Int8s(days), Value::Int8s(looked_at)});
}

void AddProperties(const TallySum& sum, std::vector<Value>& parameters) {
    Texts events, properties;
    std::vector<Moment> last;
    std::vector<Datum> examples;
    TypeColumns types;
    for (const auto& [event, of_event] : sum.events())
        for (const auto& [property, of_property] : of_event.properties) {
            events.push_back(event);
            properties.push_back(property);
            last.push_back(of_property.last);
            examples.push_back(ExamplesOf(of_property));
            types.Add(of_property.types);
        }
    parameters.insert(parameters.end(), {Value::Texts(events), Value::Texts(properties), pg::Times(last),
                                         pg::JsonbArray(examples)});
    types.AppendTo(parameters);
}

void AddPropertyDays(const TallySum& sum, std::vector<Value>& parameters) {
    Texts events, properties;
    Integers days;
    TypeColumns types;
    for (const auto& [event, of_event] : sum.events())
        for (const auto& [property, of_property] : of_event.properties)
            for (const auto& [day, of_day] : of_property.days) {
                events.push_back(event);
                properties.push_back(property);
                days.push_back(day);
                types.Add(of_day);
            }
    parameters.insert(parameters.end(), {Value::Texts(events), Value::Texts(properties), Value::Int8s(days)});
    types.AppendTo(parameters);
}

// New names beyond these limits are counted as "(other)": a sender that puts data into names must not fill
// the catalogue.
constexpr int64_t kMostNames = 10'000, kMostProperties = 1000;

void WriteSum(const TallySum& sum) {
    if (sum.events().empty()) return;
    constexpr Oid kTexts = TEXTARRAYOID, kIntegers = INT8ARRAYOID, kTimes = TIMESTAMPTZARRAYOID;
    static pg::Statement statement(
        "WITH named AS MATERIALIZED (SELECT m.*, k.event IS NOT NULL"
        " OR row_number() OVER (PARTITION BY k.event IS NULL ORDER BY m.events DESC, m.event COLLATE \"C\")"
        "   <= $1 - (SELECT count(*) FROM pulse.event_kind) AS listed"
        "  FROM unnest($3, $4, $5, $6, $7) AS m (event, events, looked_at, first_at, last_at)"
        "  LEFT JOIN pulse.event_kind AS k ON k.event = m.event),"
        " kinds AS (INSERT INTO pulse.event_kind AS k (event, events, looked_at, first_seen_at, last_seen_at)"
        "  SELECT CASE WHEN n.listed THEN n.event ELSE '(other)' END, sum(n.events), sum(n.looked_at),"
        " min(n.first_at), max(n.last_at) FROM named AS n GROUP BY 1"
        "  ON CONFLICT (event) DO UPDATE SET events = k.events + excluded.events, looked_at = k.looked_at +"
        " excluded.looked_at,"
        "   first_seen_at = least(k.first_seen_at, excluded.first_seen_at), last_seen_at ="
        " greatest(k.last_seen_at, excluded.last_seen_at)),"
        " counted AS MATERIALIZED (SELECT CASE WHEN n.listed THEN n.event ELSE '(other)' END AS event,"
        " t.source, t.hour, sum(t.events) AS events, sum(t.prompt) AS prompt, sum(t.late) AS late"
        "  FROM unnest($8, $9, $10, $11, $12, $13) AS t (event, source, hour, events, prompt, late)"
        "  JOIN named AS n ON n.event = t.event GROUP BY 1, 2, 3),"
        " source_hours AS (INSERT INTO pulse.event_source_hour AS h (hour, event, source, events, prompt, late)"
        "  SELECT timestamptz '2000-01-01 00:00+00' + c.hour * interval '1 hour', c.event, c.source, c.events,"
        " c.prompt, c.late FROM counted AS c ON CONFLICT (hour, event, source) DO UPDATE SET events = h.events"
        " + excluded.events, prompt = h.prompt + excluded.prompt, late = h.late + excluded.late),"
        " days AS (INSERT INTO pulse.event_day AS d (day, event, events, looked_at)"
        "  SELECT date '2000-01-01' + u.day::int, u.event, sum(u.events), sum(u.looked_at) FROM (SELECT"
        " floor(c.hour / 24.0) AS day, c.event, c.events, 0 AS looked_at FROM counted AS c UNION ALL"
        " SELECT e.day, e.event, 0, e.looked_at FROM unnest($14, $15, $16) AS e (event, day, looked_at)"
        " JOIN named AS n ON n.event = e.event AND n.listed) AS u GROUP BY 1, 2"
        "  ON CONFLICT (day, event) DO UPDATE SET events = d.events + excluded.events, looked_at ="
        " d.looked_at + excluded.looked_at),"
        " hours AS (INSERT INTO pulse.event_hour AS h (hour, events)"
        "  SELECT timestamptz '2000-01-01 00:00+00' + c.hour * interval '1 hour', sum(c.events)"
        " FROM counted AS c GROUP BY 1 ON CONFLICT (hour) DO UPDATE SET events = h.events + excluded.events),"
        " known AS MATERIALIZED (SELECT s.*, p.property IS NOT NULL OR row_number() OVER (PARTITION BY"
        " s.event, p.property IS NULL ORDER BY s.property COLLATE \"C\")"
        "    <= $2 - (SELECT count(*) FROM pulse.event_property AS q WHERE q.event = s.event) AS listed"
        "  FROM unnest($17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27) AS s (event, property, last_at,"
        " examples, texts, numbers, booleans, timestamps, objects, arrays, nulls)"
        "  JOIN named AS n ON n.event = s.event AND n.listed"
        "  LEFT JOIN pulse.event_property AS p ON p.event = s.event AND p.property = s.property),"
        " properties AS (INSERT INTO pulse.event_property AS p (event, property, texts, numbers, booleans,"
        " timestamps, objects, arrays, nulls, last_seen_at, examples)"
        "  SELECT l.event, CASE WHEN l.listed THEN l.property ELSE '(other)' END, sum(l.texts),"
        " sum(l.numbers), sum(l.booleans), sum(l.timestamps), sum(l.objects), sum(l.arrays), sum(l.nulls),"
        " max(l.last_at), pulse.collect_examples(l.examples ORDER BY l.property COLLATE \"C\") FROM known AS l GROUP BY 1, 2"
        "  ON CONFLICT (event, property) DO UPDATE SET texts = p.texts + excluded.texts, numbers ="
        " p.numbers + excluded.numbers, booleans = p.booleans + excluded.booleans, timestamps ="
        " p.timestamps + excluded.timestamps, objects = p.objects + excluded.objects, arrays = p.arrays +"
        " excluded.arrays, nulls = p.nulls + excluded.nulls, last_seen_at = greatest(p.last_seen_at,"
        " excluded.last_seen_at), examples = pulse.merge_examples(p.examples, excluded.examples))"
        " INSERT INTO pulse.event_property_day AS p (day, event, property, texts, numbers, booleans,"
        " timestamps, objects, arrays, nulls)"
        " SELECT date '2000-01-01' + f.day::int, f.event, f.property, f.texts, f.numbers, f.booleans,"
        " f.timestamps, f.objects, f.arrays, f.nulls FROM unnest($28, $29, $30, $31, $32, $33, $34, $35, $36,"
        " $37) AS f (event, property, day, texts, numbers, booleans, timestamps, objects, arrays, nulls)"
        " JOIN known AS k ON k.event = f.event AND k.property = f.property AND k.listed"
        " ON CONFLICT (day, event, property) DO UPDATE SET texts = p.texts + excluded.texts, numbers ="
        " p.numbers + excluded.numbers, booleans = p.booleans + excluded.booleans, timestamps ="
        " p.timestamps + excluded.timestamps, objects = p.objects + excluded.objects, arrays = p.arrays +"
        " excluded.arrays, nulls = p.nulls + excluded.nulls",
        {INT8OID,   INT8OID,   kTexts,    kIntegers,     kIntegers, kTimes,    kTimes,    kTexts,
         kTexts,    kIntegers, kIntegers, kIntegers,     kIntegers, kTexts,    kIntegers, kIntegers,
         kTexts,    kTexts,    kTimes,    JSONBARRAYOID, kIntegers, kIntegers, kIntegers, kIntegers,
         kIntegers, kIntegers, kIntegers, kTexts,        kTexts,    kIntegers, kIntegers, kIntegers,
         kIntegers, kIntegers, kIntegers, kIntegers,     kIntegers});
    std::vector<Value> parameters{Value::Int8(kMostNames), Value::Int8(kMostProperties)};
    AddKinds(sum, parameters);
    AddHours(sum, parameters);
    AddExamined(sum, parameters);
    AddProperties(sum, parameters);
    AddPropertyDays(sum, parameters);
    statement.Execute(parameters);
}

}  // namespace

int64_t FoldTallies(int64_t rows) {
    // One session at a time; batches keep adding rows.
    if (!pg::TryLock("ingest_tally", 0)) return 0;
    // What the batches of a source come to, and one row of the activity of all small ones.
    static pg::Statement take(
        "WITH gone AS (DELETE FROM pulse.ingest_tally AS d WHERE d.ctid = ANY (ARRAY(SELECT t.ctid"
        " FROM pulse.ingest_tally AS t ORDER BY t.id LIMIT $1)) RETURNING d.*),"
        " active AS (INSERT INTO pulse.activity_tally (at, profiles, events, first_at, last_at)"
        "  SELECT clock_timestamp(), array_agg(a.profile), array_agg(a.events), array_agg(a.first_at),"
        " array_agg(a.last_at)"
        "  FROM (SELECT u.profile, sum(u.events)::int AS events, min(u.first_at) AS first_at,"
        " max(u.last_at) AS last_at FROM gone AS g CROSS JOIN LATERAL unnest(g.profiles, g.profile_events,"
        " g.profile_first_at, g.profile_last_at) AS u (profile, events, first_at, last_at) GROUP BY u.profile)"
        " AS a HAVING count(*) > 0),"
        " totals AS (INSERT INTO pulse.source_total AS s (source, accepted, duplicates, conflicting,"
        " rejected, first_at, last_at)"
        "  SELECT g.source, sum(g.accepted), sum(g.duplicates), sum(g.conflicting), sum(g.rejected),"
        " min(g.at), max(g.at) FROM gone AS g GROUP BY g.source"
        "  ON CONFLICT (source) DO UPDATE SET accepted = s.accepted + excluded.accepted, duplicates ="
        " s.duplicates + excluded.duplicates, conflicting = s.conflicting + excluded.conflicting, rejected ="
        " s.rejected + excluded.rejected, first_at = least(s.first_at, excluded.first_at), last_at ="
        " greatest(s.last_at, excluded.last_at))"
        " SELECT g.at, g.source, g.catalogue FROM gone AS g ORDER BY g.id",
        {INT8OID});
    // JIT compilation would take longer than the statements themselves.
    const pg::Identity owner = pg::Identity::Owner();
    pg::SetLocally("jit", "off");
    const pg::Result taken = take.Execute({Value::Int8(rows)});
    // A batch can have 500 names with 200 properties each.
    constexpr size_t kMostBytes = 4 << 20;
    const pg::JsonbReader reader;
    TallySum sum;
    pg::Arena arena("pulse tally");
    for (uint64_t i = 0; i < taken.size(); ++i) {
        const pg::Row row = taken[i];
        const json::Value catalogue = pg::Root(row.Raw(2));
        const std::string source = row.Text(1);
        const size_t events = catalogue.Is(json::Type::kObject) ? reader.Count(catalogue) : 0;
        for (size_t e = 0; e < events; ++e) {
            pg::CheckInterrupts();
            const auto [event, entry] = reader.Member(catalogue, e);
            sum.Add(reader, event, entry, source, row.Time(0));
            if (sum.size() < kMostBytes) continue;
            WriteSum(sum);
            sum = TallySum();
        }
        arena.Reset();
    }
    WriteSum(sum);
    return static_cast<int64_t>(taken.size());
}

}  // namespace pulse::profile
