// What there is to say about incidents, read from what the other rooms keep.
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

// Up to so many live incidents of one message are looked at anew, so that their sentences fit their figures;
// in a longer message those sentences have no room.
constexpr size_t kFresh = 10;
// Far more than any message shows, far less than what would fill memory.
constexpr size_t kMostBytes = size_t{4} << 20;

// Texts in UTF-8 whatever the database's encoding is. Nothing of what is read may make the reading fail.
constexpr const char* kQuery =
    "SELECT i.id, i.since, i.opened_at, i.closed_at, x.text, "
    "CASE WHEN getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII') THEN convert_to(x.text, 'UTF8') END "
    "FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, place) "
    "JOIN pulse.incident_record AS i ON i.id = w.id "
    "LEFT JOIN pulse.segment AS s ON s.id = i.segment_id "
    "LEFT JOIN pulse.monitor AS m ON m.id = i.monitor_id "
    "LEFT JOIN LATERAL (SELECT n.result FROM pulse.investigation AS n WHERE n.incident_id = i.id AND "
    "n.status = 'done' "
    "AND n.result IS NOT NULL ORDER BY n.id DESC LIMIT 1) AS v ON true "
    "CROSS JOIN LATERAL (SELECT jsonb_build_object('group', i.group_id, 'segment', s.name, 'owner', "
    "coalesce(s.owner, "
    "m.owner), 'relation', i.relation, 'source', i.source, 'detector', i.detector, 'attribute', i.attribute, "
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

// A diagnosis, or what the model found: both have this shape.
void Tell(const Json& found, IncidentSummary& story) {
    const Json& changed = List(found, "what_changed");
    if (!changed.empty()) story.what_changed.clear();
    for (const Json& sentence : changed)
        if (sentence.is_string()) story.what_changed.push_back(sentence.get<std::string>());
    const Json& hypotheses = List(found, "hypotheses");
    if (!hypotheses.empty() && !Text(hypotheses[0], "sentence").empty()) {
        story.cause = Text(hypotheses[0], "sentence");
        story.confidence = Number(hypotheses[0], "confidence");
    }
    const Json& advice = List(found, "recommendations");
    if (advice.empty() || Text(advice[0], "action").empty()) return;
    story.advice = Text(advice[0], "action");
    story.advice_reason = Text(advice[0], "reason");
    story.advice_sql = Text(advice[0], "sql");
    story.more_advice.clear();
    for (size_t i = 1; i < advice.size(); ++i)
        story.more_advice.emplace_back(Text(advice[i], "priority"), Text(advice[i], "action"));
}

void ReadFacts(const Json& facts, IncidentSummary& story) {
    story.is_table = Text(facts, "segment").empty() && !Text(facts, "relation").empty();
    story.subject = story.is_table ? Text(facts, "relation") : Text(facts, "segment");
    if (story.is_table && !Text(facts, "source").empty())
        story.subject += " (source " + Text(facts, "source") + ")";
    story.owner = Text(facts, "owner");
    story.detector = Text(facts, "detector");
    story.attribute = Text(facts, "attribute");
    story.severity = Text(facts, "severity");
    story.status = Text(facts, "status");
    story.direction = Text(facts, "direction");
    story.summary = Text(facts, "summary");
    story.resolved_by = Text(facts, "resolved_by");
    story.baseline = Number(facts, "baseline");
    story.observed = Number(facts, "observed");
    story.change = Number(facts, "change");
    const auto group = facts.find("group");
    if (group != facts.end() && group->is_number_integer()) story.group = group->get<int64_t>();
    story.counts_people =
        !story.is_table && (story.detector == "size_change" || story.detector == "slow_erosion" ||
                            (story.detector == "expected_range" && story.attribute == "size"));
    const bool fell =
        story.counts_people && story.baseline && story.observed && *story.observed < *story.baseline;
    if (fell && *story.baseline < 9e15) story.people_lost = std::llround(*story.baseline - *story.observed);
}

Json Parse(const std::string& text) {
    if (text.size() > kMostBytes) return Json::object();
    // Line breaks inside JSON's texts are escapes: nothing but bad bytes changes here.
    Json json = ParseJsonOrDiscard(CleanLines(text, text.size()));
    return json.is_object() ? json : Json::object();
}

bool Live(const IncidentSummary& story) {
    return story.status == "open" || story.status == "acknowledged";
}

// One that cannot be diagnosed is told without.
std::optional<Json> Diagnose(int64_t incident, bool keep) {
    try {
        pg::Subtransaction subtransaction;
        Json json = diagnosis::ToJson(diagnosis::DiagnoseIncident(incident, keep && !pg::ReadOnly()));
        subtransaction.Commit();
        return json;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
    } catch (const UserError&) {
    }
    return std::nullopt;
}

}  // namespace

pg::Json ReadObject(const pg::Row& row, int text, int utf8) {
    return Parse(row.IsNull(utf8) ? row.Text(text) : pg::ToBytes(row.Raw(utf8)));
}

std::vector<IncidentSummary> LoadIncidentSummaries(const std::vector<int64_t>& incidents, bool keep) {
    struct Found {
        IncidentSummary story;
        Json facts;
    };
    std::vector<Found> found;
    {
        const pg::Result rows = pg::Execute(kQuery, {Value::Int8s(incidents)});
        for (uint64_t i = 0; i < rows.size(); ++i) {
            Found one;
            one.story.incident = rows[i].Int8(0);
            one.story.since = rows[i].Time(1);
            one.story.opened_at = rows[i].Time(2);
            one.story.closed_at = rows[i].TimeOrNull(3);
            one.facts = ReadObject(rows[i], 4, 5);
            ReadFacts(one.facts, one.story);
            found.push_back(std::move(one));
        }
    }
    std::vector<IncidentSummary> stories;
    for (Found& one : found) {
        pg::CheckInterrupts();
        Json diagnosis = one.facts.value("diagnosis", Json());
        if (!diagnosis.is_object() || (Live(one.story) && found.size() <= kFresh))
            if (auto fresh = Diagnose(one.story.incident, keep)) diagnosis = std::move(*fresh);
        Tell(diagnosis, one.story);
        const Json result = one.facts.value("result", Json());
        if (result.is_object()) {
            Tell(result, one.story);
            one.story.investigated = !List(result, "hypotheses").empty();
        }
        one.story.acknowledge_sql = AcknowledgeSql(one.story.incident);
        one.story.url = UrlOf(one.story.incident);
        stories.push_back(std::move(one.story));
    }
    return stories;
}

}  // namespace pulse::delivery
