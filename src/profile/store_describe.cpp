// Describing one person, and searching people by the beginning of their ids.
#include "pulse/profile/store_describe.hpp"

#include "pulse/base/ascii.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_identity_resolution.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr const char* kDescribe =
    "WITH part AS MATERIALIZED (SELECT p.id FROM pulse.profile AS p WHERE p.canonical_id = $1), "
    "seen AS MATERIALIZED (SELECT e.name, e.time FROM part JOIN pulse.event AS e ON e.profile_id = part.id"
    " WHERE e.time <= $2) "
    "SELECT jsonb_build_object('profile_id', v.profile_id, 'as_of', $2, 'bucketing_id', v.bucketing_id,"
    " 'lifecycle', v.lifecycle, "
    "'first_seen_at', v.first_seen_at, 'last_seen_at', v.last_seen_at, 'attributes', v.attributes, "
    "'identities', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', i.kind, 'value', i.value, 'since',"
    " i.first_seen_at, 'profile_id', i.profile_id) "
    "ORDER BY k.priority DESC NULLS LAST, i.kind, i.first_seen_at, i.value), '[]') FROM part"
    " JOIN pulse.identity AS i ON i.profile_id = part.id "
    "LEFT JOIN pulse.identity_kind AS k ON k.kind = i.kind), "
    "'account', (SELECT jsonb_build_object('key', a.key, 'attributes', a.attributes, 'since', (SELECT"
    " min(m.since) FROM part "
    "JOIN pulse.account_member AS m ON m.account_id = a.id AND m.profile_id = part.id))"
    " FROM pulse.account AS a WHERE a.key = v.account), "
    "'events', (SELECT jsonb_build_object('last_24h', count(*) FILTER (WHERE s.time > $2 - interval '24"
    " hours'), "
    "'last_7d', count(*) FILTER (WHERE s.time > $2 - interval '7 days'), 'last_30d', count(*) FILTER (WHERE"
    " s.time > $2 - interval '30 days'), "
    "'total', count(*)) FROM seen AS s), "
    "'events_by_name', (SELECT coalesce(jsonb_object_agg(n.name, jsonb_build_object('count', n.count,"
    " 'last_at', n.last_at)), '{}') "
    "FROM (SELECT s.name, count(*) AS count, max(s.time) AS last_at FROM seen AS s GROUP BY s.name"
    " ORDER BY count(*) DESC, s.name LIMIT 100) AS n), "
    "'recent_events', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'time', r.time, 'name',"
    " r.name, 'type', r.type, 'properties', r.properties, "
    "'profile_id', r.profile_id) ORDER BY r.time DESC, r.id DESC), '[]') FROM (SELECT e.* FROM part"
    " JOIN pulse.event AS e ON e.profile_id = part.id "
    "WHERE e.time <= $2 ORDER BY e.time DESC, e.id DESC LIMIT 50) AS r), "
    "'merged', (SELECT coalesce(jsonb_agg(jsonb_build_object('merge', h.id, 'profile_id', h.merged_id,"
    " 'into', h.survivor_id, 'at', h.merged_at, "
    "'reason', h.reason, 'linked_by', h.linked_by, 'done_by', h.done_by) ORDER BY h.id), '[]') FROM part"
    " JOIN pulse.merge_history AS h "
    "ON h.merged_id = part.id AND h.undone_at IS NULL))::text FROM pulse.person AS v WHERE v.profile_id = $1";

// The character after a UTF-8 character; it sorts after all texts that begin with the latter. Empty if there
// is none, or if the argument is not a character.
std::string NextCharacter(std::string_view character) {
    const size_t length = character.size();
    if (length < 2 || length > 4) return "";
    uint32_t code = static_cast<unsigned char>(character[0]) & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(character[i]) & 0x3fu);
    ++code;
    if (code == 0xd800) code = 0xe000;
    if (code > 0x10ffff) return "";
    if (code == 0x800 || code == 0x10000) return code == 0x800 ? "\xe0\xa0\x80" : "\xf0\x90\x80\x80";
    std::string next(length, '\0');
    for (size_t i = length; i-- > 1; code >>= 6) next[i] = static_cast<char>(0x80 | (code & 0x3f));
    next[0] = static_cast<char>((0xf00u >> length & 0xf0u) | code);
    return next;
}

// The first text after all texts that begin with `prefix`, by byte order; empty: unknown.
std::string After(std::string prefix) {
    while (!prefix.empty()) {
        size_t begin = prefix.size() - 1;
        if (static_cast<unsigned char>(prefix[begin]) < 0x7e) {
            ++prefix.back();
            return prefix;
        }
        while (begin > 0 && (prefix[begin] & 0xc0) == 0x80) --begin;
        const std::string next = NextCharacter(std::string_view(prefix).substr(begin));
        prefix.resize(begin);
        if (!next.empty()) return prefix + next;
    }
    return prefix;
}

