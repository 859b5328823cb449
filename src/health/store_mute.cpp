// Maintenance windows.
#include "pulse/base/suggest.hpp"
#include "pulse/health/store.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::health {

namespace {

using pg::Value;

struct MuteSubject {
    std::string kind, name;
};

// The names that a subject may have: each monitored table, source and segment; and, behind event:, each
// event.
constexpr const char* kSubjects =
    "SELECT 'table' AS kind, relation AS name FROM pulse.monitor WHERE status = 'active' UNION SELECT "
    "'segment', name FROM "
    "pulse.segment UNION SELECT 'source', s.srvname FROM pg_catalog.pg_foreign_server AS s JOIN "
    "pg_catalog.pg_foreign_data_wrapper "
    "AS w ON w.oid = s.srvfdw WHERE w.fdwname = 'pulse_source' UNION ALL SELECT 'event', event FROM "
    "pulse.event_kind";

MuteSubject FindSubject(const std::string& given) {
    if (given == "*") return {"everything", "*"};
    std::string kind, name = given;
    for (const char* prefix : {"table", "source", "segment", "event"})
        if (given.starts_with(std::string(prefix) + ":")) {
            kind = prefix;
            name = given.substr(kind.size() + 1);
            name.erase(0, name.find_first_not_of(' '));
        }
    const pg::Result rows = pg::Execute(
        std::string("SELECT kind, name FROM (") + kSubjects +
            ") AS s WHERE (kind = $2 OR $2 = '' AND kind <> 'event') AND (name = $1 OR kind = 'table' "
            "AND right(name, length($1) + 1) = '.' || $1) ORDER BY name = $1 DESC, kind, name",
        {Value::Text(name), Value::Text(kind)});
    if (rows.empty()) {
        const pg::Result all =
            pg::Execute(std::string("SELECT DISTINCT name FROM (") + kSubjects +
                            ") AS s WHERE (kind = 'event') = ($1 = 'event') ORDER BY 1 LIMIT 1000",
                        {Value::Text(kind)});
        std::vector<std::string> names;
        for (uint64_t i = 0; i < all.size(); ++i) names.push_back(all[i].Text(0));
        throw UserError(
            sqlstate::kUndefinedObject,
            kind == "event" ? "no event is named \"" + name + "\""
                            : "no table, source or segment is named \"" + given + "\"",
            "",
            names.empty()
                ? "Give a monitored table, a source, a segment, or * for everything."
                : SuggestName(name, names, kind == "event" ? "Events" : "Tables, sources and segments"));
    }
    if (rows.size() > 1 && !(rows[0].Text(1) == name && rows[1].Text(1) != name))
        throw UserError(sqlstate::kInvalidParameter, "\"" + given + "\" is ambiguous",
                        "It may be " + rows[0].Text(0) + " " + rows[0].Text(1) + " or " + rows[1].Text(0) +
                            " " + rows[1].Text(1) + ".",
                        "Write " + rows[0].Text(0) + ":" + rows[0].Text(1) + " or " + rows[1].Text(0) + ":" +
                            rows[1].Text(1) + ".");
    return {rows[0].Text(0), rows[0].Text(1)};
}

// Ends the current or a later window. Returns whether there was one.
bool End(const MuteSubject& subject) {
    return pg::Execute(
               "UPDATE pulse.mute SET until = greatest($3, since) WHERE kind = $1 AND name = $2 AND "
               "coalesce(until, 'infinity') > $3",
               {Value::Text(subject.kind), Value::Text(subject.name), Value::Time(pg::Now())})
               .processed() > 0;
}

}  // namespace

int64_t SetMute(const std::string& given, const std::optional<Moment>& until,
                const std::optional<std::string>& reason, const std::string& actor) {
    const MuteSubject subject = FindSubject(given);
    if (until && *until <= pg::Now())
        throw UserError(sqlstate::kInvalidParameter, "\"until\" must be in the future",
                        "It is " + FormatMoment(*until) + ", now is " + FormatMoment(pg::Now()) + ".",
                        "Leave it out to mute until pulse_unmute().");
    // A repeated call ends the current window and replaces it.
    End(subject);
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.mute (kind, name, since, until, reason, muted_by) VALUES ($1, $2, $3, $4, $5, $6) "
        "RETURNING id",
        {Value::Text(subject.kind), Value::Text(subject.name), Value::Time(pg::Now()), Value::Time(until),
         Value::Text(reason), Value::Text(actor)});
    return rows[0].Int8(0);
}

bool EndMute(const std::string& given) {
    return End(FindSubject(given));
}

}  // namespace pulse::health
