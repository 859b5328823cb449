#include "pulse/snapshot/measure_segment.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "pulse/rule/compile.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/snapshot/measurement.hpp"
#include "pulse/snapshot/fallback_sql.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::snapshot {

namespace {

using segment::Attribute;
using segment::MemberQuery;

// A call of pulse.measure() takes at most this many attributes; a function has at most 100 arguments.
constexpr size_t kAttributesPerCall = 90;

// The result of the scan.
struct SegmentScan {
    ScanResult result;
    std::optional<ClauseCounts> clauses;
    double cost = 0;
};

// The calls that measure a member query; more than one only for very many attributes.
struct Calls {
    std::vector<MeasureOptions> options;
    std::vector<std::string> sql;
};

// How the calls are written.
struct CallForm {
    // As pulse.measure_distributed(), whose arguments Citus hands to the shards, with the limit of the
    // hashes.
    bool distributed = false;
    uint64_t theta = Sketch::kEverything;
};

MeasureOptions OptionsFor(const MeasureSpec& spec, const std::vector<Attribute>& attributes, size_t first,
                          size_t count, const CallForm& form) {
    MeasureOptions options;
    options.moment = spec.moment;
    options.inactive_after = spec.inactive_after;
    options.sketch_size = spec.sketch_size;
    options.theta = form.theta;
    for (size_t i = first; i < first + count; ++i) options.kinds.push_back(attributes[i].kind);
    return options;
}

std::string Call(const MemberQuery& query, const MeasureOptions& options, size_t first,
                 const CallForm& form) {
    std::string sql = form.distributed ? "pulse.measure_distributed(" : "pulse.measure(";
    sql += source::Literal(options.Print()) + (form.distributed ? ", ROW(" : ", ");
    sql += first == 0 ? query.key : "NULL::text";
    sql += ", " + query.converted.value_or("NULL::boolean") + ", " +
           query.last_active.value_or("NULL::timestamp with time zone");
    for (size_t i = first; i < first + options.kinds.size(); ++i) sql += ", " + query.attributes[i].raw;
    if (options.clauses > 0)
        for (const segment::Clause& clause : query.clauses) sql += ", (" + clause.sql + ")";
    return sql + (form.distributed ? "))" : ")");
}

Calls MakeCalls(const MemberQuery& query, const MeasureSpec& spec, const CallForm& form = {}) {
    Calls calls;
    size_t first = 0;
    do {
        const size_t count = std::min(kAttributesPerCall, query.attributes.size() - first);
        calls.options.push_back(OptionsFor(spec, query.attributes, first, count, form));
        calls.sql.push_back(Call(query, calls.options.back(), first, form));
        first += count;
    } while (first < query.attributes.size());
    return calls;
}

// Whether everything that is measured can be read in rows that are no members: columns as they are, and
// rules, which never fail; casts can.
bool CanReadAllRows(const MemberQuery& query, const MeasureSpec& spec,
                    const std::vector<source::Column>& columns) {
    if (query.attributes.size() + query.clauses.size() > kAttributesPerCall) return false;
    const auto as_it_is = [](const Attribute& attribute) {
        return attribute.raw == "s." + rule::QuoteName(attribute.name);
    };
    const auto active = std::find_if(columns.begin(), columns.end(), [&](const source::Column& column) {
        return column.name == spec.request.last_active;
    });
    return query.kind == segment::SegmentKind::kRelation &&
           (!query.last_active || (active != columns.end() && active->base == "timestamp with time zone")) &&
           std::all_of(query.attributes.begin(), query.attributes.end(), as_it_is);
}

// One call for all rows that counts the clauses, too: each is evaluated once a row.
Calls MakeCallForAllRows(const MemberQuery& query, const MeasureSpec& spec, const CallForm& form = {}) {
    MeasureOptions options = OptionsFor(spec, query.attributes, 0, query.attributes.size(), form);
    options.clauses = static_cast<int>(query.clauses.size());
    return {{options}, {Call(query, options, 0, form)}};
}

// Another server can answer anything: what it measured must be what was asked for.
Measurement ReadCall(const source::Cell& cell, const MeasureOptions& options) {
    if (!cell) return Measurement(options);
    Measurement measured = Measurement::Decode(source::ToBytes(cell));
    if (!measured.SameShape(Measurement(options)))
        throw UserError(sqlstate::kDataCorrupted, "other attributes were measured than were asked for", "",
                        "Check pulse.measure() of that server: it is not Pulse's own.");
    return measured;
}

SegmentScan ReadCalls(const MemberQuery& query, const source::Rows& rows, const Calls& calls) {
    std::vector<Measurement> parts;
    for (size_t i = 0; i < calls.sql.size(); ++i)
        parts.push_back(ReadCall(rows.values.at(0).at(i), calls.options[i]));
    Measurement& whole = parts.front();
    SegmentScan scan;
    scan.result = {whole.size, whole.null_keys, whole.converted, whole.inactive, whole.members.Build(), {}};
    if (const auto tally = whole.Clauses()) scan.clauses = CountsOf(query, *tally);
    for (Measurement& part : parts)
        for (ColumnCounts& column : part.columns) scan.result.columns.push_back(std::move(column));
    return scan;
}

std::string SelectOf(const std::vector<std::string>& calls, const std::string& filter) {
    std::string sql;
    for (const std::string& call : calls) sql += (sql.empty() ? "SELECT " : ", ") + call + filter;
    return sql;
}

// The limit of the hashes that are read. A size that was measured is nearer than the planner's; but a segment
// that grew by far must not be read whole. Citus does not estimate.
uint64_t MemberTheta(source::Reader& reader, const MemberQuery& query, const MeasureSpec& spec,
                     const source::PlanEstimate& plan) {
    const double rows = plan.distributed
                            ? source::ToNumber(reader
                                                   .Query("SELECT pg_catalog.count(*) FROM " +
                                                          query.MembersFrom() + " WHERE " + query.Where())
                                                   .values.at(0)
                                                   .at(0))
                            : plan.rows;
    if (!spec.previous) return ThetaFor(rows, 2.0 * spec.sketch_size);
    // Of several servers only the sum is known.
    const double before = static_cast<double>(spec.previous->size) /
                          static_cast<double>(std::max<size_t>(spec.request.sources.size(), 1));
    return ThetaFor(std::max(before, rows / 16), 1.25 * spec.sketch_size);
}

// Whether every node of Citus has Pulse in the version of this one, and this role may call the aggregate
// there.
bool NodesHavePulse(source::Reader& reader) {
    constexpr const char* kRun = "pg_catalog.run_command_on_all_nodes";
    constexpr const char* kVersion =
        "SELECT extversion FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'pulse'";
    const auto answer = [&](const std::string& sql) {
        return source::ToBoolean(reader.Query(sql).values.at(0).at(0));
    };
    if (!answer("SELECT coalesce(pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('" +
                std::string(kRun) + "(text, boolean, boolean)')::oid, 'EXECUTE'), false)"))
        return false;
    const std::string one =
        std::string(kVersion) +
        " AND pg_catalog.has_function_privilege('pulse.measure_distributed(text, record)', 'EXECUTE')";
    return answer("SELECT coalesce(pg_catalog.bool_and(n.success AND n.result OPERATOR(pg_catalog.=) (" +
                  std::string(kVersion) + ")), false) FROM " + kRun + "(" + source::Literal(one) + ") AS n");
}

// Where Citus has distributed the relation and Pulse is on its nodes: the shards aggregate, and their states
// travel.
SegmentScan ScanOnShards(source::Reader& reader, const MemberQuery& query, const MeasureSpec& spec,
                         const std::vector<source::Column>& columns, const source::PlanEstimate& plan) {
    CallForm form{true, MemberTheta(reader, query, spec, plan)};
    const bool same_call = CountsClauses(query) && CanReadAllRows(query, spec, columns);
    SegmentScan scan;
    for (;;) {
        const Calls calls = same_call ? MakeCallForAllRows(query, spec, form) : MakeCalls(query, spec, form);
        const std::string from =
            " FROM " + (same_call ? query.from : query.MembersFrom() + " WHERE " + query.Where());
        scan = ReadCalls(query, reader.Query(SelectOf(calls.sql, "") + from), calls);
        // Full, or nothing was left out. Else there are far fewer members than expected.
        if (scan.result.members.theta < form.theta || form.theta == Sketch::kEverything) break;
        form.theta = Sketch::kEverything;
    }
    scan.cost = plan.cost;
    if (!same_call && CountsClauses(query)) scan.clauses = CountClauses(reader, query);
    return scan;
}

// On a server with Pulse: by its aggregates, in parallel, with the clauses in the same scan when it reads the
// whole table anyway. Nothing where Citus would carry all rows to the aggregate.
std::optional<SegmentScan> ScanByAggregate(source::Reader& reader, const MemberQuery& query,
                                           const MeasureSpec& spec,
                                           const std::vector<source::Column>& columns) {
    Calls calls = MakeCalls(query, spec);
    std::string sql = SelectOf(calls.sql, "") + " FROM " + query.MembersFrom() + " WHERE " + query.Where();
    const source::PlanEstimate plan = reader.Estimate(sql);
    if (plan.distributed) {
        if (!NodesHavePulse(reader)) return std::nullopt;
        return ScanOnShards(reader, query, spec, columns, plan);
    }
    // Segments over people read all events in any case.
    const bool same_scan =
        CountsClauses(query) && (plan.reads_whole_relation || query.kind == segment::SegmentKind::kProfile);
    const bool same_call = same_scan && CanReadAllRows(query, spec, columns);
    if (same_call) {
        calls = MakeCallForAllRows(query, spec);
        sql = SelectOf(calls.sql, "") + " FROM " + query.from;
    } else if (same_scan) {
        sql = SelectOf(calls.sql, " FILTER (WHERE " + query.Where() + ")") + ", " + ClauseCall(query, false) +
              " FROM " + query.from;
    }
    const source::Rows rows = reader.Query(sql);
    SegmentScan scan = ReadCalls(query, rows, calls);
    scan.cost = plan.cost;
    if (same_scan && !same_call) scan.clauses = ReadClauses(query, rows, calls.sql.size());
    if (!same_scan && CountsClauses(query)) scan.clauses = CountClauses(reader, query);
    return scan;
}

// The estimated number of labels by attribute.
std::vector<double> CountLabels(source::Reader& reader, const MemberQuery& query) {
    std::vector<double> groups;
    for (const Attribute& attribute : query.attributes)
        groups.push_back(HasLabel(attribute) ? reader.Estimate(LabelGroupsSql(query, attribute)).rows : 0);
    return groups;
}

// In plain SQL, which Citus carries out where the rows are.
SegmentScan ScanByFallbackSql(source::Reader& reader, const MemberQuery& query, const MeasureSpec& spec) {
    const source::PlanEstimate plan =
        reader.Estimate("SELECT FROM " + query.MembersFrom() + " WHERE " + query.Where());
    const uint64_t theta = MemberTheta(reader, query, spec, plan);
    const std::vector<double> groups =
        plan.distributed ? std::vector<double>(query.attributes.size()) : CountLabels(reader, query);
    std::vector<source::Rows> answers;
    for (const FallbackScan& part : PlanFallbackScans(query, groups, plan.distributed))
        answers.push_back(reader.Query(FallbackSql(query, spec, theta, part)));
    SegmentScan scan{ReadFallback(answers, query, spec), std::nullopt, plan.cost};
    if (!FallbackSketchIsComplete(scan.result, theta))
        scan.result.members = ReadFallbackSketch(reader.Query(FallbackSketchSql(query, spec)), spec);
    if (CountsClauses(query)) scan.clauses = CountClauses(reader, query);
    return scan;
}

}  // namespace

