// Creates, changes and ends monitors.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/health/store.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/timezone.hpp"

namespace pulse::health {

namespace {

using pg::Value;

// A check that was validated against the table, as it is stored.
struct ResolvedCheck {
    Check check;
    Json settings;
    std::optional<std::string> reason;
};

// The validated checks of a monitor, given or suggested.
struct MonitorPlan {
    std::string relation;
    std::vector<ResolvedCheck> checks;
};

std::optional<std::string> Trimmed(const std::optional<std::string>& text) {
    return text && text->find_first_not_of(" \t\r\n") != std::string::npos ? text : std::nullopt;
}

// A query whose number is compared returns one column of a numeric type.
void RequireNumber(source::Reader& reader, const std::string& query) {
    const std::vector<source::Column> columns = reader.DescribeQuery(query);
    constexpr const char* kMessage = "the query must return one number";
    if (columns.size() != 1)
        throw UserError(sqlstate::kDatatypeMismatch, kMessage,
                        "It returns " + health::Counted(static_cast<double>(columns.size()), "column") + ".",
                        "Select one numeric column, or use \"rows\" instead of \"min\" and \"max\" to count "
                        "what the query returns.");
    const std::string& type = columns.front().base;
    for (const char* numeric : {"smallint", "integer", "bigint", "numeric", "real", "double precision"})
        if (type == numeric) return;
    throw UserError(
        sqlstate::kDatatypeMismatch, kMessage,
        "Column \"" + columns.front().name + "\" is of type " + columns.front().type + ".",
        type == "boolean"
            ? "Count the rows for which it is true: SELECT count(*) FILTER (WHERE ...)."
            : "Cast it to a number, or use \"rows\" instead of \"min\" and \"max\" to count what the query "
              "returns.");
}

// Fills in omitted fields, and lets the server plan what the check would run.
void ResolveCheck(source::Reader& reader, const TableFacts& facts, ResolvedCheck& resolved) {
    Check& check = resolved.check;
    for (const std::string& column : check.columns) RequireColumn(facts, column);
    const std::string from = " FROM " + facts.relation + " AS t";
    switch (check.type) {
        case CheckType::kFreshness: {
            const CatalogColumn* column =
                check.columns.empty() ? ArrivalColumn(facts) : facts.Find(check.columns.front());
            if (!column)
                throw UserError(sqlstate::kInvalidParameter,
                                facts.relation + " has no column with the arrival time of rows", "",
                                "Name a column of type timestamp or date.");
            if (!column->timelike())
                throw UserError(
                    sqlstate::kDatatypeMismatch, "column \"" + column->name + "\" is not a timestamp or date",
                    "It is of type " + column->type + ".", "Name a column of type timestamp or date.");
            if (!check.time_zone.empty()) {
                if (column->base == "timestamp with time zone")
                    throw UserError(sqlstate::kDatatypeMismatch,
                                    "column \"" + column->name + "\" has a time zone",
                                    "It is of type " + column->type + ".", "Omit \"time_zone\".");
                const pg::TimeZone exists(check.time_zone);
            }
            check.columns = {column->name};
            resolved.settings["column"] = column->name;
            break;
        }
        case CheckType::kUnique: {
            std::string list;
            for (const std::string& column : check.columns)
                list += (list.empty() ? "t." : ", t.") + Quoted(column);
            reader.Estimate("SELECT count(DISTINCT ROW(" + list + "))" + from);
            break;
        }
        case CheckType::kReferences:
            check.relation = Qualify(reader, check.relation);
            resolved.settings["relation"] = check.relation;
            RequireColumn(ReadFacts(reader, check.relation), check.to);
            [[fallthrough]];
        case CheckType::kAcceptedValues:
        case CheckType::kRange:
            reader.Estimate("SELECT count(*) FILTER (WHERE " +
                            BadCondition(check, *facts.Find(check.columns.front())) + ")" + from);
            break;
        case CheckType::kSql:
            reader.Estimate("SELECT * FROM (" + check.query + "\n) AS q");
            if (!check.rows) RequireNumber(reader, check.query);
            break;
        default: break;
    }
}

// The only statement of a check's query, without its semicolon.
void RequireQuery(ResolvedCheck& resolved, size_t number, bool local) {
    Check& check = resolved.check;
    if (check.type != CheckType::kSql) return;
    try {
        check.query = source::RequireSelect(check.query);
    } catch (const UserError& error) {
        throw UserError(
            error.state().c_str(), error.message(),
            "In check " + std::to_string(number) + ". " + error.detail(),
            "Give a single SELECT that returns one number, or the rows that should not be there.");
    } catch (pg::Error& error) {
        error.detail = "In check " + std::to_string(number) + ", sql.";
        throw;
    }
    resolved.settings["query"] = check.query;
    // The server's clock may differ.
    if (!local)
        check.query =
            pg::ReplaceNowCalls(check.query, source::Literal(FormatMoment(pg::Now())) + "::timestamptz");
}

std::string InCheck(size_t number, const Check& check, const std::string& detail) {
    return "In check " + std::to_string(number) + ", " + Name(check.type) + "." +
           (detail.empty() ? "" : " " + detail);
}

MonitorPlan MakeMonitorPlan(const MonitorSpec& spec, const source::Access& place) {
    MonitorPlan plan;
    size_t number = 0;  // number of the current check, for errors of the server
    std::vector<ResolvedCheck> asked;
    if (spec.checks) {
        for (Check& check : ParseChecks(*spec.checks)) {
            asked.push_back({std::move(check), (*spec.checks)[asked.size()], std::nullopt});
            RequireQuery(asked.back(), asked.size(), place.source.empty());
        }
    }
    const ReadLimits limits = ReadLimitsFromSettings(pg::Now());
    try {
        source::ReadAndRecord(
            place, pg::settings::check_timeout, "define", spec.relation, [&](source::Reader& reader) {
                number = 0;
                plan.checks = asked;
                plan.relation = Qualify(reader, spec.relation);
                const TableFacts facts = ReadFacts(reader, plan.relation);
                if (!spec.checks)
                    for (const Suggestion& suggestion : Suggest(facts, limits))
                        plan.checks.push_back(
                            {ParseCheck(suggestion.check, 1), suggestion.check, suggestion.reason});
                reader.Query("SELECT FROM " + plan.relation + " LIMIT 0");  // the right to read it
                for (ResolvedCheck& resolved : plan.checks) {
                    ++number;
                    ResolveCheck(reader, facts, resolved);
                }
            });
    } catch (const source::Unavailable&) {
        throw;
    } catch (const UserError& error) {
        if (number == 0 || error.state() == sqlstate::kQueryCanceled) throw;
        throw UserError(error.state().c_str(), error.message(),
                        InCheck(number, plan.checks[number - 1].check, error.detail()), error.hint());
    } catch (const pg::Error& error) {
        const std::string state = error.State();
        if (number == 0 || state == sqlstate::kQueryCanceled || state.starts_with("57P")) throw;
        throw UserError(state.c_str(), error.message,
                        InCheck(number, plan.checks[number - 1].check, error.detail), error.hint);
    }
    return plan;
}

// Writes the checks; those of the same type and columns keep their state.
void WriteChecks(int64_t monitor, const std::vector<ResolvedCheck>& checks) {
    std::vector<std::string> kept;
    for (const ResolvedCheck& resolved : checks) {
        const Check& check = resolved.check;
        const std::optional<int64_t> every = check.every ? ParseDuration(*check.every) : std::nullopt;
        const pg::Result rows = pg::Execute(
            "INSERT INTO pulse.monitor_check AS c (monitor_id, kind, attribute, settings, reason, every, "
            "severity, after, "
            "next_check_at) VALUES ($1, $2, $3, $4, $5, $6 * interval '1 microsecond', $7, $8, $9) "
            "ON CONFLICT (monitor_id, kind, attribute) DO UPDATE SET settings = excluded.settings, reason = "
            "excluded.reason, "
            "every = excluded.every, severity = excluded.severity, after = excluded.after, next_check_at = "
            "excluded.next_check_at "
            "RETURNING id",
            {Value::Int8(monitor), Value::Text(Name(check.type)), Value::Text(check.Attribute()),
             Value::Jsonb(resolved.settings), Value::Text(resolved.reason),
             every ? Value::Float8(static_cast<double>(*every)) : Value::Null(FLOAT8OID),
             Value::Text(check.severity), Value::Int4(check.after), Value::Time(pg::Now())});
        kept.push_back(std::to_string(rows[0].Int8(0)));
    }
    std::vector<int64_t> ids;
    for (const std::string& id : kept) ids.push_back(std::stoll(id));
    const pg::Result gone = pg::Execute(
        "WITH gone AS (DELETE FROM pulse.monitor_check WHERE monitor_id = $1 AND id <> ALL ($2) RETURNING "
        "kind, attribute) "
        "SELECT string_agg(concat_ws(' of ', kind, nullif(attribute, '')), ', ' ORDER BY kind, attribute) "
        "FROM gone",
        {Value::Int8(monitor), Value::Int8s(ids)});
    if (!gone[0].IsNull(0))
        pg::Notice("no longer checked: " + gone[0].Text(0), "A list of checks replaces the previous one.");
}

// Closes the incidents whose check no longer exists.
void CloseOrphans(int64_t monitor, const std::string& note) {
    pg::Execute(
        "WITH gone AS (UPDATE pulse.incident_record AS r SET status = 'resolved', closed_at = $2, "
        "resolved_by = 'pulse', "
        "normal_count = 0, ignored_until = NULL WHERE r.monitor_id = $1 AND r.status <> 'resolved' "
        "AND NOT EXISTS (SELECT FROM pulse.monitor_check AS c JOIN pulse.monitor AS m ON m.id = c.monitor_id "
        "WHERE m.id = r.monitor_id AND m.status = 'active' AND 'table_' || c.kind = r.detector AND "
        "c.attribute = r.attribute) "
        "RETURNING r.id, r.severity, r.observed, r.change) INSERT INTO pulse.incident_event (incident_id, "
        "at, kind, actor, "
        "severity, observed, change, note) SELECT id, $2, 'resolved', 'pulse', severity, observed, change, "
        "$3 FROM gone",
        {Value::Int8(monitor), Value::Time(pg::Now()), Value::Text(note)});
}

// The role that the checks of exactly that table run as; empty if it is not monitored now.
std::optional<std::string> MonitoredAs(const std::string& relation,
                                       const std::optional<std::string>& source) {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT pulse.role_name(runs_as, role_oid) FROM pulse.monitor WHERE relation = $1 AND "
        "coalesce(source, '') = coalesce($2, '') AND status = 'active'",
        {Value::Text(relation), Value::Text(source)});
    if (rows.empty()) return std::nullopt;
    return rows[0].Text(0);
}

// Whether exactly that table is monitored now.
bool Monitored(const std::string& relation, const std::optional<std::string>& source) {
    const pg::Result rows = pg::Execute(
        "SELECT status = 'active' FROM pulse.monitor WHERE relation = $1 AND coalesce(source, '') = "
        "coalesce($2, '') FOR NO KEY UPDATE",
        {Value::Text(relation), Value::Text(source)});
    return !rows.empty() && rows[0].Bool(0);
}

void RecordMonitor(const char* action, const std::string& relation,
                   const std::optional<std::string>& source) {
    pg::Json details = pg::Json::object();
    if (source) details["source"] = *source;
    audit::Write(action, relation, details);
}

}  // namespace

