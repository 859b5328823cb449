// Asks the source of a segment what its snapshots leave open. An answer that does not come in time, or at
// all, is no error: the diagnosis does without it.
#include <algorithm>
#include <chrono>
#include <functional>

#include "pulse/diagnosis/source_questions.hpp"
#include "pulse/diagnosis/store.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/cell.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

namespace {

constexpr int kMinPeopleOfValue = 10;  // values of fewer people outside the segment are not shown

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

// Visits the segment's source for a diagnosis; never longer than `milliseconds`.
void Visit(const segment::Segment& segment, int milliseconds,
           const std::function<void(source::Reader&)>& body) {
    const source::Target target = source::ResolveTarget(segment::AccessOf(segment), milliseconds);
    source::Usage usage;
    usage.purpose = "diagnosis";
    usage.object = segment.name;
    segment::ReadForDefinition(target, usage, body);
}

// One question: what it asks, in words, and how.
struct Question {
    std::string words;
    std::function<void(source::Reader&, const segment::MemberQuery&, const std::vector<source::Column>&)> ask;
};

std::vector<Question> QuestionsAbout(DiagnosisInput& input) {
    std::vector<Question> questions;
    if (const std::vector<Condition> conditions = ConditionsToAsk(input); !conditions.empty()) {
        std::vector<std::string> names;
        for (const Condition& condition : conditions) names.push_back(Short(condition.attribute, 40));
        questions.push_back(
            {"how many members have the values of " + Listed(names, names.size()) + " together",
             [&input, conditions](source::Reader& reader, const segment::MemberQuery& query,
                                  const std::vector<source::Column>& columns) {
                 input.joint = AskConditions(reader, query, columns, conditions);
             }});
    }
    for (const ClauseValues& clause : ClausesToAsk(input))
        questions.push_back({"which values of " + Short(clause.column, 40) + " people have who fail only `" +
                                 Short(clause.clause, 80) + "`",
                             [&input, clause](source::Reader& reader, const segment::MemberQuery& query,
                                              const std::vector<source::Column>& columns) {
                                 ClauseValues asked = clause;
                                 AskClause(reader, query, columns, asked);
                                 input.clause_values.push_back(std::move(asked));
                             }});
    return questions;
}

// Removes the questions that are answered.
void Ask(const DiagnosisInput& input, std::vector<Question>& questions, int milliseconds) {
    const segment::Segment segment = segment::Load(input.segment);
    const Moment now = pg::Now();
    const segment::Request request = segment::PrepareRequest(segment::ParseRequest(segment.definition), now);
    Visit(segment, milliseconds, [&](source::Reader& reader) {
        const std::vector<source::Column> columns = segment::DescribeColumns(reader, request);
        std::vector<segment::UnreadablePart> unreadable;
        const segment::MemberQuery query =
            segment::CompileReadable(request, columns, segment::MomentLiteral(now), unreadable);
        while (!questions.empty()) {
            questions.front().ask(reader, query, columns);
            questions.erase(questions.begin());
        }
    });
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

void AskColumns(DiagnosisInput& input, int milliseconds) {
    if (input.after->error_state == sqlstate::kUndefinedTable) {
        input.lookalikes = Lookalikes(input);
        return;
    }
    const segment::Segment segment = segment::Load(input.segment);
    const segment::Request request = segment::ParseRequest(segment.definition);
    Visit(segment, milliseconds, [&](source::Reader& reader) {
        for (const source::Column& column : segment::DescribeColumns(reader, request))
            input.columns_now[column.name] = column.type;
    });
}

// Runs it in a subtransaction. Returns whether its time was up; another failure is told by other evidence:
// the definition no longer fits its table.
bool RanOutOfTime(QuestionTime& time, const std::function<void(int milliseconds)>& body) {
    using Clock = std::chrono::steady_clock;
    const int milliseconds = time.ForIncident();
    if (milliseconds <= 0) return true;
    const Clock::time_point begin = Clock::now();
    bool failed = true;
    try {
        pg::Subtransaction subtransaction;
        body(milliseconds);
        subtransaction.Commit();
        failed = false;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
    } catch (const UserError&) {
    }
    const auto spent =
        static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count());
    time.Spend(spent);
    return failed && spent >= milliseconds;
}

}  // namespace

QuestionTime::QuestionTime() : left_(pg::settings::diagnosis_total_timeout) {}

int QuestionTime::ForIncident() const {
    const int most = std::min(left_, pg::settings::diagnosis_timeout),
              limit = pg::settings::statement_timeout;
    return limit > 0 ? std::min(most, limit) : most;
}

void QuestionTime::Spend(int milliseconds) {
    left_ = std::max(0, left_ - milliseconds);
}

void AskSource(DiagnosisInput& input, QuestionTime& time) {
    // A server is not visited while a session waits for its transaction.
    if (!segment::SourcesOf(input.definition).empty()) return;
    if (AsksForColumns(input)) {
        if (RanOutOfTime(time, [&](int milliseconds) { AskColumns(input, milliseconds); }))
            input.not_asked.push_back("which columns the table has now");
        return;
    }
    std::vector<Question> questions = QuestionsAbout(input);
    if (questions.empty()) return;
    if (RanOutOfTime(time, [&](int milliseconds) { Ask(input, questions, milliseconds); }))
        for (const Question& question : questions) input.not_asked.push_back(question.words);
}

}  // namespace pulse::diagnosis
