// Reading a segment's members once.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/snapshot/measurement.hpp"
#include "pulse/snapshot/store.hpp"
#include "pulse/source/local.hpp"

namespace pulse::snapshot {

namespace {

using segment::Attribute;
using segment::MemberQuery;

// A call of pulse.measure() takes at most this many attributes; a function has at most 100 arguments.
constexpr size_t kAttributesPerCall = 90;
constexpr size_t kMaxClauses = 16;
// Rows looked at for the clause counts when the members are not found by reading everything anyway.
constexpr double kSampleRows = 100'000;

MeasureOptions OptionsFor(Moment moment, const std::vector<Attribute>& attributes, size_t first, size_t count) {
    MeasureOptions options;
    options.moment = moment;
    options.inactive_after = pg::settings::inactive_after * kMinute;
    options.sketch_size = static_cast<uint32_t>(pg::settings::sketch_size);
    for (size_t i = first; i < first + count; ++i) options.kinds.push_back(attributes[i].kind);
    return options;
}

// The calls that measure a member query; more than one only for very many attributes.
struct Calls {
    std::vector<MeasureOptions> options;
    std::vector<std::string> sql;
};

Calls MakeCalls(const MemberQuery& query, Moment moment) {
    Calls calls;
    size_t first = 0;
    do {
        const size_t count = std::min(kAttributesPerCall, query.attributes.size() - first);
        calls.options.push_back(OptionsFor(moment, query.attributes, first, count));
        std::string sql = "pulse.measure(" + pg::QuoteLiteral(calls.options.back().Print()) + ", ";
        sql += first == 0 ? query.key : "NULL::text";
        sql += ", " + query.converted.value_or("NULL::boolean") + ", " +
               query.last_active.value_or("NULL::timestamp with time zone");
        for (size_t i = first; i < first + count; ++i) sql += ", " + query.attributes[i].raw;
        calls.sql.push_back(sql + ")");
        first += count;
    } while (first < query.attributes.size());
    return calls;
}

std::string ClauseCall(const MemberQuery& query, bool sampled) {
    std::string sql = std::string("pulse.count_clauses(") + (sampled ? "s.ctid" : "NULL::tid");
    for (const segment::Clause& clause : query.clauses) sql += ", (" + clause.sql + ")";
    return sql + ")";
}

// What pulse.count_clauses() returns: rows, error, then per clause passed and missed.
ClauseCounts ReadClauses(const MemberQuery& query, const pg::Row& row, int column) {
    ClauseCounts counts;
    for (const segment::Clause& clause : query.clauses) counts.texts.push_back(clause.text);
    if (row.IsNull(column)) {
        counts.passed.assign(counts.texts.size(), 0);
        counts.missed_only = counts.passed;
        return counts;
    }
    const std::vector<double> figures = row.Float8s(column);
    counts.rows = std::llround(figures.at(0));
    counts.error = figures.at(1);
    for (size_t i = 0; i < counts.texts.size(); ++i) {
        counts.passed.push_back(std::llround(figures.at(2 + 2 * i)));
        counts.missed_only.push_back(std::llround(figures.at(3 + 2 * i)));
    }
    return counts;
}

void Scale(ClauseCounts& counts, double factor) {
    const auto scale = [factor](int64_t& n) { n = std::llround(static_cast<double>(n) * factor); };
    scale(counts.rows);
    for (int64_t& n : counts.passed) scale(n);
    for (int64_t& n : counts.missed_only) scale(n);
}

// Rows a relation has by the statistics, and whether it can be sampled by block.
bool CanSample(const std::string& relation) {
    const pg::Result rows = pg::Execute(
        "SELECT c.relkind IN ('r', 'm', 'p') FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) "
        "pg_catalog.to_regclass($1)",
        {pg::Value::Text(relation)});
    return !rows.empty() && rows[0].Bool(0);
}

// Clause counts of their own: over all rows of a small relation, else over a sample of its blocks.
std::optional<ClauseCounts> CountClauses(const MemberQuery& query) {
    const double rows = source::Estimate("SELECT FROM " + query.from).rows;
    const bool sampled = rows > kSampleRows;
    if (sampled && !CanSample(query.relation)) return std::nullopt;
    const double percent = 100 * kSampleRows / std::max(rows, 1.0);
    std::string from = query.from;
    if (sampled) from += " TABLESAMPLE SYSTEM (" + std::to_string(percent) + ") REPEATABLE (0)";
    const pg::Result result = pg::Execute("SELECT " + ClauseCall(query, sampled) + " FROM " + from);
    ClauseCounts counts = ReadClauses(query, result[0], 0);
    if (sampled) Scale(counts, 100 / percent);
    return counts;
}

// The one scan and what it found.
struct Scan {
    std::vector<Measurement> parts;
    std::optional<ClauseCounts> clauses;
    double cost = 0;
};

Scan Read(const MemberQuery& query, Moment moment) {
    const Calls calls = MakeCalls(query, moment);
    std::string list;
    for (const std::string& call : calls.sql) list += (list.empty() ? "SELECT " : ", ") + call;
    const std::string members = list + " FROM " + query.from + " WHERE " + query.Where();
    const source::PlanEstimate plan = source::Estimate(members);

    const bool count_clauses = query.kind == segment::Kind::kRelation && !query.clauses.empty() &&
                               query.clauses.size() <= kMaxClauses;
    const bool same_scan = count_clauses && plan.reads_whole_relation;
    std::string sql = members;
    if (same_scan) {
        sql.clear();
        for (const std::string& call : calls.sql)
            sql += (sql.empty() ? "SELECT " : ", ") + call + " FILTER (WHERE " + query.Where() + ")";
        sql += ", " + ClauseCall(query, false) + " FROM " + query.from;
    }
    Scan scan;
    scan.cost = plan.cost;
    {
        const pg::Result result = pg::Execute(sql);
        for (size_t i = 0; i < calls.sql.size(); ++i) {
            const int column = static_cast<int>(i);
            scan.parts.push_back(result[0].IsNull(column) ? Measurement(calls.options[i])
                                                          : Measurement::Decode(pg::ToBytes(result[0].Raw(column))));
        }
        if (same_scan) scan.clauses = ReadClauses(query, result[0], static_cast<int>(calls.sql.size()));
    }
    if (count_clauses && !same_scan) scan.clauses = CountClauses(query);
    return scan;
}

nlohmann::json ReadColumns(const segment::Segment& segment, const MemberQuery& query) {
    const std::vector<source::Column> columns =
        query.kind == segment::Kind::kRelation
            ? source::Describe(query.relation)
            : source::DescribeQuery(segment.definition.at("query").get<std::string>());
    nlohmann::json json = nlohmann::json::object();
    for (const source::Column& column : columns) json[column.name] = column.type;
    return json;
}

void WarnOfKeys(const segment::Segment& segment, const Measurement& whole, const Sketch& sketch) {
    const std::string of = " of segment \"" + segment.name + "\"";
    constexpr const char* kHint = "Name a column that identifies members as the \"key\" of the definition.";
    if (whole.null_keys > 0)
        pg::Warning("the key is null in " + std::to_string(whole.null_keys) + " of " + std::to_string(whole.size) +
                        " members" + of,
                    "They count in its size and distributions, but not as entered or exited.", kHint);
    const double keys = static_cast<double>(whole.size - whole.null_keys), distinct = sketch.Cardinality();
    // Beyond the sketch's capacity only what is far outside its error is certain.
    if (keys > distinct * (1 + 6 * sketch.RelativeError()) + 0.5)
        pg::Warning("the key repeats in the members" + of,
                    (sketch.exact() ? "" : "About ") + std::to_string(std::llround(distinct)) + " different keys stand in " +
                        std::to_string(std::llround(keys)) + " rows; each row counts in its size.",
                    kHint);
}

}  // namespace

Record Measure(const segment::Segment& segment, Moment moment) {
    const auto begin = std::chrono::steady_clock::now();
    const MemberQuery query = segment::Compile(segment, segment::NowLiteral());
    Record record;
    Scan scan;
    segment::RunChecked({segment.runs_as, segment.search_path}, [&] {
        scan = Read(query, moment);
        record.columns = ReadColumns(segment, query);
    });
    record.segment_id = segment.id;
    record.taken_at = moment;
    record.version = segment.version;
    record.clauses = std::move(scan.clauses);
    record.plan_cost = scan.cost;
    Measurement& whole = scan.parts.front();
    record.size = whole.size;
    if (query.converted) record.converted = whole.converted;
    if (query.last_active) record.inactive = whole.inactive;
    record.sketch = whole.members.Build();
    WarnOfKeys(segment, whole, *record.sketch);

    for (size_t i = 0; i < query.attributes.size(); ++i) {
        pg::CheckInterrupts();
        const Attribute& attribute = query.attributes[i];
        const auto edges = FindEdges(segment.id, moment, attribute.name, attribute.kind);
        record.distributions.push_back(
            Distribute(scan.parts[i / kAttributesPerCall].columns[i % kAttributesPerCall], attribute.name, whole.size,
                       static_cast<size_t>(pg::settings::max_values), edges ? &*edges : nullptr));
    }
    record.duration_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    return record;
}

}  // namespace pulse::snapshot
