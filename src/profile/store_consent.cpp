#include "pulse/profile/store_consent.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/array.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/consent_listener.hpp"
#include "pulse/profile/store_feed_writer.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/rule/metric.hpp"

namespace pulse::profile {

namespace {

using pg::Json;
using pg::Value;

// A consent that events repeat is noted as repeated once an hour; a refusal each time, so that an older
// consent that arrives late never counts.
constexpr int64_t kRepeatedConsent = kHour;

std::vector<ConsentPurpose> LoadPurposes() {
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    const pg::Result rows = pg::Execute(
        "SELECT purpose, categories, granted_by_default FROM pulse.consent_purpose ORDER BY purpose", {},
        true);
    std::vector<ConsentPurpose> purposes;
    for (uint64_t i = 0; i < rows.size(); ++i)
        purposes.push_back({rows[i].Text(0), rows[i].Texts(1), rows[i].Bool(2), {}});
    const pg::Result defaults =
        pg::Execute("SELECT purpose, region, granted FROM pulse.consent_default", {}, true);
    for (uint64_t i = 0; i < defaults.size(); ++i)
        for (ConsentPurpose& purpose : purposes)
            if (purpose.purpose == defaults[i].Text(0))
                purpose.defaults.push_back({defaults[i].Text(1), defaults[i].Bool(2)});
    return purposes;
}

std::vector<std::string> PurposeNames() {
    std::vector<std::string> names;
    for (const ConsentPurpose& purpose : ConsentPurposes()) names.push_back(purpose.purpose);
    return names;
}

std::vector<int64_t> ToVector(const std::set<int64_t>& ids) {
    return {ids.begin(), ids.end()};
}

Json JsonText(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json();
}
Json JsonTime(const std::optional<Moment>& moment) {
    return moment ? Json(FormatMoment(*moment)) : Json();
}

// As a tstzmultirange.
std::string PrintPeriods(const ConsentState& state) {
    std::string text = "{";
    for (const auto& [from, until] : state.live)
        text += std::string(text.size() > 1 ? ",[" : "[") + FormatMoment(from) + "," +
                (until == kNeverEnds ? "" : FormatMoment(until)) + ")";
    return text + "}";
}

// A row of pulse.consent, with the record that decides.
struct CurrentConsent {
    ConsentStatus status = ConsentStatus::kDenied;
    std::optional<Moment> expires_at;
    int64_t record = 0, profile = 0;
    std::string purpose;  // of the record
    Moment at = 0, repeated_at = 0;
};
using CurrentConsents = std::map<std::pair<int64_t, std::string>, CurrentConsent>;  // by person and purpose

CurrentConsents ReadCurrent(const std::set<int64_t>& people) {
    static pg::Statement statement(
        "SELECT c.profile_id, c.purpose, c.status, c.expires_at, c.record_id, r.profile_id, r.purpose, r.at,"
        " r.repeated_at FROM unnest($1) AS u (id) CROSS JOIN LATERAL (SELECT * FROM pulse.consent AS o"
        " WHERE o.profile_id = u.id OFFSET 0) AS c JOIN pulse.consent_record AS r ON r.id = c.record_id",
        {INT8ARRAYOID});
    const ForceIndexScans force_index;
    const pg::Result rows = statement.Execute({Value::Int8s(ToVector(people))});
    CurrentConsents current;
    for (uint64_t i = 0; i < rows.size(); ++i)
        current[{rows[i].Int8(0), rows[i].Text(1)}] = {FindConsentStatus(rows[i].Text(2)).value(),
                                                       rows[i].TimeOrNull(3),
                                                       rows[i].Int8(4),
                                                       rows[i].Int8(5),
                                                       rows[i].Text(6),
                                                       rows[i].Time(7),
                                                       rows[i].Time(8)};
    return current;
}

std::set<int64_t> PeopleWhoSaid(const std::vector<ConsentStatement>& statements) {
    std::set<int64_t> people;
    for (const ConsentStatement& statement : statements) people.insert(statement.person);
    return people;
}

ConsentStatus StatusOf(const ConsentStatement& statement, const CurrentConsents& current) {
    if (statement.granted) return ConsentStatus::kGranted;
    if (statement.refusal) return *statement.refusal;
    const auto known = current.find({statement.person, statement.purpose});
    return known == current.end() || known->second.status == ConsentStatus::kDenied
               ? ConsentStatus::kDenied
               : ConsentStatus::kWithdrawn;
}

// `repeated_at` of each statement: when it was said again.
std::vector<int64_t> InsertRecords(const std::vector<ConsentStatement>& statements,
                                   const std::vector<Moment>& repeated_at, const CurrentConsents& current,
                                   const std::string& actor) {
    static pg::Statement next("SELECT nextval('pulse.consent_record_id_seq') FROM generate_series(1, $1)",
                              {INT8OID});
    static pg::Statement insert(
        "INSERT INTO pulse.consent_record (id, profile_id, purpose, status, at, repeated_at, expires_at,"
        " recorded_at, recorded_by, source, basis, text, text_version, proof)"
        " SELECT r.id, r.profile_id, r.purpose, r.status, r.at, r.repeated_at, r.expires_at, $2, $3, r.source,"
        " r.basis, r.text, r.text_version, r.proof FROM jsonb_to_recordset($1) AS r (id bigint,"
        " profile_id bigint, purpose text, status text, at timestamptz, repeated_at timestamptz,"
        " expires_at timestamptz, source text, basis text, text text, text_version text, proof jsonb)",
        {JSONBOID, TIMESTAMPTZOID, TEXTOID});
    const pg::Result numbers = next.Execute({Value::Int8(static_cast<int64_t>(statements.size()))});
    std::vector<int64_t> ids;
    Json rows = Json::array();
    for (size_t i = 0; i < statements.size(); ++i) {
        const ConsentStatement& said = statements[i];
        ids.push_back(numbers[i].Int8(0));
        rows.push_back({{"id", ids.back()},
                        {"profile_id", said.profile},
                        {"purpose", said.purpose},
                        {"status", NameOf(StatusOf(said, current))},
                        {"at", FormatMoment(said.at)},
                        {"repeated_at", FormatMoment(repeated_at[i])},
                        {"expires_at", JsonTime(said.expires_at)},
                        {"source", said.source},
                        {"basis", JsonText(said.basis)},
                        {"text", JsonText(said.text)},
                        {"text_version", JsonText(said.text_version)},
                        {"proof", ParseJson(said.proof)}});
    }
    insert.Execute({Value::Jsonb(rows), Value::Time(pg::Now()), Value::Text(actor)});
    return ids;
}

void NoteRepeated(const std::map<int64_t, Moment>& repeated) {
    static pg::Statement update(
        "UPDATE pulse.consent_record AS r SET repeated_at = u.at FROM unnest($1, $2) AS u (id, at)"
        " WHERE r.id = u.id AND r.repeated_at < u.at",
        {INT8ARRAYOID, TIMESTAMPTZARRAYOID});
    std::vector<int64_t> records;
    std::vector<Moment> times;
    for (const auto& [id, at] : repeated) {
        records.push_back(id);
        times.push_back(at);
    }
    const ForceIndexScans force_index;
    update.Execute({Value::Int8s(records), pg::Times(times)});
}

using StatesOfPeople = std::map<int64_t, std::map<std::string, ConsentState>>;

// Delete the rows of people without a state now. There are few: after an unmerge.
std::vector<int64_t> RemoveOldStates(const std::set<int64_t>& people, const StatesOfPeople& states) {
    static pg::Statement read(
        "SELECT c.profile_id, c.purpose FROM unnest($1) AS u (id) CROSS JOIN LATERAL (SELECT * FROM"
        " pulse.consent AS o WHERE o.profile_id = u.id OFFSET 0) AS c",
        {INT8ARRAYOID});
    static pg::Statement remove("DELETE FROM pulse.consent WHERE profile_id = $1 AND purpose = $2",
                                {INT8OID, TEXTOID});
    const ForceIndexScans force_index;
    const pg::Result rows = read.Execute({Value::Int8s(ToVector(people))});
    std::vector<int64_t> changed;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const int64_t person = rows[i].Int8(0);
        const std::string purpose = rows[i].Text(1);
        const auto known = states.find(person);
        if (known != states.end() && known->second.contains(purpose)) continue;
        remove.Execute({Value::Int8(person), Value::Text(purpose)});
        changed.push_back(person);
    }
    return changed;
}

// Write the states of all people whose rows these are. Returns the people whose rows changed, with the
// purposes that have a state now.
std::map<int64_t, std::vector<std::string>> WriteStates(const std::set<int64_t>& people,
                                                        const StatesOfPeople& states) {
    static pg::Statement write(
        "INSERT INTO pulse.consent AS c (profile_id, purpose, status, at, expires_at, record_id, live)"
        " SELECT r.profile_id, r.purpose, r.status, r.at, r.expires_at, r.record_id, r.live"
        " FROM jsonb_to_recordset($1) AS r (profile_id bigint, purpose text, status text, at timestamptz,"
        " expires_at timestamptz, record_id bigint, live tstzmultirange)"
        " ON CONFLICT (profile_id, purpose) DO UPDATE SET status = EXCLUDED.status, at = EXCLUDED.at,"
        " expires_at = EXCLUDED.expires_at, record_id = EXCLUDED.record_id, live = EXCLUDED.live"
        " WHERE (c.status, c.at, c.expires_at, c.record_id, c.live) IS DISTINCT FROM"
        " (EXCLUDED.status, EXCLUDED.at, EXCLUDED.expires_at, EXCLUDED.record_id, EXCLUDED.live)"
        " RETURNING c.profile_id, c.purpose",
        {JSONBOID});
    Json rows = Json::array();
    for (const auto& [person, by_purpose] : states)
        for (const auto& [purpose, state] : by_purpose)
            rows.push_back({{"profile_id", person},
                            {"purpose", purpose},
                            {"status", NameOf(state.status)},
                            {"at", FormatMoment(state.at)},
                            {"expires_at", JsonTime(state.expires_at)},
                            {"record_id", state.record},
                            {"live", PrintPeriods(state)}});
    std::map<int64_t, std::vector<std::string>> changed;
    const pg::Result written = write.Execute({Value::Jsonb(rows)});
    for (uint64_t i = 0; i < written.size(); ++i) changed[written[i].Int8(0)].push_back(written[i].Text(1));
    for (const int64_t person : RemoveOldStates(people, states)) changed[person];
    return changed;
}

// Of what events say: without what repeats the state or what is said in the same batch just before it.
struct NewStatements {
    std::vector<ConsentStatement> statements;
    std::vector<Moment> repeated_at;
    std::map<int64_t, Moment> repeated;  // by record
};

// Whether the record that decides says the same, earlier.
bool Repeats(const ConsentStatement& said, const CurrentConsent& known) {
    return known.profile == said.profile && known.purpose == said.purpose && known.at <= said.at &&
           said.granted == (known.status == ConsentStatus::kGranted) &&
           (!said.granted || known.expires_at == said.expires_at);
}

NewStatements WithoutRepeated(std::vector<ConsentStatement> statements, const CurrentConsents& current) {
    // A person who says yes and no at the same instant says no.
    std::stable_sort(statements.begin(), statements.end(), [](const auto& a, const auto& b) {
        return std::tie(a.at, a.granted) < std::tie(b.at, b.granted);
    });
    NewStatements fresh;
    // The newest of each person and purpose in this batch.
    std::map<std::pair<int64_t, std::string>, size_t> newest;
    for (ConsentStatement& said : statements) {
        const std::pair<int64_t, std::string> key{said.person, said.purpose};
        if (const auto before = newest.find(key); before != newest.end()) {
            const ConsentStatement& last = fresh.statements[before->second];
            if (last.profile == said.profile && last.granted == said.granted &&
                last.expires_at == said.expires_at) {
                fresh.repeated_at[before->second] = said.at;
                continue;
            }
        } else if (const auto known = current.find(key);
                   known != current.end() && Repeats(said, known->second)) {
            const auto noted = fresh.repeated.find(known->second.record);
            const Moment at = noted == fresh.repeated.end() ? known->second.repeated_at : noted->second;
            if (said.at >= at + (said.granted ? kRepeatedConsent : 1))
                fresh.repeated[known->second.record] = said.at;
            continue;
        }
        newest[key] = fresh.statements.size();
        fresh.repeated_at.push_back(said.at);
        fresh.statements.push_back(std::move(said));
    }
    return fresh;
}

void Announce(const std::vector<int64_t>& changed) {
    if (!changed.empty()) AnnounceConsent(changed);
}

}  // namespace

