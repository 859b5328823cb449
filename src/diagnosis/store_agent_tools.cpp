// The tools of a model: aggregates of what the incident's owner may see, with rare values redacted, cut to
// size.
#include <algorithm>

#include "pulse/base/json.hpp"
#include "pulse/diagnosis/agent_redact.hpp"
#include "pulse/diagnosis/changes.hpp"
#include "pulse/diagnosis/store.hpp"
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/store_agent_preview.hpp"
#include "pulse/diagnosis/store_agent_scope.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/value_shift.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

constexpr size_t kMaxBytes = 12'000;  // of one result
constexpr size_t kMaxValues = 20;     // of an attribute at one moment

int64_t LimitOf(const Json& arguments, int64_t otherwise) {
    return arguments.contains("limit") && arguments["limit"].is_number_integer()
               ? arguments["limit"].get<int64_t>()
               : otherwise;
}

std::optional<Moment> TimeOf(const Json& arguments, const char* name) {
    return arguments.contains(name) && arguments[name].is_string()
               ? ParseMoment(arguments[name].get<std::string>())
               : std::nullopt;
}

std::string TextArgument(const Json& arguments, const char* name) {
    return arguments.at(name).get<std::string>();
}

Json FigureOrNull(const std::optional<double>& number) {
    return number && std::isfinite(*number) ? Json(std::round(*number * 1e6) / 1e6) : Json();
}

Json ListSnapshots(const AgentScope& scope, Redactor& redactor, const Json& arguments) {
    const VisibleSegment segment = FindSegment(scope, TextArgument(arguments, "segment"));
    const pg::Result rows = pg::Execute(
        "SELECT taken_at, version, status, size, converted, inactive, entered, exited, coalesce(error, ''), "
        "coalesce(error_state, '') FROM pulse.snapshot "
        "WHERE segment_id = $1 ORDER BY taken_at DESC LIMIT $2",
        {Value::Int8(segment.id), Value::Int8(LimitOf(arguments, 14))});
    Json list = Json::array();
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        Json one{{"at", FormatMoment(row.Time(0))}, {"version", row.Int4(1)}, {"status", row.Text(2)}};
        const char* names[] = {"size", "converted", "inactive", "entered", "exited"};
        for (int c = 0; c < 5; ++c)
            if (const auto count = row.Int8OrNull(3 + c)) one[names[c]] = redactor.Count(*count);
        if (!row.Text(8).empty()) one["error"] = Short(redactor.RedactError(row.Text(9), row.Text(8)), 300);
        list.push_back(std::move(one));
    }
    return {{"segment", segment.name}, {"snapshots", std::move(list)}};
}

Json ValuesToJson(const snapshot::Distribution& one, const Redactor& redactor) {
    Json values = Json::array();
    int64_t other = one.other;
    for (size_t i = 0; i < std::min(one.labels.size(), one.counts.size()); ++i) {
        if (i < kMaxValues)
            values.push_back({{"value", one.labels[i]}, {"people", redactor.Count(one.counts[i])}});
        else
            other += one.counts[i];
    }
    return {{"values", std::move(values)}, {"other", redactor.Count(other)}};
}

Json IntervalsToJson(const snapshot::Distribution& one, const Redactor& redactor) {
    Json intervals = Json::array();
    for (size_t i = 0; i < std::min(one.counts.size(), one.edges.size() + 1); ++i)
        intervals.push_back({{"from", i > 0 ? FigureOrNull(one.edges[i - 1]) : Json()},
                             {"below", i < one.edges.size() ? FigureOrNull(one.edges[i]) : Json()},
                             {"people", redactor.Count(one.counts[i])}});
    Json json{{"intervals", std::move(intervals)}, {"mean", FigureOrNull(one.mean)}};
    if (one.quantiles.size() == 7) json["median"] = FigureOrNull(one.quantiles[3]);
    return json;
}

