// Asks the source of a segment what its snapshots leave open. An answer that does not come in time, or at
// all, is no error: the diagnosis does without it.
#include <algorithm>

#include "pulse/diagnosis/source_questions.hpp"
#include "pulse/diagnosis/store.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::diagnosis {

namespace {

constexpr int kMostMilliseconds = 5000;  // of each question
constexpr int kMinPeopleOfValue = 10;    // values of fewer people outside the segment are not shown

// The text of an attribute or column, or nothing where it is neither.
std::optional<std::string> ValueSqlOf(const segment::MemberQuery& query,
                                      const std::vector<source::Column>& columns, const std::string& name) {
    for (const segment::Attribute& attribute : query.attributes)
        if (attribute.name == name) return "(" + attribute.sql + ")::text";
    if (query.kind == segment::SegmentKind::kProfile) return std::nullopt;
    for (const source::Column& column : columns)
        if (column.name == name) return "s." + rule::QuoteName(name) + "::text";
    return std::nullopt;
}

// SELECT value, people: of those who fail only that clause.
std::string ValuesSql(const segment::MemberQuery& query, const std::string& clause,
                      const std::string& value) {
    std::string where;
    for (const segment::Clause& one : query.clauses)
        where +=
            (where.empty() ? "(" : " AND (") + one.sql + (one.text == clause ? ") IS NOT TRUE" : ") IS TRUE");
    return "SELECT " + value + ", pg_catalog.count(*) FROM " + query.from + " WHERE " + where +
           " GROUP BY 1 HAVING pg_catalog.count(*) >= " + std::to_string(kMinPeopleOfValue) +
           " ORDER BY 2 DESC, 1 LIMIT 50";
}

void AskClause(source::Reader& reader, const segment::MemberQuery& query,
               const std::vector<source::Column>& columns, ClauseValues& asked) {
    const bool there = std::any_of(query.clauses.begin(), query.clauses.end(),
                                   [&](const segment::Clause& one) { return one.text == asked.clause; });
    const auto value = ValueSqlOf(query, columns, asked.column);
    if (!there || !value) return;
    for (const auto& row : reader.Query(ValuesSql(query, asked.clause, *value)).values)
        if (row.at(0)) asked.people.emplace_back(*row[0], source::ToInteger(row.at(1)));
}

std::optional<JointCounts> AskConditions(source::Reader& reader, const segment::MemberQuery& query,
                                         const std::vector<source::Column>& columns,
                                         const std::vector<Condition>& conditions) {
    std::string bits;
    for (size_t i = 0; i < conditions.size(); ++i) {
        const auto value = ValueSqlOf(query, columns, conditions[i].attribute);
        if (!value) return std::nullopt;
        std::string list;
        for (const std::string& one : conditions[i].values)
            list += (list.empty() ? "" : ", ") + source::Literal(one);
        bits += (bits.empty() ? "" : " + ") + std::string("CASE WHEN ") + *value + " IN (" + list +
                ") THEN " + std::to_string(1u << i) + " ELSE 0 END";
    }
    JointCounts joint{conditions, std::vector<int64_t>(size_t{1} << conditions.size())};
    for (const auto& row : reader
                               .Query("SELECT " + bits + ", pg_catalog.count(*) FROM " + query.MembersFrom() +
                                      " WHERE " + query.Where() + " GROUP BY 1")
                               .values)
        joint.counts.at(static_cast<size_t>(source::ToInteger(row.at(0)))) = source::ToInteger(row.at(1));
    return joint;
}

void Ask(DiagnosisInput& input, const std::vector<Condition>& conditions, std::vector<ClauseValues> clauses) {
    const segment::Segment segment = segment::Load(input.segment);
    const Moment now = pg::Now();
    const segment::Request request = segment::PrepareRequest(segment::ParseRequest(segment.definition), now);
    const int limit = pg::settings::statement_timeout;
    const source::Target target = source::ResolveTarget(
        segment::AccessOf(segment), limit > 0 ? std::min(limit, kMostMilliseconds) : kMostMilliseconds);
    source::Usage usage;
    usage.purpose = "diagnosis";
    usage.object = segment.name;
    std::optional<JointCounts> joint;
    segment::ReadForDefinition(target, usage, [&](source::Reader& reader) {
        const std::vector<source::Column> columns = segment::DescribeColumns(reader, request);
        const segment::MemberQuery query =
            segment::CompileMembers(request, columns, segment::MomentLiteral(now));
        for (ClauseValues& clause : clauses) AskClause(reader, query, columns, clause);
        if (!conditions.empty()) joint = AskConditions(reader, query, columns, conditions);
    });
    input.joint = std::move(joint);
    input.clause_values = std::move(clauses);
}

// Other tables of the schema with all columns that the segment's table had.
std::vector<std::string> Lookalikes(const DiagnosisInput& input) {
    std::vector<std::string> columns, found;
    for (const auto& [name, type] : input.last_columns) columns.push_back(name);
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT format('%I.%I', n.nspname, r.relname) FROM pg_catalog.pg_class AS r "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace "
        "WHERE n.nspname = (parse_ident($1))[1] AND r.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT EXISTS ("
        "SELECT FROM unnest($2::text[]) AS c (name) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
        "WHERE a.attrelid = r.oid AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped)) "
        "ORDER BY r.oid DESC LIMIT 3",
        {pg::Value::Text(input.relation), pg::Value::Texts(columns)});
    for (uint64_t i = 0; i < rows.size(); ++i) found.push_back(rows[i].Text(0));
    return found;
}

void AskColumns(DiagnosisInput& input) {
    pg::Subtransaction subtransaction;
    if (input.after->error_state == sqlstate::kUndefinedTable) {
        input.lookalikes = Lookalikes(input);
    } else {
        const segment::Segment segment = segment::Load(input.segment);
        const segment::Request request = segment::ParseRequest(segment.definition);
        segment::ReadAndRecord(
            segment::AccessOf(segment), "diagnosis", segment.name, [&](source::Reader& reader) {
                for (const source::Column& column : segment::DescribeColumns(reader, request))
                    input.columns_now[column.name] = column.type;
            });
    }
    subtransaction.Commit();
}

}  // namespace

void AskSource(DiagnosisInput& input) {
    const std::vector<Condition> conditions = ConditionsToAsk(input);
    std::vector<ClauseValues> clauses = ClausesToAsk(input);
    const bool columns = AsksForColumns(input);
    // A server is not visited while a session waits for its transaction.
    if ((conditions.empty() && clauses.empty() && !columns) || !input.definition.value("source", "").empty())
        return;
    try {
        if (columns) {
            AskColumns(input);
            return;
        }
        pg::Subtransaction subtransaction;
        Ask(input, conditions, std::move(clauses));
        subtransaction.Commit();
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
    } catch (const UserError&) {
        // Too slow, or the definition no longer fits its table: other evidence says so.
    }
}

}  // namespace pulse::diagnosis
