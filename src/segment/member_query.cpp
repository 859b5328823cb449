#include "pulse/segment/member_query.hpp"

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/segment/member_query_profile.hpp"
#include "pulse/segment/attribute.hpp"

namespace pulse::segment {

namespace {

rule::RelationScope MakeScope(const std::vector<source::Column>& columns) {
    std::vector<rule::Column> known;
    for (const source::Column& column : columns) {
        const rule::ValueType type = column.enumerated ? rule::ValueType::kEnum : rule::TypeOf(column.base);
        known.push_back(
            {column.name, column.base, type,
             column.type != column.base && (column.enumerated || type == rule::ValueType::kArray)});
    }
    return rule::RelationScope(std::move(known));
}

// Compile "converted"; errors are prefixed with the key.
std::string Converted(const std::string& text, const rule::Scope& scope, const std::string& now_sql) {
    try {
        return rule::Compile(*rule::Parse(text), scope, rule::Expect::kBoolean, now_sql).sql;
    } catch (const UserError& error) {
        throw UserError(error.state().c_str(), "\"converted\": " + error.message(), error.detail(),
                        error.hint());
    }
}

std::string LastActive(const std::vector<source::Column>& columns, const std::string& name) {
    const source::Column& column = FindColumn(columns, name, "last_active");
    if (DefaultAttributeKind(column) != AttributeKind::kTimestamp)
        throw UserError(
            sqlstate::kDatatypeMismatch,
            "\"last_active\" must be a date or timestamp, but column \"" + name + "\" is " + column.type, "",
            "Name the column with the time of a member's last activity.");
    return MakeAttribute(column, AttributeKind::kTimestamp).sql;
}

// Everything that decides who is a member.
MemberQuery CompileMembership(const Request& request, const std::vector<source::Column>& columns,
                              const rule::Scope& scope, const std::string& now_sql) {
    MemberQuery query;
    query.kind = request.kind;
    if (request.kind == SegmentKind::kRelation) query.relation = request.from;
    // The line break ends a comment at the end of the query.
    query.from =
        (request.kind == SegmentKind::kRelation ? request.from : "(" + request.query + "\n)") + " AS s";
    query.key = "s." + rule::QuoteName(FindColumn(columns, request.key.value_or(""), "key").name);
    if (const rule::ExprPtr tree = ReadRule(request))
        for (const rule::Clause& clause :
             rule::Compile(*tree, scope, rule::Expect::kBoolean, now_sql).clauses)
            query.clauses.push_back({clause.text, clause.sql});
    return query;
}

// Calls `add(name, compile)` for each other part.
template <typename Add>
MemberQuery CompileParts(const Request& request, const std::vector<source::Column>& columns,
                         const std::string& now_sql, const Add& add) {
    if (request.kind == SegmentKind::kProfile) return CompileProfileMembers(request, now_sql);
    const rule::RelationScope scope = MakeScope(columns);
    MemberQuery query = CompileMembership(request, columns, scope, now_sql);
    for (const AttributeRequest& attribute : request.attributes.value_or(std::vector<AttributeRequest>()))
        add("attribute " + attribute.name, [&] {
            query.attributes.push_back(
                MakeAttribute(FindColumn(columns, attribute.name, "attribute"), attribute.kind));
        });
    if (request.converted)
        add("converted", [&] { query.converted = Converted(*request.converted, scope, now_sql); });
    if (request.last_active)
        add("last_active", [&] { query.last_active = LastActive(columns, *request.last_active); });
    return query;
}

}  // namespace

const source::Column& FindColumn(const std::vector<source::Column>& columns, const std::string& name,
                                 const char* role) {
    std::vector<std::string> names;
    for (const source::Column& column : columns) {
        if (column.name == name) return column;
        names.push_back(column.name);
    }
    throw UserError(sqlstate::kUndefinedColumn, std::string(role) + " \"" + name + "\" is not a column", "",
                    SuggestName(name, names, "Columns"));
}

rule::ExprPtr ReadRule(const Request& request) {
    rule::ExprPtr tree;
    if (request.where) tree = rule::Parse(*request.where);
    if (request.rules) tree = rule::FromJson(*request.rules);
    if (request.static_segment)
        tree = rule::Make(
            rule::Metric{.aggregate = rule::Aggregate::kStatic, .segment = *request.static_segment}, 0);
    // A separate condition, so that it is counted, shown and inherited like any other.
    if (request.include_anonymous == false)
        tree = rule::MakeOperation(rule::Op::kAnd, {tree, rule::Parse("lifecycle != \"anonymous\"")}, 0);
    return tree;
}

std::vector<source::Column> DescribeColumns(source::Reader& reader, const Request& request) {
    if (request.kind == SegmentKind::kProfile) return ProfileColumns(request);
    return request.kind == SegmentKind::kRelation ? reader.Describe(request.from)
                                                  : reader.DescribeQuery(request.query);
}

MemberQuery CompileMembers(const Request& request, const std::vector<source::Column>& columns,
                           const std::string& now_sql) {
    return CompileParts(request, columns, now_sql,
                        [](const std::string&, const auto& compile) { compile(); });
}

MemberQuery CompileReadable(const Request& request, const std::vector<source::Column>& columns,
                            const std::string& now_sql, std::vector<UnreadablePart>& unreadable) {
    return CompileParts(request, columns, now_sql, [&](const std::string& name, const auto& compile) {
        try {
            compile();
        } catch (const UserError& error) {
            unreadable.push_back({name, error.message()});
        }
    });
}

}  // namespace pulse::segment
