// Membership, consent and identifiers of people, read together.
#include "pulse/audience/store_wanted.hpp"

#include <algorithm>

#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/text_store.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/reader.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr int kKeysAtOnce = 10'000;

// A stored state that is not valid at the moment is evaluated, as in pulse.membership.
#define PULSE_IS_MEMBER                                                                               \
    "CASE WHEN $7 THEN EXISTS (SELECT FROM pulse.audience_scan AS x WHERE x.audience_id = $6"         \
    " AND x.profile_id = u.id)"                                                                       \
    " WHEN t.profile_id IS NULL THEN false"                                                           \
    " WHEN t.as_of <= $3 AND (t.next_change_at IS NULL OR t.next_change_at > $3) THEN EXISTS (SELECT" \
    " FROM pulse.member AS m WHERE m.segment_id = $2 AND m.profile_id = u.id)"                        \
    " ELSE EXISTS (SELECT FROM pulse.evaluate_segments(u.id, false) AS e WHERE e.segment_id = $2) END"

// Names under which senders give attributes. Values of other types than text and number are left out.
#define PULSE_ATTRIBUTE(kind, ...)                                                      \
    "(" kind ", ARRAY(SELECT p.attributes ->> k.k FROM unnest(ARRAY[" __VA_ARGS__       \
    "]) AS k (k) WHERE jsonb_typeof(p.attributes -> k.k) IN ('string', 'number'))"      \
    " || ARRAY(SELECT p.attributes -> 'address' ->> k.k FROM unnest(ARRAY[" __VA_ARGS__ \
    "]) AS k (k) WHERE jsonb_typeof(p.attributes -> 'address' -> k.k) IN ('string', 'number')))"

// $1 people, $2 segment, $3 now, $4 purposes, $5 kinds, $6 audience, $7 of a relation
constexpr const char* kWanted =
    "SELECT u.id, CASE WHEN p.id IS NULL THEN false ELSE " PULSE_IS_MEMBER " END,"
    " (SELECT array_agg(CASE WHEN c.purpose IS NULL THEN 'none' WHEN c.live @> $3 THEN 'granted' ELSE"
    " 'refused' END ORDER BY q.n) FROM unnest($4) WITH ORDINALITY AS q (purpose, n) LEFT JOIN pulse.consent"
    " AS c ON c.profile_id = u.id AND c.purpose = q.purpose), coalesce(v.kinds, '{}'), coalesce(v.texts, '{}')"
    " FROM unnest($1) WITH ORDINALITY AS u (id, n)"
    " LEFT JOIN pulse.profile AS p ON p.id = u.id AND p.canonical_id = p.id"
    " LEFT JOIN pulse.profile_state AS t ON t.profile_id = u.id"
    " LEFT JOIN LATERAL (SELECT array_agg(w.kind ORDER BY w.kind, w.text) AS kinds,"
    " array_agg(w.text ORDER BY w.kind, w.text) AS texts FROM ("
    "SELECT CASE i.kind WHEN 'user_id' THEN 'external_id' WHEN 'device_id' THEN 'mobile_ad_id'"
    " WHEN 'gaid' THEN 'aaid' ELSE i.kind END AS kind, i.value AS text"
    " FROM (SELECT o.id FROM pulse.profile AS o WHERE o.canonical_id = p.id OFFSET 0) AS own"
    " CROSS JOIN LATERAL (SELECT n.kind, n.value FROM pulse.identity AS n WHERE n.profile_id = own.id"
    " OFFSET 0) AS i"
    " UNION SELECT a.kind, x.text FROM (VALUES "
    PULSE_ATTRIBUTE("'email'", "'email'") ", "
    PULSE_ATTRIBUTE("'phone'", "'phone'") ", "
    PULSE_ATTRIBUTE("'first_name'", "'first_name', 'firstName'") ", "
    PULSE_ATTRIBUTE("'last_name'", "'last_name', 'lastName'") ", "
    PULSE_ATTRIBUTE("'city'", "'city'") ", "
    PULSE_ATTRIBUTE("'state'", "'state', 'region'") ", "
    PULSE_ATTRIBUTE("'postal_code'", "'postal_code', 'postalCode', 'zip'") ", "
    PULSE_ATTRIBUTE("'country'", "'country'") ", "
    PULSE_ATTRIBUTE("'gender'", "'gender'") ", "
    PULSE_ATTRIBUTE("'birth_date'", "'birth_date', 'birthday', 'birthDate'")
    ") AS a (kind, texts) CROSS JOIN LATERAL unnest(a.texts) AS x (text)) AS w"
    " WHERE w.kind = ANY ($5) AND w.text <> '') AS v ON p.id IS NOT NULL ORDER BY u.n";

