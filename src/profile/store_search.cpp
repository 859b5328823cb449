// Searching people by their ids.
#include "pulse/profile/store_search.hpp"

#include <algorithm>
#include <charconv>

#include "pulse/base/ascii.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_index_scan.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

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

// For each kind, where the ids that begin with the query are in the index; an empty `high`: up to the end.
struct Ranges {
    std::vector<std::string> kinds, low, high;
};

Ranges RangesOf(const std::string& query) {
    Ranges ranges;
    for (const IdentityKind& kind : IdentityKinds()) {
        const std::string prefix = PrefixForm(kind, query);
        if (prefix.empty()) continue;
        ranges.kinds.push_back(kind.kind);
        ranges.low.push_back(prefix);
        ranges.high.push_back(After(prefix));
    }
    return ranges;
}

// Whether an administrator created an index of trigrams (extension pg_trgm).
bool HasTrigramIndex() {
    static pg::Statement statement(
        "SELECT FROM pg_index AS x JOIN pg_opclass AS o ON o.oid = x.indclass[0]"
        " WHERE x.indrelid = 'pulse.identity'::regclass AND x.indisvalid AND x.indpred IS NULL"
        " AND o.opcname IN ('gin_trgm_ops', 'gist_trgm_ops') AND x.indkey[0] = (SELECT a.attnum"
        " FROM pg_attribute AS a WHERE a.attrelid = x.indrelid AND a.attname = 'value')",
        {});
    return !statement.Execute({}, true).empty();
}

// A pattern of ILIKE for texts that contain this one.
std::string Containing(const std::string& text) {
    std::string pattern = "%";
    for (const char c : text) {
        if (c == '%' || c == '_' || c == '\\') pattern += '\\';
        pattern += c;
    }
    return pattern + "%";
}

void AddProfiles(const pg::Result& rows, std::vector<int64_t>& profiles) {
    for (uint64_t i = 0; i < rows.size(); ++i) profiles.push_back(rows[i].Int8(0));
}

void FindByBeginning(const std::string& query, std::vector<int64_t>& profiles) {
    static pg::Statement statement(
        "SELECT v.profile_id FROM unnest($1, $2, $3) AS k (kind, low, high) CROSS JOIN LATERAL (SELECT"
        " i.profile_id FROM pulse.identity AS i WHERE i.kind = k.kind AND i.value >= k.low"
        " AND i.value < k.high AND starts_with(i.value, k.low) ORDER BY i.value LIMIT $4) AS v"
        " WHERE k.high <> '' UNION ALL SELECT v.profile_id FROM unnest($1, $2, $3) AS k (kind, low, high)"
        " CROSS JOIN LATERAL (SELECT i.profile_id FROM pulse.identity AS i WHERE i.kind = k.kind"
        " AND i.value >= k.low AND starts_with(i.value, k.low) ORDER BY i.value LIMIT $4) AS v"
        " WHERE k.high = ''",
        {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8OID});
    const ForceIndexScans force_index;
    const Ranges ranges = RangesOf(query);
    AddProfiles(statement.Execute({Value::Texts(ranges.kinds), Value::Texts(ranges.low),
                                   Value::Texts(ranges.high), Value::Int8(kMostFound + 1)},
                                  true),
                profiles);
}

// Returns whether all ids were looked at.
bool FindByPart(const std::string& query, std::vector<int64_t>& profiles) {
    constexpr size_t kTrigram = 3;
    if (query.size() >= kTrigram && HasTrigramIndex()) {
        static pg::Statement indexed(
            "SELECT i.profile_id FROM pulse.identity AS i WHERE i.value ILIKE $1 LIMIT $2",
            {TEXTOID, INT8OID});
        const pg::Identity owner = pg::Identity::Owner();
        pg::SetLocally("enable_seqscan", "off");
        AddProfiles(indexed.Execute({Value::Text(Containing(query)), Value::Int8(kMostFound + 1)}, true),
                    profiles);
        return true;
    }
    static pg::Statement newest(
        "SELECT n.profile_id FROM (SELECT i.profile_id, i.value FROM pulse.identity AS i"
        " ORDER BY i.profile_id DESC, i.kind DESC, i.first_seen_at DESC LIMIT $3) AS n"
        " WHERE n.value ILIKE $1 LIMIT $2",
        {TEXTOID, INT8OID, INT8OID});
    static pg::Statement more(
        "SELECT FROM pulse.identity AS i ORDER BY i.profile_id DESC, i.kind DESC, i.first_seen_at DESC"
        " OFFSET $1 LIMIT 1",
        {INT8OID});
    const ForceIndexScans force_index;
    AddProfiles(
        newest.Execute(
            {Value::Text(Containing(query)), Value::Int8(kMostFound + 1), Value::Int8(kMostLookedAt)}, true),
        profiles);
    return more.Execute({Value::Int8(kMostLookedAt)}, true).empty();
}

}  // namespace

FoundPeople FindPeople(const std::string& query) {
    static pg::Statement persons(
        "SELECT DISTINCT p.canonical_id FROM unnest($1) AS f (id) JOIN pulse.profile AS p ON p.id = f.id"
        " ORDER BY 1",
        {INT8ARRAYOID});
    FoundPeople found;
    std::vector<int64_t> profiles;
    FindByBeginning(query, profiles);
    found.complete = FindByPart(query, profiles) && profiles.size() <= kMostFound;
    int64_t number = 0;
    const auto [end, problem] = std::from_chars(query.data(), query.data() + query.size(), number);
    if (problem == std::errc() && end == query.data() + query.size()) profiles.push_back(number);
    const ForceIndexScans force_index;
    AddProfiles(persons.Execute({Value::Int8s(profiles)}, true), found.people);
    if (found.people.size() > kMostFound) found.people.resize(kMostFound);
    return found;
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
    const Ranges ranges = RangesOf(query);
    // Several ids of one person may match: read that many more rows.
    const int64_t look = 4 * (static_cast<int64_t>(max) + skip) + 100;
    return statement.Execute({Value::Texts(ranges.kinds), Value::Texts(ranges.low), Value::Texts(ranges.high),
                              Value::Int8(look), Value::Int8(max), Value::Int8(skip)},
                             true);
}

}  // namespace pulse::profile
