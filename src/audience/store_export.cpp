// Exports of people with chosen columns. One cursor lists the people, with what rules compute for them in one
// pass over the events; what is read by index comes in blocks of few people, so that memory stays flat.
#include "pulse/audience/store_export.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/audience/store_export_columns.hpp"
#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/plan.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/trait/export_file.hpp"
#include "pulse/trait/store_export_file.hpp"
#include "pulse/trait/store_export_writer.hpp"
#include "pulse/trait/store_find.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

// Each can have a megabyte of attributes and thousands of events.
constexpr long kExportedAtOnce = 200;

// All people at an instant ($2), as the members of a segment.
constexpr const char* kEverybodyThen =
    "SELECT p.id AS profile_id, NULL::timestamptz AS since FROM pulse.profile AS p WHERE p.canonical_id = p.id"
    " AND EXISTS (SELECT FROM pulse.profile AS q WHERE q.canonical_id = p.id AND q.first_seen_at <= $2)";

std::string ExportConsentSql(const std::string& purpose) {
    if (purpose.empty()) return "";
    return " AND EXISTS (SELECT FROM pulse.consent AS c WHERE c.profile_id = m.profile_id AND c.purpose = " +
           pg::QuoteLiteral(purpose) + " AND c.live @> $2)";
}

// The people of the file, ascending: profile_id, since, and the values of rules.
std::string ExportPeopleSql(const std::string& members, const ExportOptions& options,
                            const ComputedColumns& computed) {
    std::string sql = "SELECT m.profile_id, m.since" + computed.Select() + " FROM (" + members + ") AS m";
    if (!computed.sql.empty()) sql += " JOIN (" + computed.sql + ") AS v ON v.id = m.profile_id";
    sql += " WHERE true" + ExportConsentSql(options.consent);
    if (!computed.where.empty()) sql += " AND COALESCE(" + computed.where + ", false)";
    return sql + " ORDER BY m.profile_id";
}

struct ListedPerson {
    int64_t id = 0;
    std::optional<Moment> since;
    std::vector<std::optional<std::string>> computed;  // as JSON or plain text, by format
};

// Writes one line for each person.
class PeopleFile {
  public:
    PeopleFile(const std::vector<FileColumn>& columns, const ExportOptions& options, ExportFormat format,
               Moment now, trait::ExportWriter& writer)
        : columns_(columns),
          format_(format),
          writer_(writer),
          details_(DetailsSql(columns, options, format, now), {INT8ARRAYOID, TEXTARRAYOID}) {
        if (format_ == ExportFormat::kCsv) writer_.Add(HeaderOf(columns_));
    }

    // Ascending people.
    void Add(const std::vector<ListedPerson>& people) {
        const pg::Arena arena("pulse audience export");
        std::vector<int64_t> ids;
        std::vector<std::string> since;
        for (const ListedPerson& person : people) {
            ids.push_back(person.id);
            since.push_back(person.since ? FormatMoment(*person.since) : "");
        }
        const trait::ForceIndexPlans force_index_plans;
        const pg::Result rows = details_.Execute({Value::Int8s(ids), Value::Texts(since)}, true);
        std::string line;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            pg::CheckInterrupts();
            line.clear();
            WriteLine(rows[i], people[i], line);
            writer_.Add(line);
        }
        writer_.NotePeople(ids);
        count_ += static_cast<int64_t>(rows.size());
    }

    int64_t count() const { return count_; }

  private:
    void WriteLine(const pg::Row& row, const ListedPerson& person, std::string& line) const {
        const bool csv = format_ == ExportFormat::kCsv;
        size_t detail = 0, computed = 0;
        for (const FileColumn& column : columns_) {
            const std::optional<std::string> text =
                column.computed ? person.computed[computed++] : row.TextOrNull(static_cast<int>(detail++));
            line += line.empty() ? (csv ? "" : "{") : (csv ? "," : ", ");
            if (csv)
                line += trait::CsvField(text ? std::string_view(*text) : std::string_view());
            else
                line += DumpJson(column.name) + ": " + (text ? *text : "null");
        }
        line += csv ? "\n" : "}\n";
    }

    const std::vector<FileColumn>& columns_;
    ExportFormat format_;
    trait::ExportWriter& writer_;
    pg::Plan details_;
    int64_t count_ = 0;
};

