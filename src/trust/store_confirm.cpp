// Tokens: a person confirms that a limit may be exceeded, a receiver reports an outcome. Only hashes are
// kept.
#include <openssl/evp.h>

#include <array>
#include <new>

#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trust/store_action.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr size_t kTokenBytes = 32;
constexpr const char* kConfirmPurpose = "confirm";
constexpr const char* kOutcomePurpose = "outcome";
constexpr size_t kLongestResult = 10'000;

std::string Hex(std::string_view bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += kDigits[(byte >> 4) & 15];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string HashOf(const std::string& token) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc();
    return {reinterpret_cast<const char*>(digest.data()), size};
}

Value Bytes(const std::string& bytes) {
    return {BYTEAOID, pg::FromBytes(bytes), false};
}

[[noreturn]] void ThrowBadToken() {
    throw UserError(sqlstate::kInsufficientPrivilege, "the token is not valid",
                    "It is wrong, was used, or has expired.",
                    "A token confirms one action, once: pulse_request_confirmation() gives another one.");
}

// The action that the token is for; it is not used up yet.
std::optional<int64_t> ActionOf(const std::string& token, const char* purpose) {
    static pg::Statement statement(
        "SELECT action_id FROM pulse.action_token WHERE hash = $1 AND purpose = $2 AND expires_at > $3"
        " AND valid_until > clock_timestamp()",
        {BYTEAOID, TEXTOID, TIMESTAMPTZOID});
    const pg::Result rows =
        statement.Execute({Bytes(HashOf(token)), Value::Text(purpose), Value::Time(pg::Now())});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

// Uses the token up, with the row of its action locked. `attempt`: the only one that counts.
void UseToken(const ActionRow& row, const std::string& token, const char* purpose) {
    static pg::Statement statement(
        "DELETE FROM pulse.action_token WHERE hash = $1 AND action_id = $2 AND purpose = $3 AND expires_at > $4"
        " AND attempt = $5 AND valid_until > clock_timestamp()",
        {BYTEAOID, INT8OID, TEXTOID, TIMESTAMPTZOID, INT8OID});
    if (statement
            .Execute({Bytes(HashOf(token)), Value::Int8(row.id), Value::Text(purpose), Value::Time(pg::Now()),
                      Value::Int8(row.attempt)})
            .processed() == 0)
        ThrowBadToken();
}

[[noreturn]] void ThrowNotWaiting(const ActionRow& row, const std::string& hint) {
    throw UserError(sqlstate::kNotReady,
                    "action " + std::to_string(row.id) + " does not wait for a confirmation",
                    std::string("It is ") + Name(row.state) +
                        (row.need == Need::kNone ? "." : std::string(" and needs ") + Name(row.need) + "."),
                    hint);
}

void RequireNeedsConfirmation(const ActionRow& row) {
    if (row.state != State::kPending || row.need != Need::kConfirmation)
        ThrowNotWaiting(row,
                        "Only an action that exceeds a limit needs one; pulse.action says what it needs.");
    RequireNotFrozen(row.risk);
}

}  // namespace

Token NewToken(int64_t action, const char* purpose, int attempt, Moment expires_at) {
    const Token token{"act_" + Hex(pg::RandomBytes(kTokenBytes)), expires_at};
    if (purpose == std::string_view(kConfirmPurpose))
        pg::Execute("DELETE FROM pulse.action_token WHERE action_id = $1 AND purpose = $2",
                    {Value::Int8(action), Value::Text(purpose)});
    pg::Execute(
        "INSERT INTO pulse.action_token (hash, action_id, purpose, attempt, expires_at, valid_until)"
        " VALUES ($1, $2, $3, $4, $5, clock_timestamp() + ($5 - $6))",
        {Bytes(HashOf(token.text)), Value::Int8(action), Value::Text(purpose), Value::Int8(attempt),
         Value::Time(expires_at), Value::Time(pg::Now())});
    return token;
}

void EndTokens(int64_t action) {
    static pg::Statement statement("DELETE FROM pulse.action_token WHERE action_id = $1", {INT8OID});
    statement.Execute({Value::Int8(action)});
}

Token RequestConfirmation(int64_t id, std::vector<std::string>& violations) {
    const ActionRow row = LockAction(id);
    RequireNeedsConfirmation(row);
    const Enforcement enforcement = LoadEnforcement();
    violations = CheckLimits(row, enforcement).violations;
    return NewToken(id, kConfirmPurpose, row.attempt, pg::Now() + enforcement.confirm_within);
}

Decided Confirm(int64_t id, const std::string& token, const std::string& reason, const std::string& actor) {
    ActionRow row = LockAction(id);
    RequireNeedsConfirmation(row);
    UseToken(row, token, kConfirmPurpose);
    pg::Execute("UPDATE pulse.action SET confirmed_at = $2, confirmed_by = $3 WHERE id = $1",
                {Value::Int8(id), Value::Time(pg::Now()), Value::Text(actor)});
    row.confirmed = true;
    Decided decided{row, Assess(row, LoadEnforcement(), false)};
    const Course course = decided.assessed.course;
    TakeStep(
        decided.row,
        {.event = "confirmed", .state = course.state, .need = course.need, .actor = actor, .note = reason},
        &decided.assessed);
    return decided;
}

Decided ReportOutcome(std::optional<int64_t> id, const std::string& token, const std::string& outcome,
                      const std::optional<std::string>& note, const std::optional<nlohmann::json>& result,
                      const std::string& actor) {
    if (outcome != "applied" && outcome != "failed")
        ThrowInvalid("\"outcome\" is unknown", "It is " + InQuotes(outcome.substr(0, 100)) + ".",
                     "Report applied or failed.");
    if (result && DumpJson(*result).size() > kLongestResult)
        throw UserError(sqlstate::kProgramLimit, "the result is too large", "",
                        "At most 10,000 bytes are allowed.");
    const std::optional<int64_t> found = ActionOf(token, kOutcomePurpose);
    if (!found || (id && *id != *found)) ThrowBadToken();
    ActionRow row = LockAction(*found);
    if (row.state != State::kApplying) ThrowNotWaiting(row, "Its receiver need not report any more.");
    UseToken(row, token, kOutcomePurpose);
    const bool applied = outcome == "applied";
    pg::Execute(
        "UPDATE pulse.action SET result = $2, error = $3 WHERE id = $1",
        {Value::Int8(row.id), result ? Value::Jsonb(*result) : Value::Null(JSONBOID),
         applied ? Value::Null(TEXTOID) : Value::Text(note.value_or("the receiver reported a failure"))});
    Decided decided{row, {}};
    TakeStep(decided.row,
             {.event = applied ? "applied" : "failed",
              .state = applied ? State::kApplied : State::kFailed,
              .actor = actor,
              .note = note},
             nullptr);
    return decided;
}

}  // namespace pulse::trust