// Parts of a birth date and the first letter of a name are made of other values.
std::vector<std::string> KindsToRead(const Destination& destination) {
    std::vector<std::string> names;
    bool country = false;
    for (const IdentifierKind kind : destination.identifiers) {
        switch (kind) {
            case IdentifierKind::kBirthYear:
            case IdentifierKind::kBirthMonth:
            case IdentifierKind::kBirthDay: names.emplace_back(Name(IdentifierKind::kBirthDate)); break;
            case IdentifierKind::kFirstInitial: names.emplace_back(Name(IdentifierKind::kFirstName)); break;
            case IdentifierKind::kState:
            case IdentifierKind::kPostalCode: country = true; [[fallthrough]];
            default: names.emplace_back(Name(kind));
        }
    }
    // It decides how states and postal codes are normalised.
    if (country) names.emplace_back(Name(IdentifierKind::kCountry));
    return names;
}

// All purposes must be granted; where the destination sends without consent, none may be refused.
Fit JudgeConsent(const std::vector<std::string>& states, size_t required, bool without) {
    Fit fit = Fit::kWanted;
    for (size_t i = 0; i < required; ++i) {
        if (states[i] == "refused") return Fit::kRefused;
        if (states[i] == "none" && !without) fit = Fit::kNoConsent;
    }
    return fit;
}

// What Google is told. `ads` and `personal`: the states of these purposes.
ConsentState StateOf(const std::string& ads, const std::string& personal) {
    if (ads != "granted") return ConsentState::kUnstated;
    return personal == "granted" ? ConsentState::kGranted : ConsentState::kAds;
}

WantedPerson Judge(const pg::Row& row, const Audience& audience, const Destination& destination) {
    WantedPerson wanted;
    wanted.person = row.Int8(0);
    if (!row.Bool(1)) return wanted;
    const std::vector<std::string> states = row.Texts(2);
    const size_t required = audience.purposes.size();
    wanted.fit = JudgeConsent(states, required, destination.sends_without_consent);
    const std::string &ads = states[required], &personal = states[required + 1];
    // A person who has refused one of the two is not sent to Google at all.
    if (destination.platform == Platform::kGoogle && (ads == "refused" || personal == "refused"))
        wanted.fit = Fit::kRefused;
    if (wanted.fit != Fit::kWanted) return wanted;
    if (destination.platform == Platform::kGoogle) wanted.consent = StateOf(ads, personal);
    const std::vector<std::string> kinds = row.Texts(3), texts = row.Texts(4);
    PersonValues values;
    bool any = false;
    for (size_t i = 0; i < kinds.size(); ++i) {
        const auto kind = FindIdentifierKind(kinds[i]);
        if (!kind) continue;
        values.emplace_back(*kind, texts[i]);
        any |= IsStrong(*kind) || *kind == IdentifierKind::kLastName;
    }
    Preparation preparation = Prepare(destination.rules, destination.identifiers, values);
    wanted.dropped = std::move(preparation.dropped);
    wanted.prepared = std::move(preparation.person);
    if (wanted.prepared.empty()) wanted.fit = any ? Fit::kInvalidIdentifier : Fit::kNoIdentifier;
    return wanted;
}

}  // namespace

std::vector<std::string> RequiredPurposes(const Audience& audience, const Destination& destination) {
    std::vector<std::string> purposes = audience.purposes;
    if (destination.platform == Platform::kGoogle)
        purposes.insert(purposes.end(), {"ads", "ads_personalization"});
    return purposes;
}

const char* Name(Fit fit) {
    switch (fit) {
        case Fit::kWanted: return "wanted";
        case Fit::kNoMember: return "no_member";
        case Fit::kNoConsent: return "no_consent";
        case Fit::kRefused: return "refused";
        case Fit::kNoIdentifier: return "no_identifier";
        case Fit::kInvalidIdentifier: break;
    }
    return "invalid_identifier";
}