Json AttributeDistribution(const AgentScope& scope, Redactor& redactor, const Json& arguments) {
    const VisibleSegment segment = FindSegment(scope, TextArgument(arguments, "segment"));
    const std::string attribute = TextArgument(arguments, "attribute");
    const pg::Result rows = pg::Execute(
        "SELECT p.taken_at, " + std::string(snapshot::kDistributionColumns) +
            " FROM pulse.snapshot AS p JOIN pulse.distribution AS d ON d.snapshot_id = p.id AND d.attribute = $2 "
            "WHERE p.segment_id = $1 AND p.status = 'ok' AND p.taken_at >= coalesce($3, '-infinity')"
            " AND p.taken_at <= coalesce($4, 'infinity') "
            "ORDER BY p.taken_at DESC LIMIT $5",
        {Value::Int8(segment.id), Value::Text(attribute), Value::Time(TimeOf(arguments, "from")),
         Value::Time(TimeOf(arguments, "to")), Value::Int8(LimitOf(arguments, 6))});
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedObject,
                        "no snapshot of \"" + Short(segment.name) + "\" in this period has an attribute \"" +
                            Short(attribute) + "\"",
                        "", "Attributes are: " + AttributesOf(segment) + ".");
    std::vector<std::pair<Moment, snapshot::Distribution>> moments;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        snapshot::Distribution one = snapshot::ReadDistribution(rows[i], 1);
        moments.emplace_back(rows[i].Time(0), std::move(one));
    }
    std::vector<snapshot::Distribution*> all;
    for (auto& [at, one] : moments) all.push_back(&one);
    redactor.RedactValues(all);
    Json list = Json::array();
    for (const auto& [at, one] : moments) {
        Json json = one.labelled() ? ValuesToJson(one, redactor) : IntervalsToJson(one, redactor);
        json["at"] = FormatMoment(at);
        json["people"] = redactor.Count(one.total);
        json["without_value"] = redactor.Count(one.nulls);
        if (one.nans > 0) json["not_a_number"] = redactor.Count(one.nans);
        list.push_back(std::move(json));
    }
    return {{"segment", segment.name},
            {"attribute", attribute},
            {"kind", segment::Name(moments.front().second.kind)},
            {"moments", std::move(list)}};
}

Json Contributions(const AgentScope& scope, Redactor& redactor, const Json& arguments) {
    const int64_t incident = arguments.at("incident").get<int64_t>();
    FindIncident(scope, incident, true);
    DiagnosisInput input = LoadDiagnosisInput(incident);
    KeepVisible(scope, input);
    redactor.Redact(input);
    const std::string attribute = TextArgument(arguments, "attribute");
    if (!input.before || !input.after)
        throw UserError(sqlstate::kNotReady,
                        "there are no two snapshots to compare for incident " + std::to_string(incident));
    std::string names;
    for (const DistributionChange& change : Compare(*input.before, *input.after, 0.03)) {
        names += (names.empty() ? "" : ", ") + Short(change.attribute);
        if (change.attribute != attribute) continue;
        Json cells = Json::array();
        const auto growth = static_cast<double>(input.after->size - input.before->size);
        for (const Cell& cell : change.cells) {
            Json one{{"value", CellLabel(cell)},
                     {"before", redactor.Count(cell.before)},
                     {"after", redactor.Count(cell.after)}};
            // Redacted counts could be computed from these.
            if (one["before"].is_number() && one["after"].is_number()) {
                one["share_of_change"] =
                    growth == 0 ? Json() : FigureOrNull(static_cast<double>(cell.delta()) / growth);
                one["standard_deviations"] = FigureOrNull(cell.z());
            }
            cells.push_back(std::move(one));
        }
        return {{"incident", incident},
                {"attribute", attribute},
                {"shift", FigureOrNull(change.distance)},
                {"values", std::move(cells)}};
    }
    throw UserError(sqlstate::kUndefinedObject, "attribute \"" + Short(attribute) + "\" cannot be compared",
                    "", "Attributes are: " + names + ".");
}

Json DefinitionVersions(const AgentScope& scope, Redactor& redactor, const Json& arguments) {
    const VisibleSegment segment = FindSegment(scope, TextArgument(arguments, "segment"));
    LearnNewest(segment, redactor);
    const pg::Result rows = pg::Execute(
        "SELECT version, change, changed_at, definition FROM pulse.segment_version WHERE segment_id = $1 "
        "ORDER BY version DESC LIMIT 20",
        {Value::Int8(segment.id)});
    Json list = Json::array();
    for (uint64_t i = 0; i < rows.size(); ++i)
        list.push_back({{"version", rows[i].Int4(0)},
                        {"change", Short(redactor.RedactQuoted(rows[i].Text(1)), 1000)},
                        {"changed_at", FormatMoment(rows[i].Time(2))},
                        {"definition", redactor.RedactDefinition(rows[i].Jsonb(3))}});
    return {{"segment", segment.name}, {"versions", std::move(list)}};
}