int64_t SaveMonitor(const MonitorSpec& given) {
    MonitorSpec spec = given;
    spec.source = Trimmed(given.source);
    if (spec.every < kMinEvery)
        throw UserError(sqlstate::kInvalidParameter, "\"every\" is too short",
                        "It is " + FormatSeconds(static_cast<double>(spec.every) / kSecond) + ".",
                        "The minimum is 10 seconds.");
    if (spec.every > kMaxEvery)
        throw UserError(sqlstate::kInvalidParameter, "\"every\" is too long", "", "The maximum is 366 days.");
    const source::Access place{spec.source.value_or(""), pg::CallerName(), pg::CallerSearchPath()};
    // Without new checks an existing monitor keeps its own, with the rights of the role that defined them: a
    // query must not run with the rights of a role that only changed the interval. A new monitor gets
    // suggested checks.
    MonitorPlan plan = MakeMonitorPlan(spec, place);
    if (spec.checks)
        if (const auto role = MonitoredAs(plan.relation, spec.source))
            pg::RequireRightsOf(*role, "the list of checks of " + plan.relation);
    const pg::OwnerSession session;
    const bool known = Monitored(plan.relation, spec.source), anew = spec.checks || !known;
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.monitor AS m (relation, source, every, owner, tags, runs_as, search_path, "
        "created_at, updated_at) "
        "VALUES ($1, $2, $3 * interval '1 microsecond', $4, $5, $6, $7, $8, $8) ON CONFLICT (relation, "
        "(coalesce(source, ''))) "
        "DO UPDATE SET every = excluded.every, status = 'active', owner = CASE WHEN $11 THEN excluded.owner ELSE "
        "m.owner END, "
        "tags = CASE WHEN $9 THEN excluded.tags ELSE m.tags END, "
        "runs_as = CASE WHEN $10 THEN excluded.runs_as ELSE m.runs_as END, "
        "search_path = CASE WHEN $10 THEN excluded.search_path ELSE m.search_path END, "
        "updated_at = excluded.updated_at RETURNING id",
        {Value::Text(plan.relation), Value::Text(spec.source), Value::Float8(static_cast<double>(spec.every)),
         Value::Text(Trimmed(spec.owner)), Value::Texts(spec.tags.value_or(std::vector<std::string>())),
         Value::Name(place.role), Value::Text(place.search_path), Value::Time(pg::Now()),
         Value::Bool(spec.tags.has_value()), Value::Bool(anew), Value::Bool(spec.owner.has_value())});
    const int64_t id = rows[0].Int8(0);
    if (anew) WriteChecks(id, plan.checks);
    // A shorter interval applies immediately.
    pg::Execute(
        "UPDATE pulse.monitor_check SET next_check_at = least(next_check_at, coalesce(last_at, $2) + $3 * "
        "interval "
        "'1 microsecond') WHERE monitor_id = $1 AND every IS NULL",
        {Value::Int8(id), Value::Time(pg::Now()), Value::Float8(static_cast<double>(spec.every))});
    CloseOrphans(id, "the check was removed");
    NoteClock({id}, pg::Now());
    RecordMonitor(known ? "monitor.updated" : "monitor.created", plan.relation, spec.source);
    return id;
}

