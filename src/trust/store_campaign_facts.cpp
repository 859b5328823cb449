// What speaks for and against a campaign: its people, the incidents of what it stands on, other campaigns.
#include <algorithm>

#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/trait/store_export_file.hpp"
#include "pulse/trust/store_campaign.hpp"
#include "pulse/trust/store_dependencies.hpp"
#include "pulse/trust/store_gate.hpp"
#include "pulse/trust/store_health.hpp"
#include "pulse/trust/subject.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

// More incidents and campaigns would add nothing.
constexpr const char* kMostCampaignIncidents = "5";
constexpr const char* kMostCampaignOverlaps = "20";

// ---- reach ----

// Hash joins: a campaign is for many people.
void CountCampaignPeople(const Campaign& campaign, int64_t segment, CampaignFacts& facts) {
    const std::vector<std::string> kinds = campaign.options.addresses.value_or(AddressesOf(campaign.channel));
    std::string with_address = "true", with_consent = "true", joins;
    if (!kinds.empty()) {
        with_address = "a.person IS NOT NULL";
        joins +=
            " LEFT JOIN (SELECT DISTINCT p.canonical_id AS person FROM pulse.identity AS i JOIN pulse.profile AS"
            " p ON p.id = i.profile_id WHERE i.kind = ANY ($3)) AS a ON a.person = m.profile_id";
    }
    if (campaign.options.purpose) {
        with_consent = "c.profile_id IS NOT NULL";
        joins +=
            " LEFT JOIN (SELECT o.profile_id FROM pulse.consent AS o WHERE o.purpose = $4 AND o.live @> $2) AS c"
            " ON c.profile_id = m.profile_id";
    }
    // Without statistics, as in a restored database, nested loops would compare everybody with everybody.
    const pg::Identity planning = pg::Identity::Owner();
    pg::SetLocally("enable_nestloop", "off");
    const pg::Result rows =
        pg::Execute("SELECT count(*), count(*) FILTER (WHERE " + with_address + "), count(*) FILTER (WHERE " +
                        with_consent + "), count(*) FILTER (WHERE " + with_address + " AND " + with_consent +
                        ") FROM (" + trait::ExportedMembers(segment) + ") AS m" + joins,
                    {Value::Int8(segment), Value::Time(pg::Now()), Value::Texts(kinds),
                     Value::Text(campaign.options.purpose)},
                    true);
    facts.reach = rows[0].Int8(0);
    if (!kinds.empty()) facts.with_address = rows[0].Int8(1);
    if (campaign.options.purpose) facts.with_consent = rows[0].Int8(2);
    if (!kinds.empty() || campaign.options.purpose) facts.reachable = rows[0].Int8(3);
    facts.of_people = true;
}

// Of a segment over a relation the newest good snapshot: its source may be a server that is not to be read
// now.
void ReadCampaignSnapshot(int64_t segment, CampaignFacts& facts) {
    const pg::Result rows = pg::Execute(
        "SELECT p.size, p.taken_at, p.taken_at < $2 - 2 * s.cadence FROM pulse.snapshot AS p JOIN pulse.segment"
        " AS s ON s.id = p.segment_id WHERE p.segment_id = $1 AND p.status = 'ok' AND p.taken_at <= $2"
        " ORDER BY p.taken_at DESC LIMIT 1",
        {Value::Int8(segment), Value::Time(pg::Now())}, true);
    if (rows.empty()) return;
    facts.reach = rows[0].Int8(0);
    facts.measured_at = rows[0].Time(1);
    facts.stale = rows[0].Bool(2);
}

// ---- incidents ----

// Open ones of the segment and of what it is made of, all the way down: segments, events and monitored
// tables.
std::vector<int64_t> IncidentsUnderCampaign(const segment::Segment& segment) {
    std::vector<std::string> segments{segment.name}, events, tables;
    for (const Subject& subject : DependenciesOf({"segment", segment.name}).subjects) {
        if (subject.kind == "segment") segments.push_back(subject.name);
        if (subject.kind == "event") events.push_back(subject.name);
        if (subject.kind == "table") tables.push_back(subject.name);
    }
    // "*" is any event.
    const pg::Result rows = pg::Execute(
        std::string(
            "SELECT i.id FROM pulse.incident_record AS i WHERE i.status IN ('open', 'acknowledged')"
            " AND i.opened_at <= $4 AND (i.segment_id IN (SELECT s.id FROM pulse.segment AS s WHERE"
            " s.name = ANY ($1)) OR i.event IS NOT NULL AND (i.event = ANY ($2) OR '*' = ANY ($2)) OR"
            " i.monitor_id IS NOT NULL AND EXISTS (SELECT FROM unnest($3) AS t (name) WHERE CASE WHEN"
            " i.source IS NULL THEN i.relation IN (t.name, 'public.' || t.name) ELSE i.source || ':' ||"
            " i.relation = t.name END)) ORDER BY array_position(ARRAY['critical', 'high', 'medium',"
            " 'low'], i.severity), i.id LIMIT ") +
            kMostCampaignIncidents,
        {Value::Texts(segments), Value::Texts(events), Value::Texts(tables), Value::Time(pg::Now())}, true);
    std::vector<int64_t> incidents;
    for (uint64_t i = 0; i < rows.size(); ++i) incidents.push_back(rows[i].Int8(0));
    return incidents;
}