Json SchemaHistory(const AgentScope& scope, Redactor&, const Json& arguments) {
    const std::string relation = TextArgument(arguments, "relation");
    Json list = Json::array();
    for (const VisibleSegment& segment : SegmentsOver(scope, relation)) {
        const pg::Result rows = pg::Execute(
            "SELECT c.taken_at, c.columns FROM (SELECT p.taken_at, p.columns, lag(p.columns) OVER (ORDER BY"
            " p.taken_at) AS before FROM "
            "(SELECT taken_at, columns FROM pulse.snapshot WHERE segment_id = $1 AND columns IS NOT NULL"
            " ORDER BY taken_at DESC LIMIT 400) "
            "AS p) AS c WHERE c.columns IS DISTINCT FROM c.before ORDER BY c.taken_at DESC LIMIT 10",
            {Value::Int8(segment.id)});
        for (uint64_t i = 0; i < rows.size(); ++i)
            list.push_back({{"seen_by", segment.name},
                            {"since", FormatMoment(rows[i].Time(0))},
                            {"columns", rows[i].Jsonb(1)}});
    }
    if (list.empty())
        throw UserError(sqlstate::kUndefinedObject, "no visible segment reads \"" + Short(relation) + "\"");
    return {{"relation", relation}, {"versions", std::move(list)}};
}

Json ResultsOf(int64_t check) {
    const pg::Result rows = pg::Execute(
        "SELECT at, status, observed, expected_low, expected_high FROM pulse.check_result"
        " WHERE check_id = $1 ORDER BY at DESC LIMIT 5",
        {Value::Int8(check)});
    Json list = Json::array();
    for (uint64_t i = 0; i < rows.size(); ++i)
        list.push_back({{"at", FormatMoment(rows[i].Time(0))},
                        {"status", rows[i].Text(1)},
                        {"observed", FigureOrNull(rows[i].Float8OrNull(2))},
                        {"expected_from", FigureOrNull(rows[i].Float8OrNull(3))},
                        {"expected_to", FigureOrNull(rows[i].Float8OrNull(4))}});
    return list;
}

Json TableHealth(const AgentScope& scope, Redactor& redactor, const Json& arguments) {
    const std::string relation = TextArgument(arguments, "relation");
    const int64_t monitor = FindMonitor(scope, relation);
    const pg::Result checks = pg::Execute(
        "SELECT id, kind, attribute, coalesce(last_status, 'new'), coalesce(last_message, '')"
        " FROM pulse.monitor_check "
        "WHERE monitor_id = $1 ORDER BY kind, attribute LIMIT 30",
        {Value::Int8(monitor)});
    Json list = Json::array();
    for (uint64_t i = 0; i < checks.size(); ++i) {
        list.push_back({{"kind", checks[i].Text(1)},
                        {"attribute", checks[i].Text(2)},
                        {"status", checks[i].Text(3)},
                        {"newest", ResultsOf(checks[i].Int8(0))}});
        // The message of a failing check can contain data.
        if (redactor.share()) list.back()["message"] = Short(checks[i].Text(4), 300);
    }
    const pg::Result incidents = pg::Execute(
        "SELECT id, detector, attribute, severity, status, since, summary FROM pulse.incident_record"
        " WHERE monitor_id = $1 "
        "ORDER BY since DESC LIMIT 10",
        {Value::Int8(monitor)});
    Json found = Json::array();
    for (uint64_t i = 0; i < incidents.size(); ++i) {
        const pg::Row row = incidents[i];
        found.push_back({{"incident", row.Int8(0)},
                         {"detector", row.Text(1)},
                         {"attribute", row.Text(2)},
                         {"severity", row.Text(3)},
                         {"status", row.Text(4)},
                         {"since", FormatMoment(row.Time(5))},
                         {"summary", Short(redactor.RedactSummary(row.Text(6)), 300)}});
    }
    return {{"relation", relation}, {"checks", std::move(list)}, {"incidents", std::move(found)}};
}

// Incidents that the owner may not see are omitted and counted.
Json CorrelatedIncidents(const AgentScope& scope, Redactor&, const Json& arguments) {
    const int64_t incident = arguments.at("incident").get<int64_t>();
    FindIncident(scope, incident, false);
    const pg::Result rows = pg::Execute(
        "SELECT i.id, coalesce(s.name, ''), coalesce(i.relation, ''), i.detector, i.attribute, i.severity,"
        " i.status, i.direction, i.since, "
        "i.change FROM pulse.incident_record AS me JOIN pulse.incident_record AS i ON i.id <> me.id"
        " AND i.status <> 'ignored' "
        "AND i.since BETWEEN me.since - interval '1 day' AND me.since + interval '1 day' "
        "LEFT JOIN pulse.segment AS s ON s.id = i.segment_id WHERE me.id = $1 ORDER BY abs(extract(epoch"
        " FROM i.since - me.since)), i.id LIMIT 100",
        {Value::Int8(incident)});
    Json list = Json::array();
    int64_t hidden = 0;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        if (!IsVisible(scope, row.Text(1), row.Text(2))) {
            ++hidden;
            continue;
        }
        Json one{{"incident", row.Int8(0)},
                 {"detector", row.Text(3)},
                 {"attribute", row.Text(4)},
                 {"severity", row.Text(5)},
                 {"status", row.Text(6)},
                 {"direction", row.Text(7)},
                 {"since", FormatMoment(row.Time(8))},
                 {"change", FigureOrNull(row.Float8OrNull(9))}};
        one[row.Text(1).empty() ? "table" : "segment"] = row.Text(1).empty() ? row.Text(2) : row.Text(1);
        list.push_back(std::move(one));
        if (list.size() >= 30) break;
    }
    return {{"incident", incident}, {"siblings", std::move(list)}, {"not_shown", hidden}};
}