const std::vector<ConsentPurpose>& ConsentPurposes() {
    static pg::Cached<std::vector<ConsentPurpose>> purposes("consent_purpose", LoadPurposes);
    return purposes.Get();
}

ConsentNames CurrentConsentNames() {
    ConsentNames names;
    for (const ConsentPurpose& purpose : ConsentPurposes())
        names.purposes.push_back({purpose.purpose, purpose.categories});
    names.tcf_vendor = pg::settings::tcf_vendor;
    return names;
}

std::vector<std::string> ConsentEventNames() {
    std::vector<std::string> names;
    for (const ConsentPurpose& purpose : ConsentPurposes())
        names.push_back(
            rule::Print(rule::Metric{.aggregate = rule::Aggregate::kConsent, .purpose = purpose.purpose}));
    return names;
}

void RequirePurpose(const std::string& purpose) {
    const std::vector<std::string> names = PurposeNames();
    if (std::find(names.begin(), names.end(), purpose) != names.end()) return;
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    throw UserError(sqlstate::kUndefinedObject, "unknown purpose \"" + Shorten(purpose, 63) + "\"", "",
                    "Purposes are " + list + "; pulse_set_consent_purpose() adds others.");
}

std::map<int64_t, ConsentHistory> ReadConsentHistories(const std::set<int64_t>& people, bool read_only) {
    static pg::Statement records(
        "SELECT p.canonical_id, r.id, r.profile_id, r.purpose, r.status, r.at, r.repeated_at, r.expires_at"
        " FROM unnest($1) AS u (id) CROSS JOIN LATERAL (SELECT q.id, q.canonical_id FROM pulse.profile AS q"
        " WHERE q.canonical_id = u.id OFFSET 0) AS p CROSS JOIN LATERAL (SELECT * FROM pulse.consent_record AS c"
        " WHERE c.profile_id = p.id OFFSET 0) AS r ORDER BY r.id",
        {INT8ARRAYOID});
    static pg::Statement merges(
        "SELECT p.canonical_id, h.survivor_id, h.merged_id, h.merged_at"
        " FROM unnest($1) AS u (id) CROSS JOIN LATERAL (SELECT q.id, q.canonical_id FROM pulse.profile AS q"
        " WHERE q.canonical_id = u.id OFFSET 0) AS p CROSS JOIN LATERAL (SELECT * FROM pulse.merge_history AS m"
        " WHERE m.merged_id = p.id AND m.undone_at IS NULL OFFSET 0) AS h ORDER BY h.id",
        {INT8ARRAYOID});
    const ForceIndexScans force_index;
    const Value ids = Value::Int8s(ToVector(people));
    std::map<int64_t, ConsentHistory> histories;
    const pg::Result said = records.Execute({ids}, read_only);
    for (uint64_t i = 0; i < said.size(); ++i)
        histories[said[i].Int8(0)].records.push_back(
            {said[i].Int8(1), said[i].Int8(2), said[i].Text(3), FindConsentStatus(said[i].Text(4)).value(),
             said[i].Time(5), said[i].Time(6), said[i].TimeOrNull(7)});
    if (histories.empty()) return histories;
    const pg::Result merged = merges.Execute({ids}, read_only);
    for (uint64_t i = 0; i < merged.size(); ++i)
        if (const auto history = histories.find(merged[i].Int8(0)); history != histories.end())
            history->second.merges.push_back({merged[i].Int8(1), merged[i].Int8(2), merged[i].Time(3)});
    return histories;
}

