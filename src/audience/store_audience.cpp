// Creating, changing and deleting audiences.
#include "pulse/audience/store_audience.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audience/store_mark.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_health.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr const char* kColumns =
    "SELECT a.id, a.name, a.segment_id, s.name, s.kind = 'profile', a.destination, a.purposes, a.identifiers,"
    " (extract(epoch FROM a.sync_every) * 1000000)::bigint, a.on_change,"
    " (extract(epoch FROM a.full_every) * 1000000)::bigint, a.max_share, a.key_kind, a.platform_id,"
    " a.platform_name, coalesce(a.description, ''), a.status, a.people, a.last_full_at,"
    " EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id), a.parted_at IS NOT NULL"
    " FROM pulse.audience AS a JOIN pulse.segment AS s ON s.id = a.segment_id ";

Audience ReadAudience(const pg::Row& row) {
    Audience audience;
    audience.id = row.Int8(0);
    audience.name = row.Text(1);
    audience.segment_id = row.Int8(2);
    audience.segment = row.Text(3);
    audience.of_people = row.Bool(4);
    audience.destination = row.Text(5);
    audience.purposes = row.Texts(6);
    audience.identifiers = row.Texts(7);
    audience.every = row.Int8OrNull(8);
    audience.on_change = row.Bool(9);
    audience.full_every = row.Int8(10);
    audience.max_share = row.Float8(11);
    audience.key_kind = row.Text(12);
    audience.platform_id = row.TextOrNull(13);
    audience.platform_name = row.Text(14);
    audience.description = row.Text(15);
    audience.status = row.Text(16);
    audience.people = row.Int8(17);
    audience.last_full_at = row.TimeOrNull(18);
    audience.at_home = row.Bool(19);
    audience.parted = row.Bool(20);
    return audience;
}

void CheckPurposes(const std::vector<std::string>& purposes) {
    const pg::Result rows =
        pg::Execute("SELECT coalesce(array_agg(purpose ORDER BY purpose), '{}') FROM pulse.consent_purpose");
    const std::vector<std::string> known = rows[0].Texts(0);
    for (const std::string& purpose : purposes)
        if (std::find(known.begin(), known.end(), purpose) == known.end())
            ThrowInvalid("unknown purpose \"" + purpose.substr(0, 100) + "\"", "",
                         SuggestName(purpose.substr(0, 100), known, "Purposes"));
}

void CheckKeyKind(const std::string& kind) {
    const pg::Result rows =
        pg::Execute("SELECT coalesce(array_agg(kind ORDER BY kind), '{}') FROM pulse.identity_kind");
    const std::vector<std::string> known = rows[0].Texts(0);
    if (std::find(known.begin(), known.end(), kind) == known.end())
        ThrowInvalid("unknown kind of ids \"" + kind.substr(0, 100) + "\"", "",
                     SuggestName(kind.substr(0, 100), known, "Kinds"));
}

std::vector<std::string> DefaultPurposes(Platform platform) {
    return platform == Platform::kGoogle ? std::vector<std::string>{"ads", "ads_personalization"}
                                         : std::vector<std::string>{"ads"};
}

// Without being asked for, our own ids stay here: platforms get them unhashed, and they find nobody alone.
std::vector<std::string> DefaultIdentifiers(const Destination& destination) {
    const bool chosen = !destination.Option("identifiers").empty();
    std::vector<std::string> names;
    for (const IdentifierKind kind : destination.identifiers)
        if (chosen || kind != IdentifierKind::kExternalId) names.emplace_back(Name(kind));
    return names;
}

// What users should know of a platform's rules before they need to.
void WarnOfWords(const Destination& destination, const std::string& text) {
    if (destination.platform != Platform::kMeta) return;
    for (const std::string& word : SensitiveWords(text))
        pg::Call([&] {
            ereport(WARNING, (errmsg("Meta may block the audience because of the word \"%s\"", word.c_str()),
                              errhint("Give it another platform_name or description.")));
        });
}

// Writers who do not know of the audience yet have ended when this returns, and others wait: after it no
// change is missed.
void KeepWritersOut() {
    KeepWritersOutOfMarks();
}

void RequireNewName(const std::string& name) {
    if (!pg::Execute("SELECT FROM pulse.audience WHERE name = $1", {Value::Text(name)}).empty())
        throw UserError(sqlstate::kDuplicateObject, "audience \"" + name + "\" already exists", "",
                        "Choose another name, or change it with pulse_update_audience().");
}

void CheckAudienceName(const std::string& name) {
    if (name.empty() || name.size() > 200 || name.find_first_of("\r\n\t") != std::string::npos)
        ThrowInvalid("invalid name of an audience", "It has " + std::to_string(name.size()) + " bytes.",
                     "Give a name of 1 to 200 bytes in one line.");
}

