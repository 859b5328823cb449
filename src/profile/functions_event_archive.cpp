// SQL functions that move months of events to an archive server and back. The job does the work.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_event_archive.hpp"
#include "pulse/profile/store_partition.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;
using pulse::UserError;

namespace {

// 2025-01, of the first day of a month.
std::string NameOf(int month) {
    return pulse::FormatDate(profile::MonthBegin(month)).substr(0, 7);
}

// The months of pulse.event.
std::string MonthList() {
    std::string list;
    for (const auto& [month, name] : profile::PartitionsOf("event"))
        if (month >= 0) list += (list.empty() ? "" : ", ") + NameOf(month);
    return list.empty() ? "There are no events." : "Months with events are " + list + ".";
}

constexpr const char* kMonthHint = "Give a month or any of its days, such as '2025-01' or '2025-01-01'.";

// The month of a date, or of text that also may be a month, such as 2025-01: one row, null if it is infinite.
pg::Result ReadMonth(const pg::Value& given) {
    const std::string day =
        given.type == TEXTOID
            ? "($1 || CASE WHEN $1 ~ '^[0-9]{4}-(0[1-9]|1[0-2])$' THEN '-01' ELSE '' END)::date"
            : "$1";
    try {
        return pg::Execute(
            "SELECT CASE WHEN isfinite(d.day) THEN (extract(year FROM d.day) - 2000)::int * 12"
            " + extract(month FROM d.day)::int - 1 END FROM (SELECT " +
                day + " AS day) AS d",
            {given});
    } catch (pg::Error& error) {
        if (error.State().starts_with("22")) error.hint = kMonthHint;  // not when it is cancelled
        throw;
    }
}

// The first argument, as a month that has events.
int RequireMonth(FunctionCallInfo fcinfo) {
    const pg::Args args(fcinfo);
    if (args.IsNull(0))
        throw UserError(pulse::sqlstate::kNullValue, "\"month\" must not be null", "", kMonthHint);
    const pg::OwnerSession session;
    const pg::Result rows = ReadMonth({get_fn_expr_argtype(fcinfo->flinfo, 0), args.Raw(0), false});
    if (rows[0].IsNull(0)) pulse::ThrowInvalid("\"month\" must be finite", "", MonthList());
    const int month = rows[0].Int4(0);
    if (!profile::PartitionsOf("event").contains(month) || month < 0)
        throw UserError(
            pulse::sqlstate::kUndefinedObject, "there are no events of that month",
            month < 0 ? "Events before 2000 stay where they are." : "It is " + NameOf(month) + ".",
            MonthList());
    return month;
}

// The row of a month that another database keeps; its dump was restored here.
std::optional<std::string> StateElsewhere(int month) {
    const pg::Result rows =
        pg::Execute("SELECT state FROM pulse.event_archive WHERE month = $1::date AND home <> $2",
                    {pg::Value::Text(pulse::FormatDate(profile::MonthBegin(month))),
                     pg::Value::Text(profile::ArchiveHome())});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Text(0));
}

bool IsArchived(int month) {
    return !pg::Execute("SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind = 'p'",
                        {pg::Value::Text("pulse." + profile::PartitionName("event", month))})
                .empty();
}

// The server given, that of the try before, or that of the setting.
std::string RequireServer(const std::optional<std::string>& given,
                          const std::optional<profile::ArchivedMonth>& before) {
    std::string server = given ? *given : before ? before->server : pg::settings::EventArchiveServer();
    if (server.empty())
        throw UserError(pulse::sqlstate::kInvalidParameter, "\"server\" is missing", "",
                        "Give the name of a server of postgres_fdw, or set pulse.event_archive_server.");
    return server;
}

// The caller must be able to use the server as for a foreign table of their own.
void RequireUsage(const std::string& server) {
    if (pg::Execute("SELECT FROM pg_foreign_server WHERE srvname = $1"
                    " AND NOT has_server_privilege($2, oid, 'USAGE')",
                    {pg::Value::Text(server), pg::Value::Text(pg::OriginalCaller())})
            .empty())
        return;
    throw UserError(pulse::sqlstate::kInsufficientPrivilege,
                    "permission denied for foreign server \"" + server + "\"", "",
                    "GRANT USAGE ON FOREIGN SERVER lets a role use it.");
}

