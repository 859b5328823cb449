#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/baseline.hpp"
#include "pulse/segment/definition_diff.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/segment/store_profile.hpp"

namespace pulse::segment {

namespace {

constexpr const char* kColumns =
    "s.id, s.name, s.kind, s.status, s.version, s.definition, s.baseline, s.owner, s.description, s.tags, "
    "(extract(epoch FROM s.cadence) * 1000000)::int8, pulse.role_name(s.runs_as, s.role_oid), "
    "s.search_path, s.baseline_from, s.pinned_snapshot, s.checked_at";

SegmentKind ReadKind(const std::string& name) {
    for (const SegmentKind kind : {SegmentKind::kRelation, SegmentKind::kQuery, SegmentKind::kProfile})
        if (name == Name(kind)) return kind;
    throw UserError(sqlstate::kDataCorrupted, "unknown kind of segment \"" + name + "\"");
}

Status ReadStatus(const std::string& name) {
    for (const Status status : {Status::kDraft, Status::kActive, Status::kPaused, Status::kArchived})
        if (name == Name(status)) return status;
    throw UserError(sqlstate::kDataCorrupted, "unknown status of segment \"" + name + "\"");
}

Segment ReadSegment(const pg::Row& row) {
    Segment segment;
    segment.id = row.Int8(0);
    segment.name = row.Text(1);
    segment.kind = ReadKind(row.Text(2));
    segment.status = ReadStatus(row.Text(3));
    segment.version = row.Int4(4);
    segment.definition = row.Jsonb(5);
    segment.baseline = row.Jsonb(6);
    segment.owner = row.TextOrNull(7);
    segment.description = row.TextOrNull(8);
    segment.tags = row.Texts(9);
    segment.cadence = row.Int8(10);
    segment.runs_as = row.Text(11);
    segment.search_path = row.Text(12);
    segment.baseline_from = row.TimeOrNull(13);
    segment.pinned_snapshot = row.Int8OrNull(14);
    segment.checked_at = row.TimeOrNull(15);
    return segment;
}

std::string Trim(const std::string& text) {
    constexpr const char* kBlank = " \t\r\n\f\v";
    const size_t first = text.find_first_not_of(kBlank);
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

[[noreturn]] void ThrowUnknown(const std::string& name) {
    const pg::Result rows = pg::Execute("SELECT name FROM pulse.segment ORDER BY name LIMIT 1000");
    std::vector<std::string> names;
    for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
    throw UserError(sqlstate::kUndefinedObject, "segment \"" + name + "\" does not exist", "",
                    names.empty() ? "There are no segments yet; create one with pulse_create_segment()."
                                  : SuggestName(name, names, "Segments"));
}

// Needs the owner's identity and an open session. `lock` is empty or a locking clause.
Segment Read(const std::string& name, const char* lock) {
    const std::string trimmed = Trim(name);
    const pg::Result rows =
        pg::Execute(std::string("SELECT ") + kColumns + " FROM pulse.segment AS s WHERE s.name = $1" + lock,
                    {pg::Value::Text(trimmed)});
    if (rows.empty()) ThrowUnknown(trimmed);
    return ReadSegment(rows[0]);
}

[[noreturn]] void ThrowArchived(const Segment& segment) {
    throw UserError(sqlstate::kNotReady, "segment \"" + segment.name + "\" is archived", "",
                    "Resume it with pulse_resume_segment() first.");
}

[[noreturn]] void ThrowDraft(const Segment& segment) {
    throw UserError(sqlstate::kNotReady, "segment \"" + segment.name + "\" is a draft",
                    "A draft has no members and is not measured.",
                    "Publish it with pulse_publish_segment(), or delete it.");
}

// Does not block sessions that add snapshots of the segment.
constexpr const char* kForUpdate = " FOR NO KEY UPDATE";
// For renaming and deletion. Taken at once: upgrading a weaker lock could deadlock.
constexpr const char* kForKeyUpdate = " FOR UPDATE";

std::string CheckName(const std::string& given) {
    const std::string name = Trim(given);
    const size_t characters = CountCharacters(name);
    if (name.empty())
        throw UserError(sqlstate::kInvalidParameter, "a segment's name must not be empty", "",
                        "Give it a name.");
    if (characters > 255)
        throw UserError(sqlstate::kInvalidParameter, "a segment's name is too long",
                        "It has " + std::to_string(characters) + " characters.", "At most 255 are allowed.");
    return name;
}

[[noreturn]] void ThrowDuplicate(const std::string& name) {
    throw UserError(sqlstate::kDuplicateObject, "segment \"" + name + "\" already exists", "",
                    "Choose another name, or change that segment with pulse_update_segment().");
}

void RequireNewName(const std::string& name) {
    if (!pg::Execute("SELECT FROM pulse.segment WHERE name = $1", {pg::Value::Text(name)}).empty())
        ThrowDuplicate(name);
}

// An empty text removes the value.
pg::Value OrNull(const std::optional<std::string>& text) {
    return text && !Trim(*text).empty() ? pg::Value::Text(Trim(*text)) : pg::Value::Null(TEXTOID);
}

std::vector<std::string> CheckTags(const std::vector<std::string>& given) {
    std::vector<std::string> tags;
    for (const std::string& tag : given) {
        tags.push_back(Trim(tag));
        if (tags.back().empty())
            throw UserError(sqlstate::kInvalidParameter, "a tag must not be empty", "", "Leave it out.");
    }
    return tags;
}

void AddVersion(int64_t id, int version, const Json& definition, const std::string& change,
                const std::string& role) {
    pg::Execute(
        "INSERT INTO pulse.segment_version (segment_id, version, definition, change, changed_by, changed_at) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        {pg::Value::Int8(id), pg::Value::Int4(version), pg::Value::Jsonb(definition), pg::Value::Text(change),
         pg::Value::Text(pg::ActorName(role)), pg::Value::Time(pg::Now())});
}

// Rows of other tables that belong to the segment: "3 rows of pulse.segment_version, 8 rows of
// pulse.snapshot".
std::string CountDependents(int64_t id) {
    const pg::Result tables = pg::Execute(
        "SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname) FROM pg_constraint AS f "
        "JOIN pg_class AS c ON c.oid = f.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "JOIN pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1] "
        "WHERE f.confrelid = 'pulse.segment'::regclass AND f.contype = 'f' ORDER BY c.relname");
    std::string list;
    for (uint64_t i = 0; i < tables.size(); ++i) {
        const std::string table = tables[i].Text(0);
        const pg::Result rows = pg::Execute(
            "SELECT count(*) FROM " + table + " WHERE " + tables[i].Text(1) + " = $1", {pg::Value::Int8(id)});
        const int64_t count = rows[0].Int8(0);
        if (count == 0) continue;
        list += (list.empty() ? "" : ", ") + std::to_string(count) + (count == 1 ? " row of " : " rows of ") +
                table;
    }
    return list;
}

// The columns that an update of the definition writes.
struct NewVersion {
    ResolvedDefinition resolved;
    source::Access access;
    std::string change;
};

NewVersion MakeVersion(const Segment& segment, const Json& definition) {
    const Request before = ParseRequest(segment.definition);
    Request asked = ParseRequest(definition);
    ResolveStatic(asked, segment.id);
    const source::Access access = AccessForCaller(asked);
    NewVersion next{ResolveDefinition(asked, access, segment.name, &before), access, ""};
    next.change = DiffDefinitions({before, segment.runs_as, segment.search_path},
                                  {next.resolved.request, access.role, access.search_path});
    return next;
}

void WriteVersion(const Segment& segment, const NewVersion& next) {
    const Json definition = ToJson(next.resolved.request);
    pg::Execute(
        "UPDATE pulse.segment SET kind = $2, definition = $3, cadence = $4::text::interval, runs_as = $5, "
        "search_path = $6, version = $7 WHERE id = $1",
        {pg::Value::Int8(segment.id), pg::Value::Text(Name(next.resolved.request.kind)),
         pg::Value::Jsonb(definition), pg::Value::Text(next.resolved.request.cadence.value_or("1 day")),
         pg::Value::Name(next.access.role), pg::Value::Text(next.access.search_path),
         pg::Value::Int4(segment.version + 1)});
    AddVersion(segment.id, segment.version + 1, definition, next.change, next.access.role);
}

void WriteRest(const Segment& segment, const std::string& name, const Json& baseline,
               const SegmentInput& input) {
    pg::Execute(
        "UPDATE pulse.segment SET name = $2, owner = $3, description = $4, baseline = $5, tags = $6, "
        "updated_at = $7 WHERE id = $1",
        {pg::Value::Int8(segment.id), pg::Value::Text(name),
         OrNull(input.owner ? input.owner : segment.owner),
         OrNull(input.description ? input.description : segment.description), pg::Value::Jsonb(baseline),
         pg::Value::Texts(input.tags ? CheckTags(*input.tags) : segment.tags), pg::Value::Time(pg::Now())});
}

}  // namespace

