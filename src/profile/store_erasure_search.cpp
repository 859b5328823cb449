// The proof of an erasure: all tables are searched for what is left, for many people in one pass.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/profile/identifier_search.hpp"
#include "pulse/profile/store_erasure.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kBlocksPerStep = 2048;
constexpr size_t kPeoplePerRound = 100;
constexpr long kRowsPerPortion = 1000;

// Rows by table and column.
using Findings = std::map<std::pair<std::string, std::string>, int64_t>;

// The erasures that are searched for together: those that are at the same place.
struct Round {
    std::vector<OpenErasure> erasures;
    IdentifierSearch search;
    std::map<int64_t, size_t> owner_of;  // of profiles
    std::vector<Findings> findings;      // of the current step
    std::string table;                   // the next to search, and its first block
    int64_t block = 0;
};

struct SearchedTable {
    std::string name;
    int64_t blocks = 0;
    std::vector<std::string> columns, expressions;
};

// All of schema pulse that can have a text, bytes or the number of a profile, but what the erasure needs
// itself, and what waits to leave other systems.
std::optional<SearchedTable> NextTable(const std::string& from) {
    std::vector<std::string> left_out{"erasure_subject", "erasure_key"};
    for (const PersonalData& data : RegisteredPersonalData())
        for (const char* const* table = data.pending; table && *table; ++table) left_out.emplace_back(*table);
    static pg::Statement statement(
        "SELECT c.relname::text, pg_relation_size(c.oid) / current_setting('block_size')::bigint,"
        " array_agg(a.attname::text ORDER BY a.attnum), array_agg(CASE"
        " WHEN a.atttypid IN ('text[]'::regtype, 'name[]'::regtype) THEN format('to_jsonb(t.%I)::text', a.attname)"
        " WHEN a.atttypid IN ('bytea'::regtype, 'bigint'::regtype) THEN format('t.%I', a.attname)"
        " ELSE format('t.%I::text', a.attname) END ORDER BY a.attnum)"
        " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'm')"
        " AND c.relname <> ALL ($2) AND (c.relname COLLATE \"C\") >= $1"
        " AND (a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype,"
        " 'json'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'text[]'::regtype, 'name[]'::regtype)"
        " OR a.atttypid = 'bigint'::regtype AND a.attname IN ('profile_id', 'canonical_id', 'survivor_id',"
        " 'merged_id')) GROUP BY c.oid, c.relname ORDER BY c.relname COLLATE \"C\" LIMIT 1",
        {TEXTOID, TEXTARRAYOID});
    const pg::Result rows = statement.Execute({Value::Text(from), Value::Texts(left_out)});
    if (rows.empty()) return std::nullopt;
    return SearchedTable{rows[0].Text(0), rows[0].Int8(1), rows[0].Texts(2), rows[0].Texts(3)};
}

// Exits of erased people are announced by the number of the profile alone, and stay as they are.
bool Announces(const SearchedTable& table) {
    return table.name.starts_with("membership_change");
}

void SearchRow(Round& round, const SearchedTable& table, const pg::Row& row) {
    for (size_t i = 0; i < table.columns.size(); ++i) {
        const int column = static_cast<int>(i);
        if (row.IsNull(column)) continue;
        const auto add = [&](size_t owner) { ++round.findings[owner][{table.name, table.columns[i]}]; };
        if (row.Type(column) == INT8OID) {
            const auto owner = round.owner_of.find(row.Int8(column));
            if (owner != round.owner_of.end() && !Announces(table)) add(owner->second);
            continue;
        }
        const std::string text =
            row.Type(column) == BYTEAOID ? pg::ToBytes(row.Raw(column)) : row.Text(column);
        for (const size_t owner : round.search.Find(text)) add(owner);
    }
}

// Search a range of blocks and go on behind it.
void SearchRange(Round& round, const SearchedTable& table) {
    const int64_t first = table.name == round.table ? round.block : 0, end = first + kBlocksPerStep;
    std::string columns;
    for (const std::string& each : table.expressions) columns += (columns.empty() ? "" : ", ") + each;
    // With a snapshot of its own: in a session the deletions are of the same statement.
    pg::Cursor cursor("SELECT " + columns + " FROM pulse." + pg::QuoteIdentifier(table.name) +
                          " AS t WHERE t.ctid >= '(" + std::to_string(first) + ",0)'::tid AND t.ctid < '(" +
                          std::to_string(end) + ",0)'::tid",
                      {}, false);
    for (;;) {
        pg::CheckInterrupts();
        const pg::Result rows = cursor.Fetch(kRowsPerPortion);
        if (rows.empty()) break;
        for (uint64_t i = 0; i < rows.size(); ++i) SearchRow(round, table, rows[i]);
    }
    const bool more = end < table.blocks;
    // No name is between a name and the same with the smallest character behind it.
    round.table = more ? table.name : table.name + '\1';
    round.block = more ? end : 0;
}

