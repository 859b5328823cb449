#include "pulse/trust/store_signal_query.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/source/local.hpp"
#include "pulse/trust/store_signal.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr long kMostRows = 1000;
constexpr int64_t kMostDue = 100;  // of one run of the job

// Where the columns of the query are.
struct SignalColumns {
    int value = -1, source = -1, entity = -1, at = -1;
};

SignalColumns FindColumns(const std::vector<std::string>& names) {
    SignalColumns columns;
    for (size_t i = 0; i < names.size(); ++i) {
        const int place = static_cast<int>(i);
        if (names[i] == "value") columns.value = place;
        if (names[i] == "source") columns.source = place;
        if (names[i] == "entity") columns.entity = place;
        if (names[i] == "at") columns.at = place;
    }
    if (columns.value < 0 && names.size() == 1) columns.value = 0;
    if (columns.value < 0)
        throw UserError(sqlstate::kUndefinedColumn, "the query has no column \"value\"", "",
                        "Name the number: SELECT count(*) AS value …");
    return columns;
}

std::string RequireQuery(const std::string& sql) {
    try {
        return source::RequireSelect(sql);
    } catch (const UserError& error) {
        throw UserError(error.state().c_str(), error.message(), error.detail(),
                        "Give a single SELECT with the number in a column \"value\".");
    }
}

double ReadNumber(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end != text.data() + text.size() || error == std::errc::invalid_argument)
        throw UserError(sqlstate::kDatatypeMismatch, "\"value\" is not a number",
                        "It is " + InQuotes(Shorten(text, 80)) + ".");
    return error == std::errc() ? number : std::numeric_limits<double>::infinity();
}

// Runs the query with the rights of its role. Throws its errors after rolling it back.
std::vector<Signal> ReadSignals(const SignalQuery& query, Moment now) {
    std::vector<Signal> signals;
    source::RunAs(query.role, query.search_path, pg::settings::statement_timeout, [&] {
        const pg::UserText text(query.query);
        const pg::Result rows =
            pg::Execute("SELECT * FROM (" + query.query + "\n) AS signal_query", {}, true, kMostRows);
        const SignalColumns columns = FindColumns(rows.ColumnNames());
        for (uint64_t i = 0; i < rows.size(); ++i) {
            const auto value = rows[i].Output(columns.value);
            if (!value) continue;
            Signal signal{query.name, ReadNumber(*value), query.source, query.entity, {}, pg::Json::object()};
            if (columns.source >= 0) signal.source = rows[i].Output(columns.source).value_or("");
            if (columns.entity >= 0) signal.entity = rows[i].Output(columns.entity).value_or("");
            const auto at = columns.at >= 0 ? rows[i].Output(columns.at) : std::nullopt;
            if (at) {
                signal.at = ParseMoment(*at);
                if (!signal.at)
                    ThrowInvalid("\"at\" is not a time", "It is " + InQuotes(Shorten(*at, 80)) + ".");
            }
            CheckSignal(signal, now, false);
            signals.push_back(std::move(signal));
        }
    });
    return signals;
}

constexpr const char* kSignalQuery =
    "SELECT id, name, query, source, entity, pulse.role_name(runs_as, role_oid), search_path"
    " FROM pulse.signal_query ";

SignalQuery ReadSignalQuery(const pg::Row& row) {
    return {row.Int8(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4), row.Text(5), row.Text(6)};
}

// A row that another session runs or deletes is left out.
std::optional<SignalQuery> LockSignalQuery(int64_t id) {
    const pg::Result rows = pg::Execute(
        std::string(kSignalQuery) + "WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED", {Value::Int8(id)});
    return rows.empty() ? std::nullopt : std::optional(ReadSignalQuery(rows[0]));
}

int64_t IdOf(const std::string& name) {
    const pg::Result rows =
        pg::Execute("SELECT id FROM pulse.signal_query WHERE name = $1", {Value::Text(name)});
    if (!rows.empty()) return rows[0].Int8(0);
    const pg::Result names = pg::Execute(
        "SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM (SELECT name FROM pulse.signal_query LIMIT 100) AS s");
    throw UserError(sqlstate::kUndefinedObject, "there is no query of signals " + InQuotes(Shorten(name, 80)),
                    "",
                    names[0].Texts(0).empty() ? "pulse_create_signal() makes one."
                                              : SuggestName(Shorten(name, 80), names[0].Texts(0), "Queries"));
}