std::vector<WantedPerson> FindWanted(const Audience& audience, const Destination& destination,
                                     const std::vector<int64_t>& people) {
    static pg::Statement statement(
        kWanted, {INT8ARRAYOID, INT8OID, TIMESTAMPTZOID, TEXTARRAYOID, TEXTARRAYOID, INT8OID, BOOLOID});
    std::vector<WantedPerson> wanted;
    if (people.empty()) return wanted;
    std::vector<std::string> purposes = audience.purposes;
    purposes.insert(purposes.end(), {"ads", "ads_personalization"});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows =
        statement.Execute({Value::Int8s(people), Value::Int8(audience.segment_id), Value::Time(pg::Now()),
                           Value::Texts(purposes), Value::Texts(KindsToRead(destination)),
                           Value::Int8(audience.id), Value::Bool(!audience.of_people)});
    wanted.reserve(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        wanted.push_back(Judge(rows[i], audience, destination));
    }
    return wanted;
}

namespace {

std::vector<int64_t> IdsOf(const pg::Result& rows) {
    std::vector<int64_t> ids;
    ids.reserve(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

// People behind `after` and up to `upto` whose stored state is not valid now: they may be members all the
// same. There are few of them, unless nothing has evaluated people for long. Few are found by time; of many
// only the range of ids is read, so that all portions together read the states once.
std::vector<int64_t> NotValidNow(int64_t after, int64_t upto, int64_t most) {
    constexpr int64_t kFew = 10'000;
#define PULSE_NOT_VALID                                                                                 \
    "(SELECT t.profile_id FROM pulse.profile_state AS t WHERE t.next_change_at <= $3"                   \
    " ORDER BY t.next_change_at LIMIT $4) UNION ALL (SELECT t.profile_id FROM pulse.profile_state AS t" \
    " WHERE t.as_of > $3 ORDER BY t.as_of DESC LIMIT $4)"
    static pg::Statement by_time(
        "WITH late AS MATERIALIZED (" PULSE_NOT_VALID
        ") SELECT (SELECT count(*) FROM late),"
        " ARRAY(SELECT DISTINCT l.profile_id FROM late AS l WHERE l.profile_id > $1 AND l.profile_id <= $2"
        " ORDER BY 1)",
        {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID});
    static pg::Statement by_id(
        "SELECT t.profile_id FROM pulse.profile_state AS t WHERE t.profile_id > $1 AND t.profile_id <= $2"
        " AND (t.next_change_at <= $3 OR t.as_of > $3) ORDER BY t.profile_id LIMIT $4",
        {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID});
#undef PULSE_NOT_VALID
    const Value now = Value::Time(pg::Now());
    const pg::Result late = by_time.Execute({Value::Int8(after), Value::Int8(upto), now, Value::Int8(kFew)});
    if (late[0].Int8(0) < kFew) return late[0].Int8s(1);
    return IdsOf(by_id.Execute({Value::Int8(after), Value::Int8(upto), now, Value::Int8(most)}));
}

}  // namespace

std::vector<int64_t> NextCandidates(const Audience& audience, int64_t after, int64_t most) {
    static pg::Statement people(
        "SELECT x.id FROM ((SELECT m.profile_id AS id FROM pulse.member AS m WHERE m.segment_id = $1"
        " AND m.profile_id > $3 ORDER BY m.profile_id LIMIT $4)"
        " UNION (SELECT l.profile_id FROM pulse.audience_member AS l WHERE l.audience_id = $2"
        " AND l.profile_id > $3 ORDER BY l.profile_id LIMIT $4)) AS x ORDER BY x.id LIMIT $4",
        {INT8OID, INT8OID, INT8OID, INT8OID});
    static pg::Statement scanned(
        "SELECT x.id FROM ((SELECT m.profile_id AS id FROM pulse.audience_scan AS m WHERE m.audience_id = $2"
        " AND m.profile_id > $3 ORDER BY m.profile_id LIMIT $4)"
        " UNION (SELECT l.profile_id FROM pulse.audience_member AS l WHERE l.audience_id = $2"
        " AND l.profile_id > $3 ORDER BY l.profile_id LIMIT $4)) AS x WHERE $1 IS NOT NULL"
        " ORDER BY x.id LIMIT $4",
        {INT8OID, INT8OID, INT8OID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    std::vector<int64_t> ids = IdsOf((audience.of_people ? people : scanned)
                                         .Execute({Value::Int8(audience.segment_id), Value::Int8(audience.id),
                                                   Value::Int8(after), Value::Int8(most)}));
    if (!audience.of_people) return ids;
    const bool more = static_cast<int64_t>(ids.size()) == most;
    const std::vector<int64_t> late = NotValidNow(after, more ? ids.back() : INT64_MAX, most);
    ids.insert(ids.end(), late.begin(), late.end());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (static_cast<int64_t>(ids.size()) > most) ids.resize(static_cast<size_t>(most));
    return ids;
}

namespace {

// Reads the relation once, into `store`; outside the visit nothing of it is held.
void ReadKeys(const Audience& audience, pg::TextStore& store) {
    const segment::Segment segment = segment::Load(audience.segment);
    const segment::Request request =
        segment::PrepareRequest(segment::ParseRequest(segment.definition), pg::Now());
    segment::ReadAndRecord(segment::AccessOf(segment), "sync", segment.name, [&](source::Reader& reader) {
        store.Clear();  // after a conflict with recovery it is read again
        const segment::MemberQuery query = segment::CompileMembers(
            request, segment::DescribeColumns(reader, request), segment::MomentLiteral(pg::Now()));
        const std::string key = "(" + query.key + ")::text";
        reader.QueryInPortions("SELECT " + key + " FROM " + query.MembersFrom() + " WHERE (" + query.Where() +
                                   ") AND " + key + " IS NOT NULL",
                               kKeysAtOnce, [&](source::Rows& rows) {
                                   for (const auto& row : rows.values)
                                       if (!row.empty() && row[0]) store.Put(*row[0]);
                               });
    });
}

std::string NormalisationOf(const std::string& kind) {
    return pg::Execute(
               "SELECT coalesce((SELECT normalisation FROM pulse.identity_kind WHERE kind = $1), 'trim')",
               {Value::Text(kind)})[0]
        .Text(0);
}

// Ids of people are normalised when they are stored; what a relation has may not be.
void KeepScanned(const Audience& audience, const std::vector<std::string>& keys,
                 const std::string& normalisation) {
    static pg::Statement statement(
        "INSERT INTO pulse.audience_scan (audience_id, profile_id)"
        " SELECT DISTINCT $1, p.canonical_id FROM unnest($2) AS k (value)"
        " JOIN pulse.identity AS i ON i.kind = $3 AND i.value IN (k.value, CASE $4 WHEN 'email'"
        " THEN lower(btrim(k.value)) WHEN 'lower' THEN lower(btrim(k.value))"
        " WHEN 'phone' THEN '+' || regexp_replace(k.value, '\\D', '', 'g') ELSE btrim(k.value) END)"
        " JOIN pulse.profile AS p ON p.id = i.profile_id ON CONFLICT DO NOTHING",
        {INT8OID, TEXTARRAYOID, TEXTOID, TEXTOID});
    const trait::ForceIndexPlans force_index_plans;
    statement.Execute({Value::Int8(audience.id), Value::Texts(keys), Value::Text(audience.key_kind),
                       Value::Text(normalisation)});
}

}  // namespace

void ScanMembers(const Audience& audience) {
    pg::TextStore store;
    ReadKeys(audience, store);
    const pg::OwnerSession session;
    pg::Execute("DELETE FROM pulse.audience_scan WHERE audience_id = $1", {Value::Int8(audience.id)});
    const std::string normalisation = NormalisationOf(audience.key_kind);
    std::vector<std::string> keys;
    for (std::optional<std::string> key = store.Next();; key = store.Next()) {
        if (key) keys.push_back(std::move(*key));
        if (!key || keys.size() == static_cast<size_t>(kKeysAtOnce)) {
            pg::CheckInterrupts();
            const pg::Arena arena("pulse audience scan");
            if (!keys.empty()) KeepScanned(audience, keys, normalisation);
            keys.clear();
        }
        if (!key) return;
    }
}

std::string WhyNotReadable(const Audience& audience) {
    const pg::Result rows =
        pg::Execute("SELECT status FROM pulse.segment WHERE id = $1", {Value::Int8(audience.segment_id)});
    if (rows.empty()) return "its segment does not exist";
    if (rows[0].Text(0) == "archived") return "its segment is archived";
    if (rows[0].Text(0) == "draft") return "its segment is a draft";
    if (!audience.of_people || trait::IsLive(audience.segment_id)) return "";
    return "its segment is being built";
}

}  // namespace pulse::audience
