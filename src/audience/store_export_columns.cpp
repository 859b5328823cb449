#include "pulse/audience/store_export_columns.hpp"

#include <algorithm>
#include <set>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/segment/member_query_profile.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/trait/export_file.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::audience {

namespace {

constexpr const char* kMostExportIds = "100";  // of one person and kind

// A value of jsonb as it is in the file.
std::string AsExportText(const std::string& json, ExportFormat format) {
    return format == ExportFormat::kCsv ? "(" + json + ") #>> '{}'" : "(" + json + ")::text";
}

void RequireExportedKind(const std::string& name) {
    std::vector<std::string> kinds;
    for (const profile::IdentityKind& kind : profile::IdentityKinds()) kinds.push_back(kind.kind);
    if (std::find(kinds.begin(), kinds.end(), name) == kinds.end())
        throw UserError(sqlstate::kUndefinedObject, InQuotes(name) + " is not a kind of ids", "",
                        SuggestName(name, kinds, "Kinds"));
}

// The name in the file says what the values are.
std::string ExportColumnName(const ExportColumn& column, bool hashed) {
    const bool id = column.kind == ExportColumnKind::kExternalId ||
                    (column.kind == ExportColumnKind::kIdentity && !IsHashedKind(column.argument));
    return hashed && id ? column.name + "_sha256" : column.name;
}

// Ids are stored in their normal forms.
std::string ExportIdSql(const std::string& kind, bool hashed) {
    return hashed && !IsHashedKind(kind)
               ? "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(n.value,"
                 " 'UTF8')), 'hex')"
               : "n.value";
}

// All ids of a kind as a list, the first seen first; only the first in CSV.
std::string ExportIdentitySql(const std::string& kind, bool hashed, bool list) {
    const std::string ids =
        "SELECT " + ExportIdSql(kind, hashed) +
        " AS id, n.first_seen_at, n.value FROM pulse.profile AS q JOIN pulse.identity AS n ON n.profile_id = q.id"
        " AND n.kind = " +
        pg::QuoteLiteral(kind) + " WHERE q.canonical_id = d.person ORDER BY n.first_seen_at, n.value LIMIT " +
        (list ? kMostExportIds : "1");
    return list ? "(SELECT coalesce(jsonb_agg(i.id ORDER BY i.first_seen_at, i.value), '[]') FROM (" + ids +
                      ") AS i)"
                : "(SELECT to_jsonb(i.id) FROM (" + ids + ") AS i)";
}

// Also a part of a nested attribute: "address.city".
std::string ExportAttributeSql(const std::string& name) {
    const std::string key = pg::QuoteLiteral(name);
    return "coalesce(p.attributes -> " + key + ", p.attributes #> pg_catalog.string_to_array(" + key +
           ", '.'))";
}

// Attributes and properties without ids, which do not come in plain beside hashed ones.
std::string WithoutExportIds(const std::string& json, bool hashed) {
    return hashed ? "(" + json + " - '{email,phone}'::text[])" : json;
}

std::string ExportEventsSql(const ExportedEvents& events, bool hashed, const std::string& now) {
    std::string condition = " WHERE q.canonical_id = d.person AND v.time <= " + now + " AND v.time > " + now +
                            " - interval '" + std::to_string(events.days) + " days'";
    if (!events.names.empty()) {
        std::string names;
        for (const std::string& name : events.names)
            names += (names.empty() ? "" : ", ") + pg::QuoteLiteral(name);
        condition += " AND v.name IN (" + names + ")";
    }
    return "(SELECT coalesce(jsonb_agg(jsonb_build_object('event', e.name, 'time', e.time, 'properties',"
           " " +
           WithoutExportIds("e.properties", hashed) +
           ") ORDER BY e.time DESC, e.id DESC), '[]') FROM (SELECT v.id, v.name, v.time,"
           " v.properties FROM pulse.profile AS q JOIN pulse.event AS v ON v.profile_id = q.id" +
           condition + " ORDER BY v.time DESC, v.id DESC LIMIT " + std::to_string(events.most) + ") AS e)";
}

// The jsonb of a column that is not computed.
std::string ExportDetailSql(const FileColumn& column, const ExportOptions& options, ExportFormat format,
                            const std::string& now) {
    switch (column.column.kind) {
        case ExportColumnKind::kProfileId: return "to_jsonb(d.person)";
        case ExportColumnKind::kExternalId: return ExportIdentitySql("user_id", options.hashed, false);
        case ExportColumnKind::kSince: return "to_jsonb(nullif(d.since, '')::timestamptz)";
        case ExportColumnKind::kFirstSeen: return "to_jsonb(t.first_at)";
        case ExportColumnKind::kLastSeen: return "to_jsonb(t.last_at)";
        case ExportColumnKind::kEventCount: return "to_jsonb(t.events)";
        case ExportColumnKind::kSegments:
            return "(SELECT coalesce(jsonb_agg(s.name ORDER BY s.name), '[]') FROM"
                   " pulse.evaluate_segments(d.person, false) AS e JOIN pulse.segment AS s ON s.id ="
                   " e.segment_id)";
        case ExportColumnKind::kIdentity:
            return ExportIdentitySql(column.column.argument, options.hashed,
                                     format == ExportFormat::kJsonLines);
        case ExportColumnKind::kAttribute: return ExportAttributeSql(column.column.argument);
        case ExportColumnKind::kAllAttributes: return WithoutExportIds("p.attributes", options.hashed);
        case ExportColumnKind::kAllTraits:
        case ExportColumnKind::kRule: break;
    }
    return ExportEventsSql(*options.events, options.hashed, now);
}

bool ExportNeedsActivity(ExportColumnKind kind) {
    return kind == ExportColumnKind::kFirstSeen || kind == ExportColumnKind::kLastSeen ||
           kind == ExportColumnKind::kEventCount;
}

rule::ExprPtr ExpandedExportRule(const std::string& text) {
    const rule::ExprPtr tree = rule::Expand(*rule::Parse(text), trait::SavedDefinitions());
    trait::CheckReferences(*tree);
    return tree;
}

}  // namespace

