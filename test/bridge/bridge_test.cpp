// Calls the bridge from SQL, for the tests in test/bridge/sql.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/source/store.hpp"

namespace pg = pulse::pg;

namespace {

int64_t made = 0;
int64_t alive = 0;

// Owns memory, and counts constructions and destructions.
class Counted {
  public:
    Counted() : memory_(1000, 'x') {
        ++made;
        ++alive;
    }
    ~Counted() { --alive; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

  private:
    std::string memory_;
};

uint64_t ExecuteBelow(const std::string& sql, int depth) {
    const Counted here;
    const std::unique_ptr<Counted> on_heap = std::make_unique<Counted>();
    const pg::Session session;
    const pg::Arena arena("bridge test");
    const pg::Result rows = pg::Execute("SELECT generate_series(1, 3)");
    if (depth > 1) return ExecuteBelow(sql, depth - 1);
    return pg::Execute(sql).processed();
}

void Throw(const std::string& kind) {
    const Counted here;
    if (kind == "user")
        throw pulse::UserError(pulse::sqlstate::kUndefinedColumn, "no such thing", "It was \"100%s\".",
                               "Try another.");
    if (kind == "user_bare") throw pulse::UserError(pulse::sqlstate::kInvalidParameter, "bare");
    if (kind == "foreign_state") throw pulse::UserError("no state", "SQLSTATE of a wrong length");
    if (kind == "exception") throw std::runtime_error("a runtime error with 100%s");
    if (kind == "logic") throw std::logic_error("a logic error");
    if (kind == "bad_alloc") throw std::bad_alloc();
    if (kind == "int") throw 42;
}

std::string FirstColumn(const std::string& sql) {
    const pg::Session session;
    const pg::Result rows = pg::Execute(sql);
    return rows.empty() ? "(no row)" : rows[0].Output(0).value_or("(null)");
}

std::string Describe(const pg::Error& error) {
    return error.State() + ": " + error.message;
}

}  // namespace

PULSE_FUNCTION(bridge_made) {
    return Int64GetDatum(made);
}
PULSE_FUNCTION(bridge_alive) {
    return Int64GetDatum(alive);
}

PULSE_FUNCTION(bridge_execute) {
    const pg::Args args(fcinfo);
    return Int64GetDatum(
        static_cast<int64_t>(ExecuteBelow(args.RequireText(0, "sql"), args.Int4(1).value_or(1))));
}

PULSE_FUNCTION(bridge_throw) {
    const Counted here;
    Throw(pg::Args(fcinfo).RequireText(0, "kind"));
    return 0;
}

PULSE_FUNCTION(bridge_throw_through_call) {
    const std::string kind = pg::Args(fcinfo).RequireText(0, "kind");
    const char* caught = "nothing";
    try {
        pg::Call([&] { Throw(kind); });
    } catch (const pulse::UserError&) {
        caught = "UserError";
    } catch (const std::bad_alloc&) {
        caught = "bad_alloc";
    } catch (const std::exception&) {
        caught = "exception";
    } catch (int) {
        caught = "int";
    }
    return pg::FromText(caught);
}

PULSE_FUNCTION(bridge_loop) {
    const Counted here;
    for (;;) pg::CheckInterrupts();
}

PULSE_FUNCTION(bridge_attempt) {
    const pg::Args args(fcinfo);
    const std::string sql = args.RequireText(0, "sql");
    const bool read_only = args.Bool(1).value_or(false);
    std::string outcome;
    try {
        using Mode = pg::Subtransaction::Mode;
        pg::Subtransaction subtransaction(read_only ? Mode::kReadOnly : Mode::kReadWrite);
        outcome = "done: " + std::to_string(ExecuteBelow(sql, 2));
        subtransaction.Commit();
    } catch (const pg::Error& error) {
        outcome = Describe(error);
    }
    return pg::FromText(outcome);
}

PULSE_FUNCTION(bridge_attempt_nested) {
    const std::string sql = pg::Args(fcinfo).RequireText(0, "sql");
    std::string outcome;
    {
        const pg::Session session;
        const pg::Result before = pg::Execute("SELECT 'before'");
        try {
            pg::Subtransaction outer;
            try {
                pg::Subtransaction inner;
                const pg::Result rows = pg::Execute(sql);
                inner.Commit();
                outcome = "done";
            } catch (const pg::Error& error) {
                outcome = Describe(error);
            }
            outcome += ", " + pg::Execute("SELECT 'inside'")[0].Text(0);
            outer.Commit();
        } catch (const pg::Error& error) {
            outcome += ", outer: " + Describe(error);
        }
        outcome += ", " + before[0].Text(0) + ", " + pg::Execute("SELECT 'after'")[0].Text(0);
    }
    return pg::FromText(outcome);
}

PULSE_FUNCTION(bridge_deadline) {
    const pg::Args args(fcinfo);
    const std::string sql = args.RequireText(1, "sql");
    std::string outcome;
    try {
        pg::Subtransaction subtransaction;
        const pg::Deadline deadline(args.Int4(0).value_or(0));
        const pg::Deadline nested(args.Int4(2).value_or(0));
        outcome = "done: " + FirstColumn(sql);
        subtransaction.Commit();
    } catch (const pg::Error& error) {
        if (error.sqlerrcode != ERRCODE_QUERY_CANCELED || !pg::Deadline::Expired()) throw;
        outcome = "deadline";
    }
    return pg::FromText(outcome);
}

PULSE_FUNCTION(bridge_deadline_unnoticed) {
    {
        const pg::Deadline deadline(1);
        while (!pg::Deadline::Expired()) continue;
    }
    pg::CheckInterrupts();
    return pg::FromText("not canceled");
}

PULSE_FUNCTION(bridge_as_definer) {
    const pg::Args args(fcinfo);
    std::string value;
    {
        const pg::Identity identity =
            pg::Identity::Definer(args.RequireText(0, "role"), args.RequireText(1, "path"));
        value = FirstColumn(args.RequireText(2, "sql"));
    }
    return pg::FromText(value);
}

PULSE_FUNCTION(bridge_as_owner) {
    std::string value;
    {
        const pg::Identity identity = pg::Identity::Owner();
        value = FirstColumn(pg::Args(fcinfo).RequireText(0, "sql"));
    }
    return pg::FromText(value);
}

PULSE_FUNCTION(bridge_read_by_cursor) {
    const pg::Args args(fcinfo);
    const std::optional<int64_t> stop_after = args.Int8(2);
    int64_t count = 0;
    try {
        const pg::Session session;
        pg::Cursor cursor(args.RequireText(0, "sql"), {});
        for (;;) {
            const pg::Result rows = cursor.Fetch(args.Int4(1).value_or(100));
            if (rows.empty()) break;
            count += static_cast<int64_t>(rows.size());
            if (stop_after && count >= *stop_after) throw count;
        }
    } catch (int64_t) {
        // Not a PostgreSQL error: the session and the cursor must have been closed normally.
    }
    return Int64GetDatum(count);
}

PULSE_FUNCTION(bridge_same_json) {
    return pg::FromJson(pg::Args(fcinfo).RequireJsonb(0, "value"));
}
PULSE_FUNCTION(bridge_same_texts) {
    return pg::FromTextArray(pg::Args(fcinfo).Texts(0).value());
}
PULSE_FUNCTION(bridge_same_numbers) {
    return pg::FromDoubleArray(pg::ToDoubleArray(pg::Args(fcinfo).Raw(0)));
}
PULSE_FUNCTION(bridge_same_bigints) {
    return pg::FromInt64Array(pg::ToInt64Array(pg::Args(fcinfo).Raw(0)));
}
PULSE_FUNCTION(bridge_same_name) {
    return pg::FromName(pg::Args(fcinfo).RequireText(0, "value"));
}
PULSE_FUNCTION(bridge_required_text) {
    return pg::FromText(pg::Args(fcinfo).RequireText(0, "value"));
}

PULSE_FUNCTION(bridge_rows) {
    const pg::Args args(fcinfo);
    const std::string mistake = args.Text(1).value_or("");
    pg::ResultSet rows(fcinfo);
    for (int64_t i = 1; i <= args.Int4(0).value_or(0); ++i) {
        pg::CheckInterrupts();
        if (mistake == "columns")
            rows.Add({pg::Value::Int8(i)});
        else if (mistake == "type")
            rows.Add({pg::Value::Text("one"), pg::Value::Int8(i)});
        else
            rows.Add({pg::Value::Int8(i), i % 2 ? pg::Value::Text("odd") : pg::Value::Null(TEXTOID)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(bridge_kept_statement) {
    static pg::Statement statement("SELECT $1 || ' by ' || $2", {INT8OID, TEXTOID});
    std::string text;
    {
        const pg::Session session;
        text = statement.Execute({pg::Value::Int8(pg::Args(fcinfo).Int8(0)), pg::Value::Text("statement")})[0]
                   .Text(0);
    }
    return pg::FromText(text);
}

PULSE_FUNCTION(bridge_replace_now) {
    const pg::Args args(fcinfo);
    return pg::FromText(pg::ReplaceNowCalls(args.RequireText(0, "sql"), args.RequireText(1, "literal")));
}

// Visits a source as the caller; returns the first column of the results. With `keep`, errors of the source
// and refusals of its guard rails are recorded and returned instead of raised.
PULSE_FUNCTION(bridge_visit) {
    const pg::Args args(fcinfo);
    // This library has its own settings, which SET does not change.
    const char* lock_timeout = pg::Call([] { return GetConfigOption("pulse.lock_timeout", true, false); });
    if (lock_timeout) pg::settings::lock_timeout = std::stoi(lock_timeout);
    const std::vector<std::string> statements = args.Texts(1).value_or(std::vector<std::string>());
    pulse::source::Usage usage;
    usage.purpose = "test";
    std::string answer;
    try {
        const auto target = pulse::source::ResolveTarget(
            {args.RequireText(0, "source"), pg::CallerName(), ""}, args.Int4(2).value_or(0));
        pulse::source::ReadTarget(target, usage, [&](pulse::source::Reader& reader) {
            answer.clear();
            for (const std::string& sql : statements) {
                const pulse::source::Rows rows = reader.Query(sql);
                for (const auto& row : rows.values)
                    answer += (answer.empty() ? "" : " ") + row.at(0).value_or("null");
            }
        });
    } catch (const pulse::source::Unavailable& error) {
        if (!args.Bool(3).value_or(false)) throw;
        answer = usage.status + ": " + error.message();
    }
    pulse::source::RecordUsage(usage);
    return pg::FromText(answer);
}

// The columns of a query as a source sees them.
PULSE_FUNCTION(bridge_describe) {
    const pg::Args args(fcinfo);
    std::string answer;
    pulse::source::ReadAndRecord(
        {args.RequireText(0, "source"), pg::CallerName(), "pg_catalog"}, 0, "test", "",
        [&](pulse::source::Reader& reader) {
            for (const auto& column : reader.DescribeQuery(args.RequireText(1, "sql")))
                answer += column.name + " " + column.type + " " + column.base +
                          (column.enumerated ? " enumerated; " : "; ");
            answer += std::to_string(reader.HasPulse());
        });
    return pg::FromText(answer);
}
