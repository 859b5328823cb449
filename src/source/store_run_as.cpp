#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/session_settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/source/fixed_settings.hpp"
#include "pulse/source/local.hpp"

namespace pulse::source {

namespace {

// Reverted with the enclosing Identity.
void FixSettings() {
    pg::ResetSessionSettings();
    for (const FixedSetting& each : kFixedSettings) pg::SetLocally(each.name, each.value);
}

[[noreturn]] void ThrowTooSlow(int milliseconds) {
    throw UserError(
        sqlstate::kQueryCanceled, "segment query ran longer than pulse.statement_timeout",
        "The limit is " + std::to_string(milliseconds) + " ms.",
        "Raise pulse.statement_timeout, or speed up the query with an index or a narrower definition.");
}

}  // namespace

void RunAs(const std::string& role, const std::string& search_path, int milliseconds,
           const std::function<void()>& body) {
    const pg::AdvisoryLockScope locks;
    try {
        const pg::Subtransaction subtransaction(pg::Subtransaction::Mode::kReadOnly);
        {
            const pg::Identity identity = pg::Identity::Definer(role, search_path);
            const pg::Deadline deadline(milliseconds);
            const pg::Session session;
            FixSettings();
            body();
            // A limit reached at the last moment still counts, and must not cancel the next statement.
            pg::CheckInterrupts();
            // A function of the definition may have caught the cancel; the limit applies anyway.
            if (pg::Deadline::Expired()) ThrowTooSlow(milliseconds);
        }
        // Never commit: changes that PostgreSQL allows in read-only transactions (large objects, before 16)
        // are rolled back.
    } catch (const pg::Error& error) {
        if (error.State() == sqlstate::kQueryCanceled && pg::Deadline::Expired()) ThrowTooSlow(milliseconds);
        throw;
    }
}

std::string RequireSelect(const std::string& sql) {
    const pg::ParsedText parsed = pg::Parse(sql);
    constexpr const char* kHint =
        "Give a single SELECT that returns one row per member, with its key in the first column.";
    if (parsed.statements != 1)
        throw UserError(sqlstate::kSyntaxError, "\"query\" must be a single SELECT",
                        "It has " + std::to_string(parsed.statements) + " statements.", kHint);
    if (!parsed.is_select)
        throw UserError(sqlstate::kSyntaxError, "\"query\" must be a read-only SELECT", "It is: " + sql,
                        kHint);
    return parsed.statement;
}

}  // namespace pulse::source