// With the sentences of their diagnosis.
void DescribeCampaignIncidents(const std::vector<int64_t>& incidents, CampaignFacts& facts) {
    for (const delivery::IncidentSummary& summary : delivery::LoadIncidentSummaries(incidents))
        facts.incidents.push_back(
            {summary.incident, summary.severity,
             std::string(summary.is_table   ? "table "
                         : summary.is_event ? "event "
                                            : "segment ") +
                 InQuotes(summary.subject),
             summary.summary, summary.cause,
             summary.advice + (summary.advice_sql.empty() ? "" : " " + summary.advice_sql)});
}

// ---- other campaigns ----

// The people in both segments, by the last evaluations, or by the sketches of the newest snapshots.
std::optional<int64_t> PeopleInBothSegments(int64_t a, int64_t b, const std::string& kind_a,
                                            const std::string& kind_b) {
    if (kind_a == "profile" && kind_b == "profile")
        return pg::Execute(
                   "SELECT count(*) FROM pulse.member AS a JOIN pulse.member AS b ON b.segment_id = $2 AND"
                   " b.profile_id = a.profile_id WHERE a.segment_id = $1",
                   {Value::Int8(a), Value::Int8(b)}, true)[0]
            .Int8(0);
    if (kind_a == "profile" || kind_b == "profile") return std::nullopt;
    const pg::Result rows = pg::Execute(
        "SELECT round((pulse.sketch_overlap(x.sketch, y.sketch)).in_both)::bigint FROM (SELECT p.sketch FROM"
        " pulse.snapshot AS p WHERE p.segment_id = $1 AND p.status = 'ok' AND p.taken_at <= $3 ORDER BY"
        " p.taken_at DESC LIMIT 1) AS x, (SELECT p.sketch FROM pulse.snapshot AS p WHERE p.segment_id = $2 AND"
        " p.status = 'ok' AND p.taken_at <= $3 ORDER BY p.taken_at DESC LIMIT 1) AS y",
        {Value::Int8(a), Value::Int8(b), Value::Time(pg::Now())}, true);
    return rows.empty() ? std::nullopt : rows[0].Int8OrNull(0);
}

// Those that run in the days of this one: their periods meet.
void FindCampaignOverlaps(const Campaign& campaign, const segment::Segment& segment, CampaignFacts& facts) {
    const pg::Result rows = pg::Execute(
        std::string(
            "SELECT c.name, c.at, c.segment_id, s.kind FROM pulse.campaign AS c JOIN pulse.segment AS s ON"
            " s.id = c.segment_id WHERE c.id <> $1 AND c.status IN ('planned', 'warned', 'launched', 'done',"
            " 'fell_short') AND c.at < $2 + greatest($3 * interval '1 microsecond', '1 day') AND c.at +"
            " greatest(c.period, '1 day') > $2 ORDER BY c.at, c.name LIMIT ") +
            kMostCampaignOverlaps,
        {Value::Int8(campaign.id), Value::Time(campaign.at),
         Value::Float8(static_cast<double>(campaign.options.period))},
        true);
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const int64_t other = rows[i].Int8(2);
        facts.overlaps.push_back(
            {rows[i].Text(0), rows[i].Time(1),
             other == segment.id
                 ? facts.reach
                 : PeopleInBothSegments(segment.id, other, segment::Name(segment.kind), rows[i].Text(3))});
    }
}

// Why its members do not count; empty if they do.
std::string CampaignSegmentProblem(const std::optional<segment::Segment>& segment) {
    if (!segment) return "was deleted";
    if (segment->status == segment::Status::kArchived) return "is archived";
    if (segment->status == segment::Status::kDraft) return "is a draft";
    return "";
}

// ---- the outcome ----

