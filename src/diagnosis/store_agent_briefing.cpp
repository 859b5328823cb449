// The briefing that the model gets first, the check of its SQL, and the text of its findings.
#include "pulse/diagnosis/agent_redact.hpp"
#include "pulse/diagnosis/store.hpp"
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/store_agent_scope.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

constexpr size_t kMaxContributions = 20, kMaxEvidence = 60;

// The row of pulse.incident without texts that contain values.
Json IncidentToJson(int64_t incident) {
    const pg::Result rows = pg::Execute(
        "SELECT i.id, coalesce(s.name, ''), coalesce(i.relation, ''), i.detector, i.attribute, i.severity,"
        " i.status, i.direction, "
        "i.baseline, i.observed, i.change, i.since, i.opened_at, i.baseline_kind"
        " FROM pulse.incident_record AS i "
        "LEFT JOIN pulse.segment AS s ON s.id = i.segment_id WHERE i.id = $1",
        {Value::Int8(incident)});
    if (rows.empty()) return Json::object();
    const pg::Row row = rows[0];
    Json json{{"id", row.Int8(0)},
              {"detector", row.Text(3)},
              {"attribute", row.Text(4)},
              {"severity", row.Text(5)},
              {"status", row.Text(6)},
              {"direction", row.Text(7)},
              {"since", FormatMoment(row.Time(11))},
              {"opened_at", FormatMoment(row.Time(12))},
              {"compared_with", row.Text(13)}};
    if (!row.Text(1).empty()) json["segment"] = row.Text(1);
    if (!row.Text(2).empty()) json["table"] = row.Text(2);
    const auto figure = [&](const char* name, int column) {
        if (const auto number = row.Float8OrNull(column); number && std::isfinite(*number))
            json[name] = *number;
    };
    figure("baseline", 8);
    figure("observed", 9);
    figure("change", 10);
    return json;
}

void Cut(Json& list, size_t most) {
    while (list.is_array() && list.size() > most) list.erase(list.size() - 1);
}

// Without the recommendations' SQL, which contains the definition and statements that change data.
Json DiagnosisBriefing(const Diagnosis& diagnosis, const Redactor& redactor) {
    Json json = ToJson(diagnosis);
    for (const char* key : {"incident", "segment", "table", "title"}) json.erase(key);
    for (Json& advice : json["recommendations"])
        advice = {{"action", advice["action"]}, {"priority", advice["priority"]}};
    for (Json& part : json["attribution"]) {
        for (const char* key : {"before", "after"}) part[key] = redactor.Count(part[key].get<int64_t>());
        // Redacted counts could be computed from these.
        if (!part["before"].is_number() || !part["after"].is_number())
            for (const char* key : {"share", "surprise"}) part.erase(key);
    }
    Cut(json["attribution"], kMaxContributions);
    Cut(json["evidence"], kMaxEvidence);
    return json;
}

// Functions with effects, of which some look like reading: dblink(), pg_read_file(), set_config(), nextval(),
// lo_get() …
std::string FunctionProblem(const std::string& schema, const std::string& name) {
    static pg::Statement statement(
        "SELECT bool_or(p.provolatile = 'v'), bool_or(n.nspname = 'pg_catalog'), bool_or(e.oid IS NOT NULL) "
        "FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace "
        "LEFT JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' "
        "LEFT JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pulse' "
        "WHERE p.proname = $2 AND ($1 = '' OR n.nspname = $1) HAVING count(*) > 0",
        {TEXTOID, TEXTOID});
    // Pulse's read-only functions.
    static const std::set<std::string> kReading{"pulse_preview_segment",   "pulse_explain_segment",
                                                "pulse_explain_incident",  "pulse_diagnose_incident",
                                                "pulse_compare_snapshots", "pulse_backtest",
                                                "pulse_validate_rule",     "pulse_status",
                                                "pulse_preview_schedule",  "pulse_suggest_checks",
                                                "pulse_preview_message"};
    static const std::set<std::string> kHarmless{"random", "clock_timestamp", "timeofday", "gen_random_uuid"};
    const pg::Result rows = statement.Execute({Value::Text(schema), Value::Text(name)});
    if (rows.empty()) return "calls " + Short(name, 60) + "(), which does not exist";
    if (rows[0].Bool(2) && kReading.contains(name)) return "";
    if (rows[0].Bool(1) && kHarmless.contains(name)) return "";
    return rows[0].Bool(0) ? "calls " + Short(name, 60) +
                                 "(), which may change something; only a read-only SELECT is allowed"
                           : "";
}

void Append(std::vector<std::string>& lines, const std::vector<std::string>& more) {
    lines.insert(lines.end(), more.begin(), more.end());
}

constexpr size_t kWidth = 100;