Value IntervalOf(const std::optional<int64_t>& microseconds) {
    return Value::Int8(microseconds);
}

segment::Segment LoadMeasured(const std::string& name) {
    segment::Segment segment = segment::Load(name);
    segment::RequireMeasured(segment);
    return segment;
}

[[noreturn]] void ThrowDeleting(const std::string& name) {
    throw UserError(sqlstate::kNotReady, "audience \"" + name + "\" is being deleted", "",
                    "pulse.audience_overview shows how far it is; pulse_delete_audience(name, false) forgets "
                    "it at once.");
}

void Forget(int64_t id) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.sync_run SET status = 'cancelled', finished_at = clock_timestamp(),"
        " error = 'the audience was deleted' WHERE audience_id = $1"
        " AND status IN ('pending', 'processing', 'held') RETURNING id",
        {Value::Int8(id)});
    for (uint64_t i = 0; i < rows.size(); ++i) EndApproval(rows[i].Int8(0));
    DropAudience(id);
}

bool RunIsUnderWay(int64_t id) {
    return !pg::Execute(
                "SELECT FROM pulse.sync_run WHERE audience_id = $1 AND status = 'processing'"
                " AND phase IN ('remove', 'add', 'finish')",
                {Value::Int8(id)})
                .empty();
}

bool IsOnNetwork(const Audience& audience) {
    try {
        return LoadDestination(audience.destination).platform != Platform::kFile;
    } catch (const UserError& error) {
        if (error.state() != sqlstate::kUndefinedObject) throw;
        throw UserError(sqlstate::kUndefinedObject, error.message(),
                        "Nobody can be removed from the platform without it.",
                        "Create it again, or delete the audience here alone: pulse_delete_audience(name, "
                        "false).");
    }
}

}  // namespace

Audience LoadAudience(const std::string& name) {
    const pg::Result rows = pg::Execute(std::string(kColumns) + "WHERE a.name = $1", {Value::Text(name)});
    if (!rows.empty()) return ReadAudience(rows[0]);
    const pg::Result names =
        pg::Execute("SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM pulse.audience");
    throw UserError(sqlstate::kUndefinedObject, "audience \"" + name.substr(0, 200) + "\" does not exist", "",
                    names[0].Texts(0).empty()
                        ? std::string("There are no audiences yet; create one with pulse_create_audience().")
                        : SuggestName(name.substr(0, 200), names[0].Texts(0), "Audiences"));
}

std::optional<Audience> FindAudience(int64_t id) {
    const pg::Result rows = pg::Execute(std::string(kColumns) + "WHERE a.id = $1", {Value::Int8(id)});
    return rows.empty() ? std::nullopt : std::optional(ReadAudience(rows[0]));
}

std::vector<Audience> LoadAudiences(const char* condition, const std::vector<Value>& parameters) {
    const pg::Result rows =
        pg::Execute(std::string(kColumns) + "WHERE " + condition + " ORDER BY a.id", parameters);
    std::vector<Audience> audiences;
    for (uint64_t i = 0; i < rows.size(); ++i) audiences.push_back(ReadAudience(rows[i]));
    return audiences;
}

int64_t CreateAudience(const std::string& name, const std::string& segment_name,
                       const std::string& destination_name, const AudienceOptions& options) {
    CheckAudienceName(name);
    const segment::Segment segment = LoadMeasured(segment_name);
    const std::string creator = pg::ActorName();
    const pg::OwnerSession session;
    const Destination destination = LoadDestination(destination_name);
    const std::vector<std::string> identifiers =
        options.identifiers.value_or(DefaultIdentifiers(destination));
    CheckIdentifiers(identifiers, destination.platform);
    const std::vector<std::string> purposes =
        options.purposes.value_or(DefaultPurposes(destination.platform));
    CheckPurposes(purposes);
    const std::string key = options.key.value_or("user_id");
    CheckKeyKind(key);
    const AudienceSchedule schedule = options.schedule.value_or(AudienceSchedule{kDay, false});
    const std::string shown = options.platform_name.value_or(name);
    WarnOfWords(destination, shown + " " + options.description.value_or(""));
    KeepWritersOut();
    RequireNewName(name);
    const Moment now = pg::Now();
    const bool automatic = schedule.every || schedule.on_change;
    const int64_t id =
        pg::Execute(
            "INSERT INTO pulse.audience (name, segment_id, destination, purposes, identifiers,"
            " sync_every, on_change, full_every, max_share, key_kind, platform_id, platform_name,"
            " description, status, \"position\", consent_as_of, next_sync_at, created_by, created_at,"
            " updated_at) VALUES ($1, $2, $3, $4, $5, $6 * interval '1 microsecond', $7,"
            " $8 * interval '1 microsecond', $9, $10, $11, $12, $13, 'active', $14, $15,"
            " CASE WHEN $16 THEN $15 END, $17, $15, $15) RETURNING id",
            {Value::Text(name), Value::Int8(segment.id), Value::Text(destination_name),
             Value::Texts(purposes), Value::Texts(identifiers), IntervalOf(schedule.every),
             Value::Bool(schedule.on_change), Value::Int8(options.full_every.value_or(30 * kDay)),
             Value::Float8(options.max_share.value_or(0.3)), Value::Text(key),
             Value::Text(options.platform_id), Value::Text(shown), Value::Text(options.description),
             Value::Int8(LastChangePosition()), Value::Time(now), Value::Bool(automatic),
             Value::Text(creator)})[0]
            .Int8(0);
    pg::Execute("INSERT INTO pulse.audience_home VALUES ($1)", {Value::Int8(id)});
    audit::Write("audience.created", name,
                 {{"segment", segment.name},
                  {"destination", destination_name},
                  {"platform", Name(destination.platform)},
                  {"purposes", purposes},
                  {"identifiers", identifiers}});
    trust::BeginHealth("audience:" + name);
    WakeSyncs();
    return id;
}