std::vector<std::string> AttributeNames(const Request& request) {
    std::vector<std::string> names;
    if (request.attributes)
        for (const AttributeRequest& attribute : *request.attributes) names.push_back(attribute.name);
    return names;
}

// The list of a static segment is found by the segment's id.
void ResolveStatic(Request& request, int64_t segment) {
    if (!request.static_segment) return;
    if (*request.static_segment != 0 && *request.static_segment != segment)
        throw UserError(sqlstate::kInvalidParameter, "\"static\" names the list of another segment",
                        "It is " + std::to_string(*request.static_segment) + ".",
                        "Give \"static\": true. Each static segment has a list of its own.");
    request.static_segment = segment;
}

Segment Load(const std::string& name) {
    const pg::OwnerSession session;
    return Read(name, "");
}

void RequireMeasured(const Segment& segment) {
    if (segment.status == Status::kDraft) ThrowDraft(segment);
    if (segment.status == Status::kArchived) ThrowArchived(segment);
}

std::vector<Segment> LoadActive() {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(std::string("SELECT ") + kColumns +
                                        " FROM pulse.segment AS s WHERE s.status = 'active' ORDER BY s.name");
    std::vector<Segment> segments;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        segments.push_back(ReadSegment(rows[i]));
    }
    return segments;
}

