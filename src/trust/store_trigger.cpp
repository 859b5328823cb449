// From a cause to an action.
#include <nlohmann/json.hpp>

#include "pulse/base/utf8.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_automation.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

constexpr int64_t kTriggerRetry = 10 * kSecond;
constexpr size_t kLongestRefusal = 2000;

struct Waiting {
    int64_t automation = 0;
    json data;
    std::optional<double> share;
    Moment at = 0;
    std::string key;
};

std::optional<Waiting> LockTrigger(int64_t trigger) {
    static pg::Statement statement(
        "SELECT automation_id, data, share, at, key FROM pulse.automation_trigger WHERE id = $1"
        " AND status = 'waiting' FOR UPDATE SKIP LOCKED",
        {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(trigger)});
    if (rows.empty()) return std::nullopt;
    return Waiting{rows[0].Int8(0), rows[0].Jsonb(1), rows[0].Float8OrNull(2), rows[0].Time(3),
                   rows[0].Text(4)};
}

void EndTrigger(int64_t trigger, std::optional<int64_t> action, const std::optional<std::string>& note) {
    static pg::Statement statement(
        "UPDATE pulse.automation_trigger SET status = CASE WHEN $2 IS NULL THEN 'skipped' ELSE 'acted' END,"
        " action_id = $2, note = $3, handled_at = $4 WHERE id = $1",
        {INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID});
    statement.Execute({Value::Int8(trigger), Value::Int8(action), Value::Text(note), Value::Time(pg::Now())});
}

Proposal ProposalOf(const ActiveAutomation& automation, const Waiting& waiting) {
    const AutomationDefinition& definition = automation.definition;
    Proposal proposal;
    proposal.name = definition.action;
    proposal.subject = SubjectOf(automation);
    proposal.gate_subject = "automation:" + automation.name;
    proposal.payload = definition.payload;
    proposal.payload["cause"] = waiting.data;
    proposal.reason = "automation \"" + automation.name + "\": " + Describe(definition.when);
    if (!definition.channel.empty()) proposal.channel = definition.channel;
    proposal.level = definition.level;
    proposal.automation = automation.id;
    proposal.share = waiting.share;
    proposal.actor = kPulseItself;
    proposal.runs_as = automation.runs_as;
    proposal.search_path = automation.search_path;
    return proposal;
}

// In a subtransaction: a proposal that is refused becomes a note. Empty: proposed, or to be tried later.
std::optional<std::string> TryToPropose(const Proposal& proposal, std::optional<int64_t>& action) {
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            action = Propose(proposal, false).row.id;
        }
        subtransaction.Commit();
        return std::nullopt;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error) || sqlstate::IsLockFailure(error.State())) throw;
        return error.message;
    } catch (const UserError& error) {
        if (sqlstate::IsLockFailure(error.state())) throw;
        return error.message() + (error.detail().empty() ? "" : ": " + error.detail());
    }
}

}  // namespace

std::string SubjectOf(const ActiveAutomation& automation) {
    return automation.definition.subject.empty() ? "automation:" + automation.name
                                                 : automation.definition.subject;
}

std::optional<std::string> WhyNotNow(const ActiveAutomation& automation) {
    static pg::Statement newest("SELECT max(applied_at) FROM pulse.action WHERE automation_id = $1",
                                {INT8OID});
    if (const auto live = LiveActionOf(SubjectOf(automation)))
        return "action " + std::to_string(*live) + " of the subject has not ended";
    if (automation.definition.cool_down == 0) return std::nullopt;
    const std::optional<Moment> last = newest.Execute({Value::Int8(automation.id)})[0].TimeOrNull(0);
    if (!last || pg::Now() >= *last + automation.definition.cool_down) return std::nullopt;
    return "it cools down until " + FormatMoment(*last + automation.definition.cool_down);
}

std::vector<int64_t> WaitingTriggers(int64_t limit) {
    static pg::Statement statement(
        "SELECT id FROM pulse.automation_trigger WHERE status = 'waiting' AND coalesce(retry_at, $2) <= $2"
        " ORDER BY id LIMIT $1",
        {INT8OID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Int8(limit), Value::Time(pg::Now())});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

void PostponeTrigger(int64_t trigger, const std::string& why) {
    static pg::Statement statement(
        "UPDATE pulse.automation_trigger SET retry_at = $2, note = nullif($3, '') WHERE id = $1 AND status = 'waiting'",
        {INT8OID, TIMESTAMPTZOID, TEXTOID});
    statement.Execute({Value::Int8(trigger), Value::Time(pg::Now() + kTriggerRetry),
                       Value::Text(Shorten(why, kLongestRefusal))});
}

bool HandleTrigger(int64_t trigger) {
    const std::optional<Waiting> waiting = LockTrigger(trigger);
    if (!waiting) return false;
    // Also what is always allowed waits: an automation does not begin anything during a freeze.
    if (WhyFrozen("") && waiting->at + LoadEnforcement().expire_after > pg::Now()) return false;
    if (const auto why = WhyStopped(waiting->automation)) {
        EndTrigger(trigger, std::nullopt, why);
        return true;
    }
    const std::optional<ActiveAutomation> automation = LockActive(waiting->automation);
    if (!automation) {
        // Another session changes it at the moment.
        PostponeTrigger(trigger, "");
        return false;
    }
    if (waiting->at + LoadEnforcement().expire_after <= pg::Now()) {
        EndTrigger(trigger, std::nullopt, "it waited for too long");
        return true;
    }
    if (const auto why = WhyNotNow(*automation)) {
        EndTrigger(trigger, std::nullopt, why);
        return true;
    }
    std::optional<int64_t> action;
    const std::optional<std::string> refused = TryToPropose(ProposalOf(*automation, *waiting), action);
    EndTrigger(trigger, action, refused);
    return true;
}

}  // namespace pulse::trust
