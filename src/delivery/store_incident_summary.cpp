// The content of messages about incidents, read from the tables of other rooms.
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/diagnosis/store.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::delivery {

namespace {

using pg::Json;
using pg::Value;

// Up to this number of live incidents of one message are diagnosed again, so that their sentences match their
// figures; a longer message has no room for those sentences.
constexpr size_t kFresh = 10;
// Far more than any message shows, and far less than would exhaust memory.
constexpr size_t kMostBytes = size_t{4} << 20;

constexpr const char* kQuery =
    "SELECT i.id, i.since, i.opened_at, i.closed_at, x.text "
    "FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, place) "
    "JOIN pulse.incident_record AS i ON i.id = w.id "
    "LEFT JOIN pulse.segment AS s ON s.id = i.segment_id "
    "LEFT JOIN pulse.monitor AS m ON m.id = i.monitor_id "
    "LEFT JOIN LATERAL (SELECT n.result FROM pulse.investigation AS n WHERE n.incident_id = i.id AND "
    "n.status = 'done' "
    "AND n.result IS NOT NULL ORDER BY n.id DESC LIMIT 1) AS v ON true "
    "CROSS JOIN LATERAL (SELECT jsonb_build_object('group', i.group_id, 'segment', s.name, 'kind', s.kind, "
    "'members', s.definition ->> 'members', 'owner', "
    "coalesce(s.owner, "
    "m.owner), 'relation', i.relation, 'source', i.source, 'detector', i.detector, 'event', i.event, 'attribute', i.attribute, "
    "'severity', "
    "i.severity, 'status', i.status, 'direction', i.direction, 'baseline', i.baseline, 'observed', "
    "i.observed, 'change', "
    "i.change, 'summary', i.summary, 'resolved_by', i.resolved_by, 'diagnosis', i.diagnosis, 'result', "
    "v.result)::text "
    "AS text) AS x ORDER BY w.place";

std::string Text(const Json& object, const char* key) {
    if (!object.is_object()) return "";
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<double> Number(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

const Json& List(const Json& object, const char* key) {
    static const Json none = Json::array();
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found != object.end() && found->is_array() ? *found : none;
}

std::string AcknowledgeSql(int64_t incident) {
    const std::string verbs = pg::VerbSchema();
    return "SELECT " + (verbs == "public" ? "" : verbs + ".") + "pulse_acknowledge_incident(" +
           std::to_string(incident) + ");";
}

std::string UrlOf(int64_t incident) {
    std::string url = pg::settings::IncidentUrl();
    constexpr std::string_view kPlace = "{id}";
    for (size_t at; (at = url.find(kPlace)) != std::string::npos;)
        url.replace(at, kPlace.size(), std::to_string(incident));
    return url;
}

// A diagnosis, or the result of an investigation: both have the same structure.
void Tell(const Json& found, IncidentSummary& summary) {
    const Json& changed = List(found, "what_changed");
    if (!changed.empty()) summary.what_changed.clear();
    for (const Json& sentence : changed)
        if (sentence.is_string()) summary.what_changed.push_back(sentence.get<std::string>());
    const Json& hypotheses = List(found, "hypotheses");
    if (!hypotheses.empty() && !Text(hypotheses[0], "sentence").empty()) {
        summary.cause = Text(hypotheses[0], "sentence");
        summary.confidence = Number(hypotheses[0], "confidence");
    }
    const Json& advice = List(found, "recommendations");
    if (advice.empty() || Text(advice[0], "action").empty()) return;
    summary.advice = Text(advice[0], "action");
    summary.advice_reason = Text(advice[0], "reason");
    summary.advice_sql = Text(advice[0], "sql");
    summary.more_advice.clear();
    for (size_t i = 1; i < advice.size(); ++i)
        summary.more_advice.emplace_back(Text(advice[i], "priority"), Text(advice[i], "action"));
}

void ReadFacts(const Json& facts, IncidentSummary& summary) {
    summary.is_table = Text(facts, "segment").empty() && !Text(facts, "relation").empty();
    summary.subject = summary.is_table ? Text(facts, "relation") : Text(facts, "segment");
    if (!Text(facts, "event").empty()) {
        summary.is_event = true;
        summary.subject = Text(facts, "event");
    }
    if (summary.is_table && !Text(facts, "source").empty())
        summary.subject += " (source " + Text(facts, "source") + ")";
    summary.owner = Text(facts, "owner");
    summary.detector = Text(facts, "detector");
    summary.attribute = Text(facts, "attribute");
    summary.severity = Text(facts, "severity");
    summary.status = Text(facts, "status");
    summary.direction = Text(facts, "direction");
    summary.summary = Text(facts, "summary");
    summary.resolved_by = Text(facts, "resolved_by");
    summary.baseline = Number(facts, "baseline");
    summary.observed = Number(facts, "observed");
    summary.change = Number(facts, "change");
    summary.words = segment::MakeMemberWords(Text(facts, "kind") == "profile", Text(facts, "members"));
    const auto group = facts.find("group");
    if (group != facts.end() && group->is_number_integer()) summary.group = group->get<int64_t>();
    summary.counts_people = !summary.is_table && !summary.is_event &&
                            (summary.detector == "size_change" || summary.detector == "slow_erosion" ||
                             summary.detector == "slow_growth" ||
                             (summary.detector == "expected_range" && summary.attribute == "size"));
    const bool fell = summary.counts_people && summary.baseline && summary.observed &&
                      *summary.observed < *summary.baseline;
    if (fell && *summary.baseline < 9e15)
        summary.people_lost = std::llround(*summary.baseline - *summary.observed);
}

bool Live(const IncidentSummary& summary) {
    return summary.status == "open" || summary.status == "acknowledged";
}

// An incident that cannot be diagnosed is sent without a diagnosis. The transaction of the messages holds
// their rows, so it does not wait for the data of a segment.
std::optional<Json> Diagnose(int64_t incident, bool keep) {
    try {
        pg::Subtransaction subtransaction;
        Json json =
            diagnosis::ToJson(diagnosis::DiagnoseIncident(incident, keep && !pg::ReadOnly(), nullptr));
        subtransaction.Commit();
        return json;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
    } catch (const UserError&) {
    }
    return std::nullopt;
}

}  // namespace

pg::Json ReadObject(const pg::Row& row, int column) {
    const std::string text = row.Text(column);
    if (text.size() > kMostBytes) return Json::object();
    // Line breaks in JSON strings are escapes, so this cleans only what the strings say.
    Json json = ParseJsonOrDiscard(CleanLines(text, text.size()));
    return json.is_object() ? json : Json::object();
}

std::vector<IncidentSummary> LoadIncidentSummaries(const std::vector<int64_t>& incidents, bool keep) {
    struct Found {
        IncidentSummary summary;
        Json facts;
    };
    std::vector<Found> found;
    {
        const pg::Result rows = pg::Execute(kQuery, {Value::Int8s(incidents)});
        for (uint64_t i = 0; i < rows.size(); ++i) {
            Found one;
            one.summary.incident = rows[i].Int8(0);
            one.summary.since = rows[i].Time(1);
            one.summary.opened_at = rows[i].Time(2);
            one.summary.closed_at = rows[i].TimeOrNull(3);
            one.facts = ReadObject(rows[i], 4);
            ReadFacts(one.facts, one.summary);
            found.push_back(std::move(one));
        }
    }
    std::vector<IncidentSummary> summaries;
    for (Found& one : found) {
        pg::CheckInterrupts();
        Json diagnosis = one.facts.value("diagnosis", Json());
        if (!diagnosis.is_object() || (Live(one.summary) && found.size() <= kFresh))
            if (auto fresh = Diagnose(one.summary.incident, keep)) diagnosis = std::move(*fresh);
        Tell(diagnosis, one.summary);
        one.summary.shared_cause = Text(diagnosis, "shared_cause");
        const Json result = one.facts.value("result", Json());
        if (result.is_object()) {
            Tell(result, one.summary);
            one.summary.investigated = !List(result, "hypotheses").empty();
        }
        one.summary.acknowledge_sql = AcknowledgeSql(one.summary.incident);
        one.summary.url = UrlOf(one.summary.incident);
        summaries.push_back(std::move(one.summary));
    }
    return summaries;
}

}  // namespace pulse::delivery