Json Dispatch(const AgentScope& scope, const ToolCall& call) {
    using Body = Json (*)(const AgentScope&, Redactor&, const Json&);
    static const std::map<std::string, Body> bodies{
        {"list_snapshots", ListSnapshots},         {"attribute_distribution", AttributeDistribution},
        {"contributions", Contributions},          {"definition_versions", DefinitionVersions},
        {"schema_history", SchemaHistory},         {"table_health", TableHealth},
        {"sibling_incidents", CorrelatedIncidents}};
    Redactor redactor(pg::settings::agent_share_values);
    return bodies.at(call.name)(scope, redactor, call.arguments);
}

// Removes entries from the end of the longest list until the result fits.
void CutToSize(Json& result) {
    while (DumpJson(result).size() > kMaxBytes) {
        Json* longest = nullptr;
        for (auto& [key, value] : result.items())
            if (value.is_array() && value.size() > 1 && (!longest || value.size() > longest->size()))
                longest = &value;
        if (!longest) {
            result = {{"cut", "the result is too long to show"}};
            return;
        }
        longest->erase(longest->begin() + static_cast<std::ptrdiff_t>(longest->size() / 2), longest->end());
        result["cut"] = "only the first entries are shown";
    }
}

Json Run(int64_t incident, const ToolCall& call) {
    pg::Transaction transaction("pulse: a tool of an investigation");
    const pg::Deadline deadline(pg::settings::agent_tool_timeout);
    const bool preview = call.name == "preview_count";
    Json result;
    AgentScope scope;
    Preview prepared;
    {
        const pg::OwnerSession session;
        scope = LoadScope(incident);
        if (preview)
            prepared = PreparePreview(scope, TextArgument(call.arguments, "segment"),
                                      TextArgument(call.arguments, "where"));
        else
            result = Dispatch(scope, call);
    }
    if (preview) result = PreviewCount(scope, prepared, Redactor(pg::settings::agent_share_values));
    pg::CheckInterrupts();
    transaction.Commit();
    CutToSize(result);
    return result;
}

}  // namespace

ToolOutput CallTool(int64_t incident, const ToolCall& call, int64_t previews) {
    const auto failed = [](std::string reason) { return ToolOutput{{{"error", reason}}, reason}; };
    if (const std::string problem = CheckCall(call); !problem.empty()) return failed(problem);
    if (call.name == "preview_count" && previews >= kMaxPreviews)
        return failed("an investigation may make at most " + std::to_string(kMaxPreviews) + " previews");
    const Redactor redactor(pg::settings::agent_share_values);
    const std::string too_long = "the tool took longer than " +
                                 std::to_string(pg::settings::agent_tool_timeout) +
                                 " ms (pulse.agent_tool_timeout)";
    try {
        return {Run(incident, call), std::nullopt};
    } catch (const pg::Error& error) {
        if (error.State() == sqlstate::kQueryCanceled && pg::Deadline::Expired()) return failed(too_long);
        if (pg::MeantForAll(error)) throw;
        return failed(Short(redactor.RedactError(error.State(), error.message), 300));
    } catch (const segment::DefinitionError& error) {
        if (error.state() == sqlstate::kQueryCanceled && pg::Deadline::Expired()) return failed(too_long);
        return failed(Short(redactor.RedactError(error.state(), error.message()), 300));
    } catch (const UserError& error) {
        // Raised by Pulse, about names and arguments that the model knows.
        return failed(Short(error.message() + (error.hint().empty() ? "" : ". " + error.hint()), 600));
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        // A defect in Pulse fails one call; its message may contain data.
        return failed(redactor.share() ? std::string("the tool failed: ") + Short(error.what(), 300)
                                       : "the tool failed with an internal error");
    }
}

}  // namespace pulse::diagnosis
