// Proposing actions.
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trust/automation.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/subject.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr size_t kLongestPayload = 100'000;
constexpr size_t kLongestSubject = 500;

// A kind of subject that Pulse does not know, such as ad_campaign, is judged by the health of everything.
std::string GateSubject(const std::string& subject) {
    const Subject parts = ReadSubject(subject);
    return parts.kind == "all" || FindSubjectKind(parts.kind) ? subject : "all";
}

void RequireSubject(const std::string& name, const ActionKind& kind, const std::string& text) {
    const Subject subject = ReadSubject(text);
    if (kind.subject_kind && subject.kind != kind.subject_kind)
        ThrowInvalid(name + " needs a subject of kind " + kind.subject_kind, "It is " + InQuotes(text) + ".",
                     std::string("Write it as \"") + kind.subject_kind + ":name\".");
    std::vector<Subject> dependencies;
    const SubjectKind* known = FindSubjectKind(subject.kind);
    if (known && !known->find(subject.name, dependencies))
        throw UserError(sqlstate::kUndefinedObject, InQuotes(text) + " does not exist", "",
                        "Name an existing " + subject.kind + ".");
}

std::string OwnActions() {
    std::string list;
    for (const std::string& name : ActionKindNames()) list += (list.empty() ? "" : ", ") + name;
    return list;
}

std::string RequireChannel(const std::string& action, const std::optional<std::string>& channel,
                           const Enforcement& enforcement) {
    const std::optional<std::string> name = channel ? channel : enforcement.channel;
    if (!name)
        ThrowInvalid("action " + InQuotes(action) + " needs a channel",
                     "Pulse does not carry it out itself, so it leaves as a signed webhook.",
                     "Pulse itself carries out " + OwnActions() +
                         ". For every other action name a channel of kind webhook, or give "
                         "pulse_set_enforcement() one for all actions.");
    if (!pg::FindServer("pulse_channel", *name)) {
        const std::vector<std::string> names = pg::ServerNames("pulse_channel");
        throw UserError(sqlstate::kUndefinedObject, "channel " + InQuotes(*name) + " does not exist", "",
                        names.empty() ? "There are no channels yet; create one with pulse_create_channel()."
                                      : SuggestName(*name, names, "Channels"));
    }
    if (!IsWebhook(*name))
        ThrowInvalid("channel " + InQuotes(*name) + " is not of kind webhook", "",
                     "Actions leave as signed webhooks: name a channel of that kind.");
    return *name;
}

// 0: the subject has got another action meanwhile.
int64_t InsertAction(const ActionRow& row, const std::string& actor, Moment now) {
    static pg::Statement statement(
        "INSERT INTO pulse.action (name, subject, gate_subject, payload, reason, risk, level, state, needs, channel,"
        " automation_id, share, created_at, created_by, expires_at, runs_as, search_path)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 'approval', $8, $9, $10, $11, $12, $13, $14, $15)"
        " ON CONFLICT (subject) WHERE state IN ('pending', 'approved', 'applying') DO NOTHING RETURNING id",
        {TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, FLOAT8OID,
         TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, NAMEOID, TEXTOID});
    const pg::Result rows = statement.Execute(
        {Value::Text(row.name), Value::Text(row.subject), Value::Text(row.gate_subject),
         Value::Jsonb(row.payload), Value::Text(row.reason), Value::Text(row.risk),
         Value::Text(Name(row.level)), Value::Text(row.channel), Value::Int8(row.automation),
         Value::Float8(row.share), Value::Time(now), Value::Text(actor), Value::Time(row.expires_at),
         Value::Name(row.runs_as), Value::Text(row.search_path)});
    return rows.empty() ? 0 : rows[0].Int8(0);
}

ActionRow RowOf(const Proposal& proposal, const Enforcement& enforcement) {
    ActionRow row;
    row.name = proposal.name;
    row.subject = Write(ReadSubject(proposal.subject));
    row.gate_subject = proposal.gate_subject.empty() ? GateSubject(row.subject) : proposal.gate_subject;
    row.payload = proposal.payload;
    row.reason = proposal.reason;
    row.level = proposal.level;
    row.automation = proposal.automation;
    row.share = proposal.share;
    row.channel = CheckAction(row.name, row.subject, proposal.channel, enforcement);
    row.risk = RiskOf(row.name);
    row.created_at = pg::Now();
    row.expires_at = row.created_at + enforcement.expire_after;
    row.runs_as = proposal.runs_as;
    row.search_path = proposal.search_path;
    return row;
}

}  // namespace

std::optional<std::string> CheckAction(const std::string& name, const std::string& subject,
                                       const std::optional<std::string>& channel,
                                       const Enforcement& enforcement) {
    RequireActionName(name);
    if (subject.size() > kLongestSubject)
        ThrowInvalid("the subject is too long", "", "At most 500 bytes are allowed.");
    ReadSubject(subject);
    const ActionKind* kind = FindActionKind(name);
    if (!kind) return RequireChannel(name, channel, enforcement);
    if (channel)
        ThrowInvalid("action " + InQuotes(name) + " needs no channel", "Pulse carries it out itself.",
                     "Leave the channel out.");
    RequireSubject(name, *kind, subject);
    return std::nullopt;
}

void CheckPayload(const nlohmann::json& payload) {
    if (!payload.is_object())
        ThrowInvalid("the payload must be a JSON object", "It is " + Shorten(DumpJson(payload), 80) + ".",
                     "Give an object, such as {\"before\": 100}.");
    if (DumpJson(payload).size() > kLongestPayload)
        throw UserError(sqlstate::kProgramLimit, "the payload is too large", "",
                        "At most 100,000 bytes are allowed.");
}

Proposed Propose(const Proposal& proposal, bool dry_run) {
    const Enforcement enforcement = LoadEnforcement();
    CheckPayload(proposal.payload);
    Proposed proposed{RowOf(proposal, enforcement), {}, {}};
    ActionRow& row = proposed.row;
    if (!dry_run) RequireNotFrozen(row.risk);
    if (const auto live = LiveActionOf(row.subject)) ThrowSubjectBusy(row.subject, *live);
    if (!dry_run) {
        row.id = InsertAction(row, proposal.actor, row.created_at);
        // Another session was faster.
        if (row.id == 0) ThrowSubjectBusy(row.subject, LiveActionOf(row.subject).value_or(0));
    }
    proposed.assessed = Assess(row, enforcement, dry_run);
    const Course course = proposed.assessed.course;
    row.state = course.state;
    row.need = course.need;
    if (dry_run) return proposed;
    TakeStep(row,
             {.event = "proposed",
              .state = course.state,
              .need = course.need,
              .actor = proposal.actor,
              .note = proposal.reason},
             &proposed.assessed);
    if (course.need == Need::kConfirmation) {
        const Token token = NewToken(row.id, "confirm", row.attempt, pg::Now() + enforcement.confirm_within);
        proposed.token = token.text;
        proposed.token_expires_at = token.expires_at;
    }
    return proposed;
}

}  // namespace pulse::trust