std::string CampaignEventsOf(const std::string& event, const Campaign& campaign) {
    std::string sql =
        "SELECT DISTINCT p.canonical_id AS person FROM pulse.event AS e JOIN pulse.profile AS p ON p.id ="
        " e.profile_id WHERE e.name = " +
        pg::QuoteLiteral(event) + " AND e.time >= $1 AND e.time < $2";
    if (campaign.options.event_property)
        sql += " AND e.properties ->> " + pg::QuoteLiteral(*campaign.options.event_property) + " = $3";
    return sql;
}

}  // namespace

void BeginCampaignHealth(const std::string& name) {
    try {
        BeginHealth(Write(Subject{"campaign", name}));
    } catch (const UserError&) {
        // The gate says what is wrong with it.
    }
}

void KeepCampaignHealth(const std::string& name) {
    pg::Execute("UPDATE pulse.signal_health_state SET used_at = $2 WHERE scope = $1 AND used_at < $2",
                {Value::Text(Write(Subject{"campaign", name})), Value::Time(pg::PastNow())});
}

GatheredFacts GatherCampaignFacts(const Campaign& campaign, bool dry_run) {
    GatheredFacts gathered;
    CampaignFacts& facts = gathered.facts;
    facts.name = campaign.name;
    facts.segment = campaign.segment;
    facts.planned = campaign.planned;
    facts.min_share = campaign.options.min_share;
    facts.max_overlap = campaign.options.max_overlap;
    facts.channel = campaign.channel;
    facts.purpose = campaign.options.purpose;
    const std::optional<segment::Segment> segment =
        campaign.segment_id ? std::optional(segment::Load(campaign.segment)) : std::nullopt;
    facts.segment_problem = CampaignSegmentProblem(segment);
    KeepCampaignHealth(campaign.name);
    const GateDecision decision =
        EvaluateGate(kLaunchAction, Write(Subject{"campaign", campaign.name}), dry_run);
    facts.gate = Name(decision.verdict);
    facts.gate_reasons = decision.reasons;
    gathered.score = decision.score;
    if (!facts.segment_problem.empty()) return gathered;
    if (segment->kind == segment::SegmentKind::kProfile)
        CountCampaignPeople(campaign, segment->id, facts);
    else
        ReadCampaignSnapshot(segment->id, facts);
    gathered.incidents = IncidentsUnderCampaign(*segment);
    DescribeCampaignIncidents(gathered.incidents, facts);
    FindCampaignOverlaps(campaign, *segment, facts);
    return gathered;
}

CampaignOutcome MeasureCampaign(const Campaign& campaign) {
    CampaignOutcome outcome;
    if (!campaign.launched_at) return outcome;
    const std::vector<Value> parameters{Value::Time(*campaign.launched_at),
                                        Value::Time(*campaign.launched_at + campaign.options.period),
                                        Value::Text(campaign.name), Value::Int8(campaign.segment_id)};
    const auto count = [&](const std::string& people) {
        return pg::Execute("SELECT count(*) FROM (" + people + ") AS n", parameters, true)[0].Int8(0);
    };
    const auto& reach = campaign.options.reach_event;
    const auto& conversion = campaign.options.conversion_event;
    if (reach) outcome.reached = count(CampaignEventsOf(*reach, campaign));
    if (!conversion) return outcome;
    // Of those who were reached, where events say who; else of the members.
    Campaign without = campaign;
    without.options.event_property.reset();
    const std::string among =
        reach ? CampaignEventsOf(*reach, campaign)
              : "SELECT m.profile_id AS person FROM pulse.member AS m WHERE m.segment_id = $4";
    outcome.conversions = count("SELECT FROM (" + CampaignEventsOf(*conversion, without) + ") AS v JOIN (" +
                                among + ") AS r ON r.person = v.person");
    return outcome;
}

namespace {

// A campaign stands on its segment.
bool FindCampaignSubject(const std::string& name, std::vector<Subject>& dependencies) {
    const pg::Result rows = pg::Execute(
        "SELECT s.name FROM pulse.campaign AS c LEFT JOIN pulse.segment AS s ON s.id = c.segment_id WHERE"
        " c.name = $1",
        {Value::Text(name)});
    if (rows.empty()) return false;
    if (const auto segment = rows[0].TextOrNull(0)) dependencies.push_back({"segment", *segment});
    return true;
}

[[maybe_unused]] const bool campaign_subject_registered =
    RegisterSubjectKind({.kind = "campaign", .find = FindCampaignSubject});

}  // namespace

}  // namespace pulse::trust