// Those of a portion of the list that the filter leaves.
std::vector<ListedPerson> ChosenForExport(const pg::Result& rows, size_t values,
                                          trait::PeopleMatcher* matcher) {
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    if (matcher) ids = matcher->Match(ids);
    std::vector<ListedPerson> people;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        if (!std::binary_search(ids.begin(), ids.end(), rows[i].Int8(0))) continue;
        ListedPerson person{rows[i].Int8(0), rows[i].TimeOrNull(1), {}};
        for (size_t value = 0; value < values; ++value)
            person.computed.push_back(rows[i].TextOrNull(static_cast<int>(2 + value)));
        people.push_back(std::move(person));
    }
    return people;
}

int64_t WriteExportedPeople(const std::optional<segment::Segment>& segment, ExportFormat format,
                            const ExportOptions& options, Moment now, trait::ExportWriter& writer) {
    const std::vector<FileColumn> columns = FileColumns(options);
    const ComputedColumns computed = ComputeColumns(columns, options, format, now);
    std::optional<trait::PeopleMatcher> matcher;
    if (options.filter) matcher.emplace(*options.filter);
    // Times in the file are in UTC.
    const pg::Identity settings = pg::Identity::Owner();
    pg::SetLocally("timezone", "UTC");
    pg::SetLocally("jit", "off");
    PeopleFile file(columns, options, format, now, writer);
    const std::string sql =
        ExportPeopleSql(segment ? trait::ExportedMembers(segment->id) : kEverybodyThen, options, computed);
    std::optional<pg::Cursor> cursor;
    {
        // Without statistics, as in a restored database, nested loops would compare everybody with everybody.
        const pg::Identity planning = pg::Identity::Owner();
        pg::SetLocally("enable_nestloop", "off");
        cursor.emplace(sql, std::vector<Value>{Value::Int8(segment ? segment->id : 0), Value::Time(now)});
    }
    for (;;) {
        const pg::Result rows = cursor->Fetch(kExportedAtOnce);
        if (rows.empty()) break;
        const std::vector<ListedPerson> people =
            ChosenForExport(rows, computed.count, matcher ? &*matcher : nullptr);
        if (!people.empty()) file.Add(people);
    }
    return file.count();
}

// What the audit log keeps: no values of filters, which can be people's ids.
pg::Json ExportDetails(const trait::Export& file, ExportFormat format, const ExportOptions& options) {
    pg::Json columns = pg::Json::array();
    for (const ExportColumn& column : options.columns) columns.push_back(column.name);
    pg::Json details = {{"export", file.id},      {"filename", file.filename}, {"users", file.users},
                        {"format", Name(format)}, {"columns", columns},        {"hashed", options.hashed}};
    if (options.background) details["background"] = true;
    if (options.events) details["events_days"] = options.events->days;
    if (!options.consent.empty()) details["consent"] = options.consent;
    if (!options.filter_keys.empty()) details["filters"] = options.filter_keys;
    if (!options.where.empty()) details["where"] = true;
    return details;
}

Oid ExportCaller() {
    const pg::Identity caller = pg::Identity::Caller();
    const pg::Session session;
    return DatumGetObjectId(
        pg::Execute("SELECT r.oid FROM pg_roles AS r WHERE r.rolname = current_user", {}, true)[0].Raw(0));
}

// What is wrong with the options is said at once, also where a job writes the file.
void CheckExportOptions(const ExportOptions& options, ExportFormat format, Moment now) {
    if (!options.consent.empty()) profile::RequirePurpose(options.consent);
    if (options.filter) const trait::PeopleMatcher matcher(*options.filter);
    ComputeColumns(FileColumns(options), options, format, now);
}