void UpdateAudience(const std::string& name, const AudienceOptions& options) {
    std::optional<segment::Segment> segment;
    if (options.segment) segment = LoadMeasured(*options.segment);
    const pg::OwnerSession session;
    const Audience before = LoadAudience(name);
    if (before.status == "deleting") ThrowDeleting(name);
    const Destination destination = LoadDestination(before.destination);
    if (options.identifiers) CheckIdentifiers(*options.identifiers, destination.platform);
    if (options.purposes) CheckPurposes(*options.purposes);
    if (options.key) CheckKeyKind(*options.key);
    if (options.name) {
        CheckAudienceName(*options.name);
        if (*options.name != name) RequireNewName(*options.name);
    }
    if (options.platform_name || options.description)
        WarnOfWords(destination, options.platform_name.value_or("") + " " + options.description.value_or(""));
    const bool others = options.segment || options.identifiers || options.purposes || options.key;
    if (others) KeepWritersOut();
    if (options.name && *options.name != name) AskAnew(before.id, "the audience was renamed");
    const bool scheduled = options.schedule.has_value();
    const AudienceSchedule schedule = options.schedule.value_or(AudienceSchedule{});
    pg::Execute(
        "UPDATE pulse.audience SET name = coalesce($2, name), segment_id = coalesce($3, segment_id),"
        " purposes = coalesce($4, purposes), identifiers = coalesce($5, identifiers),"
        " sync_every = CASE WHEN $6 THEN $7 * interval '1 microsecond' ELSE sync_every END,"
        " on_change = CASE WHEN $6 THEN $8 ELSE on_change END,"
        " full_every = coalesce($9 * interval '1 microsecond', full_every),"
        " max_share = coalesce($10, max_share), key_kind = coalesce($11, key_kind),"
        " platform_name = coalesce($12, platform_name), description = coalesce($13, description),"
        " last_full_at = CASE WHEN $14 THEN NULL ELSE last_full_at END, updated_at = $15,"
        " \"position\" = CASE WHEN $14 THEN $16 ELSE \"position\" END,"
        " next_sync_at = CASE WHEN $6 AND $7 IS NULL AND NOT $8 THEN NULL"
        " WHEN $14 AND (CASE WHEN $6 THEN $7 IS NOT NULL OR $8 ELSE sync_every IS NOT NULL OR on_change END)"
        " THEN $15 WHEN $6 AND $7 IS NOT NULL THEN coalesce(last_sync_at, $15) + $7 * interval '1 microsecond'"
        " WHEN $6 THEN $15 ELSE next_sync_at END WHERE id = $1",
        {Value::Int8(before.id), Value::Text(options.name),
         segment ? Value::Int8(segment->id) : Value::Null(INT8OID),
         options.purposes ? Value::Texts(*options.purposes) : Value::Null(TEXTARRAYOID),
         options.identifiers ? Value::Texts(*options.identifiers) : Value::Null(TEXTARRAYOID),
         Value::Bool(scheduled), IntervalOf(schedule.every), Value::Bool(schedule.on_change),
         Value::Int8(options.full_every), Value::Float8(options.max_share), Value::Text(options.key),
         Value::Text(options.platform_name), Value::Text(options.description), Value::Bool(others),
         Value::Time(pg::Now()), Value::Int8(others ? LastChangePosition() : 0)});
    pg::Json details = pg::Json::object();
    if (options.segment) details["segment"] = *options.segment;
    if (options.purposes) details["purposes"] = *options.purposes;
    if (options.identifiers) details["identifiers"] = *options.identifiers;
    if (options.max_share) details["max_share"] = *options.max_share;
    if (options.name) details["name"] = *options.name;
    audit::Write("audience.updated", name, details);
    if (options.name && *options.name != name) trust::BeginHealth("audience:" + *options.name);
    WakeSyncs();
}