int64_t Create(const SegmentInput& input) {
    const std::string name = CheckName(input.name.value_or(""));
    Request asked = ParseRequest(*input.definition);
    const source::Access access = AccessForCaller(asked);
    std::optional<int64_t> given;  // the id of a static segment is a part of its definition
    {
        LockProfiles(asked.kind);
        const pg::OwnerSession session;
        RequireNewName(name);
        if (asked.static_segment) given = pg::Execute("SELECT nextval('pulse.segment_id_seq')")[0].Int8(0);
    }
    ResolveStatic(asked, given.value_or(0));
    const ResolvedDefinition resolved = ResolveDefinition(asked, access, name, nullptr);
    const Json baseline =
        CheckBaseline(input.baseline.value_or(Json::object()), AttributeNames(resolved.request));
    const Json definition = ToJson(resolved.request);

    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.segment (name, kind, definition, baseline, owner, description, tags, cadence, "
        "runs_as, search_path, created_at, updated_at, status, id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::interval, $9, $10, $11, $11, $12, "
        "coalesce($13, nextval('pulse.segment_id_seq'))) "
        "ON CONFLICT (name) DO NOTHING RETURNING id",
        {pg::Value::Text(name), pg::Value::Text(Name(resolved.request.kind)), pg::Value::Jsonb(definition),
         pg::Value::Jsonb(baseline), OrNull(input.owner), OrNull(input.description),
         pg::Value::Texts(CheckTags(input.tags.value_or(std::vector<std::string>()))),
         pg::Value::Text(resolved.request.cadence.value_or("1 day")), pg::Value::Name(access.role),
         pg::Value::Text(access.search_path), pg::Value::Time(pg::Now()),
         pg::Value::Text(Name(input.draft ? Status::kDraft : Status::kActive)), pg::Value::Int8(given)});
    if (rows.empty()) ThrowDuplicate(name);
    const int64_t id = rows[0].Int8(0);
    AddVersion(id, 1, definition, "created", access.role);
    ProfileWritten(resolved.request.kind);
    audit::Write("segment.created", name, {{"version", 1}, {"draft", input.draft}});
    return id;
}

int32_t Update(const std::string& name, const SegmentInput& input) {
    std::optional<std::string> new_name;
    if (input.name) new_name = CheckName(*input.name);
    // Definitions are always locked before rows.
    const bool of_people =
        (input.definition && ParseRequest(*input.definition).kind == SegmentKind::kProfile) ||
        Load(name).kind == SegmentKind::kProfile;
    if (of_people) LockProfiles(SegmentKind::kProfile);
    Segment segment;
    {
        const pg::OwnerSession session;
        segment = Read(name, new_name ? kForKeyUpdate : kForUpdate);
        if (new_name && *new_name != segment.name) {
            RequireNewName(*new_name);
            RequireUnused(segment, "renamed");
        }
    }
    std::optional<NewVersion> next;
    if (input.definition) {
        pg::RequireRightsOf(segment.runs_as, "segment \"" + segment.name + "\"");
        next = MakeVersion(segment, *input.definition);
    }
    if (next && next->resolved.request.kind != SegmentKind::kProfile) {
        const pg::OwnerSession session;
        RequireUnused(segment, "changed to a segment over a relation");
    }
    // Also if only the definition changes: critical attributes must not disappear unnoticed.
    const Json baseline =
        CheckBaseline(input.baseline ? *input.baseline : segment.baseline,
                      AttributeNames(next ? next->resolved.request : ParseRequest(segment.definition)));

    const pg::OwnerSession session;
    const bool changed = next && !next->change.empty();
    if (changed) WriteVersion(segment, *next);
    WriteRest(segment, new_name.value_or(segment.name), baseline, input);
    if (of_people) ProfileWritten(SegmentKind::kProfile);
    Json details = {{"version", segment.version + changed}};
    if (new_name && *new_name != segment.name) details["new_name"] = *new_name;
    audit::Write("segment.updated", segment.name, details);
    return segment.version + changed;
}

