#include "pulse/diagnosis/table.hpp"

#include <algorithm>

#include "pulse/base/time_text.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::diagnosis {

namespace {

constexpr int64_t kSameMoment =
    6 * kHour;  // incidents that began within this time of each other may share a cause

class TableDiagnosis {
  public:
    explicit TableDiagnosis(const TableDiagnosisInput& input) : input_(input) {}
    Diagnosis Make();

  private:
    std::string AddEvidence(const std::string& kind, const std::string& sentence,
                            nlohmann::json figures = nlohmann::json::object()) {
        const std::string id = "e" + std::to_string(out_.evidence.size() + 1);
        out_.evidence.push_back({id, kind, sentence, std::move(figures)});
        return id;
    }
    void AddHypothesis(Cause cause, double confidence, const std::string& sentence,
                       std::vector<std::string> cited) {
        cited.insert(cited.begin(), "e1");
        out_.hypotheses.push_back({cause, confidence, sentence, std::move(cited), {}});
    }
    void Advise(const char* priority, const std::string& action, const std::string& reason,
                const std::string& sql) {
        out_.recommendations.push_back({action, reason, priority, sql});
    }
    std::string Verb(const std::string& call) const { return "SELECT " + input_.verbs + call + ";"; }
    bool StoppedTogether(const ConcurrentIncident& other) const;
    // Concurrent incidents of that detector that began at about the same time.
    std::vector<const ConcurrentIncident*> Near(const char* detector, bool same_table) const;

    void Tell();
    void AddConcurrentIncidentHypotheses();
    void AddOwnHypotheses();
    void AdviseAll();
    void AdviseGone();