std::string DeleteAudience(const std::string& name, bool delete_from_platform) {
    const pg::OwnerSession session;
    const Audience audience = LoadAudience(name);
    if (RunIsUnderWay(audience.id) && (delete_from_platform || audience.status != "deleting"))
        ThrowUnderWay(audience);
    bool there = false;
    if (delete_from_platform && audience.at_home) {
        const bool network = IsOnNetwork(audience);
        there = network && (audience.platform_id || audience.people > 0);
    }
    audit::Write("audience.deleted", name,
                 {{"destination", audience.destination},
                  {"people", audience.people},
                  {"from_platform", delete_from_platform}});
    if (!there) {
        Forget(audience.id);
        return "deleted";
    }
    CancelRuns(audience.id, "the audience is deleted");
    pg::Execute(
        "UPDATE pulse.audience SET status = 'deleting', next_sync_at = NULL, updated_at = $2"
        " WHERE id = $1",
        {Value::Int8(audience.id), Value::Time(pg::Now())});
    QueueRun(audience, "delete", "manual");
    return "deleting";
}

void PauseAudience(const std::string& name, const std::optional<std::string>& reason) {
    const pg::OwnerSession session;
    const Audience audience = LoadAudience(name);
    if (audience.status == "deleting") ThrowDeleting(name);
    CancelRuns(audience.id, "the audience was paused");
    StopAudience(audience.id, "paused", reason.value_or(""));
    audit::Write("audience.paused", name, {{"reason", reason.value_or("")}});
    WakeSyncs();
}

void ResumeAudience(const std::string& name) {
    const pg::OwnerSession session;
    const Audience audience = LoadAudience(name);
    if (audience.status == "deleting") ThrowDeleting(name);
    if (audience.status == "active" && audience.at_home) return;
    KeepWritersOut();
    const bool stale = audience.status == "stale";
    if (stale) {
        // It is created anew: nobody is in it.
        pg::Execute("DELETE FROM pulse.audience_member WHERE audience_id = $1", {Value::Int8(audience.id)});
        pg::Execute("DELETE FROM pulse.audience_cell WHERE audience_id = $1", {Value::Int8(audience.id)});
        pg::Execute("DELETE FROM pulse.audience_removal WHERE audience_id = $1", {Value::Int8(audience.id)});
    }
    pg::Execute(
        "UPDATE pulse.audience SET status = 'active', status_reason = NULL, last_full_at = NULL, check_at = NULL,"
        " \"position\" = $2, consent_as_of = $3, next_sync_at = CASE WHEN sync_every IS NOT NULL OR"
        " on_change THEN $3 END, updated_at = $3, platform_id = CASE WHEN $4 THEN NULL ELSE"
        " platform_id END, people = CASE WHEN $4 THEN 0 ELSE people END WHERE id = $1",
        {Value::Int8(audience.id), Value::Int8(LastChangePosition()), Value::Time(pg::Now()),
         Value::Bool(stale)});
    pg::Execute("INSERT INTO pulse.audience_home VALUES ($1) ON CONFLICT DO NOTHING",
                {Value::Int8(audience.id)});
    audit::Write("audience.resumed", name, {{"was", audience.at_home ? audience.status : "restored"}});
    // What the platform got after the dump is not in the ledger.
    if (!audience.at_home) CancelRuns(audience.id, "the audience was restored");
    if (!audience.at_home) QueueRun(*FindAudience(audience.id), "replace", "resume");
    WakeSyncs();
}

void StopAudience(int64_t id, const char* status, const std::string& reason) {
    pg::Execute(
        "UPDATE pulse.audience SET status = $2, status_reason = nullif($3, ''), next_sync_at = NULL,"
        " check_at = CASE WHEN $2 <> 'stale' THEN $4 END, updated_at = $4 WHERE id = $1 AND status <> 'deleting'",
        {Value::Int8(id), Value::Text(status), Value::Text(reason), Value::Time(pg::Now())});
    // Among those who are marked some may have withdrawn consent: they leave meanwhile.
    if (std::string_view(status) != "stale") return;
    pg::Execute("DELETE FROM pulse.audience_mark WHERE audience_id = $1", {Value::Int8(id)});
    pg::Execute("DELETE FROM pulse.audience_removal WHERE audience_id = $1", {Value::Int8(id)});
}

}  // namespace pulse::audience
