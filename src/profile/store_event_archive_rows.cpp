// Rows of events on their way to an archive and back.
#include <array>
#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_event_archive.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

enum : int { kIdColumn, kProfileColumn, kTimeColumn, kReceivedColumn, kNameColumn, kColumns = 10 };

// A value in the text format of COPY.
void AppendCopied(std::string& text, const std::string& value) {
    for (const char c : value) {
        switch (c) {
            case '\\': text += "\\\\"; break;
            case '\n': text += "\\n"; break;
            case '\r': text += "\\r"; break;
            case '\t': text += "\\t"; break;
            default: text += c;
        }
    }
}

std::string Column(const pg::Row& row, int column) {
    if (column == kTimeColumn || column == kReceivedColumn) return FormatMoment(row.Time(column));
    return row.Output(column).value_or("");
}

}  // namespace

std::string LiteralThere(const std::string& text) {
    std::string literal = "E'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') literal += c;
        literal += c;
    }
    return literal + "'";
}

std::string IdsThere(const std::vector<int64_t>& ids) {
    std::string list;
    for (const int64_t id : ids) list += (list.empty() ? "" : ",") + std::to_string(id);
    return "'{" + list + "}'";
}

const char* const kEventColumns =
    "e.id, e.profile_id, e.time, e.received_at, e.name, e.type, e.properties, e.context, e.message_id, e.source";

// SHA-256, because it is the same on every machine, and its first eight bytes as a number.
const char* const kCountAndDigest =
    "count(*), coalesce(sum(('x' || encode(substr(sha256(convert_to(jsonb_build_array(e.id, e.profile_id,"
    " (extract(epoch FROM e.time) * 1000000)::bigint, (extract(epoch FROM e.received_at) * 1000000)::bigint,"
    " e.name, e.type, e.properties, e.context, e.message_id, e.source)::text, 'UTF8')), 1, 8), 'hex'))::bit(64)"
    "::bigint), 0)::text";

ArchiveRows ReadRowsForCopy(const std::string& query, const std::vector<Value>& parameters,
                            const std::string& suffix, size_t bytes) {
    constexpr long kPortion = 200;
    ArchiveRows rows;
    pg::Cursor cursor(query, parameters);
    while (rows.text.size() < bytes) {
        const pg::Result portion = cursor.Fetch(kPortion);
        if (portion.empty()) break;
        for (uint64_t i = 0; i < portion.size(); ++i) {
            for (int column = 0; column < kColumns; ++column) {
                if (column > 0) rows.text += '\t';
                if (portion[i].IsNull(column))
                    rows.text += "\\N";
                else
                    AppendCopied(rows.text, Column(portion[i], column));
            }
            rows.text += suffix + "\n";
            ++rows.count;
        }
        const pg::Row last = portion[portion.size() - 1];
        rows.last = {last.Int8(kProfileColumn), last.Text(kNameColumn), FormatMoment(last.Time(kTimeColumn)),
                     last.Int8(kIdColumn)};
    }
    return rows;
}

std::string BehindKey(const pg::Json& key) {
    if (!key.is_array()) return "true";
    return "(e.profile_id, e.name, e.time, e.id) > (" + std::to_string(key[0].get<int64_t>()) + ", " +
           LiteralThere(key[1].get<std::string>()) + ", " + LiteralThere(key[2].get<std::string>()) + ", " +
           std::to_string(key[3].get<int64_t>()) + ")";
}

pg::Json KeyOf(const std::vector<std::optional<std::string>>& row) {
    return {std::stoll(row[kProfileColumn].value()), row[kNameColumn].value(), row[kTimeColumn].value(),
            std::stoll(row[kIdColumn].value())};
}

void InsertRows(const std::string& table, const pg::RemoteRows& rows) {
    std::array<std::vector<Datum>, kColumns> values;
    std::array<std::vector<bool>, kColumns> nulls;
    for (const auto& row : rows.values)
        for (size_t column = 0; column < kColumns; ++column) {
            const auto& value = row.at(column);
            values[column].push_back(value ? pg::FromText(*value) : Datum{0});
            nulls[column].push_back(!value);
        }
    std::vector<Value> parameters;
    for (size_t column = 0; column < kColumns; ++column)
        parameters.push_back(pg::ArrayOf(TEXTOID, values[column], nulls[column]));
    pg::Execute(
        "INSERT INTO " + table +
            " (id, profile_id, time, received_at, name, type, properties, context, message_id, source,"
            " archived) SELECT u.a::bigint, u.b::bigint, u.c::timestamptz, u.d::timestamptz, u.e, u.f,"
            " u.g::jsonb, u.h::jsonb, u.i, u.j, false FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " AS u (a, b, c, d, e, f, g, h, i, j)",
        parameters);
}

}  // namespace pulse::profile