    const TableDiagnosisInput& input_;
    Diagnosis out_;
};

std::vector<const ConcurrentIncident*> TableDiagnosis::Near(const char* detector, bool same_table) const {
    std::vector<const ConcurrentIncident*> found;
    for (const ConcurrentIncident& one : input_.concurrent)
        if (one.detector == detector && one.same_table == same_table && one.segment.empty() &&
            std::abs(one.since - input_.since) <= kSameMoment)
            found.push_back(&one);
    return found;
}

// A load stopped after the newest row and before the table became late. Two loads may have stopped together
// when these times overlap.
bool TableDiagnosis::StoppedTogether(const ConcurrentIncident& other) const {
    return other.detector == "table_freshness" && other.same_source && !other.same_table &&
           input_.newest_row && input_.late_at && other.newest_row && other.late_at &&
           std::max(*input_.newest_row, *other.newest_row) <= std::min(*input_.late_at, *other.late_at);
}

void TableDiagnosis::Tell() {
    const std::string what = AsSentence(input_.summary);
    out_.what_changed.push_back(what);
    AddEvidence("check", what,
                {{"observed", input_.observed ? nlohmann::json(*input_.observed) : nlohmann::json()},
                 {"expected", input_.baseline ? nlohmann::json(*input_.baseline) : nlohmann::json()}});
    out_.since = "Since " + FormatMinute(input_.since) + ", found " + FormatMinute(input_.opened_at) +
                 ", last seen " + FormatMinute(input_.last_seen_at);
    if (input_.last_good) {
        out_.since += "; the last good result was at " + FormatMinute(*input_.last_good);
        AddEvidence("history", "The last good result was at " + FormatMinute(*input_.last_good) + ".",
                    {{"at", FormatMoment(*input_.last_good)},
                     {"observed",
                      input_.last_good_value ? nlohmann::json(*input_.last_good_value) : nlohmann::json()}});
    }
    out_.since += ".";
    std::vector<std::string> segments;
    for (const ConcurrentIncident& one : input_.concurrent)
        if (!one.segment.empty()) {
            segments.push_back(Short(one.segment));
            if (one.explained) out_.related.push_back(one.incident);
        }
    if (!segments.empty())
        out_.what_changed.push_back("Segments that read it and changed since: " + Listed(segments) + ".");
}

// Hypotheses from concurrent incidents.
void TableDiagnosis::AddConcurrentIncidentHypotheses() {
    const bool late = input_.detector == "table_freshness", fewer = input_.detector == "table_volume";
    for (const ConcurrentIncident* lag : Near("table_replication_lag", true))
        AddHypothesis(Cause::kReplicaLate, 0.85,
                      "The replica that is read lags: the table itself may be up to date.",
                      {AddEvidence("replica", AsSentence(lag->summary), {{"incident", lag->incident}})});
    for (const ConcurrentIncident* schema : Near("table_schema", true))
        if (input_.detector != "table_schema" && schema->since <= input_.since && !input_.gone) {
            AddHypothesis(
                Cause::kColumnsChanged, 0.8,
                "Its columns changed before; its load may have failed because of that.",
                {AddEvidence("schema", AsSentence(schema->summary), {{"incident", schema->incident}})});
            out_.related.push_back(schema->incident);
        }
    std::vector<std::string> names, rows;
    nlohmann::json ids = nlohmann::json::array();
    for (const ConcurrentIncident& other : input_.concurrent) {
        if (!late || !StoppedTogether(other)) continue;
        names.push_back(Short(other.relation, 80));
        rows.push_back(names.back() + " at " + FormatMinute(*other.newest_row));
        ids.push_back(other.incident);
        out_.related.push_back(other.incident);
    }
    if (!names.empty())
        AddHypothesis(
            Cause::kSourceLate, names.size() > 1 ? 0.9 : 0.8,
            "The load of several tables stopped, not only of this one: " + Listed(names) +
                (names.size() == 1 ? " is" : " are") + " late as well.",
            {AddEvidence("tables",
                         "The newest rows came at " + FormatMinute(*input_.newest_row) + ", and of " +
                             Listed(rows) + "; " + Thousands(input_.tables_of_source) + " tables of " +
                             (input_.source.empty() ? "this database" : "source " + Short(input_.source)) +
                             " are monitored.",
                         {{"incidents", ids}})});
    if (late || fewer) return;
    for (const char* cause : {"table_freshness", "table_volume"})
        for (const ConcurrentIncident* own : Near(cause, true)) {
            if (own->since > input_.since) continue;
            AddHypothesis(Cause::kLoadStopped, 0.75,
                          "The table is late or has lost rows; this is a consequence.",
                          {AddEvidence("table", AsSentence(own->summary), {{"incident", own->incident}})});
            out_.related.push_back(own->incident);
        }
}

// Hypotheses from the incident itself.
void TableDiagnosis::AddOwnHypotheses() {
    const std::string name = Short(input_.relation, 80);
    const bool shared = std::any_of(out_.hypotheses.begin(), out_.hypotheses.end(),
                                    [](const Hypothesis& h) { return h.cause == Cause::kSourceLate; });
    if (input_.gone) {
        AddHypothesis(
            Cause::kTableGone, 0.97,
            name + " no longer exists: it was dropped or renamed." +
                (input_.lookalikes.empty()
                     ? ""
                     : " " + Listed(input_.lookalikes) + (input_.lookalikes.size() == 1 ? " has" : " have") +
                           " the same columns."),
            {});
    } else if (input_.failing) {
        AddHypothesis(
            Cause::kCheckFails, 0.7,
            "The check itself fails: a column or a privilege that it needs is missing, or its query is wrong.",
            {});
    } else if (input_.detector == "table_freshness" && shared) {
        return;
    } else if (input_.detector == "table_freshness") {
        const bool alone = input_.tables_of_source > 1;
        AddHypothesis(Cause::kLoadStopped, alone ? 0.75 : 0.65,
                      alone ? "The load of " + name +
                                  " stopped: no other monitored table of the same source is known to be late."
                            : "The load of " + name + " stopped.",
                      {});
    } else if (input_.detector == "table_volume" && input_.direction == "down") {
        // Retention removes old rows step by step; most rows at once are gone for another reason.
        const bool few = input_.observed && input_.baseline && *input_.observed < 0.5 * *input_.baseline;
        const bool stopped = !Near("table_freshness", true).empty() && !few;
        AddHypothesis(
            stopped ? Cause::kLoadStopped : Cause::kRowsRemoved, few ? 0.8 : 0.7,
            input_.observed && *input_.observed == 0
                ? "The table is empty: it was cleared, or a load replaced it by nothing."
            : few     ? "Most rows were deleted, or a load replaced the table by a smaller one."
            : stopped ? "No rows arrive, and fewer are left."
                      : "Rows were deleted, or a load replaced the table by a smaller one: new rows still "
                        "arrive as far as is known.",
            {});
    } else if (input_.detector == "table_volume" && input_.direction == "up") {
        AddHypothesis(Cause::kRowsAdded, 0.6, "A load ran twice, or an import brought many rows at once.",
                      {});
    } else if (input_.detector == "table_volume") {
        AddHypothesis(Cause::kLoadStopped, 0.6,
                      "Nothing is written now: the number of rows no longer changes.", {});
    } else if (input_.detector == "table_schema") {
        AddHypothesis(Cause::kColumnsChanged, 0.9, "The table's definition was changed.", {});
    } else if (input_.detector == "table_replication_lag") {
        AddHypothesis(Cause::kReplicaLate, 0.8, "The standby does not keep up, or lost its connection.", {});
    } else {
        AddHypothesis(
            Cause::kBadRows, 0.6,
            "Rows that break the check came " +
                (input_.last_good ? "after " + FormatMinute(*input_.last_good) : std::string("with a load")) +
                "; a change in what writes them is the likeliest reason.",
            {});
    }
}

// Nothing here reads the table.
void TableDiagnosis::AdviseGone() {
    for (const std::string& other : input_.lookalikes)
        Advise("high", "If " + Short(other, 80) + " took its place, monitor that one.",
               "It has the columns that were accepted for " + Short(input_.relation, 80) + ".",
               Verb("pulse_monitor_table(" + rule::QuoteText(other) + ")"));
    Advise("medium", "If it was dropped on purpose, end its monitoring.", "Its checks cannot succeed again.",
           Verb("pulse_unmonitor_table(" + rule::QuoteText(input_.relation) + ")"));
    Advise("low", "If it will be back, open a maintenance window.", "Checks continue, but open no incidents.",
           Verb("pulse_mute(" + rule::QuoteText(input_.relation) + ", '2 hours', 'planned')"));
}

void TableDiagnosis::AdviseAll() {
    const std::string& relation = input_.relation;
    const Cause best = out_.hypotheses.front().cause;
    const std::string column = input_.column.empty() ? "" : rule::QuoteName(input_.column);
    if (input_.gone) {
        AdviseGone();
        return;
    }
    if (best == Cause::kReplicaLate)
        Advise("high", "Check replication first.",
               "Data that the replica has not replayed cannot be checked.",
               "SELECT application_name, state, replay_lag FROM pg_stat_replication;");
    if ((best == Cause::kLoadStopped || best == Cause::kSourceLate) && input_.detector == "table_freshness" &&
        !column.empty())
        Advise("high", "Ask the team that loads it; this shows when the last rows arrived.",
               "Late data makes every segment that reads it wrong.",
               "SELECT date_trunc('hour', " + column + ") AS hour, count(*) FROM " + relation + " WHERE " +
                   column + " > '" + FormatMoment(input_.since - 2 * kDay) +
                   "' GROUP BY 1 ORDER BY 1 DESC LIMIT 48;");
    if (input_.detector == "table_volume")
        Advise("high", "Find out who wrote to it, and count its rows.",
               "This shows whether rows were deleted or never arrived.",
               // Of a partitioned table the partitions are counted.
               "SELECT t.relid::regclass AS part, s.n_tup_ins, s.n_tup_del, s.last_autovacuum FROM "
               "pg_partition_tree(" +
                   rule::QuoteText(relation) +
                   "::regclass) AS t JOIN pg_stat_user_tables AS s ON s.relid = t.relid WHERE t.isleaf "
                   "ORDER BY s.n_tup_ins + s.n_tup_del DESC LIMIT 20;");
    if (best == Cause::kColumnsChanged || input_.detector == "table_schema")
        Advise(
            input_.detector == "table_schema" ? "medium" : "high",
            "If the change was intended, accept the columns as they are.",
            "The check then compares with them.",
            input_.detector == "table_schema"
                ? Verb("pulse_resolve_incident(" + std::to_string(input_.incident) + ", new_normal => true)")
                : "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE "
                  "table_schema || '.' || table_name = " +
                      rule::QuoteText(relation) + ";");
    if (best == Cause::kBadRows && !column.empty())
        Advise("high", "Inspect the bad rows.", "They show where the problem comes from.",
               input_.detector == "table_null_rate"
                   ? "SELECT * FROM " + relation + " WHERE " + column + " IS NULL LIMIT 20;"
                   : "SELECT " + column + ", count(*) FROM " + relation +
                         " GROUP BY 1 ORDER BY 2 DESC LIMIT 20;");
    if (best == Cause::kCheckFails)
        Advise("high", "Read the check's message, then change or remove the check.",
               "Until then this check reports nothing about the table.",
               "SELECT kind, attribute, settings, last_message FROM pulse.monitor_check WHERE last_status = "
               "'error';");
    if (input_.detector == "table_volume" && best != Cause::kReplicaLate)
        Advise("low", "If the new number of rows is right, accept it.", "Its history restarts from there.",
               Verb("pulse_resolve_incident(" + std::to_string(input_.incident) + ", new_normal => true)"));
    Advise("low", "If this is planned work, open a maintenance window.",
           "Checks continue, but open no incidents.",
           Verb("pulse_mute(" + rule::QuoteText(relation) + ", '2 hours', 'planned')"));
}

Diagnosis TableDiagnosis::Make() {
    out_.incident = input_.incident;
    out_.table = input_.relation;
    std::string detector = input_.detector;
    std::replace(detector.begin(), detector.end(), '_', ' ');
    out_.title = Short(input_.relation, 80) + (input_.source.empty() ? "" : " of " + Short(input_.source)) +
                 ", " + detector + (input_.attribute.empty() ? "" : " of " + Short(input_.attribute, 40)) +
                 " (" + input_.severity + ", " + input_.status + ")";
    Tell();
    AddConcurrentIncidentHypotheses();
    AddOwnHypotheses();
    std::stable_sort(out_.hypotheses.begin(), out_.hypotheses.end(),
                     [](const Hypothesis& a, const Hypothesis& b) { return a.confidence > b.confidence; });
    // A better hypothesis lowers the confidence of the next ones.
    double left = 1;
    for (Hypothesis& hypothesis : out_.hypotheses) {
        hypothesis.confidence *= left;
        left *= 1 - 0.6 * hypothesis.confidence;
    }
    AdviseAll();
    std::sort(out_.related.begin(), out_.related.end());
    out_.related.erase(std::unique(out_.related.begin(), out_.related.end()), out_.related.end());
    if (!out_.related.empty())
        out_.shared_cause = out_.hypotheses.front().cause == Cause::kSourceLate
                                ? (input_.source.empty() ? "the loads of several tables"
                                                         : "the loads of server " + Short(input_.source, 60))
                                : TableName(input_.relation, input_.source);
    return std::move(out_);
}

}  // namespace

std::string TableName(const std::string& relation, const std::string& server) {
    return "table " + Short(relation, 80) + (server.empty() ? "" : " of server " + Short(server, 60));
}

Diagnosis DiagnoseTable(const TableDiagnosisInput& input) {
    return TableDiagnosis(input).Make();
}

}  // namespace pulse::diagnosis