ServerMeasurement MeasureServer(source::Reader& reader, const MeasureSpec& spec) {
    const auto begin = std::chrono::steady_clock::now();
    ServerMeasurement measured;
    measured.columns = segment::DescribeColumns(reader, spec.request);
    const MemberQuery query =
        segment::CompileReadable(spec.request, measured.columns, spec.now_sql, measured.unreadable);
    std::optional<SegmentScan> by_aggregate;
    if (reader.HasPulse()) by_aggregate = ScanByAggregate(reader, query, spec, measured.columns);
    SegmentScan scan = by_aggregate ? *std::move(by_aggregate) : ScanByFallbackSql(reader, query, spec);
    measured.scan = std::move(scan.result);
    measured.clauses = std::move(scan.clauses);
    measured.plan_cost = scan.cost;
    for (const Attribute& attribute : query.attributes) measured.attributes.push_back(attribute.name);
    measured.has_converted = query.converted.has_value();
    measured.has_active = query.last_active.has_value();
    measured.duration_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    return measured;
}

MeasureResult MakeResult(ServerMeasurement measured, const MeasureSpec& spec) {
    MeasureResult result;
    Record& record = result.record;
    const ScanResult& scan = measured.scan;
    result.null_keys = scan.null_keys;
    record.segment_id = spec.segment_id;
    record.source = measured.source;
    record.taken_at = spec.moment;
    record.version = spec.version;
    record.clauses = std::move(measured.clauses);
    record.plan_cost = measured.plan_cost;
    record.duration_ms = measured.duration_ms;
    record.size = scan.size;
    if (measured.has_converted) record.converted = scan.converted;
    if (measured.has_active) record.inactive = scan.inactive;
    for (size_t i = 0; i < scan.columns.size(); ++i) {
        const std::string& name = measured.attributes[i];
        const auto edges = spec.edges.find(name);
        record.distributions.push_back(
            MakeDistribution(scan.columns[i], name, scan.size, spec.max_values,
                             edges == spec.edges.end() ? nullptr : &edges->second));
    }
    record.sketch = std::move(measured.scan.members);
    record.columns = nlohmann::json::object();
    for (const source::Column& column : measured.columns) record.columns[column.name] = column.type;
    for (const segment::UnreadablePart& part : measured.unreadable) {
        record.missing.push_back(part.name);
        record.error += (record.error.empty() ? "" : "; ") + part.reason;
    }
    return result;
}

MeasureResult MeasureSegment(source::Reader& reader, const MeasureSpec& spec) {
    ServerMeasurement measured = MeasureServer(reader, spec);
    measured.source = spec.request.source;
    return MakeResult(std::move(measured), spec);
}

}  // namespace pulse::snapshot