// Of a queued export; the role that asked must still be allowed to see people.
void WriteRequestedExport(int64_t id, const pg::Json& request, ExportFormat format, Oid role) {
    if (role == InvalidOid)
        throw UserError(sqlstate::kInsufficientPrivilege, "the role that asked for the export was dropped");
    {
        const pg::Identity identity = pg::Identity::Key(role);
        const pg::Session session;
        bool sees_people = false;
        try {
            sees_people = pg::Execute("SELECT pulse.sees_people()", {}, true)[0].Bool(0);
        } catch (const pg::Error& error) {
            // It has no level any more. The caller rolls back.
            if (error.State() != sqlstate::kInsufficientPrivilege) throw;
        }
        if (!sees_people)
            throw UserError(sqlstate::kInsufficientPrivilege,
                            "the role that asked for the export may not see people any more");
    }
    std::optional<segment::Segment> found;
    if (request.at("segment").is_string())
        found = trait::LoadForExport(request.at("segment").get<std::string>());
    const ExportOptions options = ReadExportOptions(request.at("options"));
    const Moment now = pg::Now();
    trait::ExportWriter writer(id, now);
    writer.Finish(WriteExportedPeople(found, format, options, now, writer));
}

}  // namespace

trait::Export ExportAudience(const std::optional<std::string>& segment, ExportFormat format,
                             const pg::Json& json) {
    const ExportOptions options = ReadExportOptions(json);
    trait::RequireSightOfPeople();
    std::optional<segment::Segment> found;
    if (segment) found = trait::LoadForExport(*segment);
    const Oid role = ExportCaller();
    trait::ExportHead head;
    if (found) head.segment = found->name;
    head.as_of = pg::Now();
    head.filename =
        trait::ExportFileName("audience", found ? found->name : "everybody", head.as_of, Name(format));
    head.format = Name(format);
    head.creator = pg::ActorName();
    const pg::OwnerSession session;
    CheckExportOptions(options, format, head.as_of);
    int64_t id = 0;
    if (options.background) {
        id = trait::QueueExport(
            head, {{"segment", segment ? pg::Json(*segment) : pg::Json()}, {"options", json}}, role);
        pg::NotifyLauncher();
    } else {
        trait::ExportWriter writer(head);
        id = writer.Finish(WriteExportedPeople(found, format, options, head.as_of, writer));
    }
    const trait::Export result = trait::FindExport(id);
    audit::Write("audience.exported", found ? found->name : trait::kEverybody,
                 ExportDetails(result, format, options));
    return result;
}

std::optional<int64_t> NextQueuedExport(int64_t after) {
    const pg::Result rows = pg::Execute(
        "SELECT e.id FROM pulse.export AS e WHERE e.state = 'queued' AND e.id > $1 ORDER BY e.id LIMIT 1",
        {Value::Int8(after)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

bool WriteQueuedExport(int64_t id) {
    const pg::Result rows = pg::Execute(
        "SELECT e.request, e.format, e.role_oid, (SELECT r.rolname::text FROM pg_roles AS r WHERE r.oid = e.role_oid)"
        " FROM pulse.export AS e WHERE e.id = $1 AND e.state = 'queued' FOR UPDATE SKIP LOCKED",
        {Value::Int8(id)});
    if (rows.empty()) return false;
    std::string problem;
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            WriteRequestedExport(id, rows[0].Jsonb(0), ReadExportFormat(rows[0].Text(1)),
                                 rows[0].IsNull(3) ? InvalidOid : DatumGetObjectId(rows[0].Raw(2)));
        }
        subtransaction.Commit();
        return true;
    } catch (const UserError& error) {
        problem = error.message() + (error.detail().empty() ? "" : ". " + error.detail());
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        problem = error.message;
    }
    pg::Execute("UPDATE pulse.export SET state = 'failed', error = $2 WHERE id = $1",
                {Value::Int8(id), Value::Text(problem)});
    return false;
}

}  // namespace pulse::audience