std::string TextOf(const Json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_string()
               ? object[name].get<std::string>()
               : "";
}

Json ListOf(const Json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_array() ? object[name]
                                                                                  : Json::array();
}

void AppendResult(const Json& result, std::vector<std::string>& lines) {
    for (const Json& sentence : ListOf(result, "what_changed"))
        if (sentence.is_string())
            Append(lines, Wrap(Short(sentence.get<std::string>(), 2000), kWidth, "  ", "  "));
    size_t number = 0;
    for (const Json& one : ListOf(result, "hypotheses")) {
        std::string cited;
        for (const Json& id : ListOf(one, "evidence"))
            if (id.is_string()) cited += (cited.empty() ? "; evidence " : ", ") + id.get<std::string>();
        const double confidence =
            one.is_object() && one.contains("confidence") && one["confidence"].is_number()
                ? one["confidence"].get<double>()
                : 0;
        Append(lines, Wrap(Short(TextOf(one, "sentence"), 2000) + " (" + Percent(confidence) + cited + ")",
                           kWidth, "  " + std::to_string(++number) + ". ", "     "));
    }
    for (const Json& advice : ListOf(result, "recommendations")) {
        Append(lines, Wrap("[" + TextOf(advice, "priority") + "] " +
                               Short(TextOf(advice, "action") + " " + TextOf(advice, "reason"), 2000),
                           kWidth, "  - ", "    "));
        if (const std::string sql = TextOf(advice, "sql"); !sql.empty())
            Append(lines, WrapSql(sql, kWidth, "        "));
    }
    for (const Json& fact : ListOf(result, "evidence"))
        if (TextOf(fact, "id").starts_with('t'))
            Append(lines, Wrap(Short(TextOf(fact, "sentence"), 300), kWidth, "  " + TextOf(fact, "id") + ". ",
                               "      "));
}

}  // namespace

Json MakeBriefing(int64_t incident) {
    Redactor redactor(pg::settings::agent_share_values);
    Json briefing = Json::object();
    const AgentScope scope = LoadScope(incident);
    if (std::optional<TableDiagnosisInput> table = LoadTableDiagnosisInput(incident)) {
        KeepVisible(scope, *table);
        redactor.Redact(*table);
        briefing = DiagnosisBriefing(DiagnoseTable(*table), redactor);
    } else {
        DiagnosisInput input = LoadDiagnosisInput(incident);
        KeepVisible(scope, input);
        redactor.Redact(input);
        briefing = DiagnosisBriefing(Diagnose(input), redactor);
        briefing["definition"] = input.definition;
        briefing["members_are"] = input.words.members;
        Json attributes = Json::array();
        if (input.after)
            for (const snapshot::Distribution& one : input.after->attributes)
                attributes.push_back(one.attribute);
        briefing["attributes"] = std::move(attributes);
    }
    briefing["incident"] = IncidentToJson(incident);
    return briefing;
}

std::string SqlProblem(const std::string& sql) {
    try {
        pg::Subtransaction subtransaction(pg::Subtransaction::Mode::kReadOnly);
        const pg::Session session;
        const pg::ReadingText text = pg::ReadText(sql);
        if (text.statements != 1)
            return "contains " + std::to_string(text.statements) + " statements; give one SELECT";
        if (!text.reads_only)
            return "does not only read; give one SELECT without INTO, FOR UPDATE or data-modifying parts";
        for (const auto& [schema, name] : text.functions)
            if (std::string problem = FunctionProblem(schema, name); !problem.empty()) return problem;
        return "";
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        return "is not valid SQL: " + Short(error.message, 200);
    }
}

std::vector<std::string> DescribeInvestigation(int64_t incident) {
    const pg::OwnerSession session;
    std::vector<std::string> lines;
    const std::optional<Investigation> newest = NewestInvestigation(incident);
    if (!newest) return lines;
    const std::string number =
        "Investigation " + std::to_string(newest->id) + " by the model " + Short(newest->model, 80);
    if (newest->status == "done" && newest->result) {
        lines = {"", "Findings of the model (" + number +
                         "; the cited evidence exists, but the conclusions are not proven)"};
        AppendResult(*newest->result, lines);
    } else if (newest->status == "failed" || newest->status == "cancelled") {
        lines.push_back("");
        Append(lines, Wrap(number + " gave no answer: " + Short(newest->reason.value_or("unknown"), 600) +
                               ". The diagnosis above is unchanged.",
                           kWidth, "", "  "));
    } else {
        lines.push_back("");
        Append(lines, Wrap(number + " is " + newest->status + ", step " + std::to_string(newest->steps) + ".",
                           kWidth, "", "  "));
    }
    return lines;
}

}  // namespace pulse::diagnosis