void SetStatus(const std::string& name, Status status) {
    const SegmentKind kind = Load(name).kind;
    LockProfiles(kind);
    const pg::OwnerSession session;
    const Segment segment = Read(name, kForUpdate);
    if (segment.status == Status::kDraft) ThrowDraft(segment);
    if (status == Status::kArchived && segment.status != status) RequireUnused(segment, "archived");
    if (status == Status::kPaused && segment.status == Status::kArchived) ThrowArchived(segment);
    // Objects that an archived segment uses may have been dropped.
    if (status == Status::kActive && segment.status == Status::kArchived && kind == SegmentKind::kProfile)
        ExpandProfile(ParseRequest(segment.definition), segment.name);
    pg::Execute("UPDATE pulse.segment SET status = $2, updated_at = $3 WHERE id = $1 AND status <> $2",
                {pg::Value::Int8(segment.id), pg::Value::Text(Name(status)), pg::Value::Time(pg::Now())});
    ProfileWritten(kind);
    if (segment.status == status) return;
    audit::Write(status == Status::kPaused     ? "segment.paused"
                 : status == Status::kArchived ? "segment.archived"
                                               : "segment.resumed",
                 segment.name);
}

void Publish(const std::string& name) {
    const SegmentKind kind = Load(name).kind;
    LockProfiles(kind);
    const pg::OwnerSession session;
    const Segment segment = Read(name, kForUpdate);
    if (segment.status != Status::kDraft)
        throw UserError(sqlstate::kNotReady, "segment \"" + segment.name + "\" is not a draft",
                        std::string("It is ") + Name(segment.status) + ".",
                        "Only a draft can be published; pulse_resume_segment() is for paused and archived "
                        "segments.");
    // Objects that a draft uses may have been dropped since.
    if (kind == SegmentKind::kProfile) ExpandProfile(ParseRequest(segment.definition), segment.name);
    pg::Execute("UPDATE pulse.segment SET status = 'active', updated_at = $2 WHERE id = $1",
                {pg::Value::Int8(segment.id), pg::Value::Time(pg::Now())});
    ProfileWritten(kind);
    audit::Write("segment.published", segment.name);
}

void SetMonitoring(const std::string& name, bool enabled) {
    const pg::OwnerSession session;
    const Segment segment = Read(name, kForUpdate);
    pg::Execute(
        "UPDATE pulse.segment SET baseline = jsonb_set(baseline, '{monitoringEnabled}', to_jsonb($2)), "
        "updated_at = $3 WHERE id = $1",
        {pg::Value::Int8(segment.id), pg::Value::Bool(enabled), pg::Value::Time(pg::Now())});
    audit::Write("segment.updated", segment.name, {{"version", segment.version}, {"monitoring", enabled}});
}

void Delete(const std::string& name, bool confirmed) {
    const Segment known = Load(name);
    pg::RequireRightsOf(known.runs_as, "segment \"" + known.name + "\"");
    const SegmentKind kind = known.kind;
    if (confirmed) LockProfiles(kind);
    const pg::OwnerSession session;
    const Segment segment = Read(name, kForKeyUpdate);
    if (confirmed) RequireUnused(segment, "deleted");
    if (!confirmed)
        throw UserError(sqlstate::kNotReady,
                        "deleting segment \"" + segment.name + "\" needs confirm => true",
                        "It would also delete " + CountDependents(segment.id) + ".",
                        "Use pulse_archive_segment() to keep the history.");
    pg::Execute("DELETE FROM pulse.segment WHERE id = $1", {pg::Value::Int8(segment.id)});
    ProfileWritten(kind);
    audit::Write("segment.deleted", segment.name);
}

}  // namespace pulse::segment
