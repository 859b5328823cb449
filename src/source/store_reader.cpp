// Visits to this database and to servers, and the usage records of the latter.
#include <chrono>

#include "pulse/base/suggest.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/plan.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/source/store.hpp"

namespace pulse::source {

namespace {

// Reads this database, inside RunAs().
class LocalReader : public Reader {
  public:
    Rows Query(const std::string& sql) override { return ToRows(pg::Execute(sql)); }
    void QueryInPortions(const std::string& sql, int rows, const std::function<void(Rows&)>& take) override {
        pg::Cursor cursor(sql, {});
        for (;;) {
            const pg::Arena arena("pulse portion");
            Rows portion = ToRows(cursor.Fetch(rows));
            if (portion.empty()) return;
            take(portion);
        }
    }
    PlanEstimate Estimate(const std::string& sql) override {
        return ReadPlan(Query("EXPLAIN (FORMAT JSON) " + sql).values.at(0).at(0).value_or(""));
    }
    void Check(const std::string& sql) override { pg::Plan(sql, {}).Prepare(); }
    bool HasPulse() override { return true; }
    bool local() const override { return true; }

  private:
    static Rows ToRows(const pg::Result& result) {
        Rows rows;
        rows.names = result.ColumnNames();
        rows.types = result.ColumnTypes();
        rows.modifiers = result.ColumnModifiers();
        for (uint64_t i = 0; i < result.size(); ++i) {
            auto& row = rows.values.emplace_back();
            for (size_t c = 0; c < rows.names.size(); ++c)
                row.push_back(result[i].Output(static_cast<int>(c)));
        }
        return rows;
    }
};

[[noreturn]] void ThrowUnknownSource(const std::string& name) {
    const std::vector<std::string> names = pg::ServerNames("pulse_source");
    throw UserError(sqlstate::kUndefinedObject, "source \"" + name + "\" does not exist", "",
                    names.empty() ? "There are no sources yet; create one with pulse_create_source()."
                                  : SuggestName(name, names, "Sources"));
}

void RequireRights(const pg::Row& row, const Access& access) {
    const std::string server = pg::QuoteIdentifier(access.source), role = pg::QuoteIdentifier(access.role);
    if (row.IsNull(2))
        throw UserError(
            sqlstate::kUndefinedObject, "role \"" + access.role + "\" does not exist",
            "A source is read with the user mapping of the role that created the definition.",
            "Update the definition as another role; it then reads with that role's user mapping.");
    if (!row.Bool(4))
        throw UserError(sqlstate::kInsufficientPrivilege,
                        "permission denied for source \"" + access.source + "\"",
                        "Role \"" + access.role + "\" has no USAGE privilege.",
                        "GRANT USAGE ON FOREIGN SERVER " + server + " TO " + role + ";");
    if (!row.Bool(6))
        throw UserError(
            sqlstate::kUndefinedObject,
            "role \"" + access.role + "\" has no user mapping for source \"" + access.source + "\"", "",
            "CREATE USER MAPPING FOR " + role + " SERVER " + server +
                " OPTIONS (user '...', password '...');");
}

[[maybe_unused]] const bool retention_registered = pg::RegisterRetention(
    {{.order = 30,
      .what = "visits to sources",
      .minutes = &pg::settings::usage_retention,
      .sql = "DELETE FROM pulse.source_usage WHERE id = ANY (ARRAY(SELECT u.id FROM pulse.source_usage AS u"
             " WHERE u.at < $1 LIMIT $2))"}});

}  // namespace

Target ResolveTarget(const Access& access, int milliseconds) {
    if (access.source.empty()) return {access, milliseconds, nullptr};
    const pg::OwnerSession session;
    static pg::Statement statement(
        "SELECT s.oid::int8, s.srvoptions, r.oid::int8, r.rolsuper, has_server_privilege(r.oid, s.oid, "
        "'USAGE'), "
        "m.umoptions, m.umserver IS NOT NULL, "
        "minute.visits, minute.left_ms, "
        "(SELECT u.in_recovery FROM pulse.source_usage AS u WHERE u.source = s.srvname::text"
        " AND u.status = 'ok' "
        "ORDER BY u.at DESC LIMIT 1) "
        "FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw "
        "LEFT JOIN pg_roles AS r ON r.rolname = $2 "
        "LEFT JOIN LATERAL (SELECT * FROM pg_user_mapping AS m WHERE m.umserver = s.oid AND m.umuser IN "
        "(r.oid, 0) "
        "ORDER BY m.umuser DESC LIMIT 1) AS m ON true "
        "CROSS JOIN LATERAL (SELECT count(*) AS visits, "
        "ceil(extract(epoch FROM min(u.at) + interval '1 minute' - clock_timestamp()) * 1000)::int4 AS"
        " left_ms "
        "FROM pulse.source_usage AS u WHERE u.source = s.srvname::text "
        "AND u.at > clock_timestamp() - interval '1 minute' AND u.queries > 0) AS minute "
        "WHERE s.srvname = $1 AND w.fdwname = 'pulse_source'",
        {TEXTOID, TEXTOID});
    const pg::Result rows =
        statement.Execute({pg::Value::Text(access.source), pg::Value::Text(access.role)}, true);
    if (rows.empty()) ThrowUnknownSource(access.source);
    const pg::Row row = rows[0];
    RequireRights(row, access);

    const auto read = [&](int column) {
        return row.IsNull(column) ? OptionList() : options::FromTexts(row.Texts(column));
    };
    const OptionList options = read(1), mapping = read(5);
    auto server = std::make_shared<Server>();
    server->oid = static_cast<uint32_t>(row.Int8(0));
    server->name = access.source;
    server->role = access.role;
    server->parameters = ConnectionParameters(options, mapping);
    server->password_required = !row.Bool(3);
    server->limits = ReadLimits(options);
    server->recent_visits = static_cast<int>(row.Int8(7));
    server->next_visit_in = row.IsNull(8) ? 0 : row.Int4(8);
    server->was_standby = !row.IsNull(9) && row.Bool(9);
    if (server->password_required && !Value(mapping, "password"))
        throw UserError(
            sqlstate::kProhibitedStatement,
            "role \"" + access.role + "\" needs a password in its user mapping for source \"" +
                access.source + "\"",
            "A role that is not a superuser must log in with its own password, so that it cannot use the "
            "rights of this server.",
            "ALTER USER MAPPING FOR " + pg::QuoteIdentifier(access.role) + " SERVER " +
                pg::QuoteIdentifier(access.source) + " OPTIONS (ADD password '...');");
    return {access, milliseconds, server};
}

void ReadTarget(const Target& target, Usage& usage, const std::function<void(Reader&)>& body) {
    if (target.local()) {
        RunAs(target.access.role, target.access.search_path, target.milliseconds, [&] {
            LocalReader reader;
            body(reader);
        });
        return;
    }
    usage.source = target.server->name;
    usage.began = GetCurrentTimestamp();
    const auto begin = std::chrono::steady_clock::now();
    const auto stop = [&] {
        usage.duration_ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    };
    try {
        ReadServer(*target.server, target.milliseconds, usage, body);
    } catch (...) {
        stop();
        RecordFailure(usage);
        throw;
    }
    stop();
}

void RecordUsage(const Usage& usage) {
    if (usage.source.empty() || pg::ReadOnly()) return;
    const pg::OwnerSession session;
    static pg::Statement statement(
        "INSERT INTO pulse.source_usage (source, at, purpose, object, status, reason, queries, rows, "
        "duration_ms, "
        "plan_cost, in_recovery, version, replay_lag_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        {TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, FLOAT8OID, FLOAT8OID,
         BOOLOID, INT4OID, FLOAT8OID});
    using pg::Value;
    const auto or_null = [](const std::string& text) {
        return text.empty() ? Value::Null(TEXTOID) : Value::Text(text);
    };
    statement.Execute({Value::Text(usage.source), Value::Time(usage.began), Value::Text(usage.purpose),
                       or_null(usage.object), Value::Text(usage.status), or_null(usage.reason),
                       Value::Int8(usage.queries), Value::Int8(usage.rows), Value::Float8(usage.duration_ms),
                       usage.plan_cost > 0 ? Value::Float8(usage.plan_cost) : Value::Null(FLOAT8OID),
                       usage.in_recovery ? Value::Bool(*usage.in_recovery) : Value::Null(BOOLOID),
                       usage.version ? Value::Int4(*usage.version) : Value::Null(INT4OID),
                       Value::Float8(usage.replay_lag_ms)});
}

void ReadAndRecord(const Access& access, int milliseconds, const std::string& purpose,
                   const std::string& object, const std::function<void(Reader&)>& body) {
    Usage usage;
    usage.purpose = purpose;
    usage.object = object;
    ReadTarget(ResolveTarget(access, milliseconds), usage, body);
    RecordUsage(usage);
}

}  // namespace pulse::source