// The beginning of an id, in the normal form of its kind.
std::string PrefixForm(const IdentityKind& kind, const std::string& query) {
    // A complete id has a normal form; a part of one is normalised as far as possible.
    if (const Normalised form = NormalForm(kind.normalisation, query); form.value) return *form.value;
    const Normalised plain = NormalForm(kind.normalisation == "trim" ? "trim" : "lower", query);
    if (!plain.value) return "";
    if (kind.normalisation != "phone") return *plain.value;
    std::string digits;
    for (const char c : *plain.value) {
        if (IsDigit(c) || (c == '+' && digits.empty()))
            digits += c;
        else if (c != ' ' && c != '-' && c != '(' && c != ')' && c != '.' && c != '/')
            return "";
    }
    if (digits.starts_with("00")) digits.replace(0, 2, "+");
    return digits;
}

}  // namespace

std::string DescribePerson(int64_t person) {
    static pg::Statement statement(kDescribe, {INT8OID, TIMESTAMPTZOID});
    static pg::Statement with_more("SELECT ($1::jsonb || $2::jsonb)::text", {TEXTOID, TEXTOID});
    const pg::Result rows = statement.Execute({Value::Int8(person), Value::Time(pg::Now())}, true);
    if (rows.empty() || rows[0].IsNull(0))
        throw UserError(sqlstate::kUndefinedObject, "profile " + std::to_string(person) + " does not exist",
                        "", "");
    std::string text = rows[0].Text(0);
    std::vector<std::string> details;
    AddPersonDetails(person, details);
    for (const std::string& object : details)
        text = with_more.Execute({Value::Text(text), Value::Text(object)}, true)[0].Text(0);
    return text;
}

pg::Result SearchPeople(const std::string& query, int max, int skip) {
    static pg::Statement statement(
        "SELECT h.person, h.kind, h.value, (SELECT i.value FROM pulse.profile AS p"
        " JOIN pulse.identity AS i ON i.profile_id = p.id AND i.kind = 'user_id' "
        "WHERE p.canonical_id = h.person ORDER BY i.first_seen_at, i.value LIMIT 1), "
        "(SELECT i.value FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id"
        " AND i.kind = 'email' "
        "WHERE p.canonical_id = h.person ORDER BY i.first_seen_at, i.value LIMIT 1), "
        "(SELECT min(p.first_seen_at) FROM pulse.profile AS p WHERE p.canonical_id = h.person) "
        "FROM (SELECT DISTINCT ON (p.canonical_id) p.canonical_id AS person, f.n, f.kind, f.value FROM ("
        "SELECT k.n, k.kind, v.value, v.profile_id FROM unnest($1, $2, $3) WITH ORDINALITY AS k (kind, low,"
        " high, n) "
        "CROSS JOIN LATERAL (SELECT i.value, i.profile_id FROM pulse.identity AS i WHERE i.kind = k.kind"
        " AND i.value >= k.low "
        "AND i.value < k.high AND starts_with(i.value, k.low) ORDER BY i.value LIMIT $4) AS v"
        " WHERE k.high <> '' "
        "UNION ALL SELECT k.n, k.kind, v.value, v.profile_id FROM unnest($1, $2, $3) WITH ORDINALITY AS k"
        " (kind, low, high, n) "
        "CROSS JOIN LATERAL (SELECT i.value, i.profile_id FROM pulse.identity AS i WHERE i.kind = k.kind"
        " AND i.value >= k.low "
        "AND starts_with(i.value, k.low) ORDER BY i.value LIMIT $4) AS v WHERE k.high = '') AS f "
        "JOIN pulse.profile AS p ON p.id = f.profile_id ORDER BY p.canonical_id, f.n, f.value) AS h"
        " ORDER BY h.n, h.value LIMIT $5 OFFSET $6",
        {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8OID, INT8OID, INT8OID});
    std::vector<std::string> kinds, low, high;
    for (const IdentityKind& kind : IdentityKinds()) {
        const std::string prefix = PrefixForm(kind, query);
        if (prefix.empty()) continue;
        kinds.push_back(kind.kind);
        low.push_back(prefix);
        high.push_back(After(prefix));
    }
    // Several ids of one person may match: read that many more rows.
    const int64_t look = 4 * (static_cast<int64_t>(max) + skip) + 100;
    return statement.Execute({Value::Texts(kinds), Value::Texts(low), Value::Texts(high), Value::Int8(look),
                              Value::Int8(max), Value::Int8(skip)},
                             true);
}

pg::Result IdentityGraph(int64_t person) {
    static pg::Statement statement(
        "SELECT i.kind, i.value, i.profile_id, i.first_seen_at, h.id, h.merged_at, h.reason, h.linked_by"
        " FROM pulse.profile AS p "
        "JOIN pulse.identity AS i ON i.profile_id = p.id LEFT"
        " JOIN pulse.identity_kind AS k ON k.kind = i.kind "
        "LEFT JOIN LATERAL (SELECT m.* FROM pulse.merge_history AS m WHERE m.merged_id = p.id"
        " AND m.undone_at IS NULL ORDER BY m.id LIMIT 1) AS h ON true "
        "WHERE p.canonical_id = $1 ORDER BY p.id <> p.canonical_id, p.id, k.priority DESC NULLS LAST,"
        " i.kind, i.first_seen_at, i.value",
        {INT8OID});
    return statement.Execute({Value::Int8(person)}, true);
}

}  // namespace pulse::profile
