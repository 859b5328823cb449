// Reads the counters of events that the check judges.
#include "pulse/insight/store_event_check.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr long kSeriesPortion = 50;

// An hour as its number.
#define PULSE_HOUR "(extract(epoch FROM k.hour) / 3600)::bigint - 262968"

}  // namespace

std::vector<int64_t> ReadEventHours(int64_t oldest, int64_t last) {
    const pg::Result rows = pg::Execute("SELECT " PULSE_HOUR
                                        ", sum(k.events)::bigint FROM pulse.events_by_source_hour AS k"
                                        " WHERE k.hour >= $1 AND k.hour <= $2 GROUP BY k.hour",
                                        {Value::Time(oldest * kHour), Value::Time(last * kHour)});
    std::vector<int64_t> hours(static_cast<size_t>(last - oldest + 1));
    for (uint64_t i = 0; i < rows.size(); ++i)
        hours[static_cast<size_t>(rows[i].Int8(0) - oldest)] = rows[i].Int8(1);
    return hours;
}

void ReadEventSeries(int64_t oldest, int64_t last, size_t most,
                     const std::function<void(const EventSeries&)>& judge) {
    // Hours as numbers, in arrays: a row per series.
    pg::Cursor cursor(
        "SELECT s.event, s.source, s.hours, s.events, s.prompt, s.late FROM (SELECT h.event, h.source,"
        " array_agg(h.place ORDER BY h.place) AS hours, array_agg(h.events ORDER BY h.place) AS events,"
        " array_agg(h.prompt ORDER BY h.place) AS prompt, array_agg(h.late ORDER BY h.place) AS late"
        " FROM (SELECT k.event, k.source, " PULSE_HOUR
        " AS place,"
        " k.events, k.prompt, k.late FROM pulse.events_by_source_hour AS k WHERE k.hour >= $1 AND k.hour <= $2)"
        " AS h GROUP BY h.event, h.source ORDER BY sum(h.events) DESC, h.event, h.source LIMIT $3) AS s"
        " ORDER BY s.event, s.source",
        {Value::Time(oldest * kHour), Value::Time(last * kHour), Value::Int8(static_cast<int64_t>(most))},
        false);
    for (;;) {
        pg::CheckInterrupts();
        const pg::Result rows = cursor.Fetch(kSeriesPortion);
        if (rows.empty()) return;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            EventSeries one;
            one.event = rows[i].Text(0);
            one.source = rows[i].Text(1);
            const std::vector<int64_t> hours = rows[i].Int8s(2), events = rows[i].Int8s(3),
                                       prompt = rows[i].Int8s(4), late = rows[i].Int8s(5);
            for (size_t n = 0; n < hours.size(); ++n)
                one.hours.push_back({hours[n], events[n], prompt[n], late[n]});
            judge(one);
        }
    }
}

#undef PULSE_HOUR

std::vector<EventProperties> ReadEventProperties(int64_t oldest_day, int64_t last_day) {
    const auto date = [](int64_t day) { return Value::Int4(static_cast<int32_t>(day)); };
    pg::Cursor cursor(
        "SELECT d.event, NULL, d.day - date '2000-01-01', d.looked_at, 0, 0, 0, 0, 0 FROM pulse.event_day AS d"
        " WHERE d.day BETWEEN date '2000-01-01' + $1 AND date '2000-01-01' + $2 AND d.looked_at > 0"
        " UNION ALL SELECT p.event, p.property, p.day - date '2000-01-01', p.texts, p.numbers, p.booleans,"
        " p.timestamps, p.objects, p.arrays FROM pulse.event_property_day AS p"
        " WHERE p.day BETWEEN date '2000-01-01' + $1 AND date '2000-01-01' + $2 ORDER BY 1, 2, 3",
        {date(oldest_day), date(last_day)}, false);
    std::vector<EventProperties> events;
    for (;;) {
        pg::CheckInterrupts();
        const pg::Result rows = cursor.Fetch(1000);
        if (rows.empty()) break;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            const pg::Row row = rows[i];
            const std::string event = row.Text(0);
            if (events.empty() || events.back().event != event) events.emplace_back().event = event;
            const int64_t day = row.Int4(2);
            if (row.IsNull(1)) {
                events.back().looked_at[day] = row.Int8(3);
                continue;
            }
            PropertyDay& seen = events.back().properties[row.Text(1)].emplace_back();
            seen.day = day;
            for (size_t type = 0; type < kPropertyTypes; ++type)
                seen.seen[type] = row.Int8(3 + static_cast<int>(type));
        }
    }
    return events;
}

}  // namespace pulse::insight
