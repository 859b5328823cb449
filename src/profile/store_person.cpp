#include "pulse/profile/store_person.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "pulse/base/utf8.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/profile/store_identity_kind.hpp"

namespace pulse::profile {

namespace {

std::optional<int64_t> FindProfile(const std::string& kind, const std::string& value) {
    static const pg::Probe probe("identity", "identity_pkey", {3});
    const auto row = probe.Find({pg::FromText(kind), pg::FromText(value)});
    if (!row) return std::nullopt;
    return DatumGetInt64(row->front().datum);
}

std::optional<int64_t> FindValue(const IdentityKind& kind, const std::string& raw) {
    const Normalised form = NormalForm(kind.normalisation, raw);
    return form.value ? FindProfile(kind.kind, *form.value) : std::nullopt;
}

const IdentityKind* FindKind(std::string_view name) {
    for (const IdentityKind& kind : IdentityKinds())
        if (kind.kind == name) return &kind;
    return nullptr;
}

// Parse kind:value; a null kind for a text of another form.
std::pair<const IdentityKind*, std::string> SplitKind(const std::string& user) {
    const size_t colon = user.find(':');
    if (colon == std::string::npos) return {nullptr, user};
    return {FindKind(user.substr(0, colon)), user.substr(colon + 1)};
}

// Parse kind:value and profile:42; nothing for a text of another form.
struct PrefixedId {
    std::optional<int64_t> profile;
};
std::optional<PrefixedId> FindPrefixed(const std::string& user) {
    const auto [kind, rest] = SplitKind(user);
    if (kind) return PrefixedId{FindValue(*kind, rest)};
    if (!user.starts_with("profile:")) return std::nullopt;
    int64_t id = 0;
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
    if (problem != std::errc() || end != rest.data() + rest.size()) return PrefixedId{};
    return PrefixedId{id};
}

std::optional<int64_t> FindByAnyKind(const std::string& user) {
    // A user id that looks like profile:42 must not find another person.
    if (const auto prefixed = FindPrefixed(user)) return prefixed->profile;
    for (const char* first : {"user_id", "anonymous_id"}) {
        const IdentityKind* kind = FindKind(first);
        if (!kind) continue;
        if (const auto profile = FindValue(*kind, user)) return profile;
    }
    for (const IdentityKind& kind : IdentityKinds()) {
        if (kind.kind == "user_id" || kind.kind == "anonymous_id") continue;
        if (const auto profile = FindValue(kind, user)) return profile;
    }
    return std::nullopt;
}

pg::Value AccountAttributes(const pg::Value& account) {
    static const pg::Probe probe("account", "account_pkey", {3});
    if (!account.null)
        if (const auto row = probe.Find({account.datum})) return row->front();
    return pg::Value::EmptyJsonb();
}

}  // namespace

std::optional<Person> FindPerson(int64_t profile) {
    static const pg::Probe probe("profile", "profile_pkey", {2, 3, 4, 5, 6});
    auto row = probe.Find({Int64GetDatum(profile)});
    if (row && DatumGetInt64((*row)[0].datum) != profile) row = probe.Find({(*row)[0].datum});
    if (!row) return std::nullopt;
    return Person{DatumGetInt64((*row)[0].datum), pg::ToText((*row)[1].datum), (*row)[2],
                  AccountAttributes((*row)[3]), DatumGetTimestampTz((*row)[4].datum)};
}

std::optional<Person> FindPerson(const std::string& user) {
    const auto profile = FindByAnyKind(user);
    return profile ? FindPerson(*profile) : std::nullopt;
}

std::optional<int64_t> FindProfileOfId(const std::string& user) {
    return FindByAnyKind(user);
}

Person RequirePerson(const std::string& user) {
    if (auto person = FindPerson(user)) return std::move(*person);
    throw UserError(
        sqlstate::kUndefinedObject, "no person with the id \"" + Shorten(user, 255) + "\"", "",
        "Give a user id, an anonymous id, another id with its kind, as in email:ann@example.com, or "
        "a profile number, as in profile:42.");
}

std::string StoredForm(const std::string& user) {
    const auto [prefix, rest] = SplitKind(user);
    const IdentityKind* const kind = prefix ? prefix : FindKind("user_id");
    const Normalised form = kind ? NormalForm(kind->normalisation, prefix ? rest : user) : Normalised{};
    return form.value.value_or(user);
}

std::set<int64_t> ExistedAt(const std::vector<int64_t>& people, Moment at) {
    static pg::Statement statement(
        "SELECT d.id FROM unnest($1) AS d (id) WHERE EXISTS (SELECT FROM pulse.profile AS o"
        " WHERE o.canonical_id = d.id AND (o.first_seen_at <= $2 OR EXISTS (SELECT FROM pulse.archived_profile"
        " AS a WHERE a.profile_id = o.id AND a.first_at <= $2) OR EXISTS (SELECT FROM pulse.event AS e"
        " WHERE NOT e.archived AND e.profile_id = o.id AND e.time <= $2)) OFFSET 0)",
        {INT8ARRAYOID, TIMESTAMPTZOID});
    const ForceIndexScans force_index;
    const pg::Session session;
    const pg::Result rows = statement.Execute({pg::Value::Int8s(people), pg::Value::Time(at)}, true);
    std::set<int64_t> existed;
    for (uint64_t i = 0; i < rows.size(); ++i) existed.insert(rows[i].Int8(0));
    return existed;
}

bool ExistedAt(const Person& person, Moment at) {
    return person.first_seen_at <= at || !ExistedAt(std::vector<int64_t>{person.id}, at).empty();
}

}  // namespace pulse::profile