std::vector<int64_t> UpdateConsents(const std::set<int64_t>& people, const std::set<int64_t>* live) {
    StatesOfPeople states;
    const std::vector<std::string> purposes = PurposeNames();
    for (const auto& [person, history] : ReadConsentHistories(people))
        states[person] = FoldConsent(history.records, history.merges, purposes);
    FeedWriter feed(pg::Now());
    std::vector<int64_t> changed;
    for (const auto& [person, names] : WriteStates(people, states)) {
        changed.push_back(person);
        std::map<std::string, ConsentState> current;
        for (const std::string& purpose : names) current[purpose] = states[person][purpose];
        if (!current.empty() && (!live || live->contains(person))) feed.AddConsent(person, current);
    }
    feed.Write();
    return changed;
}

std::vector<int64_t> WriteConsents(std::vector<ConsentStatement> statements, const std::string& actor) {
    if (statements.empty()) return {};
    const std::set<int64_t> people = PeopleWhoSaid(statements);
    std::vector<Moment> repeated_at;
    for (const ConsentStatement& said : statements) repeated_at.push_back(said.at);
    const std::vector<int64_t> ids = InsertRecords(statements, repeated_at, ReadCurrent(people), actor);
    Announce(UpdateConsents(people));
    return ids;
}

std::vector<int64_t> WriteConsentsOfEvents(std::vector<ConsentStatement> statements,
                                           const std::set<int64_t>& live) {
    const CurrentConsents current = ReadCurrent(PeopleWhoSaid(statements));
    const NewStatements fresh = WithoutRepeated(std::move(statements), current);
    if (!fresh.repeated.empty()) NoteRepeated(fresh.repeated);
    if (fresh.statements.empty()) return {};
    InsertRecords(fresh.statements, fresh.repeated_at, current, pg::ActorName(pg::OriginalCaller()));
    return UpdateConsents(PeopleWhoSaid(fresh.statements), &live);
}

std::vector<int64_t> MoveConsents(const std::vector<int64_t>& people) {
    static pg::Statement any(
        "SELECT EXISTS (SELECT FROM unnest($1) AS u (id) CROSS JOIN LATERAL (SELECT FROM pulse.consent AS c"
        " WHERE c.profile_id = u.id LIMIT 1) AS c)",
        {INT8ARRAYOID});
    {
        const ForceIndexScans force_index;
        if (!any.Execute({Value::Int8s(people)})[0].Bool(0)) return {};
    }
    return UpdateConsents({people.begin(), people.end()});
}

}  // namespace pulse::profile
