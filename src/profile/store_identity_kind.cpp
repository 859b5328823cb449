#include "pulse/profile/store_identity_kind.hpp"

#include <algorithm>

#include "pulse/base/utf8.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr size_t kMostBlocked = 1000;

void CheckName(const std::string& kind) {
    const bool good = !kind.empty() && kind.size() <= 63 && kind[0] >= 'a' && kind[0] <= 'z' &&
                      std::all_of(kind.begin(), kind.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                      });
    if (!good)
        throw UserError(
            sqlstate::kInvalidParameter,
            "\"" + Shorten(kind, 255) + "\" is not a valid name for a kind of ids", "",
            "Names consist of lower-case letters, digits and _, begin with a letter, and have at most 63 "
            "characters, as in loyalty_card.");
    if (kind == "profile")
        throw UserError(sqlstate::kInvalidParameter, "\"profile\" is not a valid name for a kind of ids",
                        "profile:42 names the person with that number.", "Choose another name.");
}

void Check(const IdentityKindRequest& request) {
    CheckName(request.kind);
    const auto& form = request.normalisation;
    if (form && *form != "email" && *form != "phone" && *form != "lower" && *form != "trim")
        throw UserError(sqlstate::kInvalidParameter, "unknown normal form \"" + *form + "\"", "",
                        "Use email, phone, lower or trim.");
    if (request.priority && (*request.priority < 1 || *request.priority > 1000))
        throw UserError(sqlstate::kInvalidParameter,
                        "priority " + std::to_string(*request.priority) + " is out of range", "",
                        "Give a number from 1 to 1000.");
    CheckIdentityKindLimits(request.max_values, request.window, request.blocked);
}

bool HasValues(const std::string& kind) {
    return !pg::Execute("SELECT FROM pulse.identity WHERE kind = $1 LIMIT 1", {Value::Text(kind)}).empty();
}

std::vector<IdentityKind> LoadKinds() {
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    const pg::Result rows = pg::Execute(
        "SELECT kind, normalisation, priority, max_values, coalesce((extract(epoch"
        " FROM per) * 1e6)::bigint, 0), blocked "
        "FROM pulse.identity_kind ORDER BY priority DESC, kind",
        {}, true);
    std::vector<IdentityKind> kinds;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        IdentityKind kind;
        kind.kind = rows[i].Text(0);
        kind.normalisation = rows[i].Text(1);
        kind.priority = rows[i].Int4(2);
        kind.max_values = rows[i].Int4(3);
        kind.window = rows[i].Int8(4);
        SetBlocked(kind, rows[i].Texts(5));
        kinds.push_back(std::move(kind));
    }
    return kinds;
}

}  // namespace

const std::vector<IdentityKind>& IdentityKinds() {
    static pg::Cached<std::vector<IdentityKind>> kinds("identity_kind", LoadKinds);
    return kinds.Get();
}

void CheckIdentityKindLimits(const std::optional<int>& max_values, const std::optional<int64_t>& window,
                             const std::optional<std::vector<std::string>>& blocked) {
    if (max_values && (*max_values < 0 || *max_values > 1000))
        throw UserError(sqlstate::kInvalidParameter,
                        "max_values " + std::to_string(*max_values) + " is out of range", "",
                        "Give a number from 1 to 1000, or 0 for no limit.");
    if (window && *window < 0)
        throw UserError(sqlstate::kInvalidParameter, "\"per\" must not be negative", "",
                        "Give an interval such as '7 days', or '0' to count values for ever.");
    if (!blocked) return;
    if (blocked->size() > kMostBlocked)
        throw UserError(
            sqlstate::kInvalidParameter, "too many blocked values",
            std::to_string(blocked->size()) + " values were given.",
            "At most " + std::to_string(kMostBlocked) + " are allowed; * matches any characters.");
    for (const std::string& value : *blocked) {
        if (value.empty() || value.size() > 255)
            throw UserError(sqlstate::kInvalidParameter, "a blocked value must have 1 to 255 characters", "",
                            "Blank values are never accepted as ids.");
        if (value.find_first_not_of('*') == std::string::npos)
            throw UserError(sqlstate::kInvalidParameter, "\"" + value + "\" would block every value", "",
                            "Drop the kind, or do not send ids of it.");
    }
}

void SetIdentityKind(const IdentityKindRequest& request) {
    Check(request);
    // If two sessions create the same kind, the second changes the kind that the first created.
    pg::Execute("LOCK TABLE pulse.identity_kind IN SHARE ROW EXCLUSIVE MODE");
    const Value kind = Value::Text(request.kind);
    const pg::Result known =
        pg::Execute("SELECT normalisation FROM pulse.identity_kind WHERE kind = $1", {kind});
    if (!known.empty() && request.normalisation && known[0].Text(0) != *request.normalisation &&
        HasValues(request.kind))
        throw UserError(sqlstate::kNotReady, "ids of kind \"" + request.kind + "\" exist",
                        "They would not be found in another normal form.", "Create a new kind.");
    if (known.empty())
        pg::Execute("INSERT INTO pulse.identity_kind (kind, priority) VALUES ($1, 50)", {kind});
    const auto number = [](const std::optional<int>& n) {
        return n ? Value::Int4(*n) : Value::Null(INT4OID);
    };
    pg::Execute(
        "UPDATE pulse.identity_kind SET normalisation = coalesce($2, normalisation), priority ="
        " coalesce($3, priority), "
        "max_values = coalesce($4, max_values), per = CASE WHEN $5 IS NULL THEN per WHEN $5 = 0 THEN NULL "
        "ELSE justify_hours($5 * interval '1 microsecond') END, "
        "blocked = coalesce($6, blocked) WHERE kind = $1",
        {kind, Value::Text(request.normalisation), number(request.priority), number(request.max_values),
         Value::Int8(request.window),
         request.blocked ? Value::Texts(*request.blocked) : Value::Null(TEXTARRAYOID)});
}

void DropIdentityKind(const std::string& kind) {
    pg::Execute("LOCK TABLE pulse.identity_kind IN SHARE ROW EXCLUSIVE MODE");
    const pg::Result known =
        pg::Execute("SELECT built_in FROM pulse.identity_kind WHERE kind = $1", {Value::Text(kind)});
    if (known.empty())
        throw UserError(sqlstate::kUndefinedObject,
                        "kind of ids \"" + Shorten(kind, 255) + "\" does not exist", "",
                        "pulse.identity_kind lists all kinds.");
    if (known[0].Bool(0))
        throw UserError(sqlstate::kNotReady, "kind \"" + kind + "\" is built in", "",
                        "Do not send ids of this kind, or change it by pulse_set_identity_kind().");
    if (HasValues(kind))
        throw UserError(sqlstate::kNotReady, "ids of kind \"" + kind + "\" exist", "",
                        "A kind can be dropped only while it has no ids.");
    pg::Execute("DELETE FROM pulse.identity_kind WHERE kind = $1", {Value::Text(kind)});
}

}  // namespace pulse::profile
