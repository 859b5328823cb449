// Actions that a later room proposes by itself, and that wait for a person.
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/subject.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

struct LiveAction {
    int64_t id = 0;
    std::string name;
    nlohmann::json payload;
};

std::optional<LiveAction> FindLive(const std::string& subject) {
    static pg::Statement statement(
        "SELECT id, name, payload FROM pulse.action WHERE subject = $1 AND state IN ('pending', 'approved',"
        " 'applying')",
        {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(subject)});
    if (rows.empty()) return std::nullopt;
    return LiveAction{rows[0].Int8(0), rows[0].Text(1), rows[0].Jsonb(2)};
}

}  // namespace

std::optional<int64_t> ProposeWaiting(const WaitingProposal& wanted) {
    const std::string subject = Write(ReadSubject(wanted.subject));
    if (const auto live = FindLive(subject))
        return live->name == wanted.name && live->payload == wanted.payload ? std::optional(live->id)
                                                                            : std::nullopt;
    if (WhyFrozen(RiskOf(wanted.name))) return std::nullopt;
    Proposal proposal;
    proposal.name = wanted.name;
    proposal.subject = subject;
    proposal.payload = wanted.payload;
    proposal.reason = wanted.reason;
    proposal.share = wanted.share;
    proposal.actor = kPulseItself;
    proposal.runs_as = pg::CallerName();
    proposal.search_path = "pg_catalog";
    try {
        pg::Subtransaction subtransaction;
        std::optional<int64_t> id;
        {
            const pg::Session session;
            id = Propose(proposal, false).row.id;
        }
        subtransaction.Commit();
        return id;
    } catch (const UserError& error) {
        // Another session was faster, or everything was frozen meanwhile.
        if (error.state() != sqlstate::kNotReady) throw;
        return std::nullopt;
    }
}

bool EndProposed(int64_t action, const std::string& reason) {
    std::optional<ActionRow> row = TryLockAction(action);
    if (!row || (row->state != State::kPending && row->state != State::kApproved)) return false;
    TakeStep(*row,
             {.event = "dismissed",
              .state = State::kDismissed,
              .actor = kPulseItself,
              .note = reason,
              .tells_kind = false},
             nullptr);
    return true;
}

}  // namespace pulse::trust
