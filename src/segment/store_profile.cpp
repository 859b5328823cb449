#include "pulse/segment/store_profile.hpp"

#include <algorithm>
#include <map>

#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/member_query_profile.hpp"
#include "pulse/segment/attribute.hpp"
#include "pulse/segment/profile_hooks.hpp"
#include "pulse/source/cell.hpp"
#include "pulse/source/store.hpp"

namespace pulse::segment {

namespace {

// Number of people sampled to find their attributes.
constexpr int kSamplePeople = 2000;

const ProfileHooks& Required() {
    if (!GetProfileHooks().definitions)
        throw UserError(sqlstate::kNotSupported, "segments over people are not available");
    return GetProfileHooks();
}

// Statistics of the attributes of sampled people: name, number of values, number of distinct values, and the
// most frequent kind.
std::vector<ColumnFacts> ReadAttributes(source::Reader& reader) {
    const source::Rows rows = reader.Query(
        "SELECT a.key, pg_catalog.count(*), pg_catalog.count(DISTINCT a.value), "
        "pg_catalog.mode() WITHIN GROUP (ORDER BY pg_catalog.jsonb_typeof(a.value)), "
        "pg_catalog.bool_and(pg_catalog.jsonb_typeof(a.value) <> 'number' OR a.value::text NOT LIKE '%.%') "
        "FROM (SELECT p.attributes FROM pulse.profile AS p WHERE p.canonical_id = p.id"
        " AND p.attributes <> '{}' ORDER BY p.id DESC LIMIT " +
        std::to_string(kSamplePeople) +
        ") AS p, pg_catalog.jsonb_each(p.attributes) AS a WHERE pg_catalog.jsonb_typeof(a.value) IN"
        " ('string', 'number', 'boolean') "
        "AND a.key NOT LIKE '%.%' AND a.key <> '' GROUP BY a.key ORDER BY a.key COLLATE \"C\"");
    std::vector<ColumnFacts> facts;
    for (const auto& row : rows.values) {
        ColumnFacts fact;
        const std::string type = *row[3];
        const char* sql_type = type == "boolean"           ? "boolean"
                               : type == "string"          ? "text"
                               : source::ToBoolean(row[4]) ? "bigint"
                                                           : "double precision";
        fact.column = {*row[0], sql_type, sql_type, false};
        fact.values = source::ToNumber(row[1]);
        fact.distinct = source::ToNumber(row[2]);
        facts.push_back(std::move(fact));
    }
    return facts;
}

void ResolveAttributes(source::Reader& reader, Request& request, const Request* before) {
    if (!request.attributes && before && before->kind == SegmentKind::kProfile)
        request.attributes = before->attributes;
    const bool complete =
        request.attributes &&
        std::all_of(request.attributes->begin(), request.attributes->end(),
                    [](const AttributeRequest& attribute) { return attribute.kind.has_value(); });
    if (complete) return;
    std::vector<ColumnFacts> facts = ReadAttributes(reader);
    if (!request.attributes) {
        std::erase_if(facts, [](const ColumnFacts& fact) { return IsPersonal(fact.column.name); });
        request.attributes = ChooseAttributes(facts, "");
        return;
    }
    for (AttributeRequest& attribute : *request.attributes) {
        if (attribute.kind) continue;
        const auto known = std::find_if(facts.begin(), facts.end(), [&](const ColumnFacts& fact) {
            return fact.column.name == attribute.name;
        });
        // An attribute that no person has yet is counted as text.
        attribute.kind =
            known == facts.end() ? AttributeKind::kCategorical : DefaultAttributeKind(known->column);
    }
}

rule::ExprPtr ExpandConverted(const std::string& text, const std::string& self) {
    try {
        return rule::Expand(*rule::Parse(text), Required().definitions(), self);
    } catch (const UserError& error) {
        throw UserError(error.state().c_str(), "\"converted\": " + error.message(), error.detail(),
                        error.hint());
    }
}

}  // namespace

std::shared_ptr<const ExpandedRules> ExpandProfile(const Request& request, const std::string& self) {
    const rule::Definitions& definitions = Required().definitions();
    ExpandedRules expanded;
    const std::string itself = self.empty() ? "" : "segment " + self;
    expanded.rule = rule::Expand(*ReadRule(request), definitions, itself);
    if (request.converted) expanded.converted = ExpandConverted(*request.converted, itself);
    expanded.time_zone = pg::settings::TimeZone();
    expanded.inactive_after = pg::settings::inactive_after * kMinute;
    return std::make_shared<const ExpandedRules>(std::move(expanded));
}

namespace {

// The sources of people exist and may be used. They are not visited: definitions are locked, and senders of
// events wait for that.
void CheckCells(const Request& request, source::Access access) {
    for (const std::string& server : request.sources) {
        access.source = server;
        source::ResolveTarget(access, pg::settings::statement_timeout);
    }
}

}  // namespace

ResolvedDefinition ResolveProfile(const Request& asked, const source::Access& access, const std::string& name,
                                  const Request* before) {
    ResolvedDefinition resolved;
    resolved.request = asked;
    resolved.request.expanded = ExpandProfile(asked, name);
    {
        const pg::OwnerSession session;
        Required().check(name, resolved.request);
    }
    ReadAndRecord(access, name.empty() ? "preview" : "define", name, [&](source::Reader& reader) {
        ResolveAttributes(reader, resolved.request, before);
        resolved.query = CompileMembers(resolved.request, {}, NowLiteral());
        // A definition is checked while nobody can write events: that must not wait for an archive.
        if (!name.empty() && Required().archive_in_use())
            reader.Check(resolved.query.Sql());
        else
            resolved.plan = reader.Estimate(resolved.query.Sql());
    });
    CheckCells(resolved.request, access);
    return resolved;
}

void RequireUnused(const Segment& segment, const char* what) {
    if (segment.kind == SegmentKind::kProfile) Required().require_unused(segment.name, what);
}

void LockProfiles(SegmentKind kind) {
    if (kind == SegmentKind::kProfile) Required().lock();
}

void ProfileWritten(SegmentKind kind) {
    if (kind == SegmentKind::kProfile) Required().written();
}

}  // namespace pulse::segment
