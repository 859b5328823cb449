// Writing events to their partitions.
#include <algorithm>
#include <set>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// The columns of pulse.event.
enum : size_t {
    kId,
    kProfile,
    kTime,
    kReceived,
    kName,
    kType,
    kProperties,
    kContext,
    kMessage,
    kSource,
    kArchived,
    kWidth
};

// For partitions that were altered and are not plain tables any more.
void Insert(const std::vector<pg::AppendColumn>& columns) {
    static pg::Statement insert(
        "INSERT INTO pulse.event (id, profile_id, time, received_at, name, type, properties, context,"
        " message_id, source, archived)"
        " SELECT e.* FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS e",
        {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
         JSONBARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID});
    const Oid types[kWidth] = {INT8OID,  INT8OID,  TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
                               JSONBOID, JSONBOID, TEXTOID,        TEXTOID,        BOOLOID};
    std::vector<Value> parameters;
    for (size_t i = 0; i < kWidth; ++i)
        parameters.push_back(
            pg::ArrayOf(types[i], columns[i].values,
                        std::vector<bool>(columns[i].nulls.begin(), columns[i].nulls.end())));
    insert.Execute(parameters);
}

}  // namespace

bool CanAppendEvents(const std::vector<Moment>& times) {
    std::set<int> months;
    for (const Moment time : times) months.insert(MonthOf(time));
    return std::all_of(months.begin(), months.end(), [](int month) {
        return pg::CanAppend("event", PartitionName("event", month).c_str(), kWidth);
    });
}

Datum EventWriter::Text(std::string_view value) {
    const auto [place, added] = texts_.try_emplace(value, 0);
    if (added) place->second = pg::FromText(value);
    return place->second;
}

void EventWriter::Add(const EventRow& row) {
    if (!month_ || row.time < begin_ || row.time >= end_) {
        const int month = MonthOf(row.time);
        begin_ = month < 0 ? INT64_MIN : MonthBegin(month);
        end_ = MonthBegin(month + 1);
        month_ = &months_.try_emplace(month, kWidth).first->second;
    }
    const auto add = [&](size_t column, Datum value) { (*month_)[column].values.push_back(value); };
    const auto add_or_null = [&](size_t column, Datum value) {
        add(column, value);
        (*month_)[column].nulls.push_back(value == 0);
    };
    add(kId, Int64GetDatum(row.id));
    add(kProfile, Int64GetDatum(row.profile));
    add(kTime, TimestampTzGetDatum(row.time));
    add(kReceived, TimestampTzGetDatum(row.received_at));
    add(kName, Text(row.name));
    add(kType, Text(row.type));
    add(kProperties, row.properties);
    add_or_null(kContext, row.context);
    add_or_null(kMessage, row.message_id.empty() ? Datum{0} : pg::FromText(row.message_id));
    add(kSource, Text(row.source));
    add(kArchived, BoolGetDatum(false));
}

void EventWriter::Write() {
    for (const auto& [month, columns] : months_)
        if (!pg::Append("event", PartitionName("event", month).c_str(), columns)) Insert(columns);
}

}  // namespace pulse::profile