void Record(const char* action, int month, const std::string& server) {
    pulse::audit::Write(action, "events:" + NameOf(month), {{"server", server}});
}

// Take over what the database kept from whose dump this one comes.
std::string TakeOver(int month) {
    pg::Execute(
        "UPDATE pulse.event_archive SET home = $2, next_try_at = NULL, failures = 0, reason = NULL,"
        " state = CASE WHEN state IN ('restoring', 'checking', 'returning') THEN 'archived' ELSE state END,"
        " done_to = NULL WHERE month = $1::date",
        {pg::Value::Text(pulse::FormatDate(profile::MonthBegin(month))),
         pg::Value::Text(profile::ArchiveHome())});
    // Erasures have waited for it.
    pg::Execute(
        "UPDATE pulse.archive_erasure SET next_attempt_at = $2 WHERE month = $1::date",
        {pg::Value::Text(pulse::FormatDate(profile::MonthBegin(month))), pg::Value::Time(pg::WallClock())});
    return profile::ReadArchivedMonth(month)->state;
}

std::string RequestMonth(int month, const std::optional<std::string>& given) {
    if (IsArchived(month)) {
        if (StateElsewhere(month)) return TakeOver(month);
        const auto row = profile::ReadArchivedMonth(month);
        if (!row)
            throw UserError(pulse::sqlstate::kNotReady, "the month is not in pulse.event_archive",
                            "It is " + NameOf(month) + ".", "Restore the rows of that table, too.");
        return row->state;
    }
    const auto row = profile::ReadArchivedMonth(month);
    if (row && row->state != "failed" && row->state != "restored" && row->state != "requested") {
        profile::LookAgainAt(*row, pg::kAtOnce);
        return row->state;
    }
    const std::string server = RequireServer(given, row);
    profile::FindArchiveServer(server);
    RequireUsage(server);
    if (const std::string reason = profile::WhyNotArchived(month); !reason.empty())
        throw UserError(pulse::sqlstate::kNotReady, NameOf(month) + " cannot be archived", reason);
    profile::RequestArchive(month, server, true);
    Record("events.archived", month, server);
    return "requested";
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_archive_events) {
    const pg::Args args(fcinfo);
    const int month = RequireMonth(fcinfo);
    std::string state;
    {
        const pg::OwnerSession session;
        state = RequestMonth(month, args.Text(1));
    }
    pg::NotifyLauncher();
    return pg::FromText(state);
}

PULSE_WRITING_FUNCTION(pulse_restore_events) {
    const int month = RequireMonth(fcinfo);
    std::string state, server;
    {
        const pg::OwnerSession session;
        if (StateElsewhere(month))
            throw UserError(pulse::sqlstate::kNotReady, "another database keeps this month on the archive",
                            "A restored dump brought it: it is " + NameOf(month) + ".",
                            "If that database is gone, pulse_archive_events() makes this one keep it.");
        const auto row = profile::ReadArchivedMonth(month);
        if (!row)
            throw UserError(pulse::sqlstate::kUndefinedObject, "that month is not on an archive server",
                            "It is " + NameOf(month) + ".", "pulse.event_archive lists those that are.");
        server = row->server;
        state = row->state;
        if (state == "archived") {
            profile::AdvanceArchive(*row, "restoring", nullptr);
            state = "restoring";
        } else if (state == "requested" || state == "copying" || state == "comparing" ||
                   state == "swapping") {
            profile::AbandonArchive(*row, "");
            state = "dropping";
        } else if (state == "failed") {
            // So that it is not tried again.
            profile::AdvanceArchive(*row, "restored", nullptr);
            state = "restored";
        }
    }
    if (state == "restoring") Record("events.restored", month, server);
    pg::NotifyLauncher();
    return pg::FromText(state);
}