std::vector<FileColumn> FileColumns(const ExportOptions& options) {
    std::vector<FileColumn> columns;
    for (const ExportColumn& column : options.columns) {
        if (column.kind == ExportColumnKind::kIdentity) RequireExportedKind(column.argument);
        if (column.kind == ExportColumnKind::kAllTraits) {
            for (const trait::TraitRow& row : trait::ListTraits())
                columns.push_back(
                    {{ExportColumnKind::kRule, "trait." + row.key, "trait(\"" + row.key + "\")"},
                     "trait." + row.key,
                     true});
            continue;
        }
        columns.push_back(
            {column, ExportColumnName(column, options.hashed), column.kind == ExportColumnKind::kRule});
    }
    // A column that computes nothing and has no kind of its own: see ExportDetailSql().
    if (options.events) columns.push_back({{ExportColumnKind::kRule, "events", ""}, "events", false});
    std::set<std::string> names;
    for (const FileColumn& column : columns)
        if (!names.insert(column.name).second)
            ThrowInvalid(
                "column " + InQuotes(column.name) + " is in the file twice", "",
                "Give each column once; trait.* has all traits, and \"events\" is the column of the events.");
    return columns;
}

std::string HeaderOf(const std::vector<FileColumn>& columns) {
    std::string line;
    for (const FileColumn& column : columns) line += (line.empty() ? "" : ",") + trait::CsvField(column.name);
    return line + "\n";
}

std::string ComputedColumns::Select() const {
    std::string select;
    for (const std::string& value : values) select += ", " + value;
    return select;
}

ComputedColumns ComputeColumns(const std::vector<FileColumn>& columns, const ExportOptions& options,
                               ExportFormat format, Moment now) {
    ComputedColumns computed;
    std::vector<rule::ExprPtr> rules;
    for (const FileColumn& column : columns)
        if (column.computed) rules.push_back(ExpandedExportRule(column.column.argument));
    computed.count = rules.size();
    if (!options.where.empty()) rules.push_back(ExpandedExportRule(options.where));
    if (rules.empty()) return computed;
    const segment::PersonValues values =
        segment::CompilePersonValues(rules, pg::settings::TimeZone(), segment::MomentLiteral(now));
    computed.sql = values.sql;
    for (size_t i = 0; i < computed.count; ++i)
        computed.values.push_back(
            AsExportText("pg_catalog.to_jsonb(v.value" + std::to_string(i + 1) + ")", format));
    if (options.where.empty()) return computed;
    if (values.types.back() != rule::ValueType::kBoolean)
        throw UserError(sqlstate::kDatatypeMismatch, "\"where\" is not a condition",
                        "It is " + options.where + ".", "Give a rule that is true or false for each person.");
    computed.where = "v.value" + std::to_string(rules.size());
    return computed;
}

std::string DetailsSql(const std::vector<FileColumn>& columns, const ExportOptions& options,
                       ExportFormat format, Moment now) {
    const std::string moment = segment::MomentLiteral(now);
    std::string select;
    bool activity = false;
    for (const FileColumn& column : columns) {
        if (column.computed) continue;
        activity = activity || ExportNeedsActivity(column.column.kind);
        select += (select.empty() ? "" : ", ") +
                  AsExportText(ExportDetailSql(column, options, format, moment), format);
    }
    std::string sql = "SELECT " + select +
                      " FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS d (person, since, place)"
                      " JOIN pulse.profile AS p ON p.id = d.person";
    if (activity)
        sql +=
            " LEFT JOIN LATERAL (SELECT least(min(a.first_at), min(q.first_seen_at)) AS first_at,"
            " max(a.last_at) AS last_at, coalesce(sum(a.events), 0)::bigint AS events FROM pulse.profile"
            " AS q LEFT JOIN pulse.activity AS a ON a.profile_id = q.id WHERE q.canonical_id = d.person)"
            " AS t ON true";
    return sql + " ORDER BY d.place";
}

}  // namespace pulse::audience