void SaveRun(int64_t id, Moment now, const std::optional<size_t>& signals, const std::string& error) {
    pg::Execute(
        "UPDATE pulse.signal_query SET last_run_at = $2, next_run_at = $2 + every, last_signals = coalesce($3,"
        " last_signals), failures = CASE WHEN $3 IS NULL THEN failures + 1 ELSE 0 END, last_error = $4 WHERE id = $1",
        {Value::Int8(id), Value::Time(now),
         signals ? Value::Int4(static_cast<int32_t>(*signals)) : Value::Null(INT4OID),
         signals ? Value::Null(TEXTOID) : Value::Text(error)});
}

int RunAndSave(const SignalQuery& query, Moment now) {
    const std::vector<Signal> signals = ReadSignals(query, now);
    WriteSignals(signals, query.role);
    SaveRun(query.id, now, signals.size(), "");
    return static_cast<int>(signals.size());
}

// One that fails keeps its error.
void TrySignalQuery(int64_t id, Moment now) {
    const std::optional<SignalQuery> query = LockSignalQuery(id);
    if (!query) return;
    std::string problem;
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            RunAndSave(*query, now);
        }
        subtransaction.Commit();
        return;
    } catch (const UserError& error) {
        problem = error.message();
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        problem = error.message;
    }
    SaveRun(id, now, std::nullopt, Shorten(problem, 1000));
}

std::vector<int64_t> DueSignalQueries(Moment now) {
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.signal_query WHERE next_run_at <= $1 ORDER BY next_run_at, id LIMIT $2",
        {Value::Time(now), Value::Int8(kMostDue)});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

}  // namespace

int64_t CreateSignalQuery(SignalQuery query, int64_t every) {
    const Moment now = pg::PastNow();
    Signal probe{query.name, 0, query.source, query.entity, {}, pg::Json::object()};
    CheckSignal(probe, now, false);
    if (every < kMinute)
        ThrowInvalid("\"every\" is too short", "", "Give at least a minute, such as '1 hour'.");
    query.query = RequireQuery(query.query);
    query.role = pg::CallerName();
    query.search_path = pg::CallerSearchPath();
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.signal_query (name, query, every, source, entity, runs_as, search_path, created_at,"
        " next_run_at) VALUES ($1, $2, $3 * interval '1 microsecond', $4, $5, $6::text::name, $7, $8, $8) ON"
        " CONFLICT (name) DO NOTHING RETURNING id",
        {Value::Text(query.name), Value::Text(query.query), Value::Int8(every), Value::Text(query.source),
         Value::Text(query.entity), Value::Text(query.role), Value::Text(query.search_path),
         Value::Time(now)});
    if (rows.empty())
        throw UserError(sqlstate::kDuplicateObject,
                        "there is a query of signals \"" + query.name + "\" already", "",
                        "pulse_delete_signal() ends it.");
    query.id = rows[0].Int8(0);
    RunAndSave(query, now);
    return query.id;
}

int RunSignalQuery(const std::string& name) {
    const Moment now = pg::PastNow();
    const pg::OwnerSession session;
    const std::optional<SignalQuery> query = LockSignalQuery(IdOf(name));
    if (!query)
        throw UserError(sqlstate::kLockNotAvailable, "the query of signals \"" + name + "\" is running");
    return RunAndSave(*query, now);
}

void DeleteSignalQuery(const std::string& name) {
    std::string role;
    {
        const pg::OwnerSession session;
        const pg::Result rows =
            pg::Execute(std::string(kSignalQuery) + "WHERE id = $1", {Value::Int8(IdOf(name))});
        role = ReadSignalQuery(rows[0]).role;
    }
    pg::RequireRightsOf(role, "the query of signals \"" + name + "\"");
    const pg::OwnerSession session;
    pg::Execute("DELETE FROM pulse.signal_query WHERE name = $1", {Value::Text(name)});
}

int64_t RunDueSignalQueries(bool in_worker) {
    if (!in_worker) {
        const pg::OwnerSession session;
        const Moment now = pg::PastNow();
        const std::vector<int64_t> due = DueSignalQueries(now);
        for (const int64_t id : due) TrySignalQuery(id, now);
        return static_cast<int64_t>(due.size());
    }
    std::vector<int64_t> due;
    {
        pg::Transaction transaction("pulse: looking for queries of signals");
        {
            const pg::OwnerSession session;
            due = DueSignalQueries(pg::PastNow());
        }
        transaction.Commit();
    }
    for (const int64_t id : due) {
        pg::Transaction transaction("pulse: running a query of signals");
        {
            const pg::OwnerSession session;
            TrySignalQuery(id, pg::PastNow());
        }
        transaction.Commit();
    }
    return static_cast<int64_t>(due.size());
}

}  // namespace pulse::trust