void SaveRound(Round& round) {
    static pg::Statement statement(
        "UPDATE pulse.erasure SET state = 'verifying', place = $2, findings = (SELECT coalesce(jsonb_agg("
        "jsonb_build_object('table', f.tab, 'column', f.col, 'rows', f.n) ORDER BY f.tab, f.col), '[]')"
        " FROM (SELECT u.tab, u.col, sum(u.n) AS n FROM (SELECT j ->> 'table' AS tab, j ->> 'column' AS col,"
        " (j ->> 'rows')::bigint AS n FROM jsonb_array_elements(findings) AS j UNION ALL"
        " SELECT * FROM unnest($3, $4, $5)) AS u (tab, col, n) GROUP BY u.tab, u.col) AS f) WHERE id = $1",
        {INT8OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID});
    for (size_t i = 0; i < round.erasures.size(); ++i) {
        std::vector<std::string> tables, columns;
        std::vector<int64_t> counts;
        for (const auto& [place, count] : round.findings[i]) {
            tables.push_back(place.first);
            columns.push_back(place.second);
            counts.push_back(count);
        }
        statement.Execute({Value::Int8(round.erasures[i].id),
                           Value::Text("verify:" + round.table + " " + std::to_string(round.block)),
                           Value::Texts(tables), Value::Texts(columns), Value::Int8s(counts)});
        round.findings[i].clear();
    }
}

void ReadPlace(Round& round, const std::string& place) {
    constexpr size_t kPrefix = 7;  // "verify:"
    const size_t space = place.find(' ');
    if (space == std::string::npos) return;
    round.table = place.substr(kPrefix, space - kPrefix);
    round.block = std::stoll(place.substr(space + 1));
}

// A round that was stopped goes on; the others that wait begin together.
Round BeginRound() {
    Round round;
    std::vector<OpenErasure> waiting;
    for (const int64_t id : OpenErasures(true)) waiting.push_back(LoadErasure(id));
    const auto begun = std::find_if(waiting.begin(), waiting.end(),
                                    [](const OpenErasure& each) { return each.place != "verify:"; });
    const std::string place = begun == waiting.end() ? "verify:" : begun->place;
    ReadPlace(round, place);
    for (OpenErasure& each : waiting) {
        if (each.place != place || round.erasures.size() == kPeoplePerRound) continue;
        const size_t owner = round.erasures.size();
        for (const std::string& identifier : each.person.identifiers) round.search.Add(owner, identifier);
        for (const int64_t profile : each.person.profiles) round.owner_of[profile] = owner;
        round.erasures.push_back(std::move(each));
    }
    round.findings.resize(round.erasures.size());
    return round;
}

// The certificate.
void EndErasure(int64_t id) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.erasure SET state = 'done', place = '', finished_at = $2, error = NULL, next_try_at = NULL,"
        " vacuumed_at = CASE WHEN touched = '{}' THEN $2 END WHERE id = $1 RETURNING rows, findings",
        {Value::Int8(id), Value::Time(pg::WallClock())});
    pg::Execute("DELETE FROM pulse.erasure_subject WHERE erasure_id = $1", {Value::Int8(id)});
    audit::Write("profile.erased", "erasure:" + std::to_string(id),
                 {{"rows", rows[0].Jsonb(0)}, {"findings", rows[0].Jsonb(1)}});
}

}  // namespace

int64_t VerifyErasures(const RunStep& step) {
    int64_t ended = 0;
    for (;;) {
        Round round;
        if (!step([&] { round = BeginRound(); }) || round.erasures.empty()) return ended;
        for (bool more = true; more;) {
            pg::CheckInterrupts();
            const bool done = step([&] {
                const auto table = NextTable(round.table);
                more = table.has_value();
                if (!table) return;
                SearchRange(round, *table);
                SaveRound(round);
            });
            if (!done) return ended;
        }
        if (!step([&] {
                for (const OpenErasure& each : round.erasures) EndErasure(each.id);
            }))
            return ended;
        ended += static_cast<int64_t>(round.erasures.size());
    }
}

}  // namespace pulse::profile