void RemoveMonitor(const std::string& relation, const std::optional<std::string>& source) {
    const int64_t id = FindMonitor(relation, source);
    const pg::OwnerSession session;
    const pg::Result ended = pg::Execute(
        "UPDATE pulse.monitor SET status = 'ended', updated_at = $2 WHERE id = $1 RETURNING relation",
        {Value::Int8(id), Value::Time(pg::Now())});
    CloseOrphans(id, "the table is no longer monitored");
    RecordMonitor("monitor.deleted", ended[0].Text(0), Trimmed(source));
}

std::vector<Suggestion> SuggestFor(const std::string& relation, const std::optional<std::string>& source) {
    std::vector<Suggestion> list;
    const ReadLimits limits = ReadLimitsFromSettings(pg::Now());
    source::ReadAndRecord({Trimmed(source).value_or(""), pg::CallerName(), pg::CallerSearchPath()},
                          pg::settings::check_timeout, "define", relation, [&](source::Reader& reader) {
                              const std::string name = Qualify(reader, relation);
                              reader.Query("SELECT FROM " + name + " LIMIT 0");
                              list = Suggest(ReadFacts(reader, name), limits);
                          });
    return list;
}

int64_t FindMonitor(const std::string& relation, const std::optional<std::string>& source) {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.monitor WHERE status = 'active' AND source IS NOT DISTINCT FROM $2 "
        "AND (relation = $1 OR right(relation, length($1) + 1) = '.' || $1) ORDER BY relation = $1 DESC, id",
        {Value::Text(relation), Value::Text(Trimmed(source))});
    const std::string where = Trimmed(source) ? " of source \"" + *source + "\"" : "";
    if (rows.empty()) {
        const pg::Result all = pg::Execute(
            "SELECT relation || coalesce(' of source ' || source, '') FROM pulse.monitor WHERE status = "
            "'active' ORDER BY 1 LIMIT 1000");
        std::vector<std::string> names;
        for (uint64_t i = 0; i < all.size(); ++i) names.push_back(all[i].Text(0));
        throw UserError(sqlstate::kUndefinedObject,
                        "table \"" + relation + "\"" + where + " is not monitored", "",
                        names.empty() ? "No table is monitored; begin with pulse_monitor_table()."
                                      : SuggestName(relation, names, "Monitored tables"));
    }
    return rows[0].Int8(0);
}

}  // namespace pulse::health
